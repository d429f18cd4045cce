package play_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/play"
	"wxnotify/cmd/simulate/internal/world"
	"wxnotify/shared/fact"
)

// One user was there from 100 to 200 and permitted three cards; IM saw them leaving at 260.
func TestNaiveRule(t *testing.T) {
	never := history.Item{Repeated: history.Never, Recalled: history.Never, Read: history.Never}
	at := func(s history.Second, kind history.Kind) history.Item {
		it := never
		it.At, it.Kind = s, kind
		return it
	}
	h := &history.History{
		Params:   history.Params{Users: 1, Days: 1, Seed: 1},
		Sessions: [][]history.Session{{{Login: 100, Leave: 200, Seen: 260}}},
		Items: []history.Item{
			at(150, history.Chat),    // they are there
			at(230, history.Chat),    // IM has not noticed
			at(300, history.Chat),    // told twice: the callback is repeated
			at(400, history.Call),    // one card
			at(500, history.Mention), // no permit is left
		},
		Of:    [][]int32{{0, 1, 2, 3, 4}},
		Posts: []history.Post{{At: 500, Items: []int32{4}}},
		End:   86400,
		Events: []history.Event{
			{At: 150, What: history.Arrived, Ref: 0}, {At: 230, What: history.Arrived, Ref: 1}, {At: 300, What: history.Arrived, Ref: 2},
			{At: 305, What: history.Arrived, Ref: 2}, {At: 400, What: history.Rang, Ref: 3}, {At: 500, What: history.Posted, Ref: 0},
		},
	}
	g := &history.Grants{Taps: []history.Tap{{At: 110}, {At: 112}, {At: 114}}}
	for i, tap := range g.Taps {
		g.Events = append(g.Events, history.Event{At: tap.At, What: history.Tapped, Ref: int32(i)})
	}
	j, err := play.Naive(t.Context(), h, g)
	if err != nil {
		t.Fatal(err)
	}
	card := func(s int, call bool, item int32, o world.Outcome) play.Card {
		return play.Card{At: time.Duration(s) * time.Second, Call: call, Items: []int32{item}, Outcome: o}
	}
	want := []play.Card{card(300, false, 2, world.Shown), card(305, false, 2, world.Shown), card(400, true, 3, world.Shown), card(500, false, 4, world.Refused)}
	if d := cmp.Diff(want, j.Cards); d != "" {
		t.Errorf("cards (-want +got):\n%s", d)
	}
	states := map[fact.State]int64{"online, nothing sent": 2, fact.StateDelivered: 2, fact.StateNoPermit: 1}
	if d := cmp.Diff(states, j.States); d != "" {
		t.Errorf("states (-want +got):\n%s", d)
	}
}
