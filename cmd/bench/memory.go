package main

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// used returns how many bytes Redis holds, without its scripts. Connections take up much, so
// the store's are closed first, and those of functions that have ended must have gone.
func (w *world) used(ctx context.Context) (int64, error) {
	const few = 2 // ours, and that of one function
	w.store.Close()
	if err := w.openStore(); err != nil {
		return 0, err
	}
	for range 200 {
		clients, err := w.info(ctx, "clients")
		if err != nil {
			return 0, err
		}
		if clients["connected_clients"] <= few {
			break
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return 0, err
		}
	}
	memory, err := w.info(ctx, "memory")
	return memory["used_memory"] - memory["used_memory_scripts"], err
}

// info returns the numbers of a section of INFO.
func (w *world) info(ctx context.Context, section string) (map[string]int64, error) {
	text, err := w.db.Info(ctx, section).Result()
	if err != nil {
		return nil, err
	}
	numbers := map[string]int64{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			numbers[name] = n
		}
	}
	return numbers, nil
}

// anHourLater takes an hour off the life of every key, and returns how many bytes more than
// before are held for each user.
func (w *world) anHourLater(ctx context.Context, before int64) (float64, error) {
	keys := w.db.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		left, err := w.db.PTTL(ctx, keys.Val()).Result()
		if err != nil {
			return 0, err
		}
		if left < 0 { // it stays for ever
			continue
		}
		if err := w.db.PExpire(ctx, keys.Val(), left-time.Hour).Err(); err != nil {
			return 0, err
		}
	}
	if err := keys.Err(); err != nil {
		return 0, err
	}
	after, err := w.used(ctx)
	return float64(after-before) / float64(len(w.people)), err
}
