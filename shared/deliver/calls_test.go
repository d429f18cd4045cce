package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/simulator"
)

// jump lets d pass, from one thing that falls due to the next.
func (w *world) jump(d time.Duration) {
	w.t.Helper()
	nothing := func() (time.Time, bool) { return time.Time{}, false }
	passUntil(w.t, w.store, w.deliver, w.clock().Add(d), w.clock, w.set, nothing)
}

func (w *world) set(to time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = to
}

// ring lets caller call users for half a minute.
func (w *world) ring(call notify.MessageID, source notify.CallSource, caller notify.UserID, users ...notify.UserID) {
	w.t.Helper()
	w.accept(notify.Fact{Ring: &notify.Ring{Call: call, Source: source, Caller: caller, Users: users, At: w.clock(), For: 30 * time.Second}})
}

func (w *world) hangUp(call notify.MessageID, source notify.CallSource, how notify.CallEnd, users ...notify.UserID) {
	w.t.Helper()
	w.accept(notify.Fact{RingEnd: &notify.RingEnd{Call: call, Source: source, Caller: "user1", Users: users, How: how, At: w.clock()}})
}

// ends returns how a message ended for a user, and "" if it has not.
func (w *world) ends(user notify.UserID, id notify.MessageID) string {
	w.t.Helper()
	steps, err := w.store.Timeline(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	return endOf(steps, id)
}

// calling is a world in which calls and missed calls have templates of their own, and
// user2, who is away, permits for all.
func calling(t *testing.T, kinds ...notify.Kind) *world {
	t.Helper()
	w := newWorld(t)
	templates := map[notify.Kind]notify.TemplateID{notify.KindMessage: tmplID}
	for _, kind := range kinds {
		templates[kind] = notify.TemplateID(kind)
	}
	w.templates(templates)
	w.rules(func(r *notify.Rules) {
		r.Calls, r.KeepLearning = notify.CallsAlways, false
		r.MissedCalls = slices.Contains(kinds, notify.KindMissedCall)
	})
	w.status["user2"] = notify.StatusOffline
	w.subscribed("user2", 5)
	for _, kind := range kinds {
		w.grant("user2", notify.TemplateID(kind), 3)
	}
	return w
}

// grant gives a user n permits of a template.
func (w *world) grant(user notify.UserID, template notify.TemplateID, n int) {
	w.t.Helper()
	for i := range n {
		w.accept(notify.Fact{Grant: &notify.Grant{ID: fmt.Sprint(user, template, i, w.clock()), OpenID: openID(user), Source: notify.GrantPopup,
			At: w.clock(), Templates: []notify.TemplateID{template}}})
	}
}

// Both generations may tell of one call, each under a name of its own: it is announced
// once, and either's end ends it.
func TestOneCallUnderTwoNames(t *testing.T) {
	t.Parallel()
	for _, first := range []notify.CallSource{notify.CallSignal, notify.CallWebhook} {
		second := notify.CallWebhook
		if first == notify.CallWebhook {
			second = notify.CallSignal
		}
		name := map[notify.CallSource]notify.MessageID{notify.CallSignal: "invite", notify.CallWebhook: "callid"}
		t.Run("announced once, "+string(first)+" first", func(t *testing.T) {
			w := calling(t)
			w.ring(name[first], first, "user1", "user2")
			w.jump(time.Second)
			w.ring(name[second], second, "user1", "user2")
			w.jump(time.Minute)
			w.cards(1)
			if got := w.ends("user2", name[first]); got != "delivered" {
				t.Errorf("the call ended %q", got)
			}
			if got := w.ends("user2", name[second]); got != noTrace {
				t.Errorf("its other name ended %q", got)
			}
		})
		for _, teller := range []notify.CallSource{first, second} {
			t.Run(fmt.Sprintf("%s first, answered as %s tells", first, teller), func(t *testing.T) {
				w := calling(t)
				w.status["user2"] = notify.StatusOnline
				w.ring(name[first], first, "user1", "user2")
				w.ring(name[second], second, "user1", "user2")
				w.jump(3 * time.Second)
				w.hangUp(name[teller], teller, notify.CallAnswered, "user2")
				w.status["user2"] = notify.StatusOffline
				w.jump(time.Minute)
				w.cards(0)
				if got := w.ends("user2", name[first]); got != "answered" {
					t.Errorf("the call ended %q", got)
				}
			})
		}
	}
	t.Run("called again at once: two calls, each under two names", func(t *testing.T) {
		w := calling(t)
		w.status["user2"] = notify.StatusOnline
		w.ring("invite1", notify.CallSignal, "user1", "user2")
		w.ring("callid1", notify.CallWebhook, "user1", "user2")
		w.jump(2 * time.Second)
		w.hangUp("invite1", notify.CallSignal, notify.CallCancelled, "user2")
		w.hangUp("callid1", notify.CallWebhook, notify.CallCancelled, "user2")
		w.jump(2 * time.Second)
		w.ring("invite2", notify.CallSignal, "user1", "user2")
		w.ring("callid2", notify.CallWebhook, "user1", "user2")
		w.jump(2 * time.Second)
		w.hangUp("callid2", notify.CallWebhook, notify.CallAnswered, "user2") // only this source tells
		w.status["user2"] = notify.StatusOffline
		w.jump(time.Minute)
		w.cards(0)
		if got := w.ends("user2", "invite1"); got != "ended (cancelled)" {
			t.Errorf("the first call ended %q", got)
		}
		if got := w.ends("user2", "invite2"); got != "answered" {
			t.Errorf("the second call ended %q", got)
		}
	})
	t.Run("two callers at once are two calls", func(t *testing.T) {
		w := calling(t)
		w.ring("invite", notify.CallSignal, "user1", "user2")
		w.jump(5 * time.Second)
		w.ring("callid", notify.CallWebhook, "user3", "user2")
		w.jump(time.Minute)
		w.cards(2)
	})
	t.Run("a callback that IM repeats is one call", func(t *testing.T) {
		w := calling(t)
		ring := notify.Fact{Ring: &notify.Ring{Call: "invite", Source: notify.CallSignal, Caller: "user1", Users: []notify.UserID{"user2"}, At: w.clock(), For: 30 * time.Second}}
		w.accept(ring, ring)
		w.jump(5 * time.Second)
		w.accept(ring)
		w.jump(time.Minute)
		w.cards(1)
	})
}

// How a call ends, and what is then told of it, whichever template there is.
func TestCallEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how    notify.CallEnd
		plain  string
		missed bool
	}{
		{notify.CallAnswered, "answered", false},
		{notify.CallRejected, "ended (rejected)", false},
		{notify.CallHungUp, "ended (hung_up)", false},
		{notify.CallCancelled, "ended (cancelled)", true},
		{notify.CallTimedOut, "ended (timed_out)", true},
		{notify.CallBusy, "ended (line_busy)", true},
	} {
		for _, told := range []bool{false, true} {
			for _, overtakes := range []bool{false, true} {
				name := fmt.Sprintf("%s, missed calls are told: %t, the end is heard of first: %t", c.how, told, overtakes)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					var kinds []notify.Kind
					if told {
						kinds = append(kinds, notify.KindMissedCall)
					}
					w := calling(t, kinds...)
					w.status["user2"] = notify.StatusOnline
					began := w.clock()
					if overtakes {
						w.jump(3 * time.Second)
						w.hangUp("call", notify.CallSignal, c.how, "user2")
						w.accept(notify.Fact{Ring: &notify.Ring{Call: "call", Source: notify.CallSignal, Caller: "user1", Users: []notify.UserID{"user2"}, At: began, For: 30 * time.Second}})
					} else {
						w.ring("call", notify.CallSignal, "user1", "user2")
						w.jump(3 * time.Second)
						w.hangUp("call", notify.CallSignal, c.how, "user2")
					}
					w.status["user2"] = notify.StatusOffline
					w.jump(2 * time.Minute)
					want, cards := c.plain, 0
					if told && c.missed {
						want, cards = "delivered", 1
					}
					w.cards(cards)
					if got := w.ends("user2", "call"); got != want {
						t.Errorf("the call ended %q, want %q\n%s", got, want, w.timeline("user2"))
					}
					if cards == 1 && w.sent[0].Template != notify.TemplateID(notify.KindMissedCall) {
						t.Errorf("it was told with template %s", w.sent[0].Template)
					}
				})
			}
		}
	}
}

