package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/notify"
	"wxnotify/shared/store/redistest"
)

// A stage is a world in which the functions are processes, and the test is everybody else:
// the platforms that call them, and the platform that runs them.
type stage struct {
	*world
	path   path
	tap    *functest.Tap
	crash  crash // zero: none
	people map[notify.UserID]*person

	callbackURL, pushURL string

	mu       sync.Mutex
	function map[string]*process // an instance of each that runs
	queue    []string            // events that the platform holds for deliver
	heard    []*http.Request     // what IM and WeChat have told
	jumps    int
	away     bool // the store
}

// A person is a user, and what is to become of what was written to him.
type person struct {
	openID   notify.OpenID
	messages []expected
	erased   bool
	shared   bool // the phone, with somebody else: his cards are not his alone
}

// An expected message is one that has to end once, in one of states.
type expected struct {
	id     notify.MessageID
	states []notify.State
	maybe  bool // nobody may have heard of it
}

// A happening is something that a platform tells a function, until it has heard.
type happening struct {
	before func()               // what happens in the world before it is told; may be nil
	event  func(try int) string // what the function is invoked with
	heard  func(answer []byte) bool
	once   bool          // it is not repeated
	time   time.Duration // of an invocation
}

// servers are real Redis servers, empty but for the scripts, whose names are there too. A
// stage has one for itself.
var (
	servers     chan string
	scriptNames map[string]string
)

func startServers(t *testing.T, n int) {
	servers, scriptNames = make(chan string, n), functest.ScriptNames(t, scripts)
	for range n {
		addr := redistest.Start(t)
		db := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
		functest.LoadScripts(t, t.Context(), db, scripts)
		db.Close()
		servers <- addr
	}
}

// server returns the address of an empty store, which knows the scripts unless it is to be
// cold.
func server(t *testing.T, cold bool) string {
	t.Helper()
	addr := <-servers
	db := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	if cold {
		if err := db.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		defer db.Close()
		ctx := context.Background()
		if err := db.FlushAll(ctx).Err(); err != nil {
			t.Error(err)
		}
		if cold {
			functest.LoadScripts(t, ctx, db, scripts)
		}
		servers <- addr
	})
	return addr
}

func newStage(t *testing.T, p path) *stage {
	t.Helper()
	addr := server(t, p.cold)
	s := &stage{world: newWorldOn(t, addr, "rules: {lead: 0s"+p.rules+"}", &clock{}), path: p,
		people: map[notify.UserID]*person{}, function: map[string]*process{}}
	s.tap = functest.NewClockTap(t, addr, scriptNames, s.clock.Now)
	s.settings["STORE_URL"] = "redis://" + s.tap.Addr
	s.settings["DELIVER_FUNCTION"], s.settings["LOG_LEVEL"] = "deliver", "warn"
	for k, v := range p.settings {
		s.settings[k] = v
	}
	sim := s.api
	s.api = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-TC-Action") != "" {
			s.hold(rw, r)
			return
		}
		sim.ServeHTTP(rw, r)
	})
	s.listen()
	s.watch(nil)
	return s
}

// hold answers the platform's Invoke API: it keeps the event.
func (s *stage) hold(rw http.ResponseWriter, r *http.Request) {
	var req struct{ ClientContext string }
	b, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(b, &req) != nil || !json.Valid([]byte(req.ClientContext)) {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, req.ClientContext)
	fmt.Fprint(rw, `{"Response":{"RequestId":"1","Result":{"FunctionRequestId":"2"}}}`)
}

// listen has IM and WeChat tell the test what they have to tell.
func (s *stage) listen() {
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		heard := r.Clone(s.t.Context())
		heard.Body = io.NopCloser(strings.NewReader(string(body)))
		s.mu.Lock()
		s.heard = append(s.heard, heard)
		s.mu.Unlock()
		if r.URL.Path == "/imcallback" {
			fmt.Fprint(rw, `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`)
		}
	}))
	s.t.Cleanup(srv.Close)
	s.t.Cleanup(func() { // before the server ends
		s.sim.IM.SetCallbackURL("")
		s.sim.WeChat.SetPushURL("")
	})
	s.callbackURL, s.pushURL = srv.URL+"/imcallback", srv.URL+"/wechatpush"
}
