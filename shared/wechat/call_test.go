package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

var dialError = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// serve returns a server whose tokens are good, on a connection that is kept or not, and whose sends
// are answered by send on the bare connection; and a count of the sends.
func serve(t *testing.T, kept bool, send func(net.Conn)) (url string, sends *atomic.Int32) {
	t.Helper()
	sends = new(atomic.Int32)
	api := scripted(func(w http.ResponseWriter, _ *http.Request) {
		sends.Add(1)
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		send(c)
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !kept {
			w.Header().Set("Connection", "close")
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, sends
}

// closedURL is of a host that refuses connections.
func closedURL() string {
	srv := httptest.NewServer(nil)
	srv.Close()
	return srv.URL
}

// A server that takes a send and hangs up may have shown the card: exactly one request
// must ever arrive, on a fresh connection and on a kept one, where net/http is prone
// to try again.
func TestSendIsNeverRepeated(t *testing.T) {
	for name, end := range map[string]func(net.Conn){
		"closed":             func(net.Conn) {},
		"reset":              func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) },
		"closed in a status": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 2") },
		"closed in a body":   func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"errcode\"") },
	} {
		for _, kept := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, kept connection %v", name, kept), func(t *testing.T) {
				backup, others := serve(t, kept, end)
				url, sends := serve(t, kept, end)
				_, err := client(t, wechat.ClientConfig{BaseURL: url, BackupURLs: []string{backup}}).SendSubscribe(t.Context(), message)
				wantClass(t, err, card.ClassUnknown)
				wantNoSecret(t, err.Error())
				if n := sends.Load() + others.Load(); n != 1 {
					t.Errorf("%d sends arrived, want 1", n)
				}
			})
		}
	}
}

// net/http may try again by itself if it could not write one byte on a kept
// connection. The card then arrives once, or, without another connection, not at all.
func TestNothingWritten(t *testing.T) {
	for name, reconnects := range map[string]bool{"reconnected": true, "not reconnected": false} {
		t.Run(name, func(t *testing.T) {
			api := newAPI()
			srv := httptest.NewServer(api)
			defer srv.Close()
			var conns []*onceConn
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				if len(conns) > 0 && !reconnects {
					return nil, dialError
				}
				c, err := new(net.Dialer).DialContext(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				conns = append(conns, &onceConn{Conn: c, once: len(conns) == 0})
				return conns[len(conns)-1], nil
			}
			c := client(t, wechat.ClientConfig{
				BaseURL: srv.URL, HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}},
			})
			id, err := c.SendSubscribe(t.Context(), message)
			if reconnects && (err != nil || id != 1988810812324364291 || api.count(sendPath) != 1) {
				t.Errorf("SendSubscribe = %d, %v with %d arrived, want 1", id, err, api.count(sendPath))
			}
			if !reconnects {
				wantClass(t, err, card.ClassUnreached)
			}
		})
	}
}

// A onceConn takes one request and refuses to write another.
type onceConn struct {
	net.Conn
	once, used bool
}

func (c *onceConn) Write(b []byte) (int, error) {
	if c.once && c.used {
		return 0, errors.New("broken pipe")
	}
	c.used = true
	return c.Conn.Write(b)
}

// A refused or failed connection sends nothing: the next host gets the request, and
// stays in use.
func TestNextHost(t *testing.T) {
	api := newAPI()
	good := httptest.NewServer(api)
	defer good.Close()
	untrusted := httptest.NewUnstartedServer(api)
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	var out bytes.Buffer
	c := client(t, wechat.ClientConfig{
		BaseURL: closedURL(), BackupURLs: []string{untrusted.URL, good.URL}, Log: logTo(&out),
	})
	for range 3 {
		if id, err := c.SendSubscribe(t.Context(), message); err != nil || id != 1988810812324364291 {
			t.Fatalf("SendSubscribe = %d, %v", id, err)
		}
	}
	if n := strings.Count(out.String(), "host not reached"); n != 2 {
		t.Errorf("%d failed attempts logged, want 2 for the first call alone:\n%s", n, &out)
	}
	if api.count(sendPath) != 3 || api.count(tokenPath) != 1 {
		t.Errorf("%d sends and %d tokens arrived", api.count(sendPath), api.count(tokenPath))
	}
	wantNoSecret(t, out.String())
}

func TestNoHost(t *testing.T) {
	plainHTTP := httptest.NewServer(nil)
	defer plainHTTP.Close()
	for name, cfg := range map[string]wechat.ClientConfig{
		"refused":   {BaseURL: closedURL()},
		"no TLS":    {BaseURL: strings.Replace(plainHTTP.URL, "http", "https", 1)},
		"untraced":  {HTTPClient: &http.Client{Transport: failing(dialError)}},
		"no such":   {HTTPClient: &http.Client{Transport: failing(&net.DNSError{Err: "no such host", Name: "h"})}},
		"dead dial": {BaseURL: "http://127.0.0.1:9", HTTPClient: &http.Client{Transport: &http.Transport{DialContext: hang}}, Timeout: time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(t, cfg).SendSubscribe(t.Context(), message)
			wantClass(t, err, card.ClassUnreached)
			wantNoSecret(t, err.Error())
		})
	}
}

func hang(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// scripted answers sends with what it is given, and tokens as WeChat does.
func scripted(send http.HandlerFunc) http.Handler {
	api := newAPI()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == tokenPath {
			api.ServeHTTP(w, r)
			return
		}
		send(w, r)
	})
}

