package permit_test

import (
	"strings"
	"testing"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// refuses is the user saying no to the dialog, as their mini program reports it.
func refuses(d time.Duration) move {
	return func(s *subscriber) string {
		s.Refuse(fact.Refusal{At: s.began.Add(d), Templates: []fact.TemplateID{"T"}}, s.now)
		return ""
	}
}

// misses is an absence that finds no permit.
func misses(id string) move {
	return asks(card.ID(id), func(r *permit.Reserve) { r.NewAbsence = true })
}

func TestAdvice(t *testing.T) {
	const week = 7 * day
	for _, c := range []struct {
		rule  string
		steps steps
		after time.Duration
		want  permit.Advice
		why   string
	}{
		{"of whom nothing is known the dialog asks", nil, 0, permit.Advice{Ask: true, Stock: 25}, "no permit is left"},
		{"not again within ten minutes of a tap", steps{popup(0)}, 10*time.Minute - time.Nanosecond, permit.Advice{Balance: 1, AskInSeconds: 1, Stock: 25}, "not long ago"},
		{"then it does", steps{popup(0)}, 10 * time.Minute, permit.Advice{Balance: 1, Ask: true, Stock: 25}, "few permits"},
		{"three permits are enough", steps{popup(0), popup(0), popup(0)}, time.Hour, permit.Advice{Balance: 3, Stock: 25}, "enough"},
		{"not for a week after a refusal", steps{refuses(0)}, week - time.Second, permit.Advice{AskInSeconds: 1, Stock: 25}, "refusals in a row: 1"},
		{"then it asks", steps{refuses(0)}, week, permit.Advice{Ask: true, Stock: 25}, "no permit is left"},
		{"popup and report of one refusal are one", steps{refuses(0), refuses(time.Minute)}, week + time.Minute, permit.Advice{Ask: true, Stock: 25}, ""},
		{"two weeks after the second in a row", steps{refuses(0), later(week), refuses(week)}, 3*week - time.Second, permit.Advice{AskInSeconds: 1, Stock: 25}, "in a row: 2"},
		{"four weeks after the third and any more", steps{refuses(0), later(9 * week), refuses(week), refuses(4 * week), refuses(8 * week)}, 12*week - time.Second, permit.Advice{AskInSeconds: 1, Stock: 25}, "in a row: 4"},
		{"an acceptance forgives them", steps{refuses(0), later(week), popup(week)}, week + 10*time.Minute, permit.Advice{Balance: 1, Ask: true, Stock: 25}, "few permits"},
		{"a refusal of before the last tap says nothing", steps{later(time.Hour), popup(time.Hour), refuses(0)}, 2 * time.Hour, permit.Advice{Balance: 1, Ask: true, Stock: 25}, ""},
		{"switching off is a refusal", steps{popup(0), later(time.Hour), switchedOff(time.Hour)}, 2 * time.Hour, permit.Advice{AskInSeconds: int(week/time.Second) - 3600, Stock: 25}, "refusals"},
		{"a ban is none", steps{popup(0), later(time.Hour), func(s *subscriber) string {
			s.Revoke(fact.Revoke{At: s.now, Templates: []fact.TemplateID{"T"}, Banned: true}, s.now)
			return ""
		}}, time.Hour, permit.Advice{Ask: true, Stock: 25}, "no permit is left"},
		{"a refusal from far ahead is of now", steps{refuses(900 * day)}, week + 5*time.Minute, permit.Advice{Ask: true, Stock: 25}, ""},
		{"what was missed is said", steps{bind("alice"), misses("a"), misses("a"), misses("b")}, 0, permit.Advice{Ask: true, Missed: 2, Stock: 25}, "absences that found none: 2"},
		{"so is what only WeChat knew", steps{bind("alice"), popup(0), asks("c"), settles("c", refused)}, time.Hour, permit.Advice{Ask: true, Missed: 1, Stock: 25}, ""},
		{"a tap ends it", steps{bind("alice"), misses("a"), misses("b"), popup(0)}, time.Hour, permit.Advice{Balance: 1, Ask: true, Stock: 25}, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newSubscriber()
			s.tell(c.steps)
			l := s.Ledgers["T"]
			if l == nil {
				l = &permit.Ledger{}
			}
			rules := notify.DefaultRules().Ask
			got := l.Advice(rules, false, s.began.Add(c.after))
			if !strings.Contains(got.Why, c.why) || got.Why == "" {
				t.Errorf("because %q, want %q", got.Why, c.why)
			}
			if got.Why = ""; got != c.want {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// How many permits are enough, and how many are stocked, is learnt from the user's own absences.
func TestAdviceLearns(t *testing.T) {
	for _, c := range []struct {
		rule     string
		ledger   permit.Ledger
		longTerm bool
		ask      bool
		stock    int
	}{
		{"below the absences expected it asks", permit.Ledger{Balance: 8, Expected: 8.1, Deviation: 0.5}, false, true, 17},
		{"with as many it does not", permit.Ledger{Balance: 9, Expected: 8.1, Deviation: 0.5}, false, false, 17},
		{"held permits are not there", permit.Ledger{Balance: 9, Held: 1, Expected: 8.1, Deviation: 0.5}, false, true, 17},
		{"nor below what is configured", permit.Ledger{Balance: 3, Expected: 0.5, Deviation: 0.1}, false, false, 7},
		{"no more is stocked than the operator wants", permit.Ledger{Balance: 31, Expected: 60, Deviation: 9}, false, false, 30},
		{"one more than were missed is enough", permit.Ledger{Balance: 7, Missed: 7}, false, true, 25},
		{"but the ceiling holds", permit.Ledger{Balance: 30, Missed: 77}, false, false, 25},
		{"a long-term template is accepted once", permit.Ledger{}, true, true, 1},
		{"and is then enough", permit.Ledger{Balance: 4, Missed: 3}, true, false, 1},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := c.ledger.Advice(notify.DefaultRules().Ask, c.longTerm, testkit.Future)
			if got.Ask != c.ask || got.Stock != c.stock || got.LongTerm != c.longTerm || c.longTerm && got.Balance > 1 {
				t.Errorf("got %+v, want ask %v, stock %d", got, c.ask, c.stock)
			}
		})
	}
}
