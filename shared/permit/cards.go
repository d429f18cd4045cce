package permit

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

const (
	// cardsAtMost is how many cards are kept. Beyond that those are forgotten that ended cardsRest ago, and
	// then the oldest that ended, but for those of the last cardsFresh, which may be settled once more, and
	// for the last of each recipient in a queue, which may still be open there.
	cardsAtMost = 64
	cardsRest   = 24 * time.Hour
	cardsFresh  = time.Hour
	// cardsCorrected is for how long a card knows what it carried, for WeChat's report to correct. All
	// cards are read by whatever happens to their openid.
	cardsCorrected = 3 * time.Hour
)

// Cards are the cards of an openid. They know what has changed since they were read. The zero Cards
// are none.
type Cards struct {
	kept    map[card.ID]CardRecord
	changed map[card.ID]bool // true: it was not there
	due     map[card.ID]time.Time
}

// NewCards returns cards as they were read.
func NewCards(kept map[card.ID]CardRecord) Cards { return Cards{kept: kept} }

// Len returns how many cards there are.
func (c *Cards) Len() int { return len(c.kept) }

// All returns the cards in the order of their ids.
func (c *Cards) All() iter.Seq2[card.ID, CardRecord] {
	return func(yield func(card.ID, CardRecord) bool) {
		for _, id := range slices.Sorted(maps.Keys(c.kept)) {
			if rec, is := c.kept[id]; is && !yield(id, rec) {
				return
			}
		}
	}
}

// Changed returns which cards have changed: whether one is there, and whether it was.
func (c *Cards) Changed() iter.Seq2[card.ID, CardChange] {
	return func(yield func(card.ID, CardChange) bool) {
		for _, id := range slices.Sorted(maps.Keys(c.changed)) {
			rec, is := c.kept[id]
			if !yield(id, CardChange{rec, !is, c.changed[id]}) {
				return
			}
		}
	}
}

// A CardChange is what became of a card.
type CardChange struct {
	Card         CardRecord
	Dropped, New bool
}

// Due returns when to look at cards from now on, since their ends have to be told. Zero: no more.
func (c *Cards) Due() map[card.ID]time.Time { return c.due }

// find returns a card, if there is one.
func (c *Cards) find(id card.ID) (rec CardRecord, is bool, err error) {
	rec, is = c.kept[id]
	return rec, is, rec.Unreadable
}

func (c *Cards) put(id card.ID, rec CardRecord) {
	_, was := c.kept[id]
	c.change(id, !was || c.changed[id])
	if c.kept == nil {
		c.kept = map[card.ID]CardRecord{}
	}
	c.kept[id] = rec
}

func (c *Cards) drop(id card.ID) {
	c.change(id, false)
	delete(c.kept, id)
}

func (c *Cards) change(id card.ID, isNew bool) {
	if c.changed == nil {
		c.changed = map[card.ID]bool{}
	}
	c.changed[id] = isNew
}

// look has a card looked at when its end can be told.
func (c *Cards) look(id card.ID, at time.Time) {
	if c.due == nil {
		c.due = map[card.ID]time.Time{}
	}
	c.due[id] = at
}

// rest has nobody look at a card any more.
func (c *Cards) rest(id card.ID) { c.look(id, time.Time{}) }

// tidy forgets cards of long ago, of somebody who is told often, and what older ones carried.
func (c *Cards) tidy(now time.Time) {
	for id, rec := range c.All() {
		if len(rec.Messages) > 0 && !rec.pending() && rec.At.Before(now.Add(-cardsCorrected)) {
			rec.Messages = nil
			c.put(id, rec)
		}
	}
	if len(c.kept) <= cardsAtMost {
		return
	}
	type place struct {
		user  fact.UserID
		queue card.Queue
	}
	last := map[place]card.ID{}
	ended := slices.SortedFunc(maps.Keys(c.kept), func(x, y card.ID) int {
		return cmp.Or(c.kept[x].At.Compare(c.kept[y].At), cmp.Compare(x, y))
	})
	for _, id := range ended {
		last[place{c.kept[id].User, c.kept[id].Queue}] = id
	}
	for _, id := range ended {
		rec := c.kept[id]
		long, open := rec.At.Before(now.Add(-cardsRest)), last[place{rec.User, rec.Queue}] == id
		switch {
		case rec.Unreadable != nil || rec.pending():
		case long, len(c.kept) > cardsAtMost && rec.At.Before(now.Add(-cardsFresh)) && !open:
			c.drop(id)
		}
	}
}
