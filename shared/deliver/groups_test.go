package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/simulator"
)

// inGroup is a message of user1 in the group g1, to all of its members.
func (w *world) inGroup(change func(*notify.GroupMessage)) notify.GroupMessage {
	w.t.Helper()
	w.seq++
	m := notify.GroupMessage{Group: "g1", Type: notify.GroupPrivate, From: "user1", SentAt: w.clock(), Seq: w.seq, Summary: "hi"}
	if change != nil {
		change(&m)
	}
	w.accept(notify.Fact{GroupMessage: &m})
	return m
}

// crowd makes the group g1 of user1 and n others, who are bound, away, and have a permit
// each.
func (w *world) crowd(n int) []notify.UserID {
	w.t.Helper()
	users := []notify.UserID{}
	members := []notify.Member{{User: "user1"}}
	for i := range n {
		user := notify.UserID(fmt.Sprint("member", i))
		users = append(users, user)
		members = append(members, notify.Member{User: user})
		w.subscribed(user, 1)
		w.status[user] = notify.StatusOffline
	}
	w.groups = map[notify.GroupID][]notify.Member{"g1": members}
	return users
}

func everybody(w *world) *world {
	w.rules(func(r *notify.Rules) {
		r.Groups = map[notify.GroupType]notify.GroupRule{notify.GroupPrivate: notify.GroupAll}
	})
	return w
}

// Who is told of a group's message, for each type and rule.
func TestWhoIsToldOfAGroup(t *testing.T) {
	t.Parallel()
	const listener, mentioned, muted, choosy, sender = "user2", "user3", "user4", "user5", "user1"
	told := func(users ...notify.UserID) []notify.UserID { return users }
	mention := func(m *notify.GroupMessage) { m.At = []notify.UserID{mentioned, muted, choosy, sender} }
	all := func(m *notify.GroupMessage) { m.AtAll = true }
	for name, c := range map[string]struct {
		rule notify.GroupRule
		say  func(*notify.GroupMessage)
		want []notify.UserID
	}{
		"mentions, nobody is mentioned":     {notify.GroupMentions, nil, nil},
		"mentions, some are":                {notify.GroupMentions, mention, told(mentioned, choosy)},
		"mentions, everybody is":            {notify.GroupMentions, all, told(listener, mentioned, choosy)},
		"all, nobody is mentioned":          {notify.GroupAll, nil, told(listener, mentioned)},
		"all, some are":                     {notify.GroupAll, mention, told(listener, mentioned, choosy)},
		"off, everybody is mentioned":       {notify.GroupOff, all, nil},
		"all, but silent":                   {notify.GroupAll, func(m *notify.GroupMessage) { m.Silent = true }, nil},
		"all, but for who is online":        {notify.GroupAll, func(m *notify.GroupMessage) { m.OnlineOnly = true }, nil},
		"all, but it failed":                {notify.GroupAll, func(m *notify.GroupMessage) { m.FailedCode = 10016 }, nil},
		"all, but from our admin":           {notify.GroupAll, func(m *notify.GroupMessage) { m.From = "administrator" }, nil},
		"all, by a server in one's name":    {notify.GroupAll, func(m *notify.GroupMessage) { m.ByREST = true }, told(listener, mentioned)},
		"a mention of one who has left":     {notify.GroupMentions, func(m *notify.GroupMessage) { m.At = []notify.UserID{"user9"} }, nil},
		"a type that the rules do not name": {"", func(m *notify.GroupMessage) { m.Type, m.AtAll = "AVChatRoom", true }, nil},
	} {
		for _, typ := range []notify.GroupType{notify.GroupPrivate, notify.GroupPublic, notify.GroupChatRoom, notify.GroupCommunity} {
			t.Run(name+", "+string(typ), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.rules(func(r *notify.Rules) {
					r.Groups = map[notify.GroupType]notify.GroupRule{typ: c.rule}
					if c.rule == "" {
						r.Groups = notify.DefaultRules().Groups
					}
				})
				users := []notify.UserID{sender, listener, mentioned, muted, choosy, "user9"}
				for _, user := range users {
					w.subscribed(user, 1)
					w.status[user] = notify.StatusOffline
				}
				w.groups = map[notify.GroupID][]notify.Member{"g1": {{User: sender}, {User: listener}, {User: mentioned}, {User: muted, Muted: true}, {User: choosy, MentionsOnly: true}}}
				m := w.inGroup(func(m *notify.GroupMessage) {
					m.Type = typ
					if c.say != nil {
						c.say(m)
					}
				})
				w.jump(10 * time.Second)
				for _, user := range users {
					want := noTrace
					for _, u := range c.want {
						if u == user {
							want = "delivered"
						}
					}
					if got := w.ends(user, m.ID()); got != want {
						t.Errorf("for %s it ended %q, want %q", user, got, want)
					}
				}
			})
		}
	}
}

