package simulator

import (
	"encoding/json"
)

// Limits of accounts per call.
const (
	maxStatusAccounts   = 500
	maxPortraitAccounts = 100
	maxUnreadPeers      = 10
)

type accountError struct {
	To   string `json:"To_Account"`
	Code int    `json:"ErrorCode"`
}

// queryOnlineStatus answers in no particular order, as the documents promise none.
// Source: https://cloud.tencent.com/document/product/269/2566
func (m *IM) queryOnlineStatus(body []byte) answer {
	var q struct {
		To []any `json:"To_Account"`
	}
	if json.Unmarshal(body, &q) != nil || len(q.To) == 0 {
		return m.fail(90001)
	}
	if len(q.To) > maxStatusAccounts {
		return m.fail(90011)
	}
	type item struct {
		To     string `json:"To_Account"`
		Status Status `json:"Status"`
	}
	var out struct {
		restHead
		Result []item         `json:"QueryResult,omitempty"`
		Errors []accountError `json:"ErrorList,omitempty"`
	}
	m.w.lock()
	defer m.w.unlock()
	for _, v := range q.To {
		user, ok := v.(string)
		if !ok {
			return m.fail(90003)
		}
		a, known := m.accounts[user]
		if !known {
			m.note(EventAsked, user, "", "unknown account", "")
			out.Errors = append(out.Errors, accountError{user, 70107})
			continue
		}
		it := item{To: user, Status: a.status()}
		m.note(EventAsked, user, "", string(it.Status), "")
		out.Result = append(out.Result, it)
	}
	m.w.rnd.shuffle(len(out.Result), func(i, j int) {
		out.Result[i], out.Result[j] = out.Result[j], out.Result[i]
	})
	out.restHead = restOK
	if len(out.Result) == 0 {
		out.restHead = restFail(70107)
	}
	return m.say(out.restHead, out)
}

// unreadMsgNum is get_c2c_unread_msg_num.
// Source: https://cloud.tencent.com/document/product/269/56043
func (m *IM) unreadMsgNum(body []byte) answer {
	var q struct {
		To    string   `json:"To_Account"`
		Peers []string `json:"Peer_Account"`
	}
	if json.Unmarshal(body, &q) != nil || q.To == "" {
		return m.fail(90001)
	}
	if len(q.Peers) > maxUnreadPeers {
		return m.fail(90011)
	}
	type item struct {
		Peer   string `json:"Peer_Account"`
		Unread int    `json:"C2CUnreadMsgNum"`
	}
	type fault struct {
		Peer string `json:"Peer_Account"`
		Code int    `json:"ErrorCode"`
	}
	m.w.lock()
	defer m.w.unlock()
	a, ok := m.accounts[q.To]
	if !ok {
		return m.fail(70107)
	}
	if len(q.Peers) == 0 {
		return m.say(restOK, struct {
			restHead
			All int `json:"AllC2CUnreadMsgNum"`
		}{restOK, a.unread()})
	}
	var items []item
	var faults []fault
	for _, peer := range q.Peers {
		if _, ok := m.accounts[peer]; !ok {
			faults = append(faults, fault{peer, 70107})
			continue
		}
		items = append(items, item{peer, a.talk(peer).unread})
	}
	return m.say(restOK, struct {
		restHead
		Items  []item  `json:"C2CUnreadMsgNumList"`
		Faults []fault `json:"ErrorList,omitempty"`
	}{restOK, items, faults})
}

// portraitGet knows the nickname and the picture.
// Source: https://cloud.tencent.com/document/product/269/1639
func (m *IM) portraitGet(body []byte) answer {
	var q struct {
		To   []string `json:"To_Account"`
		Tags []string `json:"TagList"`
	}
	if json.Unmarshal(body, &q) != nil || len(q.To) == 0 || len(q.Tags) == 0 {
		return m.fail(40001)
	}
	if len(q.To) > maxPortraitAccounts {
		return m.fail(40001)
	}
	type tag struct {
		Tag   string `json:"Tag"`
		Value string `json:"Value"`
	}
	type item struct {
		To   string `json:"To_Account"`
		Tags []tag  `json:"ProfileItem,omitempty"`
		Code int    `json:"ResultCode"`
		Info string `json:"ResultInfo"`
	}
	m.w.lock()
	defer m.w.unlock()
	var items []item
	var failed []string
	for _, user := range q.To {
		a, ok := m.accounts[user]
		if !ok {
			items = append(items, item{To: user, Code: 40003, Info: "no such account"})
			failed = append(failed, user)
			continue
		}
		it := item{To: user}
		for _, name := range q.Tags {
			value := map[string]string{"Tag_Profile_IM_Nick": a.nick, "Tag_Profile_IM_Image": a.face}[name]
			if value != "" {
				it.Tags = append(it.Tags, tag{name, value})
			}
		}
		items = append(items, it)
	}
	return m.say(restOK, struct {
		Items   []item   `json:"UserProfileItem"`
		Failed  []string `json:"Fail_Account,omitempty"`
		Display string   `json:"ErrorDisplay"`
		restHead
	}{items, failed, "", restOK})
}
