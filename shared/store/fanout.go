package store

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// fanOutFor is for how long after it was sent a group's message is fanned out.
const fanOutFor = 24 * time.Hour

// The keys of groups:
//
//	wxn{n}:sq                  fan-out queue: message -> when due, ms  sorted set
//	wxn{n}:sp:<group>#<seq>    how far a message was fanned out        hash
//	wxn{n}:gm:<group>:<chunk>  marks, two bits for each message        string
func (k keys) fanOutQueue() string { return k.tag + "sq" }

func (k keys) fanOut(id fact.MessageID) string { return k.tag + "sp:" + string(id) }

// chunk is how many messages of a group have their marks in one key.
const chunk = 1024

// groupMarks is where the marks of a message are. The messages of a group are numbered,
// so a mark is a bit: at bit, that the message came; at the bit after it, that it was
// taken back.
func (k keys) groupMarks(group fact.GroupID, seq uint32) (key string, bit int64) {
	return k.tag + "gm:" + string(group) + ":" + strconv.Itoa(int(seq/chunk)), int64(seq%chunk) * 2
}

// The fields of a fanOut beside the version.
const (
	fanOutMessage = "m" // JSON
	fanOutExpires = "x" // ms
	fanOutPage    = "p" // of members, to go on with
	fanOutHanded  = "h" // how often this page was handed out
	fanOutLease   = "l"
	fanOutLeased  = "le" // until when, ms
)

var fanOutFields = []string{fanOutMessage, fanOutExpires, fanOutPage, fanOutHanded, fanOutLease, fanOutLeased}

// groupChanges are what facts do to messages of groups.
type groupChanges struct {
	*Store
	changes []*change
	begun   bool // some message waits to be fanned out
}

func (g *groupChanges) add(f fact.Fact) {
	switch {
	case f.GroupMessage != nil && (f.GroupMessage.For == fact.GroupAll || f.GroupMessage.For == fact.GroupMentions):
		g.message(*f.GroupMessage)
	case f.GroupRecall != nil:
		for seqs := range slices.Chunk(f.GroupRecall.Seqs, recallsAtOnce) {
			g.recall(f.GroupRecall.Group, seqs)
		}
	}
}

// message keeps m until it has reached the members.
func (g *groupChanges) message(m fact.GroupMessage) {
	k := g.keysOf(string(m.Group))
	marks, bit := k.groupMarks(m.Group, m.Seq)
	named := append([]fact.UserID{m.From}, m.At...)
	c := &change{record: k.fanOut(m.ID()), guards: []guard{{key: k.erasedUsers(), fields: hashesOf(named)}},
		reads: []command{do("GETBIT", marks, bit), do("GETBIT", marks, bit+1)}}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		expires := m.SentAt.Add(fanOutFor)
		if most := now.Add(dayLong); expires.After(most) { // IM signs no body
			expires = most
		}
		if number(replies[2]) == 1 || number(replies[3]) == 1 || !expires.After(now) { // it came, or was taken back
			return nil, nil
		}
		g.begun = true
		kept := m
		kept.Forget(forgottenIn(named, replies[1], now))
		return []command{enqueue(k.fanOutQueue(), now, string(m.ID())),
			do("HSET", c.record, "v", next, fanOutMessage, encoded(kept), fanOutExpires, expires.UnixMilli()),
			do("PEXPIRE", c.record, (2 * dayLong).Milliseconds()),
			do("SETBIT", marks, bit, 1), do("PEXPIRE", marks, groupMarksFor.Milliseconds())}, nil
	}
	g.changes = append(g.changes, c)
}

// groupMarksFor is for how long it is known what came in a group, and what was taken back.
const groupMarksFor = 8 * dayLong

// recallsAtOnce is how many messages are taken back in one step.
const recallsAtOnce = 100

// recall takes messages back, those still to come included. Of one that is on its way the record
// stays for a moment, under another version, so that nobody who read before writes it again.
func (g *groupChanges) recall(group fact.GroupID, seqs []uint32) {
	k := g.keysOf(string(group))
	c := &change{record: k.fanOut(fact.GroupMessageID(group, seqs[0]))}
	for _, seq := range seqs {
		marks, bit := k.groupMarks(group, seq)
		c.reads = append(c.reads, do("GETBIT", marks, bit+1))
	}
	c.decide = func(_ time.Time, replies []any, next string) ([]command, error) {
		var writes []command
		for i, seq := range seqs {
			if number(replies[1+i]) == 0 {
				writes = append(writes, takenBack(k, group, seq, next)...)
			}
		}
		c.apart = k.once(next)
		return writes, nil
	}
	g.changes = append(g.changes, c)
}

func takenBack(k keys, group fact.GroupID, seq uint32, next string) []command {
	id := fact.GroupMessageID(group, seq)
	record := k.fanOut(id)
	marks, bit := k.groupMarks(group, seq)
	return []command{do("ZREM", k.fanOutQueue(), string(id)), do("DEL", record), do("HSET", record, "v", next),
		do("PEXPIRE", record, time.Minute.Milliseconds()),
		do("SETBIT", marks, bit+1, 1), do("PEXPIRE", marks, groupMarksFor.Milliseconds())}
}

