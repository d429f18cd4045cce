package inbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
)

// A recorder is a store that may be away, or hang.
type recorder struct {
	err   error
	hang  bool
	until time.Time // away until then
	calls int
	facts []notify.Fact
	// spoilt is a user of whom something unreadable is stored; spoiltFirst: that shows even
	// while the store is away.
	spoilt      notify.UserID
	spoiltFirst bool
}

func (r *recorder) Record(ctx context.Context, _ notify.Rules, facts []notify.Fact) (bool, error) {
	r.calls++
	if r.hang {
		<-ctx.Done()
		return false, ctx.Err()
	}
	spoilt := slices.ContainsFunc(facts, func(f notify.Fact) bool { return f.Read != nil && f.Read.Reader == r.spoilt })
	if r.spoilt != "" && spoilt && (r.spoiltFirst || !time.Now().Before(r.until)) {
		return false, fmt.Errorf("%w: key of %s", notify.ErrUnreadable, r.spoilt)
	}
	if r.err != nil || time.Now().Before(r.until) {
		return false, errors.Join(r.err, errors.New("store: away"))
	}
	r.facts = append(r.facts, facts...)
	return true, nil
}

// A courier keeps what is handed to it, and may be away.
type courier struct {
	spilled []notify.Fact
	since   time.Time
	err     error
	away    time.Time // until then, too
}

func (c *courier) Wake(context.Context) error { return c.err }
func (c *courier) Spill(_ context.Context, facts []notify.Fact, since time.Time) error {
	if c.err != nil || time.Now().Before(c.away) {
		return errors.Join(c.err, errors.New("platform: away"))
	}
	c.spilled, c.since = append(c.spilled, facts...), since
	return nil
}

// hanging never answers.
type hanging struct{}

func (hanging) Wake(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (hanging) Spill(ctx context.Context, _ []notify.Fact, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

func newInbox(r inbox.Recorder, c inbox.Courier) *inbox.Inbox {
	return &inbox.Inbox{
		Now: time.Now, Store: r, Courier: c, Log: slog.New(slog.DiscardHandler),
		Filter: notify.Filter{Rules: notify.DefaultRules(), Admin: "administrator", Templates: []notify.TemplateID{"T1"}},
	}
}

func TestInboxKeepsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := newInbox(&recorder{hang: true}, hanging{}).Accept(t.Context(), []notify.Fact{{Message: &notify.Message{ID: "1", From: "a", To: "b"}}})
		if err == nil {
			t.Error("neither stored nor spilled, and no error")
		}
		if took := time.Since(start); took > 1300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		start = time.Now()
		if err := newInbox(&recorder{}, hanging{}).Accept(t.Context(), []notify.Fact{{Message: &notify.Message{ID: "1", From: "a", To: "b"}}}); err != nil {
			t.Errorf("a wake that hangs is no failure: %v", err)
		}
		if took := time.Since(start); took > 700*time.Millisecond {
			t.Errorf("the wake took %v", took)
		}
	})
}

func TestInboxSpills(t *testing.T) {
	c := &courier{}
	in := newInbox(&recorder{err: errors.New("away")}, c)
	m := notify.Message{ID: "1", From: "a", To: "b", Summary: "private"}
	if err := in.Accept(t.Context(), []notify.Fact{{Message: &m}}); err != nil {
		t.Fatal(err)
	}
	want := []notify.Fact{{Message: &notify.Message{ID: "1", From: "a", To: "b"}}}
	if d := cmp.Diff(want, c.spilled); d != "" {
		t.Errorf("spilled, with no text of the message:\n%s", d)
	}
	if c.since.IsZero() {
		t.Error("the spill has no age")
	}
	c.err = errors.New("platform: away")
	if err := in.Accept(t.Context(), want); err == nil {
		t.Error("store and platform away, and no error")
	}
}

