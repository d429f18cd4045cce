package deliver_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/notify"
)

// sent is WeChat's report of a card to user2, told now. An id of 0 is none.
func (w *world) reports(id int64, failed string, at time.Time) {
	w.t.Helper()
	w.accept(notify.Fact{Sent: &notify.Sent{OpenID: openID("user2"), MsgID: id, Template: tmplID, At: at.Truncate(time.Second), Failed: failed}})
}

// lost plays WeChat: the first card's answer is lost, after meanwhile has happened; the
// others are accepted, with ids from 2 on.
func (w *world) lost(meanwhile func()) {
	n := int64(0)
	w.deliver.WeChat = sendTo(func(c notify.Card) (int64, error) {
		w.sent = append(w.sent, c)
		if n++; n > 1 {
			return n, nil
		}
		if meanwhile != nil {
			meanwhile()
		}
		return 0, classed(notify.ClassUnknown)
	})
}

// A send of which nobody can say what became of it is settled by WeChat's report, whenever
// that comes; it is never sent again.
func TestUnknownIsSettled(t *testing.T) {
	t.Parallel()
	const delivered, failed = "delivered (reported)", "refused (reported)"
	for name, c := range map[string]struct {
		play func(w *world) // from before the send
		want string
	}{
		"no report": {func(w *world) {
			w.lost(nil)
		}, "unknown (no_report)"},
		"before the answer": {func(w *world) {
			w.lost(func() { w.reports(1, "", w.clock()) })
		}, delivered},
		"before the answer, without an id": {func(w *world) {
			w.lost(func() { w.reports(0, "", w.clock()) })
		}, delivered},
		"before the answer, failed": {func(w *world) {
			w.lost(func() { w.reports(1, "1 failed", w.clock()) })
		}, failed},
		"after it": {func(w *world) {
			w.lost(nil)
			w.jump(10 * time.Second)
			w.reports(1, "", w.clock())
		}, delivered},
		"after it, without an id": {func(w *world) {
			w.lost(nil)
			w.jump(10 * time.Second)
			w.reports(0, "", w.clock())
		}, delivered},
		"after it, failed": {func(w *world) {
			w.lost(nil)
			w.jump(10 * time.Second)
			w.reports(1, "1 failed", w.clock())
		}, failed},
		"twice": {func(w *world) {
			w.lost(nil)
			w.jump(10 * time.Second)
			at := w.clock()
			w.reports(1, "", at)
			w.reports(1, "", at)
			w.jump(time.Minute)
			w.reports(1, "", at)
		}, delivered},
		"after the deadline": {func(w *world) {
			w.lost(nil)
			w.jump(5 * time.Minute)
			w.reports(1, "", w.clock())
		}, "unknown (no_report), then " + delivered},
		"after the deadline, failed": {func(w *world) {
			w.lost(nil)
			w.jump(5 * time.Minute)
			w.reports(1, "1 failed", w.clock())
		}, "unknown (no_report), then " + failed},
		"after the deadline, twice and contradictory: corrected once": {func(w *world) {
			w.lost(nil)
			w.jump(5 * time.Minute)
			w.reports(1, "", w.clock())
			w.jump(time.Minute)
			w.reports(1, "1 failed", w.clock())
			w.reports(7, "1 failed", w.clock())
		}, "unknown (no_report), then " + delivered},
		"a report from before the card": {func(w *world) {
			w.lost(nil)
			w.reports(0, "", w.clock().Add(-time.Minute))
		}, "unknown (no_report)"},
		"a report from long after it": {func(w *world) {
			w.lost(nil)
			w.jump(time.Hour)
			w.reports(0, "", w.clock())
		}, "unknown (no_report)"},
		"a report of another template": {func(w *world) {
			w.lost(nil)
			w.jump(10 * time.Second)
			w.accept(notify.Fact{Sent: &notify.Sent{OpenID: openID("user2"), MsgID: 1, Template: "T2", At: w.clock()}})
		}, "unknown (no_report)"},
		"a report of another's card": {func(w *world) {
			w.lost(nil)
			w.jump(10 * time.Second)
			w.accept(notify.Fact{Sent: &notify.Sent{OpenID: openID("user3"), MsgID: 1, Template: tmplID, At: w.clock()}})
		}, "unknown (no_report)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := absent(t, 1)
			w.templates(map[notify.Kind]notify.TemplateID{notify.KindMessage: tmplID, notify.KindDigest: "T2"})
			w.subscribed("user3", 1)
			m := w.say("user1", "user2")
			c.play(w)
			w.jump(12 * time.Hour)
			if got := w.ends("user2", m.ID); got != c.want {
				t.Errorf("it ended %q, want %q\n%s", got, c.want, w.timeline("user2"))
			}
			w.cards(1)
			w.balance("user2", 0)
		})
	}
}

