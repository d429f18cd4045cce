// Package play plays a history to those who announce: wxnotify, and the naive rule. Each
// leaves a Journal of what it did, from which package measure reads how good that was.
package play

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/world"
	"wxnotify/shared/fact"
)

// A Card is one request to WeChat.
type Card struct {
	At      time.Duration // when it began, since the start of the history
	User    int32
	Call    bool    // it tells of a call that rings
	Items   []int32 // what it carries
	Outcome world.Outcome
}

// A Kept is a digest that was kept back, because coming absences need the permits.
type Kept struct {
	At   time.Duration
	User int32
}

// A Journal is what was done.
type Journal struct {
	Cards []Card // in order of At
	Kept  []Kept // likewise
	// States are the final states of messages and calls, by number.
	States map[fact.State]int64
	// Waiting is how many had none when all was over.
	Waiting int64
	// Balance is how many permits the ledger had left for each user; nil: there is none.
	Balance []int
	// Followed is how many messages were followed one by one to their final state, and
	// Unended are those that did not have exactly one.
	Followed int
	Unended  []string
	// Stalls is how often the machine was too busy for a second or more. Leases and
	// timeouts are of real time: what was in hand then may be late.
	Stalls int
	// Facts is how many callbacks and pushes were played.
	Facts int

	mu sync.Mutex
}

func (j *Journal) sent(c Card) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Cards = append(j.Cards, c)
}

func (j *Journal) kept(k Kept) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Kept = append(j.Kept, k)
}

// sort puts what many workers wrote at one moment into an order of its own.
func (j *Journal) sort() {
	slices.SortFunc(j.Cards, func(a, b Card) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.User, b.User), slices.Compare(a.Items, b.Items))
	})
	slices.SortFunc(j.Kept, func(a, b Kept) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.User, b.User)) })
}

// events returns all events of a history, in order.
func events(h *history.History, g *history.Grants) []history.Event {
	all := make([]history.Event, 0, len(h.Events)+len(g.Events))
	a, b := h.Events, g.Events
	for len(a) > 0 && len(b) > 0 {
		if history.Before(b[0], a[0]) {
			all, b = append(all, b[0]), b[1:]
		} else {
			all, a = append(all, a[0]), a[1:]
		}
	}
	return append(append(all, a...), b...)
}
