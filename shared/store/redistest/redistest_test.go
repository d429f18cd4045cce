package redistest_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/store/redistest"
)

func TestServerEndsWithItsTest(t *testing.T) {
	var addr string
	t.Run("started", func(t *testing.T) {
		addr = redistest.Start(t, "--maxclients", "77")
		db := redis.NewClient(&redis.Options{Addr: addr})
		defer db.Close()
		got, err := db.ConfigGet(t.Context(), "maxclients").Result()
		if err != nil || got["maxclients"] != "77" {
			t.Errorf("maxclients = %v, %v, want 77", got, err)
		}
	})
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Errorf("%s still takes connections", addr)
	}
}

func TestMissingServerFailsWithTheCure(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	tb := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		redistest.Start(tb)
	}()
	<-done
	if !strings.Contains(tb.message, "apt-get install redis-server") {
		t.Errorf("failed with %q, want what to install", tb.message)
	}
}

// failing is a test whose failure is only noted.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Fatal(args ...any) {
	f.message = fmt.Sprint(args...)
	runtime.Goexit()
}
