package race_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/trust"
)

var permitRaces = []race{
	{"one permit pays for one card, whoever asks first", onePermit},
	{"as many cards as permits, when each sends as long as it may", permitsOfMany},
	{"each tap counts once, whoever tells of it and how often", taps},
	{"a template is switched off while cards are reserved", revokeAgainstReserve},
	{"a card ends once, and everybody is told how", settle},
	{"a card is settled, reported, resolved and concluded at once", reportsAgainstSettle},
	{"a card that runs find begun is reserved or voided", resolveAgainstReserve},
}

// card is a card of a user's, as instance i begins it.
func card(round, i int, user notify.UserID, openID notify.OpenID) notify.Reserve {
	id := notify.CardID(fmt.Sprintf("%d-%d-%s", round, i, user))
	return notify.Reserve{Card: id, OpenID: openID, User: user, Lane: notify.LaneMessages, Template: tmpl,
		Messages: []notify.Identity{notify.Identity("of " + id)}, PerHour: 1000, UnknownAfter: time.Minute}
}

func outcome(r notify.Reserve, state notify.CardState, permit notify.PermitFate) notify.Settle {
	s := notify.Settle{Card: r.Card, OpenID: r.OpenID, Template: r.Template, State: state, Permit: permit,
		User: r.User, Lane: r.Lane, Messages: r.Messages, UnknownAfter: r.UnknownAfter}
	if state == notify.CardDelivered {
		s.Final = notify.StateDelivered
	}
	return s
}

func onePermit(s *stage) {
	for round := range s.rounds() {
		user, openID := s.subscriber(1)
		got := make([]notify.Reserved, len(s.instances))
		s.meet(func(i int, st *store.Store) (err error) {
			got[i], err = st.Reserve(s.Context(), card(round, i, user, openID))
			return err
		})
		for i, r := range got {
			if r.Status != notify.ReserveOK && r.Status != notify.ReserveBusy {
				s.Fatalf("instance %d is told %q", i, r.Status)
			}
		}
		if n := count(got, isOK); n != 1 {
			s.broken(trust.Violated, "one permit was reserved %d times", n)
		}
		s.owns(openID, 1, 1)
	}
}

func isOK(r notify.Reserved) bool { return r.Status == notify.ReserveOK }

func permitsOfMany(s *stage) {
	const permits = 5
	user, openID := s.subscriber(permits)
	sent := make([]int, len(s.instances))
	s.meet(func(i int, st *store.Store) error {
		for n := 0; ; n++ {
			c := card(n, i, user, openID)
			r, err := st.Reserve(s.Context(), c)
			if err != nil || r.Status == notify.ReserveNoPermit {
				return err
			}
			if r.Status != notify.ReserveOK {
				continue
			}
			sent[i]++
			if _, err := st.Settle(s.Context(), outcome(c, notify.CardDelivered, notify.PermitSpent)); err != nil {
				return err
			}
		}
	})
	sum := 0
	for _, n := range sent {
		sum += n
	}
	if sum != permits {
		s.broken(trust.Violated, "%d cards for %d permits", sum, permits)
	}
	s.owns(openID, 0, 0)
}

// Each tap counts once, told by a popup, by a report or by both, in whatever order, and told
// again by everybody.
func taps(s *stage) {
	for range s.rounds() {
		_, openID := s.subscriber(0)
		const taps = 6
		var facts []notify.Fact
		for n := range taps {
			at, id := s.clock().Add(-time.Duration(n)*5*time.Minute), s.fresh("tap")
			if n%3 != 1 {
				facts = append(facts, s.tap(openID, notify.GrantPopup, id, at))
			}
			if n%3 != 0 {
				facts = append(facts, s.tap(openID, notify.GrantReport, id, at.Add(time.Minute)))
			}
		}
		// Of two more, soon after one another, both are reported, and WeChat tells of one.
		at := s.clock().Add(-time.Hour)
		facts = append(facts, s.tap(openID, notify.GrantPopup, s.fresh("tap"), at), s.tap(openID, notify.GrantReport, s.fresh("tap"), at),
			s.tap(openID, notify.GrantReport, s.fresh("tap"), at.Add(30*time.Second)))
		s.meet(func(i int, st *store.Store) error {
			for _, n := range rand.New(rand.NewPCG(uint64(i), 1)).Perm(len(facts)) {
				if _, err := st.Record(s.Context(), s.rules, facts[n:n+1]); err != nil {
					return err
				}
			}
			return nil
		})
		s.owns(openID, taps+2, 0)
	}
}

