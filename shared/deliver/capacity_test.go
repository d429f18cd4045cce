package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// workOff starts a run with a deadline each minute, as the platform does, as long as
// messages wait.
func workOff(t *testing.T, h *hub, d *deliver.Deliverer, deadline, most time.Duration) (took time.Duration, runs int) {
	began := time.Now()
	var wg sync.WaitGroup
	for h.left(notify.LaneMessages) > 0 && time.Since(began) < most {
		runs++
		wg.Go(func() {
			started := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			d.Run(ctx)
			if over := time.Since(started) - deadline; over > 0 {
				t.Errorf("a run worked %v past its deadline", over)
			}
		})
		pause(t.Context(), time.Minute)
	}
	wg.Wait()
	return time.Since(began), runs
}

// A backlog of 100,000 due recipients drains at the pace that WeChat is to see, calls are
// served meanwhile, and no instance works past its deadline.
func TestBacklogOf100000(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const recipients = 100_000
		h, p := newHub(), newPlatform(150*time.Millisecond)
		for i := range recipients {
			user := notify.UserID(fmt.Sprint("u", i))
			h.wait(notify.LaneMessages, user, notify.Notice{ID: notify.Identity(user), Kind: notify.KindMessage})
		}
		began := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		rang := map[notify.OpenID]time.Time{}
		var wg sync.WaitGroup
		wg.Go(func() { // somebody is called every ten seconds
			for i := 0; pause(ctx, 10*time.Second) == nil; i++ {
				user := notify.UserID(fmt.Sprint("called", i))
				p.mu.Lock()
				rang[openID(user)] = time.Now()
				p.mu.Unlock()
				h.wait(notify.LaneCalls, user, notify.Notice{ID: notify.Identity(user), Kind: notify.KindCall, Expires: time.Now().Add(30 * time.Second)})
			}
		})
		took, runs := workOff(t, h, over(t, h, p), 5*time.Minute, 3*time.Hour)
		stop()
		wg.Wait()

		var drained time.Time
		for i := range recipients {
			sent := p.sent[openID(notify.UserID(fmt.Sprint("u", i)))]
			if len(sent) != 1 {
				t.Fatalf("recipient %d got %d cards", i, len(sent))
			}
			if sent[0].After(drained) {
				drained = sent[0]
			}
		}
		late := time.Duration(0)
		for to, at := range rang {
			if at.After(drained) {
				continue
			}
			if len(p.sent[to]) != 1 {
				t.Fatalf("%s was called at %v and got %d cards", to, at.Sub(began), len(p.sent[to]))
			}
			late = max(late, p.sent[to][0].Sub(at))
		}
		t.Logf("%d recipients and %d calls in %v, %d runs, %d presence calls; the slowest call was announced after %v",
			recipients, len(rang), took.Round(time.Second), runs, p.asks, late)
		if n := h.left(notify.LaneMessages); n > 0 {
			t.Errorf("%d recipients still wait after %v", n, took)
		}
		// A run takes up nothing in its last 20 s. A call that begins then is the next run's.
		if most := 22500 * time.Millisecond; late > most {
			t.Errorf("a call waited for %v, want at most %v", late, most)
		}
		if best := recipients / 100 * time.Second; took > best*12/10 {
			t.Errorf("it took %v; at 100 a second it takes %v", took, best)
		}
	})
}

// Many runs at once send at the full rate, none sends a card long after it was begun, and
// calls do not wait behind what all of them want to send.
func TestManyRunsShareThePace(t *testing.T) {
	for _, c := range []struct{ runs, rate int }{{16, 100}, {4, 20}, {30, 5}} {
		t.Run(fmt.Sprintf("%d runs at %d a second", c.runs, c.rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { manyRuns(t, c.runs, c.rate) })
		})
	}
}

