package model_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
	"wxnotify/trust/fixture"
)

// A snapshot is what is in the store, as shared/store keeps it.
type snapshot struct {
	docs     map[card.Queue]map[fact.UserID]document
	cards    map[fact.OpenID]map[card.ID]cardDocument
	subs     map[fact.OpenID]subscriberDocument
	bound    map[fact.UserID]fact.OpenID
	timeline map[fact.UserID][]notify.Step // newest first
	counts   map[fact.State]int
	queues   map[card.Queue][]fact.UserID
	due      int // group messages to spread, and cards whose end is to be told
	told     map[card.ID]bool
}

// A document is what waits for a recipient in a queue.
type document struct {
	Lease   string `json:"l"`
	Notices []struct {
		ID   fact.Identity `json:"i"`
		Card card.ID       `json:"c"`
	} `json:"n"`
}

// A cardDocument is how a card stands.
type cardDocument struct {
	State    permit.CardState `json:"s"`
	Template fact.TemplateID  `json:"t"`
	User     fact.UserID      `json:"u"`
	Messages []fact.Identity  `json:"m"`
	LongTerm int              `json:"lg"`
	At       float64          `json:"at"`
	Leased   float64          `json:"le"`
	Waits    float64          `json:"w"` // until when it is unknown, its permit held
	Was      int              `json:"v"` // it was unknown
	Reported int              `json:"rp"`
	Tell     [][]any          `json:"tell"`
}

// held reports whether a permit is held for the card.
func (c cardDocument) held() bool { return c.State == permit.CardSending || c.Waits > 0 }

// paid reports whether a permit was spent on it.
func (c cardDocument) paid() bool {
	switch c.State {
	case permit.CardDelivered:
		return true
	case permit.CardUnknown:
		return c.Waits == 0
	case permit.CardRefused:
		return c.Was == 1 || c.Reported == 1
	}
	return false
}

// refused reports whether WeChat knew of no permit.
func (c cardDocument) refused() bool { return c.State == permit.CardRefused && !c.paid() }

// pending reports whether the end of its messages is still to be told, for the first time.
func (c cardDocument) pending() (end string, ok bool) {
	if c.Waits > 0 {
		return "", true
	}
	if len(c.Tell) == 0 || fmt.Sprint(c.Tell[0][2]) != "" {
		return "", false
	}
	return fmt.Sprint(c.Tell[0][0]), true
}

// A subscriberDocument is what an openid owns.
type subscriberDocument struct {
	Ledgers map[fact.TemplateID]ledgerDocument `json:"l"`
}

type ledgerDocument struct {
	Balance int     `json:"b"`
	Held    int     `json:"h"`
	Opening int     `json:"o"`
	Entries [][]any `json:"e"`
}

// explained is what opening balance and entries add up to.
func (l ledgerDocument) explained() int {
	sum := float64(l.Opening)
	for _, e := range l.Entries {
		sum += e[2].(float64)
	}
	return int(sum)
}

// timelineDepth is more than what one step adds.
const timelineDepth = 30

