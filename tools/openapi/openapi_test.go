package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"wxnotify/internal/testkit"
	"wxnotify/shared/api"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
)

// A contract is docs/openapi.yaml, and the functions that it is held against.
type contract struct {
	t      *testing.T
	doc    *openapi3.T
	router routers.Router
	http.Handler
	functions http.Handler
	store     *store.Store
	now       time.Time
	redis     *miniredis.Miniredis
	world     *simulator.World
	seen      map[string]bool // "operation status" and codes
}

func newContract(t *testing.T) *contract {
	t.Helper()
	c := &contract{t: t, now: testkit.Future, redis: miniredis.RunT(t), seen: map[string]bool{}}
	var err error
	c.doc, err = openapi3.NewLoader().LoadFromFile("../../docs/openapi.yaml")
	testkit.Must(t, err)
	testkit.Must(t, c.doc.Validate(t.Context()))
	c.router, err = gorillamux.NewRouter(c.doc)
	testkit.Must(t, err)
	clock := func() time.Time { return c.now }
	c.world = fixture.World(t, simulator.Config{Clock: simulator.NewManualClock(c.now), IM: simulator.IMConfig{CallbackToken: fixture.CallbackToken}})
	testkit.Must(t, fixture.AddTemplates(c.world.WeChat))
	upstream := httptest.NewServer(c.world)
	t.Cleanup(upstream.Close)
	c.store = fixture.Store(t, c.redis.Addr(), 2, clock)
	c.functions, err = fixture.New(fixture.Config{Store: c.store, Platforms: c.world.Config(), HTTP: upstream.Client(),
		Base: upstream.URL, Rules: notify.DefaultRules(), Now: clock, Log: slog.New(slog.DiscardHandler)})
	testkit.Must(t, err)
	c.Handler = c.functions
	return c
}

// ask sends a request and wants the answer to have a status, and to be one that the document has. What
// is taken has to be a request that the document has too, and one that is refused for its form must not be.
func (c *contract) ask(name, method, path string, header http.Header, body string, status int) []byte {
	c.t.Helper()
	c.now = c.now.Add(2 * time.Second) // no signature comes twice
	request := func() *http.Request {
		r := httptest.NewRequest(method, "http://127.0.0.1:9000"+path, strings.NewReader(body))
		for k, v := range header {
			r.Header[k] = v
		}
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		return r
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, request())
	var answer struct{ Error struct{ Code string } }
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	if status == any {
		status = w.Code
	}
	if w.Code != status {
		c.t.Errorf("%s: answered %d %s, want %d", name, w.Code, w.Body, status)
	}
	c.seen["code "+answer.Error.Code] = true
	if status == http.StatusMethodNotAllowed {
		method = http.MethodPost // the document has no such method
	}
	r := request()
	r.Method = method
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	c.seen[fmt.Sprint(route.Operation.OperationID, " ", w.Code)] = true
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	bad := openapi3filter.ValidateRequest(context.Background(), input)
	if is := bad != nil; status < 300 && is || status == http.StatusBadRequest && !is && !beyondForm[answer.Error.Code] {
		c.t.Errorf("%s: answered %d %s, the document says: %v", name, w.Code, answer.Error.Code, bad)
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: w.Code,
		Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())), Options: input.Options})
	if err != nil {
		c.t.Errorf("%s: the answer %d %s: %v", name, w.Code, w.Body, err)
	}
	return w.Body.Bytes()
}

// beyondForm are the codes of what no schema can tell.
var beyondForm = map[string]bool{"login_code": true, "ttl": true, "kind": true, "fields": true, "userId": true}

