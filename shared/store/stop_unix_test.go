//go:build unix

package store_test

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// stop has a server of this test stand still until the test ends.
func stop(t *testing.T, db *redis.Client) {
	t.Helper()
	_, after, _ := strings.Cut(must(db.Info(t.Context(), "server").Result())(t), "process_id:")
	pid := must(strconv.Atoi(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0])))(t)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGCONT) })
}
