package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/stopwatch"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

// markHeader is on requests of the simulated platforms and people. The functions do not
// get to see it.
const markHeader = "X-Wxnotify-Simulated"

// marked is a transport that marks what it sends.
type marked struct {
	*http.Transport
	mark string
}

func (m marked) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(markHeader, m.mark)
	return m.Transport.RoundTrip(r)
}

// An exchange is a request to a function's URL, and its answer's status.
type exchange struct {
	function string
	method   string
	query    url.Values
	body     []byte
	began    time.Time
	watch    stopwatch.Watch
	status   int
	ours     bool // sent by the simulated platforms or people
}

// Wrap puts s in front of the functions: it tells what they were told, and lets the
// simulated platforms know of it before the answer leaves.
func (s *Sim) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		function, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if function == "" { // the platform's own API
			next.ServeHTTP(w, r)
			return
		}
		x := exchange{function: function, method: r.Method, query: r.URL.Query(), began: s.now(), watch: stopwatch.Start(),
			ours: r.Header.Get(markHeader) == s.mark}
		r.Header.Del(markHeader)
		var body bytes.Buffer
		r.Body = tee{io.TeeReader(r.Body, &body), r.Body}
		next.ServeHTTP(&statusWriter{ResponseWriter: w, first: func(status int) {
			x.status, x.body = status, body.Bytes()
			s.heard(r.Context(), x)
		}}, r)
	})
}

type tee struct {
	io.Reader
	io.Closer
}

