package store

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"wxnotify/shared/notify"
)

// spreadFor is for how long after it was sent a group's message is spread.
const spreadFor = 24 * time.Hour

// The keys of groups:
//
//	wxn{n}:sq                  spread queue: message -> when due, ms   sorted set
//	wxn{n}:sp:<group>#<seq>    how far a message was spread            hash
//	wxn{n}:gm:<group>:<chunk>  marks, two bits for each message        string
func (k keys) spreadQueue() string { return k.tag + "sq" }

func (k keys) spread(id notify.MessageID) string { return k.tag + "sp:" + string(id) }

// chunk is how many messages of a group have their marks in one key.
const chunk = 1024

// groupMarks is where the marks of a message are. The messages of a group are numbered,
// so a mark is a bit: at bit, that the message came; at the bit after it, that it was
// taken back.
func (k keys) groupMarks(group notify.GroupID, seq uint32) (key string, bit int64) {
	return k.tag + "gm:" + string(group) + ":" + strconv.Itoa(int(seq/chunk)), int64(seq%chunk) * 2
}

// The fields of a spread beside the version.
const (
	spreadMessage = "m" // JSON
	spreadExpires = "x" // ms
	spreadPage    = "p" // of members, to go on with
	spreadHanded  = "h" // how often this page was handed out
	spreadLease   = "l"
	spreadLeased  = "le" // until when, ms
)

var spreadFields = []string{spreadMessage, spreadExpires, spreadPage, spreadHanded, spreadLease, spreadLeased}

// groupChanges are what facts do to messages of groups.
type groupChanges struct {
	*Store
	changes []*change
	begun   bool // some message waits to be spread
}

func (g *groupChanges) add(f notify.Fact) {
	switch {
	case f.GroupMessage != nil && (f.GroupMessage.For == notify.GroupAll || f.GroupMessage.For == notify.GroupMentions):
		g.message(*f.GroupMessage)
	case f.GroupRecall != nil:
		for seqs := range slices.Chunk(f.GroupRecall.Seqs, recallsAtOnce) {
			g.recall(f.GroupRecall.Group, seqs)
		}
	}
}

// message keeps m until it has reached the members.
func (g *groupChanges) message(m notify.GroupMessage) {
	k := g.keysOf(string(m.Group))
	marks, bit := k.groupMarks(m.Group, m.Seq)
	named := append([]notify.UserID{m.From}, m.At...)
	c := &change{record: k.spread(m.ID()), guards: []string{k.erasedUsers()}, reads: []command{do("GETBIT", marks, bit), do("GETBIT", marks, bit+1),
		do("HMGET", k.erasedUsers(), anys(hashesOf(named))...)}}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		expires := m.SentAt.Add(spreadFor)
		if most := now.Add(dayLong); expires.After(most) { // IM signs no body
			expires = most
		}
		if number(replies[1]) == 1 || number(replies[2]) == 1 || !expires.After(now) { // it came, or was taken back
			return nil, nil
		}
		g.begun = true
		kept := m
		kept.Forget(forgottenIn(named, replies[3], now))
		return []command{enqueue(k.spreadQueue(), now, string(m.ID())),
			do("HSET", c.record, "v", next, spreadMessage, encoded(kept), spreadExpires, expires.UnixMilli()),
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
func (g *groupChanges) recall(group notify.GroupID, seqs []uint32) {
	k := g.keysOf(string(group))
	c := &change{record: k.spread(notify.GroupMessageID(group, seqs[0]))}
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

func takenBack(k keys, group notify.GroupID, seq uint32, next string) []command {
	id := notify.GroupMessageID(group, seq)
	record := k.spread(id)
	marks, bit := k.groupMarks(group, seq)
	return []command{do("ZREM", k.spreadQueue(), string(id)), do("DEL", record), do("HSET", record, "v", next),
		do("PEXPIRE", record, time.Minute.Milliseconds()),
		do("SETBIT", marks, bit+1, 1), do("PEXPIRE", marks, groupMarksFor.Milliseconds())}
}

// Spreads implements deliver.Groups. The limit is spread over the shards, at least one
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
	token := crand.Text()[:16]
	evals := make([]eval, len(shards))
	for i, shard := range shards {
		k := s.shardKeys(shard)
		evals[i] = s.take(k, token, []string{k.spreadQueue()}, limit)
	}
	replies, err := s.evalAll(ctx, evals)
	if err != nil {
		return nil, nil, err
	}
	var changes []*change
	var spreads []*notify.Spread
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
			spread := new(notify.Spread)
			changes, spreads = append(changes, handOut(s.shardKeys(shards[i]), notify.MessageID(id), token, spread)), append(spreads, spread)
		}
	}
	err = errors.Join(s.commit(ctx, changes), failures(replies))
	for i, spread := range spreads {
		if changes[i].err == nil && spread.Lease != "" {
			out = append(out, *spread)
		}
	}
	return out, more, err
}

