package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// A server is looked at as it is, and nothing in it changes.
func TestInspect(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "yes", "--requirepass", "right")
	cfg := store.Config{Now: NewClock().Now, URL: secret.New("redis://:right@" + addr), AppID: "wx1", SDKAppID: 1400000001}
	raw := redis.NewClient(&redis.Options{Addr: addr, Password: "right"})
	t.Cleanup(func() { raw.Close() })
	look := func(cfg store.Config) store.Inspection {
		t.Helper()
		in := must(store.Inspect(t.Context(), cfg))(t)
		if d := time.Since(in.Time); cfg.ServerTime == nil && (d < -time.Minute || d > time.Minute) {
			t.Errorf("its clock is %v behind", d)
		}
		info := raw.Info(t.Context(), "memory").Val()
		var used int64
		_, told, _ := strings.Cut(info, "used_memory:")
		fmt.Sscan(told, &used)
		if in.Used < used/2 || in.Used > used*3/2 || !strings.Contains(in.Version, ".") {
			t.Errorf("%+v", in)
		}
		in.Time, in.Used, in.Version = time.Time{}, 0, ""
		return in
	}
	want := store.Inspection{Policy: "allkeys-lru", AppendOnly: "yes", Snapshots: "no", Max: 100 << 20}
	if d := cmp.Diff(want, look(cfg)); d != "" {
		t.Errorf("an empty one (-want +got):\n%s", d)
	}
	if in := look(cfg); in.Kept {
		t.Error("looking at it has begun it")
	}
	s := must(store.Open(cfg))(t)
	t.Cleanup(func() { s.Close() })
	if err := s.OpenCircuit(t.Context(), notify.Circuit{Name: "x"}); err != nil {
		t.Fatal(err)
	}
	want.Kept = true
	if d := cmp.Diff(want, look(cfg)); d != "" {
		t.Errorf("one in use (-want +got):\n%s", d)
	}
	other := cfg
	other.AppID = "wx2"
	if in := look(other); in.Refused == nil || !strings.Contains(in.Refused.Error(), "WECHAT_APPID is wx2, and the store is that of wx1") {
		t.Errorf("of another app: %v", in.Refused)
	}
	other = cfg
	other.ServerTime = NewClock().Now
	if in := must(store.Inspect(t.Context(), other))(t); !in.Time.Equal(other.ServerTime()) {
		t.Errorf("by another clock: %v", in.Time)
	}
	other.URL = secret.New("redis://:wrong@" + addr)
	if _, err := store.Inspect(t.Context(), other); err == nil || errors.Is(err, store.ErrUnreached) || strings.Contains(err.Error(), "wrong@") {
		t.Errorf("with a wrong password: %v", err)
	}
	silent := cfg
	silent.URL = secret.New("redis://:right@" + closingProxy(t, addr, "INFO", "CONFIG"))
	if in := must(store.Inspect(t.Context(), silent))(t); !in.Kept || in.Replicas != -1 || in.Policy+in.AppendOnly+in.Snapshots+in.Version != "" {
		t.Errorf("of one that tells nothing: %+v", in)
	}
	away := cfg
	away.URL = secret.New("redis://127.0.0.1:1")
	if _, err := store.Inspect(t.Context(), away); !errors.Is(err, store.ErrUnreached) {
		t.Errorf("of one that is away: %v", err)
	}
}
