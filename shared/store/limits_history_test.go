package store_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// most is how much of a history is made through the store itself, where each step is a trip; what is
// bounded is full long before.
const most = 70

// live has alice live through messages, calls, reads, dead letters, grants and cards, n of each, but no more than
// fill what is kept of them. Of n messages there are marks. The store has n others for whom something is to come.
func (w *limited) live(n int) {
	w.Helper()
	w.login()
	w.others(n)
	for range min(n, 33) {
		w.dead(7)
	}
	for range min(n, most) {
		w.grants()
		w.Advance(time.Minute)
	}
	for i := range min(n, most) { // cards with 100 messages
		w.card = card.ID(wide(fmt.Sprint("old", i, "-"), 60))
		w.reserves()
		w.settles()
		w.Advance(time.Minute)
	}
	w.Advance(2 * time.Hour)
	w.inBatches(min(n, 1000), func(i int) any { return w.messageOf(peer(i%100), limitedUser) })
	w.marks(n)
	w.inBatches(min(n, 500), func(int) any { return w.ringOf(limitedUser) })
	w.inBatches(min(n, 500), func(i int) any {
		return fact.Read{Reader: limitedUser, Peer: fact.UserID(fmt.Sprint("friend", i)), UpTo: w.Now()}
	})
	for i := range min(n, 41) {
		w.tells(fmt.Sprint("a", i), limitedUser)
	}
}

func (w *limited) inBatches(n int, f func(i int) any) {
	var facts []any
	for i := range n {
		facts = append(facts, f(i))
	}
	for some := range slices.Chunk(facts, 1000) {
		w.record(some...)
	}
}

// others gives every queue and index n members more, behind the store's back.
func (w *limited) others(n int) {
	w.Helper()
	ctx, pipe := w.Context(), w.Raw.Pipeline()
	later := float64(w.Now().Add(30 * 24 * time.Hour).UnixMilli())
	quarter := w.Now().Unix() / (86400 / 4)
	for shard := range 16 {
		tag := fmt.Sprintf("wxnotify-dev{%d}:", shard)
		var due, index []redis.Z
		for i := range n / 16 {
			due = append(due, redis.Z{Score: later, Member: fmt.Sprintf("other%d", i)})
			index = append(index, redis.Z{Member: fmt.Sprintf("%012dother%d", i, i)})
		}
		if len(due) == 0 {
			continue
		}
		for _, queue := range []string{"q", "cq", "u"} {
			pipe.ZAdd(ctx, tag+queue, due...)
		}
		pipe.ZAdd(ctx, fmt.Sprint(tag, "i:", quarter), index...)
	}
	must(pipe.Exec(ctx))(w)
}

// marks has n messages known as come, behind the store's back.
func (w *limited) marks(n int) {
	w.Helper()
	key := fmt.Sprintf("wxnotify-dev{%d}:d:%s:%d", shardOf(limitedUser), limitedUser, w.Now().Unix()/86400)
	var fields []any
	for i := range n {
		fields = append(fields, fmt.Sprintf("%020d", i), "n")
	}
	if known, err := w.Raw.HLen(w.Context(), key).Result(); err != nil || known == 0 {
		w.Fatalf("%d marks at %s, %v", known, key, err)
	}
	w.must(w.Raw.HSet(w.Context(), key, fields...).Err())
}

// dead has a card with n notices end as a dead letter.
func (w *limited) dead(n int) {
	w.Helper()
	w.inBatches(n, func(i int) any { return w.messageOf(peer(i), limitedUser) })
	w.Advance(time.Minute)
	w.claims()
	w.begins()
	f := w.carriedAs(fact.StateDead)
	f.Dead = &notify.DeadLetter{ID: string(w.card), User: limitedUser, OpenID: limitedOpenID, Card: w.card, Kind: fact.KindMessage,
		Template: limitedTmpl, At: w.Now(), Class: "defect", Cause: "47003"}
	w.finish(f)
}

// tells has the backend announce something to users.
func (w *limited) tells(id string, to ...fact.UserID) {
	w.Helper()
	var all []fact.Message
	text := strings.Repeat("好", 200)
	for _, user := range to {
		all = append(all, fact.Message{ID: fact.MessageID(wide(id, 64)), Kind: "shipped", To: user, SentAt: w.Now(), ByREST: true,
			Announcement: &fact.Announcement{Fields: map[string]string{"sender": text, "summary": text, "group": text, "time": text, "peer": text}}})
	}
	w.announce(all...)
}

