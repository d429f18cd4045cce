// Package console serves the operator's console: pages and a JSON API that read the store, and replay dead letters, to whoever has its
// token. It is served to this machine only, or, as a function of SCF, under public names. See docs/console.md.
package console

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wxnotify/shared/config"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/web"
)

//go:embed assets
var assets embed.FS

// answerWithin bounds what a panel waits for the store.
const answerWithin = 5 * time.Second

// Config is what a console is made of.
type Config struct {
	Store *store.Store
	AppID string
	Conf  config.Notify
	// Settings are shown beside the rules. None is a secret.
	Settings []Setting
	Now      func() time.Time // of this machine
	// Public: it is served under public names, over TLS, by several instances. Nil: to this machine only.
	Public *Public
}

// Public is who may see a console that everybody reaches.
type Public struct {
	Token secret.String
	// MayGuess reports whether the address of a request may guess the token, and counts a guess that is wrong.
	MayGuess func(r *http.Request, wrong bool) (bool, error)
}

// A Setting is one in effect.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Console serves itself. It is safe for concurrent use.
type Console struct {
	cfg      Config
	own      *ownSessions // nil if it is public
	sessions sessions
	http     http.Handler
}

// New returns a console.
func New(cfg Config) *Console {
	c := &Console{cfg: cfg}
	guard := web.Guard
	if cfg.Public != nil {
		c.sessions, guard = signedSessions{*cfg.Public, cfg.Now}, web.GuardPublic
	} else {
		c.own = newSessions(cfg.Now)
		c.sessions = c.own
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/session", c.signedIn)
	mux.HandleFunc("POST /api/session", c.signIn)
	mux.HandleFunc("DELETE /api/session", c.signOut)
	for _, r := range c.routes() {
		mux.Handle(r.method+" "+r.path, c.api(r))
	}
	mux.HandleFunc("GET /openapi.json", c.document)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, fault{http.StatusNotFound, "not_found", Words{"the API has no such path or method: see openapi.json", "API 没有这个路径或方法：见 openapi.json"}})
	})
	own, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the name is a constant
	}
	mux.Handle("/", web.Files(own, web.Assets()))
	c.http = guard(mux)
	return c
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.http.ServeHTTP(w, r) }

// Words say one thing in both languages.
type Words struct {
	English string `json:"en"`
	Chinese string `json:"zh"`
}

// A fault is why something is not answered.
type fault struct {
	status int
	code   string
	words  Words
}

func (f fault) Error() string { return f.words.English }

type refusalAnswer struct {
	Code  string `json:"code"`
	Error Words  `json:"error"`
}

func refuse(w http.ResponseWriter, f fault) { web.JSON(w, f.status, refusalAnswer{f.code, f.words}) }

// badInput is a fault of a parameter, or of a body.
func badInput(name, english, chinese string) fault {
	return fault{http.StatusBadRequest, "bad_input", Words{name + ": " + english, name + "：" + chinese}}
}

// An answerer answers a request of somebody who is signed in. What is no fault among its errors is the store's.
type answerer func(ctx context.Context, q *query) (any, error)

// api serves a route.
func (c *Console) api(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f, ok := c.sessions.known(r); !ok {
			refuse(w, f)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
		defer cancel()
		v, err := route.answer(ctx, parameters(w, r, route.parameters))
		if err == nil {
			web.JSON(w, http.StatusOK, v)
			return
		}
		if f, ok := errors.AsType[fault](err); ok {
			refuse(w, f)
			return
		}
		refuse(w, storeFault(err))
	})
}

