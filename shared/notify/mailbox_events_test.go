package notify_test

import (
	"fmt"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/notify"
)

func at(d time.Duration) time.Time { return testkit.Future.Add(d) }

// after lets it be d after the beginning.
func after(d time.Duration) func(*recipient) {
	return func(r *recipient) { r.Now = at(d) }
}

// inOneChange has events happen in one change of the record.
func inOneChange(es ...func(*recipient)) func(*recipient) {
	return func(r *recipient) {
		for _, e := range es {
			e(r)
		}
	}
}

// repeat has an event happen n times, with other names.
func repeat(n int, e func(i int) func(*recipient)) func(*recipient) {
	return func(r *recipient) {
		for i := range n {
			e(i)(r)
		}
	}
}

// says has a message come, which was sent now.
func says(id notify.MessageID, with ...func(*notify.Message)) func(*recipient) {
	return func(r *recipient) {
		m := notify.Message{ID: id, From: "bob", To: "alice", SentAt: r.Now, Summary: "hello"}
		for _, w := range with {
			w(&m)
		}
		state, reason := r.Message(r.rules, m)
		r.answer = fmt.Sprint(state, " ", reason)
	}
}

func from(user notify.UserID) func(*notify.Message) {
	return func(m *notify.Message) { m.From = user }
}

func inGroup(m *notify.Message) { m.Group = "team" }

func sent(d time.Duration) func(*notify.Message) {
	return func(m *notify.Message) { m.SentAt = at(d) }
}

func lasting(d time.Duration) func(*notify.Message) {
	return func(m *notify.Message) { m.Lasts = d }
}

func failing(m *notify.Message) { m.FailedCode = 20003 }
func silent(m *notify.Message)  { m.Uncounted = notify.ReasonSilent }

func announced(m *notify.Message) {
	m.From, m.Kind, m.Announcement = "", "order", &notify.Announcement{}
}

// takesBack is bob taking a message back.
func takesBack(id notify.MessageID) func(*recipient) {
	return func(r *recipient) { r.Recalled(notify.Recall{ID: id, From: "bob"}.Identity()) }
}

// reads is a report that alice has read a conversation up to d.
func reads(peer string, d time.Duration) func(*recipient) {
	return func(r *recipient) { r.HasRead(peer, at(d), notify.ReasonReadReport) }
}

// replies is alice writing in a conversation at d.
func replies(peer string, d time.Duration) func(*recipient) {
	return func(r *recipient) { r.HasRead(peer, at(d), notify.ReasonOwnReply) }
}

// inTeam is how reads and replies name the group.
var inTeam = notify.GroupPeer("team")

// comes and goes are what IM reports, of d by its clock.
func comes(d time.Duration) func(*recipient) {
	return func(r *recipient) { r.PresenceChanged(r.rules, true, at(d)) }
}

func goes(d time.Duration) func(*recipient) {
	return func(r *recipient) { r.PresenceChanged(r.rules, false, at(d)) }
}

// rings has bob's call ring from now on for half a minute, signalled between the two.
func rings(id notify.MessageID, with ...func(*notify.Ring)) func(*recipient) {
	return func(r *recipient) {
		ring := notify.Ring{Call: id, Source: notify.CallSignal, Conversation: "c", Caller: "bob", At: r.Now, For: 30 * time.Second}
		for _, w := range with {
			w(&ring)
		}
		r.Rings(r.rules, ring)
	}
}

func webhook(r *notify.Ring) { r.Source, r.Conversation = notify.CallWebhook, "" }

func calledBy(user notify.UserID) func(*notify.Ring) {
	return func(r *notify.Ring) { r.Caller = user }
}

func ofGroup(r *notify.Ring) { r.Group = "team" }

func ringingSince(d time.Duration) func(*notify.Ring) {
	return func(r *notify.Ring) { r.At = at(d) }
}

// stops has a call ring no longer; hookStops, by the webhook's word.
func stops(id notify.MessageID, how notify.CallEnd) func(*recipient) {
	return func(r *recipient) {
		r.RingEnded(r.rules, notify.RingEnd{Call: id, Source: notify.CallSignal, Conversation: "c", How: how})
	}
}

func hookStops(id notify.MessageID, how notify.CallEnd) func(*recipient) {
	return func(r *recipient) {
		r.RingEnded(r.rules, notify.RingEnd{Call: id, Source: notify.CallWebhook, How: how})
	}
}

func withoutMissedCalls(r *recipient) { r.rules.MissedCalls = false }

// hears has an end of a card told that is known only now.
func hears(card notify.CardID, state, corrects notify.State, ids ...string) func(*recipient) {
	return func(r *recipient) {
		var messages []notify.Identity
		for _, id := range ids {
			messages = append(messages, notify.Message{ID: notify.MessageID(id), From: "bob"}.Identity())
		}
		r.ApplyEnd(card, notify.OutboxEntry{Messages: messages, CardEnd: notify.CardEnd{State: state, Corrects: corrects}})
	}
}

func prefers(p notify.Preferences) func(*recipient) {
	return func(r *recipient) { r.answer = fmt.Sprint(r.Prefer(p)) }
}

// replays has an operator open the letter that begins with a message.
func replays(id string) func(*recipient) {
	return func(r *recipient) { r.answer = fmt.Sprint(r.Replay("L"+id), " wait") }
}

func logsIn(openID notify.OpenID) func(*recipient) { return func(r *recipient) { r.Bind(openID) } }

func losesBinding(openID notify.OpenID) func(*recipient) {
	return func(r *recipient) { r.Unbind(openID, notify.ReasonNewerBinding) }
}

func isErased(openID notify.OpenID) func(*recipient) { return func(r *recipient) { r.Erase(openID) } }

// isForgotten has a user be erased who wrote or called.
func isForgotten(user notify.UserID) func(*recipient) {
	return func(r *recipient) {
		r.answer = fmt.Sprint(r.Forget(user))
		r.Forgotten = func(u notify.UserID) bool { return u == user }
	}
}

var (
	mutesAll  = prefers(notify.Preferences{Muted: true})
	mutesBob  = prefers(notify.Preferences{MutedPeers: []string{"bob"}})
	mutesTeam = prefers(notify.Preferences{MutedPeers: []string{"team"}})
	isNobody  = losesBinding("o1")
)