// room takes back a message of the first peer, and a message of them fits.
func (w *limited) room() {
	w.due()
	w.claims()
	for _, n := range w.queue.Notices {
		if n.From == peer(1) {
			w.record(fact.Recall{ID: n.ID.ID(), From: n.From, To: limitedUser})
			break
		}
	}
	w.finish(notify.Finish{User: limitedUser, Queue: w.queue.Queue, Lease: w.queue.Lease, Again: w.Now().Add(time.Hour), Hold: true}) // it lets go
}

// crowd leaves no room for a message of the first peer.
func (w *limited) crowd() {
	w.inBatches(81, func(int) any { return w.messageOf(peer(1), limitedUser) })
}

func (w *limited) says()  { w.record(w.messageOf(peer(1), limitedUser)) }
func (w *limited) comes() { w.presence(true) }
func (w *limited) goes()  { w.presence(false) }

func (w *limited) presence(online bool) {
	w.Advance(time.Second)
	w.record(fact.Presence{User: limitedUser, Online: online, At: w.Now()})
}

func (w *limited) reads()   { w.record(fact.Read{Reader: limitedUser, Peer: peer(2), UpTo: w.Now()}) }
func (w *limited) replies() { w.record(w.messageOf(limitedUser, peer(3))) }
func (w *limited) recalls() {
	w.record(fact.Recall{ID: "never heard of", From: peer(4), To: limitedUser})
}
func (w *limited) rings() { w.record(w.ringOf(limitedUser)) }

