package simulator

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Limits per call.
const (
	maxMembersPage = 200
	maxSpecified   = 50
	maxGroups      = 50
)

type memberInfo struct {
	User string `json:"Member_Account"`
	Role string `json:"Role"`
	Seq  int    `json:"MsgSeq"` // the last one read
	Flag string `json:"MsgFlag"`
}

func (g *group) info(user string) memberInfo {
	mem := g.members[user]
	return memberInfo{user, mem.role, mem.read, mem.flag}
}

// groupMembers is get_group_member_info. Communities page with Next, other groups
// with Offset; live groups have no list.
// Source: https://cloud.tencent.com/document/product/269/1617
func (m *IM) groupMembers(body []byte) answer {
	var q struct {
		Group  string  `json:"GroupId"`
		Limit  int     `json:"Limit"`
		Offset int     `json:"Offset"`
		Next   *string `json:"Next"`
	}
	if json.Unmarshal(body, &q) != nil || q.Limit < 0 || q.Limit > maxMembersPage || q.Offset < 0 {
		return m.fail(10004)
	}
	m.w.lock()
	defer m.w.unlock()
	g, ok := m.groups[q.Group]
	switch {
	case !ok:
		return m.fail(10015)
	case g.kind == GroupLive, g.kind == GroupCommunity && q.Offset > 0:
		return m.fail(10004)
	}
	from := q.Offset
	if g.kind == GroupCommunity && q.Next != nil && *q.Next != "" {
		n, err := strconv.Atoi(*q.Next)
		if err != nil || n < 0 {
			return m.fail(10004)
		}
		from = n
	}
	from = min(from, len(g.order))
	to := len(g.order)
	if q.Limit > 0 {
		to = min(to, from+q.Limit)
	}
	out := struct {
		restHead
		Num     int          `json:"MemberNum"`
		Members []memberInfo `json:"MemberList"`
		Next    *string      `json:"Next,omitempty"`
	}{restHead: restOK, Num: len(g.order), Members: []memberInfo{}}
	for _, user := range g.order[from:to] {
		out.Members = append(out.Members, g.info(user))
	}
	if g.kind == GroupCommunity {
		next := ""
		if to < len(g.order) {
			next = strconv.Itoa(to)
		}
		out.Next = &next
	}
	return m.say(restOK, out)
}

// specifiedMembers is get_specified_group_member_info; it leaves out who is not in
// the group.
// Source: https://cloud.tencent.com/document/product/269/112002
func (m *IM) specifiedMembers(body []byte) answer {
	var q struct {
		Group string   `json:"GroupId"`
		Users []string `json:"Member_List_Account"`
	}
	if json.Unmarshal(body, &q) != nil || len(q.Users) == 0 || len(q.Users) > maxSpecified {
		return m.fail(10004)
	}
	m.w.lock()
	defer m.w.unlock()
	g, ok := m.groups[q.Group]
	if !ok {
		return m.fail(10015)
	}
	members := []memberInfo{}
	for _, user := range q.Users {
		if _, ok := g.members[user]; ok {
			members = append(members, g.info(user))
		}
	}
	return m.say(restOK, struct {
		restHead
		Members []memberInfo `json:"MemberList"`
	}{restOK, members})
}

// groupInfo is get_group_info; each group has a code of its own.
// Source: https://cloud.tencent.com/document/product/269/1616
func (m *IM) groupInfo(body []byte) answer {
	var q struct {
		Groups []string `json:"GroupIdList"`
	}
	if json.Unmarshal(body, &q) != nil || len(q.Groups) == 0 || len(q.Groups) > maxGroups {
		return m.fail(10004)
	}
	type item struct {
		Group   string `json:"GroupId"`
		Code    int    `json:"ErrorCode"`
		Info    string `json:"ErrorInfo"`
		Type    string `json:"Type,omitempty"`
		Name    string `json:"Name,omitempty"`
		Owner   string `json:"Owner_Account,omitempty"`
		NextSeq int    `json:"NextMsgSeq,omitempty"`
		Num     int    `json:"MemberNum,omitempty"`
	}
	m.w.lock()
	defer m.w.unlock()
	var items []item
	for _, id := range q.Groups {
		g, ok := m.groups[id]
		if !ok {
			items = append(items, item{Group: id, Code: 10015, Info: errorText(10015)})
			continue
		}
		it := item{Group: id, Type: g.kind, Name: g.name, NextSeq: g.seq + 1, Num: len(g.order)}
		if i := slices.IndexFunc(g.order, func(u string) bool { return g.members[u].role == "Owner" }); i >= 0 {
			it.Owner = g.order[i]
		}
		items = append(items, it)
	}
	return m.say(restOK, struct {
		restHead
		Items []item `json:"GroupInfo"`
	}{restOK, items})
}