// An error that declares no class is taken for the worst: the card may have been shown.
func TestErrorWithoutAClass(t *testing.T) {
	t.Parallel()
	w := absent(t, 1)
	w.fail = func(notify.Card) error { return errors.New("declares nothing") }
	m := w.say("user1", "user2")
	w.jump(time.Hour)
	w.cards(1)
	w.ended(m, notify.StateUnknown, notify.ReasonSilentWeChat)
}

// While a card is unknown its permit is held, and nothing else is: other templates, other
// users, and, with another permit, the same template.
func TestUnknownBlocksNothing(t *testing.T) {
	t.Parallel()
	t.Run("with another permit", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 2)
		w.rules(func(r *notify.Rules) { r.DigestSteps, r.KeepForFirst = []time.Duration{10 * time.Second}, 0 })
		w.lost(nil)
		first := w.say("user1", "user2")
		w.jump(5 * time.Second)
		w.balance("user2", 1)
		second := w.say("user1", "user2")
		w.jump(20 * time.Second)
		w.ended(second, notify.StateDelivered, "")
		if got := w.ends("user2", first.ID); got != "waits" {
			t.Errorf("the first ended %q before WeChat told or was silent for too long", got)
		}
		w.jump(2 * time.Minute)
		w.ended(first, notify.StateUnknown, notify.ReasonSilentWeChat)
		w.balance("user2", 0)
		w.cards(2)
	})
	t.Run("without another permit the next has none", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 1)
		w.rules(func(r *notify.Rules) { r.DigestSteps, r.KeepForFirst = []time.Duration{10 * time.Second}, 0 })
		w.lost(nil)
		w.say("user1", "user2")
		w.jump(5 * time.Second)
		second := w.say("user1", "user2")
		w.jump(20 * time.Second)
		w.ended(second, notify.StateNoPermit, "")
		w.cards(1)
	})
	t.Run("somebody else", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 1)
		w.subscribed("user3", 1)
		w.status["user3"] = notify.StatusOffline
		w.lost(nil)
		w.say("user1", "user2")
		w.jump(5 * time.Second)
		other := w.say("user1", "user3")
		w.jump(5 * time.Second)
		w.ended(other, notify.StateDelivered, "")
	})
	t.Run("a call", func(t *testing.T) {
		t.Parallel()
		w := calling(t, notify.KindCall)
		w.lost(nil)
		w.say("user1", "user2")
		w.jump(5 * time.Second)
		w.ring("call", notify.CallSignal, "user1", "user2")
		w.jump(time.Second)
		if got := w.ends("user2", "call"); got != "delivered" {
			t.Errorf("the call ended %q", got)
		}
	})
}

// A report is for the card that it names, however it and the answers come in.
func TestReportOfAnotherCard(t *testing.T) {
	t.Parallel()
	// two lets the first card's answer be lost, and then sends a second.
	two := func(t *testing.T, during func(w *world)) (w *world, first, second notify.Message) {
		w = absent(t, 2)
		w.rules(func(r *notify.Rules) { r.DigestSteps, r.KeepForFirst = []time.Duration{10 * time.Second}, 0 })
		n := int64(0)
		w.deliver.WeChat = sendTo(func(c notify.Card) (int64, error) {
			w.sent = append(w.sent, c)
			if n++; n == 1 {
				return 0, classed(notify.ClassUnknown)
			}
			if during != nil {
				during(w)
			}
			return n, nil
		})
		first = w.say("user1", "user2")
		w.jump(5 * time.Second)
		second = w.say("user1", "user2")
		w.jump(10 * time.Second)
		return w, first, second
	}
	check := func(t *testing.T, w *world, first, second notify.Message, one, other string) {
		t.Helper()
		w.jump(time.Hour)
		if got := w.ends("user2", first.ID); got != one {
			t.Errorf("the first ended %q, want %q\n%s", got, one, w.timeline("user2"))
		}
		if got := w.ends("user2", second.ID); got != other {
			t.Errorf("the second ended %q, want %q\n%s", got, other, w.timeline("user2"))
		}
		w.cards(2)
		w.balance("user2", 0)
	}
	t.Run("of the second, which is known", func(t *testing.T) {
		t.Parallel()
		w, first, second := two(t, nil)
		w.reports(2, "", w.clock())
		check(t, w, first, second, "unknown (no_report)", "delivered")
	})
	t.Run("of the second, while it is on its way", func(t *testing.T) {
		t.Parallel()
		w, first, second := two(t, func(w *world) { w.reports(2, "", w.clock()) })
		check(t, w, first, second, "unknown (no_report)", "delivered")
	})
	t.Run("of both, the second first", func(t *testing.T) {
		t.Parallel()
		w, first, second := two(t, nil)
		w.reports(2, "", w.clock())
		w.reports(1, "", w.clock())
		check(t, w, first, second, "delivered (reported)", "delivered")
	})
	t.Run("of the first, while the second is on its way", func(t *testing.T) {
		t.Parallel()
		w, first, second := two(t, func(w *world) { w.reports(1, "", w.clock().Add(-10*time.Second)) })
		check(t, w, first, second, "delivered (reported)", "delivered")
	})
	t.Run("the second failed, the first is told by template and time", func(t *testing.T) {
		t.Parallel()
		w, first, second := two(t, nil)
		w.reports(2, "1 failed", w.clock())
		w.reports(0, "", w.clock().Add(-10*time.Second))
		check(t, w, first, second, "delivered (reported)", "delivered, then refused (reported)")
	})
}

