package store

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"wxnotify/shared/stopwatch"
)

var (
	scriptLook   = script("look")
	scriptCommit = script("commit")
)

// enqueue puts a member into a queue, or has it due at another time.
func enqueue(queue string, at time.Time, member string) command {
	return command{name: "ZADD", key: queue, args: []any{at.UnixMilli(), member}, due: at}
}

// A change is what happens to one record: it is read, a pure function decides, and what that wants
// written is, in one step, if the record is still the one that was read. Otherwise it is read and
// decided again. All its keys are in one slot.
//
// The record is a hash. One field of it holds its version: a word that is new whenever the record
// or anything that belongs to it is written.
type change struct {
	record string // its key
	// fields are those of the record; guards are other hashes with a version that must be the same
	// still; reads is what else decide needs. A reply is as Redis gives it: nil for what is not there;
	// first that to the fields, then those of the guards.
	fields []string
	guards []guard
	reads  []command
	// decide returns the writes, given the server's time and the replies to reads. They set the
	// version to next, or delete the record. None: there is nothing to write. It may be called
	// several times, and again when all was written and the answer lost. An error ends the change.
	//
	// Redis does not take back the first writes of a list of which a later one fails. So first come
	// those that may be repeated, then those that add, then the record, then the marks by which an
	// event is known; and those that may find a key of another type before all that add.
	decide func(now time.Time, replies []any, next string) ([]command, error)
	// apart is set by decide if the writes concern no record. Then they are made once by the
	// version in this hash, which nothing else uses.
	apart string
	// goesOn: this process is about to change the record again, and then decides first by what it has
	// written. decide sets leaves for that: what a look at the record, and at what belongs to it, would
	// find; nil: it is to look.
	goesOn bool
	leaves []any

	tries int   // in which somebody else was faster
	err   error // why it was not made; set by commit
}

// A guard is a hash with a version, and what decide needs of its fields.
type guard struct {
	key    string
	fields []string
	// ifAbsent: it guards the record only while there is none. One that there is has another version
	// after whatever this is to guard against.
	ifAbsent bool
}

const (
	// mostTries is how often a change is decided before it gives way to others of its record.
	mostTries = 50
	// atOnce is how many changes go in one trip.
	atOnce = 200
)

var (
	// errLookOn is of a decision for which more is to be read, which it has added to the reads.
	errLookOn = errors.New("store: there is more to read")
	// errLookAgain is of a look while which the record was written.
	errLookAgain = errors.New("store: the record was written meanwhile")
)

var errContended = errors.New("store: too many write to one record at once; try again")

// A batch is changes that are made together.
type batch struct {
	changes []*change
	// wakes reports, after a decision, whether a run of deliver is to look at what it makes due soon;
	// woken is true if the caller has to start one. Nil: nothing is made due.
	wakes func() bool
	woken bool
	also  []command // go with the trips that write
	heard []reply   // to these, in the last trip
	soon  dues      // to note beside those of the changes

	word  string // by which the watch knows this batch
	asked bool   // the watch was
}

// commit makes changes, in one trip that reads and one that writes, and again those whose record
// somebody else has written meanwhile. Changes of one record take effect in their order. Each change
// has its own error; commit returns all of them, each cause once.
func (s *Store) commit(ctx context.Context, changes []*change) error {
	return s.commitBatch(ctx, &batch{changes: changes})
}

func (s *Store) commitBatch(ctx context.Context, b *batch) error {
	b.word = crand.Text()[:10]
	for pending := b.changes; len(pending) > 0; {
		first, later := firsts(pending)
		again, err := s.try(ctx, b, first)
		if err == nil && len(again) > 0 && !stopwatch.Sleep(ctx, again[0].backoff()) {
			err = fmt.Errorf("store: %w", ctx.Err())
		}
		pending = append(again, later...)
		if err != nil {
			for _, c := range pending {
				c.err = err
			}
			break
		}
	}
	errs := make([]error, len(b.changes))
	for i, c := range b.changes {
		errs[i] = c.err
	}
	err := eachOnce(errs)
	if b.wakes != nil && b.wakes() && !b.asked || len(b.soon) > 0 { // what is due was made so before
		_, err2 := s.write(ctx, b, nil)
		err = errors.Join(err, err2)
	}
	return err
}

