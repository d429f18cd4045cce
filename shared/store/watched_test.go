package store_test

import (
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// One run watches at a time. Who looks meanwhile is told so and takes the watch from nobody; a receiver
// that has woken a run watches nothing.
func TestOneRunWatches(t *testing.T) {
	t.Parallel()
	h := emptied(t, redistest.Start(t))
	one, other := h.Store, h.Open(h.Now)
	watched := func(s *store.Store) bool {
		t.Helper()
		b, err := s.Claim(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return b.Watched
	}
	if err := one.Bind(t.Context(), alice, aliceOpenID); err != nil {
		t.Fatal(err)
	}
	message := fact.Message{ID: "m", From: bob, To: alice, SentAt: h.Now()}
	if wake, err := other.Record(t.Context(), notify.DefaultRules(), []fact.Fact{{Message: &message}}); err != nil || !wake {
		t.Fatalf("nobody is to be woken: %v", err)
	}
	for _, look := range []struct {
		what string
		who  *store.Store
		want bool
	}{
		{"who was woken watches", one, false},
		{"another is told", other, true},
		{"who watches goes on", one, false},
		{"another is told again", other, true},
	} {
		if got := watched(look.who); got != look.want {
			t.Errorf("%s: another run watches: %v", look.what, got)
		}
	}
	if _, err := one.Rest(t.Context(), time.Time{}); err != nil { // it ends, whatever is due
		t.Fatal(err)
	}
	if watched(other) {
		t.Error("a run that has ended watches")
	}
	if !watched(one) {
		t.Error("the other one does not watch")
	}
	h.Advance(6 * time.Second)
	if watched(one) {
		t.Error("a run that has not looked for six seconds watches")
	}
}