// storeFault says what is wrong with the store. Its errors show neither its address nor its password.
func storeFault(err error) fault {
	switch {
	case errors.Is(err, notify.ErrUnreadable):
		return fault{http.StatusInternalServerError, "unreadable", Words{"the store holds something that cannot be read: " + err.Error(), "存储中有无法读取的内容：" + err.Error()}}
	case errors.Is(err, store.ErrSettings):
		return fault{http.StatusServiceUnavailable, "settings", Words{"the settings do not fit the store: " + err.Error(), "设置与存储不符：" + err.Error()}}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fault{http.StatusServiceUnavailable, "store_slow", Words{"the store is too slow: try again", "存储响应太慢：请重试"}}
	}
	return fault{http.StatusServiceUnavailable, "store_away", Words{"the store does not answer: see that Redis runs, and lets this machine in", "存储没有响应：请检查 Redis 是否运行，是否允许本机访问"}}
}

// A query is a request with its parameters. The first that is wrong is its fault.
type query struct {
	w      http.ResponseWriter
	r      *http.Request
	values url.Values
	err    error
}

// parameters reads the parameters of r; others than those that may be there, and one that is there twice, are faults.
func parameters(w http.ResponseWriter, r *http.Request, may []string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{w: w, r: r, values: values}
	if err != nil {
		q.err = badInput("query", "it cannot be read", "无法解析")
	}
	for name, list := range values {
		switch {
		case !slices.Contains(may, name):
			q.err = badInput(strconv.Quote(clip(name)), "is no parameter here: use "+strings.Join(may, ", "), "不是这里的参数：请使用 "+strings.Join(may, ", "))
		case len(list) > 1:
			q.err = badInput(name, "give it once", "只能给出一次")
		}
	}
	return q
}

// mostID is how long an id may be, in bytes: longer than those of all platforms.
const mostID = 512

// id reads one that has to be there.
func (q *query) id(name string) string {
	v := q.values.Get(name)
	if f := checkID(name, v); q.err == nil {
		q.err = f
	}
	return v
}

func checkID(name, v string) error {
	switch {
	case v == "":
		return badInput(name, "is missing", "缺少")
	case len(v) > mostID:
		return badInput(name, fmt.Sprintf("is longer than %d bytes", mostID), fmt.Sprintf("超过 %d 字节", mostID))
	case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
		return badInput(name, "has characters that no id has", "含有 ID 中不会出现的字符")
	}
	return nil
}

// number reads one between 1 and most.
func (q *query) number(name string, usual, most int) int {
	v := q.values.Get(name)
	if v == "" {
		return usual
	}
	n, err := strconv.Atoi(v)
	if (err != nil || n < 1 || n > most) && q.err == nil {
		q.err = badInput(name, fmt.Sprintf("use 1 to %d", most), fmt.Sprintf("请使用 1 到 %d", most))
	}
	return n
}

// one reads one of a few words.
func (q *query) one(name string, words ...string) string {
	v := q.values.Get(name)
	if !slices.Contains(words, v) && q.err == nil {
		q.err = badInput(name, "use "+strings.Join(words, ", "), "请使用 "+strings.Join(words, ", "))
	}
	return v
}

// mostText is how much is shown of a text of others, in bytes.
const mostText = 200

// clip shortens a text.
func clip(s string) string {
	if len(s) <= mostText {
		return s
	}
	end := mostText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// short is how an openid is shown.
func short(o fact.OpenID) string {
	const shown = 4
	if len(o) <= 2*shown {
		return string(o)
	}
	return string(o[:shown]) + "…" + string(o[len(o)-shown:])
}

// at is a time as it is told; nothing of the zero time.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// kinds returns what notify.yml calls each template.
func (c *Console) kinds() map[fact.TemplateID][]fact.Kind {
	out := map[fact.TemplateID][]fact.Kind{}
	for kind, spec := range c.cfg.Conf.Specs {
		out[spec.ID] = append(out[spec.ID], kind)
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}

func (c *Console) longTerm(template fact.TemplateID) bool {
	for _, spec := range c.cfg.Conf.Specs {
		if spec.ID == template && spec.LongTerm {
			return true
		}
	}
	return false
}

// firsts returns as many of list as are shown, and how many are not.
func firsts[T any](list []T, most int) (shown []T, more int) {
	n := min(len(list), most)
	return list[:n:n], len(list) - n
}

// texts are as shown.
func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = clip(string(v))
	}
	return out
}
