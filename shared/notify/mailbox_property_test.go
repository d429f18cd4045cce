package notify_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// A tracked recipient is one to whom anything happens. What happened to each message is counted.
type tracked struct {
	*recipient
	came   map[fact.Identity]int  // messages and calls by how often they were new
	finals map[fact.Identity]int  // by how often they ended, dead ones apart
	handed map[fact.Identity]bool // whose card is unknown
	told   map[fact.Identity]int  // ends that are counted alone, of somebody bound to nobody
}

func newTracked() *tracked {
	return &tracked{newRecipient(), map[fact.Identity]int{}, map[fact.Identity]int{}, map[fact.Identity]bool{}, map[fact.Identity]int{}}
}

// happens has something happen, and once more: the second time changes nothing.
func (h *tracked) happens(t *rapid.T, e func(*tracked)) {
	h.once(e)
	before := h.snapshot()
	h.once(e)
	if after := h.snapshot(); after != before {
		t.Fatalf("the second time changed something\nbefore %s\nafter  %s", before, after)
	}
}

func (h *tracked) once(e func(*tracked)) {
	h.meet(func(*recipient) { e(h) })
	for _, id := range h.Indexed {
		h.came[id]++
	}
	for _, s := range h.Steps {
		for _, id := range s.Messages {
			if s.Kind == notify.StepFinal && s.State != fact.StateDead {
				h.finals[id]++
			}
		}
	}
}

// snapshot returns all that is kept of the recipient.
func (h *tracked) snapshot() string {
	b := h.Mailbox
	out, err := json.Marshal([]any{b.OpenID, b.Known, b.KnownAt, b.Absence, b.Prefers, b.Messages, b.Calls, b.Log, b.Read, b.Letters, h.marks, h.ended, h.counts})
	if err != nil {
		panic(err)
	}
	return string(out)
}

// check wants each message that came in one place, and the counts to say so.
func (h *tracked) check(t *rapid.T) {
	places, waiting, ended := map[fact.Identity]int{}, 0, 0
	for _, n := range append(h.Messages.Notices[:len(h.Messages.Notices):len(h.Messages.Notices)], h.Calls.Notices...) {
		places[n.ID]++
		waiting++
	}
	for _, l := range h.Letters {
		for _, n := range l.Notices {
			places[n.ID]++
		}
	}
	for id, came := range h.came {
		got := places[id] + h.finals[id] + h.told[id]
		if h.handed[id] {
			got++
		}
		if came != 1 || got != 1 {
			t.Fatalf("%s came %d times and is in %d places", id.ID(), came, got)
		}
	}
	for _, n := range h.counts {
		ended += n
	}
	if len(h.came) != waiting+len(h.handed)+ended {
		t.Fatalf("%d came; %d wait, %d are handed over, %d have ended: %v", len(h.came), waiting, len(h.handed), ended, h.counts)
	}
	if fault := h.fault(); fault != "" {
		t.Fatal(fault)
	}
}

func draw[V any](t *rapid.T, what string, of ...V) V { return rapid.SampledFrom(of).Draw(t, what) }

// aFact is something that a platform tells.
func aFact(t *rapid.T) func(*recipient) {
	user, d := draw(t, "user", "bob", "carol"), time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds"))*time.Second
	message := fact.MessageID(draw(t, "message", "m1", "m2", "m3"))
	call := fact.MessageID(draw(t, "call", "c1", "c2"))
	how := draw(t, "how", fact.CallAnswered, fact.CallTimedOut, fact.CallCancelled, fact.CallRejected)
	facts := map[string]func(*recipient){
		"message": says(message, from(fact.UserID(user)), sent(d)), "group message": says("g#1", inGroup, sent(d)),
		"announcement": says("a", announced), "failed": says(message, failing), "uncounted": says(message, silent), "old": says(message, sent(d-day)),
		"recall": takesBack(message), "read": reads(user, d), "read group": reads(inTeam, d), "reply": replies(user, d),
		"comes": comes(d), "goes": goes(d),
		"ring": rings(call, calledBy(fact.UserID(user))), "webhook": rings("h"+call, webhook, calledBy(fact.UserID(user))),
		"stop": stops(call, how), "webhook stop": hookStops("h"+call, how),
	}
	return facts[draw(t, "fact", "message", "message", "message", "group message", "announcement", "failed", "uncounted", "old", "recall",
		"read", "read group", "reply", "comes", "goes", "ring", "ring", "webhook", "stop", "webhook stop")]
}