// bindPeers has 500 users who can be told something.
func (w *limited) bindPeers() {
	w.concurrently(8, func(ctx context.Context, worker int) (bool, error) {
		for i := worker; i < 500; i += 8 {
			if err := w.Store.Bind(ctx, peer(i), fact.OpenID(wide(fmt.Sprint("p", i, "-"), 28))); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// peers are the first n.
func peers(n int) (users []fact.UserID) {
	for i := range n {
		users = append(users, peer(i))
	}
	return users
}

func (w *limited) ringsAtAll() { w.record(w.ringOf(peers(100)...)) }
func (w *limited) announces()  { w.tells("news", peers(500)...) }
func (w *limited) ringEnds()   { w.record(w.endOf(w.ringOf(limitedUser), fact.CallCancelled)) }

func (w *limited) groupMessages() {
	w.record(fact.GroupMessage{Group: limitedTeam, Type: fact.GroupPublic, From: peer(6), SentAt: w.Now(), Seq: uint32(w.next()),
		Summary: strings.Repeat("好", 40), At: peers(30), For: fact.GroupMentions})
}

func (w *limited) groupRecalls() {
	r := fact.GroupRecall{Group: limitedTeam}
	for range 100 {
		r.Seqs = append(r.Seqs, uint32(w.next())*1000) // each has a key of its own for its marks
	}
	w.record(r)
}

func (w *limited) grants() {
	w.record(fact.Grant{ID: fmt.Sprint("g", w.next()), OpenID: limitedOpenID, Source: fact.GrantPopup, At: w.Now(), Templates: []fact.TemplateID{limitedTmpl}})
}

func (w *limited) revokes() {
	w.record(fact.Revoke{ID: fmt.Sprint("r", w.next()), OpenID: limitedOpenID, At: w.Now().Add(-time.Hour), Templates: []fact.TemplateID{limitedTmpl}})
}

func (w *limited) reports() {
	w.record(fact.Sent{OpenID: limitedOpenID, MsgID: int64(w.next()), Template: limitedTmpl, At: w.Now()})
}

func (w *limited) login()  { w.bindTo(limitedUser, limitedOpenID) }
func (w *limited) allows() { must(w.Store.Allow(w.Context(), "address", 300, time.Minute))(w) }
func (w *limited) due()    { w.Advance(2 * time.Hour) } // a look finds alice

func (w *limited) claims() {
	for _, rec := range must(w.Store.Claim(w.Context(), 2000))(w).Recipients {
		if rec.User == limitedUser && rec.Queue == card.QueueMessages {
			w.queue = rec
		}
	}
}

// carried is what a card of alice carries.
func (w *limited) carried() []fact.Identity {
	ids := identitiesOf(w.queue)
	return ids[:min(len(ids), 100)]
}

func (w *limited) begins() {
	w.card = card.ID(w.queue.Lease + "-" + string(limitedUser))
	w.bench.begins(notify.Begin{User: limitedUser, Queue: card.QueueMessages, Lease: w.queue.Lease, Card: w.card,
		Template: limitedTmpl, Messages: w.carried(), At: w.Now()})
}

// going is alice's card with 100 messages.
func (w *limited) going() permit.Card {
	c := permit.Card{ID: w.card, OpenID: limitedOpenID, User: limitedUser, Queue: card.QueueMessages, Template: limitedTmpl, UnknownAfter: time.Minute}
	for i := range 100 {
		c.Messages = append(c.Messages, fact.Identity(wide(fmt.Sprint("m", i, ":"), 54)))
	}
	return c
}

func (w *limited) reserves() {
	w.reserved(permit.Reserve{Card: w.going(), PerHour: 1000}, permit.ReserveOK)
}

func (w *limited) settles() {
	w.bench.settles(permit.Settle{Card: w.going(), MsgID: int64(w.next()),
		End: permit.End{State: permit.CardDelivered, Permit: permit.Spent, Final: fact.StateDelivered}})
}

func (w *limited) carriedAs(state fact.State) notify.Finish {
	return notify.Finish{User: limitedUser, Queue: card.QueueMessages, Lease: w.queue.Lease, Card: w.card, Absence: notify.AbsenceTold,
		Final: final(state, w.carried()...)}
}

func (w *limited) finishes() { w.finish(w.carriedAs(fact.StateDelivered)) }
func (w *limited) rests()    { must(w.Store.Rest(w.Context(), w.Now().Add(time.Minute)))(w) }

// spill is what an event of 128 KB holds.
func (w *limited) spill() {
	w.inBatches(400, func(i int) any { return w.messageOf(peer(i), limitedUser) })
}

// A look at 2,000 who are due, of whom each has as much as can wait, takes what fits into memory, and the
// others are handed back.
func TestLimitOfALook(t *testing.T) {
	t.Parallel()
	w := newLimited(t)
	w.login()
	w.inBatches(1000, func(i int) any { return w.messageOf(peer(i%100), limitedUser) })
	doc := w.Raw.HGet(t.Context(), w.key("}:r:"+string(limitedUser)), "m").Val()
	pipe := w.Raw.Pipeline()
	for i := range 2000 {
		tag := fmt.Sprintf("wxnotify-dev{%d}:", shardOf(peer(i)))
		pipe.HSet(t.Context(), tag+"r:"+string(peer(i)), "v", "1", "o", "o", "m", doc)
		pipe.ZAdd(t.Context(), tag+"q", redis.Z{Score: float64(w.Now().UnixMilli()), Member: string(peer(i))})
	}
	must(pipe.Exec(t.Context()))(w)
	w.Advance(time.Minute)
	most := 0 // of recipients that one trip reads
	w.Store.AddHook(func(trip store.Trip) store.Trip {
		return func(ctx context.Context, cmds []store.Command) ([]store.Reply, error) {
			n := 0
			for _, c := range cmds {
				if c.Name() == "ZSCORE" {
					n++
				}
			}
			most = max(most, n/2) // one for each queue
			return trip(ctx, cmds)
		}
	})
	w.wire.bytes.Store(0)
	n := len(must(w.Store.Claim(t.Context(), 2000))(w).Recipients)
	if wire := w.wire.bytes.Load(); n < 100 || n > 400 || wire > 30_000*kB {
		t.Errorf("a look takes up %d recipients, with %d KB over the wire", n, wire/kB)
	}
	if most > 50 || most < 20 {
		t.Errorf("one trip reads %d recipients of %d KB", most, len(doc)/kB)
	}
	if n = len(must(w.Store.Claim(t.Context(), 2000))(w).Recipients); n < 100 {
		t.Errorf("the next look takes up %d: the others were not handed back", n)
	}
}

// shardOf is the shard of a user's keys.
func shardOf(user fact.UserID) uint32 {
	h := fnv.New32a()
	h.Write([]byte(user))
	return h.Sum32() % store.DefaultShards
}
