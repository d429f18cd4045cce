package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// idleUserCosts wants a bound user with two permits of each of two templates, who was told
// of something since they left, to take 900 bytes at most. What ends by itself within days (marks,
// timeline) is no cost of an idle user.
func idleUserCosts(t *testing.T, addr string) {
	const most = 900
	b := newBench(t, emptied(t, addr))
	b.bind()
	b.record(b.left())
	for i := range 2 {
		p, r := b.popup(b.Now().Add(time.Duration(i)*time.Hour)), b.report(b.Now().Add(time.Duration(i)*time.Hour))
		p.Templates, r.Templates = []fact.TemplateID{tmpl, tmpl2}, []fact.TemplateID{tmpl, tmpl2}
		b.record(p, r)
	}
	b.told()
	b.owns(tmpl, 2, 0)
	b.owns(tmpl2, 2, 0)
	sum := int64(0)
	for _, key := range b.keys() {
		if !strings.Contains(key, string(alice)) && !strings.Contains(key, string(aliceOpenID)) {
			continue
		}
		size, ttl := must(b.Raw.MemoryUsage(b.Context(), key, 0).Result())(b), must(b.Raw.TTL(b.Context(), key).Result())(b)
		t.Logf("%4d bytes, ttl %v: %s", size, ttl, key)
		if ttl < 0 {
			sum += size
		}
	}
	if sum == 0 || sum > most {
		t.Errorf("an idle user costs %d bytes, want 1 to %d", sum, most)
	}
}

// trips counts round trips.
type trips struct{ n atomic.Int64 }

func (c *trips) hook(next store.Trip) store.Trip {
	return func(ctx context.Context, cmds []store.Command) ([]store.Reply, error) {
		c.n.Add(1)
		return next(ctx, cmds)
	}
}

// during returns how many round trips do took.
func (c *trips) during(do func()) int64 {
	before := c.n.Load()
	do()
	return c.n.Load() - before
}

// crowd is 32 bound users with a message each, and what a run does for them.
type crowd struct {
	*bench
	trips
	users []fact.UserID
	cards []notify.Begin
	done  []notify.Finish
}

const crowdSize = 32

// newCrowd returns the users of an empty store on the server. Their round trips are counted.
func newCrowd(t *testing.T, addr string) *crowd {
	c := &crowd{bench: newBench(t, emptied(t, addr))}
	c.Store.AddHook(c.hook)
	for i := range crowdSize {
		c.users = append(c.users, fact.UserID(fmt.Sprint("user", i)))
	}
	c.login()
	return c
}

func (c *crowd) login() {
	for i, user := range c.users {
		c.bindTo(user, fact.OpenID(fmt.Sprint("openid", i)))
	}
}

func (c *crowd) messages(id fact.MessageID, users ...fact.UserID) {
	c.Helper()
	var all []any
	for _, user := range users {
		all = append(all, c.messageTo(user, id))
	}
	c.record(all...)
}

func (c *crowd) claims() {
	c.Helper()
	c.Advance(time.Minute)
	recs := must(c.Store.Claim(c.Context(), 500))(c)
	equal(c.bench, "recipients", len(recs.Recipients), crowdSize)
	c.cards, c.done = nil, nil
	for _, rec := range recs.Recipients {
		begun := beginOf(rec)
		c.cards = append(c.cards, begun)
		c.done = append(c.done, notify.Finish{User: rec.User, Lease: rec.Lease, Card: begun.Card, Final: final(fact.StateDelivered, begun.Messages...),
			Steps: []notify.Step{{At: recs.Now, Kind: notify.StepSent}}})
	}
}

// unknown leaves a card of each that is unknown and overdue.
func (c *crowd) unknown() {
	c.Helper()
	for i, user := range c.users {
		must(c.Store.Settle(c.Context(), permit.Settle{Card: permit.Card{ID: card.ID("unknown-" + user), OpenID: fact.OpenID(fmt.Sprint("openid", i)),
			Template: tmpl, User: user, Messages: []fact.Identity{"m0"}},
			End: permit.End{State: permit.CardUnknown, Permit: permit.Held}}))(c)
	}
}

