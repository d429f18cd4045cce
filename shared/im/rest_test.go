package im_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
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
		if _, err := direct(t, f).Presence(ctx, make([]fact.UserID, 1)); !errors.Is(err, context.Canceled) || f.calls() != calls {
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

func TestUserSigIsKeptAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIM{t: t, answer: allOffline}
		c := direct(t, f)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := askOne(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		const life = 24 * time.Hour
		for _, step := range []struct {
			after time.Duration
			sigs  int
		}{{0, 1}, {life*4/5 - time.Second, 1}, {2 * time.Second, 2}} {
			<-time.After(step.after)
			if err := askOne(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if n := len(slices.Compact(slices.Clone(f.sigs))); n != step.sigs {
				t.Errorf("%d UserSigs were made, want %d: one for all concurrent calls, another after four fifths of its life", n, step.sigs)
			}
		}
	})
}

func TestUserSigRefused(t *testing.T) {
	for _, code := range []int{70001, 70052, 60004, 60005, 70003, 70005} {
		synctest.Test(t, func(t *testing.T) {
			refused := map[int]bool{2: true, 4: true, 5: true}
			f := &fakeIM{t: t, answer: func(n int, path string, request []byte) (int, string) {
				if refused[n] {
					return always(code, "expired")(n, path, request)
				}
				return allOffline(n, path, request)
			}}
			c := direct(t, f)
			if err := askOne(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			<-time.After(2 * time.Second)
			start := time.Now()
			if err := askOne(t.Context(), c); err != nil || f.calls() != 3 || time.Since(start) != 0 {
				t.Errorf("%d once: %v after %d calls and %v, want a repetition at once", code, err, f.calls(), time.Since(start))
			}
			if f.sigs[1] != f.sigs[0] || f.sigs[2] == f.sigs[1] {
				t.Errorf("%d: repeated with the UserSig that was refused", code)
			}
			err := askOne(t.Context(), c)
			if api, ok := errors.AsType[*im.APIError](err); !ok || !api.NewUserSig() || f.calls() != 5 {
				t.Errorf("%d twice: %v after %d calls, want an error after two", code, err, f.calls()-3)
			}
		})
	}
}

func TestLockedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIM{t: t, answer: func(n int, path string, request []byte) (int, string) {
			if n == 1 {
				return always(70050, "too many")(n, path, request)
			}
			return allOffline(n, path, request)
		}}
		c := direct(t, f)
		for _, after := range []time.Duration{0, 0, 59 * time.Second} {
			<-time.After(after)
			err := askOne(t.Context(), c)
			if api, ok := errors.AsType[*im.APIError](err); !ok || !api.Locked() || !strings.Contains(err.Error(), "IM_SECRET_KEY") || f.calls() != 1 {
				t.Errorf("after %v: %v, %d calls", after, err, f.calls())
			}
		}
		<-time.After(time.Second)
		if err := askOne(t.Context(), c); err != nil || f.calls() != 2 {
			t.Errorf("after a minute: %v, %d calls", err, f.calls())
		}
	})
}

// turn is one question to a fakePacer.
type turn struct {
	Name         string
	PerSecond, N int
}

type fakePacer struct {
	answer func(ctx context.Context, n int) (time.Duration, error)
	turns  []turn
}

func (p *fakePacer) Pace(ctx context.Context, name string, perSecond, n int) (time.Duration, error) {
	p.turns = append(p.turns, turn{name, perSecond, n})
	return p.answer(ctx, len(p.turns))
}

func paced(t testing.TB, f *fakeIM, p *fakePacer) *im.Client {
	return newClient(t, im.ClientConfig{HTTPClient: &http.Client{Transport: f}, Pacer: p})
}