// Of a group's call those are told who are invited and not in it yet, each for himself.
func TestGroupCall(t *testing.T) {
	t.Parallel()
	w := calling(t)
	for _, user := range []notify.UserID{"user3", "user4", "user5"} {
		w.subscribed(user, 2)
		w.status[user] = notify.StatusOffline
	}
	w.status["user4"] = notify.StatusOnline
	w.groups = map[notify.GroupID][]notify.Member{"g1": {{User: "user1"}, {User: "user2"}, {User: "user3", Muted: true}, {User: "user4"}, {User: "user5"}}}
	w.accept(notify.Fact{Ring: &notify.Ring{Call: "call", Source: notify.CallWebhook, Caller: "user1", Group: "g1",
		Users: []notify.UserID{"user2", "user3", "user4"}, At: w.clock(), For: 30 * time.Second}})
	w.jump(7 * time.Second)
	w.hangUp("call", notify.CallWebhook, notify.CallAnswered, "user4")
	w.status["user4"] = notify.StatusOffline
	w.jump(time.Minute)
	for user, want := range map[notify.UserID]string{"user2": "delivered", "user3": "delivered", "user4": "answered", "user5": noTrace} {
		if got := w.ends(user, "call"); got != want {
			t.Errorf("for %s the call ended %q, want %q", user, got, want)
		}
	}
	w.cards(2)
}

