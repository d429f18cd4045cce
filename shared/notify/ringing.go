package notify

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// A LoggedCall is a call of late, as its recipient heard of it.
type LoggedCall struct {
	Source fact.CallSource
	Caller string // hash of their user id; empty: not told
	Group  fact.GroupID
	At     time.Time
	Rung   bool // we heard it ring; else only that it ended
	// Ended is how it ended; an empty State: it rings. Unanswered: it may be told as missed.
	Ended NoticeEnd
	// Twin: it has two names. Same is its other name, which has all this.
	Twin bool
	Same fact.Identity
}

const (
	// sameCall is how far apart two sources may tell of the beginning of one call.
	sameCall = 10 * time.Second
	// callsKept is how many calls are remembered; the oldest are forgotten.
	callsKept = 20
	// callsPerMinute is how often one caller can ring at one recipient.
	callsPerMinute = 10
)

// Rings records that a call rings. Two sources may tell of one call under two names: an invitation by
// the same caller, from the other source, within sameCall of the first, is the same call; if one of
// them does not say who calls, by the same group. It has one notice, and ends when either says so.
// A caller who rings too often is only counted.
func (b *Mailbox) Rings(rules Rules, r fact.Ring) {
	if !b.Bound() {
		b.NotBound++
		return
	}
	id := r.Identity()
	known, told := b.Log[id]
	if told && (known.Rung || known.Same != "") || !told && b.Marks[id] != MarkNone {
		b.wakeAgain(&b.Calls)
		return
	}
	at := r.At.Truncate(time.Millisecond)
	if at.Unix() <= 0 || at.After(b.Now) { // IM signs no body
		at = b.Now
	}
	call := LoggedCall{Source: r.Source, Caller: fact.HashOf(string(r.Caller)), Group: r.Group, At: at, Rung: true, Ended: known.Ended}
	if twin, found := b.twinOf(call); found {
		b.pair(rules, twin, id, known)
		return
	}
	if b.ringsTooOften(id, call) {
		b.mark(id, MarkNoted)
		b.count(fact.StateNotCounted, 1)
		return
	}
	n := WaitingNotice{Notice: card.Notice{ID: id, Kind: fact.KindCall, From: r.Caller, Group: r.Group, SentAt: at.Truncate(time.Second),
		WindowEnd: at.Add(r.For), Expires: at.Add(r.For)}}
	b.hide(&n)
	b.ringsFirst(rules, call.Ended, n)
	b.logCall(id, call)
	b.Indexed = append(b.Indexed, id)
	b.mark(id, MarkNoted)
}

// ringsFirst says what becomes of a call that was not heard of under another name.
func (b *Mailbox) ringsFirst(rules Rules, ended NoticeEnd, n WaitingNotice) {
	muted := b.Prefers.mutes(&n)
	over := ended.State != "" || !n.Expires.After(b.Now)
	switch {
	case muted != "":
		b.end(Step{State: fact.StateMuted, Reason: muted}, n.ID)
	case over && rules.MissedCalls && (ended.State == "" || ended.Unanswered):
		b.goesOnAsMissed(rules, n)
	case ended.State != "":
		b.end(Step{State: ended.State, Reason: ended.Reason}, n.ID)
	case over: // the ringing was over before we heard of it
		b.end(Step{State: fact.StateEnded, Reason: fact.ReasonTimedOut}, n.ID)
	case !b.Calls.hasRoom(&n):
		b.crowded(&b.Calls, n.ID)
	default:
		b.Calls.Notices = append(b.Calls.Notices, n)
		b.note(Step{Kind: StepAccepted, Messages: []fact.Identity{n.ID}})
		b.wake(b.Calls.schedule(b.Now, b.Now))
	}
}

// ringsTooOften reports whether the caller of a call has rung, or ended calls, too often within a minute of it.
func (b *Mailbox) ringsTooOften(id fact.Identity, call LoggedCall) bool {
	n := 0
	for other, c := range b.Log {
		if other != id && c.Same == "" && c.Caller == call.Caller && c.At.Sub(call.At).Abs() < time.Minute {
			n++
		}
	}
	return n >= callsPerMinute
}

// twinOf returns the name under which the other source told of a call, the nearest in time.
func (b *Mailbox) twinOf(call LoggedCall) (name fact.Identity, found bool) {
	var nearest time.Duration
	for id, other := range b.Log {
		apart := other.At.Sub(call.At).Abs()
		if other.Same != "" || other.Twin || !other.Rung || other.Source == call.Source || apart > sameCall || !other.sameParty(call) {
			continue
		}
		if !found || apart < nearest || apart == nearest && id < name {
			name, nearest, found = id, apart, true
		}
	}
	return name, found
}

