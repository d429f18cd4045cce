package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
)

// schema numbers the form of what is kept. It changes with a form that versions before cannot read; this
// one still reads the form before, readable, and takes the store over when it is first used.
const (
	schema   = "3"
	readable = "2"
)

// What a store was begun with is written down in shard 0:
//
//	wxn{0}:id  schema, shards, appid, sdkappid   hash
func (k keys) identity() string { return k.tag + "id" }

// A mark is one thing that everybody who uses a store agrees on.
type mark struct {
	field, value string
	older        string // that becomes value; empty: none
	// refusal says what is wrong, and the cure, to somebody who has value where the store has another.
	refusal func(value, kept string) string
}

// marksOf returns what cfg says of the store whose record is at key. A setting that is not there is
// not compared.
func marksOf(cfg Config, key string) []mark {
	all := []mark{{"schema", schema, readable, func(value, kept string) string {
		return fmt.Sprintf("the store was filled by another version of wxnotify (schema %s, this one reads %s and %s): deploy that version, or give this one a STORE_PREFIX of its own", kept, readable, value)
	}}, {"shards", strconv.Itoa(cfg.Shards), "", func(value, kept string) string {
		return fmt.Sprintf("STORE_SHARDS is %s, and the store was filled with %s: set it to %s, else nothing of it is found", value, kept, kept)
	}}}
	app := func(field, setting, value string) {
		all = append(all, mark{field, value, "", func(value, kept string) string {
			return fmt.Sprintf("%s is %s, and the store is that of %s: correct it, or give this deployment a STORE_PREFIX of its own; if the store was begun by mistake, delete its key %s", setting, value, kept, key)
		}})
	}
	if cfg.AppID != "" {
		app("appid", "WECHAT_APPID", cfg.AppID)
	}
	if cfg.SDKAppID != 0 {
		app("sdkappid", "IM_SDKAPPID", strconv.Itoa(cfg.SDKAppID))
	}
	return all
}

// identity compares a store with the settings, when an instance first connects.
type identity struct {
	prefix   string
	key      string
	marks    []mark
	existing bool
	checked  atomic.Bool
}

// check fails for a connection to a store that is not for these settings. The first to use a
// store writes down its own.
func (id *identity) check(ctx context.Context, by trip) error {
	if id.checked.Load() {
		return nil
	}
	read, err := all(ctx, by, do("HGETALL", id.key))
	if err != nil {
		return err
	}
	kept := pairs(read[0])
	if id.existing && len(kept) == 0 {
		return settingsError{fmt.Errorf("nothing is kept under STORE_PREFIX %s: check it and STORE_URL, and that a deployment of this name and stage has run", id.prefix)}
	}
	if err := id.compare(kept); err != nil {
		return err
	}
	if kept, err = id.complete(ctx, by, kept); err != nil {
		return err
	}
	if err := id.compare(kept); err != nil {
		return err
	}
	id.checked.Store(true)
	return nil
}

// compare returns why a store in which that is kept is not for these settings, or nil.
func (id *identity) compare(kept map[string]string) error {
	var refused []error
	for _, m := range id.marks {
		if was, ok := kept[m.field]; ok && was != m.value && (was != m.older || was == "") {
			refused = append(refused, errors.New(m.refusal(m.value, was)))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return settingsError{errors.Join(refused...)}
}

// complete writes down what is not among kept, or is older, and returns what is kept then.
func (id *identity) complete(ctx context.Context, by trip, kept map[string]string) (map[string]string, error) {
	var writes []command
	for _, m := range id.marks {
		switch was, ok := kept[m.field]; {
		case id.existing:
		case !ok:
			writes = append(writes, do("HSETNX", id.key, m.field, m.value))
		case was != m.value:
			writes = append(writes, do("HSET", id.key, m.field, m.value))
		}
	}
	if len(writes) == 0 {
		return kept, nil
	}
	values, err := all(ctx, by, append(writes, do("HGETALL", id.key))...) // another instance may have been first
	if err != nil {
		return nil, err
	}
	return pairs(values[len(writes)]), nil
}
