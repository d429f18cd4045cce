package notify

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"
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
	kept    map[CardID]CardRecord
	changed map[CardID]bool // true: it was not there
	due     map[CardID]time.Time
}

// NewCards returns cards as they were read.
func NewCards(kept map[CardID]CardRecord) Cards { return Cards{kept: kept} }

// Len returns how many cards there are.
func (c *Cards) Len() int { return len(c.kept) }

// All returns the cards in the order of their ids.
func (c *Cards) All() iter.Seq2[CardID, CardRecord] {
	return func(yield func(CardID, CardRecord) bool) {
		for _, id := range slices.Sorted(maps.Keys(c.kept)) {
			if card, is := c.kept[id]; is && !yield(id, card) {
				return
			}
		}
	}
}

// Changed returns which cards have changed: whether one is there, and whether it was.
func (c *Cards) Changed() iter.Seq2[CardID, CardChange] {
	return func(yield func(CardID, CardChange) bool) {
		for _, id := range slices.Sorted(maps.Keys(c.changed)) {
			card, is := c.kept[id]
			if !yield(id, CardChange{card, !is, c.changed[id]}) {
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
func (c *Cards) Due() map[CardID]time.Time { return c.due }

// find returns a card, if there is one.
func (c *Cards) find(id CardID) (card CardRecord, is bool, err error) {
	card, is = c.kept[id]
	return card, is, card.Unreadable
}

func (c *Cards) put(id CardID, card CardRecord) {
	_, was := c.kept[id]
	c.change(id, !was || c.changed[id])
	if c.kept == nil {
		c.kept = map[CardID]CardRecord{}
	}
	c.kept[id] = card
}

func (c *Cards) drop(id CardID) {
	c.change(id, false)
	delete(c.kept, id)
}

func (c *Cards) change(id CardID, isNew bool) {
	if c.changed == nil {
		c.changed = map[CardID]bool{}
	}
	c.changed[id] = isNew
}

// look has a card looked at when its end can be told.
func (c *Cards) look(id CardID, at time.Time) {
	if c.due == nil {
		c.due = map[CardID]time.Time{}
	}
	c.due[id] = at
}

// rest has nobody look at a card any more.
func (c *Cards) rest(id CardID) { c.look(id, time.Time{}) }

// tidy forgets cards of long ago, of somebody who is told often, and what older ones carried.
func (c *Cards) tidy(now time.Time) {
	for id, card := range c.All() {
		if len(card.Messages) > 0 && !card.pending() && card.At.Before(now.Add(-cardsCorrected)) {
			card.Messages = nil
			c.put(id, card)
		}
	}
	if len(c.kept) <= cardsAtMost {
		return
	}
	type place struct {
		user  UserID
		queue Queue
	}
	last := map[place]CardID{}
	ended := slices.SortedFunc(maps.Keys(c.kept), func(x, y CardID) int {
		return cmp.Or(c.kept[x].At.Compare(c.kept[y].At), cmp.Compare(x, y))
	})
	for _, id := range ended {
		last[place{c.kept[id].User, c.kept[id].Queue}] = id
	}
	for _, id := range ended {
		card := c.kept[id]
		long, open := card.At.Before(now.Add(-cardsRest)), last[place{card.User, card.Queue}] == id
		switch {
		case card.Unreadable != nil || card.pending():
		case long, len(c.kept) > cardsAtMost && card.At.Before(now.Add(-cardsFresh)) && !open:
			c.drop(id)
		}
	}
}
