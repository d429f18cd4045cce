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

	"wxnotify/shared/fact"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
)

// A recorder is a store that may be away, or hang.
type recorder struct {
	err   error
	hang  bool
	until time.Time // away until then
	calls int
	facts []fact.Fact
	ended []notify.RecipientEnded
	// spoilt is a user of whom something unreadable is stored; spoiltFirst: that shows even
	// while the store is away.
	spoilt      fact.UserID
	spoiltFirst bool
}

func (r *recorder) Record(ctx context.Context, _ notify.Rules, facts []fact.Fact) (notify.Recorded, error) {
	r.calls++
	if r.hang {
		<-ctx.Done()
		return notify.Recorded{}, ctx.Err()
	}
	spoilt := slices.ContainsFunc(facts, func(f fact.Fact) bool { return f.Read != nil && f.Read.Reader == r.spoilt })
	if r.spoilt != "" && spoilt && (r.spoiltFirst || !time.Now().Before(r.until)) {
		return notify.Recorded{}, fmt.Errorf("%w: key of %s", notify.ErrUnreadable, r.spoilt)
	}
	if r.err != nil || time.Now().Before(r.until) {
		return notify.Recorded{}, errors.Join(r.err, errors.New("store: away"))
	}
	r.facts = append(r.facts, facts...)
	return notify.Recorded{Wake: true, Ended: r.ended}, nil
}

// A invoker keeps what is handed to it, and may be away.
type invoker struct {
	spilled []fact.Fact
	since   time.Time
	err     error
	away    time.Time // until then, too
}

func (c *invoker) Wake(context.Context) error { return c.err }
func (c *invoker) Overflow(_ context.Context, facts []fact.Fact, since time.Time) error {
	if c.err != nil || time.Now().Before(c.away) {
		return errors.Join(c.err, errors.New("platform: away"))
	}
	c.spilled, c.since = append(c.spilled, facts...), since
	return nil
}

// hanging never answers.
type hanging struct{}

func (hanging) Wake(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (hanging) Overflow(ctx context.Context, _ []fact.Fact, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

func newInbox(r inbox.Recorder, c inbox.Invoker) *inbox.Inbox {
	return &inbox.Inbox{
		Now: time.Now, Store: r, Invoker: c, Log: slog.New(slog.DiscardHandler),
		Filter: notify.Filter{Rules: notify.DefaultRules(), Admin: "administrator", Templates: []fact.TemplateID{"T1"}},
	}
}

func TestInboxKeepsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := newInbox(&recorder{hang: true}, hanging{}).Accept(t.Context(), []fact.Fact{{Message: &fact.Message{ID: "1", From: "a", To: "b"}}})
		if err == nil {
			t.Error("neither stored nor spilled, and no error")
		}
		if took := time.Since(start); took > 1300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		start = time.Now()
		if err := newInbox(&recorder{}, hanging{}).Accept(t.Context(), []fact.Fact{{Message: &fact.Message{ID: "1", From: "a", To: "b"}}}); err != nil {
			t.Errorf("a wake that hangs is no failure: %v", err)
		}
		if took := time.Since(start); took > 700*time.Millisecond {
			t.Errorf("the wake took %v", took)
		}
	})
}

// What ends as it is recorded has its line in the log.
func TestInboxTellsOfEnds(t *testing.T) {
	var lines bytes.Buffer
	in := newInbox(&recorder{ended: []notify.RecipientEnded{{User: "alice", Ended: notify.Ended{State: fact.StateRead, Reason: fact.ReasonReadReport, Messages: 2}}}}, &invoker{})
	in.Log = slog.New(slog.NewTextHandler(&lines, nil))
	if err := in.Accept(t.Context(), []fact.Fact{{Read: &fact.Read{Reader: "alice", Peer: "bob"}}}); err != nil {
		t.Fatal(err)
	}
	if want := `msg="messages ended" user=alice messages=2 state=read reason=read_report`; strings.Count(lines.String(), want) != 1 {
		t.Errorf("%s\nwant once: %s", &lines, want)
	}
}