// Whoever has been announced a call is not told again that he has missed it, and what is
// heard of late is told as missed or not at all.
func TestCallsHeardOfLate(t *testing.T) {
	t.Parallel()
	late := func(w *world) {
		w.accept(notify.Fact{Ring: &notify.Ring{Call: "call", Source: notify.CallSignal, Caller: "user1", Users: []notify.UserID{"user2"},
			At: w.clock().Add(-40 * time.Second), For: 30 * time.Second}})
		w.jump(2 * time.Minute)
	}
	t.Run("no template for missed calls", func(t *testing.T) {
		w := calling(t)
		late(w)
		w.cards(0)
		if got := w.ends("user2", "call"); got != "ended (timed_out)" {
			t.Errorf("it ended %q", got)
		}
	})
	t.Run("a template for missed calls", func(t *testing.T) {
		w := calling(t, notify.KindMissedCall)
		late(w)
		w.cards(1)
		if got := w.sent[0].Template; got != "missed_call" {
			t.Errorf("it was told with %s", got)
		}
	})
	t.Run("announced, then in vain", func(t *testing.T) {
		w := calling(t, notify.KindMissedCall)
		w.ring("call", notify.CallSignal, "user1", "user2")
		w.jump(5 * time.Second)
		w.hangUp("call", notify.CallSignal, notify.CallTimedOut, "user2")
		w.jump(10 * time.Minute)
		w.cards(1)
	})
	t.Run("in vain while its card is on the way, which is not sent", func(t *testing.T) {
		w := calling(t, notify.KindMissedCall)
		w.deliver.WeChat = sendTo(func(c notify.Card) (int64, error) {
			w.sent = append(w.sent, c)
			if len(w.sent) == 1 {
				w.hangUp("call", notify.CallSignal, notify.CallCancelled, "user2")
				return 0, classed(notify.ClassRetry)
			}
			return 1, nil
		})
		w.ring("call", notify.CallSignal, "user1", "user2")
		w.jump(2 * time.Minute)
		w.cards(2)
		if got := w.sent[1].Template; got != "missed_call" {
			t.Errorf("it was told with %s", got)
		}
		if got := w.ends("user2", "call"); got != "delivered" {
			t.Errorf("it ended %q", got)
		}
	})
	t.Run("rings on while WeChat is busy, and in vain", func(t *testing.T) {
		w := calling(t, notify.KindMissedCall)
		w.deliver.WeChat = sendTo(func(c notify.Card) (int64, error) {
			w.sent = append(w.sent, c)
			if c.Template != "missed_call" {
				return 0, classed(notify.ClassRetry)
			}
			return 1, nil
		})
		w.ring("call", notify.CallSignal, "user1", "user2")
		w.jump(3 * time.Minute)
		if got := w.ends("user2", "call"); got != "delivered" || len(w.sent) < 3 {
			t.Errorf("it ended %q after %d cards\n%s", got, len(w.sent), w.timeline("user2"))
		}
	})
}

