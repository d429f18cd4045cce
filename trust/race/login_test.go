package race_test

import (
	"errors"
	"sync"

	"wxnotify/shared/fact"
	"wxnotify/shared/store"
	"wxnotify/trust"
	"wxnotify/trust/erase/scan"
)

var loginRaces = []race{
	{"users log in with one openid while runs deliver", manyUsers},
	{"a user is erased by all, while messages come in and runs deliver", erasure},
	{"logins and erasures of one user", loginAgainstErasure},
}

// The last login wins. A card goes to an openid only for whom it belongs to.
func manyUsers(s *system) {
	for range s.rounds() {
		p := s.platform()
		_, openID := s.subscriber(len(s.instances))
		users := make([]fact.UserID, len(s.instances))
		facts := make([]fact.Fact, len(s.instances))
		for i := range users {
			users[i] = fact.UserID(s.fresh("user"))
			s.Must(s.one().Bind(s.Context(), users[i], openID))
			facts[i] = s.message(users[i])
			s.record(s.one(), facts[i])
		}
		// Each has been bound, and lost the openid to the next; now all log in again.
		s.advance(s.rules.Lead)
		var mu sync.Mutex
		bound := map[int]int64{} // when a login had succeeded
		s.meet(func(i int, st *store.Store) error {
			began := p.next()
			if err := st.Bind(s.Context(), users[i], openID); err != nil {
				return err
			}
			mu.Lock()
			bound[i] = p.next()
			for other, at := range bound {
				if other != i && at < began { // this login came after the other's
					p.seeing.Lock()
					p.gone[binding{users[other], openID}] = p.next()
					p.seeing.Unlock()
				}
			}
			mu.Unlock()
			if _, err := st.Record(s.Context(), s.rules, facts[i:i+1]); err != nil {
				return err
			}
			_, err := p.deliverer(st).Pass(s.Context())
			return err
		})
		p.run()
		p.toldOnce()
		owners := 0
		for _, u := range users {
			if _, err := s.one().OpenIDOf(s.Context(), u); err == nil {
				owners++
			} else if !errors.Is(err, store.ErrNotBound) {
				s.Fatal(err)
			}
		}
		if owners > 1 {
			trust.Broken(s, trust.Violated, "%d users have one openid", owners)
		}
		s.account(openID)
	}
}

// When the last erasure is done nothing names the user, and no card to them begins.
func erasure(s *system) {
	for range s.rounds() {
		p := s.platform()
		user, openID := s.subscriber(5)
		facts := []fact.Fact{s.message(user), s.message(user)}
		s.record(s.one(), facts...)
		more := make([]fact.Fact, len(s.instances))
		for i := range more {
			more[i] = s.message(user)
		}
		s.advance(s.rules.Lead)
		s.meet(func(i int, st *store.Store) error {
			switch i % 4 {
			case 0:
				err := st.EraseUser(s.Context(), user)
				if err != nil && !errors.Is(err, store.ErrNotBound) {
					return err
				}
				p.seeing.Lock()
				p.gone[binding{user, openID}] = p.next()
				p.seeing.Unlock()
				return nil
			case 1:
				_, err := p.deliverer(st).Pass(s.Context())
				return err
			case 2:
				return st.EraseOpenID(s.Context(), openID)
			}
			_, err := st.Record(s.Context(), s.rules, []fact.Fact{more[i], s.tap(openID, fact.GrantPopup, s.fresh("late"), s.clock()),
				{Message: &fact.Message{ID: more[i].Message.ID, From: user, To: "somebody", SentAt: s.clock()}}})
			return err
		})
		p.run()
		p.toldOnce()
		s.unnamed(string(user), string(openID))
	}
}

// unnamed wants nothing in the store to name any of names.
func (s *system) unnamed(names ...string) {
	s.Helper()
	all, err := scan.All(s.Context(), s.raw)
	s.Must(err)
	trust.Count(s.T, trust.Scanned, len(all))
	for _, e := range all {
		for _, name := range names {
			if e.Contains(name) {
				trust.Broken(s, trust.Violated, "%s is named after the erasure: %v", name, e)
			}
		}
	}
}

// Whatever came of logins and erasures at once, the next login makes all well, and the next
// erasure leaves nothing.
func loginAgainstErasure(s *system) {
	for range s.rounds() {
		user, openID := s.subscriber(2)
		s.meet(func(i int, st *store.Store) error {
			if i%2 == 0 {
				return st.Bind(s.Context(), user, openID)
			}
			if err := st.EraseUser(s.Context(), user); !errors.Is(err, store.ErrNotBound) {
				return err
			}
			return nil
		})
		s.Must(s.one().Bind(s.Context(), user, openID))
		p := s.platform()
		s.record(s.one(), s.tap(openID, fact.GrantPopup, s.fresh("tap"), s.clock()))
		m := s.message(user)
		s.record(s.one(), m)
		s.advance(s.rules.Lead)
		p.run()
		p.toldOnce(m)
		s.Must(s.one().EraseUser(s.Context(), user))
		s.unnamed(string(user), string(openID))
	}
}
