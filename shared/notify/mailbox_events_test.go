package notify_test

import (
	"fmt"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
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
func says(id fact.MessageID, with ...func(*fact.Message)) func(*recipient) {
	return func(r *recipient) {
		m := fact.Message{ID: id, From: "bob", To: "alice", SentAt: r.Now, Summary: "hello"}
		for _, w := range with {
			w(&m)
		}
		state, reason := r.Message(r.rules, m)
		r.answer = fmt.Sprint(state, " ", reason)
	}
}

func from(user fact.UserID) func(*fact.Message) {
	return func(m *fact.Message) { m.From = user }
}

func inGroup(m *fact.Message) { m.Group = "team" }

func sent(d time.Duration) func(*fact.Message) {
	return func(m *fact.Message) { m.SentAt = at(d) }
}

func lasting(d time.Duration) func(*fact.Message) {
	return func(m *fact.Message) { m.Lasts = d }
}

func failing(m *fact.Message) { m.FailedCode = 20003 }
func silent(m *fact.Message)  { m.Uncounted = fact.ReasonSilent }

func announced(m *fact.Message) {
	m.From, m.Kind, m.Announcement = "", "order", &fact.Announcement{}
}

// takesBack is bob taking a message back.
func takesBack(id fact.MessageID) func(*recipient) {
	return func(r *recipient) { r.Recalled(fact.Recall{ID: id, From: "bob"}.Identity()) }
}

// reads is a report that alice has read a conversation up to d.
func reads(peer string, d time.Duration) func(*recipient) {
	return func(r *recipient) { r.HasRead(peer, at(d), fact.ReasonReadReport) }
}

// replies is alice writing in a conversation at d.
func replies(peer string, d time.Duration) func(*recipient) {
	return func(r *recipient) { r.HasRead(peer, at(d), fact.ReasonOwnReply) }
}

// inTeam is how reads and replies name the group.
var inTeam = fact.GroupPeer("team")

// comes and goes are what IM reports, of d by its clock.
func comes(d time.Duration) func(*recipient) {
	return func(r *recipient) { r.PresenceChanged(r.rules, true, at(d)) }
}

func goes(d time.Duration) func(*recipient) {
	return func(r *recipient) { r.PresenceChanged(r.rules, false, at(d)) }
}

// rings has bob's call ring from now on for half a minute, signalled between the two.
func rings(id fact.MessageID, with ...func(*fact.Ring)) func(*recipient) {
	return func(r *recipient) {
		ring := fact.Ring{Call: id, Source: fact.CallSignal, Conversation: "c", Caller: "bob", At: r.Now, For: 30 * time.Second}
		for _, w := range with {
			w(&ring)
		}
		r.Rings(r.rules, ring)
	}
}

func webhook(r *fact.Ring) { r.Source, r.Conversation = fact.CallWebhook, "" }

func calledBy(user fact.UserID) func(*fact.Ring) {
	return func(r *fact.Ring) { r.Caller = user }
}

func ofGroup(r *fact.Ring) { r.Group = "team" }

func ringingSince(d time.Duration) func(*fact.Ring) {
	return func(r *fact.Ring) { r.At = at(d) }
}

// stops has a call ring no longer; hookStops, by the webhook's word.
func stops(id fact.MessageID, how fact.CallEnd) func(*recipient) {
	return func(r *recipient) {
		r.RingEnded(r.rules, fact.RingEnd{Call: id, Source: fact.CallSignal, Conversation: "c", How: how})
	}
}

func hookStops(id fact.MessageID, how fact.CallEnd) func(*recipient) {
	return func(r *recipient) {
		r.RingEnded(r.rules, fact.RingEnd{Call: id, Source: fact.CallWebhook, How: how})
	}
}

func withoutMissedCalls(r *recipient) { r.rules.MissedCalls = false }

// hears has an end of a card told that is known only now.
func hears(cardID card.ID, state, corrects fact.State, ids ...string) func(*recipient) {
	return func(r *recipient) {
		var messages []fact.Identity
		for _, id := range ids {
			messages = append(messages, fact.Message{ID: fact.MessageID(id), From: "bob"}.Identity())
		}
		r.ApplyEnd(cardID, permit.OutboxEntry{Messages: messages, CardEnd: permit.CardEnd{State: state, Corrects: corrects}})
	}
}

func prefers(p notify.Preferences) func(*recipient) {
	return func(r *recipient) { r.answer = fmt.Sprint(r.Prefer(p)) }
}

// replays has an operator open the letter that begins with a message.
func replays(id string) func(*recipient) {
	return func(r *recipient) {
		r.answer = fmt.Sprint(r.Replay("L"+id), " wait")
		for _, s := range r.Steps {
			if s.Kind == notify.StepAccepted {
				r.answer += fmt.Sprint(", ", names(s.Messages), " ", s.Reason)
			}
		}
	}
}

func logsIn(openID fact.OpenID) func(*recipient) { return func(r *recipient) { r.Bind(openID) } }

func losesBinding(openID fact.OpenID) func(*recipient) {
	return func(r *recipient) { r.Unbind(openID, fact.ReasonNewerBinding) }
}

func isErased(openID fact.OpenID) func(*recipient) { return func(r *recipient) { r.Erase(openID) } }

// isForgotten has a user be erased who wrote or called.
func isForgotten(user fact.UserID) func(*recipient) {
	return func(r *recipient) {
		r.answer = fmt.Sprint(r.Forget(user))
		r.Forgotten = func(u fact.UserID) bool { return u == user }
	}
}

var (
	mutesAll  = prefers(notify.Preferences{Muted: true})
	mutesBob  = prefers(notify.Preferences{MutedPeers: []string{"bob"}})
	mutesTeam = prefers(notify.Preferences{MutedPeers: []string{"team"}})
	isNobody  = losesBinding("o1")
)
