package console_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/cmd/wxnotify/internal/console"
	"wxnotify/cmd/wxnotify/internal/web"
	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/config"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

const host = "127.0.0.1:9010"

// A fixture is a console of a store with a clock of its own, which several tests do not share.
type fixture struct {
	*testing.T
	store   *store.Store
	raw     *redis.Client
	server  *redistest.Server
	console *console.Console
	now     time.Time
	mu      sync.Mutex
	trips   atomic.Int64
	cookie  string
	ctx     context.Context // of requests; nil: that of the test
}

// counting counts what is written to a connection at once: the trips.
type counting struct {
	net.Conn
	trips *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	c.trips.Add(1)
	return c.Conn.Write(b)
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, server: redistest.StartServer(t), now: testkit.Future}
	f.raw = redis.NewClient(&redis.Options{Addr: f.server.Addr})
	t.Cleanup(func() { f.raw.Close() })
	st, err := store.Open(store.Config{URL: secret.New("redis://" + f.server.Addr), Now: f.clock, ServerTime: f.clock,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return counting{conn, &f.trips}, err
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	f.store = st
	f.console = console.New(console.Config{Store: st, AppID: "wx1", Now: f.clock, Settings: []console.Setting{{Name: "STORE_PREFIX", Value: "x"}},
		Conf: config.Notify{Rules: notify.DefaultRules(), Specs: map[fact.Kind]card.TemplateSpec{fact.KindMessage: {ID: "T1"}}}})
	f.signIn(f.console.Token())
	return f
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// do makes a request as the page does, with the cookie of whoever is signed in.
func (f *fixture) do(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if f.ctx != nil {
		r = r.WithContext(f.ctx)
	}
	r.Host = host
	r.Header.Set("Origin", "http://"+host)
	r.Header.Set("Content-Type", "application/json")
	if f.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "wxnotify-console", Value: f.cookie})
	}
	w := httptest.NewRecorder()
	f.console.ServeHTTP(w, r)
	return w
}

// signIn signs in, and returns the status.
func (f *fixture) signIn(token string) int {
	f.Helper()
	w := f.do("POST", "/api/session", fmt.Sprintf(`{"token":%q}`, token))
	for _, c := range w.Result().Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge <= 0 {
			f.Errorf("the cookie is %+v", c)
		}
		f.cookie = c.Value
	}
	return w.Code
}

// get wants an answer, and returns it.
func get[T any](f *fixture, path string) (v T) {
	f.Helper()
	w := f.do("GET", path, "")
	if w.Code != http.StatusOK {
		f.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		f.Fatal(err)
	}
	return v
}

func (f *fixture) login(user fact.UserID, permits int) {
	f.Helper()
	openID := "openid-of-" + fact.OpenID(user)
	if err := f.store.Bind(f.Context(), user, openID); err != nil {
		f.Fatal(err)
	}
	for i := range permits {
		f.record(fact.Fact{Grant: &fact.Grant{ID: fmt.Sprint(user, i), OpenID: openID, Source: fact.GrantPopup, At: f.now, Templates: []fact.TemplateID{"T1"}}})
	}
}

func (f *fixture) record(facts ...fact.Fact) {
	f.Helper()
	if _, err := f.store.Record(f.Context(), notify.DefaultRules(), facts); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) message(id fact.MessageID, to fact.UserID) fact.Fact {
	return fact.Fact{Message: &fact.Message{ID: id, Kind: fact.KindMessage, From: "anna", To: to, SentAt: f.now, Summary: "PRIVATE"}}
}

// deliver is a pass of deliver, two minutes later, while all are away and WeChat answers err.
func (f *fixture) deliver(err error) {
	f.Helper()
	f.advance(2 * time.Minute)
	templates, e := card.NewTemplates(map[fact.Kind]card.TemplateSpec{fact.KindMessage: {ID: "T1", Data: map[string]string{"thing1": "{{.Sender}}"}}})
	if e != nil {
		f.Fatal(e)
	}
	w := away{err: err}
	if _, e = (&deliver.Deliverer{Store: f.store, IM: w, Directory: w, WeChat: w, Rules: notify.DefaultRules(), Templates: templates,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}).Pass(f.Context()); e != nil {
		f.Fatal(e)
	}
}

