package notify_test

import (
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

func TestWhoLogsIn(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"what waits waits on", events{says("m"), logsIn("o2")}, "m due 3s"},
		{"a run that has only looked would send to the old openid", events{says("m"), claims, after(time.Second), logsIn("o2"), finishes(endsAs(fact.StateDelivered, "m"))}, "m due 1s"},
		{"of the same openid it goes on", events{says("m"), claims, logsIn("o1")}, "m held"},
		{"so does a card that was begun", events{says("m"), claims, begins("k", "m"), logsIn("o2")}, "m(k) held"},
		{"a call likewise", events{rings("c"), claimsCall, after(time.Second), logsIn("o2")}, "call c due 1s"},
		{"preferences go with the user", events{mutesBob, logsIn("o2"), says("m")}, "m muted muted_peer"},
		{"who was nobody is somebody", events{isNobody, logsIn("o2"), says("m")}, "m due 3s"},
	})
	checkAnswers(t, []mailboxRow{
		{"the next card goes to the new openid", events{says("m"), logsIn("o2"), claims}, "m for o2"},
	})
}

func TestWhoLosesTheBinding(t *testing.T) {
	checkMailboxes(t, []mailboxRow{
		{"what waits ends", events{says("m"), rings("c"), losesBinding("o1")}, "m unbound newer_binding; c unbound newer_binding"},
		{"of another openid it does not", events{says("m"), losesBinding("o2")}, "m due 3s"},
		{"nor of none, for who has none", events{says("m"), claims, begins("k", "m"), isNobody, losesBinding("")}, "m(k, else unbound) held"},
		{"what travels ends so if its card does not go out", events{says("m"), claims, begins("k", "m"), losesBinding("o1")}, "m(k, else unbound) held"},
		{"and is delivered if it does", events{says("m"), claims, begins("k", "m"), losesBinding("o1"), finishes(withCard("k"), endsAs(fact.StateDelivered, "m"))}, "m delivered"},
		{"the absence ends with it", events{says("m"), isTold("m"), isNobody}, "m delivered"},
		{"so do preferences", events{mutesAll, isNobody, logsIn("o1"), says("m")}, "m due 3s"},
		{"and where they were", events{comes(0), isNobody, logsIn("o1"), says("m")}, "m due 3s"},
		{"what they read stays known", events{reads("bob", 0), isNobody, logsIn("o1"), says("m")}, "m read read_report"},
		{"calls of late too", events{rings("c"), isNobody, logsIn("o1"), rings("h", webhook)}, "c unbound newer_binding"},
		{"and dead letters", events{says("m"), dies("m"), isNobody, logsIn("o1"), replays("m")}, "m due 0s; m dead"},
	})
}

func TestPreferences(t *testing.T) {
	quiet, other := notify.Preferences{QuietHours: "22:00-07:00"}, notify.Preferences{QuietHours: "23:00-07:00"}
	held := func(d time.Duration) func(*recipient) { return inOneChange(claims, finishes(lookingAgain(d))) }
	checkMailboxes(t, []mailboxRow{
		{"all is muted: what waits ends", events{says("m"), rings("c", calledBy("carol")), mutesAll}, "m muted muted_all; c muted muted_all"},
		{"a sender is", events{says("m"), says("n", from("carol")), mutesBob}, "n due 3s; m muted muted_peer"},
		{"a caller is", events{rings("c"), mutesBob}, "c muted muted_peer"},
		{"a group is", events{says("m", inGroup), says("n"), mutesTeam}, "n due 3s; m muted muted_peer"},
		{"all, and a sender: it is all", events{says("m"), prefers(notify.Preferences{Muted: true, MutedPeers: []string{"bob"}})}, "m muted muted_all"},
		{"what travels ends so if its card does not go out", events{says("m"), claims, begins("k", "m"), mutesAll}, "m(k, else muted) held"},
		{"what waits for the end of quiet hours is due at once if they change", events{prefers(quiet), says("m"), held(time.Hour), after(time.Minute), prefers(other)}, "m due 1m0s"},
		{"if they do not it waits on", events{prefers(quiet), says("m"), held(time.Hour), prefers(quiet)}, "m due 1h0m0s"},
		{"there were none to wait for", events{says("m"), prefers(quiet)}, "m due 3s"},
	})
	checkAnswers(t, []mailboxRow{
		{"they are kept", events{mutesAll}, "true"},
		{"of nobody they are not", events{isNobody, mutesAll}, "false"},
	})
	for _, kept := range []notify.QuietHours{"22:00-07:00", ""} {
		r := newRecipient().meets(events{prefers(notify.Preferences{QuietHours: kept}), says("m")})
		if r.meet(claims); r.Claim(card.QueueMessages, "run", at(permit.Lease)).Quiet != kept {
			t.Errorf("a run does not hear of the quiet hours %q", kept)
		}
	}
}

