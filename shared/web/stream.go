package web

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of a Stream.
const (
	maxViewers   = 32
	writeTimeout = 10 * time.Second
	keepAlive    = 15 * time.Second
)

// A Stream tells pages what happens, by server-sent events. It keeps the last entries, by which a page
// that was cut off goes on where it was, and the last of each state. A slow page costs nothing: it
// holds no buffer of its own, and misses states that came between. It is safe for concurrent use.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
type Stream struct {
	keep  int
	now   func() time.Time
	epoch string // tells ids of this stream from those of a former

	mu      sync.Mutex
	entries []event // the last ones, oldest first
	next    int     // number of the next entry
	states  map[string]*state
	changed chan struct{} // closed when something is new
	viewers int
	closed  bool
}

// An event as it is written.
type event struct {
	number int
	name   string
	data   []byte
}

type state struct {
	version int
	data    []byte
}

// NewStream returns one that keeps so many entries. now is the machine's clock, for deadlines.
func NewStream(keep int, now func() time.Time) *Stream {
	return &Stream{keep: keep, now: now, epoch: rand.Text()[:8], states: map[string]*state{}, changed: make(chan struct{})}
}

// Append adds an entry: every page gets it, in order.
func (s *Stream) Append(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return // what is told is plain data
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, event{s.next, name, data})
	s.entries = s.entries[max(0, len(s.entries)-s.keep):]
	s.next++
	s.tell()
}

// Set replaces a state: every page gets the last one, if it differs from the one that it has.
func (s *Stream) Set(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.states[name]
	if st == nil {
		st = &state{}
		s.states[name] = st
	}
	if bytes.Equal(st.data, data) {
		return
	}
	st.version, st.data = st.version+1, data
	s.tell()
}

// tell wakes all who wait. The caller holds s.mu.
func (s *Stream) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Viewers returns how many pages listen.
func (s *Stream) Viewers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.viewers
}

// Close ends all connections, and whatever connects later.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.tell()
	}
}

// enter counts a page in; ok is false if there are too many.
func (s *Stream) enter() (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.viewers >= maxViewers {
		return false
	}
	s.viewers++
	s.tell() // states may be worth making now
	return true
}

func (s *Stream) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers--
}

// A view is what one page has got.
type view struct {
	next   int // number of the entry that it gets next
	states map[string]int
}

// ServeHTTP implements http.Handler. Last-Event-ID, or ?after= for a page that makes a new connection, is
// the id that the page got last. One that cannot go on there gets "reset" first, and then all that
// is kept.
func (s *Stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		Error(w, http.StatusServiceUnavailable, "too many pages listen: close some")
		return
	}
	defer s.leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("after")
	}
	v := view{s.after(last), map[string]int{}}
	rc := http.NewResponseController(w)
	idle := time.NewTicker(keepAlive)
	defer idle.Stop()
	out := []byte("retry: 1000\n\n")
	for {
		news, wait, over := s.news(&v)
		out = append(out, news...)
		if len(out) > 0 {
			_ = rc.SetWriteDeadline(s.now().Add(writeTimeout)) // a writer without deadlines is bounded by its server
			if _, err := w.Write(out); err != nil || rc.Flush() != nil {
				return
			}
		}
		if over {
			return
		}
		out = nil
		select {
		case <-wait:
		case <-idle.C:
			out = []byte(": still here\n\n")
		case <-r.Context().Done():
			return
		}
	}
}

// after returns the number of the entry behind the one with that id; -1: the page has to begin anew.
func (s *Stream) after(id string) int {
	epoch, number, _ := strings.Cut(id, "-")
	n, err := strconv.Atoi(number)
	if err != nil || epoch != s.epoch || n < 0 {
		return -1
	}
	return n + 1
}

// news returns what v has not got, and a channel that is closed when there is more. over: there will be
// none.
func (s *Stream) news(v *view) (out []byte, wait <-chan struct{}, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	first := s.next - len(s.entries)
	if v.next < first || v.next > s.next {
		b.WriteString("event: reset\ndata: {}\n\n")
		v.next = first
	}
	for _, e := range s.entries[v.next-first:] {
		fmt.Fprintf(&b, "id: %s-%d\nevent: %s\ndata: %s\n\n", s.epoch, e.number, e.name, e.data)
	}
	v.next = s.next
	for name, st := range s.states {
		if v.states[name] != st.version {
			fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", name, st.data)
			v.states[name] = st.version
		}
	}
	return b.Bytes(), s.changed, s.closed
}
