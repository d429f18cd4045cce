package faults_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A platform answers SCF's Invoke API and keeps the events for deliver until they are taken.
type platform struct {
	mu      sync.Mutex
	away    bool // refuses connections
	hang    bool // takes requests and never answers
	queue   []string
	spilled int // events with facts there ever were
	largest int
	arrived chan struct{} // holds one if there is something in the queue
}

func newPlatform() *platform { return &platform{arrived: make(chan struct{}, 1)} }

var errPlatformAway = errors.New("connection refused")

// RoundTrip implements http.RoundTripper.
func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	away, hang := p.away, p.hang
	p.mu.Unlock()
	switch {
	case hang:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case away:
		return nil, errPlatformAway
	}
	var req struct{ ClientContext string }
	if err := json.Unmarshal(b, &req); err != nil {
		return nil, err
	}
	p.put(req.ClientContext)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"Response":{"RequestId":"1","Result":{"FunctionRequestId":"2"}}}`))}, nil
}

// put queues an event.
func (p *platform) put(event string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, event)
	p.largest = max(p.largest, len(event))
	if event != "{}" {
		p.spilled++
	}
	select {
	case p.arrived <- struct{}{}:
	default:
	}
}

// take takes all events that wait.
func (p *platform) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.queue
	p.queue = nil
	return out
}

// set changes how the platform behaves.
func (p *platform) set(away, hang bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away, p.hang = away, hang
}

// spills returns how many events with facts there ever were.
func (p *platform) spills() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spilled
}

// empty reports whether no event with facts waits.
func (p *platform) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(p.queue, func(event string) bool { return event != "{}" })
}
