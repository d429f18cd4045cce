package store

import (
	"context"
	crand "crypto/rand"
	"errors"
	"strconv"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

var scriptTake = script("take")

// take returns a run of take.lua.
func (s *Store) take(k keys, token string, queues []string, most ...any) eval {
	return eval{scriptTake, append([]string{k.lease(token)}, queues...), append([]any{s.clock(), permit.Lease.Milliseconds()}, most...)}
}

const (
	// readAtOnce is how many of the claimed recipients are read at once, at most, and readFirst how many before it is known how much
	// they hold; then about readBytes.
	readAtOnce = 200
	readFirst  = 40
	readBytes  = 1 << 20
	// claimBytes bounds what the recipients of one claim may hold: what is beyond is handed back.
	claimBytes = 8 << 20
)

// Claim implements deliver.Queue. The limit is spread over the shards, which do not all
// have as much, at least one recipient each, and they are handed out in turn. A shard that fails does not
// keep the others from being served.
func (s *Store) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	return s.claim(ctx, limit, limit)
}

// ClaimCalls implements deliver.Queue.
func (s *Store) ClaimCalls(ctx context.Context, limit int) (notify.Batch, error) {
	return s.claim(ctx, 0, limit)
}

// A taken recipient is hidden in a queue, and not read yet.
type taken struct {
	user   fact.UserID
	queue  card.Queue
	lease  string
	hidden time.Time
}

func (s *Store) claim(ctx context.Context, messages, calls int) (notify.Batch, error) {
	look, err := s.lookAround(ctx)
	if err != nil {
		return notify.Batch{}, err
	}
	b := notify.Batch{Now: look.now, Watched: look.watched}
	if len(look.shards) == 0 {
		b.Next = look.next
	} else {
		all, soon, err := s.takeFrom(ctx, &b, look.shards, messages, calls)
		if err != nil {
			return notify.Batch{}, err
		}
		b.Skipped = errors.Join(b.Skipped, s.read(ctx, &b, all, soon))
		if len(look.shards) == s.shards {
			b.Skipped = errors.Join(b.Skipped, s.keepMetrics(ctx))
		}
	}
	b.Unsafe = s.eviction(ctx)
	return b, nil
}

// takeFrom hides who is due in shards from other callers, and returns them, in turn, and when the shards
// want another look. With the same trip come the circuits. The error is that of the way there, or of all shards; a shard that failed beside others
// is in b.Skipped.
func (s *Store) takeFrom(ctx context.Context, b *notify.Batch, shards []int, messages, calls int) ([]taken, dues, error) {
	token, soon := crand.Text()[:16], dues{}
	if len(shards) == s.shards {
		soon["all"] = b.Now.Add(allEvery)
	}
	evals := make([]eval, len(shards))
	for i, shard := range shards {
		k := s.shardKeys(shard)
		evals[i] = s.take(k, token, []string{k.callsQueue(), k.queue(), k.fanOutQueue(), k.overdue()},
			perShard(calls, len(shards)), perShard(messages, len(shards)), -1, -1)
	}
	first := s.shardKeys(0)
	replies, err := s.evalAll(ctx, evals, do("HGETALL", first.circuits()), do("SCARD", first.unknownOpenIDs()), do("HLEN", first.forgetting()))
	if err != nil {
		return nil, nil, err
	}
	replies, beside := replies[:len(evals)], replies[len(evals):]
	b.Circuits, b.Skipped = readCircuits(beside[0].value)
	b.UnknownInARow, b.Forgetting = int(number(beside[1].value)), number(beside[2].value) > 0
	var ringing, waiting [][]taken // of each shard
	for i, r := range replies {
		part, _ := r.value.([]any)
		if len(part) != 7 { // told below
			soon[strconv.Itoa(shards[i])] = b.Now.Add(permit.Lease)
			continue
		}
		if now := millis(text(part[0])); now.After(b.Now) {
			b.Now = now
		}
		hidden := millis(text(part[1]))
		ringing = append(ringing, takenBy(part[3], card.QueueCalls, token+"C", hidden)) // cards are named after the lease
		waiting = append(waiting, takenBy(part[4], card.QueueMessages, token, hidden))
		b.FanOuts = b.FanOuts || len(texts(part[5])) > 0
		b.Overdue = b.Overdue || len(texts(part[6])) > 0
		if next := millis(text(part[2])); !next.IsZero() {
			soon[strconv.Itoa(shards[i])] = next
		}
	}
	b.Skipped = errors.Join(b.Skipped, failures(replies))
	if len(ringing) == 0 {
		return nil, nil, b.Skipped
	}
	return append(inTurn(ringing), inTurn(waiting)...), soon, nil
}

