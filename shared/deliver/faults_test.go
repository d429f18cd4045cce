package deliver_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

// once returns a fault of the n-th of a call. left says whether it is still to come.
func once(call string, n int, happens func() error) (fault func(call, who string) error, left func() bool) {
	return func(name, _ string) error {
		if name != call {
			return nil
		}
		if n--; n != 0 {
			return nil
		}
		return happens()
	}, func() bool { return n > 0 }
}

func loses() error { return errLost }

// A call of the store that fails, before it takes effect or after, costs neither the permit nor the
// message, and no card is sent twice: this run or the next goes on as it would have gone on.
func TestLostCalls(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"begin", "begin answered", "reserve", "reserve answered", "settle", "settle answered",
		"finish", "finish answered", "presence", "names", "recalled"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			s.has(1)
			fault, left := once(call, 1, loses)
			s.intercept(fault)
			s.group(simulator.GroupWork, "a", tom)
			for range 3 {
				s.run(time.Minute) // and the timer starts the next run
			}
			if got := s.summary(0); left() || !strings.Contains(got, "; a delivered; 0 left") {
				t.Errorf("it went: %s\n%s", got, s.timeline())
			}
			s.got(1, tom)
		})
	}
	// How the next run goes on depends on how the card has ended.
	for _, c := range []struct {
		answer simulator.Fault
		want   string
	}{
		{simulator.Code(43101), "card 1: 43101; a no permit; 0 left, WeChat has 1, drift 1"},
		{simulator.Code(40003), "card 1: 40003; a refused; 0 left, WeChat has 1"},
		{simulator.Code(47001), "card 1: 47001; a dead; letter (defect); 1 left; alert (defect)"},
		{simulator.Code(-1), "card 1: -1; asked; card 1; a delivered; 0 left"},
		{simulator.Code(45168), "card 1: 45168; asked; card 1; a delivered; 0 left"},
		{simulator.DropAfterSuccess(), "card 1: unknown; a delivered (reported); 0 left"},
		{simulator.HTTPStatus(502), "card 1: unknown; a unknown (no_report); 0 left, WeChat has 1"},
	} {
		t.Run("finish, after "+c.want, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			s.has(1)
			s.sim.Faults.Next(pathSend, 1, c.answer)
			fault, _ := once("finish", 1, loses)
			s.intercept(fault)
			s.say("a")
			s.run(5 * time.Minute)
			if got := s.summary(0); !strings.HasPrefix(got, "asked; "+c.want) {
				t.Errorf("it went:\n%s\nwant asked; %s", got, c.want)
			}
		})
	}
}

// A card that cannot be resolved keeps no other card waiting.
func TestUnresolvedCardStopsNobody(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	users := s.away(2, 1)
	lost := "user0 user1 o-user0 o-user1"
	s.intercept(func(call, who string) error {
		if (call == "reserve" || call == "resolve") && strings.Contains(lost, who) {
			return errLost
		}
		return nil
	})
	s.tell(users...)
	s.run(10 * time.Second) // both are begun, and no permit could be reserved
	lost = "user0 o-user0"
	s.run(3 * time.Minute)
	s.got(1, users[1])
	lost = "nobody"
	s.run(2 * time.Minute)
	s.got(1, users...)
	if !strings.Contains(strings.Join(s.alerts, "\n"), "store: card not resolved") {
		t.Errorf("alerts %q", s.alerts)
	}
}

// What was recalled is not sent because one read of the store failed: cards of groups wait, others go.
func TestRecallsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.has(1)
	other := s.away(1, 1)
	failing := true
	s.intercept(func(call, _ string) error {
		if call == "recalled" && failing {
			return errLost
		}
		return nil
	})
	s.group(simulator.GroupWork, "a", tom)
	s.tell(other...)
	s.run(10 * time.Second)
	s.got(0, tom)
	s.got(1, other...)
	failing = false
	s.run(10 * time.Second)
	s.got(1, tom)
}

// What an operator has to know of the store is told.
func TestAlertsOfTheStore(t *testing.T) {
	t.Parallel()
	for want, batch := range map[string]notify.Batch{
		"store: the store may lose what it was told":         {Unsafe: errLost},
		"store: recipients in the store cannot be read":      {Skipped: errLost},
		"unreadable: recipients in the store cannot be read": {Skipped: fmt.Errorf("a key: %w", notify.ErrUnreadable)},
	} {
		s := newSystem(t)
		s.deliver.Store = claimed{s.store, batch}
		s.run(time.Second)
		if got := strings.Join(s.alerts[:1], "; "); got != want {
			t.Errorf("alert %q, want %q", got, want)
		}
	}
}

// claimed is a store of which a run claims batch.
type claimed struct {
	deliver.Store
	batch notify.Batch
}

func (c claimed) Claim(context.Context, int) (notify.Batch, error) { return c.batch, nil }

// A bug that shows with one card, or one question, takes nothing else along; the log has its
// stack, and not what the panic held. What was begun is never sent twice.
func TestPanicStaysWithItsCard(t *testing.T) {
	t.Parallel()
	for place, own := range map[string]int{ // cards that user1 gets all the same
		"send": 0, "reserve": 0, "finish": 1, "resolve": 0, "unread": 2, "names": 2, "members": 2, "members among": 2,
	} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			var log bytes.Buffer
			s.deliver.Log = slog.New(slog.NewJSONHandler(&log, nil))
			users := s.away(3, 9)
			panics := 0
			s.intercept(func(call, who string) error {
				mine := who == "" || who == "user1" || who == "o-user1"
				if mine && (call == place || call == "reserve" && place == "resolve") { // there is something to resolve
					panics++
					panic("a text that may be anybody's")
				}
				return nil
			})
			s.t.Must(s.im.CreateGroup(simulator.Group{ID: "g1", Type: simulator.GroupWork, Members: append(users, "anna")}))
			s.tell(users...)
			s.run(10 * time.Second)
			s.got(1, users[0], users[2]) // no lease had to end first
			switch place {
			case "members":
				s.groupSay("", simulator.GroupMessage{AtAll: true})
			case "members among":
				_, err := s.im.Ring(simulator.Call{From: "anna", To: users, Group: "g1"})
				s.t.Must(err)
			}
			s.tell(users...)
			s.run(7 * time.Minute)
			for i, user := range users {
				got := len(s.wx.Cards("o-" + user))
				if want := own; i == 1 && got != want || i != 1 && got < 2 {
					t.Errorf("%s got %d cards; user1 is to have %d", user, got, want)
				}
			}
			text := log.String()
			if alerts := strings.Count(text, `"alert":"panic"`); panics == 0 || alerts != panics {
				t.Errorf("%d panics; the log has %d alerts", panics, alerts)
			}
			if strings.Contains(text, "anybody's") || !strings.Contains(text, "faults_test.go") {
				t.Errorf("the log has the text of the panic, or no stack:\n%s", text)
			}
		})
	}
}
