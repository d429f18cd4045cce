package permit

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

const (
	pairWithin   = 2 * time.Minute  // popup and report of one tap are no further apart
	sessionGap   = 30 * time.Minute // taps that are no further apart are one granting session
	entriesAtMax = 20
	// MostByReport is the balance above which the reports of a mini program count no more permits: its
	// user may report what they like, and each permit of which WeChat does not know costs a refused send.
	MostByReport = 100

	// What an absence is taken to need before there is a history. A digest then leaves 20.
	firstExpected  = 5
	firstDeviation = 2.5
	// newestWeight is how much the newest session counts for in the averages.
	newestWeight = 1.0 / 4
	// deviationsKept is how many deviations a digest leaves beside the average.
	deviationsKept = 6
)

// A Ledger is the account of an openid's permits for one template. At any time Opening and the
// changes of Entries add up to Balance.
type Ledger struct {
	Balance int // permits not spent, those held included
	Held    int // for cards whose end is not known
	Opening int
	Entries []AccountEntry // the last 20, oldest first
	Void    time.Time      // grants up to then count no more
	Session time.Time      // last tap of the last granting session
	Wanted  int            // absences that wanted a permit since
	// Expected is how many of them there are between two granting sessions, on average, and
	// Deviation how far they are from it. Zero: not known yet.
	Expected, Deviation float64
	Drift               int    // how often WeChat had no permit where this has one
	LastPaid            string // the last card, hashed, that counted here without being kept
	Missed              int    // absences since the last tap that found no permit, here or with WeChat
	Refused             time.Time
	Refusals            int // in a row
}

// Account returns what is shown of l.
func (l *Ledger) Account() Account {
	return Account{Balance: l.Balance, Held: l.Held, Opening: l.Opening, Entries: l.Entries, Expected: l.Expected, Wanted: l.Wanted, Drift: l.Drift}
}

// Free returns how many permits may be held for further cards.
func (l *Ledger) Free() int { return max(l.Balance-l.Held, 0) }

// Blank reports whether l says nothing that a new one would not.
func (l *Ledger) Blank() bool {
	return len(l.Entries) == 0 && l.Void.IsZero() && l.Session.IsZero() && l.Wanted == 0 && l.Balance == 0 && l.Held == 0 && l.Opening == 0 &&
		l.Missed == 0 && l.Refused.IsZero()
}

// left is how many cards the permits pay for: one of a long-term template pays for any number.
func (l *Ledger) left(longTerm bool) int {
	if longTerm {
		return min(l.Balance, 1)
	}
	return l.Balance - l.Held
}

// kept is how many permits a card has to leave for coming absences.
func (l *Ledger) kept(r Reserve) int {
	switch {
	case !r.Digest || r.LongTerm:
		return 0
	case !r.Learn:
		return r.Keep
	}
	return max(r.Keep, l.coming())
}

// coming is for how many absences the user had better have permits until they grant again.
func (l *Ledger) coming() int { return int(math.Ceil(l.expected() + deviationsKept*l.deviation())) }

func (l *Ledger) expected() float64 {
	if l.Expected == 0 {
		return firstExpected
	}
	return l.Expected
}

func (l *Ledger) deviation() float64 {
	if l.Expected == 0 {
		return firstDeviation
	}
	return l.Deviation
}

// grant counts a permit, unless the other source has told of the tap, or it was switched off since.
// One without a time may have been.
func (l *Ledger) grant(source fact.GrantSource, at time.Time) {
	if i := l.unpaired(source.Other(), at); i >= 0 {
		l.Entries[i].Paired = true
		return
	}
	if !at.After(fact.Later(l.Void, time.Unix(0, 0))) || source == fact.GrantReport && l.Balance >= MostByReport {
		return
	}
	l.enter(at, string(source), 1)
	if l.Missed = 0; at.After(l.Refused) {
		l.Refusals = 0
	}
	if l.Session.IsZero() || at.After(l.Session.Add(sessionGap)) {
		l.learn()
	}
	l.Session = fact.Later(l.Session, at)
}

// refuse notes a refusal. One of before the last tap says nothing any more, and what comes soon after
// another is the same.
func (l *Ledger) refuse(at time.Time) {
	if !at.After(l.Session) {
		return
	}
	if at.After(l.Refused.Add(pairWithin)) {
		l.Refusals++
	}
	l.Refused = fact.Later(l.Refused, at)
}

// unpaired returns the place of the nearest entry of source that may be of the same tap, or -1.
func (l *Ledger) unpaired(source fact.GrantSource, at time.Time) int {
	pair := -1
	for i, e := range l.Entries {
		apart := e.At.Sub(at).Abs()
		if e.Kind == string(source) && !e.Paired && apart <= pairWithin && (pair < 0 || apart < l.Entries[pair].At.Sub(at).Abs()) {
			pair = i
		}
	}
	return pair
}

// learn closes a session: a moving average, and how far from it sessions are, as TCP does for round
// trips. The first session is none between two.
// Source: https://www.rfc-editor.org/rfc/rfc6298
func (l *Ledger) learn() {
	if !l.Session.IsZero() {
		expected, deviation, sample := l.expected(), l.deviation(), float64(l.Wanted)
		l.Deviation = deviation + newestWeight*(math.Abs(sample-expected)-deviation)
		l.Expected = expected + newestWeight*(sample-expected)
	}
	l.Wanted = 0
}

// zero takes away the permits granted at or before t. Each card used the oldest that was known
// when it was paid for; those in the opening are older than all.
func (l *Ledger) zero(t time.Time, kind string, now time.Time) {
	l.Void = fact.Later(l.Void, t)
	newer := 0
	for _, granted := range l.unspent() {
		if granted.After(t) {
			newer++
		}
	}
	if l.Balance > newer {
		l.enter(now, kind, newer-l.Balance)
	}
}

// unspent returns when those of the permits in Entries were granted that no card has used.
func (l *Ledger) unspent() []time.Time {
	opening, left := l.Opening, []time.Time(nil)
	for _, e := range l.Entries {
		for range e.Change {
			left = append(left, e.At)
		}
		slices.SortFunc(left, time.Time.Compare)
		used := max(-e.Change, 0)
		old := min(opening, used)
		opening -= old
		left = left[min(used-old, len(left)):]
	}
	return left
}

// enter changes the balance and says why. The oldest entries go into the opening.
func (l *Ledger) enter(at time.Time, kind string, change int) {
	l.Balance += change
	l.Entries = append(l.Entries, AccountEntry{At: at, Kind: kind, Change: change})
	for len(l.Entries) > entriesAtMax {
		l.Opening += l.Entries[0].Change
		l.Entries = l.Entries[1:]
	}
}

// hold keeps a permit for a card, and release gives it back.
func (l *Ledger) hold()    { l.Held++ }
func (l *Ledger) release() { l.Held = max(l.Held-1, 0) }

// pay takes one permit for a card, unless it was taken away meanwhile. A long-term one stays.
func (l *Ledger) pay(longTerm bool, kind string, now time.Time) {
	if !longTerm {
		l.enter(now, kind, -min(1, l.Balance))
	}
}

// countsFirst reports whether a card of which nothing is kept counts here for the first time.
// It is hashed, since its name is that of its user.
func (l *Ledger) countsFirst(id card.ID) bool {
	last := l.LastPaid
	sum := sha256.Sum256([]byte(id))
	l.LastPaid = hex.EncodeToString(sum[:4])
	return l.LastPaid != last
}
