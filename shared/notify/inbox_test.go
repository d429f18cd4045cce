package notify_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
)

// A recorder is a store that may be away, or hang.
type recorder struct {
	err   error
	hang  bool
	until time.Time // away until then
	calls int
	facts []notify.Fact
}

func (r *recorder) Record(ctx context.Context, _ notify.Rules, facts []notify.Fact) (bool, error) {
	r.calls++
	if r.hang {
		<-ctx.Done()
		return false, ctx.Err()
	}
	if r.err != nil || time.Now().Before(r.until) {
		return false, errors.Join(r.err, errors.New("store: away"))
	}
	r.facts = append(r.facts, facts...)
	return true, nil
}

// hanging never answers.
type hanging struct{}

func (hanging) Wake(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (hanging) Spill(ctx context.Context, _ []notify.Fact, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

func inbox(r notify.Recorder, c notify.Courier) *notify.Inbox {
	return &notify.Inbox{Now: time.Now, Store: r, Courier: c, Rules: notify.DefaultRules(), Admin: "administrator",
		Templates: []notify.TemplateID{"T1"}, Log: slog.New(slog.DiscardHandler)}
}

func TestInboxKeepsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := inbox(&recorder{hang: true}, hanging{}).Accept(t.Context(), []notify.Fact{{Message: &notify.Message{ID: "1", From: "a", To: "b"}}})
		if err == nil {
			t.Error("neither stored nor spilled, and no error")
		}
		if took := time.Since(start); took > 1300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		start = time.Now()
		if err := inbox(&recorder{}, hanging{}).Accept(t.Context(), []notify.Fact{{Message: &notify.Message{ID: "1", From: "a", To: "b"}}}); err != nil {
			t.Errorf("a wake that hangs is no failure: %v", err)
		}
		if took := time.Since(start); took > 700*time.Millisecond {
			t.Errorf("the wake took %v", took)
		}
	})
}

func TestInboxSpills(t *testing.T) {
	c := &courier{}
	in := inbox(&recorder{err: errors.New("away")}, c)
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
	in := inbox(r, &courier{})
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
			if err := inbox(r, c).Retake(ctx, facts, time.Now(), 10*time.Second); err != nil {
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
			if err := inbox(r, c).Retake(ctx, facts, since, 10*time.Second); err != nil {
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
	t.Run("gives up after six hours", func(t *testing.T) {
		r, c := &recorder{}, &courier{}
		if err := inbox(r, c).Retake(t.Context(), facts, time.Now().Add(-7*time.Hour), time.Second); err != nil {
			t.Error(err)
		}
		if r.calls != 0 || c.spilled != nil {
			t.Error("it went on")
		}
	})
}