// aDeed is something that a run, a user or an operator does.
func aDeed(t *rapid.T, serial int) func(*tracked) {
	queue := draw(t, "queue", card.QueueMessages, card.QueueCalls)
	run, cardID := draw(t, "run", "r1", "r2"), card.ID(fmt.Sprint("k", serial))
	some, letter := rapid.IntRange(0, 7).Draw(t, "which"), rapid.IntRange(max(0, serial-20), serial).Draw(t, "letter")
	openID := draw[fact.OpenID](t, "openid", "o1", "o2")
	with := func(f func(*recipient)) func(*tracked) { return func(h *tracked) { f(h.recipient) } }
	deeds := map[string]func(*tracked){
		"claim": with(take(queue, run)),
		"begin": func(h *tracked) {
			w := h.queue(queue)
			h.Begin(notify.Begin{Queue: queue, Lease: run, Card: cardID, Messages: chosen(w.Notices, some), At: h.Now})
		},
		"finish": finishesAnyhow(t, queue, run, some, serial),
		"told": func(h *tracked) {
			for _, id := range slices.Sorted(maps.Keys(h.handed)) {
				if h.ApplyEnd("gone", permit.OutboxEntry{Messages: []fact.Identity{id}, CardEnd: permit.CardEnd{State: fact.StateDelivered}}); !h.Bound() {
					h.told[id]++
				}
				delete(h.handed, id)
			}
		},
		"mute": with(mutesBob), "unmute": with(prefers(notify.Preferences{QuietHours: "22:00-07:00"})),
		"login": with(logsIn(openID)), "login lost": with(losesBinding(openID)), "forget": with(isForgotten("bob")),
		"replay": func(h *tracked) { h.Replay(fmt.Sprint("L", letter)) },
	}
	return deeds[draw(t, "deed", "claim", "claim", "claim", "begin", "begin", "finish", "finish", "finish", "told", "mute", "unmute", "login", "login", "login lost", "forget", "replay")]
}

// chosen returns some of notices, by the bits of which.
func chosen(notices []notify.WaitingNotice, which int) (ids []fact.Identity) {
	for i, n := range notices {
		if which>>(i%3)&1 == 1 {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// finishesAnyhow finishes whatever card is open, with an end for some of what waits.
func finishesAnyhow(t *rapid.T, queue card.Queue, run string, some, serial int) func(*tracked) {
	end := draw(t, "end", fact.StateDelivered, fact.StateNoPermit, fact.StateUnbound, fact.StateDead, "handed", "missed", "none")
	absence := draw(t, "absence", notify.AbsenceTold, notify.AbsenceKept, notify.AbsenceCounted, notify.AbsenceSeen, "")
	looks, held := rapid.IntRange(0, 60).Draw(t, "again"), rapid.Bool().Draw(t, "hold")
	return func(h *tracked) {
		w := h.queue(queue)
		ids := chosen(w.Notices, some)
		f := notify.Finish{Queue: queue, Lease: run, Card: w.Card.ID, Absence: absence, Again: h.Now.Add(time.Duration(looks) * time.Second), Hold: held}
		switch end {
		case "handed":
			f.Handed = ids
		case "missed":
			f.Unanswered = ids
		case "none":
		default:
			f.Final = []notify.Final{{State: end, Messages: ids}}
			f.Dead = &notify.DeadLetter{ID: fmt.Sprint("L", serial), At: h.Now}
		}
		holds := w.Lease == run
		if h.Finish(h.rules, f); holds {
			for _, id := range f.Handed {
				h.handed[id] = true
			}
		}
	}
}

// Whatever happens to a recipient, each message is in one place, and nothing happens twice.
func TestAnythingHappensOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newTracked()
		for i := range rapid.IntRange(1, 60).Draw(t, "events") {
			switch draw(t, "what", "fact", "deed", "fact", "deed", "time") {
			case "fact":
				f := aFact(t)
				h.happens(t, func(h *tracked) { f(h.recipient) })
			case "deed":
				h.happens(t, aDeed(t, i))
			case "time":
				h.Now = h.Now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "later")) * time.Second)
			}
			h.check(t)
		}
	})
}

// Facts that are recorded in one change have the effect of one change each.
func TestFactsTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, many := newTracked(), newTracked()
		for i := range rapid.IntRange(1, 30).Draw(t, "events") {
			deed := aDeed(t, i)
			facts := make([]func(*recipient), rapid.IntRange(0, 3).Draw(t, "facts"))
			for i := range facts {
				facts[i] = aFact(t)
				many.once(func(h *tracked) { facts[i](h.recipient) })
			}
			one.once(func(h *tracked) { inOneChange(facts...)(h.recipient) })
			if one, many := one.snapshot(), many.snapshot(); one != many {
				t.Fatalf("in one change  %s\nin several     %s", one, many)
			}
			one.once(deed)
			many.once(deed)
		}
	})
}
