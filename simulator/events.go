package simulator

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// An EventKind says what an Event tells.
type EventKind string

// What can happen.
const (
	EventRequest  EventKind = "request"  // an API call was answered; Name is its path, Code the answer
	EventCallback EventKind = "callback" // IM sent a callback; Name is its command
	EventPush     EventKind = "push"     // WeChat sent a push; Name is its event

	EventSignedIn EventKind = "signed in" // User connected; Name is the platform
	EventLeaving  EventKind = "leaving"   // User is gone but still counts as Online; Name says how
	EventGone     EventKind = "gone"      // IM noticed; Name is Disconnect or Logout
	EventAsked    EventKind = "asked"     // presence of User was asked; Name is the answer
	EventMessage  EventKind = "message"   // User wrote to Peer
	EventRead     EventKind = "read"      // User read what Peer had written
	EventRecalled EventKind = "recalled"  // User took a message to Peer back
	EventCall     EventKind = "call"      // User calls, answers, ... ; Name says which

	EventLogin   EventKind = "login"   // User's login code was exchanged
	EventToken   EventKind = "token"   // an access token was issued; Name is the issuer's path
	EventDialog  EventKind = "dialog"  // User answered the subscribe dialog for template Name; Text is the answer
	EventOff     EventKind = "off"     // User switched template Name off
	EventCard    EventKind = "card"    // User's phone shows a card of template Name
	EventRefused EventKind = "refused" // a send to User of template Name was refused with Code
)

// An Event is one thing that happened, for people who watch. It never holds a secret,
// a token, a UserSig or a query.
type Event struct {
	At       time.Time // by the world's clock
	Platform string    // wechat or im
	Kind     EventKind
	User     string // UserID, openid or group
	Peer     string
	Name     string
	// Text is what a message or a card says, or a short remark.
	Text    string
	Code    int // errcode or ErrorCode
	Attempt int // of a callback or push, from 1
	Latency time.Duration
	Err     string // why a callback or push failed
	Fault   string // the fault that was applied, if any
}

// String returns the event as one line without its time.
func (e Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-6s %-9s", e.Platform, e.Kind)
	put := func(format string, args ...any) { fmt.Fprintf(&b, " "+format, args...) }
	if e.User != "" {
		put("%s", e.User)
	}
	if e.Peer != "" {
		put("-> %s", e.Peer)
	}
	if e.Name != "" {
		put("%s", e.Name)
	}
	if e.Text != "" {
		put("%q", e.Text)
	}
	if e.Code != 0 {
		put("code %d", e.Code)
	}
	if e.Attempt > 1 {
		put("try %d", e.Attempt)
	}
	if e.Latency > 0 {
		put("%s", e.Latency.Round(100*time.Microsecond))
	}
	if e.Err != "" {
		put("failed: %s", e.Err)
	}
	if e.Fault != "" {
		put("[fault: %s]", e.Fault)
	}
	return b.String()
}

// OnEvent calls f for every event from now on, one at a time and in order. f may use
// the World; it must not move a ManualClock. stop ends the calls.
func (w *World) OnEvent(f func(Event)) (stop func()) { return w.events.listen(f) }

// note queues e; the next unlock tells it.
func (w *World) note(e Event) {
	e.At = w.now()
	w.events.add(e)
}

// tell queues e and tells it. The caller does not hold w.mu.
func (w *World) tell(e Event) {
	w.note(e)
	w.events.flush()
}

// events hands events to listeners outside of every lock of the World.
type events struct {
	mu        sync.Mutex
	queue     []Event
	telling   bool
	listeners map[int]func(Event)
	next      int
}

func (s *events) listen(f func(Event)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners == nil {
		s.listeners = map[int]func(Event){}
	}
	id := s.next
	s.next++
	s.listeners[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, id)
	}
}

func (s *events) add(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.listeners) > 0 {
		s.queue = append(s.queue, e)
	}
}

// flush tells what is queued. While one goroutine tells, others leave their events
// to it, so that order holds and a listener may cause further events.
func (s *events) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.telling {
		return
	}
	s.telling = true
	defer func() { s.telling = false }()
	for len(s.queue) > 0 {
		e := s.queue[0]
		s.queue = s.queue[1:]
		fs := make([]func(Event), 0, len(s.listeners))
		for id := range s.next {
			if f, ok := s.listeners[id]; ok {
				fs = append(fs, f)
			}
		}
		s.tellAll(fs, e)
	}
}

func (s *events) tellAll(fs []func(Event), e Event) {
	s.mu.Unlock()
	defer s.mu.Lock()
	for _, f := range fs {
		f(e)
	}
}
