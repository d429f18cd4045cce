package notify_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// Of a flood as much is kept, or told, as is said here.

// flood is n messages of as many senders.
func flood(n int) func(*recipient) {
	return repeat(n, func(i int) func(*recipient) {
		return says(fact.MessageID(fmt.Sprint("flood", i)), from(fact.UserID(fmt.Sprint("peer", i))))
	})
}

// Of more than 30 letters, or of 200 notices in them, the oldest letters go.
func TestDeadLettersAreBounded(t *testing.T) {
	for _, c := range []struct{ letters, notices, left int }{{30, 1, 30}, {31, 1, 30}, {2, 100, 2}, {3, 67, 2}} {
		r := newRecipient()
		for i := range c.letters {
			ids, es := []string{}, events{after(time.Duration(i) * time.Minute)}
			for j := range c.notices {
				id := fmt.Sprint(i, "-", j)
				ids, es = append(ids, id), append(es, says(fact.MessageID(id), from(fact.UserID(fmt.Sprint("peer", j)))))
			}
			r.meets(append(es, dies(ids...)))
		}
		oldest := slices.ContainsFunc(r.Letters, func(l notify.KeptLetter) bool { return l.ID == "L0-0" })
		if len(r.Letters) != c.left || oldest != (c.left == c.letters) {
			t.Errorf("of %d letters of %d notices %d are left, want %d; the oldest is: %v", c.letters, c.notices, len(r.Letters), c.left, oldest)
		}
	}
}

// What has no room when a letter is opened stays in it.
func TestReplayFillsWhatRoomThereIs(t *testing.T) {
	r := newRecipient().meets(events{says("m"), says("n"), says("o"), dies("m", "n", "o"), flood(158), replays("m"), replays("m")})
	if len(r.Messages.Notices) != 160 || len(r.Letters) != 1 || carriedBy(r.Letters[0].Notices) != " o" {
		t.Errorf("%d wait, letters %+v; want 160, and one of o", len(r.Messages.Notices), r.Letters)
	}
}

// Announcements and missed calls share 40 places, of which one caller has half.
func TestPlacesBesideMessages(t *testing.T) {
	missed := func(n int, caller fact.UserID) func(*recipient) {
		return repeat(n, func(i int) func(*recipient) {
			id := fact.MessageID(fmt.Sprint(caller, i))
			return inOneChange(after(time.Duration(i)*time.Minute), rings(id, calledBy(caller)), stops(id, fact.CallTimedOut))
		})
	}
	announcements := func(n int) func(*recipient) {
		return repeat(n, func(i int) func(*recipient) { return says(fact.MessageID(fmt.Sprint("a", i)), announced) })
	}
	for _, c := range []struct {
		rule   string
		events events
		want   int
	}{
		{"40 announcements", events{announcements(41)}, 40},
		{"20 calls of one caller", events{missed(21, "bob")}, 20},
		{"calls of two callers, and an announcement", events{missed(20, "bob"), missed(19, "carol"), announcements(2)}, 40},
	} {
		if r := newRecipient().meets(c.events); len(r.Messages.Notices) != c.want {
			t.Errorf("%s: %d wait, want %d", c.rule, len(r.Messages.Notices), c.want)
		}
	}
}

// The timeline tells of one message a minute that there is no room for; each is counted.
func TestCrowdedIsToldOnceAMinute(t *testing.T) {
	r := newRecipient().meets(events{flood(160), says("m"), says("m"), after(time.Minute - time.Millisecond), says("n"), after(time.Minute), says("o")})
	if want := []string{"m not counted crowded", "o not counted crowded"}; !slices.Equal(r.ended, want) || r.counts[fact.StateNotCounted] != 3 {
		t.Errorf("told %q, counted %v; want %q, and 3", r.ended, r.counts, want)
	}
}

// Of one caller ten calls a minute ring. The others are counted, and their ends are none.
func TestOneCallerRingsTenTimesAMinute(t *testing.T) {
	many := func(r *recipient) {
		for i := range 12 {
			rings(fact.MessageID(fmt.Sprint("c", i)))(r)
		}
	}
	r := newRecipient().meets(events{many, many, stops("c11", fact.CallTimedOut), rings("d", calledBy("carol")), after(time.Minute), rings("e")})
	if len(r.Calls.Notices) != 12 || len(r.Messages.Notices) != 0 || r.counts[fact.StateNotCounted] != 2 {
		t.Errorf("%d ring, %d were missed, counted %v; want ten of bob, one of carol, one a minute later", len(r.Calls.Notices), len(r.Messages.Notices), r.counts)
	}
}
