package functions_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/im"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/trust/instance"
)

const (
	runTime    = 30 * time.Second // of an invocation of deliver
	answerTime = 10 * time.Second // of one of a function that answers somebody
)

// A happening is something that a platform tells a function, until it has heard.
type happening struct {
	before func()               // what happens before it is told; may be nil
	event  func(try int) string // what the function is invoked with
	heard  func(answer []byte) bool
	once   bool          // it is not repeated
	loses  bool          // and messages are lost with it
	time   time.Duration // of an invocation
}

// aRun is one run of deliver, which nobody repeats: the timer starts the next.
func aRun() happening {
	return happening{event: func(int) string { return wake }, heard: func([]byte) bool { return true }, once: true, time: runTime}
}

// aRunAfter is one before which something else happens.
func aRunAfter(before func()) happening {
	h := aRun()
	h.before = before
	return h
}

// reported is a callback or a push. IM signs each try anew.
func (s *system) reported(r report) happening {
	return s.calling(http.MethodPost, http.StatusOK, func(int) (string, http.Header) {
		if r.path == "/imcallback" {
			im.SignQuery(r.query, secret.New(s.settings["IM_CALLBACK_TOKEN"]), time.Now())
		}
		return r.body, nil
	}, r.query, func(res response) bool {
		return res.Body == "success" || strings.Contains(res.Body, `"ActionStatus":"OK"`)
	})
}

// asked is a request of a client or a backend, which is made anew for each try.
func (s *system) asked(method string, status int, make func(try int) (body string, header http.Header), answered func(response)) happening {
	return s.calling(method, status, make, nil, func(res response) bool {
		if answered != nil {
			answered(res)
		}
		return true
	})
}

func (s *system) calling(method string, status int, make func(int) (string, http.Header), query url.Values, heard func(response) bool) happening {
	return happening{
		event: func(try int) string {
			body, header := make(try)
			return string(testkit.HTTPEvent(method, query, header, body))
		},
		heard: func(answer []byte) bool {
			res := s.response(answer)
			return res.StatusCode == status && heard(res)
		},
		time: answerTime,
	}
}

// watch has f asked about each call of a function, from here on. Nil lets all pass.
func (s *system) watch(f func(of string, r request) *hangUp) {
	if f == nil {
		f = func(string, request) *hangUp { return nil }
	}
	s.tap.on(func(r request) *hangUp {
		if s.away.Load() {
			return &hangUp{}
		}
		if r.name == "claim" || r.name == "watch" {
			s.jump()
		}
		return f("store", r)
	})
	s.upstream.on(func(r request) *hangUp { return f("upstream", r) })
}

// jump moves the clock to what falls due within a lease, if nothing is due: so a run need
// not wait for it.
func (s *system) jump() {
	const mostJumps = 50 // of one invocation
	due, err := s.waiting()
	if err != nil || len(due) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := slices.MinFunc(due, time.Time.Compare).Sub(s.now()); d > 0 && d <= permit.Lease && s.jumps.Add(1) <= mostJumps {
		s.pass(d)
	}
}

// instance returns an instance of a function that runs.
func (s *system) instance(function string) *instance.Process {
	s.mu.Lock()
	p := s.function[function]
	s.mu.Unlock()
	if p == nil {
		p = start(s.t, function, s.settings)
		s.mu.Lock()
		s.function[function] = p
		s.mu.Unlock()
	}
	return p
}

// kill ends the instance of a function.
func (s *system) kill(function string) {
	s.mu.Lock()
	p := s.function[function]
	delete(s.function, function)
	s.mu.Unlock()
	if p != nil {
		p.Kill()
	}
}

// happen tells the path's function what happens. The platforms repeat what was not heard.
func (s *system) happen(hs []happening) {
	s.t.Helper()
	const tries = 5
	for _, h := range hs {
		if h.before != nil {
			h.before()
		}
		heard, answers := false, []string(nil)
		for try := 0; !heard && try < tries && !(h.once && try > 0); try++ {
			s.jumps.Store(0)
			answer, err := s.instance(s.path.function).Invoke(h.event(try), h.time)
			heard = err == nil && h.heard(answer)
			answers = append(answers, fmt.Sprintf("%s, %v", answer, err))
		}
		s.lost = s.lost || !heard && h.loses
		if !heard && !h.once {
			s.t.Errorf("%s did not succeed in %d tries: %q", s.path.function, tries, answers)
		}
	}
}

// wake is the event of a run that somebody wakes, or the timer starts.
const wake = "{}"

// goOn has the platform and the timer run deliver until nothing waits any more. What was
// lost to a crash is looked at when its lease is over; what waits for WeChat, or for its
// quota, when it is time. A crash may also lose the note that something is due in a shard: the
// timer's next run looks at all.
func (s *system) goOn() {
	s.t.Helper()
	const runs = 30
	s.away.Store(false)
	looked := false
	for range runs {
		events := s.scf.Take()
		if !slices.ContainsFunc(events, func(e string) bool { return e != wake }) {
			events = nil // a run that had no time left wakes its successor, which need not wait for what is due
		}
		due := s.queued()
		switch {
		case len(events) > 0:
		case len(due) == 0:
			return
		default:
			wait := slices.MinFunc(due, time.Time.Compare).Sub(s.now())
			if wait <= 0 && looked {
				wait = time.Minute
			}
			s.pass(max(0, wait))
			events, looked = []string{wake}, true
		}
		for _, e := range events {
			s.deliver(e)
		}
	}
	s.t.Errorf("something waits after %d runs: %v", runs, s.queued())
}

func (s *system) queued() []time.Time {
	s.t.Helper()
	due, err := s.waiting()
	s.t.Must(err)
	return due
}

// deliver runs deliver. An instance that was struck when it had answered already is not
// there any more, and the next one runs the event.
func (s *system) deliver(event string) {
	s.t.Helper()
	s.jumps.Store(0)
	_, err := s.instance("deliver").Invoke(event, runTime)
	if errors.Is(err, instance.ErrEnded) {
		_, err = s.instance("deliver").Invoke(event, runTime)
	}
	if err != nil {
		s.t.Fatalf("a run of deliver: %v", err)
	}
}
