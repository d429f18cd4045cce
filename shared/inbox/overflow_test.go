package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
)

// What an outage at 200 callbacks/s costs, with the platform's queue of asynchronous events, the
// quota of deliver, and the code of receivers and of deliver. Time is synctest's. The figures are
// those of docs/operations.md.
func TestOutages(t *testing.T) {
	for _, c := range []struct {
		away     time.Duration
		held     int           // GB-seconds of deliver, at most
		lost     int           // and told
		recorded time.Duration // all that was kept, after the store's return, at most
	}{
		{600 * time.Millisecond, 5, 0, 75 * time.Second},
		{17 * time.Second, 100, 0, 75 * time.Second},
		{8 * time.Minute, 2000, 0, 5 * time.Minute},
		{10 * time.Minute, 2300, 20_200, 5 * time.Minute},
		{time.Hour, 9900, 620_200, 5 * time.Minute},
	} {
		t.Run(c.away.String(), func(t *testing.T) {
			if c.away >= time.Hour && os.Getenv("TRUST") == "" {
				t.Skip("it takes half a minute: set TRUST=1")
			}
			synctest.Test(t, func(t *testing.T) {
				p := newCloud(t)
				p.live(time.Minute, 0)
				p.live(c.away, c.away)
				back := time.Now()
				for p.live(time.Second, 0); p.waiting() > 0; {
					p.live(time.Second, 0)
				}
				took := time.Since(back)
				p.quit()
				t.Logf("away %v: %d callbacks, %d spilled, queue %d at most, lost %d, %d instances of deliver held %.0f GB-s, %d instances of imcallback, %d looks at the store, all recorded %v after its return",
					c.away, p.told, p.spilled, p.longest, p.lost, p.most, p.held.Seconds()/4, len(p.receivers), p.store.looks, took)
				p.wantAll()
				if p.lost > c.lost || (c.lost == 0) != (p.lost == 0) {
					t.Errorf("%d are lost, want %d at most", p.lost, c.lost)
				}
				if gbs := p.held.Seconds() / 4; gbs > float64(c.held) || p.most > quota {
					t.Errorf("%d instances held, %.0f GB-s", p.most, gbs)
				}
				if took > c.recorded {
					t.Errorf("what waited is recorded %v after the store's return, want %v", took, c.recorded)
				}
			})
		})
	}
}

// What the platform and the deployment set.
// Source: https://cloud.tencent.com/document/product/583/11637
const (
	quota     = 10      // instances of deliver, of 256 MB each
	queueHas  = 100_000 // asynchronous events
	again     = time.Minute
	repeats   = 2
	tick      = 5 * time.Millisecond  // one callback comes in each tick
	callTakes = 20 * time.Millisecond // handing an event to the platform
	workTakes = 10 * time.Millisecond // recording one, with all that the platform does about it
)

// An event waits for an instance of deliver.
type event struct {
	facts   []fact.Fact
	since   time.Time
	repeats int
}

// A cloud is the platform with its asynchronous queue, the functions and their store.
type cloud struct {
	*testing.T
	store tally

	mu        sync.Mutex
	begun     time.Time
	due       map[int64][]event // by tick, what is tried then
	tried     int64             // up to which tick that is done
	queued    int
	longest   int
	running   int
	most      int
	held      time.Duration // of all instances of deliver
	told      int           // callbacks
	spilled   int
	lost      int
	receivers []*inbox.Inbox // all of them
	idle      []*inbox.Inbox // receivers without an event
	free      []*inbox.Inbox // instances of deliver without an event
	events    sync.WaitGroup
}

func newCloud(t *testing.T) *cloud {
	return &cloud{T: t, begun: time.Now(), due: map[int64][]event{}, store: tally{times: map[fact.MessageID]int{}}}
}

// live lets d go by, with a callback each tick. The store is away for the first part of it.
func (p *cloud) live(d, away time.Duration) {
	p.store.set(time.Now().Add(away))
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(tick) {
		p.events.Go(p.callback)
		p.dispatch()
	}
}

func (p *cloud) quit() {
	for p.waiting() > 0 || p.answering() {
		time.Sleep(tick)
		p.dispatch()
	}
	p.events.Wait()
}

