package im_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

func TestUserSigIsKeptAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIM{t: t}
		f.answer = func(_ int, _ string, request []byte) (int, string) { return 200, statusReply(t, request) }
		c := direct(t, f)
		ask := func() string {
			t.Helper()
			if _, err := c.Presence(t.Context(), []notify.UserID{"a"}); err != nil {
				t.Fatal(err)
			}
			return f.sigs[len(f.sigs)-1]
		}
		first := ask()
		const life = 24 * time.Hour
		<-time.After(life*4/5 - time.Second)
		if ask() != first {
			t.Error("renewed before four fifths of its life")
		}
		<-time.After(2 * time.Second)
		if ask() == first {
			t.Error("not renewed after four fifths of its life")
		}
	})
}

func TestUserSigIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeIM{t: t}
		f.answer = func(_ int, _ string, request []byte) (int, string) { return 200, statusReply(t, request) }
		c := direct(t, f)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Presence(t.Context(), []notify.UserID{"a"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if slices.Sort(f.sigs); len(slices.Compact(f.sigs)) != 1 {
			t.Error("concurrent calls made more than one UserSig")
		}
	})
}

func TestUserSigRefused(t *testing.T) {
	for _, code := range []int{70001, 70052, 60004, 60005, 70003, 70005} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeIM{t: t}
			refuse := map[int]bool{}
			f.answer = func(n int, path string, request []byte) (int, string) {
				if refuse[n] {
					return always(code, "expired")(n, path, request)
				}
				return 200, statusReply(t, request)
			}
			c := direct(t, f)
			ask := func() error { _, err := c.Presence(t.Context(), []notify.UserID{"a"}); return err }
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			<-time.After(2 * time.Second)
			refuse[2] = true
			start := time.Now()
			if err := ask(); err != nil || f.calls() != 3 || time.Since(start) != 0 {
				t.Errorf("%d once: %v after %d calls and %v, want a repetition at once", code, err, f.calls(), time.Since(start))
			}
			if f.sigs[1] != f.sigs[0] || f.sigs[2] == f.sigs[1] {
				t.Errorf("%d: repeated with the UserSig that was refused", code)
			}
			refuse[4], refuse[5] = true, true
			err := ask()
			var api *im.APIError
			if !errors.As(err, &api) || !api.NewUserSig() || f.calls() != 5 {
				t.Errorf("%d twice: %v after %d calls, want an error after two", code, err, f.calls()-3)
			}
		})
	}
}

func TestLockedOut(t *testing.T) {
	f := &fakeIM{t: t}
	f.answer = func(n int, path string, request []byte) (int, string) {
		if n == 1 {
			return always(70050, "too many")(n, path, request)
		}
		return 200, `{"ErrorCode":0,"AllC2CUnreadMsgNum":0}`
	}
	now := time.Unix(testTime, 0)
	f.now = func() time.Time { return now }
	c := newClient(t, im.ClientConfig{HTTPClient: &http.Client{Transport: f}, Now: f.now})
	for _, after := range []time.Duration{0, 0, 59 * time.Second} {
		now = time.Unix(testTime, 0).Add(after)
		_, _, err := c.Unread(t.Context(), "a", nil)
		var api *im.APIError
		if !errors.As(err, &api) || !api.Locked() || !strings.Contains(err.Error(), "IM_SECRET_KEY") || f.calls() != 1 {
			t.Errorf("after %v: %v, %d calls", after, err, f.calls())
		}
	}
	now = time.Unix(testTime, 0).Add(time.Minute)
	if _, _, err := c.Unread(t.Context(), "a", nil); err != nil || f.calls() != 2 {
		t.Errorf("after a minute: %v, %d calls", err, f.calls())
	}
}