// perShard spreads a limit over shards, which do not all have as much.
func perShard(limit, shards int) int {
	if limit == 0 {
		return 0
	}
	return max(1, (limit+limit/2)/shards)
}

func takenBy(reply any, queue card.Queue, lease string, hidden time.Time) []taken {
	var out []taken
	for _, user := range texts(reply) {
		out = append(out, taken{fact.UserID(user), queue, lease, hidden})
	}
	return out
}

// inTurn returns one of each list, then the next of each: who is short of time serves the
// first ones, and no shard may always be the last.
func inTurn[E any](lists [][]E) []E {
	var out []E
	for i := 0; ; i++ {
		before := len(out)
		for _, list := range lists {
			if i < len(list) {
				out = append(out, list[i])
			}
		}
		if len(out) == before {
			return out
		}
	}
}

// read reads who was taken into a batch, as much as fits into claimBytes, and hands back the others.
// Those who cannot be read, and those whom another run has got hold of, are hidden until the lease is
// over. The error says who was not read. It notes when shards want another look.
func (s *Store) read(ctx context.Context, b *notify.Batch, all []taken, soon dues) (err error) {
	bytes, hidden := 0, dues{}
	for n := readFirst; (len(all) > 0 || len(soon) > 0) && bytes < claimBytes; {
		some, before := all[:min(len(all), n)], bytes
		all = all[len(some):]
		visits, recs := make([]*visit, len(some)), make([]*notify.Recipient, len(some))
		for i, t := range some {
			visits[i] = visitTo(t.user, func(m *notify.Mailbox) { recs[i] = m.Claim(t.queue, t.lease, t.hidden) })
			visits[i].scores, visits[i].goesOn = true, true
		}
		err = errors.Join(err, s.commitBatch(ctx, &batch{changes: s.visitChanges(visits), soon: soon}))
		soon = nil
		for i, rec := range recs {
			if rec != nil {
				b.Recipients = append(b.Recipients, *rec)
			} else {
				hidden.add(s.keysOf(string(some[i].user)).queueOf(some[i].queue), some[i].hidden)
			}
			for _, f := range visits[i].fields {
				bytes += len(f)
			}
		}
		n = max(1, min(readAtOnce, 4*n, len(some)*readBytes/max(bytes-before, 1)))
	}
	if len(hidden) > 0 {
		err = errors.Join(err, s.commitBatch(ctx, &batch{soon: hidden}))
	}
	return errors.Join(err, s.untake(ctx, b.Now, all))
}

// untake makes those who were taken, and not read, due again.
func (s *Store) untake(ctx context.Context, now time.Time, all []taken) error {
	if len(all) == 0 {
		return nil
	}
	again, soon := make([]command, len(all)), dues{}
	for i, t := range all {
		queue := s.keysOf(string(t.user)).queueOf(t.queue)
		again[i] = do("ZADD", queue, "XX", now.UnixMilli(), string(t.user))
		soon.add(queue, now)
	}
	if _, err := s.all(ctx, again...); err != nil {
		return err
	}
	return s.commitBatch(ctx, &batch{soon: soon})
}

// Begin implements deliver.Cards.
func (s *Store) Begin(ctx context.Context, cards []notify.Begin) ([][]fact.Identity, error) {
	visits, out := make([]*visit, len(cards)), make([][]fact.Identity, len(cards))
	for i, c := range cards {
		visits[i] = visitTo(c.User, func(b *notify.Mailbox) { out[i] = b.Begin(c) })
		visits[i].goesOn = true
	}
	return visitEach(ctx, s, visits, out)
}

// Finish implements deliver.Queue.
func (s *Store) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	visits, out := make([]*visit, len(fs)), make([][]notify.Ended, len(fs))
	for i, f := range fs {
		visits[i] = visitTo(f.User, func(b *notify.Mailbox) { out[i] = b.Finish(rules, f) })
		visits[i].allLetters = f.Dead != nil
	}
	return visitEach(ctx, s, visits, out)
}
