package store_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/store/redistest"
)

// A server that throws keys away is complained of, once by an instance. One that does not, or does
// not tell, is not.
func TestEvictionIsComplainedOf(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	raw := client(t, addr)
	clock := NewClock()
	complaint := func(addr string) string {
		t.Helper()
		s := open(t, addr, clock.Now)
		batch := must(s.ClaimCalls(t.Context(), 1))(t)
		if again := must(s.Claim(t.Context(), 1))(t); again.Unsafe != nil {
			t.Errorf("and again: %v", again.Unsafe)
		}
		if batch.Unsafe == nil {
			return ""
		}
		return batch.Unsafe.Error()
	}
	for _, policy := range []string{"allkeys-lru", "volatile-ttl"} {
		must(raw.ConfigSet(t.Context(), "maxmemory-policy", policy).Result())(t)
		if got := complaint(addr); !strings.Contains(got, policy+", by which") || !strings.Contains(got, "noeviction") {
			t.Errorf("%s: %q", policy, got)
		}
	}
	must(raw.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Result())(t)
	for what, addr := range map[string]string{"noeviction": addr, "a server that does not tell": miniredis.RunT(t).Addr(),
		"a proxy that closes": closingProxy(t, addr, "INFO", "CONFIG")} {
		if got := complaint(addr); got != "" {
			t.Errorf("%s: %s", what, got)
		}
	}
}