// away are platforms where nobody is there, nobody has a name, and a card ends in err.
type away struct {
	deliver.Asker
	deliver.Directory
	err error
}

func (away) Presence(_ context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error) {
	all := map[fact.UserID]notify.Status{}
	for _, u := range users {
		all[u] = notify.StatusOffline
	}
	return all, nil
}

func (away) Names(context.Context, []fact.UserID) (map[fact.UserID]string, error) { return nil, nil }

func (w away) Send(context.Context, card.Card) (int64, error) { return 1, w.err }

// A refusal of WeChat's.
type refusal card.Class

func (refusal) Error() string       { return "errcode 47003: <b>thing1</b> invalid" }
func (r refusal) Class() card.Class { return card.Class(r) }

type words struct{ EN, ZH string }

type recipient struct {
	User, OpenID, State, Reason, Presence string
	Bound                                 bool
	Sentence                              words
	Steps                                 []struct {
		Words    words
		Messages []string
	}
	MoreSteps, Waiting int
}

type explained struct {
	Recipients []recipient
	More       int
}

// A message, its card, its user and their openid lead to the same story; the permits add up.
func TestAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 2)
	f.record(f.message("m1", "bob"), f.message("m2", "bob"))
	f.deliver(nil)
	card := ""
	for _, q := range []string{"by=user&id=bob", "by=message&id=m2", "by=openid&id=openid-of-bob"} {
		a := get[explained](f, "/api/explain?"+q)
		if len(a.Recipients) != 1 {
			t.Fatalf("%s: %+v", q, a)
		}
		r := a.Recipients[0]
		if r.User != "bob" || r.OpenID != "open…-bob" || !r.Bound || r.Waiting != 0 || r.Presence != "unknown" || len(r.Steps) < 5 {
			t.Errorf("%s: %+v", q, r)
		}
		if q == "by=message&id=m2" && (r.State != "delivered" || !strings.Contains(r.Sentence.EN, "We notified you") || !strings.Contains(r.Sentence.ZH, "发送给您")) {
			t.Errorf("%s: %+v", q, r)
		}
	}
	ledger := get[struct {
		User, OpenID string
		Bound        bool
		Ledgers      []struct {
			Template                string
			Kinds                   []string
			Balance, Opening, Drift int
			Entries                 []struct {
				Kind            string
				Change, Balance int
			}
		}
		Cards []struct{ ID, State string }
	}](f, "/api/ledger?by=user&id=bob")
	if len(ledger.Ledgers) != 1 || len(ledger.Cards) != 1 || ledger.Cards[0].State != "delivered" || !ledger.Bound {
		t.Fatalf("%+v", ledger)
	}
	l := ledger.Ledgers[0]
	if last := l.Entries[len(l.Entries)-1]; l.Balance != 1 || len(l.Entries) != 3 || last.Balance != l.Balance || last.Change != -1 || l.Kinds[0] != "message" {
		t.Errorf("%+v", l)
	}
	card = ledger.Cards[0].ID
	if a := get[explained](f, "/api/explain?by=card&id="+card); a.Recipients[0].State != "delivered" {
		t.Errorf("%+v", a)
	}
	if a := get[explained](f, "/api/explain?by=message&id=nobody-knows"); len(a.Recipients) != 1 || !strings.Contains(a.Recipients[0].Sentence.EN, "no record") {
		t.Errorf("%+v", a)
	}

	o := get[struct {
		Ends, EndsToday []struct {
			State  string
			Number int
		}
		Today struct {
			In, Cards, Announced, Merged, PermitsGranted, PermitsSpent int
			PermitsPerAnnounced                                        float64
		}
		Waiting map[string]struct{ Length int }
		Alerts  []struct{ Code string }
	}](f, "/api/overview")
	if td := o.Today; td.In != 2 || td.Cards != 1 || td.Announced != 2 || td.Merged != 1 || td.PermitsGranted != 2 || td.PermitsSpent != 1 || td.PermitsPerAnnounced != 0.5 {
		t.Errorf("today: %+v", td)
	}
	if len(o.Ends) != 1 || o.Ends[0].Number != 2 || len(o.EndsToday) != 1 || len(o.Alerts) != 0 {
		t.Errorf("%+v", o)
	}
	for span, steps := range map[string]int{"hour": 60, "day": 24, "week": 28, "month": 31} {
		a := get[struct {
			Steps []struct {
				In   int
				Ends map[string]int
			}
		}](f, "/api/charts?span="+span)
		in, delivered := 0, 0
		for _, s := range a.Steps {
			in, delivered = in+s.In, delivered+s.Ends["delivered"]
		}
		if len(a.Steps) != steps || in != 2 || delivered != 2 {
			t.Errorf("%s: %d steps, %d in, %d delivered", span, len(a.Steps), in, delivered)
		}
	}
	if w := f.do("GET", "/api/settings", ""); !strings.Contains(w.Body.String(), `{"name":"rules.blind_window","value":"1m5s"}`) {
		t.Errorf("settings: %s", w.Body)
	}
	for _, path := range []string{"/api/overview", "/api/explain?by=user&id=bob", "/api/ledger?by=user&id=bob", "/api/queue"} {
		if body := f.do("GET", path, "").Body.String(); strings.Contains(body, "PRIVATE") || strings.Contains(body, "openid-of-bob") {
			t.Errorf("%s shows a text or an openid: %s", path, body)
		}
	}
}

