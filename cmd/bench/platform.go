package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"wxnotify/shared/stopwatch"
)

// A platform takes the asynchronous invocations of deliver. It runs them once it has a
// function to start instances, and keeps the bill; until then it only counts them.
type platform struct {
	*httptest.Server
	start func() (*instance, error) // of deliver; nil: nothing is run

	mu      sync.Mutex
	bill    bill
	idle    []*instance
	all     []*instance
	running map[*instance]stopwatch.Watch
	err     error
}

// A bill is what runs of a function come to.
type bill struct {
	Wakes int           // invocations, those by the timer included
	Most  int           // runs at a time
	Time  time.Duration // of all runs together
}

// errStopped says that what was about to run is not wanted any more.
var errStopped = errors.New("the platform has stopped")

func newPlatform() *platform {
	p := &platform{running: map[*instance]stopwatch.Watch{}}
	p.Server = httptest.NewServer(p)
	return p
}

// ServeHTTP answers the Invoke API.
// Source: https://cloud.tencent.com/document/api/583/17243
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var req struct{ ClientContext string }
	b, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(b, &req) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.wake(req.ClientContext)
	io.WriteString(w, `{"Response":{"RequestId":"1","Result":{"FunctionRequestId":"2"}}}`)
}

// wake runs an event of deliver in an instance of its own, as the platform does.
func (p *platform) wake(event string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bill.Wakes++
	if p.start != nil {
		go p.run([]byte(event))
	}
}

func (p *platform) run(event []byte) {
	i, err := p.take()
	if errors.Is(err, errStopped) {
		return
	}
	if err != nil {
		p.fail(err)
		return
	}
	p.begin(i)
	_, err = i.invoke(event, runTime)
	if p.finish(i) && err != nil {
		p.fail(err)
	}
}

// take returns an instance that is idle, or a new one.
func (p *platform) take() (*instance, error) {
	p.mu.Lock()
	start := p.start
	if n := len(p.idle); n > 0 {
		i := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return i, nil
	}
	p.mu.Unlock()
	if start == nil {
		return nil, errStopped
	}
	i, err := start()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.start == nil {
		i.end()
		return nil, errStopped
	}
	p.all = append(p.all, i)
	return i, nil
}

func (p *platform) begin(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[i] = stopwatch.Start()
	p.bill.Most = max(p.bill.Most, len(p.running))
}

// finish puts a run on the bill; it reports false if that was done already.
func (p *platform) finish(i *instance) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	watch, runs := p.running[i]
	if !runs {
		return false
	}
	delete(p.running, i)
	p.bill.Time += watch.Elapsed().Round(time.Millisecond)
	p.idle = append(p.idle, i)
	return true
}

func (p *platform) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// busy reports whether a run goes on.
func (p *platform) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.running) > 0
}

// rest waits until no run goes on, or ctx ends.
func (p *platform) rest(ctx context.Context) {
	for p.busy() && pause(ctx, 20*time.Millisecond) == nil {
	}
}

// stop ends the instances, and returns the bill. Runs that were not over are on it with the
// time that they took.
func (p *platform) stop() (bill, error) {
	p.mu.Lock()
	p.start = nil
	for _, watch := range p.running {
		p.bill.Time += watch.Elapsed().Round(time.Millisecond)
	}
	clear(p.running)
	all := p.all
	p.all, p.idle = nil, nil
	p.mu.Unlock()
	for _, i := range all {
		i.end()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bill, p.err
}

// pause waits for d, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	stopwatch.Sleep(ctx, d)
	return ctx.Err()
}