func TestInboxSpills(t *testing.T) {
	c := &invoker{}
	in := newInbox(&recorder{err: errors.New("away")}, c)
	m := fact.Message{ID: "1", From: "a", To: "b", Summary: "private"}
	if err := in.Accept(t.Context(), []fact.Fact{{Message: &m}}); err != nil {
		t.Fatal(err)
	}
	want := []fact.Fact{{Message: &fact.Message{ID: "1", From: "a", To: "b"}}}
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
	in := newInbox(r, &invoker{})
	err := in.Accept(t.Context(), []fact.Fact{
		{Message: &fact.Message{ID: "typing", OnlineOnly: true}},
		{Grant: &fact.Grant{ID: "g", Templates: []fact.TemplateID{"other"}}},
		{Revoke: &fact.Revoke{ID: "r", Templates: []fact.TemplateID{"other"}}},
		{Grant: &fact.Grant{ID: "h", Templates: []fact.TemplateID{"other", "T1"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []fact.Fact{{Grant: &fact.Grant{ID: "h", Templates: []fact.TemplateID{"T1"}}}}
	if d := cmp.Diff(want, r.facts); d != "" {
		t.Error(d)
	}
	if err := in.Accept(t.Context(), []fact.Fact{{Message: &fact.Message{ID: "typing", OnlineOnly: true}}}); err != nil || r.calls != 1 {
		t.Errorf("nothing to record cost a trip to the store (%d calls), error %v", r.calls, err)
	}
}

// What was spilled is recorded when the store is back, or handed on with its age. What nobody takes is
// an error, so that the platform repeats the event.
func TestRetake(t *testing.T) {
	read := func(user fact.UserID) fact.Fact { return fact.Fact{Read: &fact.Read{Reader: user}} }
	a, b, c := read("a"), read("b"), read("c")
	some := func(facts ...fact.Fact) []fact.Fact { return facts }
	const long = time.Hour
	for name, x := range map[string]struct {
		away, refuses     time.Duration // how long the store and the platform are away
		spoilt, first     bool          // b cannot be recorded; that shows while the store is away, too
		facts             []fact.Fact
		age               time.Duration
		recorded, spilled []fact.Fact
		most              time.Duration // of the two minutes that there are
		fails             bool
	}{
		"until the store is back":                          {away: 30 * time.Second, facts: some(a), recorded: some(a), most: 50 * time.Second},
		"spills again, with its age, when the time is out": {away: long, facts: some(a), age: long, spilled: some(a), most: 115 * time.Second},
		"gives up what something unreadable keeps from it, after few tries, and nothing else": {
			spoilt: true, facts: some(a, b, c), recorded: some(a, c), most: 5 * time.Second},
		"carries on what the store's absence keeps from it, beside something unreadable": {
			spoilt: true, first: true, away: long, facts: some(a, b), spilled: some(a), most: 115 * time.Second},
		"gives up after six hours": {facts: some(a), age: 7 * time.Hour},
		"spills again later if the platform does not take it": {
			away: long, refuses: 115 * time.Second, facts: some(a), spilled: some(a), most: 2 * time.Minute},
		"fails if the platform takes nothing": {away: long, refuses: long, facts: some(a), most: 2 * time.Minute, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				since := start.Add(-x.age)
				store, platform := &recorder{until: start.Add(x.away), spoiltFirst: x.first}, &invoker{away: start.Add(x.refuses)}
				if x.spoilt {
					store.spoilt = "b"
				}
				var log bytes.Buffer
				in := newInbox(store, platform)
				in.Log = slog.New(slog.NewJSONHandler(&log, nil))
				if err := in.Redeliver(within(t, 2*time.Minute), x.facts, since, 20*time.Second); (err != nil) != x.fails {
					t.Errorf("error %v", err)
				}
				if took := time.Since(start); took > x.most {
					t.Errorf("it took %v, want at most %v", took, x.most)
				}
				if d := cmp.Diff(x.recorded, store.facts) + cmp.Diff(x.spilled, platform.spilled); d != "" {
					t.Errorf("recorded, and spilled (-want +got):\n%s", d)
				}
				if len(x.spilled) > 0 && !platform.since.Equal(since) {
					t.Errorf("spilled as of %v, want %v", platform.since, since)
				}
				if text := log.String(); x.spoilt && (strings.Count(text, `"alert":"unreadable"`) != 1 || !strings.Contains(text, "key of b")) {
					t.Errorf("log:\n%s", text)
				}
			})
		})
	}
}
