package permit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// Steps are what happens to an openid, a move after the other. Times count from its beginning.
type steps []move

// A move does something and returns what is answered.
type move func(s *subscriber) string

// A subscriber is an openid of the tables of the subscriber's side.
type subscriber struct {
	permit.Subscriber
	began, now time.Time
	due        map[card.ID]time.Time // when cards are looked at
}

func newSubscriber() *subscriber {
	return &subscriber{began: testkit.Future, now: testkit.Future, due: map[card.ID]time.Time{}}
}

// tell returns the answer to the last of some moves.
func (s *subscriber) tell(st steps) (answer string) {
	for _, m := range st {
		answer = s.do(m)
	}
	return answer
}

// do does m on what would be read of s then.
func (s *subscriber) do(m move) string {
	kept := map[card.ID]permit.CardRecord{}
	for id, c := range s.Cards.All() {
		kept[id] = c
	}
	s.Cards = permit.NewCards(kept)
	answer := m(s)
	for id, at := range s.Cards.Due() {
		if s.due[id] = at; at.IsZero() {
			delete(s.due, id)
		}
	}
	return answer
}

// permits says how many there are of template T, and how many are held.
func (s *subscriber) permits() string {
	l := s.Ledgers["T"]
	if l == nil {
		return "0, 0 held"
	}
	return fmt.Sprintf("%d, %d held", l.Balance, l.Held)
}

// A subscriberRow is one rule: after the steps the last answer is answer, and there are so many permits.
type subscriberRow struct {
	rule            string
	steps           steps
	answer, permits string
}

func checkRows(t *testing.T, rows []subscriberRow) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.rule, func(t *testing.T) {
			s := newSubscriber()
			answer := s.tell(r.steps)
			if answer != r.answer || s.permits() != r.permits {
				t.Errorf("answer %q, permits %s; want %q, %s", answer, s.permits(), r.answer, r.permits)
			}
			s.check(t)
		})
	}
}

// check wants what holds at any time: accounts add up, a permit is held for each card that is being
// sent or unknown, and such a card is looked at in time.
func (s *subscriber) check(t *testing.T) {
	t.Helper()
	held := map[fact.TemplateID]int{}
	for id, c := range s.Cards.All() {
		if c.State == permit.CardSending || !c.Waits.IsZero() {
			held[c.Template]++
		}
		if _, looked := s.due[id]; (!c.Waits.IsZero() || len(c.Outbox) > 0) && !looked {
			t.Errorf("nobody looks at card %s: %+v", id, c)
		}
	}
	for template, l := range s.Ledgers {
		sum := l.Opening
		for _, e := range l.Entries {
			sum += e.Change
		}
		if sum != l.Balance || l.Balance < 0 || l.Held != held[template] || len(l.Entries) > 20 {
			t.Errorf("the account of %s does not add up, or %d are not held: %+v", template, held[template], *l)
		}
	}
}

// later lets it be d after the beginning.
func later(d time.Duration) move {
	return func(s *subscriber) string { s.now = s.began.Add(d); return "" }
}

func tapped(source fact.GrantSource, d time.Duration) move {
	return func(s *subscriber) string {
		s.Grant(fact.Grant{Source: source, At: s.began.Add(d), Templates: []fact.TemplateID{"T"}}, s.now)
		return ""
	}
}

// popup and report tell of a tap at d.
func popup(d time.Duration) move  { return tapped(fact.GrantPopup, d) }
func report(d time.Duration) move { return tapped(fact.GrantReport, d) }

func switchedOff(d time.Duration) move {
	return func(s *subscriber) string {
		s.Revoke(fact.Revoke{At: s.began.Add(d), Templates: []fact.TemplateID{"T"}}, s.now)
		return ""
	}
}

func each(n int, m func(i int) move) move {
	return func(s *subscriber) (answer string) {
		for i := range n {
			answer = s.do(m(i))
		}
		return answer
	}
}

func bind(user fact.UserID) move {
	return func(s *subscriber) string { s.Bind(user, s.now); return "" }
}

func unbind(user fact.UserID) move {
	return func(s *subscriber) string { s.Unbind(user); return "" }
}

// reserveOf is alice's card of template T.
func reserveOf(id card.ID, with ...func(r *permit.Reserve)) permit.Reserve {
	r := permit.Reserve{Card: permit.Card{ID: id, User: "alice", Template: "T", Messages: []fact.Identity{"m"}, UnknownAfter: 2 * time.Minute},
		PerHour: 1000}
	for _, w := range with {
		w(&r)
	}
	return r
}

