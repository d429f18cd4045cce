package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// An Overview is how a store stands.
type Overview struct {
	At     time.Time // by the server's clock
	Counts map[fact.State]int64
	// Totals are the metrics since ever, but for those of ends.
	Totals map[fact.Metric]int64
	// Messages and Calls wait for recipients. Unknown are cards whose end is not known, or not told yet.
	Messages, Calls, Unknown Backlog
	Letters                  int64 // users who have dead letters
	Circuits                 []notify.Circuit
	// TokenEnds is until when the access token of the app is good; zero: there is none.
	TokenEnds time.Time
	// WatchedUntil is until when a run of deliver watches, unless it looks again; zero: none does.
	WatchedUntil time.Time
}

// A Backlog is how much waits in a queue.
type Backlog struct {
	Length int64
	First  time.Time // when the first of it is, or was, due; zero: nothing waits
}

// ReadOverview reads how s stands, in one trip. appID is the mini program's. With an error that names circuits that
// cannot be read it returns all else.
func ReadOverview(ctx context.Context, s *Store, appID string) (Overview, error) {
	first := s.shardKeys(0)
	reads := []command{do("TIME", ""), do("HGETALL", first.circuits()), do("GET", first.watch()), do("HGET", s.keysOf(appID).token(appID), tokenExpires)}
	const each = 7 // reads of a shard
	for i := range s.shards {
		k := s.shardKeys(i)
		reads = append(reads, do("ZCARD", k.dead()))
		for _, queue := range []string{k.queue(), k.callsQueue(), k.overdue()} {
			reads = append(reads, do("ZCARD", queue), do("ZRANGE", queue, 0, 0, "WITHSCORES"))
		}
	}
	found, err := s.evalsOrError(ctx, s.lookAtMetrics(), reads...)
	if err != nil {
		return Overview{}, err
	}
	counted, found := found[:s.shards], found[s.shards:]
	o := Overview{At: serverTime(found[0]), Counts: map[fact.State]int64{}, Totals: map[fact.Metric]int64{}, TokenEnds: millis(text(found[3]))}
	if s.server != nil {
		o.At = s.server()
	}
	o.Circuits, err = readCircuits(found[1])
	var until int64
	if n, _ := fmt.Sscanf(text(found[2]), "%d run ", &until); n == 1 && millisOf(until).After(o.At) {
		o.WatchedUntil = millisOf(until)
	}
	for _, shard := range counted {
		err = cmp.Or(err, sums(shard, o.Counts, o.Totals))
	}
	for shard := range slices.Chunk(found[4:], each) {
		o.Letters += number(shard[0])
		for i, b := range []*Backlog{&o.Messages, &o.Calls, &o.Unknown} {
			b.add(number(shard[1+2*i]), texts(shard[2+2*i]))
		}
	}
	return o, err
}

// sum adds numbers to those of a map. What is no number is none.
func sum[K ~string](into map[K]int64, numbers map[string]string) {
	for name, v := range numbers {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			into[K(name)] += n
		}
	}
}

func (b *Backlog) add(length int64, first []string) {
	b.Length += length
	if len(first) == 2 {
		if at := scoreOf(first[1]); b.First.IsZero() || at.Before(b.First) {
			b.First = at
		}
	}
}

// A Due is a recipient for whom something waits.
type Due struct {
	User  fact.UserID
	Queue card.Queue
	At    time.Time
}

// Queued returns up to limit of those for whom something waits, the first due first, in one trip.
func Queued(ctx context.Context, s *Store, limit int) ([]Due, error) {
	queues := []card.Queue{card.QueueMessages, card.QueueCalls}
	var reads []command
	for i := range s.shards {
		for _, q := range queues {
			reads = append(reads, do("ZRANGE", s.shardKeys(i).queueOf(q), 0, limit-1, "WITHSCORES"))
		}
	}
	found, err := s.all(ctx, reads...)
	if err != nil {
		return nil, err
	}
	var out []Due
	for i, list := range found {
		for pair := range slices.Chunk(texts(list), 2) {
			out = append(out, Due{fact.UserID(pair[0]), queues[i%len(queues)], scoreOf(pair[1])})
		}
	}
	slices.SortFunc(out, func(x, y Due) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.User, y.User)) })
	return out[:min(len(out), limit)], nil
}

// A Known is what is kept of a recipient: the mailbox, which is blank but for the name if they are bound to nobody, and
// the timeline.
type Known struct {
	notify.Mailbox
	Steps []notify.Step // see Timeline
}

// ReadRecipients returns what is kept of users, in one trip. An error is that of the way there, or names what cannot be read.
func ReadRecipients(ctx context.Context, s *Store, users []fact.UserID) ([]Known, error) {
	var evals []eval
	var mailboxes []command
	for _, user := range users {
		evals, mailboxes = append(evals, s.lookAtTimeline(user)), append(mailboxes, s.readMailbox(user))
	}
	found, err := s.evalsOrError(ctx, evals, mailboxes...)
	if err != nil {
		return nil, err
	}
	out, errs := make([]Known, len(users)), make([]error, len(users))
	for i, user := range users {
		var err error
		out[i].Steps, err = timelineIn(found[i])
		out[i].Mailbox, errs[i] = mailboxIn(user, found[len(users)+i])
		errs[i] = cmp.Or(err, errs[i])
	}
	return out, eachOnce(errs)
}

// ReadLetter returns a dead letter of user, nil if there is none, and what is kept of them, in one trip.
func ReadLetter(ctx context.Context, s *Store, user fact.UserID, id string) (*notify.DeadLetter, notify.Mailbox, error) {
	k := s.keysOf(string(user))
	found, err := s.all(ctx, do("HGET", k.letters(user), id), s.readMailbox(user))
	if err != nil {
		return nil, notify.Mailbox{}, err
	}
	b, err := mailboxIn(user, found[1])
	if found[0] == nil || err != nil {
		return nil, b, err
	}
	l, err := decodeLetter(user, id, text(found[0]))
	if err != nil {
		return nil, b, unreadableAt(err, k.letters(user), id)
	}
	return &l.DeadLetter, b, nil
}

// ReadSubscriber returns what is kept of an openid, its cards too, in one trip. That of one never heard of is blank.
func ReadSubscriber(ctx context.Context, s *Store, openID fact.OpenID) (permit.Subscriber, error) {
	k := s.keysOf(string(openID))
	found, err := s.all(ctx, do("HGET", k.subscriber(openID), "d"), do("HGETALL", k.cards(openID)))
	if err != nil {
		return permit.Subscriber{}, err
	}
	sub, err := decodeSubscriber(k.subscriber(openID), found[0])
	sub.Cards = permit.NewCards(decodeCards(k.cards(openID), pairs(found[1])))
	return sub, err
}