// A template that is switched off while cards are reserved pays for one card at most, and has
// nothing left; what is granted later stays.
func revokeAgainstReserve(s *stage) {
	for round := range s.rounds() {
		user, openID := s.subscriber(3)
		off := notify.Fact{Revoke: &notify.Revoke{ID: s.fresh("off"), OpenID: openID, At: s.clock(), Templates: []notify.TemplateID{tmpl}}}
		later := s.tap(openID, notify.GrantPopup, s.fresh("tap"), s.clock().Add(time.Minute))
		got := make([]notify.Reserved, len(s.instances))
		s.meet(func(i int, st *store.Store) (err error) {
			switch i % 4 {
			case 0:
				_, err = st.Record(s.Context(), s.rules, []notify.Fact{off})
			case 1:
				_, err = st.Record(s.Context(), s.rules, []notify.Fact{later})
			default:
				got[i], err = st.Reserve(s.Context(), card(round, i, user, openID))
			}
			return err
		})
		if n := count(got, isOK); n > 1 {
			s.broken(trust.Violated, "%d cards of a template are on their way at once", n)
		}
		held := count(got, isOK)
		s.owns(openID, 1, held)
		for i, r := range got {
			if r.Status == notify.ReserveOK {
				_, err := s.one().Settle(s.Context(), outcome(card(round, i, user, openID), notify.CardDelivered, notify.PermitSpent))
				s.must(err)
			}
		}
		s.owns(openID, 1-held, 0)
	}
}

// A card ends once. Everybody is told how, whatever he says himself, and its permit has one
// fate; WeChat's own report may correct it.
func settle(s *stage) {
	fates := []notify.Settle{
		{State: notify.CardDelivered, Permit: notify.PermitSpent},
		{State: notify.CardNotSent, Permit: notify.PermitRefunded},
		{State: notify.CardUnknown, Permit: notify.PermitHeld},
		{State: notify.CardRefused, Permit: notify.PermitZeroed},
	}
	left := map[notify.CardState][2]int{notify.CardDelivered: {1, 0}, notify.CardNotSent: {2, 0}, notify.CardUnknown: {2, 1}, notify.CardRefused: {0, 0}}
	for round := range s.rounds() {
		user, openID := s.subscriber(2)
		c := card(round, 0, user, openID)
		_, err := s.one().Reserve(s.Context(), c)
		s.must(err)
		got := make([]notify.CardState, len(s.instances))
		s.meet(func(i int, st *store.Store) (err error) {
			fate := fates[(i+round)%len(fates)]
			got[i], err = st.Settle(s.Context(), outcome(c, fate.State, fate.Permit))
			return err
		})
		for _, state := range got {
			if state != got[0] {
				s.broken(trust.Violated, "a card ended %q for one and %q for another", got[0], state)
			}
		}
		want := left[got[0]]
		s.owns(openID, want[0], want[1])
	}
}

// Settle, WeChat's reports of the same card, its resolution by runs that found it begun, and
// what ends unknown cards: one permit, spent once.
func reportsAgainstSettle(s *stage) {
	for round := range s.rounds() {
		user, openID := s.subscriber(1)
		c := card(round, 0, user, openID)
		_, err := s.one().Reserve(s.Context(), c)
		s.must(err)
		s.advance(notify.Lease + time.Second) // the sender is slow: others may give the card up
		sent := notify.Fact{Sent: &notify.Sent{OpenID: openID, Template: tmpl, At: s.clock().Truncate(time.Second)}}
		s.meet(func(i int, st *store.Store) (err error) {
			switch i % 4 {
			case 0:
				_, err = st.Settle(s.Context(), outcome(c, notify.CardDelivered, notify.PermitSpent))
			case 1:
				_, err = st.Record(s.Context(), s.rules, []notify.Fact{sent})
			case 2:
				_, err = st.Resolve(s.Context(), notify.OpenCard{ID: c.Card, OpenID: openID, Template: tmpl})
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
func (s *stage) reconcileAll() {
	s.Helper()
	for range 3 {
		_, err := s.one().Reconcile(s.Context(), 10000)
		s.must(err)
		s.advance(notify.Lease + time.Second)
	}
}

// A card that many runs find begun is voided or reserved, never both.
func resolveAgainstReserve(s *stage) {
	for round := range s.rounds() {
		user, openID := s.subscriber(1)
		c := card(round, 0, user, openID)
		reserved := make([]notify.Reserved, len(s.instances))
		resolved := make([]notify.Resolved, len(s.instances))
		s.meet(func(i int, st *store.Store) (err error) {
			if i%2 == 0 {
				reserved[i], err = st.Reserve(s.Context(), c)
			} else {
				resolved[i], err = st.Resolve(s.Context(), notify.OpenCard{ID: c.Card, OpenID: openID, Template: tmpl})
			}
			return err
		})
		sent := count(reserved, isOK)
		void := count(resolved, func(r notify.Resolved) bool { return r.State == notify.CardVoid })
		if sent > 0 && void > 0 {
			s.broken(trust.Violated, "%d may send a card, and %d were told that nobody will", sent, void)
		}
		s.owns(openID, 1, min(sent, 1))
	}
}