func manyRuns(t *testing.T, runs, rate int) {
	const given = 4 * time.Minute
	h, p := newHub(), newPlatform(150*time.Millisecond)
	b := &beginnings{hub: h, at: map[notify.UserID]time.Time{}}
	for i := range 2 * rate * int(given.Seconds()) {
		user := notify.UserID(fmt.Sprint("u", i))
		h.wait(notify.LaneMessages, user, notify.Notice{ID: notify.Identity(user), Kind: notify.KindMessage})
	}
	began := time.Now()
	var wg sync.WaitGroup
	for range runs {
		d := over(t, h, p)
		d.Store, d.Rules.SendsPerSecond = b, rate
		wg.Go(func() {
			for time.Since(began) < given {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				d.Run(ctx)
				cancel()
			}
		})
	}
	rang := map[notify.UserID]time.Time{}
	for i := 0; time.Since(began) < given; i++ {
		pause(t.Context(), 10*time.Second)
		user := notify.UserID(fmt.Sprint("called", i))
		rang[user] = time.Now()
		h.wait(notify.LaneCalls, user, notify.Notice{ID: notify.Identity(user), Kind: notify.KindCall, Expires: time.Now().Add(30 * time.Second)})
	}
	cards := p.cards()
	wg.Wait()
	if best := rate * int(given.Seconds()); cards < best*9/10 {
		t.Errorf("%d cards in %v, want about %d", cards, given, best)
	}
	for user, at := range b.at {
		if sent := p.sent[openID(user)]; len(sent) > 0 && sent[0].Sub(at) > time.Second {
			t.Fatalf("%s's card was begun %v before it was sent", user, sent[0].Sub(at))
		}
	}
	for user, at := range rang {
		if sent := p.sent[openID(user)]; len(sent) != 1 || sent[0].Sub(at) > 10*time.Second {
			t.Errorf("%s was called at %v, and announced at %v", user, at, sent)
		}
	}
}

// beginnings notes when cards are begun.
type beginnings struct {
	*hub
	noted sync.Mutex
	at    map[notify.UserID]time.Time
}

func (b *beginnings) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.Identity, error) {
	b.noted.Lock()
	for _, c := range cards {
		b.at[c.User] = time.Now()
	}
	b.noted.Unlock()
	return b.hub.Begin(ctx, cards)
}

// A send that hangs holds up no card but its own.
func TestSendsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := newHub(), newPlatform(0)
		p.takes = func(c notify.Card) time.Duration {
			var i int
			if fmt.Sscanf(string(c.To), string(openID("u%d")), &i); i%100 == 50 {
				return time.Hour
			}
			return 150 * time.Millisecond
		}
		const recipients = 5000
		for i := range recipients {
			user := notify.UserID(fmt.Sprint("u", i))
			h.wait(notify.LaneMessages, user, notify.Notice{ID: notify.Identity(user), Kind: notify.KindMessage})
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		over(t, h, p).Run(ctx)
		if hung := recipients / 100; p.cards() < recipients {
			t.Errorf("%d of %d cards in %v, %d hung; at 100 a second all take %v", p.cards(), recipients, time.Since(began), hung, recipients/100*time.Second)
		}
	})
}

// What was recalled must not be sent because one read of the store failed.
func TestRecalledUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.groups = map[notify.GroupID][]notify.Member{"g": {{User: "user2"}}}
	w.status["user2"], w.status["user3"] = notify.StatusOffline, notify.StatusOffline
	w.subscribed("user2", 2)
	w.subscribed("user3", 2)
	forgets := &forgetsRecalls{Store: w.store, failing: true}
	w.deliver.Store = forgets
	other := w.say("user1", "user3")
	say := func() notify.GroupMessage {
		return w.inGroup(func(m *notify.GroupMessage) { m.Group, m.At = "g", []notify.UserID{"user2"} })
	}
	m := say()
	w.after(2 * time.Second)
	w.accept(notify.Fact{GroupRecall: &notify.GroupRecall{Group: "g", Seqs: []uint32{m.Seq}}})
	w.after(10 * time.Second)
	w.cards(1)
	w.ended(other, notify.StateDelivered, "")
	say()
	w.after(10 * time.Second)
	w.cards(1)
	forgets.failing = false
	w.after(10 * time.Second)
	w.cards(2)
}

type forgetsRecalls struct {
	*store.Store
	failing bool
}

func (f *forgetsRecalls) Recalled(ctx context.Context, refs []notify.GroupMessageRef) (map[notify.MessageID]bool, error) {
	if f.failing {
		return nil, errors.New("away")
	}
	return f.Store.Recalled(ctx, refs)
}

