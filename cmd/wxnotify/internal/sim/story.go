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
	lang    Lang
	now     func() time.Time
	hear    func(Entry) // gets what has a line, in order
	waiting []block
	muted   bool // no more log lines
}

// A block is what must stay together.
type block struct {
	at   time.Time // in ms, as timelines have it
	ours bool      // follows what others do at the same time
	text string    // with its line end
	line *Entry    // what the page shows of it; nil: nothing
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

func newStory(out io.Writer, colours term.Palette, lang Lang, now func() time.Time, hear func(Entry)) *story {
	return &story{out: out, colours: colours, lang: lang, now: now, hear: hear}
}

// add lets text wait for its turn; ours is set for what wxnotify does.
func (s *story) add(at time.Time, ours bool, text string) {
	s.wait(block{at: at, ours: ours, text: text})
}

func (s *story) wait(b block) {
	b.at = b.at.Truncate(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, b)
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
		if b.line != nil {
			s.hear(*b.line)
		}
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
	name, sign string
	style      term.Style
}{plain: {"", "", term.Plain}, good: {"good", "✓ ", term.Green}, none: {"none", "– ", term.Yellow}, bad: {"bad", "✗ ", term.Red}}

// A line is one sentence of the story.
type line struct {
	actor string
	text  Words
	mood  mood
	note  string // small print
	why   Words  // what a support person would read to the user; only the page has room for it
}

// An Entry is a line as the page gets it.
type Entry struct {
	At    time.Time `json:"at"`
	Actor Words     `json:"actor"`
	// Kind is of the actor: wxnotify, platform or person.
	Kind string `json:"kind"`
	Text Words  `json:"text"`
	// Mood is good if a card went out, none if there will be none, bad if somebody has to look into it.
	Mood string `json:"mood,omitempty"`
	Note string `json:"note,omitempty"`
	Why  *Words `json:"why,omitempty"`
}

func (l line) entry(at time.Time) *Entry {
	e := &Entry{At: at, Actor: actorWords(l.actor), Kind: l.kind(), Text: l.text, Mood: moods[l.mood].name, Note: l.note}
	if l.why != (Words{}) {
		e.Why = &l.why
	}
	return e
}

func (l line) kind() string {
	switch l.actor {
	case us:
		return "wxnotify"
	case "IM", "WeChat", "client", "backend":
		return "platform"
	}
	return "person"
}

// The columns of a line.
const (
	actorWidth = len("wxnotify")
	textColumn = len("15:04:05") + 2 + actorWidth + 2
)

// styles are how actors are painted, by kind.
var styles = map[string]term.Style{"wxnotify": term.Bold, "platform": term.Purple, "person": term.Cyan}

// tell adds a line.
func (s *story) tell(at time.Time, l line) {
	m := moods[l.mood]
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s", s.colours.Paint(term.Dim, at.Local().Format(time.TimeOnly)),
		s.colours.Paint(styles[l.kind()], term.Pad(term.Visible(actorWords(l.actor).In(s.lang)), actorWidth)),
		s.colours.Paint(m.style, m.sign+term.Visible(l.text.In(s.lang))))
	if l.note != "" {
		b.WriteString(" " + s.colours.Paint(term.Dim, "["+term.Visible(l.note)+"]"))
	}
	b.WriteByte('\n')
	s.wait(block{at: at, ours: l.actor == us, text: b.String(), line: l.entry(at)})
}
