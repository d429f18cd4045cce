package notify

import (
	"maps"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// A Mailbox is what the store keeps of one recipient. Its methods are the rules of what happens to
// it: they change the Mailbox and note in Effects what else is to be written. They are pure: the
// time is Now, and the store has loaded everything that they look at. Each leaves alone what it has
// done before, so that it may be repeated.
type Mailbox struct {
	User   fact.UserID
	OpenID fact.OpenID // where the cards go; empty: bound to nobody, and nothing else is kept
	// Known is what the last presence event said, and KnownAt its time by IM's clock.
	Known    Status
	KnownAt  time.Time
	Absence  Absence
	Prefers  Preferences
	Messages Waiting
	Calls    Waiting
	// Log has the calls of late, by the identity under which each was told first. The store loads it only
	// for what is about calls; else it is empty.
	Log map[fact.Identity]LoggedCall
	// Read is up to when a conversation was read, by what HashOf makes of its name.
	Read map[string]time.Time

	// Marks are what is known of those messages that the event is about; Letters are the dead
	// letters, if the event may end what is in them.
	Marks   map[fact.Identity]Mark
	Letters []KeptLetter
	// Forgotten reports whether somebody was erased of late and is not to be named. Nil: nobody.
	Forgotten func(fact.UserID) bool

	Now time.Time
	Effects
}

// Effects are what is written together with a Mailbox.
type Effects struct {
	Steps  []Step             // for the timeline, in their order
	Ended  map[fact.State]int // messages by the state that they reached; negative: by the one that they left
	Marked map[fact.Identity]Mark
	// Indexed are messages that are to be found by their id.
	Indexed []fact.Identity
	// Changed are the Letters that are new, or hold less than before; those with no notices go.
	Changed []KeptLetter
	// Wake is when something falls due because of what happened; zero: nothing does.
	Wake time.Time
	// Bound to nobody: one message to count, see StateNotBound.
	NotBound int
	// Deleted: all of the Mailbox is to be deleted.
	Deleted bool
}

// Waiting is what waits for a recipient in one queue; the zero Waiting if nothing does.
type Waiting struct {
	Notices []WaitingNotice
	// Due is when a run looks at it; zero if nothing waits.
	Due time.Time
	// Lease is the word of the run in whose hands it is, until LeaseEnd.
	Lease    string
	LeaseEnd time.Time
	// Wish is when to look again, wished for while a run holds it; zero: nobody has.
	Wish time.Time
	// NotBefore is until when nothing brings the next look forward.
	NotBefore time.Time
	// Card is the one that was begun; its ID is empty if none.
	Card permit.OpenCard
	// Told: how Card ended was unknown, and what it carries has ended since. Its run lets go of it.
	Told bool
	// SeenSince: the recipient was seen since the claim, so what the run tells of the absence is of
	// one that is over.
	SeenSince bool
	// Blind is the blind window by which the last message came in.
	Blind time.Duration
	// Crowded is when the timeline was last told that there was no room.
	Crowded time.Time
	Carried
}

// A WaitingNotice is a Notice with what becomes of it.
type WaitingNotice struct {
	card.Notice
	// FromHash stands for From once its user was erased.
	FromHash string
	Card     card.ID // that carries it; empty: none
	// Ends is how it ends if that card does not go out; nil: it waits on.
	Ends *NoticeEnd
}

// A NoticeEnd is how a notice ends.
type NoticeEnd struct {
	State      fact.State
	Reason     fact.Reason
	Unanswered bool // a call: it goes on as missed instead
}

// A Mark says what is known of a message.
type Mark string

// The marks.
const (
	MarkNone     Mark = ""
	MarkNoted    Mark = "n" // it came
	MarkFailed   Mark = "f" // IM did not deliver it
	MarkRecalled Mark = "r" // it was taken back before it came
)

// timeAhead is how far ahead of the store's clock a time of IM may be: it signs no body, and one
// that is far ahead must not silence what comes later.
const timeAhead = 5 * time.Minute

// queue returns what waits in a queue.
func (b *Mailbox) queue(q card.Queue) *Waiting {
	if q == card.QueueCalls {
		return &b.Calls
	}
	return &b.Messages
}

func (b *Mailbox) queues() []*Waiting { return []*Waiting{&b.Messages, &b.Calls} }

// Bound reports whether the recipient's cards go anywhere.
func (b *Mailbox) Bound() bool { return b.OpenID != "" }

// Waits reports whether anything waits for the recipient.
func (b *Mailbox) Waits() bool { return len(b.Messages.Notices)+len(b.Calls.Notices) > 0 }

// note adds a step to the timeline, which happened now unless it says when.
func (b *Mailbox) note(s Step) {
	if s.At.IsZero() {
		s.At = b.Now
	}
	b.Steps = append(b.Steps, s)
}

// count adds n to what is counted as ended in a state.
func (b *Mailbox) count(s fact.State, n int) {
	if n == 0 {
		return
	}
	if b.Ended == nil {
		b.Ended = map[fact.State]int{}
	}
	b.Ended[s] += n
}

// end notes and counts that messages ended.
func (b *Mailbox) end(step Step, messages ...fact.Identity) {
	if len(messages) == 0 {
		return
	}
	step.Kind, step.Messages = StepFinal, messages
	b.count(step.State, len(messages))
	b.note(step)
}

// mark keeps what is known of a message.
func (b *Mailbox) mark(id fact.Identity, m Mark) {
	if b.Marked == nil {
		b.Marked, b.Marks = map[fact.Identity]Mark{}, maps.Clone(b.Marks)
	}
	if b.Marks == nil {
		b.Marks = map[fact.Identity]Mark{}
	}
	b.Marked[id], b.Marks[id] = m, m
}

// wake has a run look at t, or earlier.
func (b *Mailbox) wake(t time.Time) {
	if !t.IsZero() && (b.Wake.IsZero() || t.Before(b.Wake)) {
		b.Wake = t
	}
}

// wakeAgain has a run look at what waits because of something that was told before: the callback that
// told of it first may have stopped before that.
func (b *Mailbox) wakeAgain(w *Waiting) {
	if !w.leased(b.Now) {
		b.wake(w.Due)
	}
}

// leased reports whether a run holds what waits.
func (w *Waiting) leased(now time.Time) bool { return w.Lease != "" && w.LeaseEnd.After(now) }

// release takes what waits out of the hands of a run.
func (w *Waiting) release() { w.Lease, w.LeaseEnd, w.Wish = "", time.Time{}, time.Time{} }

// schedule makes what waits due at t, or when it is due already if that is earlier; not before
// NotBefore. While a run holds it the wish is kept for Finish. It returns when it is due.
func (w *Waiting) schedule(now, t time.Time) time.Time {
	t = fact.Later(t, w.NotBefore)
	if w.leased(now) {
		if w.Wish.IsZero() || w.Wish.After(t) {
			w.Wish = t
		}
		return t
	}
	if w.Due.IsZero() || w.Due.After(t) {
		w.Due = t
	}
	return w.Due
}

// keep leaves rest waiting. Nothing of before holds for what comes when nothing waited.
func (w *Waiting) keep(rest []WaitingNotice) {
	if len(rest) == 0 {
		*w = Waiting{}
		return
	}
	w.Notices = rest
}

// windowWithin returns when the next blind window of what waits ends, but t if none does before.
func (w *Waiting) windowWithin(now, t time.Time) time.Time {
	for _, n := range w.Notices {
		if n.WindowEnd.After(now) && n.WindowEnd.Before(t) {
			t = n.WindowEnd
		}
	}
	return t
}

// endWaiting ends what waits in w and matches. What travels on a card ends so only if the card does not
// go out.
func (b *Mailbox) endWaiting(w *Waiting, step Step, match func(*WaitingNotice) bool) {
	var ended []fact.Identity
	w.keep(slices.DeleteFunc(w.Notices, func(n WaitingNotice) bool {
		if !match(&n) {
			return false
		}
		if n.Card == "" {
			ended = append(ended, n.ID)
		}
		return n.Card == ""
	}))
	for i := range w.Notices {
		if n := &w.Notices[i]; n.Card != "" && n.Ends == nil && match(n) {
			n.Ends = &NoticeEnd{State: step.State, Reason: step.Reason}
		}
	}
	b.end(step, ended...)
}

// isFrom reports whether a notice is of user, who may have been erased.
func (n *WaitingNotice) isFrom(user string) bool {
	return string(n.From) == user || n.FromHash != "" && n.FromHash == fact.HashOf(user)
}

// conversation is the hash of where a notice was said.
func (n *WaitingNotice) conversation() string {
	if n.Group == "" && n.FromHash != "" {
		return n.FromHash
	}
	return fact.HashOfConversation(n.From, n.Group)
}

// unname takes the sender out of a notice, and what they wrote.
func (n *WaitingNotice) unname() { n.FromHash, n.From, n.Summary = fact.HashOf(string(n.From)), "", "" }
