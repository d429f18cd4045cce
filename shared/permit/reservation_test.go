package permit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// permitted begins the stories of cards: alice is bound and has two permits.
func permitted(rest ...move) steps {
	return append(steps{bind("alice"), popup(0), popup(0)}, rest...)
}

func TestWhoMaySend(t *testing.T) {
	u := ofTemplate("U")
	checkRows(t, []subscriberRow{
		{"a permit is held for a card", permitted(asks("c")), "ok", "2, 1 held"},
		{"asked again it is held once", permitted(asks("c"), asks("c")), "ok", "2, 1 held"},
		{"a card pays with its own template", permitted(asks("c"), asks("c", u)), "void", "2, 1 held"},
		{"a card whose lease is over is given up", permitted(asks("c"), later(permit.Lease), asks("c")), "void", "2, 1 held"},
		{"without a permit nothing is sent", steps{bind("alice"), asks("c")}, "no permit", "0, 0 held"},
		{"a held permit is not free", steps{bind("alice"), popup(0), asks("c"), settles("c", silence), asks("d")}, "no permit", "1, 1 held"},
		{"nothing is sent to whom the openid is not", permitted(asks("c", ofUser("carol"))), "unbound", "2, 0 held"},
		{"nor when it is nobody's", permitted(unbind("alice"), asks("c")), "unbound", "2, 0 held"},
		{"nor when it is erased", permitted(erases("alice"), asks("c")), "erased", "0, 0 held"},
		{"nor to an openid that WeChat does not know", permitted(asks("c"), settles("c", notThere), asks("d")), "gone", "0, 0 held"},
		{"until a new login", permitted(asks("c"), settles("c", notThere), bind("alice"), popup(0), asks("d")), "no permit", "0, 0 held"},
		{"of a template one card is sent at a time", permitted(asks("c"), later(permit.Lease-time.Millisecond), asks("d")), "busy until 1m0s", "2, 1 held"},
		{"then the first is given up, and keeps its permit", permitted(asks("c"), later(permit.Lease), asks("d")), "ok", "2, 2 held"},
		{"it is in nobody's way when it is settled", permitted(asks("c"), settles("c", accepted), asks("d")), "ok", "1, 1 held"},
		{"a user is sent one card at a time", permitted(asks("c"), later(permit.InFlight-time.Millisecond), asks("d", u)), "busy until 13s", "2, 1 held"},
		{"which no send outlives", permitted(asks("c"), later(permit.InFlight), asks("d", u)), "no permit", "2, 1 held"},
		{"a long-term permit pays for any number", steps{bind("alice"), popup(0), asks("c", longTerm), settles("c", accepted, longTerm), asks("d", longTerm)}, "ok", "1, 1 held"},
		{"a digest leaves what the rules keep", permitted(asks("c", digest(2, false))), "kept, 2 of 2", "2, 0 held"},
		{"a digest may take what is above", permitted(asks("c", digest(1, false))), "ok", "2, 1 held"},
		{"of a long-term template it keeps nothing", permitted(asks("c", longTerm, digest(9, true))), "ok", "2, 1 held"},
		{"a user gets so many cards at once", permitted(asks("c", perHour(2)), settles("c", failed), asks("d", perHour(2)), settles("d", failed), asks("e", perHour(2))), "too many until 30m0s", "2, 0 held"},
		{"and then evenly", permitted(asks("c", perHour(2)), settles("c", failed), asks("d", perHour(2)), settles("d", failed), later(30*time.Minute), asks("e", perHour(2))), "ok", "2, 1 held"},
	})
}

