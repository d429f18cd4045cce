package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"wxnotify/shared/notify"
)

var (
	scriptTrip  = script("trip")
	scriptProbe = script("probe")
	scriptGone  = script("gone")
)

// The keys of the breaker are in shard 0:
//
//	wxn{0}:circuits  name -> until when it is open, and why   hash of documents
//	wxn{0}:gone      digests of openids unknown to WeChat     set
func (k keys) circuits() string { return k.tag + "circuits" }
func (k keys) gone() string     { return k.tag + "gone" }

type tripArgs struct {
	Name   string `json:"name"`
	Until  int64  `json:"until"`
	Detail string `json:"detail"`
}

// Trip implements notify.Breaker.
func (s *Store) Trip(ctx context.Context, c notify.Circuit) error {
	_, err := s.run(ctx, call{scriptTrip, []string{s.shardKeys(0).circuits()}, tripArgs{c.Name, c.Until.UnixMilli(), c.Detail}})
	return err
}

type probeArgs struct {
	Name string `json:"name"`
	Span int64  `json:"span"`
}

// Probe implements notify.Breaker. Of a circuit that was never tripped, or was closed,
// nobody is the one.
func (s *Store) Probe(ctx context.Context, name string, while time.Duration) (bool, error) {
	replies, err := s.run(ctx, call{scriptProbe, []string{s.shardKeys(0).circuits()}, probeArgs{name, while.Milliseconds()}})
	if err != nil {
		return false, err
	}
	n, err := replies[0].Int()
	return n == 1, err
}

// CloseCircuit implements notify.Breaker.
func (s *Store) CloseCircuit(ctx context.Context, name string) error {
	if err := s.db.HDel(ctx, s.shardKeys(0).circuits(), name).Err(); err != nil {
		return fmt.Errorf("store: CloseCircuit: %w", err)
	}
	return nil
}

// decodeCircuits reads what the store keeps of circuits, by name. With an error, which
// names those that cannot be read, it returns the others.
func decodeCircuits(fields map[string]string) ([]notify.Circuit, error) {
	var out []notify.Circuit
	var unreadable error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var d struct {
			Until  float64 `json:"u"`
			Detail string  `json:"d"`
		}
		if err := json.Unmarshal([]byte(fields[name]), &d); err != nil {
			unreadable = errors.Join(unreadable, fmt.Errorf("store: circuit %s: %w", name, err))
			continue
		}
		out = append(out, notify.Circuit{Name: name, Until: millisOf(int64(d.Until)), Detail: d.Detail})
	}
	return out, unreadable
}

type goneArgs struct {
	OpenID string `json:"openid"`
}

// CountGone implements notify.Breaker. A row ends by itself after a day without another.
func (s *Store) CountGone(ctx context.Context, openID notify.OpenID) (int, error) {
	var args goneArgs
	if openID != "" {
		args.OpenID = digest(string(openID))
	}
	replies, err := s.run(ctx, call{scriptGone, []string{s.shardKeys(0).gone()}, args})
	if err != nil {
		return 0, err
	}
	return replies[0].Int()
}