// statusWriter calls first before the status is written.
type statusWriter struct {
	http.ResponseWriter
	first func(status int)
	done  bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.done {
		w.done = true
		w.first(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// heard is called for each request that a function has answered.
func (s *Sim) heard(ctx context.Context, x exchange) {
	switch {
	case x.status != http.StatusOK:
		s.tell(x, line{actor: sender[x.function], mood: bad,
			text: say("%s /%s is answered %d %s", "%s /%s 得到答复 %d %s", x.method, x.function, x.status, http.StatusText(x.status))})
	case x.function == "imcallback":
		s.heardIM(ctx, x)
	case x.function == "announce":
		s.heardAnnounce(x)
	case x.ours: // what the simulated people do is told by whoever lets them do it
	case x.function == "wechatpush" && x.method == http.MethodPost:
		s.heardWeChat(x)
	case x.function == "wechatpush":
		s.tell(x, line{actor: "WeChat", text: say("checks the URL of the message push", "验证消息推送的 URL")})
	default:
		s.tell(x, line{actor: sender[x.function], text: same(x.method + " /" + x.function)})
	}
}

// sender is who calls a function.
var sender = map[string]string{"imcallback": "IM", "wechatpush": "WeChat", "session": "client", "permits": "client", "announce": "backend"}

// tell tells a line about x, unless it is told in other words.
func (s *Sim) tell(x exchange, l line) {
	if x.ours && s.quiet.Load() {
		return
	}
	if l.note == "" {
		l.note = fmt.Sprintf("%s, %d ms", x.function, x.watch.Elapsed().Milliseconds())
	}
	s.story.tell(x.began, l)
}

func (s *Sim) heardIM(ctx context.Context, x exchange) {
	cb, err := im.Decode(x.query, x.body)
	facts := cb.Facts()
	if err != nil || len(facts) == 0 {
		s.tell(x, line{actor: "IM", text: say("sends %s, with nothing in it for wxnotify", "发来 %s，没有 wxnotify 要处理的内容", cb.Command)})
		return
	}
	for _, f := range facts {
		if f.Message != nil && f.Message.Silent && len(cb.Calls) > 0 {
			s.narrator.signals(f.Message.ID)
			continue // the call itself is another fact
		}
		s.narrator.learn(f)
		l := s.narrator.fact(f, s.name)
		news := s.narrator.news(f)
		if !x.ours {
			news = s.mirrorIM(cb, f) && news
		}
		if !news {
			l.text = l.text.and(say(" (again)", "（重复）"))
		}
		s.chats.hear(f, x.ours, x.began)
		s.tell(x, l)
		s.unbound(ctx, f)
	}
}

// heardAnnounce tells what a backend announced.
func (s *Sim) heardAnnounce(x exchange) {
	var a struct {
		ID     fact.MessageID `json:"id"`
		To     []fact.UserID  `json:"to"`
		Fields struct {
			Summary string `json:"summary"`
		} `json:"fields"`
	}
	if json.Unmarshal(x.body, &a) != nil {
		return // the function took it for something else
	}
	s.narrator.learn(fact.Fact{Message: &fact.Message{ID: a.ID, Summary: a.Fields.Summary, ByREST: true}})
	s.tell(x, line{actor: "backend", text: say("announces %s to %s", "发出自有通知%s，给 %s", s.narrator.named(a.ID), joined(a.To))})
}

// mirrorIM lets the simulated IM learn f. It reports whether f is news.
func (s *Sim) mirrorIM(cb im.Callback, f fact.Fact) (news bool) {
	w := s.world.IM
	switch {
	case f.Message != nil && f.Message.FailedCode == 0 && !f.Message.OnlineOnly && !f.Message.Silent && !cb.Before():
		m := f.Message
		w.Import(string(m.From), string(m.From))
		return w.LearnMessage(string(m.From), string(m.To), string(m.ID), m.Summary, m.SentAt)
	case f.GroupMessage != nil:
		s.mirrorGroup(*f.GroupMessage)
	case f.Read != nil:
		w.LearnRead(string(f.Read.Reader), string(f.Read.Peer))
	case f.Recall != nil:
		w.LearnRecall(string(f.Recall.From), string(f.Recall.To), string(f.Recall.ID))
	case f.Presence != nil:
		w.LearnPresence(string(f.Presence.User), f.Presence.Online)
	}
	return true
}

// mirrorGroup lets the simulated IM have the group that m was sent to, with the people of
// the simulation in it, and whoever m names.
func (s *Sim) mirrorGroup(m fact.GroupMessage) {
	w, named := s.world.IM, append([]fact.UserID{m.From}, m.At...)
	w.Import(string(m.From), string(m.From))
	for _, user := range named {
		if w.Join(string(m.Group), string(user)) != nil {
			// A group of an unknown type has no members who could be told.
			_ = s.makeGroup(string(m.Group), string(m.Type), named...)
			return
		}
	}
}

// unbound tells of a message to somebody who has no timeline, and of a call.
func (s *Sim) unbound(ctx context.Context, f fact.Fact) {
	var users []fact.UserID
	switch {
	case f.Message != nil:
		users = []fact.UserID{f.Message.To}
	case f.Ring != nil:
		users = f.Ring.Users
	}
	for _, user := range users {
		if _, err := s.store.OpenIDOf(ctx, user); errors.Is(err, store.ErrNotBound) {
			s.story.tell(s.now(), line{actor: us, mood: none, note: string(fact.StateNotBound),
				text: say("no card: nobody is logged in as %s through the mini program", "不发提醒：没有人以 %s 登录过小程序", user)})
		}
	}
}

// heardWeChat takes a push that the function took for genuine.
func (s *Sim) heardWeChat(x exchange) {
	p, err := s.receiver.Open(x.query, x.body, x.began)
	if err != nil {
		return
	}
	facts := p.Facts()
	if e, ok := p.Event.(wechat.Popup); ok && slices.ContainsFunc(e.Choices, wechat.Choice.Rejected) && len(facts) == 0 {
		s.tell(x, line{actor: s.name(e.User), text: say(`taps "Refuse": nothing changes`, "点了“取消”：没有变化")})
	} else if len(facts) == 0 {
		s.tell(x, line{actor: "WeChat", text: say("pushes an event (%s), with nothing in it for wxnotify", "推送了事件（%s），没有 wxnotify 要处理的内容", p.Event.Kind())})
	}
	w := s.world.WeChat
	for _, f := range facts {
		s.tell(x, s.narrator.fact(f, s.name))
		switch {
		case f.Grant != nil:
			for _, t := range f.Grant.Templates {
				w.LearnAccept(string(f.Grant.OpenID), string(t))
			}
		case f.Revoke != nil:
			for _, t := range f.Revoke.Templates {
				w.LearnOff(string(f.Revoke.OpenID), string(t))
			}
		case f.Erase != nil:
			w.LearnCancelled(string(f.Erase.OpenID))
		}
	}
}