// Who is handed out first, and which group messages, does not depend on the shard.
func TestShardsInTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	st, err := store.Open(store.Config{URL: secret.New("redis://" + redistest.Start(t)), Shards: 16, Now: w.clock, ServerTime: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	rules := notify.DefaultRules()
	var users []notify.UserID
	for i := range 320 {
		users = append(users, notify.UserID(fmt.Sprint("u", i)))
	}
	fill(t, st, rules, users)
	var said []notify.Fact
	for i := range 30 {
		said = append(said, notify.Fact{GroupMessage: &notify.GroupMessage{Group: "g", Seq: uint32(i + 1), From: "user1", For: notify.GroupAll, SentAt: w.clock()}})
	}
	if _, err := st.Record(t.Context(), rules, said); err != nil {
		t.Fatal(err)
	}
	w.set(w.clock().Add(10 * time.Second))
	all, err := st.Claim(t.Context(), 10000)
	if err != nil || len(all.Recipients) != len(users) {
		t.Fatalf("%d recipients, %v", len(all.Recipients), err)
	}
	seen := map[uint32]bool{}
	for _, rec := range all.Recipients[:64] {
		h := fnv.New32a() // as the store parts users
		h.Write([]byte(rec.User))
		seen[h.Sum32()%16] = true
	}
	if len(seen) < 12 {
		t.Errorf("the first 64 of %d recipients are of %d shards", len(users), len(seen))
	}
	if spreads, err := st.Spreads(t.Context(), 20); err != nil || len(spreads) < 20 {
		t.Errorf("%d messages of one group handed out, %v; want 20", len(spreads), err)
	}
}

// All instances together keep to sends_per_second.
func TestPaceOfAllInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := newHub(), newPlatform(150*time.Millisecond)
		for i := range 3000 {
			user := notify.UserID(fmt.Sprint("u", i))
			h.wait(notify.LaneMessages, user, notify.Notice{ID: notify.Identity(user), Kind: notify.KindMessage})
		}
		began := time.Now()
		var wg sync.WaitGroup
		for range 2 {
			d := over(t, h, p)
			d.Rules.SendsPerSecond = 50
			wg.Go(func() {
				for h.left(notify.LaneMessages) > 0 {
					if _, err := d.Pass(t.Context()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		all := slices.Sorted(func(yield func(int64) bool) {
			for _, at := range p.sent {
				for _, a := range at {
					if !yield(a.Sub(began).Milliseconds()) {
						return
					}
				}
			}
		})
		if len(all) != 3000 {
			t.Fatalf("%d cards, want 3000", len(all))
		}
		for i, ms := range all {
			if most := 50*int(ms)/1000 + 50; i+1 > most { // a second's worth may go at once
				t.Fatalf("%d cards within %d ms, want at most %d", i+1, ms, most)
			}
		}
		if last := time.Duration(all[len(all)-1]) * time.Millisecond; last > 65*time.Second {
			t.Errorf("3000 cards at 50 a second took %v", last)
		}
	})
}

// No send begins that could not be settled before the deadline, whatever holds it up and
// wherever the deadline lies; and whoever was not served is handed back to another run.
func TestNoSendNearTheDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		rate  int
	}{
		"a quick WeChat":             {100 * time.Millisecond, 1000},
		"a WeChat that hangs":        {time.Hour, 1000},
		"a pace that holds cards up": {100 * time.Millisecond, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for seconds := 21; seconds <= 70; seconds += 3 {
				synctest.Test(t, func(t *testing.T) { nearDeadline(t, c.takes, c.rate, time.Duration(seconds)*time.Second) })
			}
		})
	}
}

