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
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/simulator"
	"wxnotify/trust/soak/town"
)

// What must be nowhere once alice is erased, beside her names.
const (
	unionID  = "oUnion6tS4sD0wrGQkZgSUnionId"
	nick     = "Alice of the nicknames"
	said     = "what alice wrote to others"
	heard    = "what others wrote to alice"
	reportID = "report-of-alice-0001"
)

// An estate is a town in which alice is in every kind of record.
type estate struct {
	*testing.T
	clock *simulator.ManualClock
	pass  func(time.Duration) // has time pass, by the clock and for what ends by itself
	raw   *redis.Client
	store *store.Store
	sim   *simulator.World
	town  *town.Functions

	alice, bob, carol, dave *town.Person

	// hook is called before and after each step of a run; nil: nothing is.
	hook func(step string)
}

// newEstate returns an estate on the server at addr; mini is that server, if it is a miniredis.
func newEstate(t *testing.T, addr string, mini *miniredis.Miniredis) *estate {
	t.Helper()
	e := &estate{T: t, clock: simulator.NewManualClock(testkit.Past.Add(4 * time.Hour))}
	e.pass = e.clock.Advance
	if mini != nil {
		e.pass = func(d time.Duration) { e.clock.Advance(d); mini.FastForward(d) }
	}
	e.raw = redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { e.raw.Close() })
	e.must(e.raw.FlushAll(t.Context()).Err())
	var err error
	e.store, err = store.Open(store.Config{URL: secret.New("redis://" + addr), Shards: 3, Now: e.clock.Now, ServerTime: e.clock.Now})
	e.must(err)
	t.Cleanup(func() { e.store.Close() })

	e.sim, err = simulator.New(simulator.Config{Clock: e.clock, HTTPClient: &http.Client{Transport: e},
		WeChat: simulator.WeChatConfig{PushURL: "http://functions/wechatpush"},
		IM:     simulator.IMConfig{CallbackURL: "http://functions/imcallback", CallbackToken: secret.New("callbackToken2026")}})
	e.must(err)
	t.Cleanup(e.sim.Close)
	e.must(town.AddTemplates(e.sim.WeChat))

	rules := notify.DefaultRules()
	rules.KeepLearning, rules.KeepForFirst, rules.MissedCalls, rules.UnknownAfter = false, 0, true, time.Hour
	rules.Preview, rules.DigestSteps = notify.PreviewText, []time.Duration{time.Minute}
	rules.Groups = map[notify.GroupType]notify.GroupRule{notify.GroupPublic: notify.GroupAll}
	e.town, err = town.New(town.Config{Store: e.store, See: e.see, Platforms: e.sim.Config(), HTTP: &http.Client{Transport: upstream{e}},
		Base: "http://127.0.0.1", Courier: town.Alone{}, Rules: rules, Now: e.clock.Now, Log: slog.New(slog.DiscardHandler)})
	e.must(err)
	return e
}

func (e *estate) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// RoundTrip brings callbacks and pushes to the functions.
func (e *estate) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	e.town.ServeHTTP(w, in)
	return w.Result(), nil
}

// upstream brings the functions' requests to the platforms. WeChat tells a unionid with each
// login.
type upstream struct{ e *estate }

func (u upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	step := "request " + r.URL.Path
	u.e.happen("before " + step)
	res, err := u.e.sim.Transport().RoundTrip(r)
	u.e.happen("after " + step)
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

func (e *estate) happen(step string) {
	if e.hook != nil {
		e.hook(step)
	}
}

func (e *estate) ctx() context.Context { return e.Context() }

// run looks at what is due.
func (e *estate) run() {
	e.Helper()
	_, err := e.town.Deliver.Pass(e.ctx())
	e.must(err)
}

// accept hands facts to a receiver's inbox.
func (e *estate) accept(facts ...notify.Fact) {
	e.Helper()
	e.must(e.town.Inbox.Accept(e.ctx(), facts))
}

// say sends a message of one person to another.
func (e *estate) say(from, to *town.Person, text string) simulator.Sent {
	e.Helper()
	sent, err := e.sim.IM.SendC2C(from.User, to.User, simulator.Text(text))
	e.must(err)
	return sent
}

// person is a new user who has logged in.
func (e *estate) person(nick string) *town.Person {
	e.Helper()
	p := &town.Person{OpenID: e.sim.WeChat.NewUser()}
	e.logIn(p)
	e.sim.IM.Import(p.User, nick)
	return p
}

func (e *estate) logIn(p *town.Person) {
	e.Helper()
	e.must(town.LogIn(e.town, e.sim.WeChat, p))
}

// tap has p accept both templates, minutes after the last tap.
func (e *estate) tap(p *town.Person) {
	e.Helper()
	e.pass(5 * time.Minute)
	r := e.sim.WeChat.TapDialog(p.OpenID, map[string]simulator.Answer{string(town.Message): simulator.Accept, string(town.Call): simulator.Accept})
	if r.Code != 0 {
		e.Fatalf("the dialog answers %d", r.Code)
	}
}

// post sends a report and preferences to the permits function.
func (e *estate) post(p *town.Person, body string) int {
	e.Helper()
	return town.Do(e.town, http.MethodPost, "/permits", p.Bearer(), []byte(body)).Code
}

// erasures are the ways to erase somebody.
var erasures = map[string]func(e *estate, p *town.Person){
	"by himself": func(e *estate, p *town.Person) {
		w := town.Do(e.town, http.MethodDelete, "/session", p.Bearer(), nil)
		if w.Code != http.StatusNoContent {
			e.Fatalf("DELETE session: %d %s", w.Code, w.Body)
		}
	},
	"by WeChat": func(e *estate, p *town.Person) {
		e.sim.WeChat.CancelAuthorization(p.OpenID)
		pushes := e.sim.Record.Exchanges("push:user_authorization_cancellation")
		if len(pushes) == 0 || pushes[len(pushes)-1].Err != "" {
			e.Fatalf("the push was not accepted: %+v", pushes)
		}
	},
}

// cards returns how many cards p's phone shows.
func (e *estate) cards(p *town.Person) int { return len(e.sim.WeChat.Cards(p.OpenID)) }

// shows reports whether a card of p's phone shows text.
func (e *estate) shows(p *town.Person, text string) bool {
	for _, c := range e.sim.WeChat.Cards(p.OpenID) {
		if strings.Contains(fmt.Sprint(c.Lines), text) {
			return true
		}
	}
	return false
}
