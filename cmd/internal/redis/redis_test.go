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
	for kind, start := range map[string]func() (*redis.Server, error){
		redis.Real:  func() (*redis.Server, error) { return redis.Start(t.Context(), redis.Real) },
		redis.Small: func() (*redis.Server, error) { return redis.Start(t.Context(), redis.Small) },
		"on a port": func() (*redis.Server, error) { return redis.StartTCP(t.Context()) },
	} {
		t.Run(kind, func(t *testing.T) {
			s, err := start()
			if err != nil {
				t.Fatal(err)
			}
			if err := ping(t, s.URL); err != nil || s.Kind != kind && kind != "on a port" {
				t.Errorf("a %s server at %s does not answer: %v", s.Kind, s.URL, err)
			}
			if err := s.Close(); err != nil || ping(t, s.URL) == nil {
				t.Errorf("Close: %v, or a closed server answers", err)
			}
			if socket, ok := strings.CutPrefix(s.URL, "unix://"); ok {
				if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
					t.Errorf("its folder is left behind: %v", err)
				}
			}
		})
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

func TestKindsThatCannotBe(t *testing.T) {
	if _, err := redis.Start(t.Context(), "memcached"); err == nil || !strings.Contains(err.Error(), `"memcached": use auto`) {
		t.Errorf("error %v, want the kinds that there are", err)
	}
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
