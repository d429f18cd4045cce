package im_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

// fakeGroup answers get_group_member_info for a group of the given size, as IM does:
// by Offset, or by Next in a community. Replies of more than most members are too large.
type fakeGroup struct {
	t         *testing.T
	id        string
	members   int
	community bool
	most      int
	limits    []int // that were asked for
}

func (g *fakeGroup) answer(_ int, path string, request []byte) (int, string) {
	var q struct {
		GroupId string
		Filter  []string `json:"MemberInfoFilter"`
		Limit   int
		Offset  *int
		Next    *string
	}
	if err := json.Unmarshal(request, &q); err != nil || path != "/v4/group_open_http_svc/get_group_member_info" || q.GroupId != g.id ||
		!slices.Equal(q.Filter, []string{"MsgFlag"}) || (q.Next != nil) != g.community || (q.Offset != nil) == g.community {
		g.t.Errorf("asked %s %s: %v", path, request, err)
		return 200, `{"ErrorCode":10004}`
	}
	g.limits = append(g.limits, q.Limit)
	if g.most > 0 && q.Limit > g.most {
		return 200, `{"ErrorCode":10018,"ActionStatus":"FAIL"}`
	}
	from := 0
	if g.community && *q.Next != "" {
		fmt.Sscanf(*q.Next, "n%d", &from)
	} else if !g.community {
		from = *q.Offset
	}
	to := min(g.members, from+q.Limit)
	var list []string
	for i := from; i < to; i++ {
		flag := []string{"AcceptAndNotify", "AcceptNotNotify ", "Discard"}[i%3]
		list = append(list, fmt.Sprintf(`{"Member_Account":"%d","MsgFlag":%q}`, i, flag))
	}
	next := ""
	if g.community && to < g.members {
		next = fmt.Sprintf(`,"Next":"n%d"`, to)
	} else if g.community {
		next = `,"Next":""`
	} else {
		next = fmt.Sprintf(`,"MemberNum":%d`, g.members)
	}
	return 200, `{"ErrorCode":0,"MemberList":[` + strings.Join(list, ",") + `]` + next + `}`
}

// all asks for pages until there is none.
func all(t *testing.T, c *im.Client, group fact.GroupID, typ fact.GroupType) (members []notify.Member, pages int) {
	t.Helper()
	page := ""
	for {
		some, next, err := c.Members(t.Context(), group, typ, page)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, some...)
		if pages++; next == "" || pages > 100 {
			return members, pages
		}
		page = next
	}
}

func TestMembers(t *testing.T) {
	for _, c := range []struct {
		name   string
		group  fact.GroupID
		typ    fact.GroupType
		fake   fakeGroup
		pages  int
		limits []int
	}{
		{"nobody", "g", fact.GroupPublic, fakeGroup{id: "g"}, 1, []int{100}},
		{"one page", "g", fact.GroupPrivate, fakeGroup{id: "g", members: 99}, 1, []int{100}},
		{"just one page", "g", fact.GroupChatRoom, fakeGroup{id: "g", members: 100}, 1, []int{100}},
		{"three pages", "@TGS#2J4SZEAEL", fact.GroupPublic, fakeGroup{id: "@TGS#2J4SZEAEL", members: 250}, 3, []int{100, 100, 100}},
		{"a type to come", "g", "Festival", fakeGroup{id: "g", members: 101}, 2, []int{100, 100}},
		{"community", "c", fact.GroupCommunity, fakeGroup{id: "c", members: 250, community: true}, 3, []int{100, 100, 100}},
		{"community by its id", "@TGS#_c", "", fakeGroup{id: "@TGS#_c", members: 120, community: true}, 2, []int{100, 100}},
		{"topic", "@TGS#_c@TOPIC#_t", fact.GroupCommunity, fakeGroup{id: "@TGS#_c", members: 120, community: true}, 2, []int{100, 100}},
		{"large replies", "g", fact.GroupPublic, fakeGroup{id: "g", members: 60, most: 30}, 3, []int{100, 50, 25, 25, 25}},
		{"large replies of a community", "c", fact.GroupCommunity, fakeGroup{id: "c", members: 60, most: 30, community: true}, 3, []int{100, 50, 25, 25, 25}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.fake.t = t
			got, pages := all(t, served(t, &fakeIM{t: t, answer: c.fake.answer}), c.group, c.typ)
			var want []notify.Member
			for i, user := range many[fact.UserID](c.fake.members) {
				want = append(want, notify.Member{User: user, Muted: i%3 != 0})
			}
			if diff := cmp.Diff(want, got); diff != "" || pages != c.pages {
				t.Errorf("%d pages, want %d\n%s", pages, c.pages, diff)
			}
			if diff := cmp.Diff(c.limits, c.fake.limits); diff != "" {
				t.Errorf("limits: %s", diff)
			}
		})
	}
}

