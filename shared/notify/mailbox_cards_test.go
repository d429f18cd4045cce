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

func TestWhatARunClaims(t *testing.T) {
	other := take(card.QueueMessages, "other")
	checkAnswers(t, []mailboxRow{
		{"what waits in its queue", events{says("m"), says("n"), rings("c"), claims}, "m n for o1"},
		{"calls have a queue of their own", events{says("m"), rings("c"), claimsCall}, "c for o1"},
		{"nothing waits", events{claims}, "nothing"},
		{"asked again it is told the same", events{says("m"), claims, says("n"), claims}, "m n for o1"},
		{"another run is told nothing", events{says("m"), claims, other}, "nothing"},
		{"until the lease is over", events{says("m"), claims, after(permit.Lease - time.Millisecond), other}, "nothing"},
		{"then it is", events{says("m"), claims, after(permit.Lease), other}, "m for o1"},
		{"it has been made due otherwise since the queue hid it", events{says("m"), func(r *recipient) {
			r.answer = heardBy(r.Claim(card.QueueMessages, "run", at(permit.Lease)))
		}}, "nothing"},
		{"a card that another run began is open", events{says("m"), says("n"), claims, begins("k", "m"), after(permit.Lease), other}, "m n for o1, open k with m"},
		{"also of somebody bound to nobody any more", events{says("m"), claims, begins("k", "m"), isNobody, after(permit.Lease), other}, "m for , open k with m"},
	})
}

func TestWhatGoesOnACard(t *testing.T) {
	checkAnswers(t, []mailboxRow{
		{"what the run names and still waits", events{says("m"), says("n"), says("o"), claims, begins("k", "m", "n")}, "m n"},
		{"nothing that has ended", events{says("m"), says("n"), claims, takesBack("m"), begins("k", "m", "n")}, "n"},
		{"nothing is left", events{says("m"), says("n"), claims, begins("k", "o")}, ""},
		{"asked again the same", events{says("m"), says("n"), claims, begins("k", "m"), begins("k", "m", "n")}, "m"},
		{"but nothing that has ended since", events{says("m"), says("n"), claims, begins("k", "m", "n"), takesBack("m"), begins("k", "m", "n")}, "n"},
		{"while a card is open no other is begun", events{says("m"), says("n"), claims, begins("k", "m"), begins("l", "n")}, ""},
		{"a run that lost its lease begins none", events{says("m"), claims, beginsAs("other", "k", "m")}, ""},
		{"nor one that has none", events{says("m"), beginsAs("", "k", "m")}, ""},
	})
	checkMailboxes(t, []mailboxRow{
		{"it travels with the card", events{says("m"), says("n"), claims, begins("k", "m")}, "m(k) n held"},
		{"nothing is left, so no card is open", events{says("m"), claims, begins("k", "n"), begins("l", "m")}, "m(l) held"},
	})
}

func TestHowARunFinishes(t *testing.T) {
	carried := func(rest ...func(*recipient)) events {
		return append(events{says("m"), says("n"), claims, begins("k", "m")}, rest...)
	}
	delivered := finishes(withCard("k"), endsAs(fact.StateDelivered, "m"), lookingAgain(time.Minute))
	notSent := finishes(withCard("k"), lookingAgain(time.Minute))
	checkMailboxes(t, []mailboxRow{
		{"what was told has ended, the rest waits", carried(delivered), "n due 1m0s; m delivered"},
		{"what was not sent waits again", carried(notSent), "m n due 1m0s"},
		{"finished twice it has ended once", carried(delivered, delivered), "n due 1m0s; m delivered"},
		{"a run that lost its lease finishes nothing", carried(finishes(as("other"), withCard("k"), endsAs(fact.StateDelivered, "m"))), "m(k) n held"},
		{"nor one that has none", events{says("m"), finishes(as(""), endsAs(fact.StateDelivered, "m"))}, "m due 3s"},
		{"nor is another card finished", carried(finishes(withCard("l"), endsAs(fact.StateDelivered, "m"))), "m(k) n held"},
		{"without a card the open one stays", carried(finishes(endsAs(fact.StateExpired, "n"), lookingAgain(time.Minute))), "m(k) due 1m0s; n expired"},
		{"what was read while it travels ends so if it was not sent", carried(reads("bob", 0), notSent), "n read read_report; m read read_report"},
		{"also if it was to end otherwise", carried(takesBack("m"), finishes(withCard("k"), endsAs(fact.StateNoPermit, "m"), lookingAgain(time.Minute))), "n due 1m0s; m recalled"},
		{"and was delivered if it was", carried(takesBack("m"), delivered), "n due 1m0s; m delivered"},
		{"of what is unknown another tells the end", carried(finishes(withCard("k"), handing("m"), lookingAgain(time.Minute))), "n due 1m0s"},
		{"also if it was read meanwhile", carried(takesBack("m"), finishes(withCard("k"), handing("m"), lookingAgain(time.Minute))), "n due 1m0s"},
		{"who has another openid since keeps what was on the card", carried(logsIn("o2"), finishes(withCard("k"), endsAs(fact.StateUnbound, "m"), lookingAgain(time.Minute))), "m n due 1m0s"},
		{"who lost the binding does not", carried(finishes(withCard("k"), endsAs(fact.StateUnbound, "m"), lookingAgain(time.Minute))), "n due 1m0s; m unbound"},
		{"nor does who is bound to nobody now", carried(isNobody, notSent), "n unbound newer_binding; m unbound newer_binding"},
		{"whose missed call then ends", events{rings("c"), claimsCall, begins("k", "c"), stops("c", fact.CallTimedOut), isNobody, finishes(ofCalls, withCard("k"))}, "c unbound"},
		{"of nobody no absence is kept", carried(isNobody, finishes(withCard("k"), theAbsence(notify.AbsenceTold), lookingAgain(time.Minute))), "n unbound newer_binding; m unbound newer_binding"},
	})
}

