package host

import (
	"bytes"
	"sync"
)

// maxLine is where a line without an end is cut.
const maxLine = 64 << 10

// lineWriter cuts what is written to it into lines and hands each to emit, without its
// line end. It is safe for concurrent use.
type lineWriter struct {
	mu   sync.Mutex
	emit func(line []byte)
	rest []byte // an unfinished line
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.rest = append(w.rest, p[:i]...)
		w.flush()
		p = p[i+1:]
	}
	w.rest = append(w.rest, p...)
	if len(w.rest) >= maxLine {
		w.flush()
	}
	return n, nil
}

// Flush emits a last line that has no end.
func (w *lineWriter) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
}

func (w *lineWriter) flush() {
	if line := bytes.TrimSuffix(w.rest, []byte("\r")); len(line) > 0 {
		w.emit(line)
	}
	w.rest = w.rest[:0]
}
