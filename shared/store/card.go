package store

import (
	"context"
	"fmt"
	"strconv"

	"wxnotify/shared/notify"
)

type reserveArgs struct {
	Card     notify.CardID     `json:"card"`
	User     notify.UserID     `json:"user"`
	Template notify.TemplateID `json:"template"`
	Lease    int64             `json:"lease"`
}

// Reserve implements notify.Store.
func (s *Store) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	k := s.keysOf(string(r.OpenID))
	replies, err := s.run(ctx, call{scriptReserve,
		[]string{k.subscriber(r.OpenID), k.cards(r.OpenID), k.erased(r.OpenID)},
		reserveArgs{r.Card, r.User, r.Template, notify.Lease.Milliseconds()}})
	if err != nil {
		return notify.Reserved{}, err
	}
	part, err := replies[0].StringSlice()
	if err != nil || len(part) == 0 {
		return notify.Reserved{}, fmt.Errorf("store: Reserve: unexpected reply: %w", err)
	}
	out := notify.Reserved{Status: notify.ReserveStatus(part[0])}
	if len(part) > 1 {
		out.Until = millis(part[1])
	}
	return out, nil
}

type settleArgs struct {
	Card     notify.CardID     `json:"card"`
	Template notify.TemplateID `json:"template"`
	State    notify.CardState  `json:"state"`
	Permit   notify.PermitFate `json:"permit"`
	Final    notify.State      `json:"final"`
	MsgID    string            `json:"msgid,omitempty"` // a string: Lua's numbers end at 2^53
	Detail   string            `json:"detail"`
}

// Settle implements notify.Store.
func (s *Store) Settle(ctx context.Context, t notify.Settle) error {
	args := settleArgs{Card: t.Card, Template: t.Template, State: t.State, Permit: t.Permit, Final: t.Final, Detail: t.Detail}
	if t.MsgID != 0 {
		args.MsgID = strconv.FormatInt(t.MsgID, 10)
	}
	k := s.keysOf(string(t.OpenID))
	_, err := s.run(ctx, call{scriptSettle, []string{k.subscriber(t.OpenID), k.cards(t.OpenID), k.erased(t.OpenID)}, args})
	return err
}

type resolveArgs struct {
	Card     notify.CardID     `json:"card"`
	Template notify.TemplateID `json:"template"`
}

// Resolve implements notify.Store.
func (s *Store) Resolve(ctx context.Context, c notify.OpenCard) (notify.Resolved, error) {
	k := s.keysOf(string(c.OpenID))
	replies, err := s.run(ctx, call{scriptResolve,
		[]string{k.subscriber(c.OpenID), k.cards(c.OpenID), k.erased(c.OpenID)}, resolveArgs{c.ID, c.Template}})
	if err != nil {
		return notify.Resolved{}, err
	}
	part, err := replies[0].StringSlice()
	if err != nil || len(part) != 4 {
		return notify.Resolved{}, fmt.Errorf("store: Resolve: unexpected reply: %w", err)
	}
	return notify.Resolved{State: notify.CardState(part[0]), Final: notify.State(part[1]), Detail: part[2], Until: millis(part[3])}, nil
}
