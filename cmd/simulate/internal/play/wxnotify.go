package play

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/world"
	"wxnotify/shared/card"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/stopwatch"
	"wxnotify/shared/store"
)

// Config is what wxnotify is run with.
type Config struct {
	History *history.History
	Grants  *history.Grants
	// StoreURL is a Redis that is empty.
	StoreURL string
	Rules    notify.Rules
	// Follow is how many users' messages are followed one by one to their final state.
	Follow int
	// Progress is told at the end of each day. May be nil.
	Progress func(Progress)
}

// Progress is how far a run has come.
type Progress struct {
	Day, Facts, Cards int
}

// settleTime is for how long after the end of the history what waits may end: longer than
// a message may be announced.
const settleTime = 3 * 24 * time.Hour

// mostPasses is how many passes one moment may take.
const mostPasses = 1000

// Wxnotify plays a history to wxnotify: the real inbox, deliverer and store, whose clock
// is virtual.
func Wxnotify(ctx context.Context, cfg Config) (*Journal, error) {
	w, err := newWxnotify(cfg)
	if err != nil {
		return nil, err
	}
	defer w.store.Close()
	if err := w.bind(ctx); err != nil {
		return nil, err
	}
	if err := w.play(ctx); err != nil {
		return nil, err
	}
	return w.j, w.close(ctx)
}

type wxnotify struct {
	Config
	facts    facts
	clock    *world.Clock
	wechat   *world.WeChat
	store    *store.Store
	inbox    *inbox.Inbox
	deliver  *deliver.Deliverer
	courier  *courier
	reports  reports         // WeChat's own, of cards
	due      time.Duration   // when the store said that the next is due; 0: nothing is, or it has to be asked
	looks    []time.Duration // when what was told since may be due, soonest first
	observed *observer
	follower *follower
	j        *Journal
}

func newWxnotify(cfg Config) (*wxnotify, error) {
	if err := cfg.Rules.Check(); err != nil {
		return nil, err
	}
	clock := &world.Clock{}
	st, err := store.Open(store.Config{URL: secret.New(cfg.StoreURL), Shards: 1, Now: clock.Now, ServerTime: clock.Now})
	if err != nil {
		return nil, err
	}
	templates, err := card.NewTemplates(map[fact.Kind]card.TemplateSpec{
		fact.KindMessage: {ID: template, Page: "pages/chat/index?peer={{.Peer}}",
			Data: map[string]string{"thing1": "{{.Sender}}", "number2": "{{.Count}}"}},
	})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	w := &wxnotify{Config: cfg, facts: facts{cfg.History, cfg.Grants}, clock: clock, wechat: world.NewWeChat(cfg.History.Params),
		store: st, courier: &courier{}, j: &Journal{}}
	w.follower = newFollower(cfg.History, st, cfg.Follow)
	w.observed = newObserver(w)
	im, log := world.IM{History: cfg.History, Clock: clock}, slog.New(slog.DiscardHandler)
	w.inbox = &inbox.Inbox{
		Store: w.observed, Invoker: w.courier, Log: log, Now: clock.Now,
		Filter: notify.Filter{Rules: cfg.Rules, Admin: "administrator", Templates: templates.IDs()},
	}
	w.deliver = &deliver.Deliverer{Store: w.observed, IM: im, Directory: im, WeChat: w.observed, Rules: cfg.Rules, Templates: templates, Log: log}
	return w, nil
}

// bind signs every user in for the first time.
func (w *wxnotify) bind(ctx context.Context) error {
	for u := range int32(w.History.Users) {
		if err := w.store.Bind(ctx, history.UserID(u), history.OpenID(u)); err != nil {
			return err
		}
	}
	return nil
}

// play goes from moment to moment at which something happens or falls due.
func (w *wxnotify) play(ctx context.Context) error {
	todo := events(w.History, w.Grants)
	end := time.Duration(w.History.End)*time.Second + settleTime
	for day := 1; ; {
		now := soonest(next(todo), w.reports.next(), w.next())
		over := now == 0 || now > end
		for ; day <= w.History.Days && (over || now >= time.Duration(day)*24*time.Hour); day++ {
			w.progress(day)
		}
		if over {
			return ctx.Err()
		}
		w.clock.Set(now)
		watch := stopwatch.Start()
		var facts []fact.Fact
		facts, todo = w.told(now, todo)
		if err := w.accept(ctx, now, facts); err != nil {
			return err
		}
		if err := w.work(ctx, now); err != nil {
			return fmt.Errorf("%s: %w", w.clock.Now().Format(time.DateTime), err)
		}
		if watch.Elapsed() > time.Second {
			w.j.Stalls++
		}
	}
}

// soonest returns the first of some times; 0 is never.
func soonest(times ...time.Duration) time.Duration {
	var first time.Duration
	for _, t := range times {
		if t != 0 && (first == 0 || t < first) {
			first = t
		}
	}
	return first
}

// next returns when the next event happens, in time since the start; 0: never. Nothing
// happens at the start itself.
func next(todo []history.Event) time.Duration {
	if len(todo) == 0 {
		return 0
	}
	return max(time.Duration(todo[0].At)*time.Second, 1)
}

