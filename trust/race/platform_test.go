package race_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

// A platform is the IM and WeChat of a race. Everybody is offline, and every send goes well
// unless fail says otherwise.
type platform struct {
	*system
	order  atomic.Int64 // numbers what happens
	groups map[fact.GroupID][]notify.Member
	fail   func(card.Card) error

	seeing sync.Mutex
	begun  map[card.ID][]fact.Identity
	told   map[string]int // user and message -> cards that told of it
	cards  map[fact.OpenID]int
	over   map[string]int64  // user and message, or "*" for all of them -> when it was known that it must not be told
	gone   map[binding]int64 // when it was known that a user's cards go to an openid no more
}

// A binding says whose cards go where.
type binding struct {
	user   fact.UserID
	openID fact.OpenID
}

func (s *system) platform() *platform {
	return &platform{system: s, begun: map[card.ID][]fact.Identity{}, told: map[string]int{}, cards: map[fact.OpenID]int{},
		over: map[string]int64{}, gone: map[binding]int64{}}
}

// deliverer is one that works through an instance.
func (p *platform) deliverer(st *store.Store) *deliver.Deliverer {
	spec := card.TemplateSpec{ID: tmpl, Data: map[string]string{"thing1": "{{.Sender}}", "number2": "{{.Count}}"}}
	templates, err := card.NewTemplates(map[fact.Kind]card.TemplateSpec{fact.KindMessage: spec})
	p.Must(err)
	return &deliver.Deliverer{Store: &watcher{Store: st, p: p}, IM: p, Directory: p, WeChat: p, Rules: p.rules, Templates: templates,
		Log: slog.New(slog.DiscardHandler)}
}

// next numbers a moment.
func (p *platform) next() int64 { return p.order.Add(1) }

func (p *platform) Presence(_ context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error) {
	out := map[fact.UserID]notify.Status{}
	for _, u := range users {
		out[u] = notify.StatusOffline
	}
	return out, nil
}

func (p *platform) Unread(context.Context, fact.UserID, []fact.UserID) (int, map[fact.UserID]int, error) {
	return 1, nil, nil
}

// page is how many members the platform tells of at once.
const page = 10

func (p *platform) Members(_ context.Context, group fact.GroupID, _ fact.GroupType, at string) ([]notify.Member, string, error) {
	from := 0
	fmt.Sscan(at, &from)
	to := min(from+page, len(p.groups[group]))
	if to == len(p.groups[group]) {
		return p.groups[group][from:to], "", nil
	}
	return p.groups[group][from:to], fmt.Sprint(to), nil
}

func (p *platform) MembersAmong(context.Context, fact.GroupID, []fact.UserID) ([]notify.Member, error) {
	return nil, nil
}

func (p *platform) Names(context.Context, []fact.UserID) (map[fact.UserID]string, error) {
	return nil, nil
}

func (p *platform) GroupNames(context.Context, []fact.GroupID) (map[fact.GroupID]string, error) {
	return nil, nil
}

// Send shows a card, and so tells of what was begun with it.
func (p *platform) Send(_ context.Context, c card.Card) (int64, error) {
	p.seeing.Lock()
	defer p.seeing.Unlock()
	p.cards[c.To]++
	if p.fail != nil {
		if err := p.fail(c); err != nil {
			return 0, err
		}
	}
	for _, id := range p.begun[c.ID] {
		p.told[string(c.ID.User())+" "+string(id.ID())]++
	}
	return p.next(), nil
}

// toldOnce wants each of messages to have been told to its recipient, once.
func (p *platform) toldOnce(facts ...fact.Fact) {
	p.Helper()
	p.seeing.Lock()
	defer p.seeing.Unlock()
	for _, f := range facts {
		id := string(f.Message.To) + " " + string(f.Message.ID)
		switch n := p.told[id]; {
		case n == 0:
			trust.Broken(p, trust.Lost, "%s was not told", id)
		case n > 1:
			trust.Broken(p, trust.Doubled, "%s was told %d times", id, n)
		}
	}
	for id, n := range p.told {
		if n > 1 {
			trust.Broken(p, trust.Doubled, "%s was told %d times", id, n)
		}
	}
}

// endedOnce wants each of messages to have one end.
func (p *platform) endedOnce(facts ...fact.Fact) {
	p.Helper()
	ends := map[fact.UserID]map[fact.MessageID][]fact.State{}
	for _, f := range facts {
		m := f.Message
		if ends[m.To] == nil {
			ends[m.To] = p.ends(m.To)
		}
		switch got := ends[m.To][m.ID]; {
		case len(got) == 0:
			trust.Broken(p, trust.Lost, "%s to %s has no end", m.ID, m.To)
		case len(got) > 1:
			trust.Broken(p, trust.Violated, "%s to %s ended as %v", m.ID, m.To, got)
		case (got[0] == fact.StateDelivered) != (p.told[string(m.To)+" "+string(m.ID)] == 1):
			trust.Broken(p, trust.Violated, "%s to %s ended %q, and was told %d times", m.ID, m.To, got[0], p.told[string(m.To)+" "+string(m.ID)])
		}
	}
}

// run has deliverers look until nothing waits any more.
func (p *platform) run() {
	p.Helper()
	deliverers := make([]*deliver.Deliverer, len(p.instances))
	for i, st := range p.instances {
		deliverers[i] = p.deliverer(st)
	}
	for round := range 20 {
		n := len(deliverers)
		if round > 1 { // it is about ends now
			n = min(n, 4)
		}
		p.meetings(n, func(i int, _ *store.Store) error {
			_, err := deliverers[i].Pass(p.Context())
			return err
		})
		p.advance(permit.Lease + time.Second)
		nothing, err := fixture.Idle(p.Context(), p.raw)
		p.Must(err)
		if nothing {
			return
		}
	}
	p.Fatal("something waits for ever")
}

// mustNot notes that from now on a message of user must not be told, all of theirs for "*".
func (p *platform) mustNot(user fact.UserID, id fact.MessageID) {
	p.seeing.Lock()
	defer p.seeing.Unlock()
	p.over[string(user)+" "+string(id)] = p.next()
}

// A watcher sees what a Deliverer asks of the store, and when.
type watcher struct {
	*store.Store
	p *platform
}

func (w *watcher) Begin(ctx context.Context, cards []notify.Begin) ([][]fact.Identity, error) {
	asked := w.p.next()
	out, err := w.Store.Begin(ctx, cards)
	w.p.seeing.Lock()
	defer w.p.seeing.Unlock()
	for i, ids := range out {
		w.p.begun[cards[i].Card] = slices.Clone(ids)
		for _, id := range ids {
			for _, what := range []fact.MessageID{id.ID(), "*"} {
				if known, ok := w.p.over[string(cards[i].User)+" "+string(what)]; ok && known < asked {
					trust.Broken(w.p, trust.Violated, "%s of %s was begun after the store knew that it must not be told", id, cards[i].User)
				}
			}
		}
	}
	return out, err
}

func (w *watcher) Reserve(ctx context.Context, r permit.Reserve) (permit.Reserved, error) {
	asked := w.p.next()
	got, err := w.Store.Reserve(ctx, r)
	w.p.seeing.Lock()
	defer w.p.seeing.Unlock()
	if known, ok := w.p.gone[binding{r.User, r.OpenID}]; ok && known < asked && got.Status == permit.ReserveOK {
		trust.Broken(w.p, trust.Violated, "a card of %s is sent to %s, which is another's now", r.User, r.OpenID)
	}
	return got, err
}