// answering reports whether a receiver has a callback in hand, which it may yet spill.
func (p *cloud) answering() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle) < len(p.receivers)
}

// callback has a receiver take a message in.
func (p *cloud) callback() {
	p.mu.Lock()
	p.told++
	id := fmt.Sprint(p.told)
	var in *inbox.Inbox
	if n := len(p.idle); n > 0 {
		in, p.idle = p.idle[n-1], p.idle[:n-1]
	} else {
		in = newInbox(&p.store, p)
		p.receivers = append(p.receivers, in)
	}
	p.mu.Unlock()
	start := time.Now()
	err := in.Accept(p.Context(), message(id))
	if took := time.Since(start); took > 1300*time.Millisecond {
		p.Errorf("a receiver took %v", took)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, in)
	if err != nil {
		p.lost++ // the receiver logs it as lost
	}
}

// Wake implements inbox.Invoker.
func (p *cloud) Wake(context.Context) error { return nil }

// Overflow implements inbox.Invoker: the platform queues an event, or refuses it.
func (p *cloud) Overflow(_ context.Context, facts []fact.Fact, since time.Time) error {
	time.Sleep(callTakes)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queued >= queueHas {
		return errors.New("the queue is full")
	}
	p.spilled++
	p.queued++
	p.longest = max(p.longest, p.queued)
	p.later(event{facts, since, repeats}, tick)
	return nil
}

// later has e tried after d.
func (p *cloud) later(e event, d time.Duration) {
	at := int64((time.Since(p.begun) + d) / tick)
	p.due[at] = append(p.due[at], e)
}

// waiting returns how many events wait or run.
func (p *cloud) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queued
}

// dispatch tries the events whose time has come; those that find no instance, a minute later.
func (p *cloud) dispatch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := int64(time.Since(p.begun) / tick)
	var events []event
	for at := p.tried; at <= now; at++ {
		events = append(events, p.due[at]...)
		delete(p.due, at)
	}
	p.tried = now
	for _, e := range events {
		if p.running == quota {
			p.later(e, again)
			continue
		}
		p.running++
		p.most = max(p.most, p.running)
		in := newInbox(&p.store, p)
		if n := len(p.free); n > 0 {
			in, p.free = p.free[n-1], p.free[:n-1]
		}
		p.events.Go(func() { p.deliver(in, e) })
	}
}

// deliver runs an event as the function does.
func (p *cloud) deliver(in *inbox.Inbox, e event) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(p.Context(), 2*time.Minute)
	defer cancel()
	err := in.Redeliver(ctx, e.facts, e.since, 25*time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	p.held += time.Since(start)
	p.free = append(p.free, in)
	switch {
	case err == nil:
		p.queued--
	case e.repeats > 0:
		p.later(event{e.facts, e.since, e.repeats - 1}, again)
	default:
		p.queued--
		p.Errorf("an event is gone: %v", err)
	}
}

// wantAll wants what was not told as lost to be recorded, and nothing twice.
func (p *cloud) wantAll() {
	p.Helper()
	if got := len(p.store.times); got+p.lost != p.told {
		p.Errorf("of %d callbacks %d are recorded and %d told as lost", p.told, got, p.lost)
	}
	if p.store.again > 0 {
		p.Errorf("%d are recorded more than once", p.store.again)
	}
}

// A tally is a store that counts. While it is away it does not answer.
type tally struct {
	mu    sync.Mutex
	until time.Time // away until then
	looks int
	again int
	times map[fact.MessageID]int
}

func (s *tally) set(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = until
}

// Record implements inbox.Recorder.
func (s *tally) Record(ctx context.Context, _ notify.Rules, facts []fact.Fact) (notify.Recorded, error) {
	s.mu.Lock()
	away := time.Now().Before(s.until)
	if away {
		s.looks++
	}
	s.mu.Unlock()
	if away {
		<-ctx.Done()
		return notify.Recorded{}, ctx.Err()
	}
	time.Sleep(workTakes)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range facts {
		if s.times[f.Message.ID]++; s.times[f.Message.ID] > 1 {
			s.again++
		}
	}
	return notify.Recorded{}, nil
}
