package measure_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/measure"
	"wxnotify/cmd/simulate/internal/play"
	"wxnotify/cmd/simulate/internal/world"
	"wxnotify/shared/notify"
)

const never = history.Never

// A scene is one user and what was sent to them. They are there from 1000 to 1100 and from
// 50000 to 50100.
type scene struct {
	seen, lost int // when IM noticed the first leaving, 0 for at once; 1: its callback never came
	items      []history.Item
	reads      []history.Second
	taps       []history.Second
	cards      []play.Card
	kept       []int
	balance    int // of the ledger at the end
}

func (s scene) measure() *measure.Figures {
	seen := history.Second(1100)
	if s.seen != 0 {
		seen = history.Second(s.seen)
	}
	h := &history.History{
		Params:   history.Params{Users: 1, Days: 1},
		Sessions: [][]history.Session{{{Login: 1000, Leave: 1100, Seen: seen, LeaveLost: s.lost == 1}, {Login: 50000, Leave: 50100, Seen: 50100}}},
		Of:       [][]int32{nil},
		Items:    s.items,
		End:      86400,
	}
	for i := range h.Items {
		h.Of[0] = append(h.Of[0], int32(i))
	}
	for _, at := range s.reads {
		h.Events = append(h.Events, history.Event{At: at, What: history.DidRead})
	}
	g := &history.Grants{}
	for _, at := range s.taps {
		g.Taps = append(g.Taps, history.Tap{At: at})
	}
	j := &play.Journal{Cards: s.cards, Balance: []int{s.balance}}
	for _, at := range s.kept {
		j.Kept = append(j.Kept, play.Kept{At: time.Duration(at) * time.Second})
	}
	return measure.Measure(h, g, j, notify.DefaultRules())
}

func chat(at history.Second) history.Item {
	return history.Item{Kind: history.Chat, At: at, Read: never, Recalled: never, Repeated: never}
}

func readAt(at, read history.Second) history.Item { it := chat(at); it.Read = read; return it }

func recalledAt(at, recalled history.Second) history.Item {
	it := chat(at)
	it.Recalled = recalled
	return it
}

func mention(at, read history.Second) history.Item {
	it := readAt(at, read)
	it.Kind = history.Mention
	return it
}

func call(at, ends history.Second) history.Item {
	it := chat(at)
	it.Kind, it.Ends = history.Call, ends
	return it
}

func card(at int, items ...int32) play.Card {
	return play.Card{At: time.Duration(at) * time.Second, Items: items}
}

func ring(at int, items ...int32) play.Card {
	c := card(at, items...)
	c.Call = true
	return c
}

func with(c play.Card, o world.Outcome) play.Card { c.Outcome = o; return c }

// Permits are tapped in the first session.
var tap, taps = []history.Second{1010}, []history.Second{1010, 1012, 1014, 1016}