func TestWhenARunLooksAgain(t *testing.T) {
	run := func(wish func(*recipient), with ...func(*recipient, *notify.Finish)) events {
		return events{says("m"), after(10 * time.Second), claims, wish, finishes(with...)}
	}
	nothing, message := func(*recipient) {}, says("n")
	checkMailboxes(t, []mailboxRow{
		{"when it says", run(nothing, lookingAgain(time.Minute)), "m due 1m0s"},
		{"it says nothing: at once", run(nothing), "m due 10s"},
		{"what came in brings it forward", run(message, lookingAgain(time.Minute)), "m n due 13s"},
		{"but not if it is held off", run(message, lookingAgain(time.Minute), hold), "m n due 1m0s"},
		{"it says nothing: when what came in wants it", run(message), "m n due 13s"},
		{"what came in does not put it off", run(message, lookingAgain(11*time.Second)), "m n due 11s"},
		{"held off, nothing that comes later brings it forward", append(run(nothing, lookingAgain(time.Minute), hold), says("n")), "m n due 1m0s"},
		{"until a run has looked", append(run(nothing, lookingAgain(time.Minute), hold), claims, finishes(lookingAgain(2*time.Minute)), says("n")), "m n due 13s"},
		{"a wish of one run is none of the next", append(run(message, lookingAgain(time.Minute)), claims, finishes(lookingAgain(time.Hour))), "m n due 1h0m0s"},
		{"nor is one of a run that never finished", events{says("m"), claims, says("n"), after(permit.Lease), take(card.QueueMessages, "other"), finishes(as("other"), lookingAgain(time.Hour))}, "m n due 1h0m0s"},
	})
}

// What a run counts, it tells the next; the end of what waits, or a replay, forgets it.
func TestWhatARunCarries(t *testing.T) {
	carrying := func(_ *recipient, f *notify.Finish) { f.Carried = notify.Carried{Attempts: 3, Neutral: true} }
	r := newRecipient().meets(events{says("m"), claims, finishes(carrying)})
	if r.Messages.Attempts != 3 || !r.Messages.Neutral {
		t.Errorf("the next run hears %+v", r.Messages.Carried)
	}
	r.meet(inOneChange(replies("bob", 0), says("n")))
	if r.Messages.Carried != (notify.Carried{}) {
		t.Errorf("of an earlier message the next run hears %+v", r.Messages.Carried)
	}
	r.meets(events{dies("n"), says("o"), claims, finishes(carrying), replays("n")})
	if r.Messages.Carried != (notify.Carried{}) {
		t.Errorf("of what waits again the next run hears %+v", r.Messages.Carried)
	}
}

// A timeline has the ends behind the steps of the run, whatever its clock.
func TestEndsComeAfterSteps(t *testing.T) {
	r := newRecipient().meets(events{says("m"), claims, finishes(endsAs(fact.StateDelivered, "m"), func(_ *recipient, f *notify.Finish) {
		f.Steps = []notify.Step{{At: at(time.Minute), Kind: notify.StepSettled}}
	})})
	if !slices.IsSortedFunc(r.Steps, func(a, b notify.Step) int { return a.At.Compare(b.At) }) || len(r.Steps) != 2 {
		t.Errorf("steps %+v", r.Steps)
	}
}

