package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"wxnotify/cmd/wxnotify/internal/serverless"
)

// queue runs asynchronous events at least once each, with the platform's rules: an
// event that fails is retried a fixed number of times, an event that found no instance
// until it is too old, both with the same request id.
// Source: https://cloud.tencent.com/document/product/583/39851
type queue struct {
	host *Host

	mu      sync.Mutex
	closed  bool
	pending int // events not done with, those that wait for a retry included
	lanes   map[string]*lane
	retries map[*asyncEvent]func() bool // stops the wait
	workers sync.WaitGroup
}

// queue is the line of events of one function.
type lane struct {
	events  []*asyncEvent
	workers int
}

type asyncEvent struct {
	function *serverless.Function
	id       string
	payload  []byte
	queued   time.Time
	failures int
}

func newQueue(h *Host) *queue {
	return &queue{host: h, lanes: make(map[string]*lane), retries: make(map[*asyncEvent]func() bool)}
}

func (q *queue) add(f *serverless.Function, id string, payload []byte) error {
	if q.host.cfg.SyncOnly {
		q.host.cfg.Log.Info("asynchronous event accepted, and not run", "function", f.Key, "bytes", len(payload))
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	case q.pending >= q.host.cfg.MaxQueued:
		return ErrQueueFull
	}
	q.pending++
	q.push(&asyncEvent{function: f, id: id, payload: payload, queued: q.host.cfg.Clock.Now()})
	return nil
}

// push puts e at the end of its queue; q.mu is held.
func (q *queue) push(e *asyncEvent) {
	l := q.lanes[e.function.Key]
	if l == nil {
		l = new(lane)
		q.lanes[e.function.Key] = l
	}
	l.events = append(l.events, e)
	if l.workers < q.host.cfg.MaxInstances {
		l.workers++
		q.workers.Go(func() { q.work(l) })
	}
}

// work runs the events of l until there are none.
func (q *queue) work(l *lane) {
	for {
		q.mu.Lock()
		if len(l.events) == 0 || q.closed {
			l.workers--
			q.mu.Unlock()
			return
		}
		e := l.events[0]
		l.events[0] = nil
		l.events = l.events[1:]
		q.mu.Unlock()

		_, err := q.host.run(context.Background(), e.function, e.id, e.payload)
		q.settle(e, err)
	}
}

// settle decides what becomes of e after a run.
func (q *queue) settle(e *asyncEvent, err error) {
	cfg := &q.host.cfg
	log := cfg.Log.With("function", e.function.Key, "request_id", e.id)
	switch {
	case err == nil:
		q.done()
	case errors.Is(err, ErrClosed): // close counts it
	case errors.Is(err, ErrThrottled):
		if age := cfg.Clock.Now().Sub(e.queued); age+cfg.RetryDelay > cfg.EventTTL {
			log.Error("asynchronous event dropped: throttled for too long", "age", age.String())
			q.done()
			return
		}
		q.later(e)
	default:
		if e.failures++; e.failures > cfg.Retries {
			log.Error("asynchronous event dropped: no retry is left", "attempts", e.failures)
			q.done()
			return
		}
		log.Warn("asynchronous event will be retried", "attempt", e.failures, "in", cfg.RetryDelay.String())
		q.later(e)
	}
}

func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending--
}

// later queues e again after the delay.
func (q *queue) later(e *asyncEvent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.retries[e] = q.host.cfg.Clock.AfterFunc(q.host.cfg.RetryDelay, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if !q.closed {
			delete(q.retries, e)
			q.push(e)
		}
	})
}

// close ends the retries; no event is begun after it.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	for _, stop := range q.retries {
		stop()
	}
	if q.pending > 0 {
		q.host.cfg.Log.Warn("asynchronous events dropped: the host is closing", "events", q.pending)
	}
}

// wait returns when no event runs any more, or with ctx's error.
func (q *queue) wait(ctx context.Context) error {
	idle := make(chan struct{})
	go func() {
		q.workers.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
