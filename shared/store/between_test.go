package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// tap has by record a grant.
func tap(t *testing.T, by *store.Store, openID fact.OpenID, id string, at time.Time) {
	t.Helper()
	grant := fact.Grant{ID: id, OpenID: openID, Source: fact.GrantPopup, At: at, Templates: []fact.TemplateID{"T"}}
	if _, err := by.Record(t.Context(), notify.DefaultRules(), []fact.Fact{{Grant: &grant}}); err != nil {
		t.Error(err)
	}
}

// afterwards wants so many permits after a grant between whose two round trips do was done.
func afterwards(t *testing.T, do func(h Harness, openID fact.OpenID), want int) {
	t.Helper()
	h := emptied(t, redistest.Start(t))
	tap(t, h.Store, "o-bob", "bob's", h.Now()) // and the server knows the scripts
	late := h.Between(1, func() { do(h, "o-alice") })
	tap(t, late, "o-alice", "late", h.Now())
	if got, err := h.Store.Balances(t.Context(), "o-alice", []fact.TemplateID{"T"}); err != nil || got["T"] != want {
		t.Errorf("%d permits, %v; want %d", got["T"], err, want)
	}
}

// A grant that was read before its openid was erased, and is written after that, stores nothing:
// both records are none, and only the tombstone tells them apart.
func TestGrantWhileItsOpenIDIsErased(t *testing.T) {
	t.Parallel()
	afterwards(t, func(h Harness, openID fact.OpenID) {
		if err := h.Store.EraseOpenID(t.Context(), openID); err != nil {
			t.Error(err)
		}
	}, 0)
}

// Of two who change one record at once both have their effect: whoever is second decides again.
func TestGrantsAtOnce(t *testing.T) {
	t.Parallel()
	afterwards(t, func(h Harness, openID fact.OpenID) { tap(t, h.Store, openID, "first", h.Now()) }, 2)
}

// A circuit that is closed between the two trips of a probe stays closed, and nobody tries it.
func TestCircuitIsClosedWhileItIsProbed(t *testing.T) {
	t.Parallel()
	h := emptied(t, redistest.Start(t))
	open := notify.Circuit{Name: notify.CircuitApp, Until: h.Now()}
	if err := h.Store.OpenCircuit(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	late := h.Between(1, func() {
		if err := h.Store.CloseCircuit(t.Context(), open.Name); err != nil {
			t.Error(err)
		}
	})
	if mine, err := late.TryCircuit(t.Context(), open.Name, time.Minute); mine || err != nil {
		t.Errorf("the probe of a closed circuit: %v, %v", mine, err)
	}
	if batch, err := h.Store.Claim(t.Context(), 1); err != nil || len(batch.Circuits) > 0 {
		t.Errorf("circuits %+v, %v", batch.Circuits, err)
	}
}

// Whoever logs in as two openids at once is bound to one of them, and no record of the other names
// them: an erasure would not find it.
func TestTwoLoginsOfOneUserAtOnce(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	for n := range 7 { // as many as a login takes
		t.Run(fmt.Sprint("before trip ", n), func(t *testing.T) {
			h := emptied(t, addr)
			ctx := t.Context()
			if err := h.Store.Bind(ctx, "alice", "o0"); err != nil {
				t.Fatal(err)
			}
			first := h.Between(n, func() {
				if err := h.Store.Bind(ctx, "alice", "o2"); err != nil {
					t.Error(err)
				}
			})
			if err := first.Bind(ctx, "alice", "o1"); err != nil {
				t.Fatal(err)
			}
			bound, err := h.Store.OpenIDOf(ctx, "alice")
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []fact.OpenID{"o0", "o1", "o2"} {
				keys := h.Raw.Keys(ctx, "*:s:"+string(o)).Val()
				named := len(keys) > 0 && strings.Contains(h.Raw.HGet(ctx, keys[0], "d").Val(), "alice")
				if named != (o == bound) {
					t.Errorf("alice is bound to %s, and named at %s: %v", bound, o, named)
				}
			}
		})
	}
}
