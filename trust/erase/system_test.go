package erase_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
)

// What must be nowhere once alice is erased, beside her names.
const (
	unionID  = "oUnion6tS4sD0wrGQkZgSUnionId"
	nick     = "Alice of the nicknames"
	said     = "what alice wrote to others"
	heard    = "what others wrote to alice"
	reportID = "report-of-alice-0001"
)

// A system is the functions around one store, in which alice comes to be in every kind of record.
type system struct {
	testkit.T
	clock     *simulator.ManualClock
	pass      func(time.Duration) // has time pass, by the clock and for what ends by itself
	raw       *redis.Client
	store     *store.Store
	sim       *simulator.World
	functions *fixture.Functions

	alice, bob, carol, dave *fixture.User

	hook func() // is called before each request to the store, and before and after each to IM and WeChat; nil: nothing is
}

// newSystem returns one on the server at addr; mini is that server, if it is a miniredis.
func newSystem(t *testing.T, addr string, mini *miniredis.Miniredis) *system {
	t.Helper()
	s := &system{T: testkit.T{T: t}, clock: simulator.NewManualClock(testkit.Past.Add(4 * time.Hour))}
	s.pass = s.clock.Advance
	if mini != nil {
		s.pass = func(d time.Duration) { s.clock.Advance(d); mini.FastForward(d) }
	}
	s.raw = fixture.Redis(t, addr)
	s.Must(s.raw.FlushAll(t.Context()).Err())
	var err error
	s.store, err = store.Open(store.Config{URL: secret.New("redis://" + addr), Shards: 3, Dial: s.dial, Now: s.clock.Now, ServerTime: s.clock.Now})
	s.Must(err)
	t.Cleanup(func() { s.store.Close() })

	s.sim = fixture.World(t, simulator.Config{Clock: s.clock, HTTPClient: &http.Client{Transport: s},
		WeChat: simulator.WeChatConfig{PushURL: "http://functions/wechatpush"},
		IM:     simulator.IMConfig{CallbackURL: "http://functions/imcallback", CallbackToken: fixture.CallbackToken}})
	s.Must(fixture.AddTemplates(s.sim.WeChat))

	rules := notify.DefaultRules()
	rules.KeepLearning, rules.KeepForFirst, rules.MissedCalls, rules.UnknownAfter = false, 0, true, time.Hour
	rules.Preview, rules.DigestSteps = card.PreviewText, []time.Duration{time.Minute}
	rules.Groups = map[fact.GroupType]fact.GroupRule{fact.GroupPublic: fact.GroupAll}
	s.functions, err = fixture.New(fixture.Config{Store: s.store, Platforms: s.sim.Config(), HTTP: &http.Client{Transport: upstream{s}},
		Base: "http://127.0.0.1", Rules: rules, Now: s.clock.Now, Log: slog.New(slog.DiscardHandler)})
	s.Must(err)
	return s
}

// RoundTrip brings callbacks and pushes to the functions.
func (s *system) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	s.functions.ServeHTTP(w, in)
	return w.Result(), nil
}

// upstream brings the functions' requests to the platforms. WeChat tells a unionid with each
// login.
type upstream struct{ *system }

func (u upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	u.happen()
	res, err := u.sim.Transport().RoundTrip(r)
	u.happen()
	if err != nil || r.URL.Path != "/sns/jscode2session" {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.Replace(body, []byte(`{`), []byte(`{"unionid":"`+unionID+`",`), 1)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return res, nil
}

func (s *system) happen() {
	if s.hook != nil {
		s.hook()
	}
}

func (s *system) ctx() context.Context { return s.Context() }

// run looks at what is due.
func (s *system) run() {
	s.Helper()
	_, err := s.functions.Deliver.Pass(s.ctx())
	s.Must(err)
}

// accept hands facts to a receiver's inbox.
func (s *system) accept(facts ...fact.Fact) {
	s.Helper()
	s.Must(s.functions.Inbox.Accept(s.ctx(), facts))
}

// say sends a message of one person to another.
func (s *system) say(from, to *fixture.User, text string) simulator.Sent {
	s.Helper()
	sent, err := s.sim.IM.SendC2C(from.UserID, to.UserID, simulator.Text(text))
	s.Must(err)
	return sent
}

// person is a new user who has logged in.
func (s *system) person(nick string) *fixture.User {
	s.Helper()
	p := &fixture.User{OpenID: s.sim.WeChat.NewUser()}
	s.logIn(p)
	s.sim.IM.Import(p.UserID, nick)
	return p
}

func (s *system) logIn(p *fixture.User) {
	s.Helper()
	s.Must(fixture.LogIn(s.functions, s.sim.WeChat, p))
}

// tap has p accept both templates, minutes after the last tap.
func (s *system) tap(p *fixture.User) {
	s.Helper()
	s.pass(5 * time.Minute)
	r := s.sim.WeChat.TapDialog(p.OpenID, map[string]simulator.Answer{string(fixture.Message): simulator.Accept, string(fixture.Call): simulator.Accept})
	if r.Code != 0 {
		s.Fatalf("the dialog answers %d", r.Code)
	}
}

// post sends a report and preferences to the permits function.
func (s *system) post(p *fixture.User, body string) int {
	s.Helper()
	return fixture.Do(s.functions, http.MethodPost, "/permits", p.Bearer(), []byte(body)).Code
}

// erasures are the ways to erase somebody.
var erasures = map[string]func(s *system, p *fixture.User){
	"by themselves": func(s *system, p *fixture.User) {
		w := fixture.Do(s.functions, http.MethodDelete, "/session", p.Bearer(), nil)
		if w.Code != http.StatusNoContent {
			s.Fatalf("DELETE session: %d %s", w.Code, w.Body)
		}
	},
	"by WeChat": func(s *system, u *fixture.User) {
		for range 3 { // WeChat repeats a push that was not accepted in time
			s.sim.WeChat.CancelAuthorization(u.OpenID)
			pushes := s.sim.Record.Exchanges("push:user_authorization_cancellation")
			if len(pushes) > 0 && pushes[len(pushes)-1].Err == "" {
				return
			}
		}
		s.Fatal("the push was not accepted")
	},
}

// cards returns how many cards p's phone shows.
func (s *system) cards(p *fixture.User) int { return len(s.sim.WeChat.Cards(p.OpenID)) }

// shows reports whether a card of p's phone shows text.
func (s *system) shows(p *fixture.User, text string) bool {
	for _, c := range s.sim.WeChat.Cards(p.OpenID) {
		if strings.Contains(fmt.Sprint(c.Lines), text) {
			return true
		}
	}
	return false
}