func TestMemberFlags(t *testing.T) {
	var flag string
	f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) {
		return 200, `{"ErrorCode":0,"MemberNum":1,"MemberList":[{"Member_Account":"a"` + flag + `}]}`
	}}
	c := served(t, f)
	for written, want := range map[string]notify.Member{
		`"AcceptAndNotify"`: {}, `"AcceptAndNotify "`: {}, `"AcceptNotNotify"`: {Muted: true}, `"Discard"`: {Muted: true}, `"NotReceiveMsg"`: {Muted: true},
		`"AcceptNotNotifyExceptAt"`: {MentionsOnly: true}, `"NotReceiveMsgExceptAt"`: {MentionsOnly: true}, `"DiscardExceptAt "`: {MentionsOnly: true},
		`"SomethingNew"`: {}, `"SomethingNewExceptAt"`: {MentionsOnly: true}, `""`: {}, `null`: {}, `7`: {},
	} {
		flag = `,"MsgFlag":` + written
		want.User = "a"
		page, _, err := c.Members(t.Context(), "g", fact.GroupPublic, "")
		if diff := cmp.Diff([]notify.Member{want}, page); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", written, err, diff)
		}
		among, err := c.MembersAmong(t.Context(), "g", []fact.UserID{"a"})
		if diff := cmp.Diff(page, among); diff != "" || err != nil {
			t.Errorf("%s, asked by name: %v\n%s", written, err, diff)
		}
	}
}

// TestMembersEnd: whatever a reply says, paging comes to an end.
func TestMembersEnd(t *testing.T) {
	for name, reply := range map[string]string{
		"empty page":                  `{"ErrorCode":0,"MemberNum":500,"MemberList":[]}`,
		"short page without a number": `{"ErrorCode":0,"MemberList":[{"Member_Account":"a"},7,{"Member_Account":""},{"Member_Account":"@RBT#1"},{"Member_Account":"b","Role":"NotMember"}]}`,
		"nothing":                     `{"ErrorCode":0}`,
		"Next stands still":           `{"ErrorCode":0,"Next":"7","MemberList":[{"Member_Account":"a"}]}`,
		"Next is no text":             `{"ErrorCode":0,"Next":{},"MemberList":[{"Member_Account":"a"}]}`,
	} {
		f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, reply }}
		typ := fact.GroupPublic
		if strings.Contains(reply, "Next") {
			typ = fact.GroupCommunity
		}
		members, pages := all(t, served(t, f), "g", typ)
		for _, m := range members {
			if m.User != "a" {
				t.Errorf("%s: member %q", name, m.User)
			}
		}
		if pages > 2 {
			t.Errorf("%s: %d pages", name, pages)
		}
	}
}

