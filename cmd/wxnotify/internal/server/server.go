// Package server hosts the functions in one process, for production on one machine: HTTP in front, deliver by a
// timer and by wakes, and a folder for what comes in while the store is away. See docs/server.md.
package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"wxnotify/shared/config"
	"wxnotify/shared/scf"
	"wxnotify/shared/store"
	"wxnotify/shared/version"
	"wxnotify/shared/wire"
)

// Limits are how long each function may take for an event, as in serverless.yml.
var Limits = map[string]time.Duration{
	"imcallback": 5 * time.Second, "wechatpush": 5 * time.Second, "session": 10 * time.Second, "permits": 10 * time.Second, "announce": 10 * time.Second,
	deliverName: 2 * time.Minute,
}

// deliverName is the function that has no URL.
const deliverName = "deliver"

const (
	// stopBudget is how long what is on its way has when the server stops: 12 s for a send, 5 s to write it down.
	stopBudget = 18 * time.Second
	// lookBudget bounds a look at the store.
	lookBudget = time.Second
	// cutBudget is how long what is cut off has to write down how it ended.
	cutBudget = 6 * time.Second
	// readTimeout bounds the reading of a request. With the longest function it is less than stopBudget.
	readTimeout = 5 * time.Second
)

// Config says what to serve, and where.
type Config struct {
	Listen string // HOST:PORT; without a host, all addresses
	// CertFile and KeyFile have TLS spoken, and are read again when they change. Empty: plain HTTP.
	CertFile, KeyFile string
	// TrustProxy takes the last address of X-Forwarded-For for the caller's: the one that the proxy in front saw.
	TrustProxy bool
	State      string              // folder of the spool
	Getenv     func(string) string // settings
	Out        io.Writer           // log, a JSON object a line
	Level      slog.Level
	Period     time.Duration // of deliver's timer; default: a minute
	// Seams are for tests. Deliver and Opened are the server's own.
	Seams wire.Seams
}

// A Server is what Start started.
type Server struct {
	cfg       Config
	log       *slog.Logger
	functions map[string]scf.Handler // those that have a URL; announce is missing without its key
	stores    []*store.Store
	spool     *spool
	deliver   *deliverer
	listener  net.Listener
	http      *http.Server
	places    chan struct{} // one for each request at work
	looked    look

	stopAt atomic.Pointer[time.Time] // nil until the server stops
	cut    context.CancelFunc        // ends what still runs
	ctx    context.Context
	failed chan error // of the HTTP server
}

// Start starts a server, and Stop must end it. What is wrong with settings, a line each, is its error.
func Start(cfg Config) (_ *Server, err error) {
	cfg.Period = cmp.Or(cfg.Period, period)
	s := &Server{cfg: cfg, log: scf.NewLogger(cfg.Out, "serve", cfg.Level), places: make(chan struct{}, maxRequests), failed: make(chan error, 1)}
	s.ctx, s.cut = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if s.spool, err = openSpool(cfg.State); err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	if err := s.build(); err != nil {
		return nil, err
	}
	if err := s.look(); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	s.deliver.run(s.ctx)
	s.deliver.redeliver()
	_ = s.deliver.Wake(s.ctx) // for what fell due while nobody ran
	s.log.Info("serving", "version", version.String(), "address", s.Addr(), "tls", cfg.CertFile != "", "spilled", s.spool.count())
	go func() { s.failed <- s.http.Serve(s.listener) }()
	return s, nil
}

