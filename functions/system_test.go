package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
	"wxnotify/trust/instance"
)

// Our templates: what is told, and a call that went unanswered.
const (
	template   = "T1"
	templateMC = "T2"
)

// shards are few: a look at all of them is one request with a part for each.
const shards = 4

// A system is a store, a simulated WeChat and IM, and the functions, which are processes. The test is
// everybody else: the platforms that call them, and the platform that runs them.
type system struct {
	t        testkit.T
	db       *redis.Client // past the tap
	store    *store.Store  // past the tap
	tap      *tap
	upstream *upstream
	sim      *simulator.World
	platform *simulator.ManualClock // of sim
	scf      *fixture.SCF
	api      http.Handler // what answers for WeChat and IM; paths wrap it
	settings map[string]string
	path     path
	crash    crash // zero: none
	people   map[fact.UserID]*person

	ahead    atomic.Int64 // of the store's clock, which the test moves, before the machine's
	mu       sync.Mutex
	function map[string]*instance.Process // an instance of each that runs
	heard    []report                     // what IM and WeChat have told
	lost     bool                         // nobody may have heard of what happened
	jumps    atomic.Int32
	away     atomic.Bool // the store
}

// A person is a user, and what is to become of what was written to them.
type person struct {
	openID   fact.OpenID
	messages []expected
	erased   bool
}

// An expected message is one that has to end once, in one of states.
type expected struct {
	id     fact.MessageID
	states []fact.State
}

// servers are real Redis servers, empty but for the scripts, whose names are there too. A system has
// one for itself.
var (
	servers     chan string
	scriptNames map[string]string
)

func startServers(t *testing.T, n int) {
	servers = make(chan string, n)
	for range n {
		addr := redistest.Start(t)
		db := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
		scriptNames = loadScripts(t, t.Context(), db)
		db.Close()
		servers <- addr
	}
}

func newSystem(t *testing.T, p path) *system {
	t.Helper()
	addr := <-servers
	s := &system{t: testkit.T{T: t}, path: p, platform: simulator.NewManualClock(time.Now()), scf: fixture.NewSCF(), people: map[fact.UserID]*person{}, function: map[string]*instance.Process{}}
	s.db = fixture.Redis(t, addr)
	t.Cleanup(func() {
		s.t.Must(s.db.FlushAll(context.Background()).Err())
		servers <- addr
	})
	s.store = fixture.Store(t, addr, shards, s.now)
	s.sim = fixture.World(t, simulator.Config{Clock: s.platform, HTTPClient: &http.Client{Transport: s}, IM: simulator.IMConfig{CallbackToken: fixture.CallbackToken}})
	for id, title := range map[string]string{template: "New message", templateMC: "Missed call"} {
		s.t.Must(s.sim.WeChat.AddTemplate(fixture.Template(id, title)))
	}
	s.api = s.sim
	s.upstream = newUpstream(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-TC-Action") != "" {
			s.scf.ServeHTTP(rw, r)
			return
		}
		s.api.ServeHTTP(rw, r)
	}))
	s.tap = newTap(t, addr, scriptNames, s.now)
	s.configure()
	s.watch(nil)
	return s
}

// configure makes the settings of all functions.
func (s *system) configure() {
	s.t.Helper()
	const data = `data: {thing1: "{{.Sender}}", thing2: "{{.Summary}}", number3: "{{.Count}}"}`
	file := filepath.Join(s.t.TempDir(), "notify.yml")
	s.t.Must(os.WriteFile(file, fmt.Appendf(nil, "templates: {message: {id: %s, %s}, missed_call: {id: %s, %s}}\nrules: {lead: 0s%s}\n",
		template, data, templateMC, data, s.path.rules), 0o600))
	s.settings = fixture.Settings(s.sim.Config(), s.tap.addr, file, s.upstream.url)
	s.settings["STORE_SHARDS"], s.settings["LOG_LEVEL"] = strconv.Itoa(shards), "warn"
	if s.path.trusted {
		s.settings["SESSION_MODE"] = "trusted"
	}
}

func (s *system) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// pass moves the store's clock.
func (s *system) pass(d time.Duration) { s.ahead.Add(int64(d)) }

// Where IM and WeChat tell the test what they have to tell.
const (
	callbackURL = "https://functions.example/imcallback"
	pushURL     = "https://functions.example/wechatpush"
)

// A report is a callback or a push.
type report struct {
	path, body string
	query      url.Values
}

