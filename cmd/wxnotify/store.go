package main

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

const storeURL = "STORE_URL"

// ensureStore starts an in-process Redis if settings name no store, and names it there.
// stop ends it; its contents are gone then.
func ensureStore(settings map[string]string) (started bool, stop func(), err error) {
	if settings[storeURL] != "" {
		return false, func() {}, nil
	}
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true) // keys expire by the clock, as in a real Redis
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return false, nil, fmt.Errorf("in-process Redis: %w", err)
	}
	settings[storeURL] = "redis://" + m.Addr() + "/0"
	return true, m.Close, nil
}
