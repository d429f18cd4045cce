package race_test

import (
	"fmt"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/trust"
)

var cardRaces = []race{
	{"all look at many who are due", manyRecipients},
	{"a call that both sources tell of is told once", ringing},
	{"operators replay one dead letter", replay},
	{"one tries whether a circuit can close", prober},
	{"each user whom WeChat does not know counts once", goneInRow},
}

func manyRecipients(s *system) {
	p := s.platform()
	var facts []fact.Fact
	var openIDs []fact.OpenID
	for range trust.Size(20, 50, 300) {
		user, openID := s.subscriber(1)
		facts, openIDs = append(facts, s.message(user)), append(openIDs, openID)
	}
	s.record(s.one(), facts...)
	s.advance(s.rules.Lead)
	p.run()
	p.toldOnce(facts...)
	p.endedOnce(facts...)
	for _, o := range openIDs {
		s.owns(o, 0, 0)
	}
}

// ringing has every instance hear of a call from both sources, and look at it.
func ringing(s *system) {
	for range s.rounds() {
		p := s.platform()
		user, openID := s.subscriber(3)
		ring := fact.Ring{Call: fact.MessageID(s.fresh("call")), Source: fact.CallSignal, Caller: "peer",
			Users: []fact.UserID{user}, At: s.clock(), For: 30 * time.Second}
		twin := ring
		twin.Call, twin.Source = "twin of "+ring.Call, fact.CallWebhook
		s.meet(func(i int, st *store.Store) error {
			both := []fact.Fact{{Ring: &ring}, {Ring: &twin}}
			if i%2 == 1 {
				both[0], both[1] = both[1], both[0]
			}
			if _, err := st.Record(s.Context(), s.rules, both); err != nil {
				return err
			}
			_, err := p.deliverer(st).Pass(s.Context())
			return err
		})
		p.run()
		if p.cards[openID] != 1 {
			trust.Broken(s, trust.Doubled, "%d cards of one call", p.cards[openID])
		}
		s.owns(openID, 2, 0)
		ends := s.ends(user)
		if len(ends) != 1 {
			trust.Broken(s, trust.Violated, "one call ended as %v", ends)
		}
	}
}

// replay has a letter announced again by everybody: once.
func replay(s *system) {
	for range s.rounds() {
		p := s.platform()
		user, openID := s.subscriber(2)
		facts := []fact.Fact{s.message(user), s.message(user)}
		s.record(s.one(), facts...)
		s.advance(s.rules.Lead)
		p.fail = func(card.Card) error { return refusal(card.ClassDefect) }
		p.run()
		p.fail = nil
		letters, err := s.one().DeadLetters(s.Context(), 10)
		s.Must(err)
		if len(letters) != 1 || len(letters[0].Messages) != len(facts) {
			s.Fatalf("letters: %+v, want one of %d messages", letters, len(facts))
		}
		again := make([]int, len(s.instances))
		s.meet(func(i int, st *store.Store) error {
			r, err := st.Replay(s.Context(), user, letters[0].ID)
			again[i] = r.Messages
			return err
		})
		sum := 0
		for _, n := range again {
			sum += n
		}
		if sum != len(facts) {
			trust.Broken(s, trust.Doubled, "%d messages wait again, of %d in the letter", sum, len(facts))
		}
		p.run()
		p.toldOnce(facts...)
		s.owns(openID, 1, 0)
	}
}

// prober has everybody come to a circuit whose time is over, each with a card: one is sent.
func prober(s *system) {
	for range s.rounds() {
		p := s.platform()
		for range s.instances {
			user, _ := s.subscriber(1)
			s.record(s.one(), s.message(user))
		}
		s.Must(s.one().OpenCircuit(s.Context(), notify.Circuit{Name: string(tmpl), Until: s.clock(), Detail: "template"}))
		s.advance(s.rules.Lead)
		p.fail = func(card.Card) error { return refusal(card.ClassTemplate) }
		s.meet(func(_ int, st *store.Store) error {
			_, err := p.deliverer(st).Pass(s.Context())
			return err
		})
		sent := 0
		for _, n := range p.cards {
			sent += n
		}
		if sent != 1 {
			trust.Broken(s, trust.Violated, "%d cards try whether a circuit can close", sent)
		}
		s.Must(s.raw.FlushAll(s.Context()).Err())
	}
}

type refusal card.Class

func (r refusal) Error() string     { return fmt.Sprint("refused: ", card.Class(r)) }
func (r refusal) Class() card.Class { return card.Class(r) }

func goneInRow(s *system) {
	for range s.rounds() {
		counts := make([]int, len(s.instances))
		s.meet(func(i int, st *store.Store) (err error) {
			counts[i], err = st.CountUnknownOpenID(s.Context(), fact.OpenID([]string{"a", "b", "c", "d", "e"}[i%5]))
			return err
		})
		if got, want := slices.Max(counts), min(5, len(s.instances)); got != want {
			trust.Broken(s, trust.Violated, "%d users in a row, want %d", got, want)
		}
		_, err := s.one().CountUnknownOpenID(s.Context(), "")
		s.Must(err)
	}
}
