package notify_test

import (
	"slices"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

func TestWhoGoes(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"what waits is due after the grace", events{comes(0), says("m"), after(10 * time.Second), goes(10 * time.Second)}, "m due 15s"},
		{"or when a blind window ends before", events{comes(0), says("m"), after(63 * time.Second), goes(63 * time.Second)}, "m due 1m5s"},
		{"and no later than it was", events{says("m"), goes(0)}, "m due 3s"},
		{"a call is asked about at once", events{rings("c"), comes(0), after(time.Second), goes(time.Second)}, "call c due 1s"},
		{"while a run holds what waits it is wished for", events{comes(0), says("m"), claims, goes(time.Second)}, "m held, wanted 5s"},
		{"the earliest wish counts", events{comes(0), says("m"), claims, goes(time.Second), after(2 * time.Second), says("n", announced)}, "m order n held, wanted 2s"},
		{"what is held off stays so", events{comes(0), says("m"), claims, finishes(lookingAgain(time.Minute), hold), goes(time.Second)}, "m due 1m0s"},
	})
}

func TestWhoComes(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"what waits goes back into the blind window", events{says("m"), after(time.Second), comes(time.Second)}, "m due 1m6s"},
		{"which begins anew", events{says("m"), after(time.Second), comes(time.Second), after(63 * time.Second), goes(63 * time.Second)}, "m due 1m6s"},
		{"a window that ends later stays", events{says("m"), shortWindow, comes(0), after(62 * time.Second), claims, finishes(lookingAgain(time.Hour)), goes(62 * time.Second)}, "m due 1m5s"},
		{"a call is asked about in five seconds", events{rings("c"), after(time.Second), comes(time.Second)}, "call c due 6s"},
		{"a run that has only looked lets go", events{says("m"), claims, comes(0), finishes(endsAs(fact.StateDelivered, "m"))}, "m due 1m5s"},
		{"a card that was begun goes on, and what is left is looked at after the blind window", events{says("m"), claims, begins("k", "m"), comes(0)}, "m(k) held, wanted 1m5s"},
		{"then also when its run has gone", events{says("m"), claims, begins("k", "m"), after(permit.Lease), comes(time.Minute)}, "m(k) due 1m0s"},
		{"what is held off stays so", events{says("m"), claims, finishes(lookingAgain(time.Hour), hold), comes(0)}, "m due 1h0m0s"},
	})
}

func shortWindow(r *recipient) { r.rules.BlindWindow = time.Second }

// Of reports of presence the latest by IM's clock is true, whichever came first.
func TestWhichPresenceIsTrue(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"an older one changes nothing", events{comes(time.Second), goes(0), says("m")}, "m due 1m5s"},
		{"nor one of the same time", events{comes(0), goes(0), says("m")}, "m due 1m5s"},
		{"a newer one does", events{comes(0), goes(time.Millisecond), says("m")}, "m due 3s"},
		{"one from far ahead is taken for five minutes ahead", events{comes(day), after(6 * time.Minute), goes(6 * time.Minute), says("m")}, "m due 6m3s"},
		{"one without a time is none", events{comes(-100 * 365 * day), says("m")}, "m due 3s"},
		{"of somebody bound to nobody nothing is known", events{isNobody, comes(0), logsIn("o1"), says("m")}, "m due 3s"},
	})
}

func TestAbsences(t *testing.T) {
	told := func(rest ...func(*recipient)) events {
		return append(events{says("m"), isTold("m"), after(time.Minute)}, rest...)
	}
	const still = "m delivered; 1 told, counted, last 0s"
	checkMailboxes(t, []mailboxRow{
		{"a card begins to count them", told(), still},
		{"they come: a new one", told(comes(time.Minute)), "m delivered"},
		{"they go after the last card: they were here, so a new one", told(goes(time.Minute)), "m delivered"},
		{"the report that they went before it is late: the same", told(goes(0)), still},
		{"they read: a new one", told(reads("carol", 0)), "m delivered"},
		{"they reply: a new one", told(replies("carol", 0)), "m delivered"},
		{"they log in: a new one", told(logsIn("o1")), "m delivered"},
		{"a report that was told before: the same", append(events{reads("carol", 0)}, told(reads("carol", 0))...), still},
		{"a message taken back: the same", told(takesBack("m")), still},
	})
}

// What waited for a digest is due when its blind window ends, or one later if it has ended.
func TestWhatWaitedForADigest(t *testing.T) {
	digest := func(rest ...func(*recipient)) events {
		return append(events{says("m"), isTold("m"), after(time.Minute), says("n")}, rest...)
	}
	checkMailboxes(t, []mailboxRow{
		{"in its window: at the end of that", digest(reads("carol", 0)), "n due 2m5s; m delivered"},
		{"after its window: one later", digest(after(3*time.Minute), reads("carol", 0)), "n due 4m5s; m delivered"},
		{"which is IM's time to show it", digest(after(3*time.Minute), reads("carol", 0), after(4*time.Minute), goes(4*time.Minute)), "n due 4m5s; m delivered"},
		{"what is due before stays so", digest(says("a", announced), reads("carol", 0)), "n order a due 1m0s; m delivered"},
		{"in no absence nothing moves", events{says("m"), claims, finishes(lookingAgain(time.Hour)), reads("carol", 0)}, "m due 1h0m0s"},
		{"what is held off stays so", digest(claims, finishes(lookingAgain(time.Hour), hold), reads("carol", 0)), "n due 1h0m0s; m delivered"},
		{"while a run holds it it is wished for", digest(claims, reads("carol", 0)), "n held, wanted 2m5s; m delivered"},
	})
}

