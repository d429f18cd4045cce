package store

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// cardDoc is how a permit.CardRecord is kept, in a field of its openid's cards. Times are in ms.
// What is empty is left out.
type cardDoc struct {
	State      permit.CardState `json:"s"`
	Template   fact.TemplateID  `json:"t"`
	User       fact.UserID      `json:"u,omitempty"`
	Queue      card.Queue       `json:"la,omitempty"`
	Messages   []fact.Identity  `json:"m,omitempty"`
	LongTerm   flag             `json:"lg,omitempty"`
	At         *int64           `json:"at"`
	Lease      int64            `json:"le,omitempty"`
	Patience   int64            `json:"ua,omitempty"`
	Final      fact.State       `json:"f,omitempty"`
	Detail     string           `json:"d,omitempty"`
	MsgID      int64            `json:"id,omitempty,string"`
	Waits      int64            `json:"w,omitempty"`
	WasUnknown flag             `json:"v,omitempty"`
	Stranded   flag             `json:"q,omitempty"`
	Reported   flag             `json:"rp,omitempty"`
	ReportedAt int64            `json:"ra,omitempty"`
	Tell       []tellDoc        `json:"tell,omitempty"`
}

// tellDoc is [state, reason, the state that it corrects], with a 1 behind if that has begun.
type tellDoc permit.CardEnd

// MarshalJSON implements json.Marshaler.
func (t tellDoc) MarshalJSON() ([]byte, error) {
	return marshalTuple(t.Begun, t.State, t.Reason, t.Corrects)
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *tellDoc) UnmarshalJSON(b []byte) (err error) {
	t.Begun, err = unmarshalTuple(b, &t.State, &t.Reason, &t.Corrects)
	return err
}

// decodeCards reads the cards at a key. One that cannot be read says so itself.
func decodeCards(key string, kept map[string]string) map[card.ID]permit.CardRecord {
	cards := map[card.ID]permit.CardRecord{}
	for id, doc := range kept {
		c, err := decodeCard(doc)
		if err != nil {
			c = permit.CardRecord{Unreadable: unreadableAt(errShape, key, id)}
		}
		cards[card.ID(id)] = c
	}
	return cards
}

func decodeCard(doc string) (permit.CardRecord, error) {
	var d cardDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return permit.CardRecord{}, err
	}
	if d.State == "" || d.Template == "" || d.At == nil || d.State == permit.CardSending && d.Lease == 0 {
		return permit.CardRecord{}, errShape
	}
	c := permit.CardRecord{State: d.State, Template: d.Template, User: d.User, Queue: d.Queue, Messages: d.Messages, LongTerm: bool(d.LongTerm),
		At: timeOf(*d.At), Lease: timeOf(d.Lease), Patience: time.Duration(d.Patience) * time.Millisecond, Final: d.Final, Detail: d.Detail,
		MsgID: d.MsgID, Waits: timeOf(d.Waits), WasUnknown: bool(d.WasUnknown), Stranded: bool(d.Stranded), Reported: bool(d.Reported),
		ReportedAt: timeOf(d.ReportedAt)}
	for _, t := range d.Tell {
		c.Outbox = append(c.Outbox, permit.CardEnd(t))
	}
	return c, nil
}

func encodeCard(c permit.CardRecord) (string, error) {
	d := cardDoc{State: c.State, Template: c.Template, User: c.User, Queue: c.Queue, Messages: c.Messages, LongTerm: flag(c.LongTerm),
		At: new(unixMilli(c.At)), Lease: unixMilli(c.Lease), Patience: c.Patience.Milliseconds(), Final: c.Final, Detail: c.Detail,
		MsgID: c.MsgID, Waits: unixMilli(c.Waits), WasUnknown: flag(c.WasUnknown), Stranded: flag(c.Stranded), Reported: flag(c.Reported),
		ReportedAt: unixMilli(c.ReportedAt)}
	for _, t := range c.Outbox {
		d.Tell = append(d.Tell, tellDoc(t))
	}
	b, err := json.Marshal(d)
	return string(b), err
}

// cardWrites keeps the cards that have changed, and all for as long as the youngest.
func (c subscriberChange) cardWrites(sub *permit.Subscriber, now time.Time) (writes []command, err error) {
	key, younger := c.cards(c.openID), false
	for id, change := range sub.Cards.Changed() {
		if change.Dropped {
			writes = append(writes, do("HDEL", key, string(id)))
			continue
		}
		doc, err := encodeCard(change.Card)
		if err != nil {
			return nil, err
		}
		writes = append(writes, do("HSET", key, string(id), doc))
		younger = younger || change.New
	}
	if younger {
		writes = append(writes, do("PEXPIRE", key, permit.CardsKept.Milliseconds()))
		if sub.KeepsOthers() { // for longer now
			writes = append(writes, do("ZADD", c.moved(), "XX", now.Add(permit.CardsKept).UnixMilli(), string(c.openID)),
				do("PEXPIRE", c.moved(), permit.CardsKept.Milliseconds()))
		}
	}
	return writes, nil
}

// queueWrites says when to look at cards whose ends have to be told, and where cards stay whose
// user has another openid now: so an erasure of them finds the cards.
func (c subscriberChange) queueWrites(sub *permit.Subscriber, now time.Time) (writes []command) {
	due := sub.Cards.Due()
	for _, id := range slices.Sorted(maps.Keys(due)) {
		member := memberOf(c.openID, id)
		if due[id].IsZero() {
			writes = append(writes, do("ZREM", c.overdue(), member))
		} else {
			writes = append(writes, enqueue(c.overdue(), due[id], member))
		}
	}
	if sub.Moved {
		writes = append(writes, do("ZADD", c.moved(), now.Add(permit.CardsKept).UnixMilli(), string(c.openID)),
			do("ZREMRANGEBYSCORE", c.moved(), "-inf", now.UnixMilli()), do("PEXPIRE", c.moved(), permit.CardsKept.Milliseconds()))
	}
	return writes
}