// Answers that say nothing leave open whether the card was shown.
func TestUnknownOutcomes(t *testing.T) {
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); io.WriteString(w, body) }
	}
	for name, answer := range map[string]http.HandlerFunc{
		"empty 200":           text(200, ""),
		"blank 200":           text(200, " \n"),
		"HTML":                text(200, "<html>maintenance</html>"),
		"cut JSON":            text(200, `{"errcode":0`),
		"no errcode":          text(200, `{}`),
		"null":                text(200, `null`),
		"an array":            text(200, `[{"errcode":0}]`),
		"errcode is a word":   text(200, `{"errcode":"ok"}`),
		"too large":           text(200, `{"errcode":0,"x":"`+strings.Repeat("x", 1<<20)+`"}`),
		"502":                 text(502, "bad gateway"),
		"500 with an errcode": text(500, `{"errcode":43101,"errmsg":"x"}`),
		"404":                 text(404, ""),
		"404 with a success":  text(404, `{"errcode":0}`),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			sends := 0
			c := online(t, scripted(func(w http.ResponseWriter, r *http.Request) { sends++; answer(w, r) }))
			_, err := c.SendSubscribe(t.Context(), message)
			wantClass(t, err, card.ClassUnknown)
			wantNoSecret(t, err.Error())
			if sends != 1 {
				t.Errorf("%d requests arrived, want 1", sends)
			}
		})
	}
}

// What is cut off once the request is out is unknown, and goes to no other host.
func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		timeout, caller, want time.Duration
	}{
		{"default", 0, time.Hour, 5 * time.Second},
		{"configured", time.Second, time.Hour, time.Second},
		{"the caller's", 0, 2 * time.Second, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			sends := 0
			cfg := inMemory(scripted(func(_ http.ResponseWriter, r *http.Request) { sends++; <-r.Context().Done() }))
			cfg.Timeout = tt.timeout
			ctx, cancel := context.WithTimeout(t.Context(), tt.caller)
			defer cancel()
			start := time.Now()
			_, err := client(t, cfg).SendSubscribe(ctx, message)
			wantClass(t, err, card.ClassUnknown)
			if took := time.Since(start); took != tt.want || !errors.Is(err, context.DeadlineExceeded) || sends != 1 {
				t.Errorf("%s: %v after %v and %d sends, want a deadline after %v", tt.name, err, took, sends, tt.want)
			}
		})
	}
}

// What is incomplete reaches nobody, and neither does a call whose time is over.
func TestNothingIsAsked(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	api := newAPI()
	c := online(t, api)
	_, err := c.SendSubscribe(over, message)
	wantClass(t, err, card.ClassUnreached)
	for _, m := range []wechat.SubscribeMessage{
		{Template: "T", Data: message.Data}, {To: "o", Data: message.Data}, {To: "o", Template: "T"},
	} {
		_, err := c.SendSubscribe(t.Context(), m)
		if wantClass(t, err, card.ClassDefect); !strings.Contains(err.Error(), "is empty") {
			t.Errorf("error %q does not name what is missing", err)
		}
	}
	for _, code := range []string{"", strings.Repeat("x", 257)} {
		if _, err := c.Code2Session(t.Context(), code); !errors.Is(err, wechat.ErrLoginCode) {
			t.Errorf("code of %d bytes: %v, want %v", len(code), err, wechat.ErrLoginCode)
		}
	}
	if len(api.seen) != 0 {
		t.Errorf("%d requests arrived", len(api.seen))
	}
}

// WeChat's words may carry back what we sent; what is ours in confidence stays out.
func TestErrmsgIsCleaned(t *testing.T) {
	const echo = `{"errcode":45168,"errmsg":"risky: \u0000\u001bAnna & Bob\n for oUser by token-1, app-secret-5bd2850f %s rid: 1-2-3"}`
	c := online(t, scripted(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, echo, strings.Repeat("字", 400))
	}))
	_, err := c.SendSubscribe(t.Context(), message)
	wantClass(t, err, card.ClassWording)
	wantNoSecret(t, err.Error())
	if text := err.Error(); strings.Contains(text, "oUser") || strings.ContainsAny(text, "\n\x00\x1b") || len(text) > 400 || !strings.Contains(text, "risky") {
		t.Errorf("error %q", text)
	}
}

// An AppSecret that WeChat refuses is fetched again where it is kept, once.
func TestAppSecretThatWasChanged(t *testing.T) {
	const refused = `{"errcode":%d,"errmsg":"invalid appsecret"}`
	for name, c := range map[string]struct {
		path, success string
		code          int
		now           string // the AppSecret where it is kept
		asked         int
	}{
		"a token":                  {tokenPath, "", 40125, appSecret, 2},
		"a token, by another code": {tokenPath, "", 40001, appSecret, 2},
		"a login":                  {"/sns/jscode2session", `{"openid":"oAnna"}`, 40125, appSecret, 2},
		"the same as before":       {tokenPath, "", 40125, "old-secret", 1},
		"another trouble":          {tokenPath, "", 40164, appSecret, 1},
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPI()
			api.answer(c.path, fmt.Sprintf(refused, c.code))
			if c.success != "" {
				api.answer(c.path, c.success)
			}
			cfg := inMemory(api)
			cfg.AppSecret = secret.From(&testkit.Rotation{Old: "old-secret", New: c.now})
			client := client(t, cfg)
			var err error
			if c.path == tokenPath {
				_, err = client.StableToken(t.Context())
			} else {
				_, err = client.Code2Session(t.Context(), "code")
			}
			if (err == nil) != (c.asked == 2) || api.count(c.path) != c.asked {
				t.Errorf("%v, asked %d times, want %d", err, api.count(c.path), c.asked)
			}
		})
	}
}
