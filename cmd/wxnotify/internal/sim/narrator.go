package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// maxTexts is how many messages are remembered.
const maxTexts = 10_000

// us is the actor of what the functions do.
const us = "wxnotify"

// A narrator puts facts and steps into words. It remembers what messages say and who came
// or went when, because steps do not tell. It is safe for concurrent use.
type narrator struct {
	mu       sync.Mutex
	rules    notify.Rules
	names    map[fact.MessageID]Words // how to speak of them
	calls    map[fact.MessageID]bool  // those of them that are calls
	signal   map[fact.MessageID]bool  // messages that only carry the news of a call
	heard    map[string]bool          // facts without a memory elsewhere
	waiting  map[fact.UserID]map[fact.MessageID]bool
	told     map[fact.UserID]bool            // since they were last seen
	presence map[fact.UserID][]fact.Presence // oldest first
}

func newNarrator(rules notify.Rules) *narrator {
	return &narrator{
		rules:    rules,
		names:    map[fact.MessageID]Words{},
		calls:    map[fact.MessageID]bool{},
		signal:   map[fact.MessageID]bool{},
		heard:    map[string]bool{},
		waiting:  map[fact.UserID]map[fact.MessageID]bool{},
		told:     map[fact.UserID]bool{},
		presence: map[fact.UserID][]fact.Presence{},
	}
}

// goBy has later sentences speak of other rules.
func (n *narrator) goBy(rules notify.Rules) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rules = rules
}

// learn remembers what later sentences need of a fact.
func (n *narrator) learn(f fact.Fact) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.names) >= maxTexts {
		clear(n.names)
		clear(n.calls)
		clear(n.heard)
	}
	switch {
	case f.Message != nil:
		n.names[f.Message.ID] = quoted(f.Message.Summary)
		if !f.Message.ByREST {
			n.told[f.Message.From] = false
		}
	case f.GroupMessage != nil:
		n.names[f.GroupMessage.ID()] = quoted(f.GroupMessage.Summary)
	case f.Ring != nil:
		n.names[f.Ring.Call], n.calls[f.Ring.Call] = say("a call", "一通来电"), true
		if f.Ring.Caller != "" {
			n.names[f.Ring.Call] = say("the call of %s", "%s 的来电", f.Ring.Caller)
		}
	case f.Read != nil:
		n.told[f.Read.Reader] = false
	case f.Presence != nil:
		p := *f.Presence
		if p.Online {
			n.told[p.User] = false
		}
		all := append(n.presence[p.User], p)
		slices.SortStableFunc(all, func(a, b fact.Presence) int { return a.At.Compare(b.At) })
		n.presence[p.User] = all[max(0, len(all)-100):]
	}
}

// signals notes that a message only carries the news of a call. Its end is not told.
func (n *narrator) signals(id fact.MessageID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.signal) >= maxTexts {
		clear(n.signal)
	}
	n.signal[id] = true
}

// quoted is how to speak of a message that says text.
func quoted(text string) Words {
	if text == "" {
		return aMessage
	}
	return say(`"%s"`, "“%s”", short(text))
}

var aMessage = say("a message", "一条消息")

