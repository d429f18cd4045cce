package model_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// A run is one instance of deliver. What it asks of the store and of the platforms becomes
// requests, of which the system lets one through at a time.
type run struct {
	*store.Store
	w      *system
	number int
	busy   bool // a pass is on
	dead   bool // it was killed: nothing it asks for reaches anybody
	kill   context.CancelFunc

	asked   map[fact.UserID][]answer // in this pass; missing: IM did not answer
	claimed map[string]claimed       // by lease and user
}

// An answer is what IM said of somebody, and when.
type answer struct {
	status notify.Status
	at     time.Time
	silent bool // none came
}

// claimed is a recipient in a run's hands.
type claimed struct {
	notify.Recipient
	moment int
	until  time.Time
}

// A request is on its way from a run.
type request struct {
	of      *run
	name    string
	about   string // whom, for an order that does not depend on goroutines
	made    time.Time
	verdict chan verdict
}

// A verdict is what becomes of a request.
type verdict int

const (
	passes     verdict = iota
	isLost             // it never arrives
	losesReply         // it arrives, and its answer does not
	comesTwice         // it arrives, its answer is lost, and it is made again
)

var errLost = errors.New("no answer")

// through has a request wait until the system lets it through. It outlives its caller: what
// somebody gave up to wait for may still arrive.
func through[A any](ctx context.Context, r *run, name, about string, do func(ctx context.Context) (A, error)) (A, error) {
	type reply struct {
		a   A
		err error
	}
	var none A
	if r.dead {
		return none, errLost
	}
	q := &request{of: r, name: name, about: about, made: r.w.now(), verdict: make(chan verdict, 1)}
	answered := make(chan reply, 1)
	r.w.enter(q)
	r.w.alive.Go(func() {
		v := <-q.verdict
		if v == isLost {
			answered <- reply{none, errLost}
			return
		}
		var rep reply
		rep.a, rep.err = do(context.WithoutCancel(ctx))
		if v == comesTwice {
			rep.a, rep.err = do(context.WithoutCancel(ctx))
		}
		if v == losesReply {
			rep = reply{none, errLost}
		}
		answered <- rep
	})
	select {
	case rep := <-answered:
		return rep.a, rep.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// done is through for what answers nothing.
func done(ctx context.Context, r *run, name, about string, do func(ctx context.Context) error) error {
	_, err := through(ctx, r, name, about, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

func (r *run) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	clear(r.asked)
	return through(ctx, r, "Claim", "", func(ctx context.Context) (notify.Batch, error) {
		asked := r.w.now()
		b, err := r.Store.Claim(ctx, limit)
		r.w.hasClaimed(r, b, asked)
		return b, err
	})
}

func (r *run) ClaimCalls(ctx context.Context, limit int) (notify.Batch, error) {
	return through(ctx, r, "ClaimCalls", "", func(ctx context.Context) (notify.Batch, error) {
		asked := r.w.now()
		b, err := r.Store.ClaimCalls(ctx, limit)
		r.w.hasClaimed(r, b, asked)
		return b, err
	})
}

func (r *run) Forget(ctx context.Context) error {
	return done(ctx, r, "Forget", "", r.Store.Forget)
}

func (r *run) Begin(ctx context.Context, cards []notify.Begin) ([][]fact.Identity, error) {
	return through(ctx, r, "Begin", fmt.Sprint(cards), func(ctx context.Context) ([][]fact.Identity, error) {
		begun, err := r.Store.Begin(ctx, cards)
		for i, ids := range begun {
			r.w.hasBegun(r, cards[i], ids)
		}
		return begun, err
	})
}

func (r *run) Reserve(ctx context.Context, q permit.Reserve) (permit.Reserved, error) {
	return through(ctx, r, "Reserve", string(q.ID), func(ctx context.Context) (permit.Reserved, error) {
		before := r.w.available(q)
		got, err := r.Store.Reserve(ctx, q)
		if err == nil {
			r.w.hasReserved(r, q, got, before)
		}
		return got, err
	})
}

func (r *run) Settle(ctx context.Context, s permit.Settle) (permit.CardState, error) {
	return through(ctx, r, "Settle", string(s.ID), func(ctx context.Context) (permit.CardState, error) {
		state, err := r.Store.Settle(ctx, s)
		if r.w.forgotten[s.ID.Nameless()] && (s.Permit == permit.Spent || s.Permit == permit.Held) {
			r.w.model.ledger(s.OpenID, s.Template).pay(s.ID, s.LongTerm)
		}
		return state, err
	})
}

func (r *run) Resolve(ctx context.Context, c permit.OpenCard) (permit.Resolved, error) {
	return through(ctx, r, "Resolve", string(c.ID), func(ctx context.Context) (permit.Resolved, error) { return r.Store.Resolve(ctx, c) })
}

func (r *run) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	about := ""
	for _, f := range fs {
		about += string(f.User) + " " + f.Lease + " "
	}
	return through(ctx, r, "Finish", about, func(ctx context.Context) ([][]notify.Ended, error) {
		return r.Store.Finish(ctx, rules, fs)
	})
}

func (r *run) Reconcile(ctx context.Context, limit int) ([]notify.Ended, error) {
	return through(ctx, r, "Reconcile", "", func(ctx context.Context) ([]notify.Ended, error) { return r.Store.Reconcile(ctx, limit) })
}

func (r *run) Record(ctx context.Context, rules notify.Rules, facts []fact.Fact) (notify.Recorded, error) {
	return through(ctx, r, "Record", fmt.Sprint(len(facts)), func(ctx context.Context) (notify.Recorded, error) {
		recorded, err := r.Store.Record(ctx, rules, facts)
		for _, f := range facts {
			r.w.model.record(f, r.w.now())
		}
		return recorded, err
	})
}

func (r *run) FanOuts(ctx context.Context, limit int) ([]notify.FanOut, error) {
	return through(ctx, r, "Spreads", "", func(ctx context.Context) ([]notify.FanOut, error) { return r.Store.FanOuts(ctx, limit) })
}

func (r *run) Advance(ctx context.Context, s notify.FanOut, page string, last bool) error {
	return done(ctx, r, "Advance", string(s.Message.ID()), func(ctx context.Context) error { return r.Store.Advance(ctx, s, page, last) })
}

func (r *run) Recalled(ctx context.Context, refs []notify.GroupMessageRef) (map[fact.MessageID]bool, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	return through(ctx, r, "Recalled", fmt.Sprint(refs), func(ctx context.Context) (map[fact.MessageID]bool, error) { return r.Store.Recalled(ctx, refs) })
}

func (r *run) OpenCircuit(ctx context.Context, c notify.Circuit) error {
	return done(ctx, r, "Trip", c.Name, func(ctx context.Context) error { return r.Store.OpenCircuit(ctx, c) })
}

func (r *run) TryCircuit(ctx context.Context, name string, while time.Duration) (bool, error) {
	return through(ctx, r, "Probe", name, func(ctx context.Context) (bool, error) { return r.Store.TryCircuit(ctx, name, while) })
}

func (r *run) CloseCircuit(ctx context.Context, name string) error {
	return done(ctx, r, "CloseCircuit", name, func(ctx context.Context) error { return r.Store.CloseCircuit(ctx, name) })
}

func (r *run) CountUnknownOpenID(ctx context.Context, o fact.OpenID) (int, error) {
	return through(ctx, r, "CountGone", string(o), func(ctx context.Context) (int, error) { return r.Store.CountUnknownOpenID(ctx, o) })
}

// PaceWithin is never what a history is about.
func (r *run) PaceWithin(context.Context, string, int, int, time.Duration) (time.Duration, bool, error) {
	if r.dead {
		return 0, false, errLost
	}
	return 0, true, nil
}

// Presence implements deliver.Asker.
func (r *run) Presence(ctx context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error) {
	var at time.Time
	out, err := through(ctx, r, "Presence", fmt.Sprint(users), func(context.Context) (map[fact.UserID]notify.Status, error) {
		if r.w.imSilent || ctx.Err() != nil { // of a call nobody waits for longer
			return nil, errLost
		}
		out := map[fact.UserID]notify.Status{}
		at = r.w.now()
		for _, u := range users {
			out[u] = r.w.whereabouts(u)
			r.w.model.asked(u, out[u])
		}
		return out, nil
	})
	for _, u := range users { // what it has heard
		if status, told := out[u]; told {
			r.asked[u] = append(r.asked[u], answer{status: status, at: at})
		} else {
			r.asked[u] = append(r.asked[u], answer{silent: true, at: r.w.now()})
		}
	}
	return out, err
}

// Unread implements deliver.Asker.
func (r *run) Unread(ctx context.Context, user fact.UserID, peers []fact.UserID) (int, map[fact.UserID]int, error) {
	n, err := through(ctx, r, "Unread", string(user), func(context.Context) (int, error) {
		switch {
		case r.w.imSilent:
			return 0, errLost
		case r.w.readElsewhere[user]:
			r.w.model.person(user).read = true
			return 0, nil
		}
		return 1, nil
	})
	return n, nil, err
}

// Members implements deliver.Directory: pages of two.
func (r *run) Members(ctx context.Context, group fact.GroupID, _ fact.GroupType, page string) ([]notify.Member, string, error) {
	all, ok := r.w.members[group]
	members, err := through(ctx, r, "Members", string(group)+page, func(context.Context) ([]notify.Member, error) {
		if !ok {
			return nil, notify.ErrNoGroup
		}
		if page == "" {
			return all[:min(2, len(all))], nil
		}
		return all[2:], nil
	})
	if page == "" && len(all) > 2 {
		return members, "rest", err
	}
	return members, "", err
}

// MembersAmong implements deliver.Directory.
func (r *run) MembersAmong(ctx context.Context, group fact.GroupID, users []fact.UserID) ([]notify.Member, error) {
	return through(ctx, r, "MembersAmong", string(group), func(context.Context) ([]notify.Member, error) {
		if r.w.imSilent {
			return nil, errLost
		}
		var out []notify.Member
		for _, m := range r.w.members[group] {
			if slices.Contains(users, m.User) {
				out = append(out, m)
			}
		}
		return out, nil
	})
}

// Names implements deliver.Directory: nobody has one.
func (r *run) Names(context.Context, []fact.UserID) (map[fact.UserID]string, error) {
	return nil, nil
}

// GroupNames implements deliver.Directory.
func (r *run) GroupNames(context.Context, []fact.GroupID) (map[fact.GroupID]string, error) {
	return nil, nil
}

// Send implements deliver.Sender. The way there and the way back are requests of their own:
// WeChat may report of a card before its send is answered.
func (r *run) Send(ctx context.Context, c card.Card) (int64, error) {
	if !r.dead && ctx.Err() == nil {
		r.w.checkAsked(r, c)
	}
	type answer struct {
		id  int64
		err error
	}
	a, err := through(ctx, r, "Send", string(c.ID), func(context.Context) (answer, error) {
		id, err := r.w.show(c)
		return answer{id, err}, nil
	})
	if err != nil {
		return 0, err
	}
	return through(ctx, r, "Answer", string(c.ID), func(context.Context) (int64, error) { return a.id, a.err })
}

// A result is what WeChat makes of a card.
type result struct {
	class   card.Class
	refused bool // with class; else it is accepted
	shown   bool
	noID    bool // WeChat tells no message id
	blocked bool // and reports that it was not handed over
}

type refusal card.Class

func (r refusal) Error() string     { return "refused: " + r.Class().String() }
func (r refusal) Class() card.Class { return card.Class(r) }
