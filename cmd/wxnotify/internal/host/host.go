package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/outbound"
)

// Config says what to host, and how. Only Project and Build are required.
type Config struct {
	Project *serverless.Project
	// Build is the folder of the binaries; it is also their working directory.
	Build string
	// Addr is the loopback address to serve on; default "127.0.0.1:0", a free port.
	Addr string
	// Override holds variables that every function gets, in place of its own.
	Override map[string]string
	// Sink receives what functions print, line by line without line end, one call at a
	// time. The line is valid during the call only. Default: dropped.
	Sink func(function string, line []byte)
	// Log receives what the host itself has to say. Default: dropped.
	Log *slog.Logger
	// Wrap, if set, is put around the handler of all that is served.
	Wrap func(http.Handler) http.Handler
	// API, if set, answers calls of Tencent Cloud's API that are not SCF's.
	API http.Handler
	// Clock drives timers, retries and reaping; default: the machine's.
	Clock Clock

	MaxInstances int           // of a function; default 8
	MaxWaiting   int           // events that wait for an instance of a function; default 100
	IdleTimeout  time.Duration // after which an idle instance ends; default 5 minutes
	InitTimeout  time.Duration // for a binary to answer its first ping; default 65 s, as on the platform

	// Asynchronous events, with the platform's defaults.
	// Source: https://cloud.tencent.com/document/product/583/39851
	Retries    int           // after an error of the function; default 2, negative: none
	RetryDelay time.Duration // before each retry; default 1 minute
	EventTTL   time.Duration // how long a throttled event is retried; default 6 h
	MaxQueued  int           // events not done with, over all functions; default 100,000

	// SyncOnly accepts asynchronous events but does not run them, and starts no timer.
	SyncOnly bool
}

func (c Config) withDefaults() Config {
	def(&c.Addr, "127.0.0.1:0")
	def(&c.MaxInstances, 8)
	def(&c.MaxWaiting, 100)
	def(&c.IdleTimeout, 5*time.Minute)
	def(&c.InitTimeout, 65*time.Second)
	def(&c.Retries, 2)
	def(&c.RetryDelay, time.Minute)
	def(&c.EventTTL, 6*time.Hour)
	def(&c.MaxQueued, 100_000)
	if c.Sink == nil {
		c.Sink = func(string, []byte) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = realClock{}
	}
	return c
}

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// A Host runs the functions of one project. It is safe for concurrent use.
type Host struct {
	cfg          Config
	build        string // absolute
	addr         string
	pools        map[string]*pool       // by function key
	environments map[string]environment // by function key
	starter      *starter
	queue        *queue
	timers       *timers
	server       *http.Server

	sinkMu  sync.Mutex
	closing atomic.Bool
}

// Start serves the functions until Close. No function is started before its first
// event.
func Start(cfg Config) (*Host, error) {
	cfg = cfg.withDefaults()
	build, err := filepath.Abs(cfg.Build)
	if err != nil {
		return nil, err
	}
	if !cfg.SyncOnly {
		if err := CheckBuild(cfg.Project, build); err != nil {
			return nil, err
		}
	}
	listener, err := listen(cfg.Addr)
	if err != nil {
		return nil, err
	}
	h := &Host{
		cfg: cfg, build: build, addr: listener.Addr().String(),
		pools:        make(map[string]*pool),
		environments: make(map[string]environment),
		starter:      newStarter(),
	}
	override := map[string]string{}
	for k, v := range cfg.Override {
		override[k] = v
	}
	override["TENCENT_API_BASE"] = h.URL()
	for i := range cfg.Project.Functions {
		f := &cfg.Project.Functions[i]
		h.environments[f.Key] = newEnvironment(f, cfg.Project.Region, build, override)
		h.pools[f.Key] = h.newPool(f)
	}
	h.queue = newQueue(h)
	var handler http.Handler = http.HandlerFunc(h.serve)
	if cfg.Wrap != nil {
		handler = cfg.Wrap(handler)
	}
	h.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn),
	}
	go func() {
		if err := h.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("the server ended", "error", err.Error())
		}
	}()
	h.timers = &timers{clock: cfg.Clock}
	if !cfg.SyncOnly {
		h.startTimers()
	}
	return h, nil
}

func (h *Host) newPool(f *serverless.Function) *pool {
	return &pool{
		start:       func(ctx context.Context) (*instance, error) { return h.startInstance(ctx, f) },
		clock:       h.cfg.Clock,
		max:         h.cfg.MaxInstances,
		maxWaiting:  h.cfg.MaxWaiting,
		idleTimeout: h.cfg.IdleTimeout,
	}
}

// listen refuses any address that another machine could reach.
func listen(addr string) (net.Listener, error) {
	name, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("host: address %q: %w", addr, err)
	}
	if !outbound.Loopback(name) {
		return nil, fmt.Errorf("host: address %q is not a loopback address: use 127.0.0.1:PORT", addr)
	}
	return net.Listen("tcp", addr)
}

// binary is where the program of a function is that runs on this machine.
func binary(build string, f serverless.Function) string {
	return filepath.Join(build, f.Handler+Executable)
}

// CheckBuild reports every function whose binary is missing from build or cannot be run.
func CheckBuild(p *serverless.Project, build string) error {
	var errs []error
	for _, f := range p.Functions {
		info, err := os.Stat(binary(build, f))
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("function %s: there is no %s in %s: run make build", f.Key, f.Handler, build))
		case !info.Mode().IsRegular() || executableModes != 0 && info.Mode()&executableModes == 0:
			errs = append(errs, fmt.Errorf("function %s: %s in %s is not an executable file: run make build", f.Key, f.Handler, build))
		}
	}
	return errors.Join(errs...)
}

// URL returns the address of the Invoke API, and with "/" and a function's key added
// that of a function: "http://127.0.0.1:9000".
func (h *Host) URL() string { return "http://" + h.addr }

// Renew has every event from now on handled by a new instance, as after an update of the functions. Those
// that are busy end when they have answered; Stale counts them.
func (h *Host) Renew() {
	for _, p := range h.pools {
		p.renew()
	}
}

// Stale returns how many instances of before the last Renew are still busy.
func (h *Host) Stale() (n int) {
	for _, p := range h.pools {
		n += p.stale()
	}
	return n
}

// Close ends every function, frozen or busy, and returns when all of them have gone and
// their last line is in the sink. Events that are still queued are lost and counted in
// the log. If ctx ends first, its error is returned; every process has been killed even
// then.
func (h *Host) Close(ctx context.Context) error {
	h.closing.Store(true)
	h.timers.stop()
	h.queue.close()
	for _, p := range h.pools {
		p.close()
	}
	err := h.starter.close(ctx)
	if e := h.server.Shutdown(ctx); e != nil {
		h.server.Close()
		err = errors.Join(err, e)
	}
	return errors.Join(err, h.queue.wait(ctx))
}

func (h *Host) emit(function string, line []byte) {
	h.sinkMu.Lock()
	defer h.sinkMu.Unlock()
	h.cfg.Sink(function, line)
}