// news reports whether a fact about a call or a group is told for the first time.
func (n *narrator) news(f fact.Fact) bool {
	var key string
	switch {
	case f.GroupMessage != nil:
		key = string(f.GroupMessage.ID())
	case f.GroupRecall != nil:
		key = fmt.Sprint("recall ", f.GroupRecall.Group, f.GroupRecall.Seqs)
	case f.Ring != nil:
		key = fmt.Sprint("ring ", f.Ring.Call, f.Ring.Users)
	case f.RingEnd != nil:
		key = fmt.Sprint("end ", f.RingEnd.Call, f.RingEnd.Users, f.RingEnd.How)
	default:
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.heard[key]
	n.heard[key] = true
	return !known
}

// online reports what was last said of user at that time.
func (n *narrator) online(user fact.UserID, at time.Time) bool {
	online := false
	for _, p := range n.presence[user] {
		if p.At.After(at) {
			break
		}
		online = p.Online
	}
	return online
}

// fact tells what somebody did. name returns how the person with an openid is called.
func (n *narrator) fact(f fact.Fact, name func(fact.OpenID) string) line {
	switch {
	case f.Message != nil:
		return message(*f.Message)
	case f.GroupMessage != nil:
		return groupMessage(*f.GroupMessage)
	case f.GroupRecall != nil:
		return line{actor: "IM", text: say("tells that the group %[2]s has lost %[1]s: taken back", "告知：群 %[2]s 撤回了%[1]s", n.groupSubject(*f.GroupRecall), f.GroupRecall.Group)}
	case f.Ring != nil:
		return line{actor: actor(f.Ring.Caller), text: say("calls %s: it rings for %s", "呼叫 %s，响铃 %s", joined(f.Ring.Users), seconds(f.Ring.For))}
	case f.RingEnd != nil:
		return ringEnd(*f.RingEnd)
	case f.Read != nil:
		return line{actor: string(f.Read.Reader), text: say("has read what %s wrote", "读了 %s 发来的消息", f.Read.Peer)}
	case f.Recall != nil:
		return line{actor: string(f.Recall.From), text: say("takes back %s", "撤回了%s", n.named(f.Recall.ID))}
	case f.Presence != nil && f.Presence.Online:
		return line{actor: string(f.Presence.User), text: say("comes online", "上线了")}
	case f.Presence != nil:
		return line{actor: string(f.Presence.User), text: say("leaves, and IM has noticed", "离开了，IM 已察觉")}
	}
	return n.wechatFact(f, name)
}

// wechatFact tells what WeChat pushed.
func (n *narrator) wechatFact(f fact.Fact, name func(fact.OpenID) string) line {
	switch {
	case f.Grant != nil:
		return line{actor: name(f.Grant.OpenID), text: say(`taps "Allow": one more permit`, "点了“允许”：多一次授权次数")}
	case f.Refusal != nil:
		return line{actor: name(f.Refusal.OpenID), text: say(`taps "Refuse": they are not asked again for days`, "点了“拒绝”：几天内不再询问")}
	case f.Revoke != nil:
		return line{actor: name(f.Revoke.OpenID), text: say("switches these cards off: no permit is left", "关闭了这类提醒：授权次数清零")}
	case f.Sent != nil && f.Sent.Failed == "":
		return line{actor: "WeChat", text: say("reports that the card for %s has arrived", "回报：给 %s 的提醒已送达", name(f.Sent.OpenID))}
	case f.Sent != nil:
		return line{actor: "WeChat", mood: bad, text: say("reports that the card for %s has not arrived (%s)", "回报：给 %s 的提醒没有送达（%s）", name(f.Sent.OpenID), f.Sent.Failed)}
	case f.Erase != nil:
		return line{actor: name(f.Erase.OpenID), text: say("wants to be forgotten: binding, permits and history are erased", "要求清除数据：绑定、授权次数和记录都被删除")}
	}
	return line{}
}

func message(m fact.Message) line {
	l := line{actor: string(m.From), text: say("writes to %s: %q", "发给 %s：“%s”", m.To, short(m.Summary))}
	switch {
	case m.FailedCode != 0:
		l.text = say("writes to %s, but IM does not deliver it (code %d)", "发给 %s，但 IM 没有投递（错误码 %d）", m.To, m.FailedCode)
	case m.Silent:
		l.text = say("sends %s a signal, with nothing in it to read", "给 %s 发了一条信令，没有可阅读的内容", m.To)
	}
	return l
}

func groupMessage(m fact.GroupMessage) line {
	l := line{actor: string(m.From), text: say("writes to the group %s: %s", "在群 %s 里说：%s", m.Group, quoted(m.Summary))}
	switch {
	case m.FailedCode != 0:
		l.text = say("writes to the group %s, but IM does not deliver it (code %d)", "发到群 %s，但 IM 没有投递（错误码 %d）", m.Group, m.FailedCode)
	case m.Silent:
		l.text = say("sends the group %s a signal, with nothing in it to read", "给群 %s 发了一条信令，没有可阅读的内容", m.Group)
	case m.AtAll:
		l.text = l.text.and(say(", and mentions everybody", "，并 @所有人"))
	case len(m.At) > 0:
		l.text = l.text.and(say(", and mentions %s", "，并 @ %s", joined(m.At)))
	}
	return l
}

func ringEnd(e fact.RingEnd) line {
	users := joined(e.Users)
	switch e.How {
	case fact.CallAnswered:
		return line{actor: users, text: say("answers the call", "接听了来电")}
	case fact.CallRejected:
		return line{actor: users, text: say("declines the call", "拒接了来电")}
	case fact.CallBusy:
		return line{actor: users, text: say("is in another call", "正在另一通电话中")}
	case fact.CallCancelled:
		return line{actor: actor(e.Caller), text: say("gives up calling %s", "取消了对 %s 的呼叫", users)}
	case fact.CallTimedOut:
		return line{actor: "IM", text: say("tells that the call to %s was not answered", "告知：呼叫 %s 无人接听", users)}
	}
	return line{actor: "IM", text: say("tells that the call to %s is over", "告知：与 %s 的通话已结束", users)}
}

// actor is who does something; IM does not always tell.
func actor(user fact.UserID) string {
	if user == "" {
		return "somebody"
	}
	return string(user)
}

func joined(users []fact.UserID) string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = string(u)
	}
	return strings.Join(names, ", ")
}

// short clips what somebody wrote.
func short(s string) string { return term.Clip(term.Visible(s), 40) }

// named names a message.
func (n *narrator) named(id fact.MessageID) Words {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.subject([]fact.MessageID{id})
}

func (n *narrator) groupSubject(r fact.GroupRecall) Words {
	ids := make([]fact.MessageID, len(r.Seqs))
	for i, seq := range r.Seqs {
		ids[i] = fact.GroupMessageID(r.Group, seq)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.subject(ids)
}

// subject names messages.
func (n *narrator) subject(ids []fact.MessageID) Words {
	if len(ids) != 1 {
		return say("%d messages", "%d 条消息", len(ids))
	}
	return cmp.Or(n.names[ids[0]], aMessage)
}
