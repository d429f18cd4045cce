package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// subscriberDoc is how a permit.Subscriber is kept, apart from the cards: in field d of its
// key. Times are in ms. What is empty is left out.
type subscriberDoc struct {
	User    fact.UserID                   `json:"u,omitempty"`
	Since   int64                         `json:"us,omitempty"`
	Ledgers map[fact.TemplateID]ledgerDoc `json:"l,omitempty"`
	Sending map[fact.TemplateID]card.ID   `json:"a,omitempty"`
	Gone    flag                          `json:"x,omitempty"`
	Paced   int64                         `json:"pt,omitempty"`
	Reports []reportDoc                   `json:"ev,omitempty"`
}

type ledgerDoc struct {
	Balance   *int       `json:"b"`
	Held      *int       `json:"h"`
	Opening   *int       `json:"o"`
	Entries   []entryDoc `json:"e,omitempty"`
	Void      int64      `json:"z,omitempty"`
	Session   int64      `json:"gs,omitempty"`
	Wanted    int        `json:"ab,omitempty"`
	Expected  float64    `json:"ea,omitempty"`
	Deviation float64    `json:"ed,omitempty"`
	Drift     int        `json:"dr,omitempty"`
	LastPaid  string     `json:"lc,omitempty"`
	Missed    int        `json:"mi,omitempty"`
	Refused   int64      `json:"rf,omitempty"`
	Refusals  int        `json:"rn,omitempty"`
}

type reportDoc struct {
	MsgID    int64           `json:"i,omitempty,string"`
	Template fact.TemplateID `json:"t"`
	At       int64           `json:"at"`
	Failed   string          `json:"f,omitempty"`
	Received int64           `json:"r"`
}

// entryDoc is [ms, kind, change], or [ms, kind, change, 1] if it is paired.
type entryDoc permit.AccountEntry

// MarshalJSON implements json.Marshaler.
func (e entryDoc) MarshalJSON() ([]byte, error) {
	return marshalTuple(e.Paired, e.At.UnixMilli(), e.Kind, e.Change)
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *entryDoc) UnmarshalJSON(b []byte) (err error) {
	var at int64
	e.Paired, err = unmarshalTuple(b, &at, &e.Kind, &e.Change)
	e.At = millisOf(at)
	return err
}

// A flag is 1, or left out.
type flag bool

// MarshalJSON implements json.Marshaler.
func (flag) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	*f = true
	if !bytes.Equal(b, []byte("1")) {
		return errShape
	}
	return nil
}

var errShape = errors.New("of another shape")

// marshalTuple writes values as an array, with a 1 behind them if marked.
func marshalTuple(marked bool, values ...any) ([]byte, error) {
	if marked {
		values = append(values, 1)
	}
	return json.Marshal(values)
}

// unmarshalTuple reads what marshalTuple has written.
func unmarshalTuple(b []byte, into ...any) (marked bool, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return false, err
	}
	if len(parts) != len(into) && len(parts) != len(into)+1 {
		return false, errShape
	}
	for i, to := range into {
		if err := json.Unmarshal(parts[i], to); err != nil {
			return false, err
		}
		if bytes.Equal(parts[i], []byte("null")) {
			return false, errShape
		}
	}
	return len(parts) > len(into), nil
}

