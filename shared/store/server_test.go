package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// idleUserCosts wants a bound user with two permits of each of two templates, who was told
// of something since they left, to take 900 bytes at most. What ends by itself within days (marks,
// timeline) is no cost of an idle user.
func idleUserCosts(t *testing.T, addr string) {
	const (
		user   = "abcdefghijklmnopqrstuvwxyz"
		openID = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
		most   = 900
	)
	h := emptied(t, addr)
	templates := []fact.TemplateID{tmpl, tmpl2}
	if err := h.Store.Bind(t.Context(), user, openID); err != nil {
		t.Fatal(err)
	}
	facts := []fact.Fact{{Presence: &fact.Presence{User: user, At: h.Now()}}}
	for i := range 2 {
		at := h.Now().Add(time.Duration(i) * time.Hour)
		for _, source := range []fact.GrantSource{fact.GrantPopup, fact.GrantReport} {
			facts = append(facts, fact.Fact{Grant: &fact.Grant{ID: fmt.Sprint("tap", i), OpenID: openID, Source: source, At: at, Templates: templates}})
		}
	}
	if _, err := h.Store.Record(t.Context(), notify.DefaultRules(), facts); err != nil {
		t.Fatal(err)
	}
	absentSince(t, h, user)
	balances, err := h.Store.Balances(t.Context(), openID, templates)
	if err != nil || balances[templates[0]] != 2 || balances[templates[1]] != 2 {
		t.Fatalf("balances: %v, %v, want 2 each", balances, err)
	}

	keys, err := h.Raw.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, key := range keys {
		if !strings.Contains(key, user) && !strings.Contains(key, openID) {
			continue
		}
		size, err := h.Raw.MemoryUsage(t.Context(), key, 0).Result()
		if err != nil {
			t.Fatal(err)
		}
		ttl, err := h.Raw.TTL(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%4d bytes, ttl %v: %s", size, ttl, key)
		if ttl < 0 {
			sum += size
		}
	}
	if sum == 0 || sum > most {
		t.Errorf("an idle user costs %d bytes, want 1 to %d", sum, most)
	}
}

// absentSince has user told of a message just now.
func absentSince(t *testing.T, h Harness, user fact.UserID) {
	t.Helper()
	ctx, rules := t.Context(), notify.DefaultRules()
	message := fact.Message{ID: "m1", From: "peer", To: user, SentAt: h.Now()}
	if _, err := h.Store.Record(ctx, rules, []fact.Fact{{Message: &message}}); err != nil {
		t.Fatal(err)
	}
	h.Advance(rules.Lead)
	batch, err := h.Store.Claim(ctx, 1)
	if err != nil || len(batch.Recipients) != 1 {
		t.Fatalf("claimed %+v, %v, want one recipient", batch.Recipients, err)
	}
	done := notify.Finish{User: user, Lease: batch.Recipients[0].Lease, Absence: notify.AbsenceTold,
		Final: []notify.Final{{State: fact.StateDelivered, Messages: []fact.Identity{message.Identity()}}}}
	if _, err := h.Store.Finish(ctx, rules, []notify.Finish{done}); err != nil {
		t.Fatal(err)
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
func (c *trips) during(t *testing.T, do func() error) int64 {
	t.Helper()
	before := c.n.Load()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return c.n.Load() - before
}

// crowd is 32 bound users with a message each, and what a run does for them.
type crowd struct {
	s     *store.Store
	users []fact.UserID
	begin []notify.Begin
	done  []notify.Finish
}

const crowdSize = 32

func newCrowd(ctx context.Context, s *store.Store) (*crowd, error) {
	c := &crowd{s: s}
	for i := range crowdSize {
		c.users = append(c.users, fact.UserID(fmt.Sprint("user", i)))
		if err := s.Bind(ctx, c.users[i], fact.OpenID(fmt.Sprint("openid", i))); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *crowd) message(ctx context.Context, id string, at time.Time, users ...fact.UserID) error {
	var facts []fact.Fact
	for _, user := range users {
		facts = append(facts, fact.Fact{Message: &fact.Message{ID: fact.MessageID(id), From: "peer", To: user, SentAt: at}})
	}
	_, err := c.s.Record(ctx, notify.DefaultRules(), facts)
	return err
}

func (c *crowd) claim(ctx context.Context) error {
	batch, err := c.s.Claim(ctx, 500)
	if err != nil {
		return err
	}
	if len(batch.Recipients) != crowdSize {
		return fmt.Errorf("%d recipients, want %d", len(batch.Recipients), crowdSize)
	}
	c.begin, c.done = nil, nil
	for _, r := range batch.Recipients {
		id, ids := card.ID(r.Lease+string(r.User)), []fact.Identity{r.Notices[0].ID}
		c.begin = append(c.begin, notify.Begin{User: r.User, Lease: r.Lease, Card: id, Template: tmpl, Messages: ids})
		c.done = append(c.done, notify.Finish{User: r.User, Lease: r.Lease, Card: id,
			Final: []notify.Final{{State: fact.StateDelivered, Messages: ids}},
			Steps: []notify.Step{{At: batch.Now, Kind: notify.StepSent}}})
	}
	return nil
}

func roundTrips(t *testing.T, addr string) {
	h := emptied(t, addr)
	ctx := t.Context()
	var c *crowd
	sent := permit.Reserve{Card: permit.Card{ID: "card", OpenID: "openid0", User: "user0", Template: tmpl}, PerHour: 30}
	var hook trips
	h.Store.AddHook(hook.hook)
	steps := []struct {
		name string
		want int64
		do   func() error
	}{
		{"a message", 2, func() error { return c.message(ctx, "m1", h.Now(), "user0") }},
		{"messages for many", 2, func() error { return c.message(ctx, "m1", h.Now(), c.users...) }},
		{"a grant", 2, func() error {
			_, err := h.Store.Record(ctx, notify.DefaultRules(), []fact.Fact{{Grant: &fact.Grant{ID: "g", OpenID: "openid0",
				Source: fact.GrantPopup, At: h.Now(), Templates: []fact.TemplateID{tmpl}}}})
			return err
		}},
		{"rest while something falls due", 1, func() error {
			next, err := h.Store.Rest(ctx, h.Now().Add(time.Hour))
			if err == nil && next.IsZero() {
				err = fmt.Errorf("nothing falls due")
			}
			return err
		}},
		{"claim", 4, func() error {
			h.Advance(time.Minute)
			return c.claim(ctx)
		}},
		{"begin of 32", 2, func() error {
			begun, err := h.Store.Begin(ctx, c.begin)
			if err == nil && slices.ContainsFunc(begun, func(ids []fact.Identity) bool { return len(ids) != 1 }) {
				err = fmt.Errorf("begun: %v", begun)
			}
			return err
		}},
		{"reserve", 2, func() error {
			r, err := h.Store.Reserve(ctx, sent)
			if err == nil && r.Status != permit.ReserveOK {
				err = fmt.Errorf("reserve: %v", r)
			}
			return err
		}},
		{"settle", 2, func() error {
			return second(h.Store.Settle(ctx, permit.Settle{Card: permit.Card{ID: sent.ID, OpenID: sent.OpenID, Template: tmpl},
				End: permit.End{State: permit.CardDelivered, Permit: permit.Spent, Final: fact.StateDelivered}}))
		}},
		{"a call at many", 2, func() error {
			ring := fact.Ring{Call: "call", Source: fact.CallSignal, Caller: "peer", Users: c.users, At: h.Now(), For: time.Minute}
			end := fact.RingEnd{Call: "call", Source: fact.CallSignal, Users: c.users, How: fact.CallAnswered}
			_, err := h.Store.Record(ctx, notify.DefaultRules(), []fact.Fact{{Ring: &ring}, {RingEnd: &end}})
			return err
		}},
		{"a report of WeChat", 2, func() error {
			_, err := h.Store.Record(ctx, notify.DefaultRules(), []fact.Fact{{Sent: &fact.Sent{OpenID: sent.OpenID, Template: tmpl, At: h.Now()}}})
			return err
		}},
		{"unknown cards of many", 7, func() error {
			for i, user := range c.users {
				_, err := h.Store.Settle(ctx, permit.Settle{Card: permit.Card{ID: card.ID("unknown-" + user), OpenID: fact.OpenID(fmt.Sprint("openid", i)),
					Template: tmpl, User: user, Messages: []fact.Identity{"m0"}},
					End: permit.End{State: permit.CardUnknown, Permit: permit.Held}})
				if err != nil {
					return err
				}
			}
			hook.n.Add(-2 * crowdSize)
			ends, err := h.Store.Reconcile(ctx, 2*crowdSize)
			if err == nil && len(ends) != crowdSize {
				err = fmt.Errorf("ends: %v", ends)
			}
			return err
		}},
		{"nothing to reconcile", 1, func() error { _, err := h.Store.Reconcile(ctx, crowdSize); return err }},
		{"preferences", 1, func() error { return h.Store.SetPreferences(ctx, "user0", notify.Preferences{}) }},
		{"finding a message", 1, func() error {
			users, err := h.Store.FindMessage(ctx, "m1")
			if err == nil && len(users) != crowdSize {
				err = fmt.Errorf("found for %v", users)
			}
			return err
		}},
		{"finish of 32", 2, func() error { _, err := h.Store.Finish(ctx, notify.DefaultRules(), c.done); return err }},
		{"rest", 1, func() error { return second(h.Store.Rest(ctx, h.Now().Add(time.Hour))) }},
		{"balances", 1, func() error {
			_, err := h.Store.Balances(ctx, sent.OpenID, []fact.TemplateID{tmpl, "another"})
			return err
		}},
		{"counts", 1, func() error {
			counts, err := h.Store.Counts(ctx)
			if err == nil && counts[fact.StateDelivered] != crowdSize {
				err = fmt.Errorf("counts: %v", counts)
			}
			return err
		}},
		{"announcements to many", 2, func() error {
			var ms []fact.Message
			for _, user := range c.users {
				ms = append(ms, fact.Message{ID: "a", To: user, SentAt: h.Now(), Announcement: &fact.Announcement{}})
			}
			_, _, err := h.Store.Announce(ctx, notify.DefaultRules(), ms)
			return err
		}},
		{"a token to renew", 2, func() error { _, _, _, err := h.Store.Token(ctx, "wx1"); return err }},
		{"a token", 1, func() error { _, _, _, err := h.Store.Token(ctx, "wx1"); return err }},
	}
	// The first time round the server learns the scripts.
	for _, count := range []bool{false, true} {
		if err := h.Raw.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c, err = newCrowd(ctx, h.Store); err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if got := hook.during(t, s.do); count && got != s.want {
				t.Errorf("%s takes %d round trips, want %d", s.name, got, s.want)
			}
		}
	}
}

func scriptsAreReloaded(t *testing.T, addr string) {
	h := emptied(t, addr)
	ctx := t.Context()
	c, err := newCrowd(ctx, h.Store)
	if err != nil {
		t.Fatal(err)
	}
	var hook trips
	h.Store.AddHook(hook.hook)
	forget := func() {
		if err := h.Raw.ScriptFlush(ctx).Err(); err != nil {
			t.Fatal(err)
		}
	}

	forget()
	if got := hook.during(t, func() error { return c.message(ctx, "m1", h.Now(), c.users...) }); got != 4 {
		t.Errorf("all forgotten: %d round trips, want 4", got)
	}
	if got := hook.during(t, func() error { return c.message(ctx, "m1", h.Now(), c.users...) }); got != 2 {
		t.Errorf("all known: %d round trips, want 2", got)
	}
	h.Advance(time.Minute)
	forget()
	if err := c.claim(ctx); err != nil {
		t.Errorf("claim after all was forgotten: %v", err)
	}

	// Here the server knows look, and no other script.
	forget()
	read := fact.Fact{Read: &fact.Read{Reader: "user0", Peer: "peer", UpTo: h.Now()}}
	if _, err := h.Store.Record(ctx, notify.DefaultRules(), []fact.Fact{read}); err != nil {
		t.Fatal(err)
	}
	if got := hook.during(t, func() error { return c.message(ctx, "m2", h.Now(), "user1") }); got != 3 {
		t.Errorf("one forgotten: %d round trips, want 3", got)
	}
	steps, err := h.Store.Timeline(ctx, "user1")
	if err != nil || len(steps) != 2 {
		t.Errorf("timeline: %v, %v, want two accepted messages", steps, err)
	}
}