func ofUser(user fact.UserID) func(r *permit.Reserve) {
	return func(r *permit.Reserve) { r.User = user }
}

func ofTemplate(id fact.TemplateID) func(r *permit.Reserve) {
	return func(r *permit.Reserve) { r.Template = id }
}

func longTerm(r *permit.Reserve)   { r.LongTerm = true }
func newAbsence(r *permit.Reserve) { r.NewAbsence = true }

func perHour(n int) func(r *permit.Reserve) { return func(r *permit.Reserve) { r.PerHour = n } }

func digest(keep int, learn bool) func(r *permit.Reserve) {
	return func(r *permit.Reserve) { r.Digest, r.Keep, r.Learn = true, keep, learn }
}

// asks asks for a permit, and is answered the status, and what goes with it.
func asks(id card.ID, with ...func(r *permit.Reserve)) move {
	return func(s *subscriber) string {
		got, err := s.Reserve(reserveOf(id, with...), s.now)
		answer := string(got.Status)
		switch got.Status {
		case permit.ReserveBusy, permit.ReserveTooMany:
			answer += fmt.Sprint(" until ", got.Until.Sub(s.began))
		case permit.ReserveKept:
			answer += fmt.Sprintf(", %d of %d", got.Keep, got.Left)
		}
		return errorOr(err, answer)
	}
}

// The ways in which a send ends.
var (
	accepted = permit.Settle{End: permit.End{State: permit.CardDelivered, Permit: permit.Spent, Final: fact.StateDelivered}, MsgID: 1}
	silence  = permit.Settle{End: permit.End{State: permit.CardUnknown, Permit: permit.Held}}
	failed   = permit.Settle{End: permit.End{State: permit.CardNotSent, Permit: permit.Refunded}}
	refused  = permit.Settle{End: permit.End{State: permit.CardRefused, Permit: permit.Zeroed, Final: fact.StateNoPermit}, Drift: true}
	notThere = permit.Settle{End: permit.End{State: permit.CardRefused, Permit: permit.Zeroed, Final: fact.StateRefused}}
)

// settles writes down how a card ended, and is answered how it ended for all who ask.
func settles(id card.ID, how permit.Settle, with ...func(r *permit.Reserve)) move {
	return func(s *subscriber) string {
		r := reserveOf(id, with...)
		how.ID, how.User, how.Template, how.LongTerm = id, r.User, r.Template, r.LongTerm
		how.Messages, how.UnknownAfter = r.Messages, r.UnknownAfter
		state, err := s.Settle(how, s.now)
		return errorOr(err, string(state))
	}
}

// wechatReports tells what WeChat has to say of a card of T.
func wechatReports(msgID int64, at time.Duration, code string) move {
	return func(s *subscriber) string {
		s.Report(fact.Sent{MsgID: msgID, Template: "T", At: s.began.Add(at), Failed: code}, s.now)
		return ""
	}
}

func resolves(id card.ID) move {
	return func(s *subscriber) string {
		got, err := s.Resolve(permit.OpenCard{ID: id, Template: "T"}, s.now)
		answer := string(got.State)
		if got.Final != "" {
			answer += ", notices " + string(got.Final)
		}
		if got.Handed {
			answer += ", handed over"
		}
		return errorOr(err, answer)
	}
}

// concludes looks at a card, and is answered what its recipient is to be told.
func concludes(id card.ID) move {
	return func(s *subscriber) string {
		end, err := s.Outgoing(id, s.now)
		if end == nil {
			return errorOr(err, "nothing")
		}
		answer := fmt.Sprint(end.User, ": ", end.State, " ", end.Reason)
		if end.Corrects != "" {
			answer += ", not " + string(end.Corrects)
		}
		return errorOr(err, answer)
	}
}

func wasTold(id card.ID, state fact.State) move {
	return func(s *subscriber) string { return errorOr(s.Ack(id, state, s.now), "") }
}

func endsCards(user fact.UserID) move {
	return func(s *subscriber) string {
		ids, err := s.EndCards(user, s.now)
		return errorOr(err, strings.Trim(fmt.Sprint(ids), "[]"))
	}
}

func erases(user fact.UserID) move {
	return func(s *subscriber) string {
		done, err := s.Erase(user, s.now)
		return errorOr(err, map[bool]string{true: "erased", false: "something is to be told first"}[done])
	}
}

func errorOr(err error, answer string) string {
	if errors.Is(err, notify.ErrUnreadable) {
		return "unreadable"
	}
	return answer
}