// decodeSubscriber reads a record; nil is that of an openid never heard of.
func decodeSubscriber(key string, reply any) (permit.Subscriber, error) {
	if reply == nil {
		return permit.Subscriber{}, nil
	}
	var d *subscriberDoc
	if err := json.Unmarshal([]byte(text(reply)), &d); err != nil || d == nil {
		return permit.Subscriber{}, unreadableAt(errShape, key)
	}
	sub := permit.Subscriber{User: d.User, Since: timeOf(d.Since), Gone: bool(d.Gone), Sending: d.Sending, Paced: timeOf(d.Paced)}
	for t, l := range d.Ledgers {
		if l.Balance == nil || l.Held == nil || l.Opening == nil {
			return permit.Subscriber{}, unreadableAt(errShape, key)
		}
		if sub.Ledgers == nil {
			sub.Ledgers = map[fact.TemplateID]*permit.Ledger{}
		}
		sub.Ledgers[t] = l.decode()
	}
	for _, r := range d.Reports {
		if r.Received == 0 {
			return permit.Subscriber{}, unreadableAt(errShape, key)
		}
		sub.Reports = append(sub.Reports, permit.PendingReport{Received: timeOf(r.Received),
			Sent: fact.Sent{MsgID: r.MsgID, Template: r.Template, At: timeOf(r.At), Failed: r.Failed}})
	}
	return sub, nil
}

func (l ledgerDoc) decode() *permit.Ledger {
	out := &permit.Ledger{Balance: *l.Balance, Held: *l.Held, Opening: *l.Opening, Void: timeOf(l.Void), Session: timeOf(l.Session),
		Wanted: l.Wanted, Expected: l.Expected, Deviation: l.Deviation, Drift: l.Drift, LastPaid: l.LastPaid,
		Missed: l.Missed, Refused: timeOf(l.Refused), Refusals: l.Refusals}
	for _, e := range l.Entries {
		out.Entries = append(out.Entries, permit.AccountEntry(e))
	}
	return out
}

// encodeSubscriber returns what is kept of a record; "" of a blank one.
func encodeSubscriber(sub *permit.Subscriber, now time.Time) (string, error) {
	if !sub.Paced.After(now) {
		sub.Paced = time.Time{}
	}
	maps.DeleteFunc(sub.Ledgers, func(_ fact.TemplateID, l *permit.Ledger) bool { return l.Blank() })
	if sub.Blank() {
		return "", nil
	}
	d := subscriberDoc{User: sub.User, Since: unixMilli(sub.Since), Sending: sub.Sending, Gone: flag(sub.Gone), Paced: unixMilli(sub.Paced)}
	for t, l := range sub.Ledgers {
		if d.Ledgers == nil {
			d.Ledgers = map[fact.TemplateID]ledgerDoc{}
		}
		d.Ledgers[t] = ledgerDocOf(l)
	}
	for _, r := range sub.Reports {
		d.Reports = append(d.Reports, reportDoc{r.MsgID, r.Template, unixMilli(r.At), r.Failed, unixMilli(r.Received)})
	}
	b, err := json.Marshal(d)
	return string(b), err
}

func ledgerDocOf(l *permit.Ledger) ledgerDoc {
	d := ledgerDoc{Balance: &l.Balance, Held: &l.Held, Opening: &l.Opening, Void: unixMilli(l.Void), Session: unixMilli(l.Session),
		Wanted: l.Wanted, Expected: l.Expected, Deviation: l.Deviation, Drift: l.Drift, LastPaid: l.LastPaid,
		Missed: l.Missed, Refused: unixMilli(l.Refused), Refusals: l.Refusals}
	for _, e := range l.Entries {
		d.Entries = append(d.Entries, entryDoc(e))
	}
	return d
}

// A subscriberChange is what happens to an openid. decide is told the replies to its own reads,
// and returns the writes beside the record, its cards and what follows from those. Nil: the record
// is written only if it has changed.
type subscriberChange struct {
	keys
	openID fact.OpenID
	reads  []command
	decide func(sub *permit.Subscriber, now time.Time, replies []any) ([]command, error)
	goesOn bool // see change
}

// ofSubscriber is a change that neither reads nor writes anything else.
func (s *Store) ofSubscriber(openID fact.OpenID, decide func(sub *permit.Subscriber, now time.Time) error) *change {
	return subscriberChange{keys: s.keysOf(string(openID)), openID: openID,
		decide: func(sub *permit.Subscriber, now time.Time, _ []any) ([]command, error) {
			return nil, decide(sub, now)
		}}.change()
}

