package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"wxnotify/cmd/wxnotify/internal/term"
)

// hold is how long a line waits for earlier ones. What a function did is known a moment
// later than what it did it to.
const hold = 3 * pace

// A story is what happens, in order of time. It is safe for concurrent use.
type story struct {
	mu      sync.Mutex
	out     io.Writer
	colours term.Palette
	now     func() time.Time
	waiting []block
	muted   bool // no more log lines
}

// A block is what must stay together.
type block struct {
	at   time.Time // in ms, as timelines have it
	ours bool      // follows what others do at the same time
	text string    // with its line end
}

func (b block) compare(other block) int {
	if c := b.at.Compare(other.at); c != 0 || b.ours == other.ours {
		return c
	}
	if b.ours {
		return 1
	}
	return -1
}

func newStory(out io.Writer, colours term.Palette, now func() time.Time) *story {
	return &story{out: out, colours: colours, now: now}
}

// add lets text wait for its turn; ours is set for what wxnotify does.
func (s *story) add(at time.Time, ours bool, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, block{at.Truncate(time.Millisecond), ours, text})
}

// Write adds a line of a log, now.
func (s *story) Write(p []byte) (int, error) {
	s.mu.Lock()
	muted := s.muted
	s.mu.Unlock()
	if !muted {
		s.add(s.now(), true, string(p))
	}
	return len(p), nil
}

// mute ends log lines.
func (s *story) mute() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = true
}

// print prints all that happened before t; the zero time is the end of time.
func (s *story) print(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(s.waiting, block.compare)
	n := len(s.waiting)
	if !t.IsZero() {
		for n = 0; n < len(s.waiting) && s.waiting[n].at.Before(t); n++ {
		}
	}
	for _, b := range s.waiting[:n] {
		_, _ = io.WriteString(s.out, b.text) // a terminal that has gone
	}
	s.waiting = slices.Delete(s.waiting, 0, n)
}

// A mood is how a line is meant.
type mood int

const (
	plain mood = iota
	good       // a card went out
	none       // no card went out
	bad        // somebody has to look into it
)

var moods = [...]struct {
	sign  string
	style term.Style
}{plain: {"", term.Plain}, good: {"✓ ", term.Green}, none: {"– ", term.Yellow}, bad: {"✗ ", term.Red}}

// A line is one sentence of the story.
type line struct {
	actor string
	text  string
	mood  mood
	note  string // small print
}

// The columns of a line.
const (
	actorWidth = len("wxnotify")
	textColumn = len("15:04:05") + 2 + actorWidth + 2
)

// tell adds a line.
func (s *story) tell(at time.Time, l line) {
	style := term.Cyan
	switch l.actor {
	case us:
		style = term.Bold
	case "IM", "WeChat", "client", "backend":
		style = term.Purple
	}
	m := moods[l.mood]
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s", s.colours.Paint(term.Dim, at.Local().Format(time.TimeOnly)),
		s.colours.Paint(style, term.Pad(term.Visible(l.actor), actorWidth)), s.colours.Paint(m.style, m.sign+term.Visible(l.text)))
	if l.note != "" {
		b.WriteString(" " + s.colours.Paint(term.Dim, "["+term.Visible(l.note)+"]"))
	}
	b.WriteByte('\n')
	s.add(at, l.actor == us, b.String())
}
