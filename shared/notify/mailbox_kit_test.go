package notify_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// events are what happens to alice, one after the other. Times count from their beginning. Bob writes
// and calls, unless it says who.
type events []func(r *recipient)

// A recipient is alice in the tables of the recipient's side, as a store keeps her mailbox.
type recipient struct {
	notify.Mailbox
	rules    notify.Rules
	marks    map[fact.Identity]notify.Mark
	woken    time.Time // when the last event wants a run to look; zero: it does not
	answer   string    // of the last method that gave one
	notBound int
	accepted int      // messages and calls that have begun to wait
	ended    []string // messages and how they ended, in their order
	counts   map[fact.State]int
}

const day = 24 * time.Hour

// newRecipient returns alice, who is bound to openid o1.
func newRecipient() *recipient {
	r := &recipient{rules: notify.DefaultRules(), marks: map[fact.Identity]notify.Mark{}, counts: map[fact.State]int{}}
	r.rules.MissedCalls = true
	r.Mailbox = notify.Mailbox{User: "alice", OpenID: "o1", Now: testkit.Future}
	return r
}

// meet has something happen in one change, and keeps what that wants kept.
func (r *recipient) meet(e func(r *recipient)) {
	r.Effects, r.Marks = notify.Effects{}, maps.Clone(r.marks)
	e(r)
	maps.Copy(r.marks, r.Marked)
	r.woken, r.notBound = r.Wake, r.notBound+r.NotBound
	for _, l := range r.Changed {
		r.keep(l)
	}
	for _, s := range r.Steps {
		r.read(s)
	}
	for state, n := range r.Ended {
		r.counts[state] += n
	}
	if r.Deleted {
		r.Mailbox, r.marks = notify.Mailbox{User: r.User, Now: r.Now}, map[fact.Identity]notify.Mark{}
	}
}

// keep puts a letter in the place of what it was; one without notices goes.
func (r *recipient) keep(l notify.KeptLetter) {
	r.Letters = slices.DeleteFunc(r.Letters, func(was notify.KeptLetter) bool { return was.ID == l.ID })
	if len(l.Notices) > 0 {
		r.Letters = append(r.Letters, l)
	}
}

func (r *recipient) read(s notify.Step) {
	switch s.Kind {
	case notify.StepAccepted:
		r.accepted += len(s.Messages)
	case notify.StepFinal:
		r.ended = append(r.ended, strings.TrimSpace(fmt.Sprint(names(s.Messages), " ", s.State, " ", s.Reason)))
	}
}

func (r *recipient) meets(es events) *recipient {
	for _, e := range es {
		r.meet(e)
	}
	return r
}

func names(ids []fact.Identity) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id.ID())
	}
	return strings.Join(out, " ")
}

// since says when t is; "" of the zero time.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Sub(testkit.Future).String()
}

// stands says what waits and when it is due, what is in dead letters, what has ended and why, and how
// the absence stands.
func (r *recipient) stands() string {
	var parts []string
	for _, w := range []notify.Waiting{r.Messages, r.Calls} {
		if len(w.Notices) > 0 {
			parts = append(parts, waits(w, r.Now))
		}
	}
	for _, l := range r.Letters {
		parts = append(parts, fmt.Sprint("letter of", carriedBy(l.Notices)))
	}
	parts = append(parts, r.ended...)
	if r.notBound > 0 {
		parts = append(parts, fmt.Sprint(r.notBound, " not bound"))
	}
	if r.Absence != (notify.Absence{}) {
		parts = append(parts, absence(r.Absence))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "; ")
}

// waits says what is in a queue: when it is due, or that a run holds it and what came up since.
func waits(w notify.Waiting, now time.Time) string {
	out := strings.TrimSpace(carriedBy(w.Notices))
	switch {
	case w.Lease == "" || !w.LeaseEnd.After(now):
		out += " due " + since(w.Due)
	case w.Wish.IsZero():
		out += " held"
	default:
		out += " held, wanted " + since(w.Wish)
	}
	return out
}

// carriedBy names notices, with the cards on which they travel, and how they end if those do not go out.
func carriedBy(notices []notify.WaitingNotice) (out string) {
	for _, n := range notices {
		out += " "
		if n.Kind != fact.KindMessage {
			out += string(n.Kind) + " "
		}
		out += string(n.ID.ID())
		switch {
		case n.Ends != nil && n.Ends.Unanswered:
			out += fmt.Sprintf("(%s, else missed)", n.Card)
		case n.Ends != nil:
			out += fmt.Sprintf("(%s, else %s)", n.Card, n.Ends.State)
		case n.Card != "":
			out += fmt.Sprintf("(%s)", n.Card)
		}
	}
	return out
}

func absence(a notify.Absence) string {
	out := fmt.Sprint(a.Cards, " told")
	if a.Kept > 0 {
		out += fmt.Sprint(", ", a.Kept, " kept")
	}
	if a.Counted {
		out += ", counted"
	}
	return out + ", last " + since(a.Last)
}

// A mailboxRow is one rule: after the events the mailbox stands so.
type mailboxRow struct {
	rule   string
	events events
	want   string
}

func checkMailboxes(t *testing.T, rows []mailboxRow) {
	t.Helper()
	checkEach(t, rows, (*recipient).stands)
}

// checkAnswers wants of each row what the last method answers.
func checkAnswers(t *testing.T, rows []mailboxRow) {
	t.Helper()
	checkEach(t, rows, func(r *recipient) string { return r.answer })
}

// checkWakes wants of each row when the last event has a run look.
func checkWakes(t *testing.T, rows []mailboxRow) {
	t.Helper()
	checkEach(t, rows, func(r *recipient) string { return since(r.woken) })
}

func checkEach(t *testing.T, rows []mailboxRow, got func(r *recipient) string) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.rule, func(t *testing.T) {
			r := newRecipient().meets(row.events)
			if got := got(r); got != row.want {
				t.Errorf("%s\nwant %s", got, row.want)
			}
			if fault := r.fault(); fault != "" {
				t.Error(fault)
			}
		})
	}
}

// fault says what does not hold and should at any time: a queue is due if something waits in it, what
// travels on a card is on the open one, and of the letters as many are dead as they hold.
func (r *recipient) fault() string {
	for queue, w := range map[card.Queue]notify.Waiting{card.QueueMessages: r.Messages, card.QueueCalls: r.Calls} {
		if len(w.Notices) > 0 == w.Due.IsZero() {
			return fmt.Sprintf("of the %s %d wait, due %v", queue, len(w.Notices), w.Due)
		}
		for _, n := range w.Notices {
			if n.Card != "" && n.Card != w.Card.ID || n.Ends != nil && n.Card == "" {
				return fmt.Sprintf("%s travels on %q, open is %q", n.ID.ID(), n.Card, w.Card.ID)
			}
		}
	}
	dead := 0
	for _, l := range r.Letters {
		dead += len(l.Notices)
	}
	if r.counts[fact.StateDead] != dead {
		return fmt.Sprintf("%d count as dead, and the letters hold %d", r.counts[fact.StateDead], dead)
	}
	return ""
}