// FanOuts implements deliver.Groups. The limit is spread over the shards, at least one
// fanOut each; what some leave of it goes to those that have more. With an error, which
// tells of shards and fanOuts that could not be read, the others are handed out all the
// same.
func (s *Store) FanOuts(ctx context.Context, limit int) ([]notify.FanOut, error) {
	shards := make([]int, s.shards)
	for i := range shards {
		shards[i] = i
	}
	var out []notify.FanOut
	var errs error
	for len(shards) > 0 && len(out) < limit {
		each := max(1, (limit-len(out))/len(shards))
		some, more, err := s.fanOutsOf(ctx, shards, each)
		out, shards, errs = append(out, some...), more, errors.Join(errs, err)
	}
	return out, errs
}

// fanOutsOf hands out up to limit fanOuts of each of shards, and returns those shards that
// may have more.
func (s *Store) fanOutsOf(ctx context.Context, shards []int, limit int) (out []notify.FanOut, more []int, err error) {
	token := crand.Text()[:16]
	evals := make([]eval, len(shards))
	for i, shard := range shards {
		k := s.shardKeys(shard)
		evals[i] = s.take(k, token, []string{k.fanOutQueue()}, limit)
	}
	replies, err := s.evalAll(ctx, evals)
	if err != nil {
		return nil, nil, err
	}
	var changes []*change
	var fanOuts []*notify.FanOut
	for i, r := range replies {
		part, _ := r.value.([]any)
		if len(part) != 4 {
			continue // told below
		}
		ids := texts(part[3])
		if len(ids) == limit {
			more = append(more, shards[i])
		}
		for _, id := range ids {
			fanOut := new(notify.FanOut)
			changes, fanOuts = append(changes, handOut(s.shardKeys(shards[i]), fact.MessageID(id), token, fanOut)), append(fanOuts, fanOut)
		}
	}
	err = errors.Join(s.commit(ctx, changes), failures(replies))
	for i, fanOut := range fanOuts {
		if changes[i].err == nil && fanOut.Lease != "" {
			out = append(out, *fanOut)
		}
	}
	return out, more, err
}

// handOut returns how a fanOut that was taken from its queue is handed out; one that is too old is
// dropped.
func handOut(k keys, id fact.MessageID, token string, out *notify.FanOut) *change {
	c := &change{record: k.fanOut(id), fields: fanOutFields}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		*out = notify.FanOut{}
		f := texts(replies[0])
		expires := millis(f[1])
		switch {
		case f[0] == "" || !expires.After(now):
			return []command{do("ZREM", k.fanOutQueue(), string(id)), do("DEL", c.record)}, nil
		case f[4] != "" && f[4] != token && millis(f[5]).After(now): // somebody was faster
			return nil, nil
		}
		if err := json.Unmarshal([]byte(f[0]), &out.Message); err != nil {
			return nil, unreadableAt(err, c.record, fanOutMessage)
		}
		handed, _ := strconv.Atoi(f[3]) // none: not yet
		if f[4] == token {
			handed-- // this very caller's
		}
		out.Page, out.Attempts, out.Lease = f[2], handed, token
		return []command{do("HSET", c.record, "v", next, fanOutHanded, handed+1, fanOutLease, token,
			fanOutLeased, now.Add(permit.Lease).UnixMilli())}, nil
	}
	return c
}

// Advance implements deliver.Groups. The next page is due at once.
func (s *Store) Advance(ctx context.Context, fanOut notify.FanOut, page string, done bool) error {
	k, id := s.keysOf(string(fanOut.Message.Group)), fanOut.Message.ID()
	c := &change{record: k.fanOut(id), fields: []string{fanOutLease}}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		switch {
		case fanOut.Lease == "" || texts(replies[0])[0] != fanOut.Lease:
			return nil, nil
		case done:
			return []command{do("ZREM", k.fanOutQueue(), string(id)), do("DEL", c.record)}, nil
		}
		return []command{enqueue(k.fanOutQueue(), now, string(id)),
			do("HSET", c.record, "v", next, fanOutPage, page), do("HDEL", c.record, fanOutHanded, fanOutLease, fanOutLeased)}, nil
	}
	return s.commitOne(ctx, c)
}

// forgetInFanOuts takes a user's name out of the messages of groups that are on their way in a
// shard.
func (s *Store) forgetInFanOuts(ctx context.Context, k keys, ids []string, user fact.UserID) error {
	changes := make([]*change, len(ids))
	for i, id := range ids {
		c := &change{record: k.fanOut(fact.MessageID(id)), fields: []string{fanOutMessage}}
		c.decide = func(_ time.Time, replies []any, next string) ([]command, error) {
			var m fact.GroupMessage
			if json.Unmarshal([]byte(texts(replies[0])[0]), &m) != nil || !m.Forget(func(u fact.UserID) bool { return u == user }) {
				return nil, nil // what this version cannot read stays, for one that can
			}
			return []command{do("HSET", c.record, "v", next, fanOutMessage, encoded(m))}, nil
		}
		changes[i] = c
	}
	return s.commit(ctx, changes)
}

// Recalled implements deliver.Groups.
func (s *Store) Recalled(ctx context.Context, messages []notify.GroupMessageRef) (map[fact.MessageID]bool, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	reads := make([]command, len(messages))
	for i, m := range messages {
		key, bit := s.keysOf(string(m.Group)).groupMarks(m.Group, m.Seq)
		reads[i] = do("GETBIT", key, bit+1)
	}
	marks, err := s.all(ctx, reads...)
	if err != nil {
		return nil, err
	}
	out := map[fact.MessageID]bool{}
	for i, m := range messages {
		if number(marks[i]) == 1 {
			out[fact.GroupMessageID(m.Group, m.Seq)] = true
		}
	}
	return out, nil
}
