package history_test

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"wxnotify/cmd/simulate/internal/history"
)

// enough users and days for shares to be near what they are drawn from.
var enough = history.Params{Users: 80, Days: 8, Seed: 3}

const day = 24 * 60 * 60

func TestEqualSeedsMakeEqualHistories(t *testing.T) {
	p := history.Params{Users: 60, Days: 2, Seed: 7}
	a, b := history.New(p), history.New(p)
	if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(a.Grants(2), b.Grants(2)) {
		t.Error("two histories of one seed differ")
	}
	p.Seed = 8
	if reflect.DeepEqual(a.Items, history.New(p).Items) {
		t.Error("two seeds made the same messages")
	}
}

func TestSessionsAreWithinTheirBounds(t *testing.T) {
	h := history.New(enough)
	for u, sessions := range h.Sessions {
		perDay := map[int]int{}
		for i, s := range sessions {
			perDay[int(s.Login)/day]++
			late, from, to := s.Seen-s.Leave, int(s.Login)%day, int(s.Leave)%day
			if n := s.Leave - s.Login; n < 60 || n > 20*60 || from < 7*3600 || to > 23*3600 || late != 0 && late != 30 && late != 60 {
				t.Fatalf("user %d: a session from %d to %d, of %d s, seen leaving %d s late", u, from, to, n, late)
			}
			if i > 0 && s.Login-sessions[i-1].Seen < 60 {
				t.Fatalf("user %d: a session begins before IM has noticed the end of the last", u)
			}
		}
		for d := range enough.Days {
			if n := perDay[d]; n < 4 || n > 12 {
				t.Fatalf("user %d: %d sessions on day %d", u, n, d)
			}
		}
	}
}

// What is counted is near what it is drawn from.
func TestCountsAreAsDrawn(t *testing.T) {
	h := history.New(enough)
	n := map[string]int{}
	count := func(what string, is bool) {
		if is {
			n[what]++
		}
	}
	for _, sessions := range h.Sessions {
		for _, s := range sessions {
			n["session"]++
			count("seen late", s.Seen != s.Leave)
			count("lost", s.LeaveLost)
		}
	}
	for _, it := range h.Items {
		chat := it.Kind == history.Chat
		count("call", it.Kind == history.Call)
		count("chat", chat)
		count("there", chat && inSession(h, it.User, it.At))
		count("recalled", chat && it.Recalled != history.Never)
		count("repeated", chat && it.Repeated != history.Never)
	}
	groups := history.New(history.Params{Users: 500, Days: 2, Seed: 3})
	for i, p := range groups.Posts {
		n["post"]++
		count("mention", len(p.For) > 0)
		for _, item := range p.Items {
			if it := groups.Items[item]; it.Kind != history.Mention || it.At != p.At || it.Contact != int32(i) {
				t.Fatalf("post %d is item %+v for one whom it mentions", i, it)
			}
		}
		if all := len(groups.Members(p.Group)); len(p.Items) != len(p.For) || p.All && len(p.For) != all || !p.All && len(p.For) > 1 {
			t.Fatalf("post %d in a group of %d is for %d and reaches %d; of everybody: %v", i, all, len(p.For), len(p.Items), p.All)
		}
	}
	users := float64(enough.Users * enough.Days)
	share := func(of, all string) float64 { return float64(n[of]) / float64(n[all]) }
	for what, c := range map[string]struct{ got, want, within float64 }{
		"sessions a user and day":     {float64(n["session"]) / users, 8, 0.3},
		"share of late leavings":      {share("seen late", "session"), 0.30, 0.03},
		"share of lost callbacks":     {share("lost", "session"), 0.05, 0.012},
		"messages a user and day":     {float64(n["chat"]) / users, 60, 2.5},
		"calls a user and day":        {float64(n["call"]) / users, 2, 0.2},
		"share that came in sessions": {share("there", "chat"), 0.26, 0.03}, // 30 % of bursts begin in one, and some outlast it
		"share of recalls":            {share("recalled", "chat"), 0.01, 0.002},
		"share of repeated callbacks": {share("repeated", "chat"), 0.01, 0.002},
		"messages a group and day":    {float64(n["post"]) / 20, 50, 6},
		"share of mentions":           {share("mention", "post"), 0.02, 0.012},
	} {
		near(t, what, c.got, c.want, c.within)
	}
}

// Nobody reads before something came, in no session, or without a report.
func TestReadings(t *testing.T) {
	h := history.New(history.Params{Users: 50, Days: 5, Seed: 1})
	type conversation struct{ user, contact int32 }
	upTo := map[conversation]history.Second{}
	at := map[conversation][]history.Event{}
	if !slices.IsSortedFunc(h.Events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) }) {
		t.Error("the events are not in their order")
	}
	for _, e := range h.Events {
		if e.What == history.DidRead {
			r := h.Readings[e.Ref]
			k := conversation{r.User, r.Contact}
			at[k] = append(at[k], e)
			if r.UpTo <= upTo[k] || r.UpTo > e.At {
				t.Fatalf("%v: read up to %d at %d, after up to %d", k, r.UpTo, e.At, upTo[k])
			}
			upTo[k] = r.UpTo
			if !inSession(h, r.User, e.At) {
				t.Fatalf("%v: read at %d, in no session", k, e.At)
			}
		}
	}
	for i, it := range h.Items {
		if it.Kind != history.Chat || it.Read == history.Never {
			continue
		}
		found := false
		for _, e := range at[conversation{it.User, it.Contact}] {
			found = found || e.At == it.Read && h.Readings[e.Ref].UpTo >= it.At
		}
		if !found || it.Read < it.At {
			t.Fatalf("item %d of %d is read at %d, and no report says so", i, it.At, it.Read)
		}
	}
}

func TestGrantsKeepTheRate(t *testing.T) {
	h := history.New(enough)
	for _, rate := range []float64{0.5, 2, 6} {
		g := h.Grants(rate)
		reported := 0
		for _, e := range g.Events {
			if e.What == history.Reported {
				reported++
			}
		}
		for _, tap := range g.Taps {
			if !inSession(h, tap.User, tap.At) {
				t.Fatalf("user %d permits at %d, in no session", tap.User, tap.At)
			}
		}
		near(t, fmt.Sprintf("permits at %g a day", rate), float64(len(g.Taps))/float64(enough.Users*enough.Days), rate, 4*math.Sqrt(5*rate/float64(enough.Users*enough.Days)))
		near(t, "share of taps that are reported", float64(reported)/float64(len(g.Taps)), 0.5, 0.1)
	}
}

func inSession(h *history.History, user int32, at history.Second) bool {
	for _, s := range h.Sessions[user] {
		if s.Login <= at && at < s.Leave {
			return true
		}
	}
	return false
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: %.3f, want %.3f within %.3f", what, got, want, within)
	}
}
