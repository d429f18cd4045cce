// Package logview shows the JSON log lines of functions to a person:
//
//	10:15:04 imcallback info  accepted request_id=5f1c… facts=1
//	10:15:04 deliver    | a line that is no JSON object
package logview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"wxnotify/cmd/wxnotify/internal/term"
)

// A View writes lines to one place. It is safe for concurrent use.
type View struct {
	mu      sync.Mutex
	out     io.Writer
	colours term.Palette
	quiet   bool
	now     func() time.Time // for lines without a time of their own
}

// New returns a View that writes to out, with ANSI colours if colour is set. Times are
// shown in the zone of the machine.
func New(out io.Writer, colour bool, now func() time.Time) *View {
	return &View{out: out, colours: term.Palette(colour), now: now}
}

// NewQuiet is New for a View that leaves out whatever is below the level of a warning.
// What is not a log line is shown.
func NewQuiet(out io.Writer, colour bool, now func() time.Time) *View {
	v := New(out, colour, now)
	v.quiet = true
	return v
}

// Line shows one line that name printed. Control characters are shown escaped, so that
// no line can steer the terminal.
func (v *View) Line(name string, line []byte) {
	e, ok := parse(line)
	if !ok {
		e = entry{message: string(line), plain: true}
	}
	if e.at.IsZero() {
		e.at = v.now()
	}
	if v.quiet && !e.plain && !e.grave() {
		return
	}
	text := v.format(name, e)
	v.mu.Lock()
	defer v.mu.Unlock()
	_, _ = io.WriteString(v.out, text) // a terminal that has gone
}

// Logger returns a logger whose lines are shown under name.
func (v *View) Logger(name string, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(lineFunc(func(line []byte) { v.Line(name, line) }), &slog.HandlerOptions{Level: level}))
}

// lineFunc is a Writer for a handler that writes a line at a time.
type lineFunc func(line []byte)

func (f lineFunc) Write(p []byte) (int, error) {
	f(bytes.TrimSuffix(p, []byte("\n")))
	return len(p), nil
}

// entry is a log line taken apart.
type entry struct {
	at      time.Time
	level   string // lower case
	message string
	attrs   []attr // in the order of the line
	plain   bool   // the line is no JSON object; message is all of it
}

type attr struct{ key, value string }

// parse reads a line as slog's JSON handler writes it; ok is false for anything else.
func parse(line []byte) (e entry, ok bool) {
	d := json.NewDecoder(bytes.NewReader(line))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return e, false
	}
	for d.More() {
		t, err := d.Token()
		key, isKey := t.(string)
		if err != nil || !isKey {
			return e, false
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return e, false
		}
		e.add(key, raw)
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return e, false
	}
	_, err := d.Token()
	return e, err == io.EOF
}

func (e *entry) add(key string, raw json.RawMessage) {
	var s string
	isText := json.Unmarshal(raw, &s) == nil && raw[0] == '"'
	switch {
	case key == "time" && isText:
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			e.at = at
			return
		}
	case key == "level" && isText:
		e.level = strings.ToLower(s)
		return
	case key == "msg" && isText:
		e.message = s
		return
	}
	value := string(raw)
	if isText {
		value = s
	}
	e.attrs = append(e.attrs, attr{key, value})
}

// grave reports a warning or worse. A level that is none may be anything.
func (e *entry) grave() bool {
	var level slog.Level
	return level.UnmarshalText([]byte(e.level)) != nil || level >= slog.LevelWarn
}

func (v *View) format(name string, e entry) string {
	var b strings.Builder
	b.WriteString(v.colours.Paint(term.Dim, e.at.Local().Format(time.TimeOnly)))
	b.WriteByte(' ')
	b.WriteString(v.colours.Paint(term.Cyan, fmt.Sprintf("%-10s", term.Visible(name))))
	b.WriteByte(' ')
	if e.plain {
		b.WriteString("| " + term.Visible(e.message) + "\n")
		return b.String()
	}
	b.WriteString(v.colours.Paint(levelColour(e.level), fmt.Sprintf("%-5s", term.Visible(e.level))))
	b.WriteString(" " + term.Visible(e.message))
	for _, a := range e.attrs {
		if a.key == "function" && a.value == name {
			continue // said already
		}
		b.WriteString(" " + v.colours.Paint(term.Dim, term.Visible(a.key)+"="))
		b.WriteString(quoted(a.value))
	}
	b.WriteByte('\n')
	return b.String()
}

func levelColour(level string) term.Style {
	switch {
	case strings.HasPrefix(level, "error"):
		return term.Red
	case strings.HasPrefix(level, "warn"):
		return term.Yellow
	case strings.HasPrefix(level, "debug"):
		return term.Dim
	}
	return term.Green
}

// quoted quotes a value that would otherwise run into its neighbours; JSON is left as
// it is.
func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " =\"") && !json.Valid([]byte(s)) {
		return strconv.Quote(s)
	}
	return term.Visible(s)
}
