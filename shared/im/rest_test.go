package im_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"


	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

func TestRetry(t *testing.T) {
	type answer struct {
		status int
		reply  string
	}
	code := func(n int) answer { return answer{200, fmt.Sprintf(`{"ErrorCode":%d}`, n)} }
	ok := answer{200, `{"ErrorCode":0,"QueryResult":[{"To_Account":"a","Status":"Offline"}]}`}
	for _, c := range []struct {
		name    string
		answers []answer // the last one again and again
		calls   int
	}{
		{"well at once", []answer{ok}, 1},
		{"throttled once", []answer{code(60007), ok}, 2},
		{"throttled twice", []answer{code(60011), code(60011), ok}, 3},
		{"always throttled", []answer{code(60019)}, 3},
		{"always broken inside", []answer{code(90992)}, 3},
		{"gateway", []answer{{502, "<html>"}}, 3},
		{"gateway throttles", []answer{{429, ""}}, 3},
		{"not JSON", []answer{{200, "<html>"}}, 3},
		{"no code", []answer{{200, "{}"}}, 3},
		{"not found", []answer{{404, ""}}, 1},
		{"redirect", []answer{{302, ""}}, 1},
		{"too large", []answer{{200, strings.Repeat(" ", 2<<20+1)}}, 1},
		{"bug", []answer{code(90003)}, 1},
		{"unlisted", []answer{code(123456)}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeIM{t: t, answer: func(n int, _ string, _ []byte) (int, string) {
					a := c.answers[min(n, len(c.answers))-1]
					return a.status, a.reply
				}}
				start := time.Now()
				err := askOne(t.Context(), direct(t, f))
				took := time.Since(start)
				least := []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond}[c.calls-1]
				if fails := c.answers[len(c.answers)-1] != ok; f.calls() != c.calls || (err != nil) != fails || took < least || took > 2*least {
					t.Errorf("%d calls in %v, %v; want %d in %v to %v", f.calls(), took, err, c.calls, least, 2*least)
				}
			})
		})
	}
}

func TestRetryHonoursContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIM{t: t, answer: always(60007, "busy")}
		// The wait would outlast the deadline: the answer comes at once.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, _, err := direct(t, f).Unread(ctx, "a", nil)
		var api *im.APIError
		if !errors.As(err, &api) || time.Since(start) != 0 || f.calls() != 1 {
			t.Errorf("%v after %v and %d calls", err, time.Since(start), f.calls())
		}

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		start = time.Now()
		if _, _, err := direct(t, f).Unread(ctx, "a", nil); err == nil || time.Since(start) != 10*time.Millisecond {
			t.Errorf("%v after %v, want an error when ctx ends", err, time.Since(start))
		}

		calls := f.calls()
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if _, err := direct(t, f).Presence(ctx, make([]notify.UserID, 1)); !errors.Is(err, context.Canceled) || f.calls() != calls {
			t.Errorf("%v after %d calls, want context.Canceled after none", err, f.calls()-calls)
		}
	})
}

// TestAttemptTimeout: IM itself takes up to 3 s, so an attempt waits longer, but not
// for ever.
func TestAttemptTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		hang := roundTripper(func(r *http.Request) (*http.Response, error) {
			attempts++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c := newClient(t, im.ClientConfig{HTTPClient: &http.Client{Transport: hang}})
		start := time.Now()
		_, _, err := c.Unread(t.Context(), "a", nil)
		took := time.Since(start)
		if err == nil || attempts != 3 || took < 15*time.Second || took > 16*time.Second {
			t.Errorf("%v after %d attempts and %v", err, attempts, took)
		}
	})
}

func TestBackupHost(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	dns := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "console.tim.qq.com"}}
	for _, c := range []struct {
		name  string
		cfg   im.ClientConfig
		err   error
		hosts string
		fails bool
	}{
		{"refused", im.ClientConfig{}, dial, "console.tim.qq.com adminapi.my-imcloud.com", false},
		{"no such name", im.ClientConfig{}, dns, "console.tim.qq.com adminapi.my-imcloud.com", false},
		{"reset", im.ClientConfig{}, &net.OpError{Op: "read", Err: errors.New("connection reset by peer")},
			"console.tim.qq.com console.tim.qq.com console.tim.qq.com", true},
		{"other region", im.ClientConfig{BaseURL: "https://adminapisgp.im.qcloud.com/"}, dial,
			"adminapisgp.im.qcloud.com adminapisgp.im.qcloud.com adminapisgp.im.qcloud.com", true},
		{"other region with a backup", im.ClientConfig{BaseURL: "https://adminapisgp.im.qcloud.com", BackupURL: "https://adminapisgp.my-imcloud.com"}, dial,
			"adminapisgp.im.qcloud.com adminapisgp.my-imcloud.com", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, `{"ErrorCode":0,"AllC2CUnreadMsgNum":3}` }}
				var hosts []string
				c.cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					hosts = append(hosts, r.URL.Host)
					if r.URL.Scheme != "https" || r.URL.Path != "/v4/openim/get_c2c_unread_msg_num" {
						t.Errorf("asked %s%s", r.URL.Scheme, r.URL.Path)
					}
					if strings.HasSuffix(r.URL.Host, "my-imcloud.com") {
						return f.RoundTrip(r)
					}
					return nil, c.err
				})}
				n, _, err := newClient(t, c.cfg).Unread(t.Context(), "a", nil)
				if got := strings.Join(hosts, " "); got != c.hosts || (err != nil) != c.fails || !c.fails && n != 3 {
					t.Errorf("%d, %v of %s, want %s", n, err, got, c.hosts)
				}
			})
		})
	}
}
