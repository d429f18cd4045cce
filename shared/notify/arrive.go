package notify

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// Message records a message or an announcement, and says what became of it: an empty state, it
// waits, or did before.
//
//	bound to nobody            not bound, only counted
//	IM did not deliver it      failed in IM, also when it waits
//	taken back before it came  recalled
//	of no kind that counts     not counted
//	its conversation was read  read
//	too old                    expired
//	muted by the recipient     muted
//	too many wait              not counted (crowded)
//	else                       waits
func (b *Mailbox) Message(rules Rules, m fact.Message) (fact.State, fact.Reason) {
	if !b.Bound() {
		b.NotBound++
		return fact.StateNotBound, fact.ReasonNone
	}
	m.SentAt = fact.Earlier(m.SentAt, b.Now.Add(timeAhead)).Truncate(time.Second)
	id := m.Identity()
	known := b.Marks[id]
	isNew := known == MarkNone || known == MarkRecalled
	if m.FailedCode != 0 {
		b.fails(id, isNew, known, m.FailedCode)
		return fact.StateFailedIM, fact.ReasonNone
	}
	if !isNew {
		b.wakeAgain(&b.Messages)
		return "", fact.ReasonNone
	}
	n := b.noticeOf(rules, m)
	state, reason := b.atOnce(known, m, &n)
	b.mark(id, MarkNoted)
	if reason == fact.ReasonCrowded {
		b.crowded(&b.Messages, id)
		return state, reason
	}
	b.Indexed = append(b.Indexed, id)
	if state != "" {
		b.end(Step{State: state, Reason: reason}, id)
		return state, reason
	}
	w := &b.Messages
	w.Blind = rules.BlindWindow
	w.Notices = append(w.Notices, n)
	b.note(Step{Kind: StepAccepted, Messages: []fact.Identity{id}})
	b.wake(w.schedule(b.Now, b.firstLook(rules, m)))
	return "", fact.ReasonNone
}

// fails withdraws a message that IM did not deliver.
func (b *Mailbox) fails(id fact.Identity, isNew bool, known Mark, code int) {
	step := Step{State: fact.StateFailedIM, Detail: strconv.Itoa(code)}
	this := func(n *WaitingNotice) bool { return n.ID == id }
	switch {
	case isNew:
		b.end(step, id)
		b.Indexed = append(b.Indexed, id)
	case known == MarkNoted:
		b.endWaiting(&b.Messages, step, this)
		b.endLetters(step, this)
	}
	b.mark(id, MarkFailed)
}

// atOnce returns the state in which a message ends as it comes; "" if it waits.
func (b *Mailbox) atOnce(known Mark, m fact.Message, n *WaitingNotice) (fact.State, fact.Reason) {
	read, isRead := b.Read[n.conversation()]
	muted := b.Prefers.mutes(n)
	switch {
	case known == MarkRecalled:
		return fact.StateRecalled, fact.ReasonNone
	case m.Uncounted != "":
		return fact.StateNotCounted, m.Uncounted
	case isRead && !read.Before(m.SentAt):
		return fact.StateRead, fact.ReasonReadReport
	case !n.Expires.After(b.Now):
		return fact.StateExpired, fact.ReasonNone
	case muted != "":
		return fact.StateMuted, muted
	case !b.Messages.hasRoom(n):
		return fact.StateNotCounted, fact.ReasonCrowded
	}
	return "", fact.ReasonNone
}

// noticeOf returns what is to be told of a message.
func (b *Mailbox) noticeOf(rules Rules, m fact.Message) WaitingNotice {
	lasts, kind := rules.TTL, m.Kind
	if m.Lasts > 0 {
		lasts = m.Lasts
	}
	if kind == "" {
		kind = fact.KindMessage
	}
	n := WaitingNotice{Notice: card.Notice{ID: m.Identity(), Kind: kind, From: m.From, Group: m.Group, SentAt: m.SentAt, Seq: m.Seq, Summary: m.Summary,
		WindowEnd: b.since(rules, m).Add(rules.BlindWindow), Expires: m.SentAt.Add(lasts), Announcement: m.Announcement}}
	b.hide(&n)
	return n
}

// hide keeps the name of a sender who was erased out of a notice.
func (b *Mailbox) hide(n *WaitingNotice) {
	if n.From != "" && b.Forgotten != nil && b.Forgotten(n.From) {
		n.unname()
	}
}

// since is from when the times of a message count. The members of a group are told page by page:
// what counts is when it was said, so that all fall due together and IM is asked about hundreds of
// them at a time.
func (b *Mailbox) since(rules Rules, m fact.Message) time.Time {
	if m.Group == "" {
		return b.Now
	}
	return fact.Later(fact.Earlier(b.Now, m.SentAt), b.Now.Add(-rules.Lead))
}

// firstLook returns when a run looks at a new message: an announcement at once, a message to
// somebody who was told in this absence at the next digest step, to somebody online when IM's word
// can be relied on, and else after the lead.
func (b *Mailbox) firstLook(rules Rules, m fact.Message) time.Time {
	if m.Announcement != nil {
		return b.Now
	}
	due := b.since(rules, m).Add(b.leadFor(rules))
	return fact.Later(due, rules.digestDue(b.Absence))
}

// leadFor is how long a new message waits, by where its recipient was last known to be.
func (b *Mailbox) leadFor(rules Rules) time.Duration {
	if b.Known == StatusOnline {
		return rules.BlindWindow
	}
	return rules.Lead
}