func TestWhoIsErased(t *testing.T) {
	for _, c := range []struct {
		mailboxRow
		erased int
	}{
		{mailboxRow{"what waits goes", events{says("m"), says("n"), rings("c"), isErased("o1")}, "nothing"}, 3},
		{mailboxRow{"of another openid nothing does", events{says("m"), isErased("o2")}, "m due 3s"}, 0},
		{mailboxRow{"who is bound to nobody goes too", events{says("m"), claims, begins("k", "m"), isNobody, isErased("o1")}, "nothing"}, 1},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := newRecipient().meets(c.events)
			if got := r.counts[fact.StateErased]; r.stands() != c.want || got != c.erased {
				t.Errorf("%s, %d erased; want %s, %d", r.stands(), got, c.want, c.erased)
			}
		})
	}
}

// A user who was erased is named nowhere; what they sent still belongs to them.
func TestWhoIsForgotten(t *testing.T) {
	checkAnswers(t, []mailboxRow{
		{"they had written", events{says("m"), isForgotten("bob")}, "true"},
		{"they had called", events{rings("c"), isForgotten("bob")}, "true"},
		{"they are in a dead letter", events{says("m"), dies("m"), isForgotten("bob")}, "true"},
		{"once", events{says("m"), isForgotten("bob"), isForgotten("bob")}, "false"},
		{"they had not", events{says("m"), isForgotten("carol")}, "false"},
	})
	checkMailboxes(t, []mailboxRow{
		{"their messages wait on", events{says("m"), isForgotten("bob")}, "m due 3s"},
		{"they can be taken back", events{says("m"), isForgotten("bob"), takesBack("m")}, "m recalled"},
		{"and be read", events{says("m"), isForgotten("bob"), reads("bob", 0)}, "m read read_report"},
		{"and muted", events{says("m"), isForgotten("bob"), mutesBob}, "m muted muted_peer"},
		{"what was read is known of what comes late", events{reads("bob", 0), isForgotten("bob"), says("m")}, "m read read_report"},
		{"and that they are muted", events{mutesBob, isForgotten("bob"), says("m")}, "m muted muted_peer"},
		{"another's messages are not touched", events{says("m"), says("n", from("carol")), isForgotten("bob"), reads("carol", 0)}, "m due 3s; n read read_report"},
		{"in a group theirs is read with the group", events{says("m", inGroup), isForgotten("bob"), reads("bob", 0), reads(inTeam, 0)}, "m read read_report"},
		{"a letter of theirs is read when it is opened", events{says("m"), dies("m"), isForgotten("bob"), reads("bob", 0), replays("m")}, "m dead; m read read_report"},
	})
	for rule, es := range map[string]events{
		"waiting": {says("m"), isForgotten("bob")}, "ringing": {rings("c"), isForgotten("bob")},
		"late": {isForgotten("bob"), says("m")}, "rings late": {isForgotten("bob"), rings("c")},
		"dead": {says("m"), dies("m"), isForgotten("bob"), replays("m")},
	} {
		t.Run(rule, func(t *testing.T) {
			r := newRecipient().meets(es)
			for _, n := range append(r.Messages.Notices, r.Calls.Notices...) {
				if n.From != "" || n.Summary != "" {
					t.Errorf("%s is from %q: %q", n.ID.ID(), n.From, n.Summary)
				}
			}
		})
	}
}

// A dead letter holds no text.
func TestDeadLettersHoldNoText(t *testing.T) {
	r := newRecipient().meets(events{says("m"), dies("m")})
	if got := r.Letters[0].Notices[0].Summary; got != "" {
		t.Errorf("it says %q", got)
	}
}
