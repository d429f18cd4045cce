package notify

import (
	"cmp"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// A DeadLetter is what is kept of a card that was given up: enough to announce its
// notices again once the cause is mended, and no text of theirs.
type DeadLetter struct {
	ID       string // the card's
	User     fact.UserID
	OpenID   fact.OpenID
	Card     card.ID
	Kind     fact.Kind
	Template fact.TemplateID
	Messages []fact.Identity
	From     []fact.UserID // who had written, each once
	At       time.Time
	Class    string // the class of the last error
	Cause    string // what it said, for people
}

// A KeptLetter is a DeadLetter with the notices from which it can be announced again.
type KeptLetter struct {
	DeadLetter
	Notices []WaitingNotice
}

// Replayed says what a replay did.
type Replayed struct {
	Messages int  // that wait again; 0 if there is no such letter, or all of it was read or muted since
	Wake     bool // no run of deliver is watching
}

// lettersKept is how many dead letters of a recipient are kept, and lettersHold how many notices they
// hold together. An own reply reads them all. The oldest go first.
const (
	lettersKept = 30
	lettersHold = 200
)

// addLetter keeps a letter of notices that are given up. It holds no text of theirs.
func (b *Mailbox) addLetter(d DeadLetter, notices []WaitingNotice) {
	for i := range notices {
		notices[i].Card, notices[i].Ends, notices[i].Summary = "", nil, ""
	}
	b.Changed = append(b.Changed, KeptLetter{DeadLetter: d, Notices: notices})
	letters, hold := slices.Clone(b.Letters), len(notices)
	slices.SortFunc(letters, func(x, y KeptLetter) int { return cmp.Or(y.At.Compare(x.At), cmp.Compare(x.ID, y.ID)) })
	for i, l := range letters {
		if hold += len(l.Notices); l.ID != d.ID && (i+1 >= lettersKept || hold > lettersHold) {
			l.Notices = nil
			b.Changed = append(b.Changed, l)
		}
	}
}

// replayFor is for how long the notices of a replayed letter may be announced.
const replayFor = 24 * time.Hour

// Replay has the notices of a dead letter wait again, but for those that were read or muted since,
// and returns how many wait. For those without room the letter stays.
func (b *Mailbox) Replay(id string) (waiting int) {
	i := slices.IndexFunc(b.Letters, func(l KeptLetter) bool { return l.ID == id })
	if i < 0 || !b.Bound() {
		return 0
	}
	letter, w := &b.Letters[i], &b.Messages
	var again []fact.Identity
	var rest []WaitingNotice
	for _, n := range letter.Notices {
		if n.Kind == fact.KindCall { // it has long stopped ringing
			n.Kind = fact.KindMissedCall
		}
		state, reason := b.endedSince(&n)
		switch {
		case state != "":
			b.end(Step{State: state, Reason: reason}, n.ID)
		case !w.hasRoom(&n):
			rest = append(rest, n)
		default:
			n.Card, n.Ends, n.WindowEnd, n.Expires = "", nil, b.Now, b.Now.Add(replayFor)
			w.Notices = append(w.Notices, n)
			again = append(again, n.ID)
		}
	}
	if len(rest) < len(letter.Notices) {
		b.keepLetter(letter, rest)
	}
	if len(again) == 0 {
		return 0
	}
	w.Attempts, w.Neutral = 0, false
	b.wake(w.schedule(b.Now, b.Now))
	b.note(Step{Kind: StepAccepted, Messages: again, Reason: fact.ReasonReplayed})
	return len(again)
}

// endedSince returns how a notice of a dead letter ended meanwhile; "" if it did not.
func (b *Mailbox) endedSince(n *WaitingNotice) (fact.State, fact.Reason) {
	read, known := b.Read[n.conversation()]
	if known && n.Announcement == nil && !read.Before(n.SentAt) {
		return fact.StateRead, fact.ReasonReadReport
	}
	if muted := b.Prefers.mutes(n); muted != "" {
		return fact.StateMuted, muted
	}
	return "", fact.ReasonNone
}

// endLetters ends what is in dead letters and matches, so that nobody has it announced again.
func (b *Mailbox) endLetters(step Step, match func(*WaitingNotice) bool) {
	for i := range b.Letters {
		l := &b.Letters[i]
		var ended []fact.Identity
		rest := make([]WaitingNotice, 0, len(l.Notices))
		for _, n := range l.Notices {
			if match(&n) {
				ended = append(ended, n.ID)
			} else {
				rest = append(rest, n)
			}
		}
		if len(ended) > 0 {
			b.keepLetter(l, rest)
			b.end(step, ended...)
		}
	}
}

// keepLetter leaves rest in a letter; what is not in it does not count as dead any more.
func (b *Mailbox) keepLetter(l *KeptLetter, rest []WaitingNotice) {
	b.count(fact.StateDead, len(rest)-len(l.Notices))
	l.Notices = rest
	b.Changed = append(b.Changed, *l)
}