// firsts parts changes into the first of each record, atOnce at most, and the others.
func firsts(changes []*change) (first, later []*change) {
	seen := make(map[string]bool, len(changes))
	for _, c := range changes {
		if seen[c.record] || len(first) == atOnce {
			later = append(later, c)
		} else {
			first = append(first, c)
		}
		seen[c.record] = true
	}
	return first, later
}

// givesUp reports whether a change that somebody else was faster than was tried too often.
func (c *change) givesUp() bool {
	if c.tries++; c.tries == mostTries {
		c.err = errContended
	}
	return c.err != nil
}

// backoff returns for how long to wait before the next try: not at all at first.
func (c *change) backoff() time.Duration {
	return time.Duration(rand.Int64N(int64(c.tries))) * time.Millisecond
}

// commitOne is commit for a single change.
func (s *Store) commitOne(ctx context.Context, c *change) error { return s.commit(ctx, []*change{c}) }

// try makes each of changes, and returns those of which somebody else has written the record
// meanwhile. An error is that of the way there: then all are returned.
func (s *Store) try(ctx context.Context, b *batch, changes []*change) ([]*change, error) {
	decided, err := s.decide(ctx, changes)
	switch {
	case err != nil:
		return changes, err
	case len(decided) == 0:
		return nil, nil
	}
	return s.write(ctx, b, decided)
}

// A decision is a change at one try.
type decision struct {
	*change
	at       time.Time
	since    stopwatch.Watch // at
	versions []string        // that were read: of the record, then of the guards
	next     string
	writes   []command
}

// decide reads and decides all of changes, and returns what they want, in their order.
func (s *Store) decide(ctx context.Context, changes []*change) ([]decision, error) {
	decided := make([]*decision, len(changes))
	var looking []int
	for i, c := range changes {
		if found, ok := s.lookRecent(c); ok {
			if d, err := c.decideBy(found); err == nil && d != nil { // what writes nothing is not compared
				decided[i] = d
				continue
			}
		}
		looking = append(looking, i)
	}
	for len(looking) > 0 {
		var some []*change
		for _, i := range looking {
			some = append(some, changes[i])
		}
		replies, err := s.lookAt(ctx, some)
		if err != nil {
			return nil, err
		}
		var more []int
		for k, i := range looking {
			c := changes[i]
			switch decided[i], c.err = c.decideBy(replies[k]); {
			case errors.Is(c.err, errLookOn):
				more = append(more, i)
			case errors.Is(c.err, errLookAgain):
				if c.err = nil; !c.givesUp() {
					more = append(more, i)
				}
			}
		}
		looking = more
	}
	var out []decision
	for _, d := range decided {
		if d != nil {
			out = append(out, *d)
		}
	}
	return out, nil
}

// lookAt reads what changes depend on, in one trip, and the time first. A reply is as decideBy takes it.
func (s *Store) lookAt(ctx context.Context, changes []*change) ([]reply, error) {
	looks := make([][]command, len(changes))
	for i, c := range changes {
		looks[i] = c.looks()
	}
	clock := evalOf(scriptLook, []string{changes[0].record}, []any{s.clock()}, nil)
	replies, err := s.evalAll(ctx, []eval{clock}, slices.Concat(looks...)...)
	if err == nil {
		err = failures(replies[:1])
	}
	if err != nil {
		return nil, err
	}
	told, _ := replies[0].value.([]any)
	if len(told) != 1 {
		return nil, errReply
	}
	out, replies := make([]reply, len(changes)), replies[1:]
	for i, c := range changes {
		n := len(looks[i])
		out[i] = c.seen(told[0], replies[:n])
		replies = replies[n:]
	}
	return out, nil
}

// looks returns what reads all that c depends on: the record, the guards, and what else it reads. Others may write in between. So if
// there is more than the record, its version is read again at the end.
func (c *change) looks() []command {
	all := []command{versioned(c.record, c.fields)}
	for _, g := range c.guards {
		all = append(all, versioned(g.key, g.fields))
	}
	all = append(all, c.reads...)
	if len(all) > 1 {
		all = append(all, versioned(c.record, nil))
	}
	return all
}

// versioned reads the version of a hash, and fields.
func versioned(key string, fields []string) command {
	return do("HMGET", key, append([]any{"v"}, anys(fields)...)...)
}

