package world_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/world"
	"wxnotify/shared/notify"
)

// small is one user who was there from 100 to 200, and whom IM saw leaving at 260.
func small() *history.History {
	return &history.History{
		Params:   history.Params{Users: 1, Days: 1},
		Sessions: [][]history.Session{{{Login: 100, Leave: 200, Seen: 260}}},
		Items: []history.Item{
			{Contact: 1, At: 110, Read: 150, Recalled: history.Never},
			{Contact: 1, At: 190, Read: history.Never, Recalled: history.Never},
			{Contact: 2, At: 210, Read: history.Never, Recalled: 230},
		},
		Of: [][]int32{{0, 1, 2}},
	}
}

func TestIMKnowsWhatHappened(t *testing.T) {
	clock := &world.Clock{}
	im := world.IM{History: small(), Clock: clock}
	one, two := history.ContactID(0, 1), history.ContactID(0, 2)
	for _, c := range []struct {
		at       int
		status   notify.Status
		one, two int // unread
	}{
		{99, notify.StatusOffline, 0, 0}, {100, notify.StatusOnline, 0, 0}, {120, notify.StatusOnline, 1, 0}, {160, notify.StatusOnline, 0, 0},
		{220, notify.StatusOnline, 1, 1}, {259, notify.StatusOnline, 1, 0}, {260, notify.StatusOffline, 1, 0}, // IM notices late
	} {
		clock.Set(time.Duration(c.at) * time.Second)
		status, err := im.Presence(t.Context(), []notify.UserID{"user0", "contact0-1"})
		if err != nil || status["user0"] != c.status || status["contact0-1"] != notify.StatusOffline {
			t.Errorf("at %d IM says %v, %v, want %v", c.at, status, err, c.status)
		}
		total, by, err := im.Unread(t.Context(), "user0", []notify.UserID{one, two})
		if err != nil || total != c.one+c.two || by[one] != c.one || by[two] != c.two || len(by) != 2 {
			t.Errorf("at %d unread are %d, %v, %v; want %d and %d", c.at, total, by, err, c.one, c.two)
		}
	}
	if _, _, err := im.Unread(t.Context(), "nobody", nil); err == nil {
		t.Error("IM counts the messages of nobody")
	}
}

func TestGroups(t *testing.T) {
	h := history.New(history.Params{Users: 60, Days: 1, Seed: 1})
	im := world.IM{History: h, Clock: &world.Clock{}}
	members, next, err := im.Members(t.Context(), "group1", notify.GroupPublic, "")
	if err != nil || next != "" || len(members) != 11 {
		t.Errorf("group1 has %d members, then %q, %v; want its host and 10 users", len(members), next, err)
	}
	some, err := im.MembersAmong(t.Context(), "group1", []notify.UserID{"user3", "user55"})
	if want := []notify.Member{{User: "user55"}}; err != nil || !cmp.Equal(some, want) {
		t.Errorf("of user3 and user55 %v are members, %v; want %v", some, err, want)
	}
	if _, _, err := im.Members(t.Context(), "group2", notify.GroupPublic, ""); !errors.Is(err, notify.ErrNoGroup) {
		t.Errorf("a group that is not there: %v, want ErrNoGroup", err)
	}
}

func TestWeChatCountsPermits(t *testing.T) {
	w := world.NewWeChat(history.Params{Users: 2, Seed: 1})
	w.Permit(0)
	w.Permit(0)
	var got []world.Outcome
	for range 3 {
		o, _ := w.Send(0)
		got = append(got, o)
	}
	if want := []world.Outcome{world.Shown, world.Shown, world.Refused}; !cmp.Equal(got, want) {
		t.Errorf("three sends with two permits: %v, want %v", got, want)
	}
	if o, _ := w.Send(1); o != world.Refused {
		t.Errorf("a send without a permit: %v", o)
	}
}

// Of 200,000 sends 0.5 % get no answer, and half of those are shown.
func TestWeChatLosesAnswers(t *testing.T) {
	const sends = 200_000
	w := world.NewWeChat(history.Params{Users: 1, Seed: 5})
	n := map[world.Outcome]int{}
	for range sends {
		w.Permit(0)
		o, id := w.Send(0)
		if (id != 0) != o.Spends() {
			t.Fatalf("outcome %v has message id %d", o, id)
		}
		n[o]++
	}
	for _, o := range []world.Outcome{world.Lost, world.ShownUntold} {
		if share := float64(n[o]) / sends; share < 0.002 || share > 0.003 {
			t.Errorf("share of outcome %v is %.4f, want 0.0025", o, share)
		}
		if got := notify.ClassOf(o.Err()); got != notify.ClassUnknown {
			t.Errorf("outcome %v is of class %v, want unknown", o, got)
		}
	}
	if got := notify.ClassOf(world.Refused.Err()); got != notify.ClassRefused {
		t.Errorf("43101 is of class %v, want refused", got)
	}
	if world.Shown.Err() != nil {
		t.Errorf("a card that was shown: %v", world.Shown.Err())
	}
}
