package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"wxnotify/shared/stopwatch"
)

// A Progress prints lines with the time that has passed. It is safe for concurrent use.
type Progress struct {
	mu    sync.Mutex
	w     io.Writer
	watch stopwatch.Watch
}

// NewProgress returns a Progress whose time begins now.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w, watch: stopwatch.Start()} }

// Print prints a line.
func (p *Progress) Print(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "%6s  %s\n", p.watch.Elapsed().Round(time.Second), fmt.Sprintf(format, args...))
}
