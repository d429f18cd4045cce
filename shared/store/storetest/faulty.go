package storetest

import (
	"context"
	"errors"
	"runtime"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

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

// Unread implements notify.Asker.
func (w *chaos) Unread(context.Context, notify.UserID, []notify.UserID) (int, map[notify.UserID]int, error) {
	if w.faults && w.random() < 0.1 {
		return 0, nil, nil // he has read it elsewhere
	}
	return 1, nil, nil
}

// Members implements notify.Directory.
func (w *chaos) Members(context.Context, notify.GroupID, notify.GroupType, string) ([]notify.Member, string, error) {
	return nil, "", notify.ErrNoGroup
}

// MembersAmong implements notify.Directory.
func (w *chaos) MembersAmong(context.Context, notify.GroupID, []notify.UserID) ([]notify.Member, error) {
	return nil, notify.ErrNoGroup
}

// Names implements notify.Directory.
func (w *chaos) Names(context.Context, []notify.UserID) (map[notify.UserID]string, error) {
	return nil, nil
}

// GroupNames implements notify.Directory.
func (w *chaos) GroupNames(context.Context, []notify.GroupID) (map[notify.GroupID]string, error) {
	return nil, nil
}

// Send implements notify.Sender.
func (w *chaos) Send(_ context.Context, c notify.Card) (int64, error) {
	luck := w.random()
	if w.faults && w.random() < 0.05 {
		w.Advance(notify.Lease + time.Second) // a slow one
	}
	switch {
	case !w.faults || luck < 0.55:
		return w.show(c), nil
	case luck < 0.65:
		w.show(c)
		return 0, refusal(notify.ClassUnknown)
	case luck < 0.75:
		return 0, refusal(notify.ClassUnknown)
	case luck < 0.85:
		return 0, refusal(notify.ClassRetry)
	case luck < 0.9:
		return 0, refusal(notify.ClassDefect)
	case luck < 0.92:
		return 0, refusal(notify.ClassTemplate)
	case luck < 0.94:
		return 0, refusal(notify.ClassGone)
	}
	return 0, refusal(notify.ClassRefused)
}

// show puts a card before its user, and has WeChat report of it: before the send is
// answered, later, or never.
func (w *chaos) show(c notify.Card) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cards[purse{c.To, c.Template}]++
	for _, id := range w.begun[c.ID] {
		w.shown[id]++
	}
	w.serial++
	s := notify.Sent{OpenID: c.To, MsgID: msgID + int64(w.serial), Template: c.Template, At: w.Now().Truncate(time.Second)}
	if w.r.IntN(5) == 0 {
		s.Failed = "user block"
	}
	switch w.r.IntN(4) {
	case 0:
	case 1:
		if _, err := w.Store.Record(w.Context(), w.rules, factsOf([]any{s})); err != nil {
			w.Error(err)
		}
	default:
		w.reports = append(w.reports, s)
	}
	return s.MsgID
}

type refusal notify.Class

func (r refusal) Error() string       { return "refused: " + r.Class().String() }
func (r refusal) Class() notify.Class { return notify.Class(r) }

// errEnded is what a run sees of a step in which it ends.
var errEnded = errors.New("the run ends here")

// faulty is the store as a run sees it that may end in any step.
type faulty struct {
	*store.Store
	w *chaos
}

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
	return through(f, func() (notify.Batch, error) { return f.Store.Claim(ctx, limit) })
}

func (f faulty) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.MessageID, error) {
	return through(f, func() ([][]notify.MessageID, error) {
		begun, err := f.Store.Begin(ctx, cards)
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
	return through(f, func() (notify.Reserved, error) { return f.Store.Reserve(ctx, r) })
}

// Settle ends the card's goroutine, since a run repeats what fails here for seconds.
func (f faulty) Settle(ctx context.Context, s notify.Settle) (notify.CardState, error) {
	before, after := f.ends()
	if before {
		runtime.Goexit()
	}
	state, err := f.Store.Settle(ctx, s)
	if after {
		runtime.Goexit()
	}
	return state, err
}

func (f faulty) Resolve(ctx context.Context, c notify.OpenCard) (notify.Resolved, error) {
	return through(f, func() (notify.Resolved, error) { return f.Store.Resolve(ctx, c) })
}

func (f faulty) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	return through(f, func() ([][]notify.Ended, error) { return f.Store.Finish(ctx, rules, fs) })
}

func (f faulty) Reconcile(ctx context.Context, limit int) ([]notify.Ended, error) {
	return through(f, func() ([]notify.Ended, error) { return f.Store.Reconcile(ctx, limit) })
}