func nearDeadline(t *testing.T, takes time.Duration, rate int, given time.Duration) {
	h, p := newHub(), newPlatform(takes)
	for i := range 500 {
		user := notify.UserID(fmt.Sprint("u", i))
		h.wait(notify.LaneMessages, user, notify.Notice{ID: notify.Identity(user), Kind: notify.KindMessage})
	}
	d := over(t, h, p)
	d.Rules.SendsPerSecond = rate
	deadline := time.Now().Add(given)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	d.Run(ctx)
	if past := time.Since(deadline); past > 0 {
		t.Errorf("given %v, the run ended %v past its deadline", given, past)
	}
	for to, at := range p.sent {
		if left := deadline.Sub(at[0]); left < 17*time.Second {
			t.Errorf("given %v, a card to %s was sent %v before the deadline: too late for an answer and its record", given, to, left)
			break
		}
	}
	if p.cards() != len(h.settled) {
		t.Errorf("given %v, %d cards were sent and %d are settled", given, p.cards(), len(h.settled))
	}
	for user, s := range h.seats[notify.LaneMessages] {
		if s.rec.Lease != "" {
			t.Errorf("given %v, %s was not handed back", given, user)
			break
		}
	}
}

// 5,000 due recipients in a real Redis, two instances: each is told once, and a call that
// begins in the midst of it does not wait for the end.
func TestBacklogInRedis(t *testing.T) {
	t.Parallel()
	const recipients = 5000
	st, err := store.Open(store.Config{Now: time.Now, URL: secret.New("redis://" + redistest.Start(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	rules := notify.DefaultRules()
	rules.Lead, rules.SendsPerSecond, rules.Calls = 0, 10000, notify.CallsAlways
	began := time.Now()
	users := make([]notify.UserID, recipients)
	for i := range users {
		users[i] = notify.UserID(fmt.Sprint("u", i))
	}
	fill(t, st, rules, users)
	t.Logf("%d recipients filled in after %v", recipients, time.Since(began))

	p := newPlatform(0)
	var calls sync.Once
	p.takes = func(notify.Card) time.Duration {
		if p.cards() > 500 {
			calls.Do(func() {
				if _, err := st.Record(t.Context(), rules, []notify.Fact{{Ring: &notify.Ring{Call: "call", Source: notify.CallSignal, Caller: "anna",
					Users: users[:1], At: time.Now(), For: time.Minute}}}); err != nil {
					t.Error(err)
				}
			})
		}
		return 0
	}
	began = time.Now()
	var wg sync.WaitGroup
	for range 2 {
		d := over(t, nil, p)
		d.Store, d.Rules, d.Directory = st, rules, nobody{}
		wg.Go(func() {
			for time.Since(began) < time.Minute {
				c, err := d.Pass(t.Context())
				if err != nil {
					t.Error(err)
				}
				if c.Claimed == 0 && p.cards() > recipients {
					return
				}
			}
			t.Errorf("not done after a minute: %d cards", p.cards())
		})
	}
	wg.Wait()
	took := time.Since(began)
	t.Logf("%d cards in %v", p.cards(), took)
	for _, user := range users {
		want := 1
		if user == users[0] {
			want = 2 // and the call
		}
		if got := len(p.sent[openID(user)]); got != want {
			t.Errorf("%s got %d cards, want %d", user, got, want)
		}
	}
	counts, err := st.Counts(t.Context())
	if want := map[notify.State]int64{notify.StateDelivered: recipients + 1}; err != nil || !maps.Equal(counts, want) {
		t.Errorf("messages ended %v, %v; want %v", counts, err, want)
	}
}

// fill binds users, grants each two permits and makes a message wait for each.
func fill(t *testing.T, st *store.Store, rules notify.Rules, users []notify.UserID) {
	t.Helper()
	var wg sync.WaitGroup
	for part := range slices.Chunk(users, (len(users)+7)/8) {
		wg.Go(func() {
			for _, user := range part {
				if err := st.Bind(t.Context(), user, openID(user)); err != nil {
					t.Error(err)
					return
				}
			}
			for some := range slices.Chunk(part, 50) {
				var facts []notify.Fact
				for _, user := range some {
					for i := range 2 {
						facts = append(facts, notify.Fact{Grant: &notify.Grant{ID: fmt.Sprint(user, i), OpenID: openID(user), Source: notify.GrantPopup,
							At: time.Now(), Templates: []notify.TemplateID{tmplID}}})
					}
					facts = append(facts, notify.Fact{Message: &notify.Message{ID: notify.MessageID("m-" + user), From: "anna", To: user, SentAt: time.Now()}})
				}
				if _, err := st.Record(t.Context(), rules, facts); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// nobody is a directory without names.
type nobody struct{ deliver.Directory }

func (nobody) Names(context.Context, []notify.UserID) (map[notify.UserID]string, error) {
	return nil, nil
}

// The rate of one user holds over all his cards, calls included, and for an hour.
func TestRateOfOneUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules(func(r *notify.Rules) {
		r.UserSendsPerHour, r.DigestSteps, r.KeepLearning = 3, []time.Duration{time.Minute}, false
	})
	w.subscribed("user2", 50)
	w.subscribed("user3", 50)
	w.status["user2"], w.status["user3"] = notify.StatusOffline, notify.StatusOffline
	var at []time.Duration
	began := w.clock()
	w.deliver.WeChat = sendTo(func(c notify.Card) (int64, error) {
		if c.To == openID("user2") {
			at = append(at, w.clock().Sub(began).Truncate(time.Second))
		}
		return 1, nil
	})
	for i := range 20 {
		w.say("user1", "user2")
		if i%3 == 0 {
			w.ring(notify.MessageID(fmt.Sprint("call", i)), notify.CallSignal, "user1", "user2")
		}
		w.jump(4 * time.Minute)
	}
	for i := range at {
		for j := range i + 1 { // three at once, and then one each twenty minutes
			if most := 3 + int((at[i]-at[j]+time.Second)/(20*time.Minute)); i-j+1 > most {
				t.Fatalf("cards went at %v: from the %dth to the %dth too many", at, j+1, i+1)
			}
		}
	}
	if len(at) < 4 {
		t.Errorf("cards went at %v: the rate lets more pass", at)
	}
	other := w.say("user1", "user3")
	w.jump(5 * time.Second)
	w.ended(other, notify.StateDelivered, "")
}

// sendTo is a sender.
type sendTo func(notify.Card) (int64, error)

func (f sendTo) Send(_ context.Context, c notify.Card) (int64, error) { return f(c) }

// IM is asked about no more recipients than are sent to within two seconds: who comes online
// while others' cards take their turn gets none.
func TestIMIsAskedAboutFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := newHub(), newPlatform(0)
		for i := range 500 {
			user := notify.UserID(fmt.Sprint("u", i))
			h.wait(notify.LaneMessages, user, notify.Notice{ID: notify.Identity(user), Kind: notify.KindMessage})
		}
		d := over(t, h, p)
		d.Rules.SendsPerSecond = 20
		a := &asked{Asker: d.IM, at: map[notify.UserID]time.Time{}}
		d.IM = a
		if _, err := d.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p.cards() < 400 {
			t.Errorf("%d cards, want most of 500", p.cards())
		}
		for user, at := range a.at {
			if sent := p.sent[openID(user)]; len(sent) > 0 && sent[0].Sub(at) > 3*time.Second {
				t.Fatalf("%s got a card %v after IM was asked about them", user, sent[0].Sub(at))
			}
		}
	})
}

// asked notes when IM was asked about whom.
type asked struct {
	deliver.Asker
	mu sync.Mutex
	at map[notify.UserID]time.Time
}

func (a *asked) Presence(ctx context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	a.mu.Lock()
	for _, u := range users {
		a.at[u] = time.Now()
	}
	a.mu.Unlock()
	return a.Asker.Presence(ctx, users)
}

// A card that was held up goes by IM's word of now, not by the one of before.
func TestStaleWordOfIM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := newHub(), newPlatform(0)
		h.wait(notify.LaneMessages, "u", notify.Notice{ID: "m", Kind: notify.KindMessage})
		d := over(t, h, p)
		d.Store = &slowBegin{hub: h}
		if _, err := d.Pass(t.Context()); err != nil || p.cards() != 0 {
			t.Fatalf("%d cards on a word of IM that is 11 s old, %v", p.cards(), err)
		}
		if _, err := d.Pass(t.Context()); err != nil || p.cards() != 1 || p.asks != 2 {
			t.Fatalf("%d cards, IM was asked %d times, %v", p.cards(), p.asks, err)
		}
	})
}

// slowBegin takes 11 s the first time.
type slowBegin struct {
	*hub
	begun bool
}

func (s *slowBegin) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.Identity, error) {
	if !s.begun {
		s.begun = true
		time.Sleep(11 * time.Second)
	}
	return s.hub.Begin(ctx, cards)
}
