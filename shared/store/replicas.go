package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"time"

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
	told  bool            // the server has told of them once: it is no proxy that knows nothing of them
}

// commitSurely makes a change and makes sure that a replica, if there is one, knows of what it has
// written: a failover to one that does not would forget it. A server that does not tell of
// replicas, or cannot wait for them, has none.
func (s *Store) commitSurely(ctx context.Context, c *change) error {
	there, err := s.replicated(ctx)
	if err != nil {
		return err
	}
	b := batch{changes: []*change{c}}
	if there {
		b.also = []command{do("WAIT", "", 1, replicaTime.Milliseconds())}
	}
	if err := s.commitBatch(ctx, &b); err != nil || len(b.heard) == 0 {
		return err
	}
	n, isCount := b.heard[0].value.(int64)
	switch {
	case isCount && n > 0:
		return nil
	case !isCount:
		s.replicas.learn(false, stopwatch.Start())
		return nil
	}
	s.replicas.learn(false, stopwatch.Watch{})
	if there, err = s.replicated(ctx); err == nil && there {
		err = errBehind
	}
	return err
}

// replicated reports whether the server has replicas. It asks apart from the call: a proxy that
// does not know INFO may close the connection.
func (s *Store) replicated(ctx context.Context) (bool, error) {
	there, known := s.replicas.known()
	if known {
		return there, nil
	}
	info, err := s.info(ctx)
	if closed(err) {
		info, err = s.infoAgain(ctx, err)
	}
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	s.replicas.tell(info != "")
	if !strings.Contains(info, "connected_slaves:") || strings.Contains(info, "connected_slaves:0") {
		s.replicas.learn(false, stopwatch.Start())
		return false, nil
	}
	s.replicas.learn(true, stopwatch.Watch{})
	return true, nil
}

// infoAgain asks for INFO once more, after err closed the connection. A proxy that does not know it
// closes each time, and answers all else; a server that goes down, or hands over to its replica, answers
// nothing, or has told of its replicas before. The error is nil if it is such a proxy.
func (s *Store) infoAgain(ctx context.Context, err error) (info string, _ error) {
	if s.replicas.hasTold() {
		return "", err
	}
	if _, err := s.one(ctx, do("EXISTS", s.shardKeys(0).identity())); err != nil {
		return "", err
	}
	if info, err = s.info(ctx); closed(err) {
		return "", nil
	}
	return info, err
}

// info returns what the server says of replicas; "" if it refuses.
func (s *Store) info(ctx context.Context) (string, error) {
	replies, err := s.trip(ctx, []command{do("INFO", "", "replication")})
	if err != nil {
		return "", err
	}
	return text(replies[0].value), nil
}

// closed reports whether the other side has closed the connection.
func closed(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }

// known returns whether there are replicas, if that was asked of late.
func (r *replicas) known() (there, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.there, r.there || r.alone.Elapsed() < aloneFor
}

func (r *replicas) tell(told bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = r.told || told
}

func (r *replicas) hasTold() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told
}

func (r *replicas) learn(there bool, alone stopwatch.Watch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.there, r.alone = there, alone
}
