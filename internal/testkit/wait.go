package testkit

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen.
const Patience = 30 * time.Second

// Receive waits for a value.
func Receive[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(Patience):
		t.Fatalf("it did not come: %s", what)
		panic("unreachable")
	}
}

// Eventually waits for a condition that nobody announces.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !soon(ok) {
		t.Fatalf("it did not come to pass: %s", what)
	}
}

// soon reports whether ok was true before patience ended.
func soon(ok func() bool) bool {
	deadline, tick := time.After(Patience), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// Output is what something writes while a test reads it. The zero value is empty.
type Output struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Reset forgets what was written.
func (o *Output) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Reset()
}

// Lines returns the whole lines that hold all the words.
func (o *Output) Lines(words ...string) (found []string) {
next:
	for line := range strings.Lines(o.String()) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// Line returns the first whole line that holds all the words, or "".
func (o *Output) Line(words ...string) string {
	for _, line := range o.Lines(words...) {
		return strings.TrimSpace(line)
	}
	return ""
}

// Await waits for a line that holds all the words.
func (o *Output) Await(t testing.TB, words ...string) (line string) {
	t.Helper()
	if !soon(func() bool { line = o.Line(words...); return line != "" }) {
		t.Fatalf("no line came with %q in\n%s", words, o)
	}
	return line
}

// ProcessState returns the letter of the state of a process: T is stopped, Z is a zombie, "" is gone.
func ProcessState(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
	return after[:1]
}

// Gone reports whether a process runs no more.
func Gone(pid int) bool {
	s := ProcessState(pid)
	return s == "" || s == "Z"
}
