package measure

import (
	"fmt"
	"slices"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/play"
	"wxnotify/cmd/simulate/internal/world"
)

// tolerance is one pass: a simulation looks at least once a second.
const tolerance = time.Second

// askAgain is how often IM is asked about somebody at whom a call rings.
const askAgain history.Second = 5

// A Miss is a breach of promise P5.
type Miss struct {
	User     int32
	Item     int32
	Deadline history.Second
	Told     history.Second // when it was announced after all; 0: it was not
}

func (m Miss) String() string {
	told := "never was"
	if m.Told > 0 {
		told = "was at " + m.Told.Time().Format(time.TimeOnly)
	}
	return fmt.Sprintf("%s: item %d should have been announced by %s, and %s", history.UserID(m.User), m.Item, m.Deadline.Time().Format(time.DateTime), told)
}

// deadline returns by when the rules want an item announced, as far as presence decides;
// false if they do not: they were there, and IM did not notice in time that they left.
//
//	IM calls them offline, and wxnotify was told      the item + lead
//	wxnotify is told that they left within the window  that + grace, at most the item + window
//	else                                             the item + window
//	a call                                           at once; or when IM is asked next after they left
func (u *user) deadline(item int32) (history.Second, bool) {
	it := u.Items[item]
	s, ever := u.session(it.At)
	offline := !ever || it.At >= s.Seen
	if it.Kind == history.Call {
		if offline {
			return it.At, true
		}
		d := s.Seen + askAgain
		return d, d < it.Ends
	}
	window := it.At + seconds(u.rules.BlindWindow)
	switch {
	case offline && u.toldAway(it.At):
		return it.At + seconds(u.rules.Lead), true
	case !offline && s.Seen > window:
		return 0, false
	case ever && !s.LeaveLost && s.Seen >= it.At:
		return min(window, s.Seen+seconds(u.rules.Grace)), true
	}
	return window, true
}

// missed reports whether an item breaks P5: it was to be announced by a deadline, waited
// for it unread with a permit on the ledger, and was not announced by then.
func (u *user) missed(item int32) (Miss, bool) {
	deadline, owed := u.deadline(item)
	if !owed || !u.waits(item, deadline) {
		return Miss{}, false
	}
	if u.Items[item].Kind != history.Call {
		deadline = u.digestDeadline(item, deadline)
		if !u.waits(item, deadline) {
			return Miss{}, false
		}
	}
	end := time.Duration(deadline)*time.Second + tolerance
	m := Miss{User: u.id, Item: item, Deadline: deadline}
	i := slices.IndexFunc(u.cards, func(c play.Card) bool {
		return c.Outcome != world.Refused && slices.Contains(c.Items, item)
	})
	if i >= 0 {
		m.Told = seconds(u.cards[i].At)
	}
	if i >= 0 && u.cards[i].At <= end || u.permits(end) <= 0 || u.keptBack(item, end) {
		return Miss{}, false
	}
	return m, true
}

// waits reports whether an item still wants to be told at a time: they are not back, has not
// read it, it was not recalled, is not over, and not too old.
func (u *user) waits(item int32, at history.Second) bool {
	it := u.Items[item]
	gone := it.At // from when on they are away
	if s, ok := u.session(it.At); ok && it.At < s.Leave {
		gone = s.Leave
	}
	if u.back(gone) <= at || it.Read <= at || it.Recalled <= at {
		return false
	}
	if it.Kind == history.Call {
		return at < it.Ends
	}
	return at < it.At+seconds(u.rules.TTL)
}

// digestDeadline returns by when an item must be told to somebody who was told already in
// this absence: when the step after the last card is over. The card of a call, which
// carries nothing else, begins a step too.
func (u *user) digestDeadline(item int32, deadline history.Second) history.Second {
	here := u.toldHere(deadline)
	cards, begins := 0, deadline
	for _, c := range u.cards {
		at := history.Second(c.At / time.Second)
		switch {
		case c.Outcome == world.Refused || at < here || slices.Contains(c.Items, item):
			continue
		case at > deadline:
			return deadline
		case at >= begins && !c.Call && len(c.Items) < u.rules.DigestMax:
			return deadline // it went without the item, which had waited
		}
		step := u.rules.DigestSteps[min(cards, len(u.rules.DigestSteps)-1)]
		deadline = max(deadline, at+seconds(step))
		cards++
	}
	return deadline
}

// keptBack reports whether a digest was kept back for coming absences, in the absence in
// which the item waits and before end.
func (u *user) keptBack(item int32, end time.Duration) bool {
	here := time.Duration(u.toldHere(u.Items[item].At)) * time.Second
	return slices.ContainsFunc(u.kept, func(k play.Kept) bool { return k.At >= here && k.At <= end })
}

// seconds rounds up.
func seconds(d time.Duration) history.Second {
	return history.Second((d + time.Second - 1) / time.Second)
}
