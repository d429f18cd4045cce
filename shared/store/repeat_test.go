package store_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// Every rule holds if the answer of each round trip is lost and the client repeats it, word by
// word, as the client does.
func TestRepeats(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	runRules(t, func(t *testing.T) Harness { return emptied(t, addr, repeating()) })
}

// repeating has a store do each round trip twice and hear the second answer only.
func repeating() func(store.Trip) store.Trip {
	var pacing sync.Mutex // held for a repeat of pace.lua, which knows the last call only
	return func(next store.Trip) store.Trip {
		return func(ctx context.Context, cmds []store.Command) ([]store.Reply, error) {
			if runs(cmds[0], "pace.lua") {
				pacing.Lock()
				defer pacing.Unlock()
			}
			_, _ = next(ctx, cmds) // lost
			return next(ctx, cmds)
		}
	}
}

// hashes are the names under which the server knows each script, by file.
var hashes = sync.OnceValue(store.ScriptHashes)

// runs reports whether c runs the script of that file.
func runs(c store.Command, file string) bool {
	script, err := os.ReadFile(file)
	return len(c.Args()) > 0 && (c.Args()[0] == hashes()[file] || err == nil && c.Args()[0] == string(script))
}

// Each script says in its head why it may be repeated.
func TestScriptsSayWhyTheyMayBeRepeated(t *testing.T) {
	says := regexp.MustCompile(`^(--.*\n)*-- Repeat: `)
	files, err := filepath.Glob("*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		if !says.Match(must(os.ReadFile(file))(t)) {
			t.Errorf(`%s: its head has no sentence "Repeat: ..."`, file)
		}
	}
}

// An attempt whose answer was lost is the same attempt when it is sent again.
func TestRepeatedAttemptCountsOnce(t *testing.T) {
	clock := NewClock()
	b := newBench(t, harness(t, miniredis.RunT(t).Addr(), clock.Now, clock.Advance, repeating()))
	for i := range 4 {
		equal(b, "attempt of 3 is allowed", must(b.Store.Allow(t.Context(), "name", 3, time.Minute))(t), i < 3)
	}
	attempt, ok, err := b.Store.Try(t.Context(), "signature", 1, time.Minute)
	if err != nil || !ok {
		t.Errorf("the only one: allowed %v, %v", ok, err)
	}
	b.must(b.Store.Forgive(t.Context(), "signature", attempt))
	equal(b, "allowed after it was taken back", must(b.Store.Allow(t.Context(), "signature", 1, time.Minute))(t), true)
}
