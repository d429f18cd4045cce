package im

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// How many members to ask for in one call: of a page IM recommends 100 and refuses more
// than 200, of chosen ones it takes 50.
// Source: https://cloud.tencent.com/document/product/269/1617, https://cloud.tencent.com/document/product/269/112002
const (
	membersPage    = 100
	maxMemberBatch = 50
)

const opMembers = "get_group_member_info"

// Members implements deliver.Directory with get_group_member_info, one call a page. A
// topic has the members of its community. Who joins or leaves between two pages may be
// told twice or not at all.
//
// Source: https://cloud.tencent.com/document/product/269/1617
func (c *Client) Members(ctx context.Context, group fact.GroupID, typ fact.GroupType, page string) ([]notify.Member, string, error) {
	id := communityOf(group)
	if id == "" || live(string(typ)) {
		return nil, "", fmt.Errorf("im: %s: %w", opMembers, notify.ErrNoGroup)
	}
	at, err := readPage(page, isCommunity(id, typ))
	if err != nil {
		return nil, "", err
	}
	for {
		reply, err := c.call(ctx, "/v4/group_open_http_svc/"+opMembers, at.request(id))
		if api, ok := errors.AsType[*APIError](err); ok && api.TooLarge() && at.limit > 1 {
			at.limit /= 2
			continue
		}
		if err != nil {
			return nil, "", err
		}
		return membersIn(reply), at.next(reply), nil
	}
}

// MembersAmong implements deliver.Directory with get_specified_group_member_info, one
// call for each 50 users. IM leaves out who is not a member. With an error the members
// found so far are returned too.
//
// Source: https://cloud.tencent.com/document/product/269/112002
func (c *Client) MembersAmong(ctx context.Context, group fact.GroupID, users []fact.UserID) ([]notify.Member, error) {
	id := communityOf(group)
	if id == "" {
		return nil, fmt.Errorf("im: get_specified_group_member_info: %w", notify.ErrNoGroup)
	}
	var members []notify.Member
	err := inBatches(users, maxMemberBatch, func(batch []fact.UserID) error {
		reply, err := c.call(ctx, "/v4/group_open_http_svc/get_specified_group_member_info", map[string]any{
			"GroupId": id, "Member_List_Account": batch, "MemberInfoFilter": []string{"Role", "MsgFlag"},
		})
		if err != nil {
			return err
		}
		asked := setOf(batch)
		for _, m := range membersIn(reply) {
			if asked[m.User] {
				members = append(members, m)
			}
		}
		return nil
	})
	return members, err
}

func membersIn(reply object) []notify.Member {
	var members []notify.Member
	for _, o := range reply.objects("MemberList") {
		user := fact.UserID(o.optionalID("Member_Account"))
		// That is how get_role_in_group tells of others.
		// Source: https://cloud.tencent.com/document/product/269/1626
		if user == "" || reserved(user) || word(o, "Role") == "NotMember" {
			continue
		}
		m := notify.Member{User: user}
		m.Muted, m.MentionsOnly = wants(word(o, "MsgFlag"))
		members = append(members, m)
	}
	return members
}

// wants reads a MsgFlag. What it ends in says when its beginning does not hold. Flags of
// which we have not heard, and none, are taken for AcceptAndNotify: the rules decide.
// NotReceiveMsgExceptAt is from the SDK's typings (lite-chat 4.2.1).
// Source: https://www.tencentcloud.com/document/product/1047/34948
func wants(flag string) (muted, mentionsOnly bool) {
	rest, mentionsOnly := strings.CutSuffix(flag, "ExceptAt")
	switch rest {
	case "AcceptNotNotify", "Discard", "NotReceiveMsg":
		return !mentionsOnly, mentionsOnly
	}
	return false, mentionsOnly
}

// word: IM's examples have blanks behind some values.
func word(o object, name string) string { return strings.TrimSpace(o.str(name)) }

// A memberPage is where a page of members begins.
type memberPage struct {
	community bool
	limit     int    // how many members; fewer once their reply was too large
	from      string // the Next of a community, else how many come before
}

// request: communities know no Offset.
func (p memberPage) request(group fact.GroupID) map[string]any {
	q := map[string]any{"GroupId": group, "MemberInfoFilter": []string{"MsgFlag"}, "Limit": p.limit}
	if p.community {
		q["Next"] = p.from
	} else {
		q["Offset"] = p.offset()
	}
	return q
}

func (p memberPage) offset() int {
	n, _ := strconv.Atoi(p.from)
	return n
}

// next returns the page behind the one that reply holds, or "" if that was the last.
func (p memberPage) next(reply object) string {
	if p.community {
		next := reply.id("Next")
		if next == "" || next == p.from || idProblem(next) != "" { // nothing that could be sent back
			return ""
		}
		return fmt.Sprintf("%d %s", p.limit, next)
	}
	list, _ := reply["MemberList"].([]any)
	got := len(list) // also those of whom nothing can be read
	next := p.offset() + got
	all, told := reply.integer("MemberNum")
	if got == 0 || told && int64(next) >= all || !told && got < p.limit {
		return ""
	}
	return fmt.Sprintf("%d %d", p.limit, next)
}

func readPage(page string, community bool) (memberPage, error) {
	p := memberPage{community: community, limit: membersPage}
	if page == "" {
		return p, nil
	}
	limit, from, _ := strings.Cut(page, " ")
	n, err := strconv.Atoi(limit)
	if err != nil || n < 1 || n > membersPage || idProblem(from) != "" {
		return p, errPage
	}
	p.limit, p.from = n, from
	if offset, err := strconv.Atoi(from); !community && (err != nil || offset < 0) {
		return p, errPage
	}
	return p, nil
}

var errPage = errors.New("im: " + opMembers + ": page is none that Members has returned for this type of group")