// told returns what the platforms tell now, and the events that are to come.
func (w *wxnotify) told(now time.Duration, todo []history.Event) ([]fact.Fact, []history.Event) {
	var out []fact.Fact
	for len(todo) > 0 && next(todo) <= now {
		e := todo[0]
		todo = todo[1:]
		if e.What == history.Tapped {
			w.wechat.Permit(e.User)
		}
		out = append(out, w.facts.of(e))
		if e.What != history.Posted && e.What != history.Unposted {
			w.follower.touch(e.User)
		}
	}
	return append(out, w.reports.due(now)...), todo
}

// accept hands facts to the inbox, as often as it takes: it overflows what the store does
// not take in time, which on a busy machine it may not.
func (w *wxnotify) accept(ctx context.Context, now time.Duration, facts []fact.Fact) error {
	w.j.Facts += len(facts)
	for _, f := range facts {
		if f.Message != nil || f.Read != nil || f.Recall != nil || f.Grant != nil {
			w.looks = append(w.looks, now+w.Rules.Lead) // nothing falls due sooner
		} else {
			w.due = soonest(w.due, now)
		}
	}
	for tries := 0; len(facts) > 0; tries++ {
		if err := w.inbox.Accept(ctx, facts); err != nil {
			return err
		}
		if facts = w.courier.take(); len(facts) > 0 && tries == 20 {
			return errors.New("the store does not take what is recorded")
		}
	}
	return nil
}

// work does what is due, and finds out when the next is.
func (w *wxnotify) work(ctx context.Context, now time.Duration) error {
	for passes := 0; w.next() != 0 && w.next() <= now; passes++ {
		if passes == mostPasses {
			return errors.New("what is due does not come to an end")
		}
		c, err := w.deliver.Pass(ctx)
		if err != nil {
			return err
		}
		for len(w.looks) > 0 && w.looks[0] <= now {
			w.looks = w.looks[1:]
		}
		if c.Claimed == 0 || len(w.looks) == 0 || w.looks[0] > now+time.Second {
			err = w.ask(ctx)
		} else { // the next look is so soon that nothing falls due before
			w.due = 0
		}
		if err != nil {
			return err
		}
	}
	return w.follower.look(ctx)
}

// next returns when to look at what waits: when it is due or sooner; 0: nothing waits.
func (w *wxnotify) next() time.Duration {
	if len(w.looks) == 0 {
		return w.due
	}
	return soonest(w.due, w.looks[0])
}

// ask asks the store when the next is due. What was due later than something else was
// not known until now.
func (w *wxnotify) ask(ctx context.Context) error {
	const ever = 1000 * 24 * time.Hour
	at, err := w.store.Rest(ctx, w.clock.Now().Add(ever))
	w.due, w.looks = 0, nil
	if !at.IsZero() {
		w.due = at.Sub(history.Start)
	}
	return err
}

func (w *wxnotify) progress(day int) {
	if w.Progress != nil {
		w.Progress(Progress{day, w.j.Facts, len(w.j.Cards)})
	}
}

// close reads what the store says of the end.
func (w *wxnotify) close(ctx context.Context) error {
	w.j.sort()
	var err error
	if w.j.States, err = w.store.Counts(ctx); err != nil {
		return err
	}
	w.j.Waiting = int64(len(w.History.Items))
	for _, n := range w.j.States {
		w.j.Waiting -= n
	}
	for u := range int32(w.History.Users) {
		b, err := w.store.Balances(ctx, history.OpenID(u), []fact.TemplateID{template})
		if err != nil {
			return err
		}
		w.j.Balance = append(w.j.Balance, b[template])
	}
	w.follower.all()
	if err := w.follower.look(ctx); err != nil {
		return err
	}
	w.j.Followed, w.j.Unended = w.follower.result()
	return w.observed.err()
}

// A invoker keeps what is spilled to be recorded at once: the store is never away for
// long here. Nobody has to be woken.
type courier struct{ spilled []fact.Fact }

func (c *courier) Wake(context.Context) error { return nil }

func (c *courier) Overflow(_ context.Context, facts []fact.Fact, _ time.Time) error {
	c.spilled = append(c.spilled, facts...)
	return nil
}

func (c *courier) take() []fact.Fact {
	facts := c.spilled
	c.spilled = nil
	return facts
}

// reports are what WeChat will tell of cards, soonest first.
type reports []report

type report struct {
	at   time.Duration
	fact fact.Fact
}

func (r reports) Len() int           { return len(r) }
func (r reports) Less(i, j int) bool { return r[i].at < r[j].at }
func (r reports) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *reports) Push(x any)        { *r = append(*r, x.(report)) }
func (r *reports) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

func (r reports) next() time.Duration {
	if len(r) == 0 {
		return 0
	}
	return r[0].at
}

func (r *reports) due(now time.Duration) []fact.Fact {
	var out []fact.Fact
	for len(*r) > 0 && (*r)[0].at <= now {
		out = append(out, heap.Pop(r).(report).fact)
	}
	return out
}