func TestContract(t *testing.T) {
	c := newContract(t)
	alice := &fixture.User{OpenID: c.world.WeChat.NewUser()}
	login := func(code string) string { return fmt.Sprintf(`{"code":%q}`, code) }

	got := c.ask("login", "POST", "/session", nil, login(c.world.WeChat.Login(alice.OpenID)), 200)
	testkit.Must(t, json.Unmarshal(got, &alice))
	auth := alice.Bearer()
	for name, body := range map[string]string{
		"wrong code": login("no such code"), "no code": `{}`, "long code": login(strings.Repeat("x", 257)), "no JSON": `code=1`,
		"unknown field": `{"code":"a","openid":"o"}`, "wrong type": `{"code":1}`, "chooses a user": `{"code":"a","userId":"boss"}`,
	} {
		c.ask(name, "POST", "/session", nil, body, 400)
	}
	trusted := &api.Session{SessionKey: secret.New(strings.Repeat("s", 32)), Limits: c.store, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return c.now }}
	c.Handler = trusted
	c.ask("not signed", "POST", "/session", nil, login("a"), 401)
	c.Handler = c.functions
	c.ask("large", "POST", "/session", nil, login(strings.Repeat("x", 20<<10)), 413)
	c.ask("get", "GET", "/session", nil, "", 405)

	for name, body := range map[string]string{
		"report": `{"reportId":"report-1","ageSeconds":2.5,"results":{"errMsg":"ok","errno":0,"` + string(fixture.Message) + `":"accept"}}`,
		"mute":   `{"preferences":{"muted":true,"quietHours":"22:30-07:00","mutedPeers":["bob","@TGS#1"]}}`,
		"both":   `{"reportId":"report-2","results":{"x":"reject"},"preferences":{"quietHours":""}}`,
		"none":   `{"preferences":{}}`,
		"early":  `{"reportId":"report-3","ageSeconds":-300,"results":{"x":"accept"}}`,
	} {
		c.ask(name, "POST", "/permits", auth, body, 200)
	}
	c.ask("permits", "GET", "/permits", auth, "", 200)
	for name, body := range map[string]string{
		"nothing": `{}`, "short id": `{"reportId":"r","results":{"x":"accept"}}`, "old": `{"reportId":"report-4","ageSeconds":86401,"results":{"x":"accept"}}`,
		"no results": `{"reportId":"report-4"}`, "empty results": `{"reportId":"report-4","results":{}}`, "no id": `{"results":{"x":"accept"}}`,
		"array": `{"reportId":"report-4","results":["x"]}`, "quiet": `{"preferences":{"quietHours":"at night"}}`, "unknown": `{"preferences":{"quiet":"x"}}`,
		"many peers": `{"preferences":{"mutedPeers":["` + strings.Repeat(`x","`, 100) + `x"]}}`, "other field": `{"openId":"o"}`,
	} {
		c.ask(name, "POST", "/permits", auth, body, 400)
	}
	c.ask("large report", "POST", "/permits", auth, `{"reportId":"`+strings.Repeat("x", 20<<10)+`"}`, 413)
	c.ask("put", "PUT", "/permits", auth, "", 405)

	announce := func(name, body string, status int) {
		t.Helper()
		c.ask(name, "POST", "/announce", fixture.Signed(fixture.AnnounceKey, "announce", []byte(body), c.now.Add(2*time.Second)), body, status)
	}
	announce("announce", `{"id":"1","kind":"message","to":["`+alice.UserID+`","nobody"],"fields":{"sender":"Shop","summary":"x","count":3,"time":"9:30"},"ttl":"2h","respectPresence":false}`, 200)
	announce("least", `{"id":"2","kind":"order_shipped","to":["`+alice.UserID+`"]}`, 200)
	for name, body := range map[string]string{
		"no id": `{"kind":"message","to":["a"]}`, "blank": `{"id":"a b","kind":"message","to":["a"]}`, "no kind": `{"id":"1","to":["a"]}`,
		"capital": `{"id":"1","kind":"Order","to":["a"]}`, "ours": `{"id":"1","kind":"call","to":["a"]}`, "nobody": `{"id":"1","kind":"message","to":[]}`,
		"twice": `{"id":"1","kind":"message","to":["a","a"]}`, "unknown text": `{"id":"1","kind":"message","to":["a"],"fields":{"x":"y"}}`,
		"long": `{"id":"1","kind":"message","to":["a"],"fields":{"sender":"` + strings.Repeat("x", 201) + `"}}`, "ttl": `{"id":"1","kind":"message","to":["a"],"ttl":"1s"}`,
		"count": `{"id":"1","kind":"message","to":["a"],"fields":{"count":-1}}`, "empty time": `{"id":"1","kind":"message","to":["a"],"fields":{"time":" "}}`,
		"many": `{"id":"1","kind":"message","to":["` + strings.Repeat(`x","`, 500) + `x"]}`,
	} {
		announce(name, body, 400)
	}
	announce("large announcement", `{"id":"`+strings.Repeat("x", 300<<10)+`"}`, 413)
	c.ask("get announce", "GET", "/announce", nil, "", 405)
	for _, header := range []http.Header{{}, fixture.Signed(fixture.AnnounceKey, "session", nil, c.now), {"Authorization": {"Bearer alice:x"}}} {
		c.ask("forged", "POST", "/announce", header, `{"id":"1","kind":"message","to":["a"]}`, 401)
		c.ask("forged", "POST", "/permits", header, `{"preferences":{}}`, 401)
		c.ask("forged", "GET", "/permits", header, "", 401)
		c.ask("forged", "DELETE", "/session", header, "", 401)
	}
	same := fixture.Signed(fixture.AnnounceKey, "announce", []byte(`{"id":"3","kind":"message","to":["a"]}`), c.now)
	c.ask("first", "POST", "/announce", same, `{"id":"3","kind":"message","to":["a"]}`, 200)
	c.ask("replay", "POST", "/announce", same, `{"id":"3","kind":"message","to":["a"]}`, 403)

	for fault, status := range map[int]int{40226: 403, -1: 502} {
		c.world.Faults.Always("/sns/jscode2session", simulator.Code(fault))
		c.ask("WeChat fails", "POST", "/session", nil, login(c.world.WeChat.Login(alice.OpenID)), status)
		c.world.Faults.Clear()
	}

	for range 31 { // guesses of one address, the last of which is one too many
		c.ask("a guess", "POST", "/session", nil, login("no such code"), any)
		c.ask("a guess", "POST", "/announce", fixture.Signed(fixture.AnnounceKey, "x", nil, c.now), `{"id":"1","kind":"message","to":["a"]}`, any)
		c.ask("a guess", "POST", "/permits", (&fixture.User{UserID: "alice", UserSig: "x"}).Bearer(), `{"preferences":{}}`, any)
		c.ask("a guess", "DELETE", "/session", (&fixture.User{UserID: "alice", UserSig: "x"}).Bearer(), "", any)
	}
	c.ask("a guess", "GET", "/permits", auth, "", 429)
	c.redis.FlushAll() // erased, as it were
	c.ask("not bound", "GET", "/permits", auth, "", 401)
	c.ask("erase", "DELETE", "/session", auth, "", 204)
	c.redis.Close()
	c.ask("store away", "POST", "/session", nil, login(c.world.WeChat.Login(alice.OpenID)), 503)
	c.ask("store away", "DELETE", "/session", auth, "", 503)
	c.ask("store away", "GET", "/permits", auth, "", 503)
	c.ask("store away", "POST", "/permits", auth, `{"preferences":{}}`, 503)
	announce("store away", `{"id":"1","kind":"message","to":["a"]}`, 503)
	c.complete()
}