// A user whom nobody told, for each final state: the answer is one sentence, in both languages.
func TestEachState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 0)
	seen := map[string]bool{}
	for i, s := range []fact.State{fact.StateRead, fact.StateRecalled, fact.StateAnswered, fact.StateEnded, fact.StateMuted, fact.StateCameOnline,
		fact.StateNotCounted, fact.StateUnbound, fact.StateNoPermit, fact.StateRefused, fact.StateQuota, fact.StateExpired, fact.StateFailedIM, fact.StateUnknown,
		fact.StateDead, fact.StateErased} {
		m := f.message(fact.MessageID(fmt.Sprint("m", i)), "bob")
		f.record(m) // the index knows it then
		entry := fmt.Sprintf(`{"t":%d,"m":[%q],"s":[["f",0,0,[1],%q]]}`, f.now.UnixMilli(), m.Message.Identity(), s)
		if err := f.raw.LPush(t.Context(), f.key("r:bob", "t:bob"), entry).Err(); err != nil {
			t.Fatal(err)
		}
		r := get[explained](f, fmt.Sprint("/api/explain?by=message&id=m", i)).Recipients[0]
		if r.State != string(s) || strings.Count(r.Sentence.ZH, "。") != 1 || !strings.HasSuffix(r.Sentence.EN, ".") || seen[r.Sentence.EN] {
			t.Errorf("%s: %+v", s, r)
		}
		seen[r.Sentence.EN] = true
	}
	if r := get[explained](f, "/api/explain?by=user&id=nobody").Recipients[0]; r.State != "not bound" || r.Bound || !strings.Contains(r.Sentence.ZH, "登录") {
		t.Errorf("%+v", r)
	}
}

// key returns a key of the same shard as one that is there.
func (f *fixture) key(there, name string) string {
	f.Helper()
	keys, err := f.raw.Keys(f.Context(), "*:"+there).Result()
	if err != nil || len(keys) != 1 {
		f.Fatal(keys, err)
	}
	return strings.TrimSuffix(keys[0], there) + name
}

