package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/stopwatch"
)

const (
	// replicaTime is how long a replica may take to have what a send relies on.
	replicaTime = 100 * time.Millisecond
	// aloneFor is for how long a server without replicas is not asked about them again.
	aloneFor = time.Minute
)

var errBehind = errors.New("store: the replica is behind: it could take over without knowing of this, and have it done twice")

// replicas knows whether the server has any.
type replicas struct {
	mu    sync.Mutex
	there bool
	alone stopwatch.Watch // since there were none
}

// runSurely runs a call that may be repeated and makes sure that a replica, if there is one,
// knows of it: a failover to one that does not would forget it. A server that does not tell of
// replicas, or cannot wait for them, has none.
func (s *Store) runSurely(ctx context.Context, c call) (*redis.Cmd, error) {
	for waited := false; ; {
		question := s.replicas.question()
		var answer *redis.Cmd
		replies, err := s.each(ctx, []call{c}, func(pipe redis.Pipeliner) {
			if question != nil {
				answer = pipe.Do(ctx, question...)
			}
		})
		if err == nil {
			err = failures(replies)
		}
		if err != nil {
			return nil, err
		}
		if question == nil {
			return replies[0], nil
		}
		n, isCount := answer.Val().(int64)
		info, _ := answer.Val().(string)
		switch {
		case isCount && n > 0:
			return replies[0], nil
		case isCount:
			waited = true
			s.replicas.learn(false, stopwatch.Watch{})
		case !strings.Contains(info, "connected_slaves:") || strings.Contains(info, "connected_slaves:0"):
			s.replicas.learn(false, stopwatch.Start())
			return replies[0], nil
		default:
			s.replicas.learn(true, stopwatch.Watch{})
			if waited {
				return nil, errBehind
			}
		}
	}
}

// question is what to ask the server beside a call: whether it has replicas, to wait for one,
// or nothing.
func (r *replicas) question() []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.there:
		return []any{"WAIT", 1, replicaTime.Milliseconds()}
	case r.alone.Elapsed() < aloneFor:
		return nil
	}
	return []any{"INFO", "replication"}
}

func (r *replicas) learn(there bool, alone stopwatch.Watch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.there, r.alone = there, alone
}
