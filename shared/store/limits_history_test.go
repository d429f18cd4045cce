package store_test

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
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
	w.t.Helper()
	w.must(w.s.Bind(w.t.Context(), limitedUser, limitedOpenID))
	w.others(n)
	for range min(n, 33) {
		w.dead(7)
	}
	for range min(n, most) {
		w.record(w.grantOf())
		w.clock.Advance(time.Minute)
	}
	for i := range min(n, most) {
		w.spend(card.ID(wide(fmt.Sprint("old", i, "-"), 60)))
	}
	w.clock.Advance(2 * time.Hour)
	w.inBatches(min(n, 1000), func(i int) fact.Fact { return w.messageOf(peer(i%100), limitedUser) })
	w.marks(n)
	w.inBatches(min(n, 500), func(int) fact.Fact { return w.ringOf(limitedUser) })
	w.inBatches(min(n, 500), func(i int) fact.Fact {
		return fact.Fact{Read: &fact.Read{Reader: limitedUser, Peer: fact.UserID(fmt.Sprint("friend", i)), UpTo: w.clock.Now()}}
	})
	for i := range min(n, 41) {
		w.announce(fmt.Sprint("a", i), limitedUser)
	}
}

func (w *limited) inBatches(n int, f func(i int) fact.Fact) {
	var facts []fact.Fact
	for i := range n {
		facts = append(facts, f(i))
	}
	for some := range slices.Chunk(facts, 1000) {
		w.record(some...)
	}
}

// others gives every queue and index n members more, behind the store's back.
func (w *limited) others(n int) {
	w.t.Helper()
	ctx, pipe := w.t.Context(), w.raw.Pipeline()
	later := float64(w.clock.Now().Add(30 * 24 * time.Hour).UnixMilli())
	quarter := w.clock.Now().Unix() / (86400 / 4)
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
	_, err := pipe.Exec(ctx)
	w.must(err)
}

// marks has n messages known as come, behind the store's back.
func (w *limited) marks(n int) {
	w.t.Helper()
	key := fmt.Sprintf("wxnotify-dev{%d}:d:%s:%d", shardOf(limitedUser), limitedUser, w.clock.Now().Unix()/86400)
	var fields []any
	for i := range n {
		fields = append(fields, fmt.Sprintf("%020d", i), "n")
	}
	if known, err := w.raw.HLen(w.t.Context(), key).Result(); err != nil || known == 0 {
		w.t.Fatalf("%d marks at %s, %v", known, key, err)
	}
	w.must(w.raw.HSet(w.t.Context(), key, fields...).Err())
}

// dead has a card with n notices end as a dead letter.
func (w *limited) dead(n int) {
	w.t.Helper()
	w.inBatches(n, func(i int) fact.Fact { return w.messageOf(peer(i), limitedUser) })
	w.clock.Advance(time.Minute)
	w.claims()
	w.begins()
	f := w.finish(fact.StateDead)
	f.Dead = &notify.DeadLetter{ID: string(w.card), User: limitedUser, OpenID: limitedOpenID, Card: w.card, Kind: fact.KindMessage,
		Template: limitedTmpl, At: w.clock.Now(), Class: "defect", Cause: "47003"}
	_, err := w.s.Finish(w.t.Context(), w.rules, []notify.Finish{f})
	w.must(err)
}

// spend has a card with 100 messages go out.
func (w *limited) spend(id card.ID) {
	w.t.Helper()
	w.card = id
	w.reserves()
	w.settles()
	w.clock.Advance(time.Minute)
}

func (w *limited) announce(id string, to ...fact.UserID) {
	w.t.Helper()
	var all []fact.Message
	text := strings.Repeat("好", 200)
	for _, user := range to {
		all = append(all, fact.Message{ID: fact.MessageID(wide(id, 64)), Kind: "shipped", To: user, SentAt: w.clock.Now(), ByREST: true,
			Announcement: &fact.Announcement{Fields: map[string]string{"sender": text, "summary": text, "group": text, "time": text, "peer": text}}})
	}
	_, _, err := w.s.Announce(w.t.Context(), w.rules, all)
	w.must(err)
}

// room takes back a message of the first peer, and a message of them fits.
func (w *limited) room() {
	w.due()
	w.claims()
	for _, n := range w.queue.Notices {
		if n.From == peer(1) {
			w.record(fact.Fact{Recall: &fact.Recall{ID: n.ID.ID(), From: n.From, To: limitedUser}})
			break
		}
	}
	w.letGo()
}

