package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/cmd/internal/cli"
	"wxnotify/shared/fact"
)

// A count is what Redis did: commands, those inside of scripts included, and scripts, with the
// time that it took. Nearly all that the store sends is scripts, and what it reads before them.
type count struct {
	Commands float64
	Scripts  float64
	Time     time.Duration // of the scripts and the reads
}

func (c count) per(n int) count {
	return count{c.Commands / float64(n), c.Scripts / float64(n), c.Time / time.Duration(n)}
}

// scripts are the commands that run one, and reads those that read what is decided by, of which no script has any.
var (
	scripts = []string{"eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro"}
	reads   = []string{"hmget", "hgetall", "zscore", "exists"}
)

// stats reads Redis's own count since its start.
func stats(ctx context.Context, db *redis.Client) (count, error) {
	info, err := db.Info(ctx, "commandstats").Result()
	if err != nil {
		return count{}, err
	}
	var c count
	for line := range strings.Lines(info) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":")
		var calls, us int64
		if n, _ := fmt.Sscanf(rest, "calls=%d,usec=%d", &calls, &us); !ok || n != 2 {
			continue
		}
		c.Commands += float64(calls)
		if slices.Contains(scripts, name) {
			c.Scripts += float64(calls)
		}
		if slices.Contains(scripts, name) || slices.Contains(reads, name) {
			c.Time += time.Duration(us) * time.Microsecond
		}
	}
	return c, nil
}

// counted returns what Redis does while f runs.
func (w *world) counted(ctx context.Context, f func() error) (count, error) {
	before, err := stats(ctx, w.db)
	if err != nil {
		return count{}, err
	}
	if err := f(); err != nil {
		return count{}, err
	}
	after, err := stats(ctx, w.db)
	const ours = 1 // INFO itself
	return count{after.Commands - before.Commands - ours, after.Scripts - before.Scripts, after.Time - before.Time}, err
}

// The callbacks that are counted.
const (
	toOffline = "message to an offline user"
	toOnline  = "message to an online user"
	leaving   = "a user leaves"
	reading   = "a user has read"
)

var callbacks = []string{toOffline, toOnline, leaving, reading}

// measureCallbacks counts for each kind of callback, one at a time, in the mean.
func measureCallbacks(ctx context.Context, build string, s size, log *cli.Progress) (seen map[string]count, err error) {
	w, err := newWorld(ctx, build)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.populate(ctx, 2*s.callbacks); err != nil {
		return nil, err
	}
	i, err := w.instance(ctx, "imcallback")
	if err != nil {
		return nil, err
	}
	defer i.end()
	away, there := w.people[:s.callbacks], w.people[s.callbacks:]
	if err := w.arrive(ctx, there); err != nil {
		return nil, err
	}
	if _, err := w.tell(ctx, i, away[:1], w.message); err != nil { // makes the connection
		return nil, err
	}
	seen = map[string]count{}
	for _, k := range []struct {
		name   string
		people []person
		event  func(person, int) ([]byte, error)
	}{
		{toOffline, away[1:], w.message}, {toOnline, there, w.message}, {reading, away[1:], w.read}, {leaving, there, w.leave},
	} {
		log.Print("Redis: %s, %d times", k.name, len(k.people))
		c, err := w.tell(ctx, i, k.people, k.event)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		seen[k.name] = c
	}
	return seen, nil
}

// arrive has people sign in.
func (w *world) arrive(ctx context.Context, people []person) error {
	var facts []fact.Fact
	for _, p := range people {
		facts = append(facts, fact.Fact{Presence: &fact.Presence{User: p.user, Online: true, At: w.now().Add(-time.Second)}})
	}
	_, err := w.store.Record(ctx, w.rules, facts)
	return err
}

// read is p reading what was written to them last.
func (w *world) read(p person, n int) ([]byte, error) {
	return w.trigger(n, "im.read", "user="+string(p.user), "peer="+writer(n))
}

func (w *world) leave(p person, n int) ([]byte, error) {
	return w.trigger(n, "im.state", "user="+string(p.user), "action=Disconnect")
}

// tell has an instance hear of one event for each of people, one after the other, and returns
// what Redis does for one: the mean of a few, of which that with the median time is taken,
// because others use the machine too.
func (w *world) tell(ctx context.Context, i *instance, people []person, event func(person, int) ([]byte, error)) (count, error) {
	const part = 10
	var events [][]byte
	for n, p := range people {
		e, err := event(p, n)
		if err != nil {
			return count{}, err
		}
		events = append(events, e)
	}
	var means []count
	for some := range slices.Chunk(events, part) {
		c, err := w.counted(ctx, func() error { return shared([]*instance{i}, "imcallback", some) })
		if err != nil {
			return count{}, err
		}
		means = append(means, c.per(len(some)))
	}
	return middle(means, func(c count) float64 { return c.Time.Seconds() }), nil
}

// middle returns the count with the median of a figure.
func middle(counts []count, figure func(count) float64) count {
	sorted := slices.SortedFunc(slices.Values(counts), func(a, b count) int { return cmp.Compare(figure(a), figure(b)) })
	return sorted[len(sorted)/2]
}

// A cardCount is what Redis did for cards.
type cardCount struct {
	Card count // from the callback to the settled card, when many are due
	Wake count // of one run that was woken for one card; of several, that with the median of commands
}

func measureCards(ctx context.Context, build string, s size, log *cli.Progress) (seen cardCount, err error) {
	w, err := newWorld(ctx, build)
	if err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.populate(ctx, 1+s.cards+s.wakes); err != nil {
		return seen, err
	}
	c := &cardTest{world: w}
	defer c.end()
	if err := c.start(ctx); err != nil {
		return seen, err
	}
	if _, err := c.cards(ctx, 1); err != nil { // connections, the access token, the writer's name
		return seen, err
	}
	log.Print("Redis: %d cards", s.cards)
	seen.Card, err = w.counted(ctx, func() error { _, err := c.cards(ctx, s.cards); return err })
	if err != nil {
		return seen, err
	}
	seen.Card = seen.Card.per(s.cards)
	var wakes []count
	for range s.wakes {
		log.Print("Redis: a run for one card")
		run, err := c.cards(ctx, 1)
		if err != nil {
			return seen, err
		}
		wakes = append(wakes, run)
	}
	seen.Wake = middle(wakes, func(c count) float64 { return c.Commands })
	return seen, nil
}

// A cardTest has messages come in, and then one run of deliver send the cards.
type cardTest struct {
	*world
	receiver, deliver *instance
	next              int // of people
}

func (c *cardTest) start(ctx context.Context) (err error) {
	if c.receiver, err = c.instance(ctx, "imcallback"); err != nil {
		return err
	}
	c.deliver, err = c.instance(ctx, "deliver")
	return err
}

func (c *cardTest) end() {
	for _, i := range []*instance{c.receiver, c.deliver} {
		if i != nil {
			i.end()
		}
	}
}

// cards has n people written to, who were not yet, and returns what Redis did for the run of
// deliver that follows.
func (c *cardTest) cards(ctx context.Context, n int) (run count, err error) {
	people := c.people[c.next : c.next+n]
	c.next += n
	if _, err := c.tell(ctx, c.receiver, people, c.message); err != nil {
		return run, err
	}
	run, err = c.counted(ctx, func() error {
		return c.deliver.accept("deliver", []byte("{}"))
	})
	if sent := len(c.world.cards(people)); err == nil && sent != n {
		err = fmt.Errorf("%d cards for %d people", sent, n)
	}
	return run, err
}