// busyStore tells when a card has to wait for another to its user.
type busyStore struct {
	deliver.Store
	busy chan struct{}
}

func (b busyStore) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	reserved, err := b.Store.Reserve(ctx, r)
	if reserved.Status == notify.ReserveBusy {
		select {
		case b.busy <- struct{}{}:
		default:
		}
	}
	return reserved, err
}

// A call that rings while a message's card is on its way to the same user is told as soon as that
// card has ended, whatever its template and whoever sends it: WeChat, which refuses a second send
// to a user (43108), never gets one. Both are cards of the absence: the next message waits for the
// second step.
func TestCallWhileACardIsOnItsWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kinds []notify.Kind // with a template of their own
		one   bool          // run sends both
	}{
		"one template, two instances":          {nil, false},
		"a template of its own, two instances": {[]notify.Kind{notify.KindCall}, false},
		"one template, one instance":           {nil, true},
		"a template of its own, one instance":  {[]notify.Kind{notify.KindCall}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.has(4)
			if c.kinds != nil {
				s.templates(append(c.kinds, notify.KindMessage)...)
				s.must(s.wx.Subscribe("o-tom", string(notify.KindCall), 1))
			}
			store := busyStore{s.deliver.Store, make(chan struct{}, 1)}
			s.deliver.Store = store
			passes := make(chan error, 2)
			pass := func(d deliver.Deliverer) {
				_, err := d.Pass(t.Context())
				passes <- err
			}
			const takes = 200 * time.Millisecond
			s.sim.Faults.Next(pathSend, 1, simulator.Delay(takes))
			on, ended := make(chan struct{}, 3), make(chan struct{}, 3)
			sends := s.deliver.WeChat
			s.deliver.WeChat = sendTo(func(c notify.Card) (int64, error) {
				on <- struct{}{}
				defer func() { ended <- struct{}{} }()
				return sends.Send(t.Context(), c)
			})
			s.say("message")
			s.clock.Advance(3 * time.Second)
			go pass(*s.deliver)
			<-on
			for at, ok := s.clock.Next(); !ok || at.After(s.clock.Now().Add(takes)); at, ok = s.clock.Next() {
				runtime.Gosched() // until the simulator has the card
			}
			s.ring("call", false)
			running := 1
			if !c.one {
				running++
				go pass(*s.deliver)
			}
			select {
			case <-store.busy:
			case <-ended: // it was sent meanwhile
			}
			s.clock.Advance(takes)
			for range running {
				s.must(<-passes)
			}
			cards := s.wx.Cards("o-tom")
			if len(cards) != 2 || cards[1].At.Sub(cards[0].At) > takes {
				t.Errorf("the cards: %+v\n%s", cards, s.timeline())
			}
			for _, h := range s.happened {
				if strings.Contains(h.what, "43108") {
					t.Error(h.what)
				}
			}
			s.say("next")
			s.run(14 * time.Minute)
			if story := s.story(0); !strings.Contains(story, "message call delivered; next waits") {
				t.Errorf("before the digest: %s\n%s", story, s.timeline())
			}
			s.run(2 * time.Minute)
			if story := s.story(0); !strings.Contains(story, "message call next delivered") {
				t.Errorf("after it: %s\n%s", story, s.timeline())
			}
		})
	}
}

