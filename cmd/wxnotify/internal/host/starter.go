package host

import (
	"context"
	"runtime"
	"sync"
)

// starter starts processes, all from one thread that lives as long as they do: Linux
// kills a child with the thread that started it, not with the process.
// Source: https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
type starter struct {
	mu       sync.Mutex
	closed   bool
	running  map[*process]struct{}
	requests chan startRequest
}

type startRequest struct {
	command
	reply chan<- startReply
}

type startReply struct {
	process *process
	err     error
}

func newStarter() *starter {
	s := &starter{running: make(map[*process]struct{}), requests: make(chan startRequest)}
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		for r := range s.requests {
			p, err := startProcess(r.command)
			r.reply <- startReply{p, err}
		}
	}()
	return s
}

// start returns ErrClosed once close has begun.
func (s *starter) start(c command) (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	reply := make(chan startReply, 1)
	s.requests <- startRequest{c, reply}
	r := <-reply
	if r.err != nil {
		return nil, r.err
	}
	s.running[r.process] = struct{}{}
	go func() {
		<-r.process.done
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, r.process)
	}()
	return r.process, nil
}

// close kills everything that was started and returns when all of it has gone, or with
// ctx's error. Every process has been sent SIGKILL when it returns.
func (s *starter) close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	left := make([]*process, 0, len(s.running))
	for p := range s.running {
		p.kill()
		left = append(left, p)
	}
	s.mu.Unlock()
	for _, p := range left {
		select {
		case <-p.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if first {
		close(s.requests)
	}
	return nil
}
