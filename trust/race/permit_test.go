package race_test

import (
	"fmt"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
	"wxnotify/trust"
)

var permitRaces = []race{
	{"as many cards as permits, when each sends as long as it may", permitsOfMany},
	{"a card is settled, reported, resolved and concluded at once", reportsAgainstSettle},
}

// cardOf is a card of a user's, as instance i begins it.
func cardOf(round, i int, user fact.UserID, openID fact.OpenID) permit.Reserve {
	id := card.ID(fmt.Sprintf("%d-%d-%s", round, i, user))
	return permit.Reserve{Card: permit.Card{ID: id, OpenID: openID, User: user, Queue: card.QueueMessages,
		Template: tmpl, Messages: []fact.Identity{fact.Identity("of " + id)}, UnknownAfter: time.Minute},
		PerHour: 1000}
}

func outcome(r permit.Reserve, state permit.CardState, fate permit.Fate) permit.Settle {
	s := permit.Settle{Card: r.Card, End: permit.End{State: state, Permit: fate}}
	if state == permit.CardDelivered {
		s.Final = fact.StateDelivered
	}
	return s
}

func permitsOfMany(s *system) {
	const permits = 5
	user, openID := s.subscriber(permits)
	sent := make([]int, len(s.instances))
	s.meet(func(i int, st *store.Store) error {
		for n := 0; ; n++ {
			c := cardOf(n, i, user, openID)
			r, err := st.Reserve(s.Context(), c)
			if err != nil || r.Status == permit.ReserveNoPermit {
				return err
			}
			if r.Status != permit.ReserveOK {
				continue
			}
			sent[i]++
			if _, err := st.Settle(s.Context(), outcome(c, permit.CardDelivered, permit.Spent)); err != nil {
				return err
			}
		}
	})
	sum := 0
	for _, n := range sent {
		sum += n
	}
	if sum != permits {
		trust.Broken(s, trust.Violated, "%d cards for %d permits", sum, permits)
	}
	s.owns(openID, 0, 0)
}

// Settle, WeChat's reports of the same card, its resolution by runs that found it begun, and
// what ends unknown cards: one permit, spent once.
func reportsAgainstSettle(s *system) {
	for round := range s.rounds() {
		user, openID := s.subscriber(1)
		c := cardOf(round, 0, user, openID)
		_, err := s.one().Reserve(s.Context(), c)
		s.Must(err)
		s.advance(permit.Lease + time.Second) // the sender is slow: others may give the card up
		sent := fact.Fact{Sent: &fact.Sent{OpenID: openID, Template: tmpl, At: s.clock().Truncate(time.Second)}}
		s.meet(func(i int, st *store.Store) (err error) {
			switch i % 4 {
			case 0:
				_, err = st.Settle(s.Context(), outcome(c, permit.CardDelivered, permit.Spent))
			case 1:
				_, err = st.Record(s.Context(), s.rules, []fact.Fact{sent})
			case 2:
				_, err = st.Resolve(s.Context(), permit.OpenCard{ID: c.ID, OpenID: openID, Template: tmpl})
			case 3:
				_, err = st.Reconcile(s.Context(), 1000)
			}
			return err
		})
		s.advance(10 * time.Minute)
		s.reconcileAll()
		s.owns(openID, 0, 0)
	}
}

// reconcileAll ends what was unknown.
func (s *system) reconcileAll() {
	s.Helper()
	for range 3 {
		_, err := s.one().Reconcile(s.Context(), 10000)
		s.Must(err)
		s.advance(permit.Lease + time.Second)
	}
}