// HasRead records that the recipient has read a conversation, a user's or a group's: by a report,
// which holds for messages that come later too, or by an own reply, which does not, because what the
// peer writes in the second of the reply may be the answer to it.
func (b *Mailbox) HasRead(peer string, upTo time.Time, why fact.Reason) {
	if !b.Bound() {
		return
	}
	report, upTo := why == fact.ReasonReadReport, upTo.Truncate(time.Second)
	if report {
		upTo = fact.Earlier(upTo, b.Now.Truncate(time.Second).Add(timeAhead))
		if before, known := b.Read[fact.HashOf(peer)]; known && !upTo.After(before) {
			return
		}
		b.keepRead(fact.HashOf(peer), upTo)
	}
	hasRead := func(n *WaitingNotice) bool {
		if n.SentAt.After(upTo) || n.Announcement != nil {
			return false
		}
		if n.Group != "" {
			return fact.GroupPeer(n.Group) == peer
		}
		return n.isFrom(peer)
	}
	step := Step{State: fact.StateRead, Reason: why}
	if !report { // a report is still known when a dead letter is opened
		b.endLetters(step, hasRead)
	}
	b.endWaiting(&b.Messages, step, hasRead)
	b.seen()
}

const (
	// readsKept is how many conversations are remembered as read, and readsKeptFor how long each is if
	// there are more.
	readsKept    = 200
	readsKeptFor = 24 * time.Hour
)

// keepRead remembers up to when a conversation was read. Those read longest ago are forgotten;
// their messages were recorded long since.
func (b *Mailbox) keepRead(conversation string, upTo time.Time) {
	if b.Read == nil {
		b.Read = map[string]time.Time{}
	}
	b.Read[conversation] = upTo
	if len(b.Read) <= readsKept {
		return
	}
	byTime := slices.SortedFunc(maps.Keys(b.Read), func(x, y string) int {
		return cmp.Or(b.Read[x].Compare(b.Read[y]), cmp.Compare(x, y))
	})
	for _, c := range byTime {
		if len(b.Read) > readsKept || b.Read[c].Before(b.Now.Add(-readsKeptFor)) {
			delete(b.Read, c)
		}
	}
}

// Recalled records that a message was taken back. One that is still to come is marked.
func (b *Mailbox) Recalled(id fact.Identity) {
	if !b.Bound() {
		return
	}
	this := func(n *WaitingNotice) bool { return n.ID == id }
	step := Step{State: fact.StateRecalled}
	b.endWaiting(&b.Messages, step, this)
	b.endLetters(step, this)
	if b.Marks[id] == MarkNone {
		b.mark(id, MarkRecalled)
	}
}

// PresenceChanged records that IM reported the recipient as come or gone; the latest report by IM's
// clock wins.
//
//	came, no card begun   what waits goes back into the blind window, out of the hands of a run
//	                      that looked before; ringing calls are asked about in five seconds
//	came, a card begun    looked at after the blind window
//	gone                  due after the grace, or when a blind window ends before; calls at once
func (b *Mailbox) PresenceChanged(rules Rules, online bool, at time.Time) {
	at = fact.Earlier(at, b.Now.Add(timeAhead))
	if !b.Bound() || at.Unix() < 0 || !b.KnownAt.IsZero() && !at.After(b.KnownAt) {
		return
	}
	b.Known, b.KnownAt = StatusOffline, at
	if online {
		b.Known = StatusOnline
	}
	window := b.Now.Add(rules.BlindWindow)
	was := b.Waits()
	due := b.moved(&b.Messages, online, window, b.Messages.windowWithin(b.Now, b.Now.Add(rules.Grace)))
	ask := b.moved(&b.Calls, online, b.Now.Add(askAgain), b.Now)
	if online {
		for i := range b.Messages.Notices {
			n := &b.Messages.Notices[i]
			n.WindowEnd = fact.Later(n.WindowEnd, window)
		}
	}
	// Recipients who go were here, though IM may not have reported that they came: the absence in
	// which they were told is over. A late report, of a time before the last card, says nothing of it.
	if online || b.Absence != (Absence{}) && at.After(b.Absence.Last) {
		b.seen()
	}
	if !was {
		return
	}
	step := StepLeft
	if online {
		step = StepReturned
	}
	b.note(Step{Kind: step})
	b.wake(due)
	b.wake(ask)
}

// moved applies a presence event to a queue, and returns when that is looked at.
func (b *Mailbox) moved(w *Waiting, online bool, came, gone time.Time) time.Time {
	switch {
	case len(w.Notices) == 0:
		return time.Time{}
	case !online:
		return w.schedule(b.Now, gone)
	case w.Card.ID != "":
		return w.schedule(b.Now, came)
	}
	w.release()
	w.Due = fact.Later(came, w.NotBefore)
	return w.Due
}

// seen begins a new absence: the recipient was here, so the next card is a first one. What waited
// for a digest is due when its blind window ends, or one later if it has ended: IM may show it to
// them. A run that holds something may not write down what it told in the absence that is over.
func (b *Mailbox) seen() {
	wasAway := b.Absence != (Absence{})
	b.Absence = Absence{}
	for _, w := range b.queues() {
		if w.Lease != "" {
			w.SeenSince = true
		}
	}
	w := &b.Messages
	if !wasAway || len(w.Notices) == 0 {
		return
	}
	after := b.Now.Add(w.Blind)
	for i := range w.Notices {
		if n := &w.Notices[i]; !n.WindowEnd.After(b.Now) {
			n.WindowEnd = after
		}
	}
	w.schedule(b.Now, w.windowWithin(b.Now, after))
}