// letGo takes alice out of the hands of the run, due in an hour.
func (w *limited) letGo() {
	_, err := w.s.Finish(w.t.Context(), w.rules, []notify.Finish{{User: limitedUser, Queue: w.queue.Queue, Lease: w.queue.Lease,
		Again: w.clock.Now().Add(time.Hour), Hold: true}})
	w.must(err)
}

// crowd leaves no room for a message of the first peer.
func (w *limited) crowd() {
	w.inBatches(81, func(int) fact.Fact { return w.messageOf(peer(1), limitedUser) })
}

func (w *limited) message() { w.record(w.messageOf(peer(1), limitedUser)) }

func (w *limited) comes() { w.presence(true) }
func (w *limited) goes()  { w.presence(false) }

func (w *limited) presence(online bool) {
	w.clock.Advance(time.Second)
	w.record(fact.Fact{Presence: &fact.Presence{User: limitedUser, Online: online, At: w.clock.Now()}})
}

func (w *limited) reads() {
	w.record(fact.Fact{Read: &fact.Read{Reader: limitedUser, Peer: peer(2), UpTo: w.clock.Now()}})
}

func (w *limited) replies() { w.record(w.messageOf(limitedUser, peer(3))) }

func (w *limited) recalls() {
	w.record(fact.Fact{Recall: &fact.Recall{ID: "never heard of", From: peer(4), To: limitedUser}})
}

func (w *limited) rings() { w.record(w.ringOf(limitedUser)) }

