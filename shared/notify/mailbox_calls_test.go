package notify_test

import (
	"fmt"
	"testing"
	"time"

	"wxnotify/shared/fact"
)

func TestCallsThatRing(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"due at once", events{comes(0), after(time.Second), rings("c")}, "call c due 1s"},
		{"told twice it rings once", events{rings("c"), after(time.Second), rings("c")}, "call c due 0s"},
		{"two calls", events{rings("c"), rings("d", calledBy("carol"))}, "call c call d due 0s"},
		{"another conversation may use the same id", events{rings("c"), rings("c", func(r *fact.Ring) { r.Conversation = "other" })}, "call c call c due 0s"},
		{"bound to nobody: only counted", events{isNobody, rings("c")}, "1 not bound"},
		{"muted is its caller", events{mutesBob, rings("c")}, "c muted muted_peer"},
		{"muted is its group", events{mutesTeam, rings("c", ofGroup)}, "c muted muted_peer"},
		{"it had rung for its time: it is told as missed", events{rings("c", ringingSince(-30*time.Second))}, "missed_call c due 3s"},
		{"not quite: it rings", events{rings("c", ringingSince(-29*time.Second))}, "call c due 0s"},
		{"missed calls are not told: it has ended", events{withoutMissedCalls, rings("c", ringingSince(-30*time.Second))}, "c ended timed_out"},
		{"a time without sense is now", events{rings("c", ringingSince(-100*365*day))}, "call c due 0s"},
		{"a time ahead is now", events{rings("c", ringingSince(day)), after(29 * time.Second), stops("c", fact.CallAnswered)}, "c answered"},
	})
}

// While it rings a notice lives for its time; as missed it lives as long as a message.
func TestHowLongACallIsTold(t *testing.T) {
	r := newRecipient().meets(events{after(time.Second), rings("c", ringingSince(day))})
	if n := r.Calls.Notices[0]; !n.WindowEnd.Equal(at(31*time.Second)) || !n.Expires.Equal(at(31*time.Second)) {
		t.Errorf("a call of half a minute that rings since 1s: %+v", n)
	}
	r.meets(events{after(9 * time.Second), stops("c", fact.CallTimedOut)})
	if n := r.Messages.Notices[0]; !n.WindowEnd.Equal(at(74*time.Second)) || !n.Expires.Equal(at(day+time.Second)) {
		t.Errorf("as missed since 9s: %+v", n)
	}
}

func TestHowCallsStop(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"answered", events{rings("c"), stops("c", fact.CallAnswered)}, "c answered"},
		{"declined", events{rings("c"), stops("c", fact.CallRejected)}, "c ended rejected"},
		{"it went on without them", events{rings("c"), stops("c", fact.CallHungUp)}, "c ended hung_up"},
		{"the caller gave up: missed", events{rings("c"), stops("c", fact.CallCancelled)}, "missed_call c due 3s"},
		{"nobody answered: missed", events{rings("c"), stops("c", fact.CallTimedOut)}, "missed_call c due 3s"},
		{"another call was on: missed", events{rings("c"), stops("c", fact.CallBusy)}, "missed_call c due 3s"},
		{"missed by somebody last known online", events{comes(0), rings("c"), stops("c", fact.CallBusy)}, "missed_call c due 1m5s"},
		{"missed, by rules that do not tell it", events{withoutMissedCalls, rings("c"), stops("c", fact.CallCancelled)}, "c ended cancelled"},
		{"the first end stays", events{rings("c"), stops("c", fact.CallRejected), stops("c", fact.CallTimedOut)}, "c ended rejected"},
		{"one end is told once", events{rings("c"), stops("c", fact.CallTimedOut), stops("c", fact.CallTimedOut)}, "missed_call c due 3s"},
		{"another call rings on", events{rings("c"), rings("d", calledBy("carol")), stops("c", fact.CallAnswered)}, "call d due 0s; c answered"},
		{"bound to nobody", events{isNobody, stops("c", fact.CallAnswered)}, "nothing"},
	})
}