// handOut returns how a spread that was taken from its queue is handed out; one that is too old is
// dropped.
func handOut(k keys, id notify.MessageID, token string, out *notify.Spread) *change {
	c := &change{record: k.spread(id), fields: spreadFields}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		*out = notify.Spread{}
		f := texts(replies[0])
		expires := millis(f[1])
		switch {
		case f[0] == "" || !expires.After(now):
			return []command{do("ZREM", k.spreadQueue(), string(id)), do("DEL", c.record)}, nil
		case f[4] != "" && f[4] != token && millis(f[5]).After(now): // somebody was faster
			return nil, nil
		}
		if err := json.Unmarshal([]byte(f[0]), &out.Message); err != nil {
			return nil, unreadableAt(err, c.record, spreadMessage)
		}
		handed, _ := strconv.Atoi(f[3]) // none: not yet
		if f[4] == token {
			handed-- // this very caller's
		}
		out.Page, out.Attempts, out.Lease = f[2], handed, token
		return []command{do("HSET", c.record, "v", next, spreadHanded, handed+1, spreadLease, token,
			spreadLeased, now.Add(notify.Lease).UnixMilli())}, nil
	}
	return c
}

// Advance implements deliver.Groups. The next page is due at once.
func (s *Store) Advance(ctx context.Context, spread notify.Spread, page string, done bool) error {
	k, id := s.keysOf(string(spread.Message.Group)), spread.Message.ID()
	c := &change{record: k.spread(id), fields: []string{spreadLease}}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		switch {
		case spread.Lease == "" || texts(replies[0])[0] != spread.Lease:
			return nil, nil
		case done:
			return []command{do("ZREM", k.spreadQueue(), string(id)), do("DEL", c.record)}, nil
		}
		return []command{enqueue(k.spreadQueue(), now, string(id)),
			do("HSET", c.record, "v", next, spreadPage, page), do("HDEL", c.record, spreadHanded, spreadLease, spreadLeased)}, nil
	}
	return s.commitOne(ctx, c)
}

// forgetInSpreads takes a user's name out of the messages of groups that are on their way in a
// shard.
func (s *Store) forgetInSpreads(ctx context.Context, k keys, user notify.UserID) error {
	return s.eachIn(ctx, "ZSCAN", k.spreadQueue(), func(ids []string) error {
		changes := make([]*change, len(ids))
		for i, id := range ids {
			c := &change{record: k.spread(notify.MessageID(id)), fields: []string{spreadMessage}}
			c.decide = func(_ time.Time, replies []any, next string) ([]command, error) {
				var m notify.GroupMessage
				if json.Unmarshal([]byte(texts(replies[0])[0]), &m) != nil || !m.Forget(func(u notify.UserID) bool { return u == user }) {
					return nil, nil // what this version cannot read stays, for one that can
				}
				return []command{do("HSET", c.record, "v", next, spreadMessage, encoded(m))}, nil
			}
			changes[i] = c
		}
		return s.commit(ctx, changes)
	})
}

// Recalled implements deliver.Groups.
func (s *Store) Recalled(ctx context.Context, messages []notify.GroupMessageRef) (map[notify.MessageID]bool, error) {
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
	out := map[notify.MessageID]bool{}
	for i, m := range messages {
		if number(marks[i]) == 1 {
			out[notify.GroupMessageID(m.Group, m.Seq)] = true
		}
	}
	return out, nil
}