// A message to 2,000 members costs 4 questions who is there, although IM takes a while for
// each page of them.
func TestLargeGroup(t *testing.T) {
	t.Parallel()
	const size = 2000
	w := everybody(newWorld(t))
	w.onRedis()
	w.rules(func(r *notify.Rules) { r.SendsPerSecond = 10000 })
	w.crowd(size)
	w.deliver.Directory = pages{w, 100 * time.Millisecond}
	m := w.inGroup(nil)
	w.jump(30 * time.Second)
	w.cards(size)
	counts, err := w.store.Counts(t.Context())
	if err != nil || counts[notify.StateDelivered] != size {
		t.Errorf("messages ended %v, %v", counts, err)
	}
	if w.asks != 4 {
		t.Errorf("IM was asked %d times who is there, want 4", w.asks)
	}
	w.accept(notify.Fact{GroupMessage: &m}) // IM repeats it
	w.jump(10 * time.Minute)
	w.cards(size)
}

// onRedis has the world keep its state in a real Redis, which is quicker.
func (w *world) onRedis() {
	w.t.Helper()
	st, err := store.Open(store.Config{URL: secret.New("redis://" + redistest.Start(w.t)), Shards: 2, Now: w.clock, ServerTime: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { st.Close() })
	w.store, w.inbox.Store, w.deliver.Store = st, st, st
}

// pages is a directory for which each page takes its time.
type pages struct {
	*world
	takes time.Duration
}

func (p pages) Members(ctx context.Context, group notify.GroupID, typ notify.GroupType, page string) ([]notify.Member, string, error) {
	p.set(p.clock().Add(p.takes))
	return p.world.Members(ctx, group, typ, page)
}

// Mentions are looked up among the 50 that IM takes in one call, whatever the size of the
// group; everybody in pages.
func TestMentionsCostOneCall(t *testing.T) {
	t.Parallel()
	const few, many = "/v4/group_open_http_svc/get_specified_group_member_info", "/v4/group_open_http_svc/get_group_member_info"
	s := newStage(t)
	members := []string{"anna", tom}
	for i := range 400 {
		members = append(members, fmt.Sprint("member", i))
	}
	s.must(s.im.CreateGroup(simulator.Group{ID: "g1", Type: simulator.GroupPublic, Name: "Crowd", Members: members}))
	s.has(2)
	s.groupSay("a", simulator.GroupMessage{At: append([]string{tom}, members[2:31]...)})
	s.run(time.Minute)
	if one, all := s.sim.Record.Count(few), s.sim.Record.Count(many); one != 1 || all != 0 {
		t.Errorf("30 mentions cost %d calls for some members and %d for all, want 1 and 0", one, all)
	}
	s.groupSay("b", simulator.GroupMessage{AtAll: true})
	s.run(time.Minute)
	if one, all := s.sim.Record.Count(few), s.sim.Record.Count(many); one != 1 || all < 3 || all > 5 {
		t.Errorf("402 members cost %d calls for all, want 3 to 5", all)
	}
	if got := s.story(time.Second); got[:len("asked +3s; card 1 +3s")] != "asked +3s; card 1 +3s" {
		t.Errorf("it went: %s", got)
	}
}

// A spread that stops between or within pages goes on when its lease ends: nobody is told
// twice, nobody is left out.
func TestSpreadGoesOn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(f *torn){
		"the members are not told":             func(f *torn) { f.members = 2 },
		"a page is recorded in part":           func(f *torn) { f.record = 2 },
		"a page is recorded, and not noted":    func(f *torn) { f.advance = 2 },
		"a page is noted, and it is not heard": func(f *torn) { f.heard = 2 },
		"all of it, again and again":           func(f *torn) { f.members, f.record, f.advance, f.heard = 4, 3, 2, 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := everybody(newWorld(t))
			users := w.crowd(250)
			f := &torn{Store: w.store, world: w}
			fault(f)
			w.deliver.Store, w.deliver.Directory = f, f
			m := w.inGroup(nil)
			w.jump(20 * time.Minute)
			if f.members+f.record+f.advance+f.heard > 0 {
				t.Fatalf("not all faults happened: %+v", f)
			}
			for _, user := range users {
				steps, err := w.store.Timeline(t.Context(), user)
				if err != nil {
					t.Fatal(err)
				}
				accepted := 0
				for _, s := range steps {
					if s.Kind == notify.StepAccepted {
						accepted++
					}
				}
				if end := endOf(steps, m.ID()); accepted != 1 || end != "delivered" {
					t.Fatalf("%s was told %d times, and it ended %q", user, accepted, end)
				}
			}
			w.cards(len(users))
		})
	}
}

