package store_test

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

// Instances need not agree on the time: what is due, and how long a lease runs, goes by the
// store's clock alone.
func TestLeasesGoByTheStoresClock(t *testing.T) {
	m := miniredis.RunT(t)
	now := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC) // far from ours
	m.SetTime(now)
	s := opened(t, store.Config{Now: time.Now, URL: secret.New("redis://" + m.Addr())})
	if err := s.Bind(t.Context(), "alice", "oAlice"); err != nil {
		t.Fatal(err)
	}
	msg := fact.Message{ID: "m1", Kind: fact.KindMessage, From: "bob", To: "alice", SentAt: now}
	rules := notify.DefaultRules()
	if _, err := s.Record(t.Context(), rules, []fact.Fact{{Message: &msg}}); err != nil {
		t.Fatal(err)
	}
	claims := func(after time.Duration, want int) {
		t.Helper()
		now = now.Add(after)
		m.SetTime(now)
		b, err := s.Claim(t.Context(), 10)
		if err != nil || len(b.Recipients) != want || !b.Now.Equal(now) {
			t.Errorf("%v later %d are claimed at %v (%v), want %d at %v", after, len(b.Recipients), b.Now, err, want, now)
		}
	}
	claims(rules.Lead-time.Millisecond, 0)
	claims(time.Millisecond, 1)
	claims(permit.Lease-time.Millisecond, 0)
	claims(time.Millisecond, 1)
}
