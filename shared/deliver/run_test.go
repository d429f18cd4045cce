package deliver_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
)

// A backlog of 100,000 due recipients drains at the pace that WeChat is to see, calls are
// served meanwhile, and no run works past its deadline. The platform starts one each minute.
func TestBacklogOf100000(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const recipients, deadline = 100_000, 5 * time.Minute
		m, p := newMemory(), newPlatform(150*time.Millisecond)
		m.messages(recipients)
		began := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		var calls, runs sync.WaitGroup
		rang := map[fact.UserID]time.Time{}
		calls.Go(func() { callEvery10s(ctx, m, rang) })
		d := over(t, m, p)
		for m.left(card.QueueMessages) > 0 && time.Since(began) < time.Hour {
			runs.Go(func() {
				started := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				d.Run(ctx)
				if past := time.Since(started) - deadline; past > 0 {
					t.Errorf("a run worked %v past its deadline", past)
				}
			})
			pause(t.Context(), time.Minute)
		}
		runs.Wait()
		took := time.Since(began)
		stop()
		calls.Wait()
		var drained time.Time
		for i := range recipients {
			sent := p.sent[openID(fact.UserID(fmt.Sprint("u", i)))]
			if len(sent) != 1 {
				t.Fatalf("recipient %d got %d cards", i, len(sent))
			}
			if sent[0].After(drained) {
				drained = sent[0]
			}
		}
		if most := recipients / 100 * time.Second * 12 / 10; took > most {
			t.Errorf("it took %v, want at most %v", took, most)
		}
		for user, at := range rang {
			// A run takes up nothing in its last 20 s. A call that begins then is the next run's.
			if sent := p.sent[openID(user)]; at.Before(drained) && (len(sent) != 1 || sent[0].Sub(at) > 22500*time.Millisecond) {
				t.Errorf("%s was called at %v, and announced at %v", user, at, sent)
			}
		}
	})
}

// callEvery10s has somebody be called every ten seconds until ctx ends, and notes when.
func callEvery10s(ctx context.Context, m *memory, rang map[fact.UserID]time.Time) {
	for i := 0; pause(ctx, 10*time.Second) == nil; i++ {
		user := fact.UserID(fmt.Sprint("called", i))
		rang[user] = time.Now()
		m.rings(user)
	}
}

// Many runs at once send at the full rate and no faster, none sends a card long after it was begun,
// and calls do not wait behind what all of them want to send.
func TestManyRunsShareThePace(t *testing.T) {
	for _, c := range []struct{ runs, rate int }{{16, 100}, {4, 20}, {30, 5}} {
		t.Run(fmt.Sprintf("%d runs at %d a second", c.runs, c.rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const given = 4 * time.Minute
				m, p := newMemory(), newPlatform(150*time.Millisecond)
				var noted sync.Mutex
				begun := map[fact.UserID]time.Time{}
				m.before = func(_ context.Context, call string, user fact.UserID) error {
					noted.Lock()
					defer noted.Unlock()
					if call == "begin" {
						begun[user] = time.Now()
					}
					return nil
				}
				m.messages(2 * c.rate * int(given.Seconds()))
				ctx, stop := context.WithTimeout(t.Context(), given)
				defer stop()
				var wg sync.WaitGroup
				for range c.runs {
					d := over(t, m, p)
					d.Rules.SendsPerSecond = c.rate
					wg.Go(func() {
						for ctx.Err() == nil {
							ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
							d.Run(ctx)
							cancel()
						}
					})
				}
				rang := map[fact.UserID]time.Time{}
				callEvery10s(ctx, m, rang)
				cards := p.cards()
				wg.Wait()
				p.keptTo(t, c.rate, len(rang))
				if best := c.rate * int(given.Seconds()); cards < best*9/10 {
					t.Errorf("%d cards in %v, want about %d", cards, given, best)
				}
				for user, at := range begun {
					if sent := p.sent[openID(user)]; len(sent) > 0 && sent[0].Sub(at) > time.Second {
						t.Fatalf("%s's card was begun %v before it was sent", user, sent[0].Sub(at))
					}
				}
				for user, at := range rang {
					if sent := p.sent[openID(user)]; len(sent) != 1 || sent[0].Sub(at) > 10*time.Second {
						t.Errorf("%s was called at %v, and announced at %v", user, at, sent)
					}
				}
			})
		})
	}
}

// keptTo wants no second to have seen more sends than the rate allows: a second's worth may go at
// once, and calls beside it.
func (p *platform) keptTo(t *testing.T, rate, calls int) {
	t.Helper()
	all := slices.SortedFunc(maps.Keys(p.sent), func(a, b fact.OpenID) int { return p.sent[a][0].Compare(p.sent[b][0]) })
	first := p.sent[all[0]][0]
	for i, to := range all {
		after := p.sent[to][0].Sub(first)
		if most := rate*int(after.Milliseconds())/1000 + rate + calls; i+1 > most {
			t.Fatalf("%d cards within %v, want at most %d", i+1, after, most)
		}
	}
}

