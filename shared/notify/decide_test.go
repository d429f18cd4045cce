package notify_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

func TestDecide(t *testing.T) {
	now := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	// fresh arrived just now, ripe when the blind window is over, old is past its life.
	notice := func(id fact.Identity, sent, window int) card.Notice {
		return card.Notice{ID: id, Kind: fact.KindMessage, From: "user1", SentAt: at(sent), WindowEnd: at(window), Expires: at(sent + 86400)}
	}
	fresh, newer, ripe, old := notice("fresh", 0, 65), notice("newer", 1, 66), notice("ripe", -70, 0), notice("old", -86400, -86000)
	mention := notice("mention", 2, 67)
	mention.Kind, mention.Group = fact.KindMention, "g1"
	order := notice("order", 3, 68)
	order.Kind, order.Announcement = "order", &fact.Announcement{}
	urgent := notice("urgent", 4, 69)
	urgent.Kind, urgent.Announcement = "order", &fact.Announcement{Anyway: true}
	call := card.Notice{ID: "call", Kind: fact.KindCall, From: "user1", SentAt: at(-5), WindowEnd: at(25), Expires: at(25)}
	silent := card.Notice{ID: "silent", Kind: fact.KindCall, From: "user3", SentAt: at(-40), WindowEnd: at(-10), Expires: at(-10)}
	told := func(cards, kept, ago int) notify.Absence {
		return notify.Absence{Cards: cards, Kept: kept, Last: at(-ago), Counted: true}
	}
	ids := func(s ...fact.Identity) []fact.Identity { return s }

	skip, send := notify.DefaultRules(), notify.DefaultRules()
	send.PushOnline = notify.PushOnlineSend
	two, quiet := notify.DefaultRules(), notify.DefaultRules()
	two.DigestMax = 2
	quiet.QuietHours = "19:00-06:00"

	for _, c := range []struct {
		name   string
		rules  notify.Rules
		rec    notify.Recipient
		status notify.Status
		want   notify.Plan
	}{
		{"offline: send, oldest first", skip, notify.Recipient{Notices: []card.Notice{newer, fresh, ripe}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{ripe, fresh, newer}}},
		{"no more than a card carries", two, notify.Recipient{Notices: []card.Notice{newer, fresh, ripe}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{ripe, fresh}}},
		{"past its time to live", skip, notify.Recipient{Notices: []card.Notice{old}}, notify.StatusOffline,
			notify.Plan{Final: []notify.Final{{State: fact.StateExpired, Messages: ids("old")}}}},
		{"expired and fresh together", skip, notify.Recipient{Notices: []card.Notice{old, fresh}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{fresh}, Final: []notify.Final{{State: fact.StateExpired, Messages: ids("old")}}}},
		{"online within the window: look again at its end", skip, notify.Recipient{Notices: []card.Notice{fresh, newer}}, notify.StatusOnline,
			notify.Plan{Again: at(65), Why: fact.ReasonWindow}},
		{"online after the window", skip, notify.Recipient{Notices: []card.Notice{ripe, fresh}}, notify.StatusOnline,
			notify.Plan{Again: at(65), Why: fact.ReasonWindow,
				Final: []notify.Final{{State: fact.StateCameOnline, Reason: fact.ReasonOnline, Messages: ids("ripe")}}}},
		{"push online, skipped", skip, notify.Recipient{Notices: []card.Notice{fresh}}, notify.StatusPushOnline,
			notify.Plan{Final: []notify.Final{{State: fact.StateCameOnline, Reason: fact.ReasonPushOnline, Messages: ids("fresh")}}}},
		{"push online, told all the same", send, notify.Recipient{Notices: []card.Notice{fresh}}, notify.StatusPushOnline,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{fresh}}},
		{"IM silent for the first time", skip, notify.Recipient{Notices: []card.Notice{fresh}}, notify.StatusUnknown,
			notify.Plan{Again: at(5), Why: fact.ReasonIMSilent, Carried: notify.Carried{AskedSince: now}}},
		{"IM silent for a minute", skip, notify.Recipient{Notices: []card.Notice{fresh}, Carried: notify.Carried{AskedSince: at(-60)}}, notify.StatusUnknown,
			notify.Plan{Again: at(5), Why: fact.ReasonIMSilent, Carried: notify.Carried{AskedSince: at(-60)}}},
		{"IM silent for two minutes, nothing known: send", skip, notify.Recipient{Notices: []card.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}}, notify.StatusUnknown,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}}},
		{"IM silent for two minutes, known to be away", skip, notify.Recipient{Notices: []card.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}, Known: notify.StatusOffline}, notify.StatusUnknown,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}}},
		{"IM silent for two minutes, known to be there", skip, notify.Recipient{Notices: []card.Notice{ripe}, Carried: notify.Carried{AskedSince: at(-120)}, Known: notify.StatusOnline}, notify.StatusUnknown,
			notify.Plan{Carried: notify.Carried{AskedSince: at(-120)}, Final: []notify.Final{{State: fact.StateCameOnline, Reason: fact.ReasonOnline, Messages: ids("ripe")}}}},

		{"a mention alone", skip, notify.Recipient{Notices: []card.Notice{mention}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindMention, Send: []card.Notice{mention}}},
		{"a mention among messages", skip, notify.Recipient{Notices: []card.Notice{mention, fresh}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{fresh, mention}}},
		{"an announcement goes alone, after what came before", skip, notify.Recipient{Notices: []card.Notice{order, fresh}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{fresh}}},
		{"an announcement alone", skip, notify.Recipient{Notices: []card.Notice{order}}, notify.StatusOffline,
			notify.Plan{Kind: "order", Send: []card.Notice{order}}},
		{"an announcement that goes anyway", skip, notify.Recipient{Notices: []card.Notice{fresh, urgent}}, notify.StatusOnline,
			notify.Plan{Kind: "order", Send: []card.Notice{urgent}}},
		{"an announcement does not wait for a digest", skip, notify.Recipient{Notices: []card.Notice{fresh, order}, Absence: told(1, 0, 10)}, notify.StatusOffline,
			notify.Plan{Kind: "order", Send: []card.Notice{order}}},
		{"nor behind one that is due, and may be kept back", skip, notify.Recipient{Notices: []card.Notice{fresh, order}, Absence: told(1, 0, 400)}, notify.StatusOffline,
			notify.Plan{Kind: "order", Send: []card.Notice{order}}},

		{"told in this absence: at the first step", skip, notify.Recipient{Notices: []card.Notice{fresh}, Absence: told(1, 0, 299)}, notify.StatusOffline,
			notify.Plan{Again: at(1), Why: fact.ReasonDigest}},
		{"the first step is over", skip, notify.Recipient{Notices: []card.Notice{newer, fresh}, Absence: told(1, 0, 300)}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindDigest, Digest: true, Send: []card.Notice{fresh, newer}}},
		{"the second step is longer", skip, notify.Recipient{Notices: []card.Notice{fresh}, Absence: told(2, 0, 300)}, notify.StatusOffline,
			notify.Plan{Again: at(600), Why: fact.ReasonDigest}},
		{"kept back once: as if a card had gone", skip, notify.Recipient{Notices: []card.Notice{fresh}, Absence: told(1, 1, 300)}, notify.StatusOffline,
			notify.Plan{Again: at(600), Why: fact.ReasonDigest}},
		{"the last step repeats", skip, notify.Recipient{Notices: []card.Notice{fresh}, Absence: told(9, 3, 3600)}, notify.StatusOffline,
			notify.Plan{Again: at(11 * 3600), Why: fact.ReasonDigest}},
		{"no permit before: a first card still", skip, notify.Recipient{Notices: []card.Notice{fresh}, Absence: told(0, 0, 0)}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindMessage, Send: []card.Notice{fresh}}},
		{"online: the absence is over", skip, notify.Recipient{Notices: []card.Notice{fresh}, Absence: told(1, 0, 300)}, notify.StatusOnline,
			notify.Plan{Again: at(65), Why: fact.ReasonWindow, Absence: notify.AbsenceSeen}},

		{"quiet hours of the rules", quiet, notify.Recipient{Notices: []card.Notice{fresh}}, notify.StatusOffline,
			notify.Plan{Again: at(10 * 3600), Why: fact.ReasonQuietHours}}, // from 20:00 to 6:00 in Beijing
		{"quiet hours of the user", skip, notify.Recipient{Notices: []card.Notice{fresh}, Quiet: "19:00-21:30"}, notify.StatusOffline,
			notify.Plan{Again: at(5400), Why: fact.ReasonQuietHours}},
		{"quiet hours put off what goes anyway", skip, notify.Recipient{Notices: []card.Notice{urgent}, Quiet: "19:00-21:30"}, notify.StatusOffline,
			notify.Plan{Again: at(5400), Why: fact.ReasonQuietHours}},
		{"what goes anyway waits for their end, also of who is there", skip, notify.Recipient{Notices: []card.Notice{ripe, urgent}, Quiet: "19:00-21:30"}, notify.StatusOnline,
			notify.Plan{Again: at(5400), Why: fact.ReasonQuietHours,
				Final: []notify.Final{{State: fact.StateCameOnline, Reason: fact.ReasonOnline, Messages: ids("ripe")}}}},
		{"quiet hours are over for who is there", quiet, notify.Recipient{Notices: []card.Notice{ripe}}, notify.StatusOnline,
			notify.Plan{Final: []notify.Final{{State: fact.StateCameOnline, Reason: fact.ReasonOnline, Messages: ids("ripe")}}}},

		{"a call, offline", skip, notify.Recipient{Queue: card.QueueCalls, Notices: []card.Notice{call}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindCall, Send: []card.Notice{call}}},
		{"a call in quiet hours", quiet, notify.Recipient{Queue: card.QueueCalls, Notices: []card.Notice{call}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindCall, Send: []card.Notice{call}}},
		{"a call, online", skip, notify.Recipient{Queue: card.QueueCalls, Notices: []card.Notice{call}}, notify.StatusOnline,
			notify.Plan{Again: at(5), Why: fact.ReasonRinging}},
		{"a call, IM silent, nothing known: at once", skip, notify.Recipient{Queue: card.QueueCalls, Notices: []card.Notice{call}}, notify.StatusUnknown,
			notify.Plan{Kind: fact.KindCall, Send: []card.Notice{call}, Carried: notify.Carried{AskedSince: now}}},
		{"a call, IM silent, last seen online", skip, notify.Recipient{Queue: card.QueueCalls, Notices: []card.Notice{call}, Known: notify.StatusOnline}, notify.StatusUnknown,
			notify.Plan{Again: at(5), Why: fact.ReasonRinging, Carried: notify.Carried{AskedSince: now}}},
		{"a call, their phone app rings", skip, notify.Recipient{Queue: card.QueueCalls, Notices: []card.Notice{call}}, notify.StatusPushOnline,
			notify.Plan{Final: []notify.Final{{State: fact.StateCameOnline, Reason: fact.ReasonPushOnline, Messages: ids("call")}}}},
		{"a call that went unanswered", skip, notify.Recipient{Queue: card.QueueCalls, Notices: []card.Notice{silent, call}}, notify.StatusOffline,
			notify.Plan{Kind: fact.KindCall, Send: []card.Notice{call}, Unanswered: ids("silent")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.rules.Decide(notify.Look{Now: now, Status: c.status}, c.rec)
			if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestExpiredForQuota(t *testing.T) {
	now := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	rec := notify.Recipient{Notices: []card.Notice{{ID: "m", SentAt: now.Add(-24 * time.Hour), Expires: now}}}
	want := []notify.Final{{State: fact.StateQuota, Reason: fact.ReasonQuotaDay, Messages: []fact.Identity{"m"}}}
	got := notify.DefaultRules().Decide(notify.Look{Now: now, Quota: true}, rec)
	if d := cmp.Diff(want, got.Final); d != "" {
		t.Error(d)
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