// seen returns the replies to looks as one, with the time before them.
func (c *change) seen(now any, replies []reply) reply {
	for _, r := range replies {
		if r.err != nil {
			return r
		}
	}
	all := values(replies)
	if n := len(all) - 1; n > 0 {
		first, _ := all[0].([]any)
		last, _ := all[n].([]any)
		if len(first) == 0 || len(last) == 0 || text(first[0]) != text(last[0]) {
			return reply{of: replies[0].of, err: errLookAgain}
		}
		all = all[:n]
	}
	return reply{of: replies[0].of, value: append([]any{now}, all...)}
}

// decideBy returns what a change wants by what was read; nil if nothing.
func (c *change) decideBy(r reply) (*decision, error) {
	if errors.Is(r.err, errLookAgain) {
		return nil, r.err
	}
	if err := failures([]reply{r}); err != nil {
		return nil, err
	}
	list, _ := r.value.([]any)
	if len(list) != 2+len(c.guards)+len(c.reads) {
		return nil, errReply
	}
	d := decision{change: c, at: millis(text(list[0])), since: stopwatch.Start(), next: crand.Text()[:10]}
	replies := slices.Clone(list[1:])
	for i := range 1 + len(c.guards) {
		hash, _ := replies[i].([]any)
		if len(hash) == 0 {
			return nil, errReply
		}
		d.versions, replies[i] = append(d.versions, text(hash[0])), hash[1:]
	}
	c.apart, c.leaves = "", nil
	var err error
	d.writes, err = c.decide(d.at, replies, d.next)
	if err != nil || len(d.writes) == 0 {
		return nil, err
	}
	return &d, nil
}

// apartFor is for how long a change that concerns no record is known.
const apartFor = 15 * time.Second

// eval returns the run of commit that writes what was decided.
func (d decision) eval() eval {
	keys, versions := []string{d.record}, d.versions[:1:1]
	for i, g := range d.guards {
		if !g.ifAbsent || versions[0] == "" {
			keys, versions = append(keys, g.key), append(versions, d.versions[1+i])
		}
	}
	writes := d.writes
	if d.apart != "" {
		keys, versions = []string{d.apart}, []string{""}
		writes = append([]command{do("HSET", d.apart, "v", d.next), do("PEXPIRE", d.apart, apartFor.Milliseconds())}, writes...)
	}
	args := []any{d.next, len(versions)}
	for _, v := range versions {
		args = append(args, v)
	}
	return evalOf(scriptCommit, keys, args, writes)
}

// write writes what was decided, and returns the changes of which somebody else has written the
// record meanwhile. An error is that of the way there: then all are returned. In the same trip, and
// behind that, it is noted in which shards something is due now, and the watch asked whether a run is
// to be woken.
func (s *Store) write(ctx context.Context, b *batch, decided []decision) (again []*change, err error) {
	evals, all := make([]eval, len(decided), len(decided)+1), make([]*change, len(decided))
	for i, d := range decided {
		d.writes = s.lives.without(d.writes)
		evals[i], all[i] = d.eval(), d.change
	}
	due, now := dues{}, s.clock()
	maps.Copy(due, b.soon)
	for _, d := range decided {
		now = strconv.FormatInt(d.at.UnixMilli(), 10) // a moment ago
		for _, w := range d.writes {
			if !w.due.IsZero() {
				due.add(w.key, w.due)
			}
		}
	}
	if b.wakes != nil && b.wakes() {
		b.asked = true
		evals = append(evals, s.watch(now, b.word, "wake", due.args()...))
	} else if len(due) > 0 {
		evals = append(evals, s.watch(now, b.word, "note", due.args()...))
	}
	b.soon = nil
	replies, err := s.evalAll(ctx, evals, b.also...)
	if err != nil {
		return all, err
	}
	for i, r := range replies[:len(decided)] {
		if all[i].err = failures(replies[i : i+1]); all[i].err == nil && number(r.value) == 0 && !all[i].givesUp() {
			again = append(again, all[i])
		} else if all[i].err == nil && number(r.value) == 1 {
			s.remember(decided[i])
			s.lives.learn(decided[i].writes)
		}
	}
	asked := replies[len(decided):len(evals)]
	b.heard = replies[len(evals):]
	b.woken = b.woken || len(asked) > 0 && number(asked[0].value) == 1
	return again, failures(asked)
}

// clock returns the time for scripts: "" is the server's own.
func (s *Store) clock() string {
	if s.server == nil {
		return ""
	}
	return strconv.FormatInt(s.server().UnixMilli(), 10)
}