func TestHowCardsEnd(t *testing.T) {
	checkRows(t, []subscriberRow{
		{"delivered: its permit is spent", permitted(asks("c"), settles("c", accepted)), "delivered", "1, 0 held"},
		{"long-term: it stays", permitted(asks("c", longTerm), settles("c", accepted, longTerm)), "delivered", "2, 0 held"},
		{"not sent: it is free again", permitted(asks("c"), settles("c", failed)), "not sent", "2, 0 held"},
		{"refused: all older ones go", permitted(asks("c"), settles("c", refused)), "refused", "0, 0 held"},
		{"refused: a tap that came since stays", permitted(later(time.Second), asks("c"), popup(2*time.Second), settles("c", refused)), "refused", "1, 0 held"},
		{"unknown: it is held", permitted(asks("c"), settles("c", silence)), "unknown", "2, 1 held"},
		{"unknown for too long: it is spent", permitted(asks("c"), settles("c", silence), later(2*time.Minute), concludes("c")), "alice: unknown no_report", "1, 0 held"},
		{"unknown not long enough: nothing ends", permitted(asks("c"), settles("c", silence), later(2*time.Minute-time.Millisecond), concludes("c")), "nothing", "2, 1 held"},
		{"taken away while held: it is paid once", permitted(asks("c"), settles("c", silence), later(time.Second), switchedOff(time.Second), later(2*time.Minute), concludes("c")), "alice: unknown no_report", "0, 0 held"},
		{"the first outcome stays", permitted(asks("c"), settles("c", accepted), settles("c", refused)), "delivered", "1, 0 held"},
		{"the first outcome stays, unknown", permitted(asks("c"), settles("c", silence), settles("c", accepted)), "unknown", "2, 1 held"},
		{"a card that was given up is told by Reconcile", permitted(asks("c"), later(permit.Lease), resolves("c"), settles("c", accepted)), "unknown", "2, 1 held"},
		{"and ends stranded", permitted(asks("c"), later(permit.Lease), resolves("c"), later(time.Hour), concludes("c")), "alice: unknown stranded", "1, 0 held"},
		{"an end is told until it was told", permitted(asks("c"), settles("c", silence), later(2*time.Minute), concludes("c"), concludes("c")), "alice: unknown no_report", "1, 0 held"},
		{"and then no more", permitted(asks("c"), settles("c", silence), later(2*time.Minute), concludes("c"), wasTold("c", fact.StateUnknown), concludes("c")), "nothing", "1, 0 held"},
		{"what was sent is paid for, though the reservation is forgotten", permitted(settles("c", accepted)), "delivered", "1, 0 held"},
		{"what was not sent leaves no trace", permitted(settles("c", failed)), "", "2, 0 held"},
		{"forgotten, and unknown: it is held", permitted(settles("c", silence)), "unknown", "2, 1 held"},
		{"forgotten, and its user has another openid now: it is paid for", permitted(bind("carol"), settles("c", accepted)), "", "1, 0 held"},
		{"once", permitted(bind("carol"), settles("c", accepted), settles("c", accepted)), "", "1, 0 held"},
		{"forgotten since the openid was erased", permitted(erases("alice"), settles("c", accepted)), "", "0, 0 held"},
		{"one that was forgotten is in no other's way", permitted(asks("c"), settles("d", accepted), asks("e")), "busy until 1m0s", "1, 1 held"},
	})
}

func TestWhatARunFinds(t *testing.T) {
	checkRows(t, []subscriberRow{
		{"a card never heard of is voided", permitted(resolves("c")), "void", "2, 0 held"},
		{"and cannot be reserved any more", permitted(resolves("c"), asks("c")), "void", "2, 0 held"},
		{"one that is being sent is left alone", permitted(asks("c"), resolves("c")), "sending", "2, 1 held"},
		{"one whose run let its lease pass is unknown", permitted(asks("c"), later(permit.Lease), resolves("c")), "unknown, handed over", "2, 1 held"},
		{"one that was settled has ended so", permitted(asks("c"), settles("c", accepted), resolves("c")), "delivered, notices delivered", "1, 0 held"},
		{"what was sent to an erased openid is not announced again", permitted(erases("alice"), resolves("c")), "refused, notices erased", "0, 0 held"},
		{"a correction of an end that nobody has heard is the end", permitted(asks("c"), settles("c", accepted), wechatReports(1, 0, "43101"), resolves("c")), "refused, notices refused, handed over", "1, 0 held"},
		{"and Reconcile tells no other", permitted(asks("c"), settles("c", accepted), wechatReports(1, 0, "43101"), resolves("c"), concludes("c")), "alice: refused reported", "1, 0 held"},
		{"one that is being told lets the first end be written down", permitted(asks("c"), settles("c", accepted), wechatReports(1, 0, "43101"), concludes("c"), resolves("c")), "delivered, notices delivered", "1, 0 held"},
	})
}

