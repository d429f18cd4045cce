package notify_test

import (
	"fmt"
	"testing"
	"time"

	"wxnotify/shared/fact"
)

func TestWhenMessagesAreDue(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"nothing is known of the recipient: after the lead", events{says("m")}, "m due 3s"},
		{"last known offline: after the lead", events{goes(0), says("m")}, "m due 3s"},
		{"last known online: after the blind window", events{comes(0), says("m")}, "m due 1m5s"},
		{"a burst is due with its first message", events{says("m"), after(2 * time.Second), says("n")}, "m n due 3s"},
		{"one that has to wait longer does not put the first off", events{says("m", inGroup, sent(-time.Second)), says("n")}, "m n due 2s"},
		{"once nothing waits the next is a first one, also in one change", events{says("m"), after(2 * time.Second), inOneChange(replies("bob", 0), says("n"))}, "n due 5s; m read own_reply"},
		{"told in this absence: at the next digest step", events{says("m"), isTold("m"), after(time.Minute), says("n")}, "n due 5m0s; m delivered; 1 told, counted, last 0s"},
		{"told twice: at the step after", events{says("m"), isTold("m"), says("n"), after(5 * time.Minute), isTold("n"), says("o")}, "o due 20m0s; m delivered; n delivered; 2 told, counted, last 5m0s"},
		{"the last step is over: after the lead", events{says("m"), isTold("m"), after(time.Hour), says("n")}, "n due 1h0m3s; m delivered; 1 told, counted, last 0s"},
		{"an announcement: at once", events{comes(0), says("a", announced)}, "order a due 0s"},
		{"in a group the lead counts from when it was said", events{says("m", inGroup, sent(-time.Second))}, "m due 2s"},
		{"but looks back over one lead at most", events{says("m", inGroup, sent(-time.Hour))}, "m due 0s"},
		{"and not ahead", events{says("m", inGroup, sent(time.Minute))}, "m due 3s"},
		{"so does its blind window", events{says("m", inGroup, sent(-2*time.Second)), claims, finishes(lookingAgain(time.Hour)), after(time.Minute), goes(time.Minute)}, "m due 1m3s"},
		{"between two it counts from when it came", events{says("m", sent(-time.Hour))}, "m due 3s"},
	})
}

func TestWhichMessagesWait(t *testing.T) {
	wasTakenBack := func(rest ...func(*recipient)) events { return append(events{takesBack("m")}, rest...) }
	checkMailboxes(t, []mailboxRow{
		{"bound to nobody: only counted", events{isNobody, says("m")}, "1 not bound"},
		{"IM did not deliver it", events{says("m", failing)}, "m failed in IM"},
		{"taken back before it came", wasTakenBack(says("m")), "m recalled"},
		{"of no kind that counts", events{says("m", silent)}, "m not counted silent"},
		{"its conversation was read", events{reads("bob", 0), says("m")}, "m read read_report"},
		{"too old", events{says("m", sent(-day))}, "m expired"},
		{"not yet too old", events{says("m", sent(-day+time.Second))}, "m due 3s"},
		{"too old for what it said itself", events{says("m", sent(-time.Minute), lasting(time.Minute))}, "m expired"},
		{"muted altogether", events{mutesAll, says("m")}, "m muted muted_all"},
		{"muted is its sender", events{mutesBob, says("m")}, "m muted muted_peer"},
		{"muted is its sender, also in a group", events{mutesBob, says("m", inGroup)}, "m muted muted_peer"},
		{"muted is its group", events{mutesTeam, says("m", inGroup)}, "m muted muted_peer"},
		{"muted is another", events{mutesTeam, says("m")}, "m due 3s"},
		{"the recall counts before all else", append(events{mutesAll, reads("bob", 0)}, wasTakenBack(says("m", silent, sent(-day)))...), "m recalled"},
		{"then that it counts not", events{mutesAll, reads("bob", 0), says("m", silent, sent(-day))}, "m not counted silent"},
		{"then that it was read", events{mutesAll, reads("bob", 0), says("m", sent(-day))}, "m read read_report"},
		{"then its age", events{mutesAll, says("m", sent(-day))}, "m expired"},
	})
}

