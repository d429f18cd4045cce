package store

import (
	"context"
	"fmt"

	"wxnotify/shared/notify"
)

type reserveArgs struct {
	Card     notify.CardID     `json:"card"`
	User     notify.UserID     `json:"user"`
	OpenID   notify.OpenID     `json:"openid"`
	Lane     notify.Lane       `json:"lane"`
	Template notify.TemplateID `json:"template"`
	Messages []notify.Identity `json:"messages"`
	Long     bool              `json:"long"`
	Digest   bool              `json:"digest"`
	Keep     int               `json:"keep"`
	Learn    bool              `json:"learn"`
	Fresh    bool              `json:"fresh"`
	PerHour  int               `json:"per_hour"`
	Lease    int64             `json:"lease"`
	Flight   int64             `json:"flight"`
	After    int64             `json:"after"`
}

// Reserve implements notify.Store. It also fails when a replica is there that does not hear of
// it in time: the request that comes next cannot be taken back.
func (s *Store) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	k := s.keysOf(string(r.OpenID))
	reply, err := s.runSurely(ctx, call{scriptReserve,
		[]string{k.subscriber(r.OpenID), k.cards(r.OpenID), k.erased(r.OpenID), k.overdue(), k.moved()},
		reserveArgs{r.Card, r.User, r.OpenID, r.Lane, r.Template, list(r.Messages), r.LongTerm, r.Digest, r.Keep, r.Learn,
			r.NewAbsence, max(r.PerHour, 1), notify.Lease.Milliseconds(), notify.InFlight.Milliseconds(), r.UnknownAfter.Milliseconds()}})
	if err != nil {
		return notify.Reserved{}, err
	}
	part, err := reply.Slice()
	if err != nil || len(part) != 4 {
		return notify.Reserved{}, fmt.Errorf("store: Reserve: unexpected reply: %w", err)
	}
	out := notify.Reserved{Status: notify.ReserveStatus(text(part[0])), Left: int(number(part[2])), Keep: int(number(part[3]))}
	if until := text(part[1]); until != "0" {
		out.Until = millis(until)
	}
	return out, nil
}

type settleArgs struct {
	Card     notify.CardID     `json:"card"`
	OpenID   notify.OpenID     `json:"openid"`
	Template notify.TemplateID `json:"template"`
	State    notify.CardState  `json:"state"`
	Permit   notify.PermitFate `json:"permit"`
	Final    notify.State      `json:"final"`
	MsgID    string            `json:"msgid,omitempty"`
	Detail   string            `json:"detail"`
	Long     bool              `json:"long"`
	Drift    bool              `json:"drift"`
	Gone     bool              `json:"gone"`
	User     notify.UserID     `json:"user"`
	Lane     notify.Lane       `json:"lane"`
	Messages []notify.Identity `json:"messages"`
	After    int64             `json:"after"`
}

// Settle implements notify.Store.
func (s *Store) Settle(ctx context.Context, t notify.Settle) (notify.CardState, error) {
	k := s.keysOf(string(t.OpenID))
	replies, err := s.run(ctx, call{scriptSettle,
		[]string{k.subscriber(t.OpenID), k.cards(t.OpenID), k.erased(t.OpenID), k.overdue(), k.meters(), k.moved()},
		settleArgs{t.Card, t.OpenID, t.Template, t.State, t.Permit, t.Final, msgID(t.MsgID), t.Detail, t.LongTerm, t.Drift,
			t.Final == notify.StateRefused, t.User, t.Lane, list(t.Messages), t.UnknownAfter.Milliseconds()}})
	if err != nil {
		return "", err
	}
	state, err := replies[0].Text()
	return notify.CardState(state), err
}

type resolveArgs struct {
	Card     notify.CardID     `json:"card"`
	OpenID   notify.OpenID     `json:"openid"`
	Template notify.TemplateID `json:"template"`
}

// Resolve implements notify.Store.
func (s *Store) Resolve(ctx context.Context, c notify.OpenCard) (notify.Resolved, error) {
	k := s.keysOf(string(c.OpenID))
	replies, err := s.run(ctx, call{scriptResolve,
		[]string{k.subscriber(c.OpenID), k.cards(c.OpenID), k.erased(c.OpenID), k.overdue(), k.moved()},
		resolveArgs{c.ID, c.OpenID, c.Template}})
	if err != nil {
		return notify.Resolved{}, err
	}
	part, err := replies[0].Slice()
	if err != nil || len(part) != 5 {
		return notify.Resolved{}, fmt.Errorf("store: Resolve: unexpected reply: %w", err)
	}
	return notify.Resolved{State: notify.CardState(text(part[0])), Final: notify.State(text(part[1])), Detail: text(part[2]),
		Until: millis(text(part[3])), Handed: number(part[4]) == 1}, nil
}