// A dead letter is tried, and replayed once however many ask at once.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 2)
	f.record(f.message("m1", "bob"))
	f.deliver(refusal(card.ClassDefect))
	list := get[struct {
		Letters []struct{ ID, User, OpenID, Class, Cause string }
	}](f, "/api/dead").Letters
	if len(list) != 1 || list[0].Class != "defect" || list[0].OpenID != "open…-bob" || !strings.Contains(list[0].Cause, "<b>thing1</b>") {
		t.Fatalf("%+v", list)
	}
	if a := get[struct{ Alerts []struct{ Code string } }](f, "/api/overview"); len(a.Alerts) != 1 || a.Alerts[0].Code != "dead" {
		t.Errorf("%+v", a)
	}
	name := "user=bob&id=" + list[0].ID
	trial := get[struct {
		Sends bool
		Words words
	}](f, "/api/dead/trial?"+name)
	if !trial.Sends || trial.Words.EN != "A replay sends a card: 2 permits are left." || !strings.Contains(trial.Words.ZH, "剩余 2 次") {
		t.Errorf("%+v", trial)
	}
	body := fmt.Sprintf(`{"user":"bob","id":%q}`, list[0].ID)
	var done, refused atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			switch w := f.do("POST", "/api/dead/replay", body); w.Code {
			case http.StatusOK:
				done.Add(1)
			case http.StatusConflict:
				refused.Add(1)
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 || refused.Load() != 7 {
		t.Errorf("%d replayed, %d refused", done.Load(), refused.Load())
	}
	if w := f.do("GET", "/api/dead/trial?"+name, ""); w.Code != http.StatusConflict {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	queue := get[struct {
		Due []struct {
			User, Queue string
			At          time.Time
		}
	}](f, "/api/queue").Due
	if len(queue) != 1 || queue[0].User != "bob" || queue[0].Queue != "messages" || !queue[0].At.Equal(f.now) {
		t.Errorf("%+v", queue)
	}
	f.advance(5 * time.Minute)
	if a := get[struct {
		Alerts []struct {
			Code  string
			Words words
		}
	}](f, "/api/overview"); len(a.Alerts) != 1 || a.Alerts[0].Code != "late" || !strings.Contains(a.Alerts[0].Words.EN, "no run of deliver looks") {
		t.Errorf("%+v", a)
	}
}

// Who is not signed in learns nothing, and what is not of the page changes nothing.
func TestSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.cookie
	ask := func(cookie, want string) {
		t.Helper()
		f.cookie = cookie
		w := f.do("GET", "/api/queue", "")
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, want) {
			t.Errorf("with %q: %s, want %s", cookie, got, want)
		}
	}
	ask("", `401 {"code":"sign_in"`)
	ask(good+"A", `401 {"code":"sign_in"`)
	ask(strings.ToLower(good), `401 {"code":"sign_in"`)
	ask(good, "200")
	f.advance(8*time.Hour - time.Second)
	ask(good, "200")
	f.advance(time.Second)
	ask(good, `401 {"code":"expired"`)
	ask(good, `401 {"code":"sign_in"`)

	ticket := f.console.Ticket()
	for _, c := range []struct {
		token  string
		status int
	}{{"", 401}, {"wrong", 401}, {strings.ToLower(ticket), 401}, {ticket, 200}, {ticket, 401}, {f.console.Token(), 200}, {f.console.Token(), 200}} {
		if got := f.signIn(c.token); got != c.status {
			t.Errorf("token %q: %d, want %d", c.token, got, c.status)
		}
	}
	late := f.console.Ticket()
	f.advance(5 * time.Minute)
	if got := f.signIn(late); got != 401 {
		t.Errorf("a ticket of five minutes ago: %d", got)
	}
	mine := f.cookie
	if w := f.do("DELETE", "/api/session", ""); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	ask(mine, `401`)
	f.cookie = ""
	for range 32 { // who guesses is held up, for a minute
		f.signIn("wrong")
	}
	if got := f.signIn(f.console.Token()); got != http.StatusTooManyRequests {
		t.Errorf("after many wrong tokens: %d", got)
	}
	f.advance(time.Minute)
	for range 40 { // sessions are bounded: the oldest goes
		f.signIn(f.console.Token())
		f.advance(time.Second)
		if mine == "" || mine == good {
			mine = f.cookie
		}
	}
	if f.do("GET", "/api/session", "").Code != 200 {
		t.Error("the last session does not hold")
	}
	for name, change := range map[string]func(*http.Request){
		"another page":     func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"a name of it":     func(r *http.Request) { r.Host = "evil.example" },
		"a form":           func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"a page on a port": func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
	} {
		r := httptest.NewRequest("POST", "/api/dead/replay", strings.NewReader(`{"user":"bob","id":"x"}`))
		r.Host = host
		r.Header.Set("Origin", "http://"+host)
		r.Header.Set("Content-Type", "application/json")
		r.AddCookie(&http.Cookie{Name: "wxnotify-console", Value: f.cookie})
		change(r)
		w := httptest.NewRecorder()
		if f.console.ServeHTTP(w, r); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	long := strings.Repeat("x", 600)
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/api/explain", "", `400 {"code":"bad_input","error":{"en":"by: use user, message, card, openid"`},
		{"GET", "/api/explain?by=user", "", `400 {"code":"bad_input","error":{"en":"id: is missing"`},
		{"GET", "/api/explain?by=user&id=" + long, "", `400 {"code":"bad_input","error":{"en":"id: is longer than 512 bytes"`},
		{"GET", "/api/explain?by=user&id=a%00b", "", `400 {"code":"bad_input","error":{"en":"id: has characters`},
		{"GET", "/api/explain?by=user&id=%ff", "", `400 {"code":"bad_input","error":{"en":"id: has characters`},
		{"GET", "/api/explain?by=user&id=a&id=b", "", `400 {"code":"bad_input","error":{"en":"id: give it once"`},
		{"GET", "/api/explain?by=card&id=c1", "", `400 {"code":"bad_input","error":{"en":"id: the id of a card`},
		{"GET", "/api/explain?by=user&id=%3Cscript%3E", "", `200 {"recipients":[{"user":"\u003cscript\u003e"`},
		{"GET", "/api/explain?by=openid&id=o", "", `404 {"code":"no_user"`},
		{"GET", "/api/ledger?by=user&id=nobody", "", `404 {"code":"not_bound"`},
		{"GET", "/api/ledger?by=card&id=nobody", "", `400 {"code":"bad_input","error":{"en":"by: use user, openid"`},
		{"GET", "/api/queue?limit=100000000", "", `400 {"code":"bad_input","error":{"en":"limit: use 1 to 200"`},
		{"GET", "/api/queue?limit=0", "", `400`},
		{"GET", "/api/dead?limit=1e9", "", `400 {"code":"bad_input","error":{"en":"limit: use 1 to 100"`},
		{"GET", "/api/dead?colour=red", "", `400 {"code":"bad_input","error":{"en":"\"colour\": is no parameter here: use limit"`},
		{"GET", "/api/overview?x=%zz", "", `400`},
		{"GET", "/api/charts?span=year", "", `400 {"code":"bad_input","error":{"en":"span: use hour, day, week, month"`},
		{"GET", "/api/dead/trial?user=bob&id=x", "", `409 {"code":"no_letter"`},
		{"POST", "/api/dead/replay", `{"user":"bob","id":"x"}`, `409 {"code":"no_letter"`},
		{"POST", "/api/dead/replay", `{"user":"bob"}`, `400 {"code":"bad_input","error":{"en":"id: is missing"`},
		{"POST", "/api/dead/replay", `{"user":"bob","id":"x","all":true}`, `400 {"code":"bad_input","error":{"en":"body: json: unknown field`},
		{"POST", "/api/dead/replay", `[`, `400`},
		{"POST", "/api/overview", `{}`, `404 {"code":"not_found"`},
		{"GET", "/api/users", "", `404 {"code":"not_found"`},
	} {
		w := f.do(c.method, c.path, c.body)
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %.60s %s: %.160s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
}