func TestMembersRefuses(t *testing.T) {
	fail := func(code int) func(int, string, []byte) (int, string) { return always(code, "no") }
	for _, c := range []struct {
		name  string
		group fact.GroupID
		typ   fact.GroupType
		page  string
		reply func(int, string, []byte) (int, string)
		none  bool // ErrNoGroup
		calls int
	}{
		{"live", "g", "AVChatRoom", "", nil, true, 0},
		{"live room", "g", "Live", "", nil, true, 0},
		{"lost topic", "@TOPIC#_t", fact.GroupCommunity, "", nil, true, 0},
		{"no id", "", fact.GroupPublic, "", nil, true, 0},
		{"dissolved", "g", fact.GroupPublic, "", fail(10010), true, 1},
		{"bad id", "g", fact.GroupPublic, "", fail(10015), true, 1},
		{"bad parameter", "g", fact.GroupPublic, "", fail(10004), false, 1},
		{"too large even for one", "g", fact.GroupPublic, "", fail(10018), false, 7},
		{"page of words", "g", fact.GroupPublic, "x y", nil, false, 0},
		{"page without a place", "g", fact.GroupPublic, "100", nil, false, 0},
		{"page of none", "g", fact.GroupPublic, "0 100", nil, false, 0},
		{"page too large", "g", fact.GroupPublic, "101 100", nil, false, 0},
		{"page before the first", "g", fact.GroupPublic, "100 -1", nil, false, 0},
		{"page of a community", "g", fact.GroupPublic, "100 n100", nil, false, 0},
		{"page with a control character", "g", fact.GroupCommunity, "100 a\nb", nil, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeIM{t: t, answer: c.reply}
			members, next, err := served(t, f).Members(t.Context(), c.group, c.typ, c.page)
			if err == nil || errors.Is(err, notify.ErrNoGroup) != c.none || len(members) > 0 || next != "" || f.calls() != c.calls ||
				!strings.HasPrefix(err.Error(), "im: get_group_member_info: ") {
				t.Errorf("%v, next %q, %v after %d calls; want ErrNoGroup: %t after %d", members, next, err, f.calls(), c.none, c.calls)
			}
		})
	}
}

// TestMembersBehindABadPage: a page is counted by its items, whatever can be read of them.
func TestMembersBehindABadPage(t *testing.T) {
	f := &fakeIM{t: t}
	f.answer = func(n int, _ string, _ []byte) (int, string) {
		if n == 1 {
			return 200, `{"ErrorCode":0,"MemberNum":4,"MemberList":[null,"x",{}]}`
		}
		return 200, `{"ErrorCode":0,"MemberNum":4,"MemberList":[{"Member_Account":"d"}]}`
	}
	c := served(t, f)
	members, next, err := c.Members(t.Context(), "g", fact.GroupPublic, "")
	if len(members) != 0 || next == "" || err != nil {
		t.Fatalf("%v, next %q, %v", members, next, err)
	}
	members, next, err = c.Members(t.Context(), "g", fact.GroupPublic, next)
	if len(members) != 1 || next != "" || err != nil || !strings.Contains(string(f.requests[1]), `"Offset":3`) {
		t.Errorf("%v, next %q, %v, asked %s", members, next, err, f.requests[1])
	}
}

func TestMembersAmong(t *testing.T) {
	f := &fakeIM{t: t, answer: func(_ int, _ string, request []byte) (int, string) {
		if want := `"GroupId":"@TGS#_c"`; !strings.Contains(string(request), want) {
			t.Errorf("asked %s, want %s", request, want)
		}
		return 200, `{"ErrorCode":0,"MemberList":[{"Member_Account":"a","Role":"NotMember"},{"Member_Account":"b","Role":"Owner"}]}`
	}}
	got, err := served(t, f).MembersAmong(t.Context(), "@TGS#_c@TOPIC#_t", []fact.UserID{"a", "b", "c"})
	if diff := cmp.Diff([]notify.Member{{User: "b"}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err = served(t, f).MembersAmong(t.Context(), "@TOPIC#_t", many[fact.UserID](120)); !errors.Is(err, notify.ErrNoGroup) || f.calls() != 1 {
		t.Errorf("of a lost topic: %v after %d more calls", err, f.calls()-1)
	}
	for code, none := range map[int]bool{10010: true, 10015: true, 10007: false} {
		f := &fakeIM{t: t, answer: always(code, "no")}
		got, err := served(t, f).MembersAmong(t.Context(), "g", many[fact.UserID](120))
		if err == nil || errors.Is(err, notify.ErrNoGroup) != none || len(got) != 0 || f.calls() != 1 {
			t.Errorf("%d: %v, %v after %d calls; want ErrNoGroup: %t", code, got, err, f.calls(), none)
		}
	}
}