// 200 wait, of which 40 places are kept for announcements and missed calls; one sender has half of
// the others.
func TestCrowdedMailbox(t *testing.T) {
	fill := func(n int, sender fact.UserID) func(*recipient) {
		return repeat(n, func(i int) func(*recipient) { return says(fact.MessageID(fmt.Sprint(sender, i)), from(sender)) })
	}
	full := inOneChange(fill(80, "bob"), fill(80, "carol"))
	for _, c := range []struct {
		rule    string
		events  events
		waiting int
		ended   string
	}{
		{"80 of one sender wait", events{fill(80, "bob")}, 80, "[]"},
		{"no more of theirs", events{fill(80, "bob"), says("n", from("bob"))}, 80, "[n not counted crowded]"},
		{"another has room", events{fill(80, "bob"), says("n", from("carol"))}, 81, "[]"},
		{"until 160 messages wait", events{full, says("n", from("dave"))}, 160, "[n not counted crowded]"},
		{"an announcement has room", events{full, says("n", announced)}, 161, "[]"},
		{"a missed call has", events{full, rings("c"), stops("c", fact.CallTimedOut)}, 161, "[]"},
		{"one that would be muted is muted", events{full, mutesTeam, says("n", inGroup)}, 160, "[n muted muted_peer]"},
		{"a call has a queue of its own", events{full, rings("c")}, 160, "[]"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := newRecipient().meets(c.events)
			if got := fmt.Sprint(r.ended); len(r.Messages.Notices) != c.waiting || got != c.ended {
				t.Errorf("%d wait, ended %s; want %d, %s", len(r.Messages.Notices), got, c.waiting, c.ended)
			}
		})
	}
}

func TestOneMessageComesOnce(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"told by the Before and by the After callback", events{says("m"), after(time.Second), says("m")}, "m due 3s"},
		{"it was read meanwhile", events{says("m"), replies("bob", 0), says("m")}, "m read own_reply"},
		{"it had ended at once", events{says("m", silent), says("m")}, "m not counted silent"},
		{"the After says that it failed: it is withdrawn", events{says("m"), says("n"), says("m", failing)}, "n due 3s; m failed in IM"},
		{"that comes first: the Before does not bring it back", events{says("m", failing), says("m")}, "m failed in IM"},
		{"a failure told twice is one", events{says("m"), says("m", failing), says("m", failing)}, "m failed in IM"},
		{"it failed while it travels: it ends so if the card does not go out", events{says("m"), claims, begins("k", "m"), says("m", failing)}, "m(k, else failed in IM) held"},
		{"it failed and lies in a dead letter", events{says("m"), dies("m"), says("m", failing)}, "m dead; m failed in IM"},
		{"it was taken back, and failed", events{takesBack("m"), says("m", failing)}, "m failed in IM"},
		{"another sender may use the same id", events{says("m"), says("m", from("carol"))}, "m m due 3s"},
		{"an announcement may use it too", events{says("m"), says("m", announced)}, "m order m due 0s"},
	})
}

func TestMessagesTakenBack(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"while it waits", events{says("m"), says("n"), takesBack("m")}, "n due 3s; m recalled"},
		{"while it travels: if the card does not go out", events{says("m"), claims, begins("k", "m"), takesBack("m")}, "m(k, else recalled) held"},
		{"the first end stays", events{says("m"), claims, begins("k", "m"), says("m", failing), takesBack("m")}, "m(k, else failed in IM) held"},
		{"in a dead letter", events{says("m"), says("n"), dies("m", "n"), takesBack("m")}, "letter of n; m n dead; m recalled"},
		{"after its end", events{says("m"), replies("bob", 0), takesBack("m"), says("m")}, "m read own_reply"},
		{"though it came so long ago that its mark is gone", events{says("m"), func(r *recipient) { clear(r.marks) }, takesBack("m")}, "m recalled"},
		{"one of another sender stays", events{says("m", from("carol")), takesBack("m")}, "m due 3s"},
		{"of somebody bound to nobody it is not kept", events{isNobody, takesBack("m"), logsIn("o1"), says("m")}, "m due 3s"},
	})
}