// With 100,000 timelines every panel makes two trips at most, and its answer is at most 1 MiB, whatever is kept of those it shows.
func TestCosts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 64)
	f.record(f.message("m1", "bob"))
	f.deliver(refusal(card.ClassDefect))
	letter := get[struct{ Letters []struct{ ID string } }](f, "/api/dead").Letters[0].ID
	f.populate(100_000)
	for _, path := range []string{"/api/overview", "/api/charts?span=hour", "/api/charts?span=day", "/api/charts?span=week", "/api/charts?span=month",
		"/api/explain?by=user&id=bob", "/api/explain?by=message&id=m1", "/api/explain?by=message&id=team#1", "/api/explain?by=card&id=" + letter, "/api/explain?by=openid&id=openid-of-bob",
		"/api/ledger?by=user&id=bob", "/api/ledger?by=openid&id=openid-of-bob", "/api/queue?limit=200", "/api/dead?limit=100", "/api/dead/trial?user=bob&id=" + letter, "/api/settings"} {
		f.trips.Store(0)
		w := f.do("GET", path, "")
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
		if n := f.trips.Load(); n > 2 {
			t.Errorf("%s makes %d trips", path, n)
		}
		if n := w.Body.Len(); n > 1<<20 {
			t.Errorf("%s answers %d bytes", path, n)
		}
		t.Logf("%-50s %d trips, %7d bytes", path, f.trips.Load(), w.Body.Len())
	}
}

