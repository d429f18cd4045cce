package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// The keys of the circuits are in shard 0:
//
//	wxn{0}:circuits  v version; name -> until when it is open, and why   hash of documents
//	wxn{0}:gone      digests of openids unknown to WeChat                set
func (k keys) circuits() string       { return k.tag + "circuits" }
func (k keys) unknownOpenIDs() string { return k.tag + "gone" }

// circuitDoc is how a circuit is kept.
type circuitDoc struct {
	Until  int64  `json:"u"` // ms
	Detail string `json:"d,omitempty"`
}

// changeCircuit has decide change a circuit: it gets nil if none has the name, and returns nil to
// remove it. One that cannot be read is a blank one.
func (s *Store) changeCircuit(ctx context.Context, name string, decide func(now time.Time, known *circuitDoc) *circuitDoc) error {
	c := &change{record: s.shardKeys(0).circuits(), fields: []string{name}}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		var known *circuitDoc
		kept := texts(replies[0])[0]
		if kept != "" && json.Unmarshal([]byte(kept), &known) != nil {
			known = new(circuitDoc)
		}
		switch is := decide(now, known); {
		case is == known:
			return nil, nil
		case is == nil:
			return []command{do("HSET", c.record, "v", next), do("HDEL", c.record, name)}, nil
		default:
			return []command{do("HSET", c.record, "v", next, name, encoded(is))}, nil
		}
	}
	return s.commitOne(ctx, c)
}

// OpenCircuit implements deliver.Circuits. One that is open for longer already stays as it is.
func (s *Store) OpenCircuit(ctx context.Context, c notify.Circuit) error {
	return s.changeCircuit(ctx, c.Name, func(_ time.Time, known *circuitDoc) *circuitDoc {
		if until := c.Until.UnixMilli(); known == nil || known.Until <= until {
			return &circuitDoc{until, c.Detail}
		}
		return known
	})
}

// TryCircuit implements deliver.Circuits. Of a circuit that was never opened, or was closed,
// nobody is the one.
func (s *Store) TryCircuit(ctx context.Context, name string, while time.Duration) (mine bool, err error) {
	err = s.changeCircuit(ctx, name, func(now time.Time, known *circuitDoc) *circuitDoc {
		if mine = known != nil && known.Until <= now.UnixMilli(); mine {
			return &circuitDoc{now.Add(while).UnixMilli(), known.Detail}
		}
		return known
	})
	return mine && err == nil, err
}

// CloseCircuit implements deliver.Circuits.
func (s *Store) CloseCircuit(ctx context.Context, name string) error {
	return s.changeCircuit(ctx, name, func(time.Time, *circuitDoc) *circuitDoc { return nil })
}

// readCircuits reads the hash of circuits as decodeCircuits does.
func readCircuits(reply any) ([]notify.Circuit, error) {
	fields := pairs(reply)
	delete(fields, "v") // their version
	return decodeCircuits(fields)
}

// decodeCircuits reads what the store keeps of circuits, by name. With an error, which
// names those that cannot be read, it returns the others.
func decodeCircuits(fields map[string]string) ([]notify.Circuit, error) {
	var out []notify.Circuit
	var unreadable error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var d circuitDoc
		if err := json.Unmarshal([]byte(fields[name]), &d); err != nil {
			unreadable = errors.Join(unreadable, fmt.Errorf("store: circuit %s: %w", name, err))
			continue
		}
		out = append(out, notify.Circuit{Name: name, Until: millisOf(d.Until), Detail: d.Detail})
	}
	return out, unreadable
}

// CountUnknownOpenID implements deliver.Circuits. A row ends by itself after a day without another.
func (s *Store) CountUnknownOpenID(ctx context.Context, openID fact.OpenID) (int, error) {
	key := s.shardKeys(0).unknownOpenIDs()
	if openID == "" {
		_, err := s.one(ctx, do("DEL", key))
		return 0, err
	}
	values, err := s.all(ctx, do("SADD", key, digest(string(openID))), do("PEXPIRE", key, dayLong.Milliseconds()), do("SCARD", key))
	if err != nil {
		return 0, err
	}
	return int(number(values[2])), nil
}