// A send that hangs holds up no card but its own.
func TestSendsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, p := newMemory(), newPlatform(0)
		p.takes = func(c card.Card) time.Duration {
			var i int
			if fmt.Sscanf(string(c.To), string(openID("u%d")), &i); i%100 == 50 {
				return time.Hour
			}
			return 150 * time.Millisecond
		}
		const recipients = 5000
		m.messages(recipients)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		over(t, m, p).Run(ctx)
		if p.cards() < recipients {
			t.Errorf("%d of %d cards, want all: at 100 a second they take 50 s", p.cards(), recipients)
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
	m, p := newMemory(), newPlatform(takes)
	m.messages(500)
	d := over(t, m, p)
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
	if p.cards() != len(m.settled) {
		t.Errorf("given %v, %d cards were sent and %d are settled", given, p.cards(), len(m.settled))
	}
	for user, e := range m.waiting[card.QueueMessages] {
		if e.rec.Lease != "" {
			t.Errorf("given %v, %s was not handed back", given, user)
			break
		}
	}
}

// A run without time for a send claims nothing. Once does what is due, and does not wait for more.
func TestShortRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, p := newMemory(), newPlatform(0)
		m.messages(3)
		d := over(t, m, p)
		ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second)
		defer cancel()
		if c := d.Run(ctx); c.Claimed != 0 {
			t.Errorf("claimed %d", c.Claimed)
		}
		began := time.Now()
		if c := d.Once(t.Context()); c.Sent != 3 || time.Since(began) > time.Second {
			t.Errorf("%+v in %v", c, time.Since(began))
		}
	})
}

// However late the store says that a permit is reserved, the send has ended when another card to
// the user may go.
func TestNoSendOutlivesItsTurn(t *testing.T) {
	for _, takes := range []time.Duration{0, 4 * time.Second, 8 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			m, p := newMemory(), newPlatform(time.Minute)
			d := over(t, m, p)
			var reserved time.Time
			m.before = func(ctx context.Context, call string, _ fact.UserID) error {
				if call == "begin" {
					return nil
				}
				reserved = time.Now()
				return pause(ctx, takes)
			}
			m.messages(1)
			if _, err := d.Pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(p.ends) != 1 || p.ends[0].Sub(reserved) >= permit.InFlight {
				t.Errorf("reserved at %v, told after %v: sends ended at %v", reserved, takes, p.ends)
			}
		})
	}
}

// A card that was held up goes by IM's word of now, not by the one of before.
func TestStaleWordOfIM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, p := newMemory(), newPlatform(0)
		m.messages(1)
		d := over(t, m, p)
		takes := 11 * time.Second
		m.before = func(ctx context.Context, _ string, _ fact.UserID) error {
			defer func() { takes = 0 }()
			return pause(ctx, takes)
		}
		if _, err := d.Pass(t.Context()); err != nil || p.cards() != 0 {
			t.Fatalf("%d cards on a word of IM that is 11 s old, %v", p.cards(), err)
		}
		if _, err := d.Pass(t.Context()); err != nil || p.cards() != 1 || p.asks != 2 {
			t.Fatalf("%d cards, IM was asked %d times, %v", p.cards(), p.asks, err)
		}
	})
}

// IM is asked in calls of 500, and about no more recipients than are sent to within two seconds: who
// comes online while others' cards take their turn gets none.
func TestIMIsAskedAboutFew(t *testing.T) {
	for rate, cards := range map[int]int{2000: 2000, 20: 400} {
		synctest.Test(t, func(t *testing.T) {
			m, p := newMemory(), newPlatform(0)
			m.messages(2000)
			d := over(t, m, p)
			d.Rules.SendsPerSecond = rate
			if _, err := d.Pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			if p.cards() < cards || rate == 2000 && p.asks > 4 {
				t.Errorf("%d cards at %d a second, IM was asked %d times", p.cards(), rate, p.asks)
			}
			for to, at := range p.asked {
				if sent := p.sent[to]; len(sent) > 0 && sent[0].Sub(at) > 3*time.Second {
					t.Fatalf("%s got a card %v after IM was asked about them", to, sent[0].Sub(at))
				}
			}
		})
	}
}

// Whoever did not hear whether a permit was reserved, and finds the card given up as unknown, does not
// put its notices off: they are the unknown card's.
func TestCardThatWasGivenUpMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, p := newMemory(), newPlatform(0)
		m.messages(1)
		d := over(t, m, p)
		m.before = func(_ context.Context, call string, _ fact.UserID) error {
			return map[string]error{"reserve": errLost}[call]
		}
		if _, err := d.Pass(t.Context()); err != nil || p.cards() != 0 {
			t.Fatalf("%d cards, %v", p.cards(), err)
		}
		if at := m.waiting[card.QueueMessages]["u0"].at; time.Until(at) < permit.Lease-time.Minute/2 {
			t.Errorf("due again in %v, before another run can find the card", time.Until(at))
		}
	})
}