// What a run tells in an absence that is over is not written down as the next.
func TestSeenDuringARun(t *testing.T) {
	run := func(seen ...func(*recipient)) events {
		es := append(events{says("m"), says("n"), claims, begins("k", "m")}, seen...)
		return append(es, finishes(withCard("k"), endsAs(fact.StateDelivered, "m"), theAbsence(notify.AbsenceTold), lookingAgain(time.Minute)))
	}
	checkMailboxes(t, []mailboxRow{
		{"not seen", run(), "n due 1m0s; m delivered; 1 told, counted, last 0s"},
		{"read something", run(reads("carol", 0)), "n due 1m0s; m delivered"},
		{"came", run(comes(0)), "n due 1m0s; m delivered"},
		{"logged in as another", run(logsIn("o2")), "n due 1m0s; m delivered"},
		{"the run after that counts", append(run(reads("carol", 0)), isTold("n")), "m delivered; n delivered; 1 told, counted, last 0s"},
		{"also when another run finishes the card", append(events{says("m"), says("n"), claims, begins("k", "m"), reads("carol", 0), after(permit.Lease), take(card.QueueMessages, "other")},
			finishes(as("other"), withCard("k"), endsAs(fact.StateDelivered, "m"), theAbsence(notify.AbsenceTold), lookingAgain(2*time.Minute))), "n due 2m0s; m delivered"},
		{"a run that looks again does not know of it", events{says("m"), claims, reads("carol", 0), finishes(lookingAgain(time.Minute)), isTold("m")}, "m delivered; 1 told, counted, last 0s"},
	})
}

func TestHowAnAbsenceGoesOn(t *testing.T) {
	finished := func(steps ...notify.AbsenceStep) events {
		es := events{says("m")}
		for i, s := range steps {
			d := time.Duration(i) * time.Minute
			es = append(es, after(d), claims, finishes(theAbsence(s), lookingAgain(time.Hour)))
		}
		return es
	}
	told, kept, counted := notify.AbsenceTold, notify.AbsenceKept, notify.AbsenceCounted
	checkMailboxes(t, []mailboxRow{
		{"told", finished(told), "m due 1h0m0s; 1 told, counted, last 0s"},
		{"told again", finished(told, told), "m due 1h0m0s; 2 told, counted, last 1m0s"},
		{"kept back", finished(told, kept), "m due 1h0m0s; 1 told, 1 kept, counted, last 1m0s"},
		{"told after one was kept back", finished(told, kept, told), "m due 1h0m0s; 2 told, counted, last 2m0s"},
		{"counted, without a permit", finished(counted), "m due 1h0m0s; 0 told, counted, last 0s"},
		{"counted when they were told already", finished(told, counted), "m due 1h0m0s; 1 told, counted, last 0s"},
		{"seen online", finished(told, notify.AbsenceSeen), "m due 1h0m0s"},
		{"nothing", finished(told, ""), "m due 1h0m0s; 1 told, counted, last 0s"},
		{"kept back at last: the next step", append(finished(told, kept), says("n")), "m n due 16m0s; 1 told, 1 kept, counted, last 1m0s"},
	})
}

func TestWhichPresenceWakesARun(t *testing.T) {
	checkWakes(t, []mailboxRow{
		{"gone, for when it is due", events{comes(0), says("m"), goes(time.Second)}, "5s"},
		{"come, too", events{says("m"), comes(0)}, "1m5s"},
		{"of two queues the earlier", events{comes(0), says("m"), rings("c"), goes(time.Second)}, "0s"},
		{"nothing waits", events{comes(0)}, ""},
		{"it was known", events{says("m"), comes(0), comes(0)}, ""},
	})
}

// The timeline tells of presence if something waits.
func TestPresenceInTheTimeline(t *testing.T) {
	for _, c := range []struct {
		rule   string
		events events
		want   []notify.StepKind
	}{
		{"come", events{says("m"), comes(0)}, []notify.StepKind{notify.StepReturned}},
		{"gone", events{rings("c"), goes(0)}, []notify.StepKind{notify.StepLeft}},
		{"nothing waits", events{comes(0)}, nil},
		{"it was known", events{comes(0), says("m"), comes(0)}, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var got []notify.StepKind
			for _, s := range newRecipient().meets(c.events).Steps {
				got = append(got, s.Kind)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
