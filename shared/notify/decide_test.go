package notify_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/notify"
)

func TestDecide(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	// fresh arrived just now, ripe when the blind window is over, old is past its life.
	fresh := notify.Notice{ID: "fresh", SentAt: now, WindowEnd: at(65)}
	newer := notify.Notice{ID: "newer", SentAt: at(1), WindowEnd: at(66)}
	ripe := notify.Notice{ID: "ripe", SentAt: at(-70), WindowEnd: at(0)}
	old := notify.Notice{ID: "old", SentAt: at(-86400), WindowEnd: at(-86000)}
	ids := func(s ...notify.MessageID) []notify.MessageID { return s }

	skip, send := notify.DefaultRules(), notify.DefaultRules()
	send.PushOnline = notify.PushOnlineSend
	two := notify.DefaultRules()
	two.DigestMax = 2

	for _, c := range []struct {
		name   string
		rules  notify.Rules
		rec    notify.Recipient
		status notify.Status
		want   notify.Plan
	}{
		{"offline: send, oldest first", skip, notify.Recipient{Notices: []notify.Notice{newer, fresh, ripe}}, notify.StatusOffline,
			notify.Plan{Send: []notify.Notice{ripe, fresh, newer}}},
		{"no more than a card carries", two, notify.Recipient{Notices: []notify.Notice{newer, fresh, ripe}}, notify.StatusOffline,
			notify.Plan{Send: []notify.Notice{ripe, fresh}}},
		{"past its time to live", skip, notify.Recipient{Notices: []notify.Notice{old}}, notify.StatusOffline,
			notify.Plan{Final: []notify.Final{{State: notify.StateExpired, Messages: ids("old")}}}},
		{"expired and fresh together", skip, notify.Recipient{Notices: []notify.Notice{old, fresh}}, notify.StatusOffline,
			notify.Plan{Send: []notify.Notice{fresh}, Final: []notify.Final{{State: notify.StateExpired, Messages: ids("old")}}}},
		{"online within the window: look again at its end", skip, notify.Recipient{Notices: []notify.Notice{fresh, newer}}, notify.StatusOnline,
			notify.Plan{Again: at(65), Why: notify.ReasonWindow}},
		{"online after the window", skip, notify.Recipient{Notices: []notify.Notice{ripe, fresh}}, notify.StatusOnline,
			notify.Plan{Again: at(65), Why: notify.ReasonWindow,
				Final: []notify.Final{{State: notify.StateCameOnline, Reason: notify.ReasonOnline, Messages: ids("ripe")}}}},
		{"push online, skipped", skip, notify.Recipient{Notices: []notify.Notice{fresh}}, notify.StatusPushOnline,
			notify.Plan{Final: []notify.Final{{State: notify.StateCameOnline, Reason: notify.ReasonPushOnline, Messages: ids("fresh")}}}},
		{"push online, told all the same", send, notify.Recipient{Notices: []notify.Notice{fresh}}, notify.StatusPushOnline,
			notify.Plan{Send: []notify.Notice{fresh}}},
		{"IM silent for the first time", skip, notify.Recipient{Notices: []notify.Notice{fresh}}, notify.StatusUnknown,
			notify.Plan{Again: at(5), Why: notify.ReasonIMSilent, Carried: notify.Carried{AskedSince: now}}},
		{"IM silent for a minute", skip, notify.Recipient{Notices: []notify.Notice{fresh}, Carried: notify.Carried{AskedSince: at(-60)}}, notify.StatusUnknown,
			notify.Plan{Again: at(5), Why: notify.ReasonIMSilent, Carried: notify.Carried{AskedSince: at(-60)}}},
		{"IM silent for two minutes, nothing known: send", skip, notify.Recipient{Notices: []notify.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}}, notify.StatusUnknown,
			notify.Plan{Send: []notify.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}}},
		{"IM silent for two minutes, known to be away", skip, notify.Recipient{Notices: []notify.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}, Known: notify.StatusOffline}, notify.StatusUnknown,
			notify.Plan{Send: []notify.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}}},
		{"IM silent for two minutes, known to be there", skip, notify.Recipient{Notices: []notify.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}, Known: notify.StatusOnline}, notify.StatusUnknown,
			notify.Plan{Carried: notify.Carried{AskedSince: at(-120)}, Final: []notify.Final{{State: notify.StateCameOnline, Reason: notify.ReasonOnline, Messages: ids("ripe")}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.rules.Decide(now, c.rec, c.status)
			if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRetryDelay(t *testing.T) {
	r := notify.DefaultRules().Retry
	for n, want := range map[int]time.Duration{1: 2 * time.Second, 2: 6 * time.Second, 3: 18 * time.Second, 6: 486 * time.Second, 7: 10 * time.Minute, 100: 10 * time.Minute} {
		if least, most := r.Delay(n, 0), r.Delay(n, 1); least != want/2 || most != want {
			t.Errorf("Delay(%d) is from %v to %v, want from %v to %v", n, least, most, want/2, want)
		}
	}
}

func TestRulesCheckNamesEveryFault(t *testing.T) {
	if err := notify.DefaultRules().Check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if err := (notify.Rules{}).Check(); err == nil {
		t.Error("rules of zeros were accepted")
	}
}
