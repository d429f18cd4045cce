package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
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
		for range 200 {
			w.step()
			if b.Failed() {
				return
			}
		}
		w.settleDown()
		w.check()
	}}
}

// chaos is a small world of people, messages and taps around one store.
type chaos struct {
	*bench
	r       *rand.Rand
	faults  bool
	users   []notify.UserID
	bound   map[notify.UserID]notify.OpenID
	online  map[notify.UserID]bool
	taps    map[notify.OpenID]int
	sent    int
	known   []notify.Message // sent, and not forgotten by an erasure
	deliver notify.Deliverer

	mu    sync.Mutex // guards what follows: cards are sent side by side
	begun map[notify.CardID][]string
	shown map[string]int // user and message id -> cards that told of it
	cards map[notify.OpenID]int
}

func newChaos(b *bench, seed uint64) *chaos {
	w := &chaos{bench: b, r: rand.New(rand.NewPCG(seed, 0)), faults: true,
		bound: map[notify.UserID]notify.OpenID{}, online: map[notify.UserID]bool{}, taps: map[notify.OpenID]int{},
		begun: map[notify.CardID][]string{}, shown: map[string]int{}, cards: map[notify.OpenID]int{}}
	for i := range 6 {
		user := notify.UserID(fmt.Sprint("user", i))
		w.users = append(w.users, user)
		w.bind(user, notify.OpenID(fmt.Sprint("openid", i)))
		w.tap(w.bound[user])
		w.tap(w.bound[user])
	}
	template, err := notify.NewTemplate(notify.TemplateSpec{ID: tmpl, Data: map[string]string{"number1": "{{.Count}}"}})
	b.must(err)
	w.deliver = notify.Deliverer{Store: faulty{w}, IM: w, WeChat: w, Rules: b.rules, Template: template,
		Log: slog.New(slog.DiscardHandler), Jitter: w.random}
	return w
}

func (w *chaos) random() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.r.Float64()
}

func (w *chaos) someone() notify.UserID { return w.users[w.r.IntN(len(w.users))] }

// step lets one thing happen and some time pass.
func (w *chaos) step() {
	user := w.someone()
	switch n := w.r.IntN(20); {
	case n < 6:
		w.write(user)
	case n < 9:
		w.again()
	case n < 11:
		w.online[user] = w.r.IntN(3) == 0
		if w.r.IntN(3) > 0 { // some callbacks are lost
			w.record(notify.Presence{User: user, Online: w.online[user], At: w.Now()})
		}
	case n < 13:
		w.tap(w.bound[user])
	case n < 14:
		w.record(notify.Read{Reader: user, Peer: w.someone(), UpTo: w.Now()})
	case n < 15:
		w.bind(user, notify.OpenID(fmt.Sprint("openid", w.r.IntN(7))))
	case n < 16 && w.r.IntN(3) == 0:
		w.erase(user)
	default:
		w.pass()
	}
	w.Advance(time.Duration(w.r.IntN(15000)) * time.Millisecond)
}

// write sends user a message from somebody; sometimes its recall is faster.
func (w *chaos) write(user notify.UserID) {
	if w.bound[user] == "" {
		return // he would only be counted
	}
	m := w.messageTo(user, notify.MessageID(w.fresh("m")))
	for m.From = w.someone(); m.From == user; {
		m.From = w.someone()
	}
	w.sent++
	w.known = append(w.known, m)
	if w.r.IntN(10) == 0 {
		w.record(notify.Recall{ID: m.ID, From: m.From, To: m.To})
	}
	w.record(m)
}

// again repeats a callback of an earlier message, or tells that it failed or was
// recalled.
func (w *chaos) again() {
	if len(w.known) == 0 {
		return
	}
	m := w.known[w.r.IntN(len(w.known))]
	switch {
	case w.bound[m.To] == "":
	case w.r.IntN(4) == 0:
		w.record(notify.Recall{ID: m.ID, From: m.From, To: m.To})
	default:
		m.FailedCode = w.r.IntN(4) / 3
		w.record(m)
	}
}

// tap grants a permit, of which either platform or both tell.
func (w *chaos) tap(openID notify.OpenID) {
	if openID == "" {
		return
	}
	w.taps[openID]++
	w.serial++
	g := notify.Grant{ID: w.fresh("tap"), OpenID: openID, At: w.Now(), Templates: []notify.TemplateID{tmpl}}
	for _, g.Source = range [][]notify.GrantSource{{notify.GrantPopup}, {notify.GrantReport},
		{notify.GrantReport, notify.GrantPopup}}[w.r.IntN(3)] {
		w.record(g)
	}
	w.Advance(5 * time.Minute) // taps of one user are told apart
}

func (w *chaos) bind(user notify.UserID, openID notify.OpenID) {
	for other, o := range w.bound {
		if o == openID {
			w.bound[other] = ""
		}
	}
	w.bound[user] = openID
	w.bindTo(user, openID)
}

