package sim

import (
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
	rules notify.Rules

	mu       sync.Mutex
	names    map[fact.MessageID]string // how to speak of them
	calls    map[fact.MessageID]bool   // those of them that are calls
	signal   map[fact.MessageID]bool   // messages that only carry the news of a call
	heard    map[string]bool           // facts without a memory elsewhere
	waiting  map[fact.UserID]map[fact.MessageID]bool
	told     map[fact.UserID]bool            // since they were last seen
	presence map[fact.UserID][]fact.Presence // oldest first
}

func newNarrator(rules notify.Rules) *narrator {
	return &narrator{
		rules:    rules,
		names:    map[fact.MessageID]string{},
		calls:    map[fact.MessageID]bool{},
		signal:   map[fact.MessageID]bool{},
		heard:    map[string]bool{},
		waiting:  map[fact.UserID]map[fact.MessageID]bool{},
		told:     map[fact.UserID]bool{},
		presence: map[fact.UserID][]fact.Presence{},
	}
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
		n.names[f.Ring.Call], n.calls[f.Ring.Call] = "a call", true
		if f.Ring.Caller != "" {
			n.names[f.Ring.Call] = fmt.Sprintf("the call of %s", f.Ring.Caller)
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
func quoted(text string) string {
	if text == "" {
		return "a message"
	}
	return `"` + short(text) + `"`
}

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
		return n.message(*f.Message)
	case f.GroupMessage != nil:
		return groupMessage(*f.GroupMessage)
	case f.GroupRecall != nil:
		return line{actor: "IM", text: fmt.Sprintf("tells that the group %[2]s has lost %[1]s: taken back", n.groupSubject(*f.GroupRecall), f.GroupRecall.Group)}
	case f.Ring != nil:
		return line{actor: actor(f.Ring.Caller), text: fmt.Sprintf("calls %s: it rings for %s", joined(f.Ring.Users), seconds(f.Ring.For))}
	case f.RingEnd != nil:
		return ringEnd(*f.RingEnd)
	case f.Read != nil:
		return line{actor: string(f.Read.Reader), text: fmt.Sprintf("has read what %s wrote", f.Read.Peer)}
	case f.Recall != nil:
		return line{actor: string(f.Recall.From), text: fmt.Sprintf("takes back %s", n.named(f.Recall.ID))}
	case f.Presence != nil && f.Presence.Online:
		return line{actor: string(f.Presence.User), text: "comes online"}
	case f.Presence != nil:
		return line{actor: string(f.Presence.User), text: "leaves, and IM has noticed"}
	case f.Grant != nil:
		return line{actor: name(f.Grant.OpenID), text: `taps "Allow": one more permit`}
	case f.Refusal != nil:
		return line{actor: name(f.Refusal.OpenID), text: `taps "Refuse": they are not asked again for days`}
	case f.Revoke != nil:
		return line{actor: name(f.Revoke.OpenID), text: "switches these cards off: no permit is left"}
	case f.Sent != nil && f.Sent.Failed == "":
		return line{actor: "WeChat", text: fmt.Sprintf("reports that the card for %s has arrived", name(f.Sent.OpenID))}
	case f.Sent != nil:
		return line{actor: "WeChat", mood: bad, text: fmt.Sprintf("reports that the card for %s has not arrived (%s)", name(f.Sent.OpenID), f.Sent.Failed)}
	case f.Erase != nil:
		return line{actor: name(f.Erase.OpenID), text: "wants to be forgotten: binding, permits and history are erased"}
	}
	return line{}
}

func (n *narrator) message(m fact.Message) line {
	l := line{actor: string(m.From), text: fmt.Sprintf("writes to %s: %q", m.To, short(m.Summary))}
	switch {
	case m.FailedCode != 0:
		l.text = fmt.Sprintf("writes to %s, but IM does not deliver it (code %d)", m.To, m.FailedCode)
	case m.Silent:
		l.text = fmt.Sprintf("sends %s a signal, with nothing in it to read", m.To)
	}
	return l
}

func groupMessage(m fact.GroupMessage) line {
	l := line{actor: string(m.From), text: fmt.Sprintf("writes to the group %s: %s", m.Group, quoted(m.Summary))}
	switch {
	case m.FailedCode != 0:
		l.text = fmt.Sprintf("writes to the group %s, but IM does not deliver it (code %d)", m.Group, m.FailedCode)
	case m.Silent:
		l.text = fmt.Sprintf("sends the group %s a signal, with nothing in it to read", m.Group)
	case m.AtAll:
		l.text += ", and mentions everybody"
	case len(m.At) > 0:
		l.text += ", and mentions " + joined(m.At)
	}
	return l
}

func ringEnd(e fact.RingEnd) line {
	users := joined(e.Users)
	switch e.How {
	case fact.CallAnswered:
		return line{actor: users, text: "answers the call"}
	case fact.CallRejected:
		return line{actor: users, text: "declines the call"}
	case fact.CallBusy:
		return line{actor: users, text: "is in another call"}
	case fact.CallCancelled:
		return line{actor: actor(e.Caller), text: fmt.Sprintf("gives up calling %s", users)}
	case fact.CallTimedOut:
		return line{actor: "IM", text: fmt.Sprintf("tells that the call to %s was not answered", users)}
	}
	return line{actor: "IM", text: fmt.Sprintf("tells that the call to %s is over", users)}
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
func (n *narrator) named(id fact.MessageID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.subject([]fact.MessageID{id})
}

func (n *narrator) groupSubject(r fact.GroupRecall) string {
	ids := make([]fact.MessageID, len(r.Seqs))
	for i, seq := range r.Seqs {
		ids[i] = fact.GroupMessageID(r.Group, seq)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.subject(ids)
}

// subject names messages.
func (n *narrator) subject(ids []fact.MessageID) string {
	if len(ids) != 1 {
		return fmt.Sprintf("%d messages", len(ids))
	}
	if name := n.names[ids[0]]; name != "" {
		return name
	}
	return "a message"
}