// RoundTrip hears what IM and WeChat tell.
func (s *system) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, report{r.URL.Path, string(body), r.URL.Query()})
	answer := "success"
	if r.URL.Path == "/imcallback" {
		answer = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// told lets things happen on the platforms and returns what they tell of it.
func (s *system) told(happens func()) (hs []happening) {
	s.t.Helper()
	s.t.Must(s.sim.IM.SetCallbackURL(callbackURL))
	s.t.Must(s.sim.WeChat.SetPushURL(pushURL))
	s.platform.Set(s.now().Add(2 * time.Second)) // after all that was
	happens()
	s.t.Must(s.sim.IM.SetCallbackURL(""))
	s.t.Must(s.sim.WeChat.SetPushURL(""))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.heard {
		hs = append(hs, s.reported(r))
	}
	s.heard = nil
	if len(hs) == 0 {
		s.t.Fatal("the platforms told nothing")
	}
	return hs
}

// subscribe makes a user of both platforms who has accepted our template so many times.
func (s *system) subscribe(user fact.UserID, permits int) fact.OpenID {
	s.t.Helper()
	openID := fact.OpenID(s.sim.WeChat.NewUser())
	s.sim.IM.Import(string(user), "")
	s.sim.IM.Import("bob", "Bob")
	s.t.Must(s.store.Bind(s.t.Context(), user, openID))
	s.permit(openID, template, permits)
	return openID
}

// user makes a user whose messages are looked at in the end.
func (s *system) user(user fact.UserID, permits int) *person {
	s.t.Helper()
	p := &person{openID: s.subscribe(user, permits)}
	s.people[user] = p
	return p
}

// permit lets an openid accept a template so many times, and both sides know.
func (s *system) permit(openID fact.OpenID, template string, n int) {
	s.t.Helper()
	s.t.Must(s.sim.WeChat.Subscribe(string(openID), template, n))
	for i := range n {
		s.record(fact.Fact{Grant: &fact.Grant{ID: fmt.Sprint(openID, template, i), OpenID: openID, Source: fact.GrantPopup,
			At: s.now(), Templates: []fact.TemplateID{fact.TemplateID(template)}}})
	}
}

// say has bob write to user, which is due at once.
func (s *system) say(user fact.UserID) fact.MessageID {
	s.t.Helper()
	sent, err := s.sim.IM.SendC2C("bob", string(user), simulator.Text("lunch?"))
	s.t.Must(err)
	at := sent.MsgTime
	if now := s.now(); now.Sub(at) > time.Hour { // the store is in another day already
		at = now.Truncate(time.Second)
	}
	id := fact.MessageID(sent.MsgKey)
	s.record(fact.Fact{Message: &fact.Message{ID: id, From: "bob", To: user, SentAt: at, Seq: sent.MsgSeq}})
	return id
}

// expects notes that a message is to end for a user, in one of states.
func (s *system) expects(user fact.UserID, id fact.MessageID, states ...fact.State) {
	p := s.people[user]
	p.messages = append(p.messages, expected{id: id, states: states})
}

// writes has bob write to a user, and the store know.
func (s *system) writes(user fact.UserID, states ...fact.State) fact.MessageID {
	s.t.Helper()
	id := s.say(user)
	s.expects(user, id, states...)
	return id
}

func (s *system) record(facts ...fact.Fact) {
	s.t.Helper()
	rules := notify.DefaultRules()
	rules.Lead, rules.MissedCalls, rules.TTL = 0, true, 48*time.Hour // a quota day, and some
	_, err := s.store.Record(s.t.Context(), rules, facts)
	s.t.Must(err)
}

// ends returns the final states that a user's timeline tells of a message, in order.
func (s *system) ends(user fact.UserID, id fact.MessageID) []fact.State {
	s.t.Helper()
	steps, err := s.store.Timeline(s.t.Context(), user)
	s.t.Must(err)
	return fixture.Ends(steps)[id]
}

func (s *system) cards(openID fact.OpenID) []simulator.Card {
	return s.sim.WeChat.Cards(string(openID))
}

// waiting returns when each that waits in the store's queues is due: recipients, their calls, group
// messages, and cards whose end is to be told. An erasure that was broken off is gone on with within a minute.
func (s *system) waiting() (due []time.Time, err error) {
	pipe := s.db.Pipeline()
	var replies []*redis.ZSliceCmd
	for shard := range shards {
		for _, queue := range []string{"q", "cq", "sq", "u"} {
			replies = append(replies, pipe.ZRangeWithScores(s.t.Context(), store.DefaultPrefix+"{"+strconv.Itoa(shard)+"}:"+queue, 0, -1))
		}
	}
	erasures := pipe.HLen(s.t.Context(), store.DefaultPrefix+"{0}:fg")
	if _, err := pipe.Exec(s.t.Context()); err != nil {
		return nil, err
	}
	if erasures.Val() > 0 {
		due = append(due, s.now().Add(time.Minute))
	}
	for _, r := range replies {
		for _, z := range r.Val() {
			due = append(due, time.UnixMilli(int64(z.Score)))
		}
	}
	return due, nil
}

// A response is what a function answers to a request.
type response struct {
	StatusCode int
	Body       string
}

func (s *system) response(answer []byte) (res response) {
	if err := json.Unmarshal(answer, &res); err != nil {
		s.t.Errorf("an answer that is none: %v", err)
	}
	return res
}
