package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
	"wxnotify/shared/store/redistest"
)

// meanwhile has something happen before round trip n of a store, counting from 0.
type meanwhile struct {
	trips
	n  int64
	do func()
}

func (m *meanwhile) count() {
	if m.trips.n.Add(1) == m.n+1 {
		m.do()
	}
}

func (m *meanwhile) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		m.count()
		return next(ctx, cmd)
	}
}

func (m *meanwhile) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		m.count()
		return next(ctx, cmds)
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
			h.Store.AddHook(&meanwhile{n: int64(n), do: func() {
				if err := h.Open(h.Now).Bind(ctx, "alice", "o2"); err != nil {
					t.Error(err)
				}
			}})
			if err := h.Store.Bind(ctx, "alice", "o1"); err != nil {
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
