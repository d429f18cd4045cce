package play

import (
	"context"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/world"
	"wxnotify/shared/fact"
)

// The states in which messages end under the naive rule, beside those of notify.
const stateOnline fact.State = "online, nothing sent"

// Naive plays the rule of the documented demo: a card for each message, when IM says at
// that moment that the user is offline. It keeps nothing, so a repeated callback is
// another message.
func Naive(ctx context.Context, h *history.History, g *history.Grants) (*Journal, error) {
	n := naive{History: h, wechat: world.NewWeChat(h.Params), j: &Journal{States: map[fact.State]int64{}}}
	for i, e := range events(h, g) {
		if i%100_000 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n.event(e)
	}
	n.j.sort()
	return n.j, nil
}

type naive struct {
	*history.History
	wechat *world.WeChat
	j      *Journal
}

func (n naive) event(e history.Event) {
	switch e.What {
	case history.Tapped:
		n.wechat.Permit(e.User)
	case history.Arrived, history.Rang:
		n.message(e.At, e.Ref)
	case history.Posted:
		for _, item := range n.Posts[e.Ref].Items {
			n.message(e.At, item)
		}
	}
}

func (n naive) message(at history.Second, item int32) {
	it := n.Items[item]
	again := at != it.At // it was counted when it came first
	if n.Online(it.User, at) {
		n.end(stateOnline, again)
		return
	}
	o, _ := n.wechat.Send(it.User)
	n.j.sent(Card{At: time.Duration(at) * time.Second, User: it.User, Call: it.Kind == history.Call, Items: []int32{item}, Outcome: o})
	n.end(map[world.Outcome]fact.State{world.Shown: fact.StateDelivered, world.Refused: fact.StateNoPermit,
		world.Lost: fact.StateUnknown, world.ShownUntold: fact.StateUnknown}[o], again)
}

func (n naive) end(s fact.State, again bool) {
	if !again {
		n.j.States[s]++
	}
}