func TestReportsOfWeChat(t *testing.T) {
	corrected := func(rest ...move) steps {
		return permitted(append([]move{asks("c"), settles("c", accepted), wechatReports(1, 0, "43101")}, rest...)...)
	}
	unknown := func(rest ...move) steps {
		return permitted(append([]move{asks("c"), settles("c", silence)}, rest...)...)
	}
	checkRows(t, []subscriberRow{
		{"a report settles an unknown card", unknown(wechatReports(7, 0, ""), concludes("c")), "alice: delivered reported", "1, 0 held"},
		{"also as failed, and it is paid for", unknown(wechatReports(7, 0, "43101"), concludes("c")), "alice: refused reported", "1, 0 held"},
		{"after the end it corrects that", unknown(later(2*time.Minute), concludes("c"), wasTold("c", fact.StateUnknown), wechatReports(7, 0, ""), concludes("c")), "alice: delivered reported, not unknown", "1, 0 held"},
		{"both are told in their order", unknown(later(2*time.Minute), concludes("c"), wechatReports(7, 0, ""), concludes("c"), wasTold("c", fact.StateUnknown), concludes("c")), "alice: delivered reported, not unknown", "1, 0 held"},
		{"a failure corrects what was delivered", corrected(concludes("c")), "alice: refused reported, not delivered", "1, 0 held"},
		{"once", corrected(concludes("c"), wasTold("c", fact.StateRefused), wechatReports(1, time.Second, ""), concludes("c")), "nothing", "1, 0 held"},
		{"what is known already is told nobody", permitted(asks("c"), settles("c", accepted), wechatReports(1, 0, ""), concludes("c")), "nothing", "1, 0 held"},
		{"a report may overtake the answer", permitted(asks("c"), wechatReports(1, 0, "43101"), settles("c", accepted)), "refused", "1, 0 held"},
		{"it waits ten minutes for its card", permitted(wechatReports(1, 0, "43101"), later(10*time.Minute-time.Millisecond), asks("c"), settles("c", accepted)), "refused", "1, 0 held"},
		{"and no longer", permitted(wechatReports(1, 0, "43101"), later(10*time.Minute), asks("c"), settles("c", failed), asks("d"), settles("d", accepted)), "delivered", "1, 0 held"},
		{"while a card is being sent, which could be meant, it waits", unknown(asks("d"), wechatReports(7, 0, ""), concludes("c")), "nothing", "2, 2 held"},
		{"but not one that names its card", permitted(asks("c"), settles("c", accepted), asks("d"), wechatReports(1, 0, "43101"), concludes("c")), "alice: refused reported, not delivered", "1, 1 held"},
		{"one of another id means another card", permitted(asks("c"), settles("c", accepted), wechatReports(2, 0, "43101"), concludes("c")), "nothing", "1, 0 held"},
		{"without ids the youngest that fits is meant", unknown(later(time.Second), asks("d"), settles("d", silence), wechatReports(0, time.Second, ""), concludes("d")), "alice: delivered reported", "1, 1 held"},
		{"it may be five seconds early", unknown(wechatReports(0, -5*time.Second, ""), concludes("c")), "alice: delivered reported", "1, 0 held"},
		{"and no earlier", unknown(wechatReports(0, -5001*time.Millisecond, ""), concludes("c")), "nothing", "2, 1 held"},
		{"it may be ten minutes late", unknown(wechatReports(0, 10*time.Minute, ""), concludes("c")), "alice: delivered reported", "1, 0 held"},
		{"and no later", unknown(wechatReports(0, 10*time.Minute+time.Millisecond, ""), concludes("c")), "nothing", "2, 1 held"},
		{"the same one again means no other card", unknown(wechatReports(0, 0, ""), asks("d"), settles("d", silence), wechatReports(0, 0, ""), concludes("d")), "nothing", "1, 1 held"},
		{"of an openid never heard of it is not kept", steps{wechatReports(1, 0, "43101"), bind("alice"), popup(0), asks("c"), settles("c", accepted)}, "delivered", "0, 0 held"},
	})
}

