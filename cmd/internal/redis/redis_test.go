package redis_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	client "github.com/redis/go-redis/v9"

	"wxnotify/cmd/internal/redis"
)

func ping(t *testing.T, url string) error {
	t.Helper()
	opt, err := client.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	opt.MaxRetries = -1
	db := client.NewClient(opt)
	defer db.Close()
	return db.Ping(t.Context()).Err()
}

func TestServersAnswerUntilClosed(t *testing.T) {
	for _, kind := range []string{redis.Real, redis.Small} {
		t.Run(kind, func(t *testing.T) {
			s, err := redis.Start(t.Context(), kind)
			if err != nil {
				t.Fatal(err)
			}
			if err := ping(t, s.URL); err != nil || s.Kind != kind {
				t.Errorf("a %s server does not answer: %v", s.Kind, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if ping(t, s.URL) == nil {
				t.Error("a closed server answers")
			}
			if socket, ok := strings.CutPrefix(s.URL, "unix://"); ok {
				if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
					t.Errorf("its folder is left behind: %v", err)
				}
			}
		})
	}
}

func TestServerOnAPort(t *testing.T) {
	s, err := redis.StartTCP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := ping(t, s.URL); err != nil || !strings.HasPrefix(s.URL, "redis://127.0.0.1:") {
		t.Errorf("%s does not answer: %v", s.URL, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if ping(t, s.URL) == nil {
		t.Error("a closed server answers")
	}
}

func TestServerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := redis.Start(ctx, redis.Real)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if ping(t, s.URL) == nil {
		t.Error("a server outlives its context")
	}
}

func TestWithoutRedisServer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := redis.Start(t.Context(), redis.Real); err == nil || !strings.Contains(err.Error(), "apt-get install redis-server") {
		t.Errorf("error %v, want what to install", err)
	}
	s, err := redis.Start(t.Context(), redis.Auto)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Kind != redis.Small {
		t.Errorf("a server of kind %s, want %s", s.Kind, redis.Small)
	}
}

func TestUnknownKind(t *testing.T) {
	if _, err := redis.Start(t.Context(), "memcached"); err == nil || !strings.Contains(err.Error(), `"memcached": use auto`) {
		t.Errorf("error %v, want the kinds that there are", err)
	}
}