// Ends that are known only later: Reconcile tells them.
func TestEndsThatAreTold(t *testing.T) {
	handed := func(rest ...func(*recipient)) events {
		return append(events{says("m"), claims, begins("k", "m"), finishes(withCard("k"), handing("m"))}, rest...)
	}
	open := func(rest ...func(*recipient)) events {
		return append(events{says("m"), says("n"), claims, begins("k", "m")}, rest...)
	}
	for _, c := range []struct {
		mailboxRow
		delivered, refused, erased int // what counts then
	}{
		{mailboxRow{"an unknown card was delivered", handed(hears("k", fact.StateDelivered, "", "m")), "m delivered"}, 1, 0, 0},
		{mailboxRow{"one that was delivered was refused", events{says("m"), isTold("m"), hears("card-m", fact.StateRefused, fact.StateDelivered, "m")},
			"m delivered; m refused; 1 told, counted, last 0s"}, 0, 1, 0},
		{mailboxRow{"its run has not written down the end: the correction is the end", open(hears("k", fact.StateRefused, fact.StateDelivered, "m")), "n held; m refused"}, 0, 1, 0},
		{mailboxRow{"the run then tells nothing of it", open(hears("k", fact.StateRefused, fact.StateDelivered, "m"), finishes(withCard("k"), endsAs(fact.StateDelivered, "m"), lookingAgain(time.Minute))),
			"n due 1m0s; m refused"}, 0, 1, 0},
		{mailboxRow{"an erased openid's card is let go of", open(hears("k", fact.StateErased, "", "m")), "n held; m erased"}, 0, 0, 1},
		{mailboxRow{"one that becomes unknown leaves its run to write that down", open(hears("k", fact.StateDelivered, fact.StateUnknown, "m")), "m(k) n held; m delivered"}, 1, 0, 0},
		{mailboxRow{"of nobody it is only counted", handed(isNobody, hears("k", fact.StateDelivered, "", "m")), "nothing"}, 1, 0, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := newRecipient().meets(c.events)
			got := [3]int{r.counts[fact.StateDelivered], r.counts[fact.StateRefused], r.counts[fact.StateErased]}
			if want := [3]int{c.delivered, c.refused, c.erased}; r.stands() != c.want || got != want {
				t.Errorf("%s, counts %v; want %s, %v", r.stands(), got, c.want, want)
			}
		})
	}
}

func TestDeadLetters(t *testing.T) {
	dead := func(rest ...func(*recipient)) events {
		return append(events{says("m"), says("n", inGroup), dies("m", "n")}, rest...)
	}
	checkMailboxes(t, []mailboxRow{
		{"what is given up is kept", dead(), "letter of m n; m n dead"},
		{"it waits again, and is due at once", dead(after(time.Hour), replays("m")), "m n due 1h0m0s; m n dead"},
		{"once", dead(replays("m"), replays("m")), "m n due 0s; m n dead"},
		{"what was read since has ended", dead(reads("bob", 0), replays("m")), "n due 0s; m n dead; m read read_report"},
		{"what was muted since too", dead(mutesTeam, replays("m")), "m due 0s; m n dead; n muted muted_peer"},
		{"all of it", dead(mutesAll, replays("m")), "m n dead; m muted muted_all; n muted muted_all"},
		{"a call has long stopped ringing", events{rings("c"), claimsCall, finishes(ofCalls, endsAs(fact.StateDead, "c")), replays("c")}, "missed_call c due 0s; c dead"},
		{"an announcement is in no conversation", events{says("a", announced), dies("a"), reads("", 0), replays("a")}, "order a due 0s; a dead"},
		{"another letter stays", events{says("m"), dies("m"), says("n"), dies("n"), replays("n")}, "n due 0s; letter of m; m dead; n dead"},
		{"of nobody it is not opened", dead(isNobody, replays("m")), "letter of m n; m n dead"},
	})
	checkAnswers(t, []mailboxRow{
		{"it says how many wait", dead(mutesTeam, replays("m")), "1 wait, m replayed"},
		{"there is no such letter", dead(replays("n")), "0 wait"},
	})
	checkWakes(t, []mailboxRow{
		{"a run looks at what waits again", dead(replays("m")), "0s"},
		{"nothing waits again", dead(mutesAll, replays("m")), ""},
	})
}
