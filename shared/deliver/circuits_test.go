package deliver_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/simulator"
)

// circuits returns the names of those that the store knows of.
func (s *system) circuits() (names []string) {
	s.t.Helper()
	o, err := store.ReadOverview(s.t.Context(), s.store, "")
	s.t.Must(err)
	for _, c := range o.Circuits {
		names = append(names, c.Name)
	}
	return names
}

// What fails for everybody is not tried for everybody: one card opens the circuit, and from then on
// one at a time tries whether it can close. When one gets through, the rest follows.
func TestCircuit(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]int{"template": 40037, "app": 40013} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			users := s.away(20, 1)
			s.deliver.Rules.Workers = 1 // one card finds out before the next is sent
			s.sim.Faults.Always(pathSend, simulator.Code(code))
			s.tell(users...)
			s.run(10 * time.Second)
			for _, user := range users {
				steps, err := s.store.Timeline(t.Context(), fact.UserID(user))
				s.t.Must(err)
				if !slices.ContainsFunc(steps, func(s notify.Step) bool { return s.Reason == fact.ReasonOperator }) {
					t.Errorf("%s was not put off for the operator: %+v", user, steps)
				}
			}
			s.run(9 * time.Minute)
			s.tried(1)
			s.run(10 * time.Minute)
			s.tried(2)
			s.sim.Faults.Clear()
			s.run(6 * time.Minute)
			s.got(1, users...)
			if open := s.circuits(); len(open) > 0 {
				t.Errorf("open circuits: %q", open)
			}
		})
	}
}

// Cards that fail alike, side by side, alert once.
func TestOneAlert(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.sim.Faults.Always(pathSend, simulator.Code(40013))
	var sending sync.WaitGroup
	sending.Add(8)
	s.intercept(func(call, _ string) error {
		if call == "send" {
			sending.Done()
			sending.Wait()
		}
		return nil
	})
	s.tell(s.away(8, 1)...)
	s.run(time.Minute)
	s.tried(8)
	if len(s.alerts) != 1 {
		t.Errorf("alerts %q, want one", s.alerts)
	}
}

// An answer that is about the card itself shows that app and template are sound; one that
// says nothing of them does not.
func TestWhatClosesACircuit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer simulator.Fault
		closes bool
	}{
		"refused":      {simulator.Code(43101), true},
		"no such user": {simulator.Code(40003), true},
		"a defect":     {simulator.Code(47001), true},
		"the wording":  {simulator.Code(45168), true},
		"busy":         {simulator.Code(-1), false},
		"too many":     {simulator.Code(45011), false},
		"unlisted":     {simulator.Code(99999), false},
		"unknown":      {simulator.HTTPStatus(502), false},
		"unreached":    {simulator.Refuse(), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			s.has(1)
			s.sim.Faults.Next(pathSend, 1, simulator.Code(40037))
			s.told("a")
			s.sim.Faults.Always(pathSend, c.answer)
			s.run(9*time.Minute + 30*time.Second)
			if len(s.cards) < 2 || len(s.circuits()) > 0 == c.closes {
				t.Errorf("%d cards, open circuits %q", len(s.cards), s.circuits())
			}
		})
	}
}

// Ten different users in a row whom WeChat does not know stop all cards: the AppID is wrong, most
// likely. One card that arrives ends the row.
func TestTenUnknownUsersInARow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrives int // which card does; 0: none
		tried   int // of 19, one after the other
	}{
		"ten":                              {0, 10},
		"nine, one that arrives, and nine": {10, 19},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			for i, user := range s.away(19, 1) {
				s.sim.Faults.Clear()
				if i+1 != c.arrives {
					s.sim.Faults.Always(pathSend, simulator.Code(40003))
				}
				s.tell(user)
				s.run(5 * time.Second)
			}
			s.tried(c.tried)
			if stopped := slices.Contains(s.circuits(), "app"); stopped != (c.tried == 10) {
				t.Errorf("open circuits: %q", s.circuits())
			}
		})
	}
	t.Run("one user ten times is no row", func(t *testing.T) {
		t.Parallel()
		s := newSystem(t)
		s.sim.Faults.Always(pathSend, simulator.Code(40003))
		for range 11 {
			s.bind(tom)
			s.has(1)
			s.say("a")
			s.run(5 * time.Second)
		}
		s.tried(11)
	})
	t.Run("ten are enough when more are due at once", func(t *testing.T) {
		t.Parallel()
		s := newSystem(t)
		users := s.away(15, 1)
		s.deliver.Rules.Workers = 1
		s.sim.Faults.Always(pathSend, simulator.Code(40003))
		s.tell(users...)
		s.run(time.Minute)
		s.tried(10)
		s.sim.Faults.Clear()
		s.run(12 * time.Minute)
		s.tried(15)
	})
}
