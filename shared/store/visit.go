package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

const dayLong = 24 * time.Hour

// A visit is what happens to one recipient, and what is looked at beside the mailbox.
type visit struct {
	user    fact.UserID
	happens []func(*notify.Mailbox)
	about   []fact.Identity // messages that may have come before
	sent    time.Time       // when the first of them was; zero: unknown
	senders []fact.UserID   // who may have been erased
	peers   []string        // conversations that may have been read, hashed
	// What is looked at as a whole: conversations that were read, calls of late, dead letters.
	allRead, allCalls, allLetters bool
	// lettersToo: dead letters are looked at if there are any, which the record tells.
	lettersToo bool
	// scores: when the queues have it due, which a claim has changed.
	scores bool
	// anyway: what cannot be read keeps nothing from happening, and stays as it is.
	anyway bool
	// goesOn: see change.
	goesOn bool

	tellMark string // key of the mark that says that this has happened; empty: none is needed

	wake     time.Time // when something falls due because of it
	ended    []notify.Ended
	happened bool // before, by the tellMark
	// What was read.
	before notify.Mailbox
	fields []string // of the hash
	bad    []string // those that cannot be read
	log    string
}

// visitTo returns a visit at which one thing happens.
func visitTo(user fact.UserID, happens func(*notify.Mailbox)) *visit {
	return &visit{user: user, happens: []func(*notify.Mailbox){happens}}
}

// A visiting is a visit on its way: the keys, and what was read of them.
type visiting struct {
	*visit
	keys
	today, quarter int64 // of the caller's clock
	// days may have marks of a message that comes again within a day, by clocks that differ by hours.
	days []int64
}

// visit makes visits. Of several to one recipient each sees what those before it have done.
func (s *Store) visit(ctx context.Context, visits ...*visit) error {
	return s.commit(ctx, s.visitChanges(visits))
}

// visitEach makes visits, and returns what came of each: the zero T of one that was not made.
func visitEach[T any](ctx context.Context, s *Store, visits []*visit, came []T) ([]T, error) {
	changes := s.visitChanges(visits)
	err := s.commit(ctx, changes)
	for i, c := range changes {
		if c.err != nil {
			clear(came[i : i+1])
		}
	}
	return came, err
}

func (s *Store) visitChanges(visits []*visit) []*change {
	changes := make([]*change, len(visits))
	for i, v := range visits {
		now := s.now()
		changes[i] = visiting{v, s.keysOf(string(v.user)), day(now), quarter(now), daysAround(now, v.sent)}.change()
	}
	return changes
}

// clocksDiffer is by how much the clocks of instances may.
const clocksDiffer = 6 * time.Hour

// daysAround returns the days in which something that was sent at a time may have been marked within a
// day before t, or after it by another clock.
func daysAround(t, sent time.Time) []int64 {
	days := []int64{day(t)}
	if before := days[0] - 1; day(sent.Add(-clocksDiffer)) <= before {
		days = append(days, before)
	}
	if next := day(t.Add(clocksDiffer)); next != days[0] {
		days = append(days, next)
	}
	return days
}

// isAbout has a visit be about a message that was sent at a time; zero: nobody knows when.
func (v *visit) isAbout(id fact.Identity, sent time.Time) {
	if len(v.about) == 0 || sent.Before(v.sent) {
		v.sent = sent
	}
	v.about = append(v.about, id)
}

// change returns how a visit is made.
func (v visiting) change() *change {
	c := &change{record: v.recipient(v.user), fields: mailboxFields, goesOn: v.goesOn}
	var loads []func(*notify.Mailbox, any) error
	load := func(read command, into func(*notify.Mailbox, any) error) {
		c.reads, loads = append(c.reads, read), append(loads, into)
	}
	if v.scores {
		load(do("ZSCORE", v.queue(), string(v.user)), func(b *notify.Mailbox, r any) error { b.Messages.Due = scoreOf(r); return nil })
		load(do("ZSCORE", v.callsQueue(), string(v.user)), func(b *notify.Mailbox, r any) error { b.Calls.Due = scoreOf(r); return nil })
	}
	if v.allCalls {
		load(do("GET", v.ringLog(v.user)), v.loadLog)
	}
	if v.allRead {
		load(do("HGETALL", v.reads(v.user)), v.loadReads)
	} else if len(v.peers) > 0 {
		load(do("HMGET", v.reads(v.user), anys(v.peers)...), v.loadPeers)
	}
	if len(v.senders) > 0 {
		c.guards = []guard{{key: v.erasedUsers(), fields: hashesOf(v.senders)}}
	}
	loadAllLetters := func() { load(do("HGETALL", v.letters(v.user)), v.loadLetters) }
	if v.allLetters {
		loadAllLetters()
	}
	if len(v.about) > 0 {
		marks := anys(marksOfAll(v.about))
		for _, d := range v.days {
			load(do("HMGET", v.marks(v.user, d), marks...), v.loadMarks)
		}
	}
	if v.tellMark != "" {
		load(do("EXISTS", v.tellMark), func(_ *notify.Mailbox, r any) error { v.happened = number(r) == 1; return nil })
	}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		b := &notify.Mailbox{User: v.user, Now: now}
		if err := v.loadMailbox(b, replies[0]); err != nil {
			return nil, err
		}
		if v.lettersToo && !v.allLetters && v.field(fieldLetters) != "" {
			v.allLetters = true
			loadAllLetters()
			return nil, errLookOn
		}
		rest := replies[1:]
		if len(c.guards) > 0 {
			b.Forgotten, rest = forgottenIn(v.senders, rest[0], now), rest[1:]
		}
		for i, into := range loads {
			if err := into(b, rest[i]); err != nil {
				return nil, err
			}
		}
		if v.happened {
			return nil, nil
		}
		v.before = *b
		v.before.Read = maps.Clone(b.Read)
		for _, happens := range v.happens {
			happens(b)
		}
		counted := b.Metrics()
		v.wake, v.ended = b.Wake, notify.EndsIn(counted)
		return v.writes(c, b, counted, next), nil
	}
	return c
}