// torn is a store, and a directory, of which the n-th call fails, once.
type torn struct {
	deliver.Store
	*world
	members, record, advance, heard int
}

func (f *torn) now(n *int) error {
	if *n == 0 {
		return nil
	}
	if *n--; *n > 0 {
		return nil
	}
	return errLost
}

func (f *torn) Members(ctx context.Context, group notify.GroupID, typ notify.GroupType, page string) ([]notify.Member, string, error) {
	if err := f.now(&f.members); err != nil {
		return nil, "", err
	}
	return f.world.Members(ctx, group, typ, page)
}

func (f *torn) Record(ctx context.Context, rules notify.Rules, facts []notify.Fact) (bool, error) {
	if err := f.now(&f.record); err != nil {
		f.Store.Record(ctx, rules, facts[:len(facts)/2])
		return false, err
	}
	return f.Store.Record(ctx, rules, facts)
}

func (f *torn) Advance(ctx context.Context, s notify.Spread, page string, done bool) error {
	if err := f.now(&f.advance); err != nil {
		return err
	}
	return errors.Join(f.Store.Advance(ctx, s, page, done), f.now(&f.heard))
}

// spoilt is a store that holds something unreadable of each first member of a page.
type spoilt struct{ deliver.Store }

func (s spoilt) Record(ctx context.Context, rules notify.Rules, facts []notify.Fact) (bool, error) {
	wake, err := s.Store.Record(ctx, rules, facts[1:])
	return wake, errors.Join(err, fmt.Errorf("%w: the key of %s", notify.ErrUnreadable, facts[0].Message.To))
}

// What is unreadable of one member keeps no other from being told, on this page or the next.
func TestSpreadPassesTheUnreadable(t *testing.T) {
	t.Parallel()
	w := everybody(newWorld(t))
	w.crowd(120)
	w.deliver.Store = spoilt{w.store}
	w.inGroup(nil)
	w.jump(5 * time.Minute)
	w.cards(120 - 2)
	due, err := w.store.Rest(t.Context(), w.clock().Add(48*time.Hour))
	if err != nil || !due.IsZero() {
		t.Errorf("something is due at %v, %v", due, err)
	}
}

// A group that is gone, or never was, is given up, and one whose members IM does not tell
// is tried again for as long as its message lives.
func TestGroupThatIsGone(t *testing.T) {
	t.Parallel()
	w := everybody(newWorld(t))
	w.subscribed("user2", 1)
	w.status["user2"] = notify.StatusOffline
	m := w.inGroup(nil)
	other := w.say("user1", "user2")
	w.jump(time.Minute)
	w.ended(other, notify.StateDelivered, "")
	if got := w.ends("user2", m.ID()); got != noTrace {
		t.Errorf("it ended %q", got)
	}
	w.jump(time.Minute) // then a run has seen that nothing is left of it
	due, err := w.store.Rest(t.Context(), w.clock().Add(48*time.Hour))
	if err != nil || !due.IsZero() {
		t.Errorf("something is due at %v, %v: the group is gone", due, err)
	}
}