func TestReportsAreBounded(t *testing.T) {
	s := newSubscriber()
	s.tell(permitted(each(30, func(i int) move { return wechatReports(int64(100+i), 0, "") })))
	if len(s.Reports) != 20 || s.Reports[19].MsgID != 129 {
		t.Errorf("%d reports wait, want the last 20", len(s.Reports))
	}
}

// Drift counts where WeChat had no permit and the account had one.
func TestDriftIsCounted(t *testing.T) {
	s := newSubscriber()
	s.tell(permitted(asks("c"), settles("c", refused), settles("c", refused)))
	if got := s.Ledgers["T"].Account().Drift; got != 1 {
		t.Errorf("drift %d, want 1", got)
	}
}

// Whoever is told often is kept 64 cards, and those of the last hour.
func TestOldCardsAreForgotten(t *testing.T) {
	send := func(i int) move {
		return func(s *subscriber) string {
			id := card.ID(fmt.Sprint("c", i))
			return s.tell(steps{popup(0), asks(id), settles(id, accepted)})
		}
	}
	s := newSubscriber()
	s.tell(permitted(asks("unknown"), settles("unknown", silence), each(69, send)))
	if got := s.Cards.Len(); got != 70 {
		t.Errorf("of the last hour %d cards are kept, want all 70", got)
	}
	s.tell(steps{later(2 * time.Hour), each(1, func(int) move { return send(69) })})
	if got := s.Cards.Len(); got != 64 {
		t.Errorf("of the last day %d cards are kept, want 64", got)
	}
	s.tell(steps{later(day + time.Millisecond), each(1, func(int) move { return send(70) })})
	if got := s.Cards.Len(); got != 3 {
		t.Errorf("%d cards are kept; want the two last and the one that is unknown", got)
	}
}

// A card knows what it carried for three hours, or until it is concluded and told.
func TestCardsForgetWhatTheyCarried(t *testing.T) {
	s := newSubscriber()
	s.tell(permitted(asks("known"), settles("known", accepted), asks("unknown"), settles("unknown", silence)))
	for _, c := range []struct {
		after time.Duration
		known bool
	}{{3 * time.Hour, true}, {3*time.Hour + time.Millisecond, false}} {
		next := card.ID(fmt.Sprint("after ", c.after))
		s.tell(steps{popup(0), later(c.after), asks(next), settles(next, accepted)})
		for id, rec := range s.Cards.All() {
			if want := id != "known" || c.known; len(rec.Messages) > 0 != want {
				t.Errorf("after %v %s carried %q", c.after, id, rec.Messages)
			}
		}
	}
}

// A card that cannot be read stops what is about it, and nothing else.
func TestUnreadableCard(t *testing.T) {
	for _, c := range []struct {
		rule  string
		moves steps
		want  string
	}{
		{"it is not reserved", steps{asks("bad")}, "unreadable"},
		{"it is not settled", steps{settles("bad", accepted)}, "unreadable"},
		{"it is not resolved", steps{resolves("bad")}, "unreadable"},
		{"it is not concluded", steps{concludes("bad")}, "unreadable"},
		{"it is not told", steps{wasTold("bad", fact.StateUnknown)}, "unreadable"},
		{"its openid is not erased", steps{erases("alice")}, "unreadable"},
		{"the cards of its openid are not ended", steps{endsCards("")}, "unreadable"},
		{"another card goes out", steps{asks("c")}, "ok"},
		{"a report finds its card", steps{asks("c"), settles("c", silence), wechatReports(7, 0, ""), concludes("c")}, "alice: delivered reported"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newSubscriber()
			s.tell(permitted())
			s.Cards = permit.NewCards(map[card.ID]permit.CardRecord{"bad": {Unreadable: errors.Join(notify.ErrUnreadable)}})
			if got := s.tell(c.moves); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
