package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	server "wxnotify/cmd/internal/redis"
)

// perInstance is what an instance may need of memory, in bytes, at the most.
const perInstance = 24 << 20

// room returns how many instances of so many functions fit into half of the free memory.
func room(functions int) int {
	free, ok := freeMemory()
	if !ok {
		return 16
	}
	return max(1, int(free/2/perInstance)/functions)
}

// freeMemory is told by Linux only.
func freeMemory() (bytes int64, ok bool) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kb); n == 1 {
			return kb << 10, true
		}
	}
	return 0, false
}

// A machine is where a run was made, in words.
type machine struct {
	Cores int    `json:"cores"`
	Go    string `json:"go"`
	Redis string `json:"redis"`
}

func (m machine) String() string {
	return fmt.Sprintf("%d cores, Go %s, Redis %s", m.Cores, m.Go, m.Redis)
}

func lookAround(ctx context.Context) (m machine, err error) {
	s, err := server.StartTCP(ctx)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	db, err := client(s)
	if err != nil {
		return m, err
	}
	defer db.Close()
	info, err := db.Info(ctx, "server").Result()
	if err != nil {
		return m, err
	}
	m = machine{Cores: runtime.NumCPU(), Go: strings.TrimPrefix(runtime.Version(), "go")}
	for line := range strings.Lines(info) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
			m.Redis = version
		}
	}
	return m, nil
}
