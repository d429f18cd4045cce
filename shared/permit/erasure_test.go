package permit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

func TestBindings(t *testing.T) {
	for _, c := range []struct {
		rule  string
		steps steps
		user  fact.UserID
		since time.Duration
		moved bool // cards stay with an openid that is its user's no more
	}{
		{"a login binds", steps{later(time.Minute), bind("alice")}, "alice", time.Minute, false},
		{"a repeated login makes a binding no younger", steps{bind("alice"), later(time.Minute), bind("alice")}, "alice", 0, false},
		{"the latest login wins", steps{bind("alice"), later(time.Minute), bind("carol")}, "carol", time.Minute, false},
		{"cards of a user who was bound before stay", permitted(asks("c"), later(time.Minute), bind("carol")), "carol", time.Minute, true},
		{"a login elsewhere unbinds", permitted(asks("c"), unbind("alice")), "", 0, true},
		{"but nobody else", permitted(asks("c"), unbind("carol")), "alice", 0, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newSubscriber()
			s.tell(c.steps)
			if s.User != c.user || s.User != "" && !s.Since.Equal(s.began.Add(c.since)) || s.Moved != c.moved {
				t.Errorf("%q since %v, moved %v; want %q since %v, %v", s.User, s.Since, s.Moved, c.user, c.since, c.moved)
			}
		})
	}
}

func TestErasing(t *testing.T) {
	unknown := func(rest ...move) steps {
		return permitted(append([]move{asks("c"), settles("c", silence)}, rest...)...)
	}
	former := func(rest ...move) steps {
		return permitted(append([]move{asks("c"), bind("carol"), endsCards("alice")}, rest...)...)
	}
	checkRows(t, []subscriberRow{
		{"what is unknown ends erased, and is paid for", unknown(endsCards(""), concludes("c")), "alice: erased ", "1, 0 held"},
		{"that is told before the openid is forgotten", unknown(erases("alice")), "something is to be told first", "2, 1 held"},
		{"then it is", unknown(endsCards(""), concludes("c"), wasTold("c", fact.StateErased), erases("alice")), "erased", "0, 0 held"},
		{"it is named until it was told", unknown(endsCards(""), endsCards("")), "c", "1, 0 held"},
		{"an openid that is another's stays", permitted(bind("carol"), erases("alice")), "erased", "2, 0 held"},
		{"the cards of others stay", permitted(asks("c"), bind("carol"), endsCards("carol"), resolves("c")), "sending", "2, 1 held"},
		{"a card on its way keeps its permit", former(asks("d", ofUser("carol"))), "busy until 1m0s", "2, 1 held"},
		{"which is spent when it was delivered", former(settles("c", accepted)), "", "1, 0 held"},
		{"once", former(settles("c", accepted), settles("c", accepted)), "", "1, 0 held"},
		{"also when nobody knows: nobody is there to be told", former(settles("c", silence)), "", "1, 0 held"},
		{"which is free again when it was not sent", former(settles("c", failed)), "", "2, 0 held"},
		{"which goes with all older ones when it was refused", former(settles("c", refused)), "", "0, 0 held"},
		{"which is spent when its lease is over", former(later(permit.Lease), reconciles), "", "1, 0 held"},
		{"and not before", former(later(permit.Lease-time.Millisecond), reconciles), "", "2, 1 held"},
		{"it is not announced again", former(resolves("c")), "refused, notices erased", "2, 1 held"},
		{"nor reserved again", former(asks("c")), "void", "2, 1 held"},
		{"a report of it is told nobody", former(settles("c", silence), wechatReports(7, 0, "43101"), endsCards("alice")), "", "1, 0 held"},
	})
}

// Two users log in at once, and one of them is erased, while a card of theirs is on its way. In
// whatever order that happens, the permit is held until the card is settled or its lease is over, is
// paid once for what may have been shown, and nothing names who was erased.
func TestLoginsAndErasureAroundACardOnItsWay(t *testing.T) {
	const card = "LEASE-alice"
	logins := map[string][2]move{
		"alice and carol":           {bind("alice"), bind("carol")},
		"alice elsewhere and carol": {unbind("alice"), bind("carol")},
		"alice here and elsewhere":  {bind("alice"), unbind("alice")},
	}
	endings := map[string]struct {
		how  *permit.Settle
		left int // of one permit
	}{
		"delivered": {&accepted, 0}, "unknown": {&silence, 0}, "not sent": {&failed, 1}, "refused": {&refused, 0}, "never settled": {nil, 0},
	}
	for who, login := range logins {
		for _, first := range []int{0, 1} {
			for end, e := range endings {
				for place := range 4 {
					moves := steps{login[first], login[1-first], deletes("alice")}
					if e.how != nil {
						moves = slices.Insert(moves, min(place, len(moves)), settles(card, *e.how))
					}
					t.Run(fmt.Sprint(who, ", second first: ", first == 1, ", ", end, " at ", place), func(t *testing.T) {
						s := newSubscriber()
						s.tell(steps{bind("alice"), popup(0), asks(card)})
						for i, m := range moves {
							s.do(m)
							s.check(t)
							if on := e.how == nil || i < place; on && s.Erased.IsZero() && s.Ledgers["T"].Free() > 0 {
								t.Errorf("after move %d the permit of a card on its way is free", i)
							}
						}
						s.tell(steps{later(time.Hour)})
						s.reconcile()
						s.check(t)
						s.namesNobody(t, "alice")
						if l := s.Ledgers["T"]; s.Erased.IsZero() && (l.Held != 0 || l.Balance != e.left || len(s.due) > 0) {
							t.Errorf("%s at last, %d to look at; want %d", s.permits(), len(s.due), e.left)
						}
					})
				}
			}
		}
	}
}

// deletes erases user as far as the openid is concerned: their cards there, and all of it if it is
// theirs.
func deletes(user fact.UserID) move {
	return func(s *subscriber) string {
		bound := s.User == user
		for range 5 {
			if s.tell(steps{endsCards(user)}) == "" {
				break
			}
			s.reconcile()
		}
		for range 5 {
			if !bound || s.tell(steps{erases(user)}) == "erased" {
				break
			}
			s.tell(steps{endsCards("")})
			s.reconcile()
		}
		return ""
	}
}

func reconciles(s *subscriber) string { s.reconcile(); return "" }

// reconcile looks at all cards that are due, and tells what there is to tell.
func (s *subscriber) reconcile() {
	for range 5 {
		for id, at := range s.due {
			if !at.After(s.now) {
				s.do(func(s *subscriber) string { return s.concludeAndTell(id) })
			}
		}
	}
}

func (s *subscriber) concludeAndTell(id card.ID) string {
	if end, err := s.Outgoing(id, s.now); err == nil && end != nil {
		return s.do(wasTold(id, end.State))
	}
	return ""
}

func (s *subscriber) namesNobody(t *testing.T, name string) {
	t.Helper()
	for id, c := range s.Cards.All() {
		if strings.Contains(string(id)+string(c.User), name) {
			t.Errorf("card %s of %q is left", id, c.User)
		}
	}
	if s.User == fact.UserID(name) || strings.Contains(fmt.Sprint(s.Sending), name) {
		t.Errorf("user %q, cards %v", s.User, s.Sending)
	}
}