// waitingStore is one in which a card of user2 is on its way when a call rings. Once the call
// waits for it, something happens, and the other card is delivered.
type waitingStore struct {
	deliver.Store
	happens func()
	mute    bool // it does not answer Begin
}

const otherCard notify.CardID = "other-user2"

func (s *waitingStore) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	reserved, err := s.Store.Reserve(ctx, r)
	if happens := s.happens; reserved.Status == notify.ReserveBusy && happens != nil {
		s.happens = nil
		happens()
		_, settled := s.Store.Settle(ctx, notify.Settle{Card: otherCard, OpenID: openID("user2"), Template: tmplID,
			State: notify.CardDelivered, Permit: notify.PermitSpent, Final: notify.StateDelivered})
		return reserved, errors.Join(err, settled)
	}
	return reserved, err
}

func (s *waitingStore) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.Identity, error) {
	if s.mute {
		s.mute = false
		return nil, errors.New("store: away")
	}
	return s.Store.Begin(ctx, cards)
}

// While a call's card waits for another to the same user, the call may end: then no card is sent,
// and no permit spent. What else the card was to tell goes on another.
func TestCallEndsWhileItsCardWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		calls   []notify.MessageID
		permits int // of the template of calls; 0: they fall back to that of messages
		happens func(w *world, s *waitingStore)
		ends    []string
		cards   int
	}{
		"rings on":             {[]notify.MessageID{"a"}, 1, func(*world, *waitingStore) {}, []string{"delivered"}, 1},
		"answered":             {[]notify.MessageID{"a"}, 1, answered("a"), []string{"answered"}, 0},
		"answered, falls back": {[]notify.MessageID{"a"}, 0, answered("a"), []string{"answered"}, 0},
		"one of two answered":  {[]notify.MessageID{"a", "b"}, 1, answered("a"), []string{"answered", "delivered"}, 1},
		"the store does not say": {[]notify.MessageID{"a"}, 1, func(w *world, s *waitingStore) {
			s.mute = true
			w.hangUp("a", notify.CallSignal, notify.CallAnswered, "user2")
		}, []string{"answered"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := calling(t, notify.KindCall)
			w.templates(map[notify.Kind]notify.TemplateID{notify.KindMessage: tmplID, notify.KindCall: "ring"})
			w.grant("user2", "ring", c.permits)
			s := &waitingStore{Store: w.store}
			s.happens = func() { c.happens(w, s) }
			w.deliver.Store = s
			r, err := w.store.Reserve(t.Context(), notify.Reserve{Card: otherCard, OpenID: openID("user2"), User: "user2", Template: tmplID, PerHour: 30})
			if err != nil || r.Status != notify.ReserveOK {
				t.Fatal(r, err)
			}
			for i, call := range c.calls {
				w.ring(call, notify.CallSignal, notify.UserID(fmt.Sprint("caller", i)), "user2")
			}
			w.jump(10 * time.Second)
			w.cards(c.cards)
			for i, call := range c.calls {
				if got := w.ends("user2", call); got != c.ends[i] {
					t.Errorf("call %s ended %q, want %q\n%s", call, got, c.ends[i], w.timeline("user2"))
				}
			}
			left, err := w.store.Balances(t.Context(), openID("user2"), []notify.TemplateID{tmplID, "ring"})
			if err != nil || left[tmplID] != 4 || left["ring"] != c.permits-c.cards {
				t.Errorf("left: %v, %v", left, err)
			}
			if c.cards == 1 && w.sent[0].Data["number3"] != "1" {
				t.Errorf("the card is %v", w.sent[0])
			}
		})
	}
}

// slowStore reserves at once, and takes a while to say so.
type slowStore struct {
	deliver.Store
	takes time.Duration
	at    *time.Time // when it reserved
}

