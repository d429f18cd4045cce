package store

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua lua/lib/*.lua
var sources embed.FS

// The operations. Each is one script, run as one atomic step in one slot; its head
// comment lists keys, arguments and reply.
var (
	scriptMessage          = script("message")
	scriptRead             = script("read")
	scriptRecall           = script("recall")
	scriptPresence         = script("presence")
	scriptRing             = script("ring")
	scriptRingEnd          = script("ring_end")
	scriptSent             = script("sent")
	scriptOverdue          = script("overdue")
	scriptConclude         = script("conclude")
	scriptTell             = script("tell")
	scriptTold             = script("told")
	scriptPreferences      = script("preferences")
	scriptReplay           = script("replay")
	scriptClaim            = script("claim")
	scriptBegin            = script("begin")
	scriptFinish           = script("finish")
	scriptRest             = script("rest")
	scriptReserve          = script("reserve")
	scriptSettle           = script("settle")
	scriptResolve          = script("resolve")
	scriptGrant            = script("grant")
	scriptRevoke           = script("revoke")
	scriptBindSubscriber   = script("bind_subscriber")
	scriptBindRecipient    = script("bind_recipient")
	scriptUnbindSubscriber = script("unbind_subscriber")
	scriptUnbindRecipient  = script("unbind_recipient")
	scriptToken            = script("token")
	scriptPutToken         = script("put_token")
	scriptDropToken        = script("drop_token")
	scriptAllow            = script("allow")
)

// script returns a way to a script of the lua folder, behind what all of them share. It is put
// together when it is first used: a function uses a few of them, and its start waits for none.
func script(name string) func() *redis.Script {
	return sync.OnceValue(func() *redis.Script {
		return redis.NewScript(library() + read("lua/"+name+".lua"))
	})
}

// library is what all scripts share.
var library = sync.OnceValue(func() string {
	files, err := fs.Glob(sources, "lua/lib/*.lua")
	if err != nil {
		panic(err)
	}
	var src strings.Builder
	for _, file := range files {
		src.WriteString(read(file))
	}
	return src.String()
})

func read(file string) string {
	b, err := sources.ReadFile(file)
	if err != nil {
		panic(err) // the binary was built without its scripts
	}
	return string(b)
}

// A call is one run of a script.
type call struct {
	script func() *redis.Script
	keys   []string
	args   any // becomes the JSON object that scripts call a
}

// run runs calls in one round trip and returns their replies, with an error if any of
// them failed.
func (s *Store) run(ctx context.Context, calls ...call) ([]*redis.Cmd, error) {
	replies, err := s.each(ctx, calls)
	if err == nil {
		err = failures(replies)
	}
	return replies, err
}

// failures returns what went wrong in any of replies. One cause is told once, however
// many it hit. It is a notify.ErrUnreadable only if nothing else is.
func failures(replies []*redis.Cmd) error {
	var errs, documents []error
	told := map[string]bool{}
	for _, r := range replies {
		err := r.Err()
		if err == nil || told[err.Error()] {
			continue
		}
		told[err.Error()] = true
		if document := unreadable(r); document != nil {
			documents = append(documents, document)
		} else {
			errs = append(errs, fmt.Errorf("store: %w", err))
		}
	}
	if len(errs) == 0 {
		return errors.Join(documents...)
	}
	return errors.Join(errs...)
}

// each runs calls in one round trip, and what also adds to it; each reply holds its own
// error. A server that does not know the scripts yet costs a second trip.
func (s *Store) each(ctx context.Context, calls []call, also ...func(redis.Pipeliner)) ([]*redis.Cmd, error) {
	cmds := make([]*redis.Cmd, len(calls))
	pipe := s.db.Pipeline()
	for i, c := range calls {
		args, err := s.argv(c)
		if err != nil {
			return nil, err
		}
		cmds[i] = c.script().EvalSha(ctx, pipe, c.keys, args...)
	}
	for _, add := range also {
		add(pipe)
	}
	if err := exec(ctx, pipe, cmds); err != nil || failures(cmds) == nil {
		return cmds, err
	}
	again := s.db.Pipeline()
	for i, c := range calls {
		if redis.HasErrorPrefix(cmds[i].Err(), "NOSCRIPT") {
			args, _ := s.argv(c)
			cmds[i] = c.script().Eval(ctx, again, c.keys, args...)
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

// list returns s such that its JSON is an array: null would stop a script that goes
// through it.
func list[E any](s []E) []E {
	if s == nil {
		return []E{}
	}
	return s
}

// argv returns the arguments of a call: the time, if the store's clock is not to be
// used, the JSON of its arguments, and a word by which its script knows a repeat of the call.
func (s *Store) argv(c call) ([]any, error) {
	now := ""
	if s.server != nil {
		now = strconv.FormatInt(s.server().UnixMilli(), 10)
	}
	b, err := json.Marshal(c.args)
	if err != nil {
		return nil, fmt.Errorf("store: arguments: %w", err)
	}
	return []any{now, b, rand.Text()[:16]}, nil
}
