package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

var (
	scriptGroupMessage = script("group_message")
	scriptGroupRecall  = script("group_recall")
	scriptSpreads      = script("spreads")
	scriptAdvance      = script("advance")
)

// spreadFor is for how long after it was sent a group's message is spread.
const spreadFor = 24 * time.Hour

// The keys of groups:
//
//	wxn{n}:sq                  spread queue: message -> when due, ms   sorted set
//	wxn{n}:sw                  message -> how far it was spread        hash of documents
//	wxn{n}:gm:<group>:<chunk>  marks, two bits for each message        string
func (k keys) spreadQueue() string { return k.tag + "sq" }
func (k keys) spreads() string     { return k.tag + "sw" }

// chunk is how many messages of a group have their marks in one key.
const chunk = 1024

// groupMarks is where the marks of a message are. The messages of a group are numbered,
// so a mark is a bit: at bit, that the message came; at the bit after it, that it was
// taken back.
func (k keys) groupMarks(group notify.GroupID, seq uint32) (key string, bit int64) {
	return k.tag + "gm:" + string(group) + ":" + strconv.Itoa(int(seq/chunk)), int64(seq%chunk) * 2
}

type groupMessageArgs struct {
	ID      notify.MessageID `json:"id"`
	Bit     int64            `json:"bit"`
	Message asText           `json:"message"`
	Expires int64            `json:"expires"`
}

// asText is a message whose JSON is a string, which scripts hand on as it is.
type asText struct{ m notify.GroupMessage }

// MarshalText returns the JSON.
func (t asText) MarshalText() ([]byte, error) { return json.Marshal(t.m) }

// groupMessage keeps m until it has reached the members.
func (s *Store) groupMessage(m notify.GroupMessage) call {
	k := s.keysOf(string(m.Group))
	marks, bit := k.groupMarks(m.Group, m.Seq)
	return call{scriptGroupMessage, []string{k.spreads(), k.spreadQueue(), marks, k.watch(), k.erasedUsers()},
		groupMessageArgs{m.ID(), bit, asText{m}, m.SentAt.Add(spreadFor).UnixMilli()}}
}

type groupRecallArgs struct {
	IDs  []notify.MessageID `json:"ids"`
	Bits []int64            `json:"bits"`
}

// groupRecall takes messages back, those that are still to come included.
func (s *Store) groupRecall(r notify.GroupRecall) call {
	k := s.keysOf(string(r.Group))
	names := []string{k.spreads(), k.spreadQueue()}
	args := groupRecallArgs{[]notify.MessageID{}, []int64{}}
	for _, seq := range r.Seqs {
		marks, bit := k.groupMarks(r.Group, seq)
		names = append(names, marks)
		args.IDs, args.Bits = append(args.IDs, notify.GroupMessageID(r.Group, seq)), append(args.Bits, bit)
	}
	return call{scriptGroupRecall, names, args}
}

type spreadsArgs struct {
	Limit int    `json:"limit"`
	Lease int64  `json:"lease"`
	Token string `json:"token"`
}

// Spreads implements notify.Spreader. The limit is spread over the shards, at least one
// spread each; what some leave of it goes to those that have more. With an error, which
// tells of shards and spreads that could not be read, the others are handed out all the
// same.
func (s *Store) Spreads(ctx context.Context, limit int) ([]notify.Spread, error) {
	shards := make([]int, s.shards)
	for i := range shards {
		shards[i] = i
	}
	var out []notify.Spread
	var errs error
	for len(shards) > 0 && len(out) < limit {
		each := max(1, (limit-len(out))/len(shards))
		some, more, err := s.spreadsOf(ctx, shards, each)
		out, shards, errs = append(out, some...), more, errors.Join(errs, err)
	}
	return out, errs
}

// spreadsOf hands out up to limit spreads of each of shards, and returns those shards that
// may have more.
func (s *Store) spreadsOf(ctx context.Context, shards []int, limit int) (out []notify.Spread, more []int, err error) {
	args := spreadsArgs{limit, notify.Lease.Milliseconds(), rand.Text()[:16]}
	calls := make([]call, len(shards))
	for i, shard := range shards {
		k := s.shardKeys(shard)
		calls[i] = call{scriptSpreads, []string{k.spreads(), k.spreadQueue(), k.lease(args.Token)}, args}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return nil, nil, err
	}
	var skipped error
	for i, r := range replies {
		part, _ := r.StringSlice() // its error is told below
		if len(part) == 2*limit {
			more = append(more, shards[i])
		}
		for i := 0; i+1 < len(part); i += 2 {
			spread, err := decodeSpread([]byte(part[i+1]))
			if err != nil {
				skipped = errors.Join(skipped, fmt.Errorf("store: Spreads: %s: %w", part[i], err))
				continue
			}
			out = append(out, spread)
		}
	}
	return out, more, errors.Join(skipped, failures(replies))
}

// spreadDocument is how a spread is kept, as lua/spreads.lua describes it.
type spreadDocument struct {
	Message string `json:"m"`
	Page    string `json:"p"`
	Handed  int    `json:"h"`
	Lease   string `json:"l"`
}

func decodeSpread(b []byte) (notify.Spread, error) {
	var d spreadDocument
	if err := json.Unmarshal(b, &d); err != nil {
		return notify.Spread{}, fmt.Errorf("document of a spread: %w", err)
	}
	out := notify.Spread{Page: d.Page, Attempts: d.Handed - 1, Lease: d.Lease}
	if err := json.Unmarshal([]byte(d.Message), &out.Message); err != nil {
		return notify.Spread{}, fmt.Errorf("message of a spread: %w", err)
	}
	return out, nil
}

type advanceArgs struct {
	ID    notify.MessageID `json:"id"`
	Token string           `json:"token"`
	Page  string           `json:"page"`
	Done  bool             `json:"done"`
}

// Advance implements notify.Spreader. The next page is due at once.
func (s *Store) Advance(ctx context.Context, spread notify.Spread, page string, done bool) error {
	k := s.keysOf(string(spread.Message.Group))
	_, err := s.run(ctx, call{scriptAdvance, []string{k.spreads(), k.spreadQueue()},
		advanceArgs{spread.Message.ID(), spread.Lease, page, done}})
	return err
}

// Recalled implements notify.Spreader.
func (s *Store) Recalled(ctx context.Context, messages []notify.GroupMessageRef) (map[notify.MessageID]bool, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	pipe := s.db.Pipeline()
	marks := make([]*redis.IntCmd, len(messages))
	for i, m := range messages {
		key, bit := s.keysOf(string(m.Group)).groupMarks(m.Group, m.Seq)
		marks[i] = pipe.GetBit(ctx, key, bit+1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("store: Recalled: %w", err)
	}
	out := map[notify.MessageID]bool{}
	for i, m := range messages {
		if marks[i].Val() == 1 {
			out[notify.GroupMessageID(m.Group, m.Seq)] = true
		}
	}
	return out, nil
}
