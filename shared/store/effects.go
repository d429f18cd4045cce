package store

import (
	"maps"
	"slices"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// marksFor is how long a mark of a day is kept, and what goes with marks: an event may come again
// within a day, by clocks that differ by hours.
const marksFor = 2 * dayLong

// writes returns what a visit has changed, in the order that change asks for.
func (v visiting) writes(c *change, b *notify.Mailbox, counted map[fact.Metric]int, next string) []command {
	if b.Deleted {
		return append(v.countsChange(b, counted), v.deletion(c.record)...)
	}
	var out []command
	if !slices.Contains(v.bad, fieldMessages) {
		out = append(out, dueChange(v.queue(), v.user, v.before.Messages, b.Messages)...)
	}
	if !slices.Contains(v.bad, fieldCalls) {
		out = append(out, dueChange(v.callsQueue(), v.user, v.before.Calls, b.Calls)...)
	}
	letters, changed := v.lettersChange(b)
	out = append(out, changed...)
	for _, id := range b.Indexed {
		out = append(out, do("ZADD", v.index(v.quarter), 0, indexMember(id.ID(), v.user)))
	}
	if len(b.Indexed) > 0 {
		out = append(out, keep(v.index(v.quarter), marksFor)) // from its first message on: it ends before the marks
	}
	out = append(out, v.readChange(b)...)
	out = append(out, v.logChange(b)...)
	open, told := v.timelineChange(b, next)
	out = append(out, told...)
	out = append(out, v.countsChange(b, counted)...)
	is := v.encoded(b, open, letters)
	fields := v.fieldsChange(c.record, is, b, next)
	c.leaves = []any{anys(is)}
	if len(out)+len(b.Marked)+len(fields) == 0 {
		return nil
	}
	switch {
	case len(fields) > 0:
		out = append(out, fields...)
	case v.exists():
		out = append(out, do("HSET", c.record, "v", next))
	case v.tellMark != "":
		c.apart = v.tellMark
	default:
		c.apart = v.once(next)
	}
	if v.tellMark != "" {
		out = append(out, do("HSET", v.tellMark, "v", next), do("PEXPIRE", v.tellMark, marksFor.Milliseconds()))
	}
	return append(out, v.marksChange(b)...)
}

// marksChange returns what makes messages known.
func (v visiting) marksChange(b *notify.Mailbox) []command {
	if len(b.Marked) == 0 {
		return nil
	}
	args := []any{}
	for id, m := range b.Marked {
		args = append(args, markOf(id), string(m))
	}
	key := v.marks(v.user, v.today)
	return []command{do("HSET", key, args...), do("PEXPIRE", key, marksFor.Milliseconds())}
}

// readsFor is for how long it is known up to when a conversation was read.
const readsFor = 25 * time.Hour

// readChange returns what changes the conversations that were read.
func (v visiting) readChange(b *notify.Mailbox) []command {
	key := v.reads(v.user)
	set, gone := []any{}, []any{}
	for peer, t := range b.Read {
		if was, known := v.before.Read[peer]; !known || !was.Equal(t) {
			set = append(set, peer, t.Unix())
		}
	}
	for peer := range v.before.Read {
		if _, left := b.Read[peer]; !left {
			gone = append(gone, peer)
		}
	}
	var out []command
	if len(set) > 0 {
		out = append(out, do("HSET", key, set...), do("PEXPIRE", key, readsFor.Milliseconds()))
	}
	if len(gone) > 0 {
		out = append(out, do("HDEL", key, gone...))
	}
	return out
}

// logChange returns what changes the calls of late.
func (v visiting) logChange(b *notify.Mailbox) []command {
	if !v.allCalls {
		return nil
	}
	log := ""
	if len(b.Log) > 0 {
		log = encoded(encodeLog(b.Log))
	}
	if log == v.log {
		return nil
	}
	return []command{do("SET", v.ringLog(v.user), log, "PX", dayLong.Milliseconds())}
}

// exists reports whether there was a mailbox when it was read.
func (v *visit) exists() bool {
	return slices.ContainsFunc(v.fields, func(f string) bool { return f != "" })
}

// countsChange counts what happened. A message that was counted as ended before, and ends otherwise now, is taken from the
// counts: metrics, which tell what happened, have it twice.
func (v visiting) countsChange(b *notify.Mailbox, counted map[fact.Metric]int) []command {
	again := map[fact.State]int{}
	maps.Copy(again, b.Ended)
	for m, n := range counted {
		if state, _, is := m.End(); is && state != fact.StateNotBound {
			again[state] -= n
		}
	}
	var out []command
	for state, n := range again {
		if n != 0 {
			out = append(out, do("HINCRBY", v.counts(), string(state), n))
		}
	}
	return append(out, v.metricWrites(counted, b.Now)...)
}

// encoded returns the fields of a mailbox as they are now, with those of the steps and the letters. One that cannot be read stays.
func (v *visit) encoded(b *notify.Mailbox, steps, letters string) []string {
	is := append(encodeMailbox(b), steps, letters)
	for i := range is {
		if slices.Contains(v.bad, mailboxFields[i]) {
			is[i] = v.fields[i]
		}
	}
	return is
}

// fieldsChange returns what changes the hash of a mailbox to what its fields are now.
func (v *visit) fieldsChange(record string, is []string, b *notify.Mailbox, next string) []command {
	set, gone, whole := []any{"v", next}, []any{}, []any{"v", next}
	left := false
	for i, f := range is {
		left = left || f != ""
		if f != "" {
			whole = append(whole, mailboxFields[i], f)
		}
		switch {
		case f == v.fields[i]:
		case f == "":
			gone = append(gone, mailboxFields[i])
		default:
			set = append(set, mailboxFields[i], f)
		}
	}
	switch {
	case len(set) == 2 && len(gone) == 0:
		return nil
	case !left:
		return []command{do("DEL", record)}
	}
	var out []command
	switch {
	case !b.Waits() && v.before.Waits() && len(v.bad) == 0:
		// Redis keeps a hash compact until it has had a long field: a new one takes a third.
		out = append(out, do("DEL", record), do("HSET", record, whole...))
	case len(gone) > 0:
		out = append(out, do("HSET", record, set...), do("HDEL", record, gone...))
	default:
		out = append(out, do("HSET", record, set...))
	}
	switch {
	case !b.Bound() && fieldIn(is, fieldLetters) != "":
		out = append(out, do("PEXPIRE", record, lettersFor.Milliseconds()))
	case !b.Bound(): // what is left goes with the cards that are on their way
		out = append(out, do("PEXPIRE", record, (2*dayLong).Milliseconds()))
	case !v.before.Bound():
		out = append(out, do("PERSIST", record))
	}
	return out
}

// dueChange returns what changes a queue. What is due when its lease would have ended is put there all the
// same: of that nobody has been told.
func dueChange(queue string, user fact.UserID, before, now notify.Waiting) []command {
	switch {
	case len(now.Notices) == 0 && before.Due.IsZero():
		return nil
	case len(now.Notices) == 0 || now.Due.IsZero():
		return []command{do("ZREM", queue, string(user))}
	case now.Due.Equal(before.Due) && (before.Lease == "" || now.Lease == before.Lease):
		return nil
	}
	return []command{enqueue(queue, now.Due, string(user))}
}

// lettersFor is how long a dead letter is kept.
const lettersFor = 30 * dayLong

// lettersChange returns what the record tells of dead letters, and what changes them.
func (v visiting) lettersChange(b *notify.Mailbox) (field string, out []command) {
	if !v.allLetters {
		return v.field(fieldLetters), nil
	}
	left := map[string]bool{}
	for _, l := range b.Letters {
		left[l.ID] = true
	}
	for _, l := range b.Changed {
		if left[l.ID] = len(l.Notices) > 0; left[l.ID] {
			out = append(out, do("HSET", v.letters(v.user), l.ID, encoded(encodeLetter(l))), do("PEXPIRE", v.letters(v.user), lettersFor.Milliseconds()))
		} else {
			delete(left, l.ID)
			out = append(out, do("HDEL", v.letters(v.user), l.ID))
		}
	}
	if len(left) > 0 {
		field = "1"
	}
	switch {
	case len(out) == 0:
	case len(left) == 0:
		out = append(out, do("ZREM", v.dead(), string(v.user)))
	default:
		out = append(out, do("ZADD", v.dead(), b.Now.UnixMilli(), string(v.user)),
			do("ZREMRANGEBYSCORE", v.dead(), "-inf", b.Now.Add(-lettersFor).UnixMilli()))
	}
	return field, out
}
