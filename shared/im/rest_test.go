package im_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

func TestRetry(t *testing.T) {
	fail := func(code int) (int, string) { return always(code, "busy")(0, "", nil) }
	for _, c := range []struct {
		name   string
		answer func(n int) (int, string)
		calls  int
		least  time.Duration
		most   time.Duration
		fails  bool
	}{
		{"throttled once", func(n int) (int, string) {
			if n == 1 {
				return fail(60007)
			}
			return 200, ""
		}, 2, 100 * time.Millisecond, 200 * time.Millisecond, false},
		{"throttled twice", func(n int) (int, string) {
			if n <= 2 {
				return fail(60011)
			}
			return 200, ""
		}, 3, 300 * time.Millisecond, 600 * time.Millisecond, false},
		{"always throttled", func(int) (int, string) { return fail(60019) }, 3, 300 * time.Millisecond, 600 * time.Millisecond, true},
		{"always broken inside", func(int) (int, string) { return fail(90992) }, 3, 300 * time.Millisecond, 600 * time.Millisecond, true},
		{"gateway", func(int) (int, string) { return 502, "<html>" }, 3, 300 * time.Millisecond, 600 * time.Millisecond, true},
		{"gateway throttles", func(int) (int, string) { return 429, "" }, 3, 300 * time.Millisecond, 600 * time.Millisecond, true},
		{"not JSON", func(int) (int, string) { return 200, "<html>" }, 3, 300 * time.Millisecond, 600 * time.Millisecond, true},
		{"no code", func(int) (int, string) { return 200, "{}" }, 3, 300 * time.Millisecond, 600 * time.Millisecond, true},
		{"not found", func(int) (int, string) { return 404, "" }, 1, 0, 0, true},
		{"redirect", func(int) (int, string) { return 302, "" }, 1, 0, 0, true},
		{"too large", func(int) (int, string) { return 200, strings.Repeat(" ", 2<<20+1) }, 1, 0, 0, true},
		{"bug", func(int) (int, string) { return fail(90003) }, 1, 0, 0, true},
		{"unlisted", func(int) (int, string) { return fail(123456) }, 1, 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeIM{t: t}
				f.answer = func(n int, _ string, request []byte) (int, string) {
					status, reply := c.answer(n)
					if status == 200 && reply == "" {
						reply = statusReply(t, request)
					}
					return status, reply
				}
				start := time.Now()
				_, err := direct(t, f).Presence(t.Context(), []notify.UserID{"a"})
				took := time.Since(start)
				if f.calls() != c.calls || (err != nil) != c.fails || took < c.least || took > c.most {
					t.Errorf("%d calls in %v, %v; want %d in %v to %v", f.calls(), took, err, c.calls, c.least, c.most)
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
		hosts []string
		fails bool
	}{
		{"refused", im.ClientConfig{}, dial, []string{"console.tim.qq.com", "adminapi.my-imcloud.com"}, false},
		{"no such name", im.ClientConfig{}, dns, []string{"console.tim.qq.com", "adminapi.my-imcloud.com"}, false},
		{"reset", im.ClientConfig{}, &net.OpError{Op: "read", Err: errors.New("connection reset by peer")},
			[]string{"console.tim.qq.com", "console.tim.qq.com", "console.tim.qq.com"}, true},
		{"other region", im.ClientConfig{BaseURL: "https://adminapisgp.im.qcloud.com/"}, dial,
			[]string{"adminapisgp.im.qcloud.com", "adminapisgp.im.qcloud.com", "adminapisgp.im.qcloud.com"}, true},
		{"other region with a backup", im.ClientConfig{BaseURL: "https://adminapisgp.im.qcloud.com", BackupURL: "https://adminapisgp.my-imcloud.com"}, dial,
			[]string{"adminapisgp.im.qcloud.com", "adminapisgp.my-imcloud.com"}, false},
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
				if diff := cmp.Diff(c.hosts, hosts); diff != "" || (err != nil) != c.fails || !c.fails && n != 3 {
					t.Errorf("%d, %v\n%s", n, err, diff)
				}
			})
		})
	}
}