func TestWhatWasRead(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"a report ends what was sent until then", events{says("m"), says("n", sent(time.Second)), reads("bob", 0)}, "n due 3s; m read read_report"},
		{"an own reply does too", events{says("m"), says("n", sent(time.Second)), replies("bob", 0)}, "n due 3s; m read own_reply"},
		{"IM tells whole seconds", events{says("m", sent(1900*time.Millisecond)), replies("bob", time.Second)}, "m read own_reply"},
		{"a report holds for what comes later", events{reads("bob", 0), says("m"), says("n", sent(time.Second))}, "n due 3s; m read read_report"},
		{"an own reply does not", events{replies("bob", 0), says("m")}, "m due 3s"},
		{"an older report takes nothing back", events{reads("bob", 0), reads("bob", -time.Minute), says("m")}, "m read read_report"},
		{"a report from far ahead counts for five minutes", events{reads("bob", day), says("m", sent(5*time.Minute)), after(6 * time.Minute), says("n", sent(5*time.Minute+time.Second))}, "n due 6m3s; m read read_report"},
		{"a message from far ahead is taken for five minutes ahead", events{says("m", sent(day)), reads("bob", 5*time.Minute)}, "m read read_report"},
		{"another conversation is not read", events{says("m"), reads("carol", 0)}, "m due 3s"},
		{"nor what the same person said in a group", events{says("m", inGroup), reads("bob", 0)}, "m due 3s"},
		{"what was said in the group is, whoever said it", events{says("m", inGroup), says("n", inGroup, from("carol")), says("o"), reads(inTeam, 0)}, "o due 3s; m n read read_report"},
		{"a report of a group holds for what comes later", events{reads(inTeam, 0), says("m", inGroup)}, "m read read_report"},
		{"an announcement is in no conversation", events{says("a", announced), reads("", 0)}, "order a due 0s"},
		{"a missed call is in one", events{rings("c"), stops("c", fact.CallTimedOut), replies("bob", 0)}, "c read own_reply"},
		{"a call that rings is not read", events{rings("c"), reads("bob", 0)}, "call c due 0s"},
		{"what travels ends so if the card does not go out", events{says("m"), claims, begins("k", "m"), reads("bob", 0)}, "m(k, else read) held"},
		{"an own reply reaches dead letters", events{says("m"), dies("m"), replies("bob", 0)}, "m dead; m read own_reply"},
		{"a report is looked for when they are opened", events{says("m"), dies("m"), reads("bob", 0)}, "letter of m; m dead"},
		{"of somebody bound to nobody nothing is read", events{isNobody, reads("bob", 0), logsIn("o1"), says("m")}, "m due 3s"},
	})
}

// Of more than 200 conversations that were read those are forgotten that were read longest ago.
func TestOldReadsAreForgotten(t *testing.T) {
	read := func(n int, d time.Duration) func(*recipient) {
		return repeat(n, func(i int) func(*recipient) { return reads(fmt.Sprint(d, i), d) })
	}
	r := newRecipient().meets(events{read(1, 0), read(199, time.Minute), says("m", from("0s 0"))})
	if len(r.Read) != 200 || len(r.Messages.Notices) != 0 {
		t.Errorf("%d conversations are known, want 200, and the oldest of them", len(r.Read))
	}
	r = newRecipient().meets(events{read(1, 0), read(200, time.Minute), says("m", from("0s 0"))})
	if len(r.Read) != 200 || len(r.Messages.Notices) != 1 {
		t.Errorf("%d conversations are known, want 200 without the oldest", len(r.Read))
	}
}

func TestWhichMessagesWakeARun(t *testing.T) {
	checkWakes(t, []mailboxRow{
		{"one that waits, for when it is due", events{says("m")}, "3s"},
		{"a later one, for when the first is due", events{says("m"), after(time.Second), says("n")}, "3s"},
		{"one that is told again: who told of it first may not have come to that", events{says("m"), after(time.Second), says("m")}, "3s"},
		{"not while a run holds what waits", events{says("m"), claims, says("m")}, ""},
		{"nor one that ended at once", events{says("m", silent)}, ""},
		{"nor one that ended since", events{says("m"), replies("bob", 0), says("m")}, ""},
		{"nor what was read", events{says("m"), replies("bob", 0)}, ""},
	})
}
