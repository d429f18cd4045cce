package store_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

// What only other settings mend is told apart from a server that is away.
func TestPing(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	m.RequireUserAuth("wxn", "secret123")
	addr := m.Addr()
	for url, want := range map[string]error{
		"redis://wxn:secret123@" + addr: nil, "redis://" + addr: store.ErrSettings, "redis://wxn:other@" + addr: store.ErrSettings,
	} {
		s, err := store.Open(store.Config{URL: secret.New(url), Now: NewClock().Now})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); !errors.Is(err, want) || err != nil && strings.Contains(err.Error(), "other") {
			t.Errorf("%v, want %v", err, want)
		}
		s.Close()
	}
	m.Close()
	s, err := store.Open(store.Config{URL: secret.New("redis://" + addr), Now: NewClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Ping(t.Context()); err == nil || errors.Is(err, store.ErrSettings) {
		t.Errorf("a server that is away: %v", err)
	}
}

// A store is refused to settings that differ from those it was filled with, and the refusal says
// what to do. Nothing is written then.
func TestStoreOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	filled := store.Config{Prefix: "wxnotify-dev", Shards: 16, AppID: "wx1", SDKAppID: 1400000001}
	for name, c := range map[string]struct {
		with func(*store.Config)
		says string // "": it is taken
	}{
		"the same":              {func(*store.Config) {}, ""},
		"defaults":              {func(c *store.Config) { c.Prefix, c.Shards = "", 0 }, ""},
		"a part of it":          {func(c *store.Config) { c.AppID, c.SDKAppID = "", 0 }, ""},
		"another prefix":        {func(c *store.Config) { *c = store.Config{Prefix: "wxnotify-prod", Shards: 8, AppID: "wx2"} }, ""},
		"to look at":            {func(c *store.Config) { c.Existing = true }, ""},
		"nothing to look at":    {func(c *store.Config) { c.Prefix, c.Existing = "wxnotify-prod", true }, "STORE_PREFIX"},
		"other shards":          {func(c *store.Config) { c.Shards = 8 }, "STORE_SHARDS is 8, and the store was filled with 16: set it to 16"},
		"another app":           {func(c *store.Config) { c.AppID = "wx2" }, "WECHAT_APPID is wx2, and the store is that of wx1: correct it, or give this deployment a STORE_PREFIX of its own; if the store was begun by mistake, delete its key wxnotify-dev{0}:id"},
		"another IM app":        {func(c *store.Config) { c.SDKAppID = 2 }, "IM_SDKAPPID is 2, and the store is that of 1400000001"},
		"all of it, to look at": {func(c *store.Config) { *c = store.Config{Shards: 1, AppID: "wx2", SDKAppID: 2, Existing: true} }, "STORE_PREFIX of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := miniredis.RunT(t)
			use := func(cfg store.Config) error {
				cfg.URL, cfg.Now = secret.New("redis://"+m.Addr()), NewClock().Now
				s, err := store.Open(cfg)
				if err != nil {
					return err
				}
				defer s.Close()
				return s.OpenCircuit(t.Context(), notify.Circuit{Name: fmt.Sprint("by ", cfg.Prefix)})
			}
			if err := use(filled); err != nil {
				t.Fatal(err)
			}
			before := m.Dump()
			cfg := filled
			c.with(&cfg)
			err := use(cfg)
			if c.says != "" && !errors.Is(err, store.ErrSettings) {
				t.Errorf("%v is not told apart from a store that is away", err)
			}
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want an error with %q", err, c.says)
			}
			if c.says != "" && m.Dump() != before {
				t.Errorf("something was written:\n%s", m.Dump())
			}
			if err := use(filled); err != nil {
				t.Errorf("it is refused to its own: %v", err)
			}
		})
	}
}

// Who is refused adds nothing to a record that is not complete.
func TestRefusedAddsNothing(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	key := store.DefaultPrefix + "{0}:id"
	m.HSet(key, "schema", "3", "shards", strconv.Itoa(shards), "appid", "wx1")
	now := NewClock().Now
	s := opened(t, store.Config{URL: secret.New("redis://" + m.Addr()), Shards: shards, AppID: "wx2", SDKAppID: 2, Now: now, ServerTime: now})
	if err := second(s.Claim(t.Context(), 1)); err == nil || m.HGet(key, "sdkappid") != "" {
		t.Errorf("claimed, %v, and the store is that of IM app %q", err, m.HGet(key, "sdkappid"))
	}
}

// A store that a newer version has filled is refused, and one of before the last; who only looks at that of the
// last takes nothing over.
func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kept     string
		existing bool
		then     string
		says     string // "": it is taken
	}{
		{"1", false, "1", "schema 1, this one reads 2 and 3"},
		{"2", false, "3", ""},
		{"2", true, "2", ""},
		{"3", false, "3", ""},
		{"4", false, "4", "schema 4, this one reads 2 and 3"},
		{"", false, "", "schema , this"},
	} {
		m, key := miniredis.RunT(t), store.DefaultPrefix+"{0}:id"
		m.HSet(key, "schema", c.kept)
		s := opened(t, store.Config{URL: secret.New("redis://" + m.Addr()), Existing: c.existing, Now: NewClock().Now})
		err := second(s.Claim(t.Context(), 1))
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("schema %q: got %v, want an error with %q", c.kept, err, c.says)
		}
		if got := m.HGet(key, "schema"); got != c.then {
			t.Errorf("schema %q, existing %v: it is %q then, want %q", c.kept, c.existing, got, c.then)
		}
	}
}

// Of instances that begin an empty store together, with different shards, all that are refused
// and all that are not agree on who was first.
func TestOneSettingBeginsAStore(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	var taken [5]atomic.Bool
	newBench(t, Harness{}).concurrently(16, func(ctx context.Context, i int) (bool, error) {
		shards := 1 + i%4
		s, err := store.Open(store.Config{URL: secret.New("redis://" + m.Addr()), Shards: shards, Now: NewClock().Now})
		if err != nil {
			return false, err
		}
		defer s.Close()
		if _, err := s.Claim(ctx, 1); err == nil {
			taken[shards].Store(true)
		}
		return true, nil
	})
	n := 0
	for i := range taken {
		if taken[i].Load() {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the store was taken with %d numbers of shards", n)
	}
}

// Two deployments on one server know nothing of each other.
func TestDeploymentsShareAServer(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	clock := NewClock()
	deployment := func(prefix string) *bench {
		return newBench(t, Harness{Now: clock.Now, Store: opened(t, store.Config{URL: secret.New("redis://" + m.Addr()), Prefix: prefix,
			Shards: shards, Now: clock.Now, ServerTime: clock.Now})})
	}
	dev, prod := deployment("wxnotify-dev"), deployment("wxnotify-prod")
	dev.bind()
	dev.record(dev.message("m"))
	clock.Advance(dev.rules.Lead)
	prod.nothingDue()
	dev.only()
	for _, key := range m.Keys() {
		if !strings.HasPrefix(key, "wxnotify-dev{") && !strings.HasPrefix(key, "wxnotify-prod{") {
			t.Errorf("a key of no deployment: %s", key)
		}
	}
}
