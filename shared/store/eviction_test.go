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
		batch, err := s.ClaimCalls(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Claim(t.Context(), 1); err != nil || again.Unsafe != nil {
			t.Errorf("and again: %v, %v", again.Unsafe, err)
		}
		if batch.Unsafe == nil {
			return ""
		}
		return batch.Unsafe.Error()
	}
	for _, policy := range []string{"allkeys-lru", "volatile-ttl"} {
		if err := raw.ConfigSet(t.Context(), "maxmemory-policy", policy).Err(); err != nil {
			t.Fatal(err)
		}
		if got := complaint(addr); !strings.Contains(got, policy+", by which") || !strings.Contains(got, "noeviction") {
			t.Errorf("%s: %q", policy, got)
		}
	}
	if err := raw.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
		t.Fatal(err)
	}
	if got := complaint(addr); got != "" {
		t.Errorf("noeviction: %s", got)
	}
	if got := complaint(miniredis.RunT(t).Addr()); got != "" {
		t.Errorf("a server that does not tell: %s", got)
	}
	if got := complaint(closingProxy(t, addr, "INFO", "CONFIG")); got != "" {
		t.Errorf("a proxy that closes: %s", got)
	}
}