// field returns a field of the hash as it was read.
func (v *visit) field(name string) string { return fieldIn(v.fields, name) }

// fieldIn returns a field out of all, in the order of mailboxFields.
func fieldIn(fields []string, name string) string { return fields[slices.Index(mailboxFields, name)] }

func unreadableAt(err error, at ...string) error {
	return fmt.Errorf("store: %w: %s: %w", notify.ErrUnreadable, strings.Join(at, " "), err)
}

func (v visiting) loadMailbox(b *notify.Mailbox, reply any) error {
	v.fields = texts(reply)
	var err error
	if v.bad, err = decodeMailbox(b, v.fields); err != nil && !v.anyway {
		return unreadableAt(err, v.recipient(v.user), v.bad[0])
	}
	return nil
}

func (v visiting) loadLog(b *notify.Mailbox, reply any) error {
	if v.log = text(reply); v.log == "" {
		return nil
	}
	if err := decodeLog(b, v.log); err != nil {
		return unreadableAt(err, v.ringLog(v.user))
	}
	return nil
}

func (v visiting) loadReads(b *notify.Mailbox, reply any) error {
	b.Read = map[string]time.Time{}
	list := texts(reply)
	for i := 0; i+1 < len(list); i += 2 {
		readInto(b.Read, list[i], list[i+1])
	}
	return nil
}

func (v visiting) loadPeers(b *notify.Mailbox, reply any) error {
	b.Read = map[string]time.Time{}
	for i, s := range texts(reply) {
		readInto(b.Read, v.peers[i], s)
	}
	return nil
}

// readInto reads up to when a conversation was read. What is no number is none.
func readInto(read map[string]time.Time, peer, upTo string) {
	if s, err := strconv.ParseInt(upTo, 10, 64); err == nil {
		read[peer] = time.Unix(s, 0).UTC()
	}
}

// loadMarks reads the marks of one day. A message may be taken back in one and have come in
// another: it came after its recall.
func (v visiting) loadMarks(b *notify.Mailbox, reply any) error {
	if b.Marks == nil {
		b.Marks = map[fact.Identity]notify.Mark{}
	}
	for i, m := range texts(reply) {
		if was := b.Marks[v.about[i]]; m != "" && (was == notify.MarkNone || was == notify.MarkRecalled) {
			b.Marks[v.about[i]] = notify.Mark(m)
		}
	}
	return nil
}

// forgottenIn reads until when users are not to be named.
func forgottenIn(users []fact.UserID, reply any, now time.Time) func(fact.UserID) bool {
	gone := map[fact.UserID]bool{}
	for i, s := range texts(reply) {
		if millis(s).After(now) {
			gone[users[i]] = true
		}
	}
	return func(u fact.UserID) bool { return gone[u] }
}

func (v visiting) loadLetters(b *notify.Mailbox, reply any) error {
	list, key := texts(reply), v.letters(v.user)
	for i := 0; i+1 < len(list); i += 2 {
		l, err := decodeLetter(v.user, list[i], list[i+1])
		if err != nil {
			return unreadableAt(err, key, list[i])
		}
		b.Letters = append(b.Letters, l)
	}
	return nil
}

// anys returns texts as arguments of a command.
func anys[S ~string](list []S) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

func hashesOf(users []fact.UserID) []string {
	out := make([]string, len(users))
	for i, u := range users {
		out[i] = fact.HashOf(string(u))
	}
	return out
}

func marksOfAll(ids []fact.Identity) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = markOf(id)
	}
	return out
}