// populate keeps n users with timelines and due messages beside bob, whose own timeline is as long as is kept, and a message for 1,000 of
// them, each of whom has a long one.
func (f *fixture) populate(n int) {
	f.Helper()
	ctx := f.Context()
	wide := func(i int) string { return fmt.Sprintf("message-%d-%s", i, strings.Repeat("<", 200)) }
	var ids, steps []string
	for i := range 160 {
		ids = append(ids, fmt.Sprintf("%q", fact.Message{ID: fact.MessageID(wide(i)), From: "anna", To: "bob"}.Identity()))
	}
	all := "["
	for i := range ids {
		all += fmt.Sprint(i+1, ",")
	}
	all = strings.TrimSuffix(all, ",") + "]"
	for range 13 {
		steps = append(steps, fmt.Sprintf(`["w",1000,0,%s,"","digest","",%d]`, all, f.now.UnixMilli()))
	}
	long := fmt.Sprintf(`{"t":%d,"m":[%s],"s":[%s]}`, f.now.UnixMilli(), strings.Join(ids, ","), strings.Join(steps, ","))
	full := make([]any, 60)
	for i := range full {
		full[i] = long
	}
	if err := f.raw.LPush(ctx, f.key("r:bob", "t:bob"), full...).Err(); err != nil {
		f.Fatal(err)
	}
	tag := strings.TrimSuffix(f.key("r:bob", ""), "{")
	prefix, _, _ := strings.Cut(tag, "{")
	short := fmt.Sprintf(`{"t":%d,"m":["m:a:x"],"s":[["a",0,0,[1]],["f",1000,0,[1],"read","read_report"]]}`, f.now.UnixMilli())
	var facts []fact.Fact
	for i := range 40 { // of these the message tells
		user := fact.UserID(fmt.Sprint("member", i))
		f.login(user, 0)
		facts = append(facts, fact.Fact{Message: &fact.Message{ID: "team#1", Kind: fact.KindMention, From: "anna", Group: "team", To: user, SentAt: f.now, Seq: 1}})
	}
	f.record(facts...)
	pipe := f.raw.Pipeline()
	for i := range n {
		shard, user := i%16, fmt.Sprint("someone-with-a-long-name-", i)
		pipe.LPush(ctx, fmt.Sprintf("%s{%d}:t:%s", prefix, shard, user), short)
		pipe.ZAdd(ctx, fmt.Sprintf("%s{%d}:q", prefix, shard), redis.Z{Score: float64(f.now.UnixMilli() + int64(i)), Member: user})
		if i%5000 == 4999 {
			if _, err := pipe.Exec(ctx); err != nil {
				f.Fatal(err)
			}
		}
	}
	for shard := range 16 { // what a busy month counts
		for day := range 32 {
			at := f.now.Add(-time.Duration(day)*24*time.Hour).Unix() / 86400
			values := []any{}
			for hour := range 24 {
				for _, m := range []string{"in", "end:read:own_reply", "end:delivered:", "card:delivered", "permit:spent", "error:refused", "end:no permit:", "end:came online:online"} {
					values = append(values, fmt.Sprint(hour, ":", m), 1234567)
				}
			}
			pipe.HSet(ctx, fmt.Sprintf("%s{%d}:mh:%d", prefix, shard, at), values...)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		f.Fatal(err)
	}
}

// A store that is away is said by the panel; the page, and what needs no store, stay.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	get[explained](f, "/api/explain?by=user&id=bob") // it is connected
	if err := f.raw.Do(t.Context(), "CLIENT", "PAUSE", 60_000, "ALL").Err(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // sooner than the console itself gives up
	defer cancel()
	f.ctx = ctx
	if w := f.do("GET", "/api/queue", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "too slow") {
		t.Errorf("a store that is slow: %d %s", w.Code, w.Body)
	}
	f.ctx = nil
	f.server.Kill()
	for path, want := range map[string]string{
		"/api/overview": `503 {"code":"store_away","error":{"en":"the store does not answer`, "/api/explain?by=user&id=bob": "503", "/api/settings": "200", "/": "200 <!doctype html>",
	} {
		w := f.do("GET", path, "")
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, want) || strings.Contains(got, f.server.Addr) && path != "/" {
			t.Errorf("%s: %.200s, want %s", path, got, want)
		}
	}
	if w := f.do("POST", "/api/dead/replay", `{"user":"bob","id":"x"}`); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The document has each path, with what is answered there.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 1)
	f.record(f.message("m1", "bob"))
	f.deliver(refusal(card.ClassDefect))
	letter := get[struct{ Letters []struct{ ID string } }](f, "/api/dead").Letters[0].ID
	type schema struct {
		Properties map[string]json.RawMessage
		Required   []string
	}
	type operation struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
	}
	doc := get[struct {
		OpenAPI string
		Paths   map[string]map[string]operation
	}](f, "/openapi.json")
	if !strings.HasPrefix(doc.OpenAPI, "3.") || len(doc.Paths) != 10 {
		t.Fatalf("%+v", doc)
	}
	for path, query := range map[string]string{"/api/overview": "", "/api/charts": "?span=day", "/api/explain": "?by=user&id=bob", "/api/ledger": "?by=user&id=bob",
		"/api/queue": "", "/api/dead": "", "/api/dead/trial": "?user=bob&id=" + letter, "/api/settings": ""} {
		answer := get[map[string]json.RawMessage](f, path+query)
		s := doc.Paths[path]["get"].Responses["200"].Content["application/json"].Schema
		for _, name := range s.Required {
			if _, is := answer[name]; !is {
				t.Errorf("%s does not answer %s", path, name)
			}
		}
		for name := range answer {
			if _, is := s.Properties[name]; !is {
				t.Errorf("%s answers %s, which the document does not have", path, name)
			}
		}
	}
}

// All that the page loads is small, and nothing of it comes from elsewhere, or is in the markup.
func TestWeight(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	total := 0
	for _, folder := range []fs.FS{os.DirFS("assets"), web.Assets()} {
		err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), "LICENSE") || strings.HasSuffix(name, ".ts") {
				return err
			}
			w := f.do("GET", "/"+name, "")
			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			z.Write(w.Body.Bytes())
			z.Close()
			if total += zipped.Len(); w.Code != http.StatusOK {
				t.Errorf("%s: %d", name, w.Code)
			}
			for _, elsewhere := range []string{`src="http`, `href="http`, `from 'http`, "url(http", "@import", "<script>", "<style", " style=", "onclick="} {
				if strings.Contains(w.Body.String(), elsewhere) {
					t.Errorf("%s has %s", name, elsewhere)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if t.Logf("%d bytes", total); total > 60<<10 || total < 5<<10 {
		t.Errorf("the page weighs %d bytes, compressed", total)
	}
}
