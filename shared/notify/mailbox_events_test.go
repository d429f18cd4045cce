package notify_test

import (
	"fmt"
	"slices"
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

// lane returns what waits in a lane.
func (r *recipient) lane(l notify.Lane) *notify.Waiting {
	if l == notify.LaneCalls {
		return &r.Calls
	}
	return &r.Messages
}

// take has the queue hand a lane out to a run, which claims it.
func take(lane notify.Lane, run string) func(*recipient) {
	return func(r *recipient) {
		hidden := r.Now.Add(notify.Lease)
		if w := r.lane(lane); len(w.Notices) > 0 {
			w.Due = hidden
		}
		r.answer = heardBy(r.Claim(lane, run, hidden))
	}
}

// heardBy says what a claim tells a run.
func heardBy(rec *notify.Recipient) string {
	if rec == nil {
		return "nothing"
	}
	var ids []notify.Identity
	for _, n := range rec.Notices {
		ids = append(ids, n.ID)
	}
	out := names(ids) + " for " + string(rec.OpenID)
	if rec.Open != nil {
		out += fmt.Sprintf(", open %s with %s", rec.Open.ID, names(rec.Open.Messages))
	}
	return out
}

var (
	claims     = take(notify.LaneMessages, "run")
	claimsCall = take(notify.LaneCalls, "run")
)

// begins has the run begin a card with what waits under these names, and is answered what is on it.
func begins(card notify.CardID, ids ...string) func(*recipient) { return beginsAs("run", card, ids...) }

func beginsAs(run string, card notify.CardID, ids ...string) func(*recipient) {
	return func(r *recipient) {
		r.answer = names(r.Begin(notify.Begin{Lane: r.laneOf(ids), Lease: run, Card: card, Template: "T", Messages: r.named(ids), At: r.Now}))
	}
}

// laneOf returns where ids wait.
func (r *recipient) laneOf(ids []string) notify.Lane {
	for _, n := range r.Calls.Notices {
		if slices.Contains(ids, string(n.ID.ID())) {
			return notify.LaneCalls
		}
	}
	return notify.LaneMessages
}

// named returns the identities of what waits under these names.
func (r *recipient) named(ids []string) (out []notify.Identity) {
	for _, n := range slices.Concat(r.Messages.Notices, r.Calls.Notices) {
		if slices.Contains(ids, string(n.ID.ID())) {
			out = append(out, n.ID)
		}
	}
	return out
}

// finishes has the run finish. What it says is made when it does.
func finishes(with ...func(r *recipient, f *notify.Finish)) func(*recipient) {
	return func(r *recipient) {
		f := notify.Finish{Lane: notify.LaneMessages, Lease: "run"}
		for _, w := range with {
			w(r, &f)
		}
		r.answer = ""
		for _, e := range r.Finish(r.rules, f) {
			r.answer += fmt.Sprint(e.Messages, " ", e.State, " ", e.Reason, " ")
		}
	}
}

func as(run string) func(*recipient, *notify.Finish) {
	return func(_ *recipient, f *notify.Finish) { f.Lease = run }
}

func ofCalls(_ *recipient, f *notify.Finish) { f.Lane = notify.LaneCalls }

func withCard(card notify.CardID) func(*recipient, *notify.Finish) {
	return func(_ *recipient, f *notify.Finish) { f.Card = card }
}

// endsAs has messages end so; as dead, a letter is kept of them.
func endsAs(state notify.State, ids ...string) func(*recipient, *notify.Finish) {
	return func(r *recipient, f *notify.Finish) {
		f.Final = append(f.Final, notify.Final{State: state, Messages: r.named(ids)})
		if state == notify.StateDead {
			f.Dead = &notify.DeadLetter{ID: "L" + ids[0], At: r.Now}
		}
	}
}

func handing(ids ...string) func(*recipient, *notify.Finish) {
	return func(r *recipient, f *notify.Finish) { f.Handed = r.named(ids) }
}

func inVain(ids ...string) func(*recipient, *notify.Finish) {
	return func(r *recipient, f *notify.Finish) { f.Missed = r.named(ids) }
}

func theAbsence(step notify.AbsenceStep) func(*recipient, *notify.Finish) {
	return func(_ *recipient, f *notify.Finish) { f.Absence = step }
}

func lookingAgain(d time.Duration) func(*recipient, *notify.Finish) {
	return func(_ *recipient, f *notify.Finish) { f.Again = at(d) }
}

func hold(_ *recipient, f *notify.Finish) { f.Hold = true }

// isTold has a run tell alice of a message that waits.
func isTold(id string) func(*recipient) {
	return func(r *recipient) {
		card := notify.CardID("card-" + id)
		for _, e := range (events{claims, begins(card, id), finishes(withCard(card), endsAs(notify.StateDelivered, id), theAbsence(notify.AbsenceTold))}) {
			e(r)
		}
	}
}

// dies has a run give a message up: a letter is kept of it.
func dies(ids ...string) func(*recipient) {
	return inOneChange(claims, finishes(endsAs(notify.StateDead, ids...)))
}

// hears has an end of a card told that is known only now.
func hears(card notify.CardID, state, corrects notify.State, ids ...string) func(*recipient) {
	return func(r *recipient) {
		var messages []notify.Identity
		for _, id := range ids {
			messages = append(messages, notify.Message{ID: notify.MessageID(id), From: "bob"}.Identity())
		}
		r.Tell(card, notify.EndToTell{Messages: messages, CardEnd: notify.CardEnd{State: state, Corrects: corrects}})
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