func roundTrips(t *testing.T, addr string) {
	c := newCrowd(t, addr)
	b, ctx := c.bench, c.Context()
	sent := permit.Reserve{Card: permit.Card{ID: "card", OpenID: "openid0", User: "user0", Template: tmpl}, PerHour: 30}
	token := func() {
		_, _, _, err := b.Store.Token(ctx, "wx1")
		b.must(err)
	}
	steps := []struct {
		name string
		want int64
		do   func()
	}{
		{"a message", 2, func() { c.messages("m1", "user0") }},
		{"messages for many", 2, func() { c.messages("m1", c.users...) }},
		{"a grant", 2, func() {
			b.record(fact.Grant{ID: "g", OpenID: sent.OpenID, Source: fact.GrantPopup, At: b.Now(), Templates: []fact.TemplateID{tmpl}})
		}},
		{"rest while something falls due", 1, func() {
			equal(b, "nothing falls due", must(b.Store.Rest(ctx, b.Now().Add(time.Hour)))(b).IsZero(), false)
		}},
		{"claim, of all shards", 6, c.claims},
		{"begin of 32", 1, func() {
			for _, ids := range must(b.Store.Begin(ctx, c.cards))(b) {
				equal(b, "begun", len(ids), 1)
			}
		}},
		{"reserve", 2, func() { b.reserved(sent, permit.ReserveOK) }},
		{"settle", 1, func() {
			b.settles(permit.Settle{Card: sent.Card, End: permit.End{State: permit.CardDelivered, Permit: permit.Spent, Final: fact.StateDelivered}})
		}},
		{"a call at many", 2, func() {
			ring := fact.Ring{Call: "call", Source: fact.CallSignal, Caller: "peer", Users: c.users, At: b.Now(), For: time.Minute}
			b.record(ring, b.endOf(ring, fact.CallAnswered))
		}},
		{"a report of WeChat", 2, func() { b.record(fact.Sent{OpenID: sent.OpenID, Template: tmpl, At: b.Now()}) }},
		{"unknown cards of many", 2*crowdSize + 7, func() {
			c.unknown()
			equal(b, "ends", len(must(b.Store.Reconcile(ctx, 2*crowdSize))(b)), crowdSize)
		}},
		{"nothing to reconcile", 1, func() { b.reconciled() }},
		{"preferences", 1, func() { b.must(b.Store.SetPreferences(ctx, "user0", notify.Preferences{})) }},
		{"finding a message", 1, func() { equal(b, "found", len(must(b.Store.FindMessage(ctx, "m1"))(b)), crowdSize) }},
		{"finish of 32", 2, func() { b.finish(c.done...) }},
		{"rest", 1, func() { must(b.Store.Rest(ctx, b.Now().Add(time.Hour)))(b) }},
		{"balances", 1, func() { must(b.Store.Balances(ctx, sent.OpenID, []fact.TemplateID{tmpl, "another"}))(b) }},
		{"counts", 1, func() { equal(b, "delivered", b.counts()[fact.StateDelivered], crowdSize) }},
		{"announcements to many", 2, func() {
			var ms []fact.Message
			for _, user := range c.users {
				ms = append(ms, fact.Message{ID: "a", To: user, SentAt: b.Now(), Announcement: &fact.Announcement{}})
			}
			b.announce(ms...)
		}},
		{"a token to renew", 2, token},
		{"a token", 1, token},
	}
	// The first time round the server learns the scripts.
	for _, count := range []bool{false, true} {
		b.must(b.Raw.FlushAll(ctx).Err())
		c.login()
		for _, s := range steps {
			if got := c.during(s.do); count && got != s.want {
				t.Errorf("%s takes %d round trips, want %d", s.name, got, s.want)
			}
		}
	}
}

func scriptsAreReloaded(t *testing.T, addr string) {
	c := newCrowd(t, addr)
	forget := func() { c.must(c.Raw.ScriptFlush(c.Context()).Err()) }
	forget()
	equal(c.bench, "round trips, all forgotten", c.during(func() { c.messages("m1", c.users...) }), 4)
	equal(c.bench, "round trips, all known", c.during(func() { c.messages("m1", c.users...) }), 2)
	forget()
	c.claims()
	// Here the server knows look, and no other script.
	forget()
	c.record(fact.Read{Reader: "user0", Peer: bob, UpTo: c.Now()})
	equal(c.bench, "round trips, one forgotten", c.during(func() { c.messages("m2", "user1") }), 3)
	equal(c.bench, "accepted", len(c.timeline("user1")), 2)
}

// A message of a group takes two round trips and three scripts, and a look more for senders who
// wrote it themselves and so have read the group. They do as much for the first message of a group as
// for one that many wait before.
func TestGroupMessageCosts(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	b := newBench(t, emptied(t, addr))
	var hook trips
	b.Store.AddHook(hook.hook)
	record := func(from, to uint32, byREST bool) {
		var all []any
		for seq := from; seq < to; seq++ {
			m := b.groupMessage(seq)
			m.ByREST = byREST
			all = append(all, m)
		}
		b.record(all...)
	}
	record(1, 2, false) // the server learns the scripts
	b.must(b.Raw.FlushDB(t.Context()).Err())

	// commands returns how many commands the scripts of a message run.
	commands := func(seq uint32, byREST bool, wantScripts int) (n int) {
		m := startMonitor(t, addr)
		equal(b, "round trips", hook.during(func() { record(seq, seq+1, byREST) }), 2)
		scripts := 0
		for _, c := range m.commands(t) {
			if c.byScript {
				n++
			} else if strings.HasPrefix(strings.ToLower(c.args[0]), "eval") {
				scripts++
			}
		}
		equal(b, fmt.Sprint("scripts of message ", seq), scripts, wantScripts)
		return n
	}
	first, firstOwn := commands(1, true, 3), commands(2, false, 3) // who wrote is looked at by a command
	record(3, 2000, true)
	last, lastOwn := commands(2000, true, 3), commands(2001, false, 3)
	// One more command may set the watch, as the very first surely does.
	if last == 0 || last > first || lastOwn > firstOwn+1 {
		t.Errorf("messages 2000 and 2001 take %d and %d commands, the first took %d and %d", last, lastOwn, first, firstOwn)
	}
}