// A recall holds wherever the message is: before and after it is spread, and while it waits.
func TestGroupRecall(t *testing.T) {
	t.Parallel()
	recall := func(w *world, seq uint32) {
		w.accept(notify.Fact{GroupRecall: &notify.GroupRecall{Group: "g1", Seqs: []uint32{seq}}})
	}
	for name, c := range map[string]struct {
		play func(w *world) notify.MessageID
		want string
	}{
		"before the message is heard of": {func(w *world) notify.MessageID {
			recall(w, w.seq+1)
			return w.inGroup(nil).ID()
		}, noTrace},
		"before it is spread": {func(w *world) notify.MessageID {
			m := w.inGroup(nil)
			recall(w, m.Seq)
			return m.ID()
		}, noTrace},
		"while it waits": {func(w *world) notify.MessageID {
			m := w.inGroup(nil)
			w.jump(time.Second)
			recall(w, m.Seq)
			return m.ID()
		}, "recalled"},
		"while its card is on the way": {func(w *world) notify.MessageID {
			m := w.inGroup(nil)
			w.deliver.WeChat = sender(func() error {
				recall(w, m.Seq)
				return classed(notify.ClassRetry)
			})
			return m.ID()
		}, "recalled"},
		"after its card": {func(w *world) notify.MessageID {
			m := w.inGroup(nil)
			w.jump(10 * time.Second)
			recall(w, m.Seq)
			return m.ID()
		}, "delivered"},
		"of another message": {func(w *world) notify.MessageID {
			m := w.inGroup(nil)
			recall(w, m.Seq+1)
			return m.ID()
		}, "delivered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := everybody(newWorld(t))
			w.crowd(1)
			id := c.play(w)
			w.jump(30 * time.Minute)
			if got := w.ends("member0", id); got != c.want {
				t.Errorf("it ended %q, want %q\n%s", got, c.want, w.timeline("member0"))
			}
		})
	}
}

// Who writes into a group has read it, and no other conversation; what is said there later
// he has not.
func TestOwnMessageReadsTheGroup(t *testing.T) {
	t.Parallel()
	w := everybody(newWorld(t))
	users := w.crowd(2)
	w.groups["g2"] = w.groups["g1"]
	w.grant(users[0], tmplID, 5)
	before := w.inGroup(nil)
	elsewhere := w.inGroup(func(m *notify.GroupMessage) { m.Group = "g2" })
	private := w.say("user1", users[0])
	w.jump(time.Second)
	w.inGroup(func(m *notify.GroupMessage) { m.From = users[0] })
	after := w.inGroup(nil)
	w.jump(30 * time.Second)
	for id, want := range map[notify.MessageID]string{before.ID(): "read (own_reply)", after.ID(): "delivered", elsewhere.ID(): "delivered", private.ID: "delivered"} {
		if got := w.ends(users[0], id); got != want {
			t.Errorf("%s ended %q, want %q", id, got, want)
		}
	}
	if got := w.ends(users[1], before.ID()); got != "delivered" {
		t.Errorf("for the other member it ended %q", got)
	}
}

// The names of groups are shown as far as the preview allows, and a mention says so.
func TestCardOfAGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.crowd(1)
	w.names["@g1"] = "Crowd"
	w.inGroup(func(m *notify.GroupMessage) { m.At = []notify.UserID{"member0"} })
	w.jump(10 * time.Second)
	w.cards(1)
	got := w.sent[0]
	if got.Data["thing1"] != "Anna" || got.Data["thing2"] != "在群里@了您" || got.Data["thing4"] != "Crowd" || got.Page != "p?peer=g1" {
		t.Errorf("the card is %+v", got)
	}
}