func TestMissed(t *testing.T) {
	for _, c := range []struct {
		name string
		scene
		want []history.Second // deadlines of what is missed
	}{
		{"announced after lead", scene{taps: tap, items: []history.Item{chat(2000)}, cards: []play.Card{card(2003, 0)}}, nil},
		{"announced a pass later", scene{taps: tap, items: []history.Item{chat(2000)}, cards: []play.Card{card(2004, 0)}}, nil},
		{"announced too late", scene{taps: tap, items: []history.Item{chat(2000)}, cards: []play.Card{card(2005, 0)}}, []history.Second{2003}},
		{"never announced", scene{taps: tap, items: []history.Item{chat(2000)}}, []history.Second{2003}},
		{"the send got no answer", scene{taps: tap, items: []history.Item{chat(2000)}, cards: []play.Card{with(card(2003, 0), world.Lost)}}, nil},
		{"no permit", scene{items: []history.Item{chat(2000)}}, nil},
		{"the permit was spent before", scene{taps: tap, items: []history.Item{chat(2000), chat(3000)}, cards: []play.Card{card(2003, 0)}}, nil},
		{"recalled in time", scene{taps: tap, items: []history.Item{recalledAt(2000, 2002)}}, nil},
		{"recalled too late", scene{taps: tap, items: []history.Item{recalledAt(2000, 2004)}}, []history.Second{2003}},
		{"back in time", scene{taps: tap, items: []history.Item{chat(49998)}}, nil},
		{"read while there", scene{taps: tap, items: []history.Item{readAt(1050, 1060)}, reads: []history.Second{1060}}, nil},

		{"left within the window, unread", scene{taps: tap, items: []history.Item{chat(1050)}}, []history.Second{1105}},
		{"left within the window, announced after grace", scene{taps: tap, items: []history.Item{chat(1050)}, cards: []play.Card{card(1105, 0)}}, nil},
		{"left at the window's end, grace cut short", scene{taps: tap, items: []history.Item{chat(1037)}}, []history.Second{1102}},
		{"left after the window: came online", scene{taps: tap, items: []history.Item{chat(1034)}}, nil},
		{"seen leaving late", scene{seen: 1160, taps: tap, items: []history.Item{chat(1120)}}, []history.Second{1165}},
		{"seen leaving late, told in time", scene{seen: 1160, taps: tap, items: []history.Item{chat(1120)}, cards: []play.Card{card(1165, 0)}}, nil},
		{"callback lost: the end of the window", scene{lost: 1, taps: tap, items: []history.Item{chat(2000)}}, []history.Second{2065}},
		{"callback lost, told in time", scene{lost: 1, taps: tap, items: []history.Item{chat(2000)}, cards: []play.Card{card(2065, 0)}}, nil},
		{"callback lost, they were there beyond the window", scene{lost: 1, taps: tap, items: []history.Item{chat(1010)}}, nil},

		{"a digest waits for its step", scene{taps: taps, items: []history.Item{chat(2000), chat(2010)}, cards: []play.Card{card(2003, 0), card(2303, 1)}}, nil},
		{"a digest is late", scene{taps: taps, items: []history.Item{chat(2000), chat(2010)}, cards: []play.Card{card(2003, 0), card(2400, 1)}}, []history.Second{2303}},
		{"a digest never goes", scene{taps: taps, items: []history.Item{chat(2000), chat(2010)}, cards: []play.Card{card(2003, 0)}}, []history.Second{2303}},
		{"the second step is longer", scene{taps: taps, items: []history.Item{chat(2000), chat(2010), chat(2310)},
			cards: []play.Card{card(2003, 0), card(2303, 1), card(3203, 2)}}, nil},
		{"a digest was kept back", scene{taps: taps, items: []history.Item{chat(2000), chat(2010)}, cards: []play.Card{card(2003, 0)}, kept: []int{2303}}, nil},
		{"kept back in another absence", scene{taps: taps, items: []history.Item{chat(51000), chat(51010)}, cards: []play.Card{card(51003, 0)}, kept: []int{2303}},
			[]history.Second{51303}},
		{"a digest left it out", scene{taps: taps, items: []history.Item{chat(2000), chat(2010), chat(2020)}, cards: []play.Card{card(2003, 0), card(2303, 2)}},
			[]history.Second{2303}},

		{"a call rings at somebody away", scene{taps: tap, items: []history.Item{call(2000, 2030)}}, []history.Second{2000}},
		{"and is told at once", scene{taps: tap, items: []history.Item{call(2000, 2030)}, cards: []play.Card{ring(2000, 0)}}, nil},
		{"a call rings at somebody who leaves", scene{taps: tap, items: []history.Item{call(1090, 1120)}}, []history.Second{1105}},
		{"a call rings at somebody who stays", scene{taps: tap, items: []history.Item{call(1050, 1080)}}, nil},
		{"IM notices when the call is over", scene{seen: 1160, taps: tap, items: []history.Item{call(1120, 1150)}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []history.Second
			for _, m := range c.measure().Missed {
				got = append(got, m.Deadline)
			}
			if !cmp.Equal(got, c.want) {
				t.Errorf("missed deadlines %v, want %v", got, c.want)
			}
		})
	}
}

func TestUseless(t *testing.T) {
	for _, c := range []struct {
		name string
		scene
		useless, unseen int
	}{
		{"away and unread", scene{items: []history.Item{chat(2000)}, cards: []play.Card{card(2003, 0)}}, 0, 0},
		{"there", scene{items: []history.Item{chat(1050)}, cards: []play.Card{card(1053, 0)}}, 1, 0},
		{"gone, and IM had not noticed", scene{seen: 1160, items: []history.Item{chat(1120)}, cards: []play.Card{card(1123, 0)}}, 1, 0},
		{"one of two was read", scene{items: []history.Item{readAt(1050, 1060), chat(1095)}, cards: []play.Card{card(1110, 0, 1)}}, 1, 0},
		{"recalled", scene{items: []history.Item{recalledAt(2000, 2003)}, cards: []play.Card{card(2003, 0)}}, 1, 0},
		{"rings no longer", scene{items: []history.Item{call(2000, 2030)}, cards: []play.Card{ring(2030, 0)}}, 1, 0},
		{"rings", scene{items: []history.Item{call(2000, 2030)}, cards: []play.Card{ring(2029, 0)}}, 0, 0},
		{"a mention that was read in the app", scene{items: []history.Item{mention(1050, 1060)}, cards: []play.Card{card(1110, 0)}}, 0, 1},
		{"refused: no card", scene{items: []history.Item{chat(1050)}, cards: []play.Card{with(card(1053, 0), world.Refused)}}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if f := c.measure(); f.Useless != c.useless || f.Unseen != c.unseen {
				t.Errorf("useless %d, unseen %d; want %d, %d", f.Useless, f.Unseen, c.useless, c.unseen)
			}
		})
	}
}

