package host

import (
	"encoding/json"
	"time"
)

// Waiting returns how many events wait for an instance of a function.
func (h *Host) Waiting(function string) int {
	p := h.pools[function]
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}

// Running returns how many asynchronous events run or are about to; those that wait
// for a retry are not counted.
func (h *Host) Running() int {
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	n := 0
	for _, l := range h.queue.lanes {
		n += l.workers
	}
	return n
}

// TimerEvent returns the event of a timer.
func TimerEvent(name string, due time.Time, argument string) []byte {
	js, err := json.Marshal(timerEvent{"Timer", name, due, argument})
	if err != nil {
		panic(err)
	}
	return js
}
