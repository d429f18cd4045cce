package soak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
)

// instances is how many instances of each function the process has, each with a store client of
// its own.
const instances = 2

// The process of the functions is this test binary, told by its environment.
const (
	envStore = "SOAK_PROCESS_STORE"
	envBase  = "SOAK_PROCESS_BASE"
)

func TestMain(m *testing.M) {
	if os.Getenv(envStore) == "" {
		os.Exit(m.Run())
	}
	if err := host(os.Getenv(envStore), os.Getenv(envBase)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// platforms is the configuration of the simulated platforms: the functions and the test have
// the same.
func platforms(c simulator.Clock) simulator.Config {
	return simulator.Config{Clock: c, RecordLimit: 1,
		WeChat: simulator.WeChatConfig{SentDelay: 100 * time.Millisecond},
		IM: simulator.IMConfig{CallbackToken: fixture.CallbackToken, CallbackRetries: 5, CallbackRetryAfter: 500 * time.Millisecond,
			Leaving: simulator.Leaving{Close: 100 * time.Millisecond, Background: 200 * time.Millisecond, Network: 300 * time.Millisecond}}}
}

// rules are in a hurry.
func rules() notify.Rules {
	r := notify.DefaultRules()
	r.Lead, r.BlindWindow, r.Grace = 100*time.Millisecond, 400*time.Millisecond, 100*time.Millisecond
	r.DigestSteps = []time.Duration{time.Second, 2 * time.Second}
	r.KeepForFirst, r.KeepLearning, r.MissedCalls = 0, false, true
	r.UnknownAfter, r.TTL, r.UserSendsPerHour = 2*time.Second, 5*time.Minute, 1000
	r.Retry = notify.Retry{First: 100 * time.Millisecond, Factor: 2, Max: time.Second, Attempts: 5}
	r.Preview = card.PreviewText
	r.Groups = map[fact.GroupType]fact.GroupRule{fact.GroupPublic: fact.GroupAll}
	return r
}

// A hosted is the process of the functions, from the inside.
type hosted struct {
	clock  clock
	fns    []*fixture.Functions
	turn   atomic.Int64
	wakes  chan struct{}
	spills chan []byte
	busy   atomic.Int64 // overflows that were not taken up yet
	lost   atomic.Int64 // that could neither be recorded nor spilled again
}

// Wake implements inbox.Invoker.
func (h *hosted) Wake(context.Context) error {
	select {
	case h.wakes <- struct{}{}:
	default: // one is coming
	}
	return nil
}

// Overflow implements inbox.Invoker: an asynchronous invocation, as its JSON.
func (h *hosted) Overflow(_ context.Context, facts []fact.Fact, since time.Time) error {
	b, err := json.Marshal(scf.DeliverEvent{Overflow: &scf.Overflow{Facts: facts, Since: since}})
	if err != nil {
		return err
	}
	select {
	case h.spills <- b:
		h.busy.Add(1)
		return nil
	default:
		return fmt.Errorf("soak: %d spills wait", len(h.spills))
	}
}

// host runs the functions until it is told to quit. It fails if anything is left over.
func host(addr, base string) error {
	h := &hosted{wakes: make(chan struct{}, 1), spills: make(chan []byte, 100_000)}
	world, err := simulator.New(platforms(&h.clock)) // for its configuration
	if err != nil {
		return err
	}
	cfg := world.Config()
	world.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 5 * time.Second}}
	var stores []*store.Store
	for range instances {
		st, err := store.Open(store.Config{URL: secret.New("redis://" + addr), Shards: 4, Now: h.clock.Now, ServerTime: h.clock.Now})
		if err != nil {
			return err
		}
		stores = append(stores, st)
		f, err := fixture.New(fixture.Config{Store: st, Platforms: cfg, HTTP: client, Base: base, Courier: h, Rules: rules(),
			Now: h.clock.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		h.fns = append(h.fns, f)
	}
	quit := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h.handler(sync.OnceFunc(func() { close(quit) }))}
	go srv.Serve(l)
	var runs sync.WaitGroup
	for _, f := range h.fns {
		runs.Go(func() { h.deliver(f, quit) })
	}
	fmt.Println("http://" + l.Addr().String())
	<-quit
	runs.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return err
	}
	for _, st := range stores {
		if err := st.Close(); err != nil {
			return err
		}
	}
	client.CloseIdleConnections()
	return goleak.Find()
}

func (h *hosted) handler(quit func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.fns[h.turn.Add(1)%instances].ServeHTTP(w, r)
	})
	mux.HandleFunc("/host/ahead", func(_ http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.URL.RawQuery)
		h.clock.ahead.Store(int64(d))
	})
	mux.HandleFunc("/host/vitals", func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		json.NewEncoder(w).Encode(vitals{m.HeapAlloc, runtime.NumGoroutine(), int(h.busy.Load()), int(h.lost.Load())})
	})
	mux.HandleFunc("/host/quit", func(http.ResponseWriter, *http.Request) { quit() })
	return mux
}

// vitals are how the process is.
type vitals struct {
	Heap       uint64 // bytes in use after a collection
	Goroutines int
	Spills     int // that wait
	Lost       int // that were given up
}

// deliver is one instance of deliver: started by a timer, a wake or an overflow.
func (h *hosted) deliver(f *fixture.Functions, quit <-chan struct{}) {
	timer := time.NewTicker(time.Second)
	defer timer.Stop()
	for {
		var facts []byte
		select {
		case <-quit:
			return
		case <-timer.C:
		case <-h.wakes:
		case facts = <-h.spills:
		}
		// A run begins no card in the last 20 s of its time.
		ctx, cancel := context.WithTimeout(context.Background(), 22*time.Second)
		if facts != nil {
			var e scf.DeliverEvent
			err := json.Unmarshal(facts, &e)
			if err == nil {
				err = f.Inbox.Redeliver(ctx, e.Overflow.Facts, e.Overflow.Since, 21*time.Second)
			}
			if err != nil {
				h.lost.Add(1)
			}
			h.busy.Add(-1)
		} else {
			f.Deliver.Run(ctx)
		}
		cancel()
	}
}

// A process is the process of the functions, from the outside.
type process struct {
	testkit.T
	http.Handler // brings a person's request to it
	url          string
	cmd          *exec.Cmd
}

// startProcess starts the functions. They end with the test.
func startProcess(t *testing.T, addr, base string) *process {
	t.Helper()
	p := &process{T: testkit.T{T: t}, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), envStore+"="+addr, envBase+"="+base)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	p.Must(err)
	p.Must(p.cmd.Start())
	t.Cleanup(func() { p.cmd.Process.Kill() })
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		t.Fatalf("the process of the functions does not start: %v", err)
	}
	p.url = strings.TrimSpace(string(line[:n]))
	at, err := url.Parse(p.url)
	p.Must(err)
	p.Handler = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	return p
}

// call asks the process for something of its own.
func (p *process) call(path string) []byte {
	p.Helper()
	w := fixture.Do(p, http.MethodGet, "/host/"+path, nil, nil)
	if w.Code != http.StatusOK {
		p.Fatalf("%s: %d", path, w.Code)
	}
	return w.Body.Bytes()
}

func (p *process) vitals() (v vitals) {
	p.Helper()
	p.Must(json.Unmarshal(p.call("vitals"), &v))
	return v
}