func TestAbsences(t *testing.T) {
	s := scene{
		taps: taps,
		items: []history.Item{
			chat(500),                    // before they ever came: no absence
			chat(1095),                   // just before they left
			call(2000, 2030), chat(2500), // in the first absence
			chat(50095), // just before they left again; nothing came in that absence
		},
		cards:   []play.Card{card(1105, 1), ring(2000, 2), card(2503, 3), card(50105, 4)},
		balance: 0,
	}
	f := s.measure()
	got := map[string]int{"absences": f.Absences, "covered": f.Covered, "best": f.Best, "first": f.First, "digests": f.Digests, "calls": f.Calls,
		"cards": f.Cards, "announced": f.Announced, "spent": f.Spent, "early": f.Early}
	want := map[string]int{"absences": 1, "covered": 1, "best": 1, "first": 2, "digests": 1, "calls": 1, "cards": 4, "announced": 4, "spent": 4, "early": 1}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("figures (-want +got):\n%s", d)
	}
	uses := map[measure.Use]int{measure.UseCovers: 1, measure.UseCall: 1, measure.UseDigest: 1, measure.UseNothing: 1, measure.UseNone: 0}
	if d := cmp.Diff(uses, f.Uses); d != "" {
		t.Errorf("uses (-want +got):\n%s", d)
	}
	if len(f.Unaccounted) != 0 {
		t.Errorf("ledgers that do not add up: %v", f.Unaccounted)
	}
}

func TestUncovered(t *testing.T) {
	for _, c := range []struct {
		name string
		scene
		want measure.Cause
	}{
		{"no permit", scene{items: []history.Item{chat(2000)}}, measure.CauseNoPermit},
		{"back before lead was over", scene{taps: tap, items: []history.Item{chat(49999)}}, measure.CauseReturned},
		{"recalled", scene{taps: tap, items: []history.Item{recalledAt(2000, 2001)}}, measure.CauseWithdrawn},
		{"the card was not shown", scene{taps: tap, items: []history.Item{chat(2000)}, cards: []play.Card{with(card(2003, 0), world.Lost)}}, measure.CauseLost},
		{"nothing was sent", scene{taps: tap, items: []history.Item{chat(2000)}}, measure.CauseOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.measure()
			if d := cmp.Diff(map[measure.Cause]int{c.want: 1}, f.Uncovered); d != "" || f.Covered != 0 {
				t.Errorf("covered %d; causes (-want +got):\n%s", f.Covered, d)
			}
		})
	}
}

func TestDelays(t *testing.T) {
	for _, c := range []struct {
		name string
		scene
		want map[measure.Knowledge][]time.Duration
	}{
		{"known", scene{items: []history.Item{chat(2000), chat(2001)}, cards: []play.Card{card(2003, 0, 1)}},
			map[measure.Knowledge][]time.Duration{measure.KnownAway: {3 * time.Second}}},
		{"seen late", scene{seen: 1160, items: []history.Item{chat(1120)}, cards: []play.Card{card(1165, 0)}},
			map[measure.Knowledge][]time.Duration{measure.SeenLate: {45 * time.Second}}},
		{"lost", scene{lost: 1, items: []history.Item{chat(1120)}, cards: []play.Card{card(1185, 0)}},
			map[measure.Knowledge][]time.Duration{measure.ReportLost: {65 * time.Second}}},
		{"what was recalled is not waited for", scene{items: []history.Item{recalledAt(2000, 2001), chat(3000)}, cards: []play.Card{card(3003, 1)}},
			map[measure.Knowledge][]time.Duration{measure.KnownAway: {3 * time.Second}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, c.measure().Delays); d != "" {
				t.Errorf("delays (-want +got):\n%s", d)
			}
		})
	}
}

func TestLedgerIsHeldToTapsAndCards(t *testing.T) {
	s := scene{taps: taps, items: []history.Item{chat(2000), chat(3000)}, balance: 2,
		cards: []play.Card{card(2003, 0), with(card(3003, 1), world.Lost), with(card(4000, 1), world.Refused)}}
	if f := s.measure(); len(f.Unaccounted) != 0 {
		t.Errorf("4 permits less 2 sends are 2, but %v are wrong", f.Unaccounted)
	}
	s.balance = 3
	if f := s.measure(); len(f.Unaccounted) != 1 {
		t.Error("a balance of 3 is accepted, where 2 must be left")
	}
}