func (w *chaos) erase(user notify.UserID) {
	if w.bound[user] == "" {
		return
	}
	w.must(w.Store.EraseUser(w.Context(), user))
	w.bound[user] = ""
	w.known = slices.DeleteFunc(w.known, func(m notify.Message) bool { return m.To == user })
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

// settleDown lets runs come to an end until nobody waits.
func (w *chaos) settleDown() {
	w.faults = false
	clear(w.online)
	for range 200 {
		w.Advance(61 * time.Second)
		w.pass()
		waiting := false
		for key := range w.dump() {
			waiting = waiting || strings.Contains(key, "}:w ")
		}
		if !waiting {
			return
		}
	}
	w.Fatal("something waits for ever")
}

func (w *chaos) check() {
	total := int64(0)
	for _, n := range w.counts() {
		total += n
	}
	equal(w.bench, "messages that ended", total, int64(w.sent))
	for _, user := range w.users {
		ends := map[notify.MessageID]int{}
		for _, s := range w.timeline(user) {
			for _, id := range s.Messages {
				if s.Kind == notify.StepFinal {
					ends[id]++
				}
			}
		}
		for id, n := range ends {
			if n > 1 {
				w.Errorf("%s of %s ended %d times", id, user, n)
			}
		}
	}
	for id, n := range w.shown {
		if n > 1 {
			w.Errorf("%s was told %d times", id, n)
		}
	}
	for _, openID := range slices.Sorted(maps.Keys(w.cards)) {
		if w.cards[openID] > w.taps[openID] {
			w.Errorf("%s was sent %d cards for %d permits", openID, w.cards[openID], w.taps[openID])
		}
	}
	if len(w.shown) == 0 {
		w.Error("nothing was told: the world is too quiet to show anything")
	}
}

// Presence implements notify.Asker.
func (w *chaos) Presence(_ context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	out := map[notify.UserID]notify.Status{}
	if w.faults && w.random() < 0.1 {
		return nil, errors.New("IM is away")
	}
	for _, user := range users {
		out[user] = notify.StatusOffline
		if w.online[user] {
			out[user] = notify.StatusOnline
		}
	}
	return out, nil
}

// Send implements notify.Sender.
func (w *chaos) Send(_ context.Context, c notify.Card) (int64, error) {
	luck := w.random()
	if w.faults && w.random() < 0.05 {
		w.Advance(notify.Lease + time.Second) // a slow one
	}
	switch {
	case !w.faults || luck < 0.6:
		w.show(c)
		return 1, nil
	case luck < 0.7:
		w.show(c)
		return 0, refusal(notify.ClassUnknown)
	case luck < 0.8:
		return 0, refusal(notify.ClassUnknown)
	case luck < 0.95:
		return 0, refusal(notify.ClassRetry)
	}
	return 0, refusal(notify.ClassRefused)
}

func (w *chaos) show(c notify.Card) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cards[c.To]++
	for _, id := range w.begun[c.ID] {
		w.shown[id]++
	}
}

type refusal notify.Class

func (r refusal) Error() string       { return "refused: " + r.Class().String() }
func (r refusal) Class() notify.Class { return notify.Class(r) }

// errEnded is what a run sees of a step in which it ends.
var errEnded = errors.New("the run ends here")

// faulty is the store as a run sees it that may end in any step.
type faulty struct{ w *chaos }

// ends reports whether the run ends before a step, or after it.
func (f faulty) ends() (before, after bool) {
	if !f.w.faults {
		return false, false
	}
	n := f.w.random()
	return n < 0.05, n > 0.95
}

func through[A any](f faulty, do func() (A, error)) (A, error) {
	before, after := f.ends()
	var none A
	if before {
		return none, errEnded
	}
	a, err := do()
	if after {
		return none, errEnded
	}
	return a, err
}

func (f faulty) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	return through(f, func() (notify.Batch, error) { return f.w.Store.Claim(ctx, limit) })
}

func (f faulty) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.MessageID, error) {
	return through(f, func() ([][]notify.MessageID, error) {
		begun, err := f.w.Store.Begin(ctx, cards)
		f.w.mu.Lock()
		defer f.w.mu.Unlock()
		for i, ids := range begun {
			f.w.begun[cards[i].Card] = nil
			for _, id := range ids {
				f.w.begun[cards[i].Card] = append(f.w.begun[cards[i].Card], string(cards[i].User)+" "+string(id))
			}
		}
		return begun, err
	})
}

func (f faulty) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	return through(f, func() (notify.Reserved, error) { return f.w.Store.Reserve(ctx, r) })
}

// Settle ends the card's goroutine, since a run repeats what fails here for seconds.
func (f faulty) Settle(ctx context.Context, s notify.Settle) error {
	before, after := f.ends()
	if before {
		runtime.Goexit()
	}
	err := f.w.Store.Settle(ctx, s)
	if after {
		runtime.Goexit()
	}
	return err
}

func (f faulty) Resolve(ctx context.Context, c notify.OpenCard) (notify.Resolved, error) {
	return through(f, func() (notify.Resolved, error) { return f.w.Store.Resolve(ctx, c) })
}

func (f faulty) Finish(ctx context.Context, fs []notify.Finish) ([][]notify.Ended, error) {
	return through(f, func() ([][]notify.Ended, error) { return f.w.Store.Finish(ctx, fs) })
}

func (f faulty) Rest(ctx context.Context, until time.Time) (time.Time, error) {
	return through(f, func() (time.Time, error) { return f.w.Store.Rest(ctx, until) })
}