func (c subscriberChange) change() *change {
	record, cards, stone := c.subscriber(c.openID), c.cards(c.openID), c.erased(c.openID)
	own := []command{do("HGETALL", cards)}
	out := &change{record: record, fields: []string{"d"}, guards: []guard{{stone, []string{"v"}, true}}, reads: append(own, c.reads...), goesOn: c.goesOn}
	out.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		sub, err := decodeSubscriber(record, replies[0].([]any)[0])
		if err != nil {
			return nil, err
		}
		kept := pairs(replies[2])
		sub.Cards = permit.NewCards(decodeCards(cards, kept))
		erased := millis(texts(replies[1])[0])
		sub.Erased = erased
		writes, doc, err := c.decided(&sub, now, replies[3:], next)
		if c.goesOn && err == nil && doc != "" && sub.Erased.Equal(erased) {
			out.leaves = []any{[]any{doc}, replies[1], pairsAfter(kept, cards, writes)}
		}
		return writes, err
	}
	return out
}

// pairsAfter returns what HGETALL finds of a hash after writes.
func pairsAfter(hash map[string]string, key string, writes []command) (list []any) {
	for _, w := range writes {
		switch {
		case w.key != key:
		case w.name == "HSET":
			hash[w.args[0].(string)] = w.args[1].(string)
		case w.name == "HDEL":
			delete(hash, w.args[0].(string))
		}
	}
	for name, value := range hash {
		list = append(list, name, value)
	}
	return list
}

// decided returns the writes of a change: first those at keys that were not read, of which Redis
// may refuse one, and last the record. None if all is as it was. doc is the record from now on.
func (c subscriberChange) decided(sub *permit.Subscriber, now time.Time, replies []any, next string) (writes []command, doc string, err error) {
	user, erased := sub.User, sub.Erased
	was, err := encodeSubscriber(sub, now)
	if err != nil {
		return nil, "", err
	}
	beside, err := c.decide(sub, now, replies)
	if err != nil {
		return nil, "", err
	}
	doc, err = encodeSubscriber(sub, now)
	if err != nil {
		return nil, "", err
	}
	cards, err := c.cardWrites(sub, now)
	if err != nil {
		return nil, "", err
	}
	writes = slices.Concat(c.queueWrites(sub, now), cards, c.tombstoneWrites(sub, erased, now), c.metricWrites(sub.Metrics, now), beside)
	if len(writes) == 0 && beside == nil && was == doc {
		return nil, "", nil
	}
	return append(writes, c.recordWrites(sub, doc, user, next)...), doc, nil
}

// recordWrites keeps the record, and for how long. As long as there are cards, there is a record,
// since its version is theirs.
func (c subscriberChange) recordWrites(sub *permit.Subscriber, doc string, before fact.UserID, next string) []command {
	key := c.subscriber(c.openID)
	if doc == "" && sub.Cards.Len() == 0 {
		return []command{do("DEL", key)}
	}
	writes := []command{do("HSET", key, "v", next, "d", doc)}
	if doc == "" {
		writes = []command{do("HSET", key, "v", next), do("HDEL", key, "d")}
	}
	if kept := sub.KeptFor(); kept > 0 {
		return append(writes, do("PEXPIRE", key, kept.Milliseconds()))
	} else if before == "" {
		return append(writes, do("PERSIST", key))
	}
	return writes
}

// tombstoneWrites keeps an erasure in mind, or forgets it.
func (c subscriberChange) tombstoneWrites(sub *permit.Subscriber, before, now time.Time) []command {
	switch stone := c.erased(c.openID); {
	case sub.Erased.Equal(before):
		return nil
	case sub.Erased.IsZero():
		return []command{do("DEL", stone)}
	default:
		return []command{do("ZREM", c.moved(), string(c.openID)), do("DEL", c.grants(c.openID)),
			do("HSET", stone, "v", sub.Erased.UnixMilli()), do("PEXPIRE", stone, sub.Erased.Sub(now).Milliseconds())}
	}
}
