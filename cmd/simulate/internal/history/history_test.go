package history_test

import (
	"fmt"
	"math"
	"reflect"
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
	var late, lost, all int
	for u, sessions := range h.Sessions {
		perDay := map[int]int{}
		for i, s := range sessions {
			all++
			perDay[int(s.Login)/day]++
			if n := s.Leave - s.Login; n < 60 || n > 20*60 {
				t.Fatalf("user %d: a session of %d s", u, n)
			}
			if from, to := int(s.Login)%day, int(s.Leave)%day; from < 7*3600 || to > 23*3600 {
				t.Fatalf("user %d: a session from %d to %d", u, from, to)
			}
			if i > 0 && s.Login-sessions[i-1].Seen < 60 {
				t.Fatalf("user %d: a session begins before IM has noticed the end of the last", u)
			}
			switch s.Seen - s.Leave {
			case 0:
			case 30, 60:
				late++
			default:
				t.Fatalf("user %d: seen leaving %d s late", u, s.Seen-s.Leave)
			}
			if s.LeaveLost {
				lost++
			}
		}
		for d := range enough.Days {
			if n := perDay[d]; n < 4 || n > 12 {
				t.Fatalf("user %d: %d sessions on day %d", u, n, d)
			}
		}
	}
	near(t, "sessions a user and day", float64(all)/float64(enough.Users*enough.Days), 8, 0.3)
	near(t, "share of late leavings", float64(late)/float64(all), 0.30, 0.03)
	near(t, "share of lost callbacks", float64(lost)/float64(all), 0.05, 0.012)
}

func TestItemsAreAsDrawn(t *testing.T) {
	h := history.New(enough)
	users := float64(enough.Users * enough.Days)
	var kinds [3]int
	var there, recalled, repeated int
	for _, it := range h.Items {
		kinds[it.Kind]++
		if it.Kind != history.Chat {
			continue
		}
		if inSession(h, it.User, it.At) {
			there++
		}
		if it.Recalled != history.Never {
			recalled++
		}
		if it.Repeated != history.Never {
			repeated++
		}
	}
	chats := float64(kinds[history.Chat])
	near(t, "messages a user and day", chats/users, 60, 2.5)
	near(t, "calls a user and day", float64(kinds[history.Call])/users, 2, 0.2)
	// 30 % of bursts begin while he is there, and some outlast the session.
	near(t, "share of messages that came while he was there", float64(there)/chats, 0.26, 0.03)
	near(t, "share of recalls", float64(recalled)/chats, 0.01, 0.002)
	near(t, "share of repeated callbacks", float64(repeated)/chats, 0.01, 0.002)
}

func TestPostsAreAsDrawn(t *testing.T) {
	h := history.New(history.Params{Users: 500, Days: 2, Seed: 3})
	mentions := 0
	for i, p := range h.Posts {
		if len(p.For) == 0 {
			continue
		}
		mentions++
		for _, item := range p.Items {
			if it := h.Items[item]; it.Kind != history.Mention || it.At != p.At || it.Contact != int32(i) {
				t.Fatalf("post %d is item %+v for one whom it mentions", i, it)
			}
		}
		if all := len(h.Members(p.Group)); len(p.Items) != len(p.For) || p.All && len(p.For) != all || !p.All && len(p.For) != 1 {
			t.Fatalf("post %d in a group of %d is for %d and reaches %d; of everybody: %v", i, all, len(p.For), len(p.Items), p.All)
		}
	}
	near(t, "messages a group and day", float64(len(h.Posts))/20, 50, 6)
	near(t, "share of mentions", float64(mentions)/float64(len(h.Posts)), 0.02, 0.012)
}

// Nobody reads before something came, while he is away, or without a report.
func TestReadings(t *testing.T) {
	h := history.New(history.Params{Users: 50, Days: 5, Seed: 1})
	type conversation struct{ user, contact int32 }
	upTo := map[conversation]history.Second{}
	at := map[conversation][]history.Event{}
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
				t.Fatalf("%v: read at %d, while away", k, e.At)
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

func TestEventsAreInOrder(t *testing.T) {
	h := history.New(history.Params{Users: 50, Days: 3, Seed: 1})
	for i := 1; i < len(h.Events); i++ {
		if h.Events[i].At < h.Events[i-1].At {
			t.Fatalf("event %d happens before event %d", i, i-1)
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
				t.Fatalf("user %d permits at %d, while away", tap.User, tap.At)
			}
		}
		near(t, fmt.Sprintf("permits at %g a day", rate), float64(len(g.Taps))/float64(enough.Users*enough.Days), rate, 4*math.Sqrt(5*rate/float64(enough.Users*enough.Days)))
		near(t, "share of taps that are reported", float64(reported)/float64(len(g.Taps)), 0.5, 0.1)
	}
}

func TestMessageIDsLeadBack(t *testing.T) {
	h := history.New(history.Params{Users: 60, Days: 4, Seed: 2})
	kinds := map[history.Kind]bool{}
	for i, it := range h.Items {
		if it.Kind == history.Chat && kinds[it.Kind] {
			continue
		}
		kinds[it.Kind] = true
		if got, err := h.ItemOf(it.User, h.MessageID(int32(i))); err != nil || got != int32(i) {
			t.Errorf("item %d of kind %d: %s leads to %d, %v", i, it.Kind, h.MessageID(int32(i)), got, err)
		}
	}
	if len(kinds) != 3 {
		t.Errorf("only kinds %v were tried", kinds)
	}
	if i, err := h.ItemOf(1, "no such message"); err == nil {
		t.Errorf("a message that nobody sent is item %d", i)
	}
}

func TestParamsAreChecked(t *testing.T) {
	for _, p := range []history.Params{{Users: 0, Days: 1}, {Users: 1, Days: 0}, {Users: 1 << 20, Days: 1}, {Users: 1, Days: 61}} {
		if p.Check() == nil {
			t.Errorf("%+v is accepted", p)
		}
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