// A card that was being sent when its run ended is never sent again, and may still be
// settled by WeChat's report.
func TestStrandedCard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report func(w *world)
		want   string
	}{
		"no report":                    {func(*world) {}, "unknown (stranded)"},
		"a report soon":                {func(w *world) { w.reports(1, "", w.clock()) }, "delivered (reported)"},
		"a report when its lease ends": {func(w *world) { w.jump(70 * time.Second); w.reports(1, "", w.clock()) }, "delivered (reported)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := absent(t, 1)
			m := w.say("user1", "user2")
			w.set(w.clock().Add(3 * time.Second))
			w.strand()
			w.set(w.clock().Add(time.Second))
			c.report(w)
			w.jump(time.Hour)
			if got := w.ends("user2", m.ID); got != c.want {
				t.Errorf("it ended %q, want %q\n%s", got, c.want, w.timeline("user2"))
			}
			w.cards(0)
			w.balance("user2", 0)
		})
	}
}

// strand is a run that ends while its card is on the way.
func (w *world) strand() {
	w.t.Helper()
	ctx := w.t.Context()
	b, err := w.store.Claim(ctx, 10)
	if err != nil || len(b.Recipients) != 1 {
		w.t.Fatalf("claimed %+v, %v", b.Recipients, err)
	}
	rec := b.Recipients[0]
	card := notify.CardID(rec.Lease + "-" + string(rec.User))
	id := []notify.Identity{rec.Notices[0].ID}
	begun, err := w.store.Begin(ctx, []notify.Begin{{User: rec.User, Lane: rec.Lane, Lease: rec.Lease, Card: card, Template: tmplID, Messages: id}})
	if err != nil || len(begun[0]) != 1 {
		w.t.Fatalf("begun %v, %v", begun, err)
	}
	r, err := w.store.Reserve(ctx, notify.Reserve{Card: card, OpenID: rec.OpenID, User: rec.User, Lane: rec.Lane, Template: tmplID,
		Messages: id, PerHour: 30, UnknownAfter: 2 * time.Minute})
	if err != nil || r.Status != notify.ReserveOK {
		w.t.Fatalf("reserved %+v, %v", r, err)
	}
}

// Whoever did not hear whether a permit was reserved, and finds the card given up as unknown, does not
// put its notices off: they are the unknown card's.
func TestCardThatWasGivenUpMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := newHub(), newPlatform(0)
		h.wait(notify.LaneMessages, "u", notify.Notice{ID: "m", Kind: notify.KindMessage})
		d := over(t, h, p)
		d.Store = givenUp{h}
		if _, err := d.Pass(t.Context()); err != nil || p.cards() != 0 {
			t.Fatalf("%d cards, %v", p.cards(), err)
		}
		if at := h.seats[notify.LaneMessages]["u"].at; time.Until(at) < notify.Lease-time.Minute/2 {
			t.Errorf("due again in %v, before another run can find the card", time.Until(at))
		}
	})
}

// givenUp does not answer who reserves, and has given their cards up when they ask.
type givenUp struct{ *hub }

func (givenUp) Reserve(context.Context, notify.Reserve) (notify.Reserved, error) {
	return notify.Reserved{}, errors.New("away")
}

func (givenUp) Resolve(context.Context, notify.OpenCard) (notify.Resolved, error) {
	return notify.Resolved{State: notify.CardUnknown, Handed: true}, nil
}
