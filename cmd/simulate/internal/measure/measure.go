// Package measure reads from a history and the journal of a rule how good the rule was.
// It shares no code with the rules that it judges.
package measure

import (
	"slices"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/play"
	"wxnotify/cmd/simulate/internal/world"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// Figures are what came of a history under a rule.
type Figures struct {
	Messages  int // calls included
	Announced int // carried by a card that was shown
	Doubled   int // carried by more than one
	States    map[fact.State]int64
	Waiting   int64 // without a final state

	Cards    int // shown
	First    int // the first of its absence, calls apart
	Digests  int // later ones, calls apart
	Calls    int // those that tell of a call that rings
	Unknown  int // requests without an answer
	Refused  int // requests that WeChat refused for want of a permit
	Useless  int
	Unseen   int // told of a mention that had been read, which IM does not tell
	KeptBack int // times that a digest was kept back

	Granted     int
	Spent       int      // by WeChat's count
	Unaccounted []string // users whose ledger is not what was granted less what was sent

	Absences  int // with messages
	Covered   int
	Best      int // what could have been covered with these permits, knowing the future
	Uncovered map[Cause]int
	Uses      map[Use]int

	// Delays from the first message of a covered absence to its card. Early is how many
	// cards went out before it: for what had come just before they left.
	Delays map[Knowledge][]time.Duration
	Early  int

	Missed []Miss
}

// Bound is the share of absences that permits suffice for.
func (f Figures) Bound() float64 { return min(1, share(f.Granted, f.Absences)) }

// Share is the share of absences that were covered.
func (f Figures) Share() float64 { return share(f.Covered, f.Absences) }

// BestShare is the share that could have been.
func (f Figures) BestShare() float64 { return share(f.Best, f.Absences) }

func share(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Measure reads the figures from what was done. rules are those that its delays are held
// to.
func Measure(h *history.History, g *history.Grants, j *play.Journal, rules notify.Rules) *Figures {
	f := &Figures{Messages: len(h.Items), States: j.States, Waiting: j.Waiting, Granted: len(g.Taps), KeptBack: len(j.Kept),
		Uncovered: map[Cause]int{}, Uses: map[Use]int{}, Delays: map[Knowledge][]time.Duration{}}
	byUser := split(h, g, j)
	for u := range byUser {
		byUser[u].rules = rules
		f.add(&byUser[u])
	}
	for _, d := range f.Delays {
		slices.Sort(d)
	}
	return f
}

// A user is all that there is to know of one user.
type user struct {
	*history.History
	id       int32
	sessions []history.Session
	items    []int32
	taps     []history.Second
	cards    []play.Card
	kept     []play.Kept
	reads    []history.Second // when a read report came, in order
	balance  int              // of the ledger at the end; -1: there is none
	rules    notify.Rules
}

func split(h *history.History, g *history.Grants, j *play.Journal) []user {
	out := make([]user, h.Users)
	for i := range out {
		out[i] = user{History: h, id: int32(i), sessions: h.Sessions[i], items: h.Of[i], balance: -1}
		if j.Balance != nil {
			out[i].balance = j.Balance[i]
		}
	}
	for _, t := range g.Taps {
		out[t.User].taps = append(out[t.User].taps, t.At)
	}
	for _, c := range j.Cards {
		out[c.User].cards = append(out[c.User].cards, c)
	}
	for _, k := range j.Kept {
		out[k.User].kept = append(out[k.User].kept, k)
	}
	for _, e := range h.Events {
		if e.What == history.DidRead {
			out[e.User].reads = append(out[e.User].reads, e.At)
		}
	}
	return out
}

// add adds the figures of one user.
func (f *Figures) add(u *user) {
	f.cards(u)
	f.absences(u)
	f.ledger(u)
	for _, i := range u.items {
		if m, missed := u.missed(i); missed {
			f.Missed = append(f.Missed, m)
		}
	}
}

// cards counts the cards and what they carry.
func (f *Figures) cards(u *user) {
	carried := map[int32]int{}
	for _, c := range u.cards {
		switch c.Outcome {
		case world.Refused:
			f.Refused++
			continue
		case world.Lost, world.ShownUntold:
			f.Unknown++
		}
		if u.useless(c) {
			f.Useless++
		} else if u.unseen(c) {
			f.Unseen++
		}
		if !c.Outcome.Spends() {
			continue
		}
		f.Cards++
		for _, i := range c.Items {
			carried[i]++
		}
	}
	for _, n := range carried {
		f.Announced++
		if n > 1 {
			f.Doubled++
		}
	}
}

// useless reports whether a card was for somebody whom IM called online, or for something
// that wxnotify had been told to be read, recalled or over.
func (u *user) useless(c play.Card) bool {
	now := history.Second(c.At / time.Second)
	if u.Online(u.id, now) {
		return true
	}
	return slices.ContainsFunc(c.Items, func(i int32) bool {
		it := u.Items[i]
		return it.Recalled <= now || it.Kind == history.Chat && it.Read <= now || it.Kind == history.Call && it.Ends <= now
	})
}

// unseen reports whether a card tells of a mention that had been read.
func (u *user) unseen(c play.Card) bool {
	return slices.ContainsFunc(c.Items, func(i int32) bool {
		it := u.Items[i]
		return it.Kind == history.Mention && it.Read <= history.Second(c.At/time.Second)
	})
}

// ledger checks that the balance is what was granted less what was sent. A send without an
// answer counts as spent unless WeChat reported on it, and it reports what was shown.
func (f *Figures) ledger(u *user) {
	left := u.permits(1 << 62)
	for _, c := range u.cards {
		if c.Outcome.Spends() {
			f.Spent++
		}
	}
	if u.balance >= 0 && left != u.balance {
		f.Unaccounted = append(f.Unaccounted, string(history.UserID(u.id)))
	}
}

// permits returns how many permits the ledger should have at a time.
func (u *user) permits(at time.Duration) int {
	n := 0
	for _, t := range u.taps {
		if time.Duration(t)*time.Second <= at {
			n++
		}
	}
	for _, c := range u.cards {
		if c.At <= at && c.Outcome != world.Refused {
			n--
		}
	}
	return n
}

// Left is how many permits were not used.
func (f Figures) Left() int { return f.Uses[UseNone] }

// OfBound is the share of the bound that was covered.
func (f Figures) OfBound() float64 {
	if f.Bound() == 0 {
		return 0
	}
	return f.Share() / f.Bound()
}
