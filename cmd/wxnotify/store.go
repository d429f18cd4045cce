package main

import (
	"errors"
	"fmt"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/config"
	"wxnotify/shared/store"
)

const (
	storeURL    = "STORE_URL"
	storePrefix = "STORE_PREFIX"
)

// open opens the store, and reads the rules by which the functions fill it. The caller closes
// the store.
func (e envFlag) open(con console) (config.Notify, *store.Store, error) {
	settings, err := e.settings(con)
	if err != nil {
		return config.Notify{}, nil, err
	}
	conf, err := notifyRules(settings)
	if err != nil {
		return config.Notify{}, nil, err
	}
	st, err := openStore(con, settings)
	return conf, st, err
}

// openStore opens the store that settings name. The caller closes it.
func (e envFlag) openStore(con console) (*store.Store, error) {
	settings, err := e.settings(con)
	if err != nil {
		return nil, err
	}
	return openStore(con, settings)
}

// openStore opens the store that settings name. The caller closes it.
func openStore(con console, settings map[string]string) (*store.Store, error) {
	if settings[storeURL] == "" {
		return nil, errors.New("STORE_URL is not set: name the Redis of the functions in .env or in the environment; wxnotify local tells that of its own")
	}
	env := config.From(func(name string) string { return settings[name] })
	at := env.Secret(storeURL)
	shards := env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096)
	if err := env.Err(); err != nil {
		return nil, err
	}
	return store.Open(store.Config{Now: con.now, URL: at, Prefix: env.String(storePrefix, ""), Shards: shards,
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID"), Existing: true})
}

// ensureStore starts an in-process Redis if settings name no store, and names it there; own is nil if they
// do. stop ends it; its contents are gone then.
func ensureStore(settings map[string]string) (own *miniredis.Miniredis, stop func(), err error) {
	if settings[storeURL] != "" {
		return nil, func() {}, nil
	}
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true) // keys expire by the clock, as in a real Redis
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, nil, fmt.Errorf("in-process Redis: %w", err)
	}
	settings[storeURL] = "redis://" + m.Addr() + "/0"
	return m, m.Close, nil
}

// storeAway has an in-process Redis refuse everything, as one does that has not loaded its data yet, or
// serve again. Nil if there is none.
func storeAway(own *miniredis.Miniredis) func(away bool) {
	if own == nil {
		return nil
	}
	return func(away bool) {
		why := ""
		if away {
			why = "LOADING Redis is loading the dataset in memory"
		}
		own.SetError(why)
	}
}