func (s slowStore) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	*s.at = time.Now()
	reserved, err := s.Store.Reserve(ctx, r)
	return reserved, errors.Join(err, pause(ctx, s.takes))
}

// However late the store says that a permit is reserved, the send has ended when another card to
// the user may go.
func TestNoSendOutlivesItsTurn(t *testing.T) {
	for _, takes := range []time.Duration{0, 4 * time.Second, 8 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			h, p := newHub(), newPlatform(time.Minute)
			d := over(t, h, p)
			var reserved time.Time
			d.Store = slowStore{h, takes, &reserved}
			h.wait(notify.LaneMessages, "user2", notify.Notice{ID: "m", Kind: notify.KindMessage})
			if _, err := d.Pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(p.ends) != 1 || p.ends[0].Sub(reserved) >= notify.InFlight {
				t.Errorf("reserved at %v, told after %v: sends ended at %v", reserved, takes, p.ends)
			}
		})
	}
}

func answered(call notify.MessageID) func(*world, *waitingStore) {
	return func(w *world, _ *waitingStore) { w.hangUp(call, notify.CallSignal, notify.CallAnswered, "user2") }
}

// A call that rings over the change from one absence to the next does not carry the old one
// over: its card is the first of the new one, and the next goes a first step later.
func TestCallOverTwoAbsences(t *testing.T) {
	t.Parallel()
	w := calling(t, notify.KindCall)
	w.say("user1", "user2")
	w.jump(2 * time.Minute)
	w.status["user2"] = notify.StatusOnline // he has just come; IM's word of it is on its way
	w.ring("call", notify.CallSignal, "user1", "user2")
	w.jump(time.Second)
	w.presence("user2", true)
	w.jump(10 * time.Second)
	w.status["user2"] = notify.StatusOffline
	w.presence("user2", false)
	w.jump(time.Second)
	w.cards(2)
	m := w.say("user1", "user2")
	w.jump(5*time.Minute + 5*time.Second)
	w.ended(m, notify.StateDelivered, "")
}

// silentDirectory is a directory that does not answer before it is given up.
type silentDirectory struct{}

func (silentDirectory) Members(ctx context.Context, _ notify.GroupID, _ notify.GroupType, _ string) ([]notify.Member, string, error) {
	<-ctx.Done()
	return nil, "", ctx.Err()
}

func (silentDirectory) MembersAmong(ctx context.Context, _ notify.GroupID, _ []notify.UserID) ([]notify.Member, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silentDirectory) Names(ctx context.Context, _ []notify.UserID) (map[notify.UserID]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silentDirectory) GroupNames(ctx context.Context, _ []notify.GroupID) (map[notify.GroupID]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Names never delay a call, and a message by little.
func TestNamesDelayNoCall(t *testing.T) {
	for name, c := range map[string]struct {
		lane   notify.Lane
		notice notify.Notice
		most   time.Duration
	}{
		"a call":            {notify.LaneCalls, notify.Notice{ID: "call", Kind: notify.KindCall}, 250 * time.Millisecond},
		"a call of a group": {notify.LaneCalls, notify.Notice{ID: "call", Kind: notify.KindCall, Group: "g1"}, time.Second},
		"a message":         {notify.LaneMessages, notify.Notice{ID: "m", Kind: notify.KindMessage}, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, p := newHub(), newPlatform(0)
				h.known = nil
				d := over(t, h, p)
				d.Directory = silentDirectory{}
				h.wait(c.lane, "user2", c.notice)
				began := time.Now()
				if _, err := d.Pass(t.Context()); err != nil {
					t.Fatal(err)
				}
				sent := p.sent[openID("user2")]
				if len(sent) != 1 || sent[0].Sub(began) > c.most {
					t.Errorf("it was sent at %v, want within %v of %v", sent, c.most, began)
				}
			})
		})
	}
}

