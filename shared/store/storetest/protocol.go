package storetest

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"wxnotify/shared/notify"
)

// protocolRules hold store and Deliverer together to the promises, while runs end
// anywhere: before a step of theirs, or after it with its answer unheard.
var protocolRules = []rule{
	world(1), world(2), world(3),
}

func world(seed uint64) rule {
	return rule{fmt.Sprint("no message is lost or told twice, whatever ends when, seed ", seed), func(b *bench) {
		w := newChaos(b, seed)
		for range 250 {
			w.step()
			if b.Failed() {
				return
			}
		}
		w.settleDown()
		w.check()
	}}
}

// chaos is a small world of people, messages, calls and taps around one store.
type chaos struct {
	*bench
	r       *rand.Rand
	faults  bool
	users   []notify.UserID
	bound   map[notify.UserID]notify.OpenID
	online  map[notify.UserID]bool
	taps    map[notify.OpenID]int // of each template
	sent    int                   // messages and calls to people who were bound
	known   []notify.Message      // sent, and not forgotten by an erasure
	calls   []twoNames            // likewise
	deliver notify.Deliverer

	mu      sync.Mutex // guards what follows: cards are sent side by side
	begun   map[notify.CardID][]string
	shown   map[string]int // user and message id -> cards that told of it
	cards   map[purse]int
	reports []notify.Sent // what WeChat is going to tell of cards
}

// A purse is what permits of one template are for.
type purse struct {
	openID   notify.OpenID
	template notify.TemplateID
}

// The templates of the world. Digests and missed calls share that of messages.
var kinds = map[notify.Kind]notify.TemplateID{notify.KindMessage: tmpl, notify.KindCall: tmpl2, notify.KindMissedCall: tmpl}

func newChaos(b *bench, seed uint64) *chaos {
	w := &chaos{bench: b, r: rand.New(rand.NewPCG(seed, 0)), faults: true,
		bound: map[notify.UserID]notify.OpenID{}, online: map[notify.UserID]bool{}, taps: map[notify.OpenID]int{},
		begun: map[notify.CardID][]string{}, shown: map[string]int{}, cards: map[purse]int{}}
	b.rules.TTL = time.Hour // what waits behind a kept permit ends in time
	b.rules.DigestSteps = []time.Duration{time.Minute, 5 * time.Minute}
	b.rules.MissedCalls = seed%2 == 1
	b.rules.Retry.Max = time.Minute
	specs := map[notify.Kind]notify.TemplateSpec{}
	for kind, id := range kinds {
		specs[kind] = notify.TemplateSpec{ID: id, Data: map[string]string{"number1": "{{.Count}}"}}
	}
	templates, err := notify.NewTemplates(specs)
	b.must(err)
	w.deliver = notify.Deliverer{Store: faulty{b.Store, w}, IM: w, Directory: w, WeChat: w, Rules: b.rules, Templates: templates,
		Log: slog.New(slog.DiscardHandler)}
	for i := range 6 {
		user := notify.UserID(fmt.Sprint("user", i))
		w.users = append(w.users, user)
		w.bind(user, notify.OpenID(fmt.Sprint("openid", i)))
		w.tap(w.bound[user])
		w.tap(w.bound[user])
	}
	return w
}

func (w *chaos) random() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.r.Float64()
}

// pass lets two runs look at what is due, side by side.
func (w *chaos) pass() {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := w.deliver.Pass(w.Context()); err != nil && !errors.Is(err, errEnded) {
				w.Error(err)
			}
		})
	}
	wg.Wait()
}

// settleDown lets runs come to an end until nobody waits and no card is unknown.
func (w *chaos) settleDown() {
	w.faults = false
	clear(w.online)
	for i := range 300 {
		w.Advance(61 * time.Second)
		if i > 100 { // what was replayed may wait for a day behind a kept permit
			w.Advance(10 * time.Minute)
		}
		w.pass()
		waiting := false
		for _, kind := range []string{"w", "cw", "u"} {
			keys, err := w.Raw.Keys(w.Context(), "*}:"+kind).Result()
			w.must(err)
			waiting = waiting || len(keys) > 0
		}
		if !waiting {
			return
		}
	}
	w.Fatalf("something waits for ever: %v", w.dump())
}

func (w *chaos) check() {
	total := int64(0)
	for state, n := range w.counts() {
		if n < 0 {
			w.Errorf("%d messages are %s", n, state)
		}
		total += n
	}
	equal(w.bench, "messages that ended", total, int64(w.sent))
	for _, user := range w.users {
		w.checkEnds(user)
	}
	for id, n := range w.shown {
		if n > 1 {
			w.Errorf("%s was told %d times", id, n)
		}
	}
	for p, n := range w.cards {
		if n > w.taps[p.openID] {
			w.Errorf("%s was sent %d cards of %s for %d permits", p.openID, n, p.template, w.taps[p.openID])
		}
	}
	if len(w.shown) == 0 {
		w.Error("nothing was told: the world is too quiet to show anything")
	}
}

// checkEnds wants the messages of user to have ended once, but for one correction by
// WeChat, and once more for each replay. What was given up may end once more while its letter
// is kept.
func (w *chaos) checkEnds(user notify.UserID) {
	ends, corrections, dead := map[notify.MessageID]int{}, map[notify.MessageID]int{}, map[notify.MessageID]bool{}
	for _, s := range w.timeline(user) {
		for _, id := range s.Messages {
			switch {
			case s.Kind == notify.StepAccepted && s.Reason == notify.ReasonReplayed:
				ends[id]--
				dead[id] = false
			case s.Kind == notify.StepFinal && s.Reason == notify.ReasonReported:
				corrections[id]++
			case s.Kind == notify.StepFinal && dead[id]:
				dead[id] = false
			case s.Kind == notify.StepFinal:
				ends[id]++
				dead[id] = s.State == notify.StateDead
			}
		}
	}
	for id := range ends {
		if ends[id] > 1 || corrections[id] > 1 {
			w.Errorf("%s of %s ended %d times and was corrected %d times", id, user, ends[id], corrections[id])
		}
	}
}