// snapshot reads the store.
func (w *system) snapshot() *snapshot {
	s := &snapshot{docs: map[card.Queue]map[fact.UserID]document{card.QueueMessages: {}, card.QueueCalls: {}}, cards: map[fact.OpenID]map[card.ID]cardDocument{},
		subs: map[fact.OpenID]subscriberDocument{}, bound: map[fact.UserID]fact.OpenID{},
		queues: map[card.Queue][]fact.UserID{}, timeline: map[fact.UserID][]notify.Step{}, counts: map[fact.State]int{}, told: map[card.ID]bool{}}
	var reads []func()
	pipe := w.storage.raw.Pipeline()
	later := func(read func()) { reads = append(reads, read) }
	for n := range shards {
		tag := store.DefaultPrefix + "{" + strconv.Itoa(n) + "}:"
		counts, fresh := pipe.HGetAll(w.ctx, tag+"counts"), pipe.HGetAll(w.ctx, tag+"mc")
		later(func() {
			add := func(state fact.State, n string) {
				i, err := strconv.Atoi(n)
				w.must(err)
				s.counts[state] += i
			}
			for state, n := range counts.Val() {
				add(fact.State(state), n)
			}
			for field, n := range fresh.Val() {
				_, metric, _ := strings.Cut(field, ":") // behind the minute
				if state, _, is := fact.Metric(metric).End(); is {
					add(state, n)
				}
			}
		})
		for queue, key := range map[card.Queue]string{card.QueueMessages: "q", card.QueueCalls: "cq"} {
			users := pipe.ZRange(w.ctx, tag+key, 0, -1)
			later(func() {
				for _, u := range users.Val() {
					s.queues[queue] = append(s.queues[queue], fact.UserID(u))
				}
			})
		}
		for _, queue := range []string{"sq", "u"} {
			n := pipe.ZCard(w.ctx, tag+queue)
			later(func() { s.due += int(n.Val()) })
		}
	}
	for _, o := range w.openIDs {
		sub, cards := pipe.HGet(w.ctx, fixture.Key(shards, string(o), "s:"+string(o)), "d"), pipe.HGetAll(w.ctx, fixture.Key(shards, string(o), "c:"+string(o)))
		later(func() {
			if sub.Val() != "" {
				s.subs[o] = decode[subscriberDocument](w, sub.Val())
			}
			s.cards[o] = map[card.ID]cardDocument{}
			for id, c := range cards.Val() {
				s.cards[o][card.ID(id)] = decode[cardDocument](w, c)
			}
		})
	}
	for _, u := range w.users {
		steps := pipe.LRange(w.ctx, fixture.Key(shards, string(u), "t:"+string(u)), 0, timelineDepth-1)
		recipient := pipe.HGetAll(w.ctx, fixture.Key(shards, string(u), "r:"+string(u)))
		later(func() {
			fields := recipient.Val()
			for _, doc := range append([]string{fields["s"]}, steps.Val()...) {
				if doc != "" {
					s.timeline[u] = append(s.timeline[u], newestFirst(decode[fixture.Entry](w, doc))...)
				}
			}
			s.bound[u] = fact.OpenID(fields["o"])
			for queue, field := range map[card.Queue]string{card.QueueMessages: "m", card.QueueCalls: "c"} {
				if doc := fields[field]; doc != "" {
					s.docs[queue][u] = decode[document](w, doc)
				}
			}
		})
	}
	if _, err := pipe.Exec(w.ctx); err != nil {
		w.must(ignore(err, redis.Nil))
	}
	for _, read := range reads {
		read()
	}
	s.readTold(w)
	return s
}

func newestFirst(e fixture.Entry) []notify.Step {
	steps := slices.Clone(e)
	slices.Reverse(steps)
	return steps
}

// readTold finds out which ends were told already, and only not yet marked as such at their cards.
func (s *snapshot) readTold(w *system) {
	for _, cards := range s.cards {
		for id, c := range cards {
			if end, ok := c.pending(); ok && end != "" {
				n, err := w.storage.raw.Exists(w.ctx, fixture.Key(shards, string(c.User), "td:"+fixture.Digest(string(id), end))).Result()
				w.must(err)
				s.told[id] = n == 1
			}
		}
	}
}

// decode reads a document. Most of a snapshot is what was in the one before.
func decode[T any](w *system, doc string) T {
	if v, ok := w.decoded[doc].(T); ok {
		return v
	}
	var v T
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		w.Fatalf("a document cannot be read: %v: %s", err, doc)
	}
	w.decoded[doc] = v
	return v
}

// open returns the messages that wait, travel, or whose end is still to be told. What travels
// on an unknown card is the card's: a run that finds it has only to let go of it.
func (s *snapshot) open() map[ref]bool {
	out := map[ref]bool{}
	unknown := map[card.ID]bool{"": false}
	for _, cards := range s.cards {
		for id, c := range cards {
			unknown[id] = c.Was == 1
		}
	}
	for _, docs := range s.docs {
		for user, doc := range docs {
			for _, n := range doc.Notices {
				if !unknown[n.Card] {
					out[ref{user, n.ID.ID()}] = true
				}
			}
		}
	}
	for _, cards := range s.cards {
		for id, c := range cards {
			if _, ok := c.pending(); ok && !s.told[id] {
				for _, m := range c.Messages {
					out[ref{c.User, m.ID()}] = true
				}
			}
		}
	}
	return out
}

// heldFor returns how many permits are held for cards.
func (s *snapshot) heldFor(o fact.OpenID, t fact.TemplateID) (n int) {
	for _, c := range s.cards[o] {
		if c.Template == t && c.held() {
			n++
		}
	}
	return n
}
