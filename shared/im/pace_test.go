package im_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

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
		_, err := paced(t, f, p).Presence(ctx, many[notify.UserID](1500))
		if !errors.Is(err, context.Canceled) || time.Since(start) != 10*time.Millisecond || len(p.turns) != 1 || f.calls() != 0 {
			t.Errorf("%v after %v, %d turns and %d calls", err, time.Since(start), len(p.turns), f.calls())
		}
	})
}