func TestInboxLeavesOut(t *testing.T) {
	r := &recorder{}
	in := newInbox(r, &courier{})
	err := in.Accept(t.Context(), []notify.Fact{
		{Message: &notify.Message{ID: "typing", OnlineOnly: true}},
		{Grant: &notify.Grant{ID: "g", Templates: []notify.TemplateID{"other"}}},
		{Revoke: &notify.Revoke{ID: "r", Templates: []notify.TemplateID{"other"}}},
		{Grant: &notify.Grant{ID: "h", Templates: []notify.TemplateID{"other", "T1"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []notify.Fact{{Grant: &notify.Grant{ID: "h", Templates: []notify.TemplateID{"T1"}}}}
	if d := cmp.Diff(want, r.facts); d != "" {
		t.Error(d)
	}
	if err := in.Accept(t.Context(), []notify.Fact{{Message: &notify.Message{ID: "typing", OnlineOnly: true}}}); err != nil || r.calls != 1 {
		t.Errorf("nothing to record cost a trip to the store (%d calls), error %v", r.calls, err)
	}
}

func TestRetake(t *testing.T) {
	facts := []notify.Fact{{Read: &notify.Read{Reader: "a", Peer: "b"}}}
	t.Run("until the store is back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, c := &recorder{until: time.Now().Add(30 * time.Second)}, &courier{}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if err := newInbox(r, c).Retake(ctx, facts, time.Now(), 10*time.Second); err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(facts, r.facts); d != "" || c.spilled != nil {
				t.Errorf("spilled %v, recorded:\n%s", c.spilled, d)
			}
		})
	})
	t.Run("spills again, with its age, when the time is out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			since := time.Now().Add(-time.Hour)
			r, c := &recorder{err: errors.New("away")}, &courier{}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			start := time.Now()
			if err := newInbox(r, c).Retake(ctx, facts, since, 10*time.Second); err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(facts, c.spilled); d != "" || !c.since.Equal(since) {
				t.Errorf("since %v, want %v; spilled:\n%s", c.since, since, d)
			}
			if took := time.Since(start); took > 115*time.Second {
				t.Errorf("took %v of 2 min", took)
			}
		})
	})
	t.Run("gives up what something unreadable keeps from it, after few tries, and nothing else", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			r, c := &recorder{spoilt: "b"}, &courier{}
			in := newInbox(r, c)
			in.Log = slog.New(slog.NewJSONHandler(&log, nil))
			all := []notify.Fact{{Read: &notify.Read{Reader: "a"}}, {Read: &notify.Read{Reader: "b"}}, {Read: &notify.Read{Reader: "c"}}}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			start := time.Now()
			if err := in.Retake(ctx, all, time.Now(), 10*time.Second); err != nil || c.spilled != nil {
				t.Errorf("%v; spilled %v", err, c.spilled)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it was tried for %v", took)
			}
			if d := cmp.Diff([]notify.Fact{all[0], all[2]}, r.facts); d != "" {
				t.Error(d)
			}
			if text := log.String(); strings.Count(text, `"alert":"unreadable"`) != 1 || !strings.Contains(text, "key of b") {
				t.Errorf("log:\n%s", text)
			}
		})
	})
	t.Run("carries on what the store's absence keeps from it, beside something unreadable", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, c := &recorder{spoilt: "b", until: time.Now().Add(time.Hour), spoiltFirst: true}, &courier{}
			all := []notify.Fact{{Read: &notify.Read{Reader: "a"}}, {Read: &notify.Read{Reader: "b"}}}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if err := newInbox(r, c).Retake(ctx, all, time.Now(), 10*time.Second); err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(all[:1], c.spilled); d != "" {
				t.Errorf("spilled:\n%s", d)
			}
		})
	})
	t.Run("gives up after six hours", func(t *testing.T) {
		r, c := &recorder{}, &courier{}
		if err := newInbox(r, c).Retake(t.Context(), facts, time.Now().Add(-7*time.Hour), time.Second); err != nil {
			t.Error(err)
		}
		if r.calls != 0 || c.spilled != nil {
			t.Error("it went on")
		}
	})
}

// A hand-over that fails is tried again while there is time; after that the platform
// is asked to repeat the event.
func TestRetakeGoesOn(t *testing.T) {
	facts := []notify.Fact{{Read: &notify.Read{Reader: "a", Peer: "b"}}}
	synctest.Test(t, func(t *testing.T) {
		c := &courier{away: time.Now().Add(55 * time.Second)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := newInbox(&recorder{err: errors.New("away")}, c).Retake(ctx, facts, time.Now(), 20*time.Second); err != nil || len(c.spilled) != 1 {
			t.Errorf("error %v, spilled %v", err, c.spilled)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		in := newInbox(&recorder{err: errors.New("away")}, &courier{err: errors.New("platform: away")})
		if err := in.Retake(ctx, facts, time.Now(), 20*time.Second); err == nil {
			t.Error("facts are lost, and no error")
		}
	})
}
