package store_test

import (
	"fmt"
	"strings"
	"testing"

	"wxnotify/shared/notify"
	"wxnotify/shared/store/redistest"
)

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
			for _, o := range []notify.OpenID{"o0", "o1", "o2"} {
				keys := h.Raw.Keys(ctx, "*:s:"+string(o)).Val()
				named := len(keys) > 0 && strings.Contains(h.Raw.HGet(ctx, keys[0], "d").Val(), "alice")
				if named != (o == bound) {
					t.Errorf("alice is bound to %s, and named at %s: %v", bound, o, named)
				}
			}
		})
	}
}
