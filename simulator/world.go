package simulator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A World is one WeChat, one IM app, and everybody in it. It is an http.Handler for
// the APIs of both: /v4 is IM's, the rest is WeChat's. It is safe for concurrent use.
type World struct {
	WeChat *WeChat
	IM     *IM
	Faults *Faults
	Record *Record

	cfg    Config
	clock  Clock
	inline bool // deliveries are made by the goroutine that causes them
	rnd    *random
	events *events

	// ctx ends with Close and takes all requests and waits with it.
	ctx    context.Context
	cancel context.CancelFunc
	flight flight // deliveries on their way
	calls  flight // API calls being answered

	// mu guards the state of WeChat and IM. Nobody holds it while waiting for anything.
	mu sync.Mutex

	timersMu sync.Mutex
	timers   map[uint64]func() // stop functions of what waits on the clock
	timerSeq uint64
}

// New returns a World in which nobody is signed in. Call Close when done with it.
func New(cfg Config) (*World, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	w := &World{cfg: cfg, clock: cfg.Clock, timers: map[uint64]func(){}}
	_, w.inline = cfg.Clock.(*ManualClock)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.rnd = newRandom(cfg.Seed)
	w.events = &events{}
	w.Record = &Record{limit: cfg.RecordLimit, counts: map[string]int{}}
	w.Faults = &Faults{world: w}
	var err error
	if w.WeChat, err = newWeChat(w, cfg.WeChat); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	w.IM = newIM(w, cfg.IM)
	return w, nil
}

// Config returns the configuration in use, defaults filled in. URLs that were set
// later are not in it.
func (w *World) Config() Config { return w.cfg }

// Clock returns the clock in use.
func (w *World) Clock() Clock { return w.clock }

// ServeHTTP implements http.Handler for both platforms.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v4/") {
		w.IM.ServeHTTP(rw, r)
		return
	}
	w.WeChat.ServeHTTP(rw, r)
}

// Drain waits until no callback and no push is on its way, or until ctx ends. What
// waits on the clock, such as a retry or a sent event, is not on its way yet.
func (w *World) Drain(ctx context.Context) error {
	select {
	case <-w.flight.idle():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends all that waits or is on its way, and returns when nothing of the World
// runs any more. Requests that come later are cut off.
func (w *World) Close() {
	w.cancel()
	w.timersMu.Lock()
	for _, stop := range w.timers {
		stop()
	}
	w.timers = nil
	w.timersMu.Unlock()
	<-w.flight.idle()
	<-w.calls.idle()
	w.cfg.HTTPClient.CloseIdleConnections()
}

func (w *World) lock() { w.mu.Lock() }

// unlock releases the state and then tells what was noted under it.
func (w *World) unlock() {
	w.mu.Unlock()
	w.events.flush()
}

func (w *World) now() time.Time { return w.clock.Now() }

// after runs f once d has passed on the clock, unless the World is closed by then.
func (w *World) after(d time.Duration, f func()) (stop func()) {
	w.timersMu.Lock()
	defer w.timersMu.Unlock()
	if w.timers == nil {
		return func() {}
	}
	w.timerSeq++
	id := w.timerSeq
	stopClock := w.clock.AfterFunc(d, func() {
		if !w.forget(id) {
			return
		}
		w.flight.add()
		defer w.flight.done()
		if w.ctx.Err() == nil {
			f()
		}
	})
	w.timers[id] = stopClock
	return func() {
		if w.forget(id) {
			stopClock()
		}
	}
}

// forget reports whether the timer was still waiting.
func (w *World) forget(id uint64) bool {
	w.timersMu.Lock()
	defer w.timersMu.Unlock()
	_, waiting := w.timers[id]
	delete(w.timers, id)
	return waiting
}

// run does what a platform does behind the scenes: at once under a ManualClock, else
// in the background.
func (w *World) run(f func()) {
	if w.ctx.Err() != nil {
		return
	}
	w.flight.add()
	if w.inline {
		defer w.flight.done()
		f()
		return
	}
	go func() {
		defer w.flight.done()
		f()
	}()
}

// pause waits for d on the clock; it reports false if ctx or the World ended first.
func (w *World) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	over := make(chan struct{})
	stop := w.after(d, func() { close(over) })
	defer stop()
	return w.await(ctx, over)
}

func (w *World) await(ctx context.Context, c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	case <-w.ctx.Done():
		return false
	}
}

// flight counts what runs, and tells when nothing does.
type flight struct {
	mu    sync.Mutex
	n     int
	waits []chan struct{}
}

func (f *flight) add() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
}

func (f *flight) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n--
	if f.n > 0 {
		return
	}
	for _, c := range f.waits {
		close(c)
	}
	f.waits = nil
}

func (f *flight) idle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(chan struct{})
	if f.n == 0 {
		close(c)
	} else {
		f.waits = append(f.waits, c)
	}
	return c
}

// random is a seeded source that many goroutines may use.
type random struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newRandom(seed uint64) *random {
	return &random{r: rand.New(rand.NewPCG(seed, 0x5eed))}
}

func (r *random) uint32() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Uint32()
}

func (r *random) float64() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Float64()
}

func (r *random) shuffle(n int, swap func(i, j int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Shuffle(n, swap)
}

const (
	digits   = "0123456789"
	hexits   = "0123456789abcdef"
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
)

// text returns n characters out of set.
func (r *random) text(n int, set string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = set[r.r.IntN(len(set))]
	}
	return string(b)
}
