package deliver_test

import (
	"fmt"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

// groupOf makes the group g1 of anna and n others, who are not there and have a permit each.
func (s *system) groupOf(n int) (users []string) {
	s.t.Helper()
	users = s.away(n, 1)
	s.t.Must(s.im.CreateGroup(simulator.Group{ID: "g1", Type: simulator.GroupPublic, Members: append([]string{"anna"}, users...)}))
	return users
}

// Mentions are looked up among the 50 that IM takes in one call, whatever the size of the
// group; everybody in pages.
func TestMentionsCostOneCall(t *testing.T) {
	t.Parallel()
	const some, all = "/v4/group_open_http_svc/get_specified_group_member_info", "/v4/group_open_http_svc/get_group_member_info"
	s := newSystem(t)
	var members []string
	for i := range 400 {
		members = append(members, fmt.Sprint("member", i))
	}
	s.t.Must(s.im.CreateGroup(simulator.Group{ID: "g1", Type: simulator.GroupPublic, Members: append(members, "anna", tom)}))
	s.has(1)
	s.groupSay("a", simulator.GroupMessage{At: append(members[:29:29], tom)})
	s.run(time.Minute)
	s.got(1, tom)
	if n, pages := s.sim.Record.Count(some), s.sim.Record.Count(all); n != 1 || pages != 0 {
		t.Errorf("30 mentions cost %d calls for some members and %d for all, want 1 and 0", n, pages)
	}
	s.groupSay("b", simulator.GroupMessage{AtAll: true})
	s.run(time.Minute)
	if n, pages := s.sim.Record.Count(some), s.sim.Record.Count(all); n != 1 || pages < 3 || pages > 5 {
		t.Errorf("402 members cost %d calls for all, want 3 to 5", pages)
	}
}

// A message that stops between or within pages of members on its way goes on when its lease ends:
// nobody is told twice, nobody is left out.
func TestSpreadGoesOn(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]string{
		"the members are not told":             "members",
		"a page is recorded in part":           "record",
		"a page is recorded, and not noted":    "advance",
		"a page is noted, and it is not heard": "advance answered",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			users := s.groupOf(130)
			fault, left := once(call, 2, loses)
			s.intercept(fault)
			s.groupSay("a", simulator.GroupMessage{AtAll: true})
			s.run(5 * time.Minute)
			s.got(1, users...)
			if left() {
				t.Error("the fault did not happen")
			}
			for _, user := range users {
				steps, err := s.store.Timeline(t.Context(), fact.UserID(user))
				s.t.Must(err)
				if len(steps) == 0 || steps[0].Kind != notify.StepAccepted || len(steps) > 1 && steps[1].Kind == notify.StepAccepted {
					t.Fatalf("%s: %+v", user, steps)
				}
			}
			s.nothingDue()
		})
	}
}

// nothingDue wants nothing to be due for two days.
func (s *system) nothingDue() {
	s.t.Helper()
	due, err := s.store.Rest(s.t.Context(), s.clock.Now().Add(48*time.Hour))
	s.t.Must(err)
	if !due.IsZero() {
		s.t.Errorf("something is due at %v", due)
	}
}

// What is unreadable of one member keeps no other from being told, on this page or the next; a group
// that is gone is given up.
func TestSpreadEnds(t *testing.T) {
	t.Parallel()
	t.Run("unreadable members", func(t *testing.T) {
		t.Parallel()
		s := newSystem(t)
		users := s.groupOf(120)
		left := 0
		s.intercept(func(call, who string) error {
			if call != "record" {
				return nil
			}
			left++
			return fmt.Errorf("%w: the key of %s", notify.ErrUnreadable, who)
		})
		s.groupSay("a", simulator.GroupMessage{AtAll: true})
		s.run(5 * time.Minute)
		if left != 2 {
			t.Errorf("%d pages were recorded, want 2", left)
		}
		s.tried(len(users) - left)
		s.nothingDue()
	})
	t.Run("no such group", func(t *testing.T) {
		t.Parallel()
		s := newSystem(t)
		s.accept(fact.Fact{GroupMessage: &fact.GroupMessage{Group: "g9", Type: fact.GroupPublic, From: "anna", Seq: 1, AtAll: true, SentAt: s.clock.Now()}})
		s.run(2 * time.Minute)
		s.nothingDue()
	})
}
