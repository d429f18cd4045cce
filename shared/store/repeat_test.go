package store_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/shared/store/storetest"
)

// Every rule holds if the answer of each round trip is lost and the client repeats it, word by
// word, as go-redis does.
func TestRepeats(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		h := emptied(t, addr)
		open, losing := h.Open, h.Losing
		h.Open = func(now func() time.Time) *store.Store { return repeating(open(now)) }
		h.Losing = func(n int, answer bool) *store.Store { return repeating(losing(n, answer)) }
		repeating(h.Store)
		return h
	})
}

// repeating has s do each round trip twice and hear the second answer only.
func repeating(s *store.Store) *store.Store {
	s.AddHook(&repeats{})
	return s
}

type repeats struct {
	trips
	pacing sync.Mutex // held for a repeat of pace.lua, which knows the last call only
}

func (*repeats) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		_ = next(ctx, cmd) // lost
		return next(ctx, cmd)
	}
}

func (r *repeats) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if runs(cmds[0], "pace.lua") {
			r.pacing.Lock()
			defer r.pacing.Unlock()
		}
		_ = next(ctx, cmds) // lost
		return next(ctx, cmds)
	}
}

// hashes are the names under which the server knows each script, by file.
var hashes = sync.OnceValue(store.ScriptHashes)

// runs reports whether c runs the script of that file.
func runs(c redis.Cmder, file string) bool {
	switch args := c.Args(); args[0] {
	case "evalsha":
		return args[1] == hashes()[file]
	case "eval":
		return redis.NewScript(args[1].(string)).Hash() == hashes()[file]
	}
	return false
}

// Each script says in its head why it may be repeated.
func TestScriptsSayWhyTheyMayBeRepeated(t *testing.T) {
	says := regexp.MustCompile(`^(--.*\n)*-- Repeat: `)
	files, err := filepath.Glob("*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !says.Match(source) {
			t.Errorf(`%s: its head has no sentence "Repeat: ..."`, file)
		}
	}
}
