package measure

import (
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/play"
	"wxnotify/cmd/simulate/internal/world"
)

// A Use is what a permit was good for.
type Use string

// The uses.
const (
	UseCovers  Use = "first card of an absence with messages"
	UseDigest  Use = "later card of an absence: a digest"
	UseCall    Use = "a call, in an absence that a card had gone out in"
	UseAfter   Use = "first card after that of a call, in the same absence"
	UseNothing Use = "card in an absence in which nothing arrived: for what came just before they left"
	UseLost    Use = "counted as spent, but the card was not shown: no answer and no report"
	UseNone    Use = "left over"
)

// Uses are all uses, in the order of reports.
var Uses = []Use{UseCovers, UseAfter, UseCall, UseDigest, UseNothing, UseLost, UseNone}

// A Cause is why an absence with messages was not covered.
type Cause string

// The causes.
const (
	CauseNoPermit  Cause = "no permit was left when its first message came"
	CauseReturned  Cause = "they were back before the first message's time had come"
	CauseWithdrawn Cause = "all that arrived was recalled, or rang no longer when IM noticed that they had left"
	CauseLost      Cause = "a card was sent that was not shown: no answer and no report"
	CauseOther     Cause = "another"
)

// Causes are all causes, in the order of reports.
var Causes = []Cause{CauseNoPermit, CauseReturned, CauseWithdrawn, CauseLost, CauseOther}

// An absence is from leaving to the next sign-in.
type absence struct {
	from, to history.Second
	items    []int32
	cards    []play.Card
}

// absences returns the absences of a user, with or without messages. Before they have signed
// in for the first time they are not absent.
func (u *user) absences() []absence {
	var out []absence
	items, cards := u.items, u.cards
	for i, s := range u.sessions {
		a := absence{from: s.Leave, to: history.Never}
		if i+1 < len(u.sessions) {
			a.to = u.sessions[i+1].Login
		}
		for len(items) > 0 && u.Items[items[0]].At < a.to {
			if u.Items[items[0]].At >= a.from {
				a.items = append(a.items, items[0])
			}
			items = items[1:]
		}
		for len(cards) > 0 && cards[0].At < time.Duration(a.to)*time.Second {
			if cards[0].At >= time.Duration(a.from)*time.Second && cards[0].Outcome != world.Refused {
				a.cards = append(a.cards, cards[0])
			}
			cards = cards[1:]
		}
		out = append(out, a)
	}
	return out
}

// absences counts absences, what covered them and what permits were used for.
func (f *Figures) absences(u *user) {
	purse, tapped := 0, 0
	for _, a := range u.absences() {
		for tapped < len(u.taps) && u.taps[tapped] < a.from {
			purse, tapped = purse+1, tapped+1
		}
		f.uses(a)
		if len(a.items) == 0 {
			continue
		}
		f.Absences++
		if purse > 0 {
			purse--
			f.Best++
		}
		if card, ok := a.covering(); ok {
			f.Covered++
			f.delay(u, a, card)
		} else {
			f.Uncovered[u.cause(a)]++
		}
	}
	f.Uses[UseNone] += u.permits(1 << 62)
}

// covering returns the first card that was shown.
func (a absence) covering() (play.Card, bool) {
	for _, c := range a.cards {
		if c.Outcome.Spends() {
			return c, true
		}
	}
	return play.Card{}, false
}

// uses says what each card of an absence was good for, and counts first cards, digests
// and calls.
func (f *Figures) uses(a absence) {
	calls, messages := 0, 0
	for _, c := range a.cards {
		first := calls+messages == 0
		use := UseDigest
		switch {
		case !c.Outcome.Spends():
			use = UseLost
		case first && len(a.items) > 0:
			use = UseCovers
		case first:
			use = UseNothing
		case c.Call:
			use = UseCall
		case messages == 0:
			use = UseAfter
		}
		f.Uses[use]++
		if use == UseLost {
			continue
		}
		switch {
		case c.Call:
			calls++
			f.Calls++
		case messages == 0:
			messages++
			f.First++
		default:
			messages++
			f.Digests++
		}
	}
}

// cause says why no card was shown in an absence.
func (u *user) cause(a absence) Cause {
	if len(a.cards) > 0 {
		return CauseLost
	}
	first := u.Items[a.items[0]]
	if u.permits(time.Duration(first.At)*time.Second) <= 0 {
		return CauseNoPermit
	}
	cause := CauseWithdrawn
	for _, i := range a.items {
		switch deadline, owed := u.deadline(i); {
		case !owed:
		case deadline >= a.to:
			cause = CauseReturned
		case u.Items[i].Recalled > deadline:
			return CauseOther
		}
	}
	return cause
}

// delay notes how long the first message of an absence waited for its card. What was
// recalled at once, or rang no longer when they could be told, is not waited for.
func (f *Figures) delay(u *user, a absence, c play.Card) {
	first := a.items[0]
	for _, i := range a.items {
		if deadline, owed := u.deadline(i); owed && u.waits(i, deadline) {
			first = i
			break
		}
	}
	at := u.Items[first].At
	d := c.At - time.Duration(at)*time.Second
	if d < 0 {
		f.Early++
		return
	}
	k := u.known(at)
	f.Delays[k] = append(f.Delays[k], d)
}