// bindPeers has 500 users who can be told something.
func (w *limited) bindPeers() {
	w.t.Helper()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < 500; i += 8 {
				if err := w.s.Bind(w.t.Context(), peer(i), fact.OpenID(wide(fmt.Sprint("p", i, "-"), 28))); err != nil {
					w.t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func (w *limited) ringsAtAll() {
	var users []fact.UserID
	for i := range 100 {
		users = append(users, peer(i))
	}
	w.record(w.ringOf(users...))
}

func (w *limited) ringEnds() {
	r := w.ringOf(limitedUser).Ring
	w.record(fact.Fact{RingEnd: &fact.RingEnd{Call: r.Call, Source: r.Source, Caller: peer(5), Users: r.Users, How: fact.CallCancelled, At: r.At}})
}

func (w *limited) groupMessage() {
	m := fact.GroupMessage{Group: limitedTeam, Type: fact.GroupPublic, From: peer(6), SentAt: w.clock.Now(), Seq: uint32(w.next()),
		Summary: strings.Repeat("好", 40), For: fact.GroupMentions}
	for i := range 30 {
		m.At = append(m.At, peer(i))
	}
	w.record(fact.Fact{GroupMessage: &m})
}

func (w *limited) groupRecall() {
	r := fact.GroupRecall{Group: limitedTeam}
	for range 100 {
		r.Seqs = append(r.Seqs, uint32(w.next())*1000) // each has a key of its own for its marks
	}
	w.record(fact.Fact{GroupRecall: &r})
}

func (w *limited) grants() { w.record(w.grantOf()) }

func (w *limited) revokes() {
	w.record(fact.Fact{Revoke: &fact.Revoke{ID: fmt.Sprint("r", w.next()), OpenID: limitedOpenID, At: w.clock.Now().Add(-time.Hour), Templates: []fact.TemplateID{limitedTmpl}}})
}

func (w *limited) reports() {
	w.record(fact.Fact{Sent: &fact.Sent{OpenID: limitedOpenID, MsgID: int64(w.next()), Template: limitedTmpl, At: w.clock.Now()}})
}

func (w *limited) login() { w.must(w.s.Bind(w.t.Context(), limitedUser, limitedOpenID)) }

func (w *limited) allows() {
	_, err := w.s.Allow(w.t.Context(), "address", 300, time.Minute)
	w.must(err)
}

func (w *limited) announces() {
	var users []fact.UserID
	for i := range 500 {
		users = append(users, peer(i))
	}
	w.announce("news", users...)
}

// looked has a run know when each shard wants another look.
func (w *limited) looked() { w.claims() }

// due has a look find alice.
func (w *limited) due() {
	w.clock.Advance(2 * time.Hour)
}

func (w *limited) claims() {
	b, err := w.s.Claim(w.t.Context(), 2000)
	w.must(err)
	for _, rec := range b.Recipients {
		if rec.User == limitedUser && rec.Queue == card.QueueMessages {
			w.queue = rec
		}
	}
}

// carried is what a card of alice carries.
func (w *limited) carried() (ids []fact.Identity) {
	for _, n := range w.queue.Notices[:min(len(w.queue.Notices), 100)] {
		ids = append(ids, n.ID)
	}
	return ids
}

func (w *limited) begins() {
	w.card = card.ID(w.queue.Lease + "-" + string(limitedUser))
	_, err := w.s.Begin(w.t.Context(), []notify.Begin{{User: limitedUser, Queue: card.QueueMessages, Lease: w.queue.Lease, Card: w.card,
		Template: limitedTmpl, Messages: w.carried(), At: w.clock.Now()}})
	w.must(err)
}

// identities are those of 100 messages.
func (w *limited) identities() (ids []fact.Identity) {
	for i := range 100 {
		ids = append(ids, fact.Identity(wide(fmt.Sprint("m", i, ":"), 54)))
	}
	return ids
}

func (w *limited) reserves() {
	r, err := w.s.Reserve(w.t.Context(), permit.Reserve{Card: permit.Card{ID: w.card, OpenID: limitedOpenID, User: limitedUser, Queue: card.QueueMessages,
		Template: limitedTmpl, Messages: w.identities(), UnknownAfter: time.Minute},
		PerHour: 1000})
	w.must(err)
	if r.Status != permit.ReserveOK {
		w.t.Fatalf("reserved %+v", r)
	}
}

func (w *limited) settles() {
	_, err := w.s.Settle(w.t.Context(), permit.Settle{Card: permit.Card{ID: w.card, OpenID: limitedOpenID, User: limitedUser, Queue: card.QueueMessages,
		Template: limitedTmpl, Messages: w.identities()},
		End: permit.End{State: permit.CardDelivered, Permit: permit.Spent, Final: fact.StateDelivered}, MsgID: int64(w.next())})
	w.must(err)
}

func (w *limited) finish(state fact.State) notify.Finish {
	return notify.Finish{User: limitedUser, Queue: card.QueueMessages, Lease: w.queue.Lease, Card: w.card, Absence: notify.AbsenceTold,
		Final: []notify.Final{{State: state, Messages: w.carried()}}}
}

func (w *limited) finishes() {
	_, err := w.s.Finish(w.t.Context(), w.rules, []notify.Finish{w.finish(fact.StateDelivered)})
	w.must(err)
}

func (w *limited) rests() {
	_, err := w.s.Rest(w.t.Context(), w.clock.Now().Add(time.Minute))
	w.must(err)
}

// spill is what an event of 128 KB holds.
func (w *limited) spill() {
	w.inBatches(400, func(i int) fact.Fact { return w.messageOf(peer(i), limitedUser) })
}

// A look at 2,000 who are due, of whom each has as much as can wait, takes what fits into memory, and the
// others are handed back.
func TestLimitOfALook(t *testing.T) {
	t.Parallel()
	w := newLimited(t)
	w.must(w.s.Bind(t.Context(), limitedUser, limitedOpenID))
	w.inBatches(1000, func(i int) fact.Fact { return w.messageOf(peer(i%100), limitedUser) })
	keys, err := w.raw.Keys(t.Context(), "*}:r:"+string(limitedUser)).Result()
	w.must(err)
	doc, err := w.raw.HGet(t.Context(), keys[0], "m").Result()
	w.must(err)
	pipe := w.raw.Pipeline()
	for i := range 2000 {
		tag := fmt.Sprintf("wxnotify-dev{%d}:", shardOf(peer(i)))
		pipe.HSet(t.Context(), tag+"r:"+string(peer(i)), "v", "1", "o", "o", "m", doc)
		pipe.ZAdd(t.Context(), tag+"q", redis.Z{Score: float64(w.clock.Now().UnixMilli()), Member: string(peer(i))})
	}
	_, err = pipe.Exec(t.Context())
	w.must(err)
	w.clock.Advance(time.Minute)
	w.wire.Store(0)
	b, err := w.s.Claim(t.Context(), 2000)
	w.must(err)
	if n, wire := len(b.Recipients), w.wire.Load(); n < 200 || n > 700 || wire > 60_000*kB {
		t.Errorf("a look takes up %d recipients, with %d KB over the wire", n, wire/kB)
	}
	if b, err = w.s.Claim(t.Context(), 2000); err != nil || len(b.Recipients) < 200 {
		t.Errorf("the next look takes up %d, %v: the others were not handed back", len(b.Recipients), err)
	}
}

// shardOf is the shard of a user's keys.
func shardOf(user fact.UserID) uint32 {
	h := fnv.New32a()
	h.Write([]byte(user))
	return h.Sum32() % store.DefaultShards
}
