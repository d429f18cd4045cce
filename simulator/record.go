package simulator

import (
	"strings"
	"sync"
	"time"
)

// An Exchange is one request and what became of it.
type Exchange struct {
	At time.Time // when it arrived or was sent, by the world's clock
	// Name is the path of an API call, or "callback:" and the CallbackCommand, or
	// "push:" and the Event, or "push:verify" for the check of the URL.
	Name    string
	Attempt int // of a callback or push, from 1; 0 for API calls
	Status  int // HTTP status of the answer; 0: none came or was given
	Code    int // errcode or ErrorCode of the answer
	// Latency is how long the answer took, by the machine's clock.
	Latency time.Duration
	Err     string // why there was no good answer; empty: there was
	Fault   string // the faults applied
}

// Record is what went to and fro. It is safe for concurrent use.
type Record struct {
	mu     sync.Mutex
	limit  int
	counts map[string]int
	log    []Exchange // a ring once it has limit entries
	start  int
}

func (r *Record) add(x Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[x.Name]++
	if len(r.log) < r.limit {
		r.log = append(r.log, x)
		return
	}
	r.log[r.start] = x
	r.start = (r.start + 1) % r.limit
}

// Count returns how many exchanges there were with a name that pattern matches, as
// Faults match: "/*" counts all API calls, "callback:*" all callbacks. It counts all
// there ever were, beyond RecordLimit too.
func (r *Record) Count(pattern string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for name, c := range r.counts {
		if match(pattern, name) {
			n += c
		}
	}
	return n
}

// Exchanges returns the latest exchanges that pattern matches, oldest first.
func (r *Record) Exchanges(pattern string) []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	var xs []Exchange
	for i := range r.log {
		if x := r.log[(r.start+i)%len(r.log)]; match(pattern, x.Name) {
			xs = append(xs, x)
		}
	}
	return xs
}

// match reports whether name is pattern, or begins with it if pattern ends in "*".
func match(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}
