package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// An Inspection is what a server tells of itself, and whose store it is.
type Inspection struct {
	Time    time.Time // of its clock
	Kept    bool      // something is kept under the prefix
	Refused error     // why the store is not for these settings, a line for each reason; nil: it is

	// What servers may keep to themselves, as TencentDB's proxies do. Empty: it does not tell.
	Version string
	Policy  string // maxmemory-policy
	// Replicas that are connected; -1: it does not tell.
	Replicas int
	// AppendOnly and Snapshots say how it writes to disk: yes or no.
	AppendOnly, Snapshots string
	Used, Max             int64 // bytes; a Max of 0 is no bound
}

// ErrUnreached: no connection to the server could be made, or it said nothing on one.
var ErrUnreached = errors.New("store: the server does not answer")

// Inspect looks at a server, over a connection of its own, and changes nothing there. It takes a few seconds at most.
// Its error is ErrUnreached, or what the server says instead of an answer, as to a wrong password.
func Inspect(ctx context.Context, cfg Config) (Inspection, error) {
	s, err := Open(cfg)
	if err != nil {
		return Inspection{}, err
	}
	conn, err := connector(cfg.URL, cfg.Dial, func(context.Context, trip) error { return nil })(ctx)
	if err != nil {
		return Inspection{}, unreached(err)
	}
	defer conn.Close()
	by := func(ctx context.Context, cmds []command) ([]reply, error) { return exchange(ctx, conn, cmds) }
	key := s.shardKeys(0).identity()
	cfg.Shards = s.shards
	values, err := all(ctx, by, do("TIME", ""), do("HGETALL", key))
	if err != nil {
		return Inspection{}, unreached(err)
	}
	kept := pairs(values[1])
	in := Inspection{Kept: len(kept) > 0, Refused: (&identity{marks: marksOf(cfg, key)}).compare(kept), Replicas: -1, Time: serverTime(values[0])}
	if s.server != nil {
		in.Time = s.server()
	}
	in.tell(ctx, by)
	return in, nil
}

// tell fills in what a server may keep to itself: some proxies close the connection when they are asked.
func (in *Inspection) tell(ctx context.Context, by trip) {
	replies, err := by(ctx, []command{do("INFO", ""), do("CONFIG", "", "GET", "maxmemory-policy"), do("CONFIG", "", "GET", "save")})
	if err != nil {
		return
	}
	info := fieldsOf(text(replies[0].value))
	in.Version, in.Policy = info["redis_version"], policyOf(info, replies[1].value)
	if n, err := strconv.Atoi(info["connected_slaves"]); err == nil {
		in.Replicas = n
	}
	in.AppendOnly = map[string]string{"1": "yes", "0": "no"}[info["aof_enabled"]]
	if save, told := pairs(replies[2].value)["save"]; told {
		in.Snapshots = "yes"
		if save == "" {
			in.Snapshots = "no"
		}
	}
	in.Used, _ = strconv.ParseInt(info["used_memory"], 10, 64)
	in.Max, _ = strconv.ParseInt(info["maxmemory"], 10, 64)
}

// fieldsOf reads the lines of INFO.
func fieldsOf(info string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// policyOf returns the policy for a full memory, from INFO, or from CONFIG at an older server; "" if neither tells.
func policyOf(info map[string]string, config any) string {
	if policy := info["maxmemory_policy"]; policy != "" {
		return policy
	}
	return pairs(config)["maxmemory-policy"]
}

// serverTime reads the reply to TIME: seconds, and microseconds of the second.
func serverTime(reply any) time.Time {
	parts := texts(reply)
	if len(parts) != 2 {
		return time.Time{}
	}
	seconds, _ := strconv.ParseInt(parts[0], 10, 64)
	micros, _ := strconv.ParseInt(parts[1], 10, 64)
	return time.Unix(seconds, micros*1000).UTC()
}

// unreached marks an error that the server did not say.
func unreached(err error) error {
	if _, said := errors.AsType[redis.Error](err); said {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnreached, err)
}
