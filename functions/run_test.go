package functions_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/notify"
)

// watch has f asked about each call of a function, from here on. Nil lets all pass.
func (s *stage) watch(f func(of string, r functest.Request) *functest.Cut) {
	if f == nil {
		f = func(string, functest.Request) *functest.Cut { return nil }
	}
	s.tap.On(func(r functest.Request) *functest.Cut {
		if s.storeIsAway() {
			return &functest.Cut{}
		}
		if r.Name == "claim" || r.Name == "watch" {
			s.jump()
		}
		return f("store", r)
	})
	s.upstream.On(func(r functest.Request) *functest.Cut { return f("upstream", r) })
}

func (s *stage) storeIsAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

// setAway cuts all connections to the store from now on, or no more.
func (s *stage) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// jump moves the clock to what falls due within a lease, if nothing is due: so a run need
// not wait for it.
func (s *stage) jump() {
	const mostJumps = 50 // of one invocation
	due, err := s.waiting(queues...)
	if err != nil || len(due) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := slices.MinFunc(due, time.Time.Compare).Sub(s.clock.Now()); d > 0 && d <= notify.Lease && s.jumps < mostJumps {
		s.jumps++
		s.clock.Pass(d)
	}
}

// instance returns an instance of a function that runs.
func (s *stage) instance(function string) *process {
	s.mu.Lock()
	p := s.function[function]
	s.mu.Unlock()
	if p == nil {
		p = startFunction(s.t, function, s.settings)
		s.mu.Lock()
		s.function[function] = p
		s.mu.Unlock()
	}
	return p
}

// kill ends the instance of a function.
func (s *stage) kill(function string) {
	s.mu.Lock()
	p := s.function[function]
	delete(s.function, function)
	s.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

// happen tells the path's function what happens. The platforms repeat what was not heard.
func (s *stage) happen(hs []happening) {
	s.t.Helper()
	const tries = 5
	for _, h := range hs {
		if h.before != nil {
			h.before()
		}
		heard, answers := false, []string(nil)
		for try := 0; !heard && try < tries && !(h.once && try > 0); try++ {
			s.mu.Lock()
			s.jumps = 0
			s.mu.Unlock()
			answer, err := s.instance(s.path.function).call(h.event(try), h.time)
			heard = err == nil && h.heard(answer)
			answers = append(answers, fmt.Sprintf("%s, %v", answer, err))
		}
		if !heard && !h.once {
			s.t.Errorf("%s did not succeed in %d tries: %q", s.path.function, tries, answers)
		}
	}
}

// goOn has the platform and the timer run deliver until nothing waits any more. What was
// lost to a crash is looked at when its lease is over; what waits for WeChat, or for its
// quota, when it is time. A crash may also lose the note that something is due in a shard: the
// timer's next run looks at all.
func (s *stage) goOn() {
	s.t.Helper()
	const runs = 30
	s.setAway(false)
	looked := false
	for range runs {
		events := s.held()
		due := s.queued(queues...)
		switch {
		case len(events) > 0:
		case len(due) == 0:
			return
		default:
			wait := slices.MinFunc(due, time.Time.Compare).Sub(s.clock.Now())
			if wait <= 0 && looked {
				wait = time.Minute
			}
			s.clock.Pass(max(0, wait))
			events, looked = []string{"{}"}, true
		}
		for _, e := range events {
			s.deliver(e)
		}
	}
	s.t.Errorf("something waits after %d runs: %v", runs, s.queued(queues...))
}

// held returns the events that the platform holds, and forgets them.
func (s *stage) held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.queue
	s.queue = nil
	return events
}

// deliver runs deliver. An instance that was struck when it had answered already is not
// there any more, and the next one runs the event.
func (s *stage) deliver(event string) {
	s.t.Helper()
	s.mu.Lock()
	s.jumps = 0
	s.mu.Unlock()
	_, err := s.instance("deliver").call(event, runTime)
	if errors.Is(err, errKilled) {
		_, err = s.instance("deliver").call(event, runTime)
	}
	if err != nil {
		s.t.Fatalf("a run of deliver: %v", err)
	}
}
