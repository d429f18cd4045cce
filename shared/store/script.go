package store

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"wxnotify/shared/notify"
)

// Each script is one atomic step in one slot, and holds no rule; its head lists keys, arguments
// and reply, and says why it may be repeated.
//
//go:embed *.lua
var sources embed.FS

// A source is a script, and the name under which the server knows it.
type source struct{ text, sha1 string }

// script returns a way to a script. It is put together when it is first used: a function uses a
// few of them, and its start waits for none.
func script(name string) func() source {
	return sync.OnceValue(func() source {
		text, err := sources.ReadFile(name + ".lua")
		if err != nil {
			panic(err) // the binary was built without its scripts
		}
		sum := sha1.Sum(text)
		return source{string(text), hex.EncodeToString(sum[:])}
	})
}

// An eval is one run of a script.
type eval struct {
	script func() source
	keys   []string
	args   []any
}

// evalOf returns a run of a script that takes commands behind its own keys and arguments.
func evalOf(script func() source, keys []string, args []any, commands []command) eval {
	n := len(args)
	for _, c := range commands {
		n += 3 + len(c.args)
	}
	e := eval{script, keys, append(make([]any, 0, n), args...)}
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

// command returns the command that runs e: by its name EVALSHA, or EVAL with the script itself.
func (e eval) command(name, script string) command {
	args := make([]any, 0, 2+len(e.keys)+len(e.args))
	args = append(args, script, len(e.keys))
	for _, key := range e.keys {
		args = append(args, key)
	}
	return do(name, "", append(args, e.args...)...)
}

// evalAll runs scripts, and commands behind them, in one round trip, and returns the reply to each. A
// server that does not know the scripts yet costs a second trip.
func (s *Store) evalAll(ctx context.Context, evals []eval, also ...command) ([]reply, error) {
	if len(evals)+len(also) == 0 {
		return nil, nil
	}
	cmds := make([]command, len(evals), len(evals)+len(also))
	for i, e := range evals {
		cmds[i] = e.command("EVALSHA", e.script().sha1)
	}
	replies, err := s.trip(ctx, append(cmds, also...))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var again []command
	var unknown []int
	for i, e := range evals {
		if err := replies[i].err; err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") {
			again, unknown = append(again, e.command("EVAL", e.script().text)), append(unknown, i)
		}
	}
	if len(again) == 0 {
		return replies, nil
	}
	second, err := s.trip(ctx, append(again, also...))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	for i, r := range second[:len(again)] {
		replies[unknown[i]] = r
	}
	return append(replies[:len(evals)], second[len(again):]...), nil
}

// evalsOrError is evalAll, and returns what was answered if nothing was refused.
func (s *Store) evalsOrError(ctx context.Context, evals []eval, also ...command) ([]any, error) {
	replies, err := s.evalAll(ctx, evals, also...)
	if err != nil {
		return nil, err
	}
	return values(replies), failures(replies)
}

// evalOne runs one script, and returns its reply.
func (s *Store) evalOne(ctx context.Context, e eval) (any, error) {
	found, err := s.evalsOrError(ctx, []eval{e})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// errReply is of a server that answers in another way than Redis.
var errReply = errors.New("store: unexpected reply")

// failures returns what was refused in any of replies, as eachOnce does.
func failures(replies []reply) error {
	errs := make([]error, len(replies))
	for i, r := range replies {
		if errs[i] = unreadable(r); errs[i] == nil && r.err != nil {
			errs[i] = fmt.Errorf("store: %w", r.err)
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