func TestPace(t *testing.T) {
	const at300 = 300 * time.Millisecond
	hangs := func(ctx context.Context, _ int) (time.Duration, error) { <-ctx.Done(); return 0, ctx.Err() }
	in := func(d time.Duration) func(context.Context, int) (time.Duration, error) {
		return func(context.Context, int) (time.Duration, error) { return d, nil }
	}
	for _, c := range []struct {
		name        string
		pace        func(ctx context.Context, n int) (time.Duration, error)
		throttled   int // how many answers are 60007
		limit       time.Duration
		turns       int
		calls       int
		least, most time.Duration
		err         string // its beginning; empty: none
	}{
		{"at once", in(0), 0, time.Minute, 1, 1, 0, 0, ""},
		{"a wait in the past", in(-time.Hour), 0, time.Minute, 1, 1, 0, 0, ""},
		{"each has its turn", in(at300), 0, time.Minute, 1, 1, at300, at300, ""},
		{"so has each try", in(at300), 2, time.Minute, 3, 3, 4 * at300, 5 * at300, ""},
		{"the turn comes too late", in(at300), 0, at300, 1, 0, 0, 0, "im: query_online_status: its turn comes in 300ms"},
		{"the second turn comes too late", func(_ context.Context, n int) (time.Duration, error) { return time.Duration(n-1) * time.Hour, nil },
			9, time.Minute, 2, 1, at300 / 3, 2 * at300 / 3, "im: query_online_status: code 60007"},
		{"the pacer is away", func(context.Context, int) (time.Duration, error) { return time.Hour, errors.New("store: away") },
			1, time.Minute, 2, 2, at300 / 3, 2 * at300 / 3, ""},
		{"the pacer hangs", hangs, 0, time.Minute, 1, 1, time.Second, time.Second, ""},
		{"the pacer hangs for too long", hangs, 0, 700 * time.Millisecond, 1, 0, 700 * time.Millisecond, 700 * time.Millisecond, "im: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeIM{t: t, answer: func(n int, path string, request []byte) (int, string) {
					if n <= c.throttled {
						return always(60007, "busy")(n, path, request)
					}
					return allOffline(n, path, request)
				}}
				p := &fakePacer{answer: c.pace}
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				start := time.Now()
				err := askOne(ctx, paced(t, f, p))
				took := time.Since(start)
				if f.calls() != c.calls || took < c.least || took > c.most {
					t.Errorf("%d calls in %v; want %d in %v to %v", f.calls(), took, c.calls, c.least, c.most)
				}
				if (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) ||
					err != nil && c.calls == 0 && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				if len(p.turns) != c.turns {
					t.Errorf("asked %v, want %d turns", p.turns, c.turns)
				}
			})
		})
	}
}

// TestPaceEndsWithTheContext: neither a wait nor a row of calls outlasts it.
func TestPaceEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIM{t: t}
		p := &fakePacer{answer: func(context.Context, int) (time.Duration, error) { return time.Hour, nil }}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		start := time.Now()
		_, err := paced(t, f, p).Presence(ctx, many[fact.UserID](1500))
		if !errors.Is(err, context.Canceled) || time.Since(start) != 10*time.Millisecond || len(p.turns) != 1 || f.calls() != 0 {
			t.Errorf("%v after %v, %d turns and %d calls", err, time.Since(start), len(p.turns), f.calls())
		}
	})
}

// A UserSig that IM refuses is made anew, with the key as it is now where it is kept.
func TestKeyThatWasChanged(t *testing.T) {
	asked := 0
	api := roundTripper(func(r *http.Request) (*http.Response, error) {
		asked++
		w := httptest.NewRecorder()
		if newSigner(t, testAppID, testKey).Verify("administrator", r.URL.Query().Get("usersig"), time.Now()) == nil {
			io.WriteString(w, `{"ActionStatus":"OK","ErrorCode":0,"QueryResult":[{"To_Account":"tommy","Status":"Online"}]}`)
		} else {
			io.WriteString(w, `{"ActionStatus":"FAIL","ErrorCode":70003,"ErrorInfo":"sig"}`)
		}
		return w.Result(), nil
	})
	c, err := im.NewClient(im.ClientConfig{SDKAppID: testAppID, Now: time.Now, HTTPClient: &http.Client{Transport: api},
		SecretKey: secret.From(&testkit.Rotation{Old: strings.Repeat("0", 64), New: testKey})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Presence(t.Context(), []fact.UserID{"tommy"}); err != nil || asked != 2 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}
