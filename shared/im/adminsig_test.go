package im_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/im"
)

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