// any status will do.
const any = 0

// complete wants each answer of the document to have been seen, and the tables of errors in both languages to
// have each code.
func (c *contract) complete() {
	c.t.Helper()
	for path, item := range c.doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status := range op.Responses.Map() {
				if key := op.OperationID + " " + status; status != "default" && !c.seen[key] {
					c.t.Errorf("%s %s never answered %s", method, path, status)
				}
			}
		}
	}
	english, chinese := codes(c.t, "../../docs/errors.md", "## HTTP APIs"), codes(c.t, "../../docs/errors.zh-CN.md", "## HTTP 接口")
	if !slices.Equal(english, chinese) {
		c.t.Errorf("the codes in English are %q,\nin Chinese %q", english, chinese)
	}
	for seen := range c.seen {
		if code, is := strings.CutPrefix(seen, "code "); is && code != "" && !slices.Contains(english, code) {
			c.t.Errorf("the code %q is in no table", code)
		}
	}
}

var quoted = regexp.MustCompile("`([A-Za-z_]+)`")

// codes returns the codes of the table of errors after a heading: the second column of rows that begin with a status.
func codes(t *testing.T, file, heading string) (out []string) {
	t.Helper()
	b, err := os.ReadFile(file)
	testkit.Must(t, err)
	_, text, _ := strings.Cut(string(b), heading)
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) == 6 && regexp.MustCompile("^ [0-9]+ $").MatchString(cells[1]) {
			for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
				out = append(out, m[1])
			}
		}
	}
	slices.Sort(out)
	if len(out) < 10 {
		t.Errorf("%s has only the codes %q", file, out)
	}
	return slices.Compact(out)
}