// silentIM takes a request and never answers.
type silentIM struct{}

func (silentIM) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func silentClient(t *testing.T) *im.Client {
	t.Helper()
	c, err := im.NewClient(im.ClientConfig{SDKAppID: 1400123456, SecretKey: secret.New("key"), Now: time.Now, HTTPClient: &http.Client{Transport: silentIM{}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Names never delay a call, and a message by little. An IM that never says who is there delays a call
// by the 1.5 s that it waits for that; a message waits for all of the client's attempts, and on.
func TestSilentIM(t *testing.T) {
	for name, c := range map[string]struct {
		queue       card.Queue
		notice      card.Notice
		least, most time.Duration // until it is sent, or the pass is over
		silent      bool          // also who is there
		cards       int
	}{
		"names, a call":            {card.QueueCalls, card.Notice{Kind: fact.KindCall}, 0, 250 * time.Millisecond, false, 1},
		"names, a call of a group": {card.QueueCalls, card.Notice{Kind: fact.KindCall, Group: "g1"}, 0, time.Second, false, 1},
		"names, a message":         {card.QueueMessages, card.Notice{Kind: fact.KindMessage}, 0, 2 * time.Second, false, 1},
		"a call":                   {card.QueueCalls, card.Notice{Kind: fact.KindCall}, 1500 * time.Millisecond, 2500 * time.Millisecond, true, 1},
		"a call of a group":        {card.QueueCalls, card.Notice{Kind: fact.KindCall, Group: "g1"}, 1500 * time.Millisecond, 2500 * time.Millisecond, true, 1},
		"a message":                {card.QueueMessages, card.Notice{Kind: fact.KindMessage}, 15 * time.Second, 16 * time.Second, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, p := newMemory(), newPlatform(0)
				m.known = nil
				d := over(t, m, p)
				d.Directory = silentClient(t)
				var log bytes.Buffer
				d.Log = slog.New(slog.NewTextHandler(&log, nil))
				if c.silent {
					d.IM = silentClient(t)
				}
				c.notice.ID, c.notice.Expires = "m", time.Now().Add(30*time.Second)
				m.wait(c.queue, "user2", c.notice)
				began := time.Now()
				if _, err := d.Pass(t.Context()); err != nil {
					t.Fatal(err)
				}
				sent, took := p.sent[openID("user2")], time.Since(began)
				if len(sent) == 1 {
					took = sent[0].Sub(began)
				}
				if len(sent) != c.cards || took < c.least || took > c.most {
					t.Errorf("%d cards after %v, want %d after %v to %v", len(sent), took, c.cards, c.least, c.most)
				}
				if c.queue == card.QueueMessages && strings.Count(log.String(), "names not looked up") != 1 {
					t.Errorf("a log that does not say, once, that there is no name: %s", &log)
				}
			})
		})
	}
}

// Whatever else a run is busy with, a call that begins to ring is announced within a
// second or two.
func TestNothingStarvesACall(t *testing.T) {
	for name, c := range map[string]struct {
		busy  func(m *memory, p *platform, d *deliver.Deliverer)
		rings time.Duration // after the run began
	}{
		"2,000 messages": {func(m *memory, p *platform, _ *deliver.Deliverer) {
			p.takes = func(card.Card) time.Duration { return 300 * time.Millisecond }
			m.messages(2000)
		}, 5 * time.Second},
		"one message, and a WeChat that takes its time": {func(m *memory, p *platform, _ *deliver.Deliverer) {
			p.takes = func(c card.Card) time.Duration {
				if c.To == openID("called") {
					return 100 * time.Millisecond
				}
				return 10 * time.Second
			}
			m.messages(1)
		}, 2 * time.Second},
		"groups, and an IM that does not say who is in them": {func(m *memory, _ *platform, d *deliver.Deliverer) {
			d.Directory = silentClient(t)
			for i := range 20 { // eight at a time, until it is too late for the others
				m.spreads = append(m.spreads, notify.FanOut{Message: fact.GroupMessage{Group: "g1", Seq: uint32(i), For: fact.GroupAll}})
			}
		}, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, p := newMemory(), newPlatform(100*time.Millisecond)
				d := over(t, m, p)
				c.busy(m, p, d)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				began := time.Now()
				var wg sync.WaitGroup
				wg.Go(func() {
					pause(ctx, c.rings)
					m.rings("called")
				})
				d.Run(ctx)
				wg.Wait()
				sent := p.sent[openID("called")]
				if len(sent) != 1 || sent[0].Sub(began)-c.rings > 2*time.Second {
					t.Errorf("the call began to ring after %v, and was announced at %v (the run began at %v)", c.rings, sent, began)
				}
			})
		})
	}
}