// IM takes the question who is there, and never answers. A call is announced after the
// 1.5 s that it waits for IM; a message waits for all of the client's attempts, and on.
func TestSilentIMDelaysNoCall(t *testing.T) {
	for name, c := range map[string]struct {
		lane   notify.Lane
		notice notify.Notice
		asks   time.Duration // how long IM is asked
		cards  int
	}{
		"a call":            {notify.LaneCalls, notify.Notice{ID: "call", Kind: notify.KindCall}, 1500 * time.Millisecond, 1},
		"a call of a group": {notify.LaneCalls, notify.Notice{ID: "call", Kind: notify.KindCall, Group: "g1"}, 1500 * time.Millisecond, 1},
		"a message":         {notify.LaneMessages, notify.Notice{ID: "m", Kind: notify.KindMessage}, 15 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, err := im.NewClient(im.ClientConfig{SDKAppID: 1400123456, SecretKey: secret.New("key"), Now: time.Now,
					HTTPClient: &http.Client{Transport: silentIM{}}})
				if err != nil {
					t.Fatal(err)
				}
				h, p := newHub(), newPlatform(0)
				d := over(t, h, p)
				d.IM, d.Directory = client, client
				c.notice.Expires = time.Now().Add(30 * time.Second)
				h.wait(c.lane, "user2", c.notice)
				began := time.Now()
				if _, err := d.Pass(t.Context()); err != nil {
					t.Fatal(err)
				}
				sent, took := p.sent[openID("user2")], time.Since(began)
				if len(sent) == 1 {
					took = sent[0].Sub(began)
				}
				if len(sent) != c.cards || took < c.asks || took > c.asks+time.Second {
					t.Errorf("%d cards after %v, want %d after %v", len(sent), took, c.cards, c.asks)
				}
			})
		})
	}
}

type silentIM struct{}

func (silentIM) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Whatever else a run is busy with, a call that begins to ring is announced within a
// second or two.
func TestNothingStarvesACall(t *testing.T) {
	for name, c := range map[string]struct {
		busy  func(h *hub, p *platform, d *deliver.Deliverer)
		rings time.Duration // after the run began
	}{
		"2,000 messages": {func(h *hub, p *platform, _ *deliver.Deliverer) {
			p.takes = func(c notify.Card) time.Duration { return 300 * time.Millisecond }
			for i := range 2000 {
				h.wait(notify.LaneMessages, notify.UserID(fmt.Sprint("u", i)), notify.Notice{ID: notify.Identity(fmt.Sprint(i)), Kind: notify.KindMessage})
			}
		}, 5 * time.Second},
		"one message, and a WeChat that takes its time": {func(h *hub, p *platform, _ *deliver.Deliverer) {
			p.takes = func(c notify.Card) time.Duration {
				if c.To == openID("user2") {
					return 100 * time.Millisecond
				}
				return 10 * time.Second
			}
			h.wait(notify.LaneMessages, "user3", notify.Notice{ID: "m", Kind: notify.KindMessage})
		}, 2 * time.Second},
		"groups, and an IM that does not say who is in them": {func(h *hub, _ *platform, d *deliver.Deliverer) {
			d.Directory = silentDirectory{}
			for i := range 10 {
				h.spreads = append(h.spreads, notify.Spread{Message: notify.GroupMessage{Group: "g1", Seq: uint32(i), For: notify.GroupAll}})
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, p := newHub(), newPlatform(100*time.Millisecond)
				d := over(t, h, p)
				c.busy(h, p, d)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				ring := func() {
					h.wait(notify.LaneCalls, "user2", notify.Notice{ID: "call", Kind: notify.KindCall, Expires: time.Now().Add(30 * time.Second)})
				}
				began := time.Now()
				var wg sync.WaitGroup
				if c.rings == 0 {
					ring()
				} else {
					wg.Go(func() {
						pause(ctx, c.rings)
						ring()
					})
				}
				d.Run(ctx)
				wg.Wait()
				sent := p.sent[openID("user2")]
				if len(sent) != 1 || sent[0].Sub(began)-c.rings > 2*time.Second {
					t.Errorf("the call began to ring after %v, and was announced at %v (the run began at %v)", c.rings, sent, began)
				}
			})
		})
	}
}