func (c LoggedCall) sameParty(o LoggedCall) bool {
	if c.Caller == "" || o.Caller == "" {
		return c.Group != "" && c.Group == o.Group
	}
	return c.Caller == o.Caller
}

// pair makes id another name of a call, and ends that if it has ended under the new name.
func (b *Mailbox) pair(rules Rules, twin, id fact.Identity, known LoggedCall) {
	call := b.Log[twin]
	call.Twin = true
	b.logCall(twin, call)
	if known.Ended.State != "" {
		b.ringsNoMore(rules, twin, call, known.Ended)
	}
	b.logCall(id, LoggedCall{Same: twin, At: b.Now})
	b.mark(id, MarkNoted)
}

// RingEnded records that a call rings no longer. An end that overtakes its beginning is kept for it, unless
// its caller ends too many.
func (b *Mailbox) RingEnded(rules Rules, r fact.RingEnd) {
	if !b.Bound() {
		return
	}
	id := r.Identity()
	if same := b.Log[id].Same; same != "" {
		id = same
	}
	call, known := b.Log[id]
	if !known {
		call = LoggedCall{Source: r.Source, Caller: fact.HashOf(string(r.Caller)), At: b.Now}
	}
	state, reason := r.How.State()
	how := NoticeEnd{state, reason, r.How.Unanswered()}
	switch {
	case !known && b.Marks[id] != MarkNone: // it rang, and is not remembered
		b.endRinging(rules, id, how)
	case known || !b.ringsTooOften(id, call):
		b.ringsNoMore(rules, id, call, how)
	}
}

// ringsNoMore writes down how a call has ended.
func (b *Mailbox) ringsNoMore(rules Rules, id fact.Identity, call LoggedCall, how NoticeEnd) {
	if call.Ended.State != "" {
		return
	}
	call.Ended = how
	b.logCall(id, call)
	b.endRinging(rules, id, how)
}

// endRinging has what waits of a call end, or go on as missed. What was taken for missed, and was not
// unanswered, ends too.
func (b *Mailbox) endRinging(rules Rules, id fact.Identity, how NoticeEnd) {
	step := Step{State: how.State, Reason: how.Reason}
	if !how.Unanswered {
		b.endWaiting(&b.Messages, step, func(n *WaitingNotice) bool { return n.ID == id && n.Kind == fact.KindMissedCall })
		b.endLetters(step, func(n *WaitingNotice) bool { return n.ID == id })
	}
	this := func(n *WaitingNotice) bool { return n.ID == id }
	if !how.Unanswered || !rules.MissedCalls {
		b.endWaiting(&b.Calls, step, this)
		return
	}
	for _, n := range take(&b.Calls, this) {
		b.goesOnAsMissed(rules, n)
	}
	for i := range b.Calls.Notices {
		if n := &b.Calls.Notices[i]; this(n) && n.Ends == nil {
			n.Ends = &how
		}
	}
}

// take takes out of w what matches and travels on no card.
func take(w *Waiting, match func(*WaitingNotice) bool) (taken []WaitingNotice) {
	var rest []WaitingNotice
	for _, n := range w.Notices {
		if n.Card == "" && match(&n) {
			taken = append(taken, n)
		} else {
			rest = append(rest, n)
		}
	}
	w.keep(rest)
	return taken
}

// goesOnAsMissed has a call that went unanswered told as missed: it goes on among the messages.
func (b *Mailbox) goesOnAsMissed(rules Rules, n WaitingNotice) {
	n.Kind, n.Seq, n.Card, n.Ends = fact.KindMissedCall, 0, "", nil
	if !b.Messages.hasRoom(&n) {
		b.crowded(&b.Messages, n.ID)
		return
	}
	n.WindowEnd, n.Expires = b.Now.Add(rules.BlindWindow), n.SentAt.Add(rules.TTL)
	w := &b.Messages
	w.Blind = rules.BlindWindow
	w.Notices = append(w.Notices, n)
	due := w.schedule(b.Now, b.Now.Add(b.leadFor(rules)))
	b.note(Step{Kind: StepAccepted, Messages: []fact.Identity{n.ID}, Reason: fact.ReasonMissedCall})
	b.wake(due)
}

// logCall remembers a call.
func (b *Mailbox) logCall(id fact.Identity, c LoggedCall) {
	if b.Log == nil {
		b.Log = map[fact.Identity]LoggedCall{}
	}
	b.Log[id] = c
	for len(b.Log) > callsKept {
		oldest := id
		for other, c := range b.Log {
			if at := b.Log[oldest].At; c.At.Before(at) || c.At.Equal(at) && other < oldest {
				oldest = other
			}
		}
		delete(b.Log, oldest)
	}
}
