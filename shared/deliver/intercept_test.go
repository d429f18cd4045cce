package deliver_test

import (
	"context"
	"errors"

	"wxnotify/shared/card"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// errLost is what a call returns that fails on purpose.
var errLost = errors.New("lost")

// An interceptor is all that a deliverer calls, as it is, but that each call asks fault first, with its
// name and whom it is about, and once more when it has taken effect, as "NAME answered". A card that
// has to wait for another to its user is "busy". An error is returned, and a panic goes where it goes.
type interceptor struct {
	deliver.Store
	deliver.Asker
	deliver.Directory
	deliver.Sender
	fault func(call, who string) error
}

// intercept puts an interceptor between the deliverer and all that it calls.
func (s *system) intercept(fault func(call, who string) error) {
	x := &interceptor{s.deliver.Store, s.deliver.IM, s.deliver.Directory, s.deliver.WeChat, fault}
	s.deliver.Store, s.deliver.IM, s.deliver.Directory, s.deliver.WeChat = x, x, x, x
}

func intercept[T any](x *interceptor, call, who string, do func() (T, error)) (answer T, err error) {
	if err := x.fault(call, who); err != nil {
		return answer, err
	}
	out, err := do()
	if err := errors.Join(err, x.fault(call+" answered", who)); err != nil {
		return answer, err
	}
	return out, nil
}

func (x *interceptor) Begin(ctx context.Context, cards []notify.Begin) ([][]fact.Identity, error) {
	return intercept(x, "begin", string(cards[0].User), func() ([][]fact.Identity, error) { return x.Store.Begin(ctx, cards) })
}

func (x *interceptor) Reserve(ctx context.Context, r permit.Reserve) (permit.Reserved, error) {
	return intercept(x, "reserve", string(r.User), func() (permit.Reserved, error) {
		reserved, err := x.Store.Reserve(ctx, r)
		if reserved.Status == permit.ReserveBusy {
			err = errors.Join(err, x.fault("busy", string(r.User)))
		}
		return reserved, err
	})
}

func (x *interceptor) Settle(ctx context.Context, s permit.Settle) (permit.CardState, error) {
	return intercept(x, "settle", string(s.User), func() (permit.CardState, error) { return x.Store.Settle(ctx, s) })
}

func (x *interceptor) Resolve(ctx context.Context, c permit.OpenCard) (permit.Resolved, error) {
	return intercept(x, "resolve", string(c.OpenID), func() (permit.Resolved, error) { return x.Store.Resolve(ctx, c) })
}

func (x *interceptor) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	for _, f := range fs[1:] {
		if err := x.fault("finish", string(f.User)); err != nil {
			return nil, err
		}
	}
	return intercept(x, "finish", string(fs[0].User), func() ([][]notify.Ended, error) { return x.Store.Finish(ctx, rules, fs) })
}

// Record leaves out the first of facts if it fails.
func (x *interceptor) Record(ctx context.Context, rules notify.Rules, facts []fact.Fact) (notify.Recorded, error) {
	if err := x.fault("record", string(facts[0].Message.To)); err != nil {
		recorded, other := x.Store.Record(ctx, rules, facts[1:])
		return recorded, errors.Join(err, other)
	}
	return x.Store.Record(ctx, rules, facts)
}

func (x *interceptor) Advance(ctx context.Context, s notify.FanOut, page string, done bool) error {
	_, err := intercept(x, "advance", "", func() (any, error) { return nil, x.Store.Advance(ctx, s, page, done) })
	return err
}

func (x *interceptor) Recalled(ctx context.Context, refs []notify.GroupMessageRef) (map[fact.MessageID]bool, error) {
	return intercept(x, "recalled", "", func() (map[fact.MessageID]bool, error) { return x.Store.Recalled(ctx, refs) })
}

func (x *interceptor) Presence(ctx context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error) {
	return intercept(x, "presence", "", func() (map[fact.UserID]notify.Status, error) { return x.Asker.Presence(ctx, users) })
}

func (x *interceptor) Unread(ctx context.Context, user fact.UserID, peers []fact.UserID) (total int, by map[fact.UserID]int, err error) {
	if err := x.fault("unread", string(user)); err != nil {
		return 0, nil, err
	}
	return x.Asker.Unread(ctx, user, peers)
}

func (x *interceptor) Members(ctx context.Context, group fact.GroupID, typ fact.GroupType, page string) ([]notify.Member, string, error) {
	if err := x.fault("members", ""); err != nil {
		return nil, "", err
	}
	return x.Directory.Members(ctx, group, typ, page)
}

func (x *interceptor) MembersAmong(ctx context.Context, group fact.GroupID, users []fact.UserID) ([]notify.Member, error) {
	return intercept(x, "members among", "", func() ([]notify.Member, error) { return x.Directory.MembersAmong(ctx, group, users) })
}

func (x *interceptor) Names(ctx context.Context, users []fact.UserID) (map[fact.UserID]string, error) {
	return intercept(x, "names", "", func() (map[fact.UserID]string, error) { return x.Directory.Names(ctx, users) })
}

func (x *interceptor) Send(ctx context.Context, c card.Card) (int64, error) {
	return intercept(x, "send", string(c.To), func() (int64, error) { return x.Sender.Send(ctx, c) })
}