func TestEndsBesideACard(t *testing.T) {
	carried := func(rest ...func(*recipient)) events {
		return append(events{rings("c"), claimsCall, begins("k", "c")}, rest...)
	}
	checkMailboxes(t, []mailboxRow{
		{"answered while it travels", carried(stops("c", fact.CallAnswered)), "call c(k, else answered) held"},
		{"the card did not go out", carried(stops("c", fact.CallAnswered), finishes(ofCalls, withCard("k"))), "c answered"},
		{"the card went out", carried(stops("c", fact.CallAnswered), finishes(ofCalls, withCard("k"), endsAs(fact.StateDelivered, "c"))), "c delivered"},
		{"missed while it travels", carried(stops("c", fact.CallTimedOut)), "call c(k, else missed) held"},
		{"missed, and the card did not go out", carried(stops("c", fact.CallTimedOut), finishes(ofCalls, withCard("k"))), "missed_call c due 3s"},
		{"missed, and the card ended it otherwise", carried(stops("c", fact.CallTimedOut), finishes(ofCalls, withCard("k"), endsAs(fact.StateNoPermit, "c"))), "missed_call c due 3s"},
		{"missed, and the card went out: it is not told again", carried(stops("c", fact.CallTimedOut), finishes(ofCalls, withCard("k"), endsAs(fact.StateDelivered, "c"))), "c delivered"},
		{"a run says that it went unanswered", events{rings("c"), claimsCall, finishes(ofCalls, unanswered("c"))}, "missed_call c due 3s"},
		{"also by rules that do not tell it", events{withoutMissedCalls, rings("c"), claimsCall, finishes(ofCalls, unanswered("c"))}, "c ended timed_out"},
		{"the call was answered though it was taken for missed", events{rings("c"), claimsCall, finishes(ofCalls, unanswered("c")), stops("c", fact.CallAnswered)}, "c answered"},
		{"and lies in a dead letter", events{rings("c"), claimsCall, finishes(ofCalls, unanswered("c")), dies("c"), stops("c", fact.CallAnswered)}, "c dead; c answered"},
		{"a missed call stays one, in a dead letter too", events{rings("c"), claimsCall, finishes(ofCalls, unanswered("c")), dies("c"), stops("c", fact.CallCancelled)}, "letter of missed_call c; c dead"},
	})
}

func TestEndsThatComeFirst(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"answered", events{stops("c", fact.CallAnswered), rings("c")}, "c answered"},
		{"unanswered: missed", events{stops("c", fact.CallTimedOut), rings("c")}, "missed_call c due 3s"},
		{"answered long ago: not missed", events{stops("c", fact.CallAnswered), rings("c", ringingSince(-time.Minute))}, "c answered"},
		{"unanswered, by rules that do not tell it", events{withoutMissedCalls, stops("c", fact.CallCancelled), rings("c")}, "c ended cancelled"},
		{"muted all the same", events{mutesBob, stops("c", fact.CallAnswered), rings("c")}, "c muted muted_peer"},
		{"the call is told again after that", events{stops("c", fact.CallAnswered), rings("c"), rings("c")}, "c answered"},
	})
}

