package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// Each script is one atomic step in one slot, and holds no rule; its head lists keys, arguments
// and reply, and says why it may be repeated.
//
//go:embed *.lua
var sources embed.FS

// script returns a way to a script. It is put together when it is first used: a function uses a
// few of them, and its start waits for none.
func script(name string) func() *redis.Script {
	return sync.OnceValue(func() *redis.Script {
		source, err := sources.ReadFile(name + ".lua")
		if err != nil {
			panic(err) // the binary was built without its scripts
		}
		return redis.NewScript(string(source))
	})
}

// An eval is one run of a script.
type eval struct {
	script func() *redis.Script
	keys   []string
	args   []any
}

// evalOf returns a run of a script that takes commands behind its own keys and arguments.
func evalOf(script func() *redis.Script, keys []string, args []any, commands []command) eval {
	e := eval{script, keys, args}
	for _, c := range commands {
		i := slices.Index(e.keys, c.key)
		if i < 0 {
			i = len(e.keys)
			e.keys = append(e.keys, c.key)
		}
		e.args = append(e.args, c.name, i+1, len(c.args))
		e.args = append(e.args, c.args...)
	}
	return e
}

// evalAll runs scripts in one round trip, and what also adds to it; each reply holds its own
// error. A server that does not know the scripts yet costs a second trip.
func (s *Store) evalAll(ctx context.Context, evals []eval, also ...func(redis.Pipeliner)) ([]*redis.Cmd, error) {
	cmds := make([]*redis.Cmd, len(evals))
	pipe := s.db.Pipeline()
	for i, e := range evals {
		cmds[i] = e.script().EvalSha(ctx, pipe, e.keys, e.args...)
	}
	for _, add := range also {
		add(pipe)
	}
	if err := exec(ctx, pipe, cmds); err != nil || failures(cmds) == nil {
		return cmds, err
	}
	again := s.db.Pipeline()
	for i, e := range evals {
		if redis.HasErrorPrefix(cmds[i].Err(), "NOSCRIPT") {
			cmds[i] = e.script().Eval(ctx, again, e.keys, e.args...)
		}
	}
	if again.Len() == 0 {
		return cmds, nil
	}
	for _, add := range also {
		add(again)
	}
	return cmds, exec(ctx, again, cmds)
}

// evalOne runs one script, and returns its reply.
func (s *Store) evalOne(ctx context.Context, e eval) (*redis.Cmd, error) {
	replies, err := s.evalAll(ctx, []eval{e})
	if err != nil {
		return nil, err
	}
	return replies[0], failures(replies)
}

// failures returns what went wrong in any of replies, as eachOnce does.
func failures(replies []*redis.Cmd) error {
	errs := make([]error, len(replies))
	for i, r := range replies {
		if errs[i] = unreadable(r); errs[i] == nil && r.Err() != nil {
			errs[i] = fmt.Errorf("store: %w", r.Err())
		}
	}
	return eachOnce(errs)
}

// eachOnce joins errs. One cause is told once, however many it hit. They are a notify.ErrUnreadable
// only if nothing else is among them.
func eachOnce(errs []error) error {
	var documents, others []error
	told := map[string]bool{}
	for _, err := range errs {
		if err == nil || told[err.Error()] {
			continue
		}
		told[err.Error()] = true
		if errors.Is(err, notify.ErrUnreadable) {
			documents = append(documents, err)
		} else {
			others = append(others, err)
		}
	}
	if len(others) == 0 {
		return errors.Join(documents...)
	}
	return errors.Join(others...)
}

// exec sends a pipeline. Its error is that of the way there; what the server answers
// is in cmds.
func exec(ctx context.Context, pipe redis.Pipeliner, cmds []*redis.Cmd) error {
	all, err := pipe.Exec(ctx)
	if err == nil || failures(cmds) != nil {
		return nil
	}
	for _, c := range all {
		if _, answered := errors.AsType[redis.Error](c.Err()); answered {
			return nil // it is about what came beside cmds
		}
	}
	return fmt.Errorf("store: %w", err)
}