// build makes the functions: one instance of each that has a URL, and several of deliver.
func (s *Server) build() error {
	env := config.From(s.cfg.Getenv)
	env.Notify(slog.New(slog.DiscardHandler))
	faults := []error{env.Err()}
	seams, d := s.cfg.Seams, &dispatcher{wakes: make(chan struct{}, 1), spool: s.spool}
	seams.Deliver, seams.Opened = d, func(st *store.Store) { s.stores = append(s.stores, st) }
	builds := wire.Builds(seams)
	instance := func(name string) scf.Handler {
		h, err := builds[name](s.ctx, s.cfg.Getenv, scf.NewLogger(s.cfg.Out, name, s.cfg.Level))
		faults = append(faults, err)
		return h
	}
	s.deliver = &deliverer{dispatcher: d, log: s.log, period: s.cfg.Period}
	s.deliver.stop, s.deliver.end = context.WithCancel(s.ctx)
	for range runs + 1 {
		h := instance(deliverName)
		s.deliver.instances = append(s.deliver.instances, func(ctx context.Context, event []byte) error {
			_, err := s.call(ctx, deliverName, h, event)
			return err
		})
	}
	s.functions = map[string]scf.Handler{}
	for name := range builds {
		switch {
		case name == deliverName, name == "console": // wxnotify console serves that, on this machine
		case name == "announce" && s.cfg.Getenv("ANNOUNCE_KEY") == "":
			s.log.Warn("announce is not served: ANNOUNCE_KEY is not set")
		default:
			s.functions[name] = instance(name)
		}
	}
	return distinct(errors.Join(faults...))
}

// distinct leaves each line of an error once: functions share settings.
func distinct(err error) error {
	if err == nil {
		return nil
	}
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	return errors.New(strings.Join(slices.Compact(lines), "\n"))
}

// look refuses a store that refuses us. One that is away may come back.
func (s *Server) look() error {
	ctx, cancel := context.WithTimeout(s.ctx, lookBudget)
	defer cancel()
	err := s.stores[0].Ping(ctx)
	if errors.Is(err, store.ErrSettings) {
		return err
	}
	if err != nil {
		s.log.Error("the store is away: callbacks are kept until it is back", "alert", "store", "error", err)
	}
	return nil
}

// listen opens the address.
func (s *Server) listen() error {
	l, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w: end what runs there, or choose another address", err)
	}
	l = bounded(l, maxConnections)
	var http1 http.Protocols
	http1.SetHTTP1(true) // a connection is a request, so bounds hold
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: readTimeout, WriteTimeout: readTimeout + 15*time.Second,
		IdleTimeout: 15 * time.Second, MaxHeaderBytes: 64 << 10, Protocols: &http1, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	s.listener = l
	if s.cfg.CertFile == "" && s.cfg.KeyFile == "" {
		return nil
	}
	c := &certificate{certFile: s.cfg.CertFile, keyFile: s.cfg.KeyFile, log: s.log}
	c.changed()
	if err := c.load(); err != nil {
		return err
	}
	s.listener = tls.NewListener(l, &tls.Config{GetCertificate: c.get})
	return nil
}

// call has a function handle an event in its time.
func (s *Server) call(ctx context.Context, name string, h scf.Handler, event []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Limits[name])
	defer cancel()
	ctx = functioncontext.NewContext(ending{ctx, &s.stopAt}, &functioncontext.FunctionContext{FunctionName: name, RequestID: rand.Text()})
	return h.Invoke(ctx, event)
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx ends, or the server fails, and then stops it.
func (s *Server) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return s.Stop()
	case err := <-s.failed:
		return errors.Join(err, s.Stop())
	}
}

// StopTakes is how long Stop takes at most. What supervises a server has to wait longer.
const StopTakes = stopBudget + cutBudget

// Stop answers what was asked, lets cards that are on their way arrive, and returns when nothing runs any more, 18 s later
// at most, or 6 s more if something has to be cut off. What it could not record is on the disk.
func (s *Server) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopBudget)
	defer cancel()
	at, _ := ctx.Deadline()
	s.stopAt.Store(&at)
	s.log.Info("stopping")
	s.deliver.end()
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
	}
	ended := make(chan struct{})
	go func() { s.deliver.wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		s.cut()
		select {
		case <-ended:
		case <-time.After(cutBudget):
		}
	}
	left := s.spool.count()
	s.release()
	s.log.Info("stopped", "spilled", left)
	return err
}

// release lets go of what Start opened.
func (s *Server) release() {
	s.cut()
	if s.spool != nil {
		s.spool.close()
	}
	for _, st := range s.stores {
		st.Close()
	}
	if s.listener != nil {
		s.listener.Close()
	}
}