// Two sources may tell of one call, under two names: c by signals, h by the webhook.
func TestNamesOfACall(t *testing.T) {
	var (
		tenLater, tooLate = ringingSince(10 * time.Second), ringingSince(10*time.Second + time.Millisecond)
		later             = after(11 * time.Second)
	)
	checkMailboxes(t, []mailboxRow{
		{"the same caller within ten seconds: one call", events{rings("c"), later, rings("h", webhook, tenLater)}, "call c due 0s"},
		{"the webhook may come first", events{rings("h", webhook), later, rings("c", tenLater)}, "call h due 0s"},
		{"told later, though it began before", events{later, rings("c", tenLater), rings("h", webhook, ringingSince(0))}, "call c due 11s"},
		{"further apart: two", events{rings("c"), later, rings("h", webhook, tooLate)}, "call c call h due 0s"},
		{"of one source: two", events{rings("c"), rings("d")}, "call c call d due 0s"},
		{"of two callers: two", events{rings("c", ofGroup), rings("h", webhook, ofGroup, calledBy("carol"))}, "call c call h due 0s"},
		{"one source does not say who calls, the group is the same: one", events{rings("c", ofGroup), rings("h", webhook, ofGroup, calledBy(""))}, "call c due 0s"},
		{"nobody says who calls, nor in which group: two", events{rings("c", calledBy("")), rings("h", webhook, calledBy(""))}, "call c call h due 0s"},
		{"a name has one other", events{rings("c"), rings("h", webhook), rings("i", webhook)}, "call c call i due 0s"},
		{"of two the nearest in time", events{rings("c"), after(8 * time.Second), rings("d"), rings("h", webhook), stops("d", fact.CallAnswered), hookStops("h", fact.CallRejected)}, "call c due 0s; d answered"},
		{"it ends under its first name", events{rings("c"), rings("h", webhook), stops("c", fact.CallAnswered)}, "c answered"},
		{"it ends under its other name", events{rings("c"), rings("h", webhook), hookStops("h", fact.CallAnswered)}, "c answered"},
		{"once", events{rings("c"), rings("h", webhook), hookStops("h", fact.CallRejected), stops("c", fact.CallTimedOut)}, "c ended rejected"},
		{"an end that came first under the other name ends it", events{hookStops("h", fact.CallAnswered), rings("c"), rings("h", webhook)}, "c answered"},
		{"a call that has ended has another name still", events{rings("c"), stops("c", fact.CallAnswered), rings("h", webhook)}, "c answered"},
		{"what only ended is no other name", events{stops("c", fact.CallRejected), rings("h", webhook)}, "call h due 0s"},
		{"under the other name it is told again", events{rings("c"), rings("h", webhook), rings("h", webhook)}, "call c due 0s"},
	})
}

// The last 20 calls are remembered. An older one that is told again is known by its mark.
func TestCallsAreForgotten(t *testing.T) {
	for n, want := range map[int]bool{19: true, 20: false} {
		r := newRecipient().meets(events{rings("c"), stops("c", fact.CallAnswered)})
		id := onlyCall(t, r)
		r.meets(events{repeat(n, func(i int) func(*recipient) {
			return inOneChange(after(time.Duration(i+1)*time.Minute), rings(fact.MessageID(fmt.Sprint("d", i)), calledBy("carol")))
		})})
		if _, known := r.Log[id]; known != want || len(r.Log) > 20 {
			t.Errorf("after %d others it is known: %v, want %v; %d are kept", n, known, want, len(r.Log))
		}
	}
}

// onlyCall returns the name of the one call that is remembered.
func onlyCall(t *testing.T, r *recipient) (id fact.Identity) {
	t.Helper()
	if len(r.Log) != 1 {
		t.Fatalf("%d calls are remembered, want 1", len(r.Log))
	}
	for id = range r.Log {
	}
	return id
}

func TestWhichCallsWakeARun(t *testing.T) {
	checkWakes(t, []mailboxRow{
		{"one that rings, at once", events{rings("c")}, "0s"},
		{"told again: who told of it first may not have come to that", events{rings("c"), after(time.Second), rings("c")}, "0s"},
		{"not while a run asks about it", events{rings("c"), claimsCall, rings("c")}, ""},
		{"under another name: its run knows", events{rings("c"), rings("h", webhook)}, ""},
		{"one that was missed, when it is due", events{rings("c"), stops("c", fact.CallTimedOut)}, "3s"},
		{"one that was answered does not", events{rings("c"), stops("c", fact.CallAnswered)}, ""},
	})
}
