package permit_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

const day = 24 * time.Hour

func TestPermits(t *testing.T) {
	checkRows(t, []subscriberRow{
		{"a tap is a permit", steps{popup(0)}, "", "1, 0 held"},
		{"popup and report of one tap count once", steps{popup(0), report(2 * time.Minute)}, "", "1, 0 held"},
		{"the report may come first", steps{report(2 * time.Minute), popup(0)}, "", "1, 0 held"},
		{"further apart they are two taps", steps{popup(0), report(2*time.Minute + time.Millisecond)}, "", "2, 0 held"},
		{"two popups are two taps", steps{popup(0), popup(time.Second)}, "", "2, 0 held"},
		{"one popup pairs with one report", steps{popup(0), report(time.Second), report(2 * time.Second)}, "", "2, 0 held"},
		{"a report pairs with the nearest popup", steps{popup(0), popup(100 * time.Second), report(80 * time.Second), report(-30 * time.Second)}, "", "2, 0 held"},
		{"a grant that was switched off since is void", steps{later(time.Hour), switchedOff(time.Minute), popup(time.Minute)}, "", "0, 0 held"},
		{"a grant that is newer counts", steps{later(time.Hour), switchedOff(time.Minute), popup(time.Minute + time.Millisecond)}, "", "1, 0 held"},
		{"an older revoke does not reach back", steps{later(time.Hour), switchedOff(time.Minute), switchedOff(0), popup(time.Minute)}, "", "0, 0 held"},
		{"a grant without a time counts for nothing", steps{func(s *subscriber) string {
			s.Grant(fact.Grant{Source: fact.GrantPopup, Templates: []fact.TemplateID{"T"}}, s.now)
			return ""
		}}, "", "0, 0 held"},
		{"switching off takes what was granted before", steps{popup(0), popup(time.Minute), later(time.Hour), switchedOff(30 * time.Second)}, "", "1, 0 held"},
		{"each card has used the oldest permit", steps{bind("alice"), popup(0), asks("c"), settles("c", accepted), later(time.Hour), popup(time.Hour), switchedOff(time.Minute)}, "", "1, 0 held"},
		{"a card that was paid before a grant has not used that", steps{bind("alice"), popup(0), popup(0), asks("c"), settles("c", accepted), later(time.Hour), popup(time.Hour), switchedOff(time.Minute)}, "", "1, 0 held"},
		{"a grant from far ahead is taken for five minutes ahead", steps{popup(day), later(6 * time.Minute), switchedOff(5 * time.Minute)}, "", "0, 0 held"},
		{"a revoke from far ahead voids five minutes", steps{switchedOff(day), later(6 * time.Minute), popup(5*time.Minute + time.Millisecond)}, "", "1, 0 held"},
		{"of an erased openid nothing is heard for a day", steps{bind("alice"), erases("alice"), later(day - time.Millisecond), popup(0), switchedOff(0)}, "", "0, 0 held"},
		{"after a day permits count again", steps{bind("alice"), erases("alice"), later(day), popup(day)}, "", "1, 0 held"},
		{"a new login brings it back", steps{bind("alice"), erases("alice"), bind("alice"), popup(0)}, "", "1, 0 held"},
	})
}

// The last 20 entries are kept; what was before is in the opening.
func TestEntriesOfAnAccount(t *testing.T) {
	s := newSubscriber()
	s.tell(steps{later(day), each(25, func(i int) move { return popup(time.Duration(i) * time.Hour) })})
	a := s.Ledgers["T"].Account()
	if a.Balance != 25 || a.Opening != 5 || len(a.Entries) != 20 {
		t.Errorf("balance %d, opening %d, %d entries; want 25, 5, 20", a.Balance, a.Opening, len(a.Entries))
	}
	s.tell(steps{later(30 * time.Hour), switchedOff(10 * time.Hour)})
	if got := s.Ledgers["T"].Balance; got != 14 {
		t.Errorf("after switching off %d permits are left, want the 14 that are newer", got)
	}
}

// An account tells each change, and what was paired.
func TestWhatAnAccountTells(t *testing.T) {
	s := newSubscriber()
	s.tell(permitted(report(time.Second), report(time.Hour), later(time.Minute), asks("c"), settles("c", accepted), switchedOff(3*time.Minute)))
	want := permit.Account{Balance: 1, Entries: []permit.AccountEntry{
		{At: s.began, Kind: "popup", Change: 1, Paired: true},
		{At: s.began, Kind: "popup", Change: 1},
		{At: s.began.Add(5 * time.Minute), Kind: "report", Change: 1}, // a wrong clock
		{At: s.now, Kind: "delivered", Change: -1},
		{At: s.now, Kind: "revoked", Change: -1},
	}}
	if diff := cmp.Diff(want, s.Ledgers["T"].Account()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever happens to an openid, in whatever order: its accounts add up, and in the end no permit is held.
func TestAccountsAddUp(t *testing.T) {
	both := []fact.TemplateID{"T", "U"}
	of := func(i int) []func(*permit.Reserve) { // each third card is of U, and long-term
		return []func(*permit.Reserve){func(r *permit.Reserve) {
			r.NewAbsence, r.Digest, r.Learn, r.Keep = i%2 == 0, i%5 == 0, i%10 == 0, i%4
			if i%3 == 0 {
				r.Template, r.LongTerm = "U", true
			}
		}}
	}
	id := func(i int) card.ID { return card.ID(fmt.Sprint("c", i)) }
	for seed := range uint64(100) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s, r, sent := newSubscriber(), rand.New(rand.NewPCG(seed, seed)), []int{}
			s.tell(steps{bind("alice")})
			for i := range 120 {
				at := s.now.Add(-time.Duration(r.IntN(200)) * time.Second)
				s.do(func(s *subscriber) string {
					switch n := r.IntN(24); {
					case n < 6:
						s.Grant(fact.Grant{Source: fact.GrantPopup, At: at, Templates: both}, s.now)
					case n < 8:
						s.Grant(fact.Grant{Source: fact.GrantReport, At: at, Templates: both[:1]}, s.now)
					case n < 9:
						s.Revoke(fact.Revoke{At: at, Templates: both[:1+r.IntN(2)]}, s.now)
					case n < 15:
						if asks(id(i), of(i)...)(s) == "ok" {
							sent = append(sent, i)
						}
					case n < 19 && len(sent) > 0:
						c := sent[max(0, len(sent)-1-r.IntN(3))]
						settles(id(c), []permit.Settle{accepted, failed, refused, silence, silence}[r.IntN(5)], of(c)...)(s)
					case n < 22:
						s.Report(fact.Sent{MsgID: int64(r.IntN(3)), Template: both[r.IntN(2)], At: at, Failed: []string{"", "43101"}[r.IntN(2)]}, s.now)
					default:
						s.reconcile()
					}
					return ""
				})
				s.check(t)
				s.now = s.now.Add(time.Duration(r.IntN(40)) * time.Second)
			}
			s.now = s.now.Add(time.Hour)
			for _, c := range sent {
				s.do(resolves(id(c)))
			}
			s.now = s.now.Add(time.Hour)
			s.reconcile()
			s.check(t)
			if held := s.Ledgers["T"].Held + s.Ledgers["U"].Held; held != 0 || len(s.due) > 0 {
				t.Errorf("%d permits are held in the end, %d cards to look at", held, len(s.due))
			}
		})
	}
}

// A digest leaves the average of absences between granting sessions and six deviations. The newest
// session counts for a quarter.
func TestWhatADigestLeaves(t *testing.T) {
	for _, c := range []struct {
		rule     string
		absences []int // before each session
		gap      time.Duration
		keep     int
		learn    bool
		want     int
	}{
		{"without a history it leaves 5 and six times 2.5", nil, day, 1, true, 20},
		{"the first session is none between two", []int{9}, day, 1, true, 20},
		{"a session that is quiet: 4 and 6 times 2.875", []int{0, 1}, day, 1, true, 22},
		{"one as expected: 5 and 6 times 1.875", []int{0, 5}, day, 1, true, 17},
		{"a busy one: 7 and 6 times 3.875", []int{0, 13}, day, 1, true, 31},
		{"two as expected: 5 and 6 times 1.40625", []int{0, 5, 5}, day, 1, true, 14},
		{"taps of half an hour are one session", []int{0, 5}, 30 * time.Minute, 1, true, 20},
		{"a longer gap begins another", []int{0, 5}, 30*time.Minute + time.Millisecond, 1, true, 17},
		{"the rules may ask for more", []int{0, 5}, day, 40, true, 40},
		{"without learning the rules' number holds", []int{0, 5}, day, 3, false, 3},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newSubscriber()
			s.tell(steps{bind("alice"), popup(0)})
			s.Ledgers["T"] = &permit.Ledger{}
			for i, n := range c.absences {
				at := time.Duration(i) * c.gap
				s.tell(steps{later(at), each(n, func(j int) move { return asks(card.ID(fmt.Sprint(i, j)), newAbsence) }), popup(at)})
				s.spendAll()
			}
			s.Ledgers["T"].Balance = 1
			s.Ledgers["T"].Opening = 1
			want := fmt.Sprintf("kept, %d of 1", c.want)
			if got := s.tell(steps{asks("digest", digest(c.keep, c.learn))}); got != want {
				t.Errorf("%s; want %s", got, want)
			}
		})
	}
}

// spendAll leaves no permit, so that the next absences find none.
func (s *subscriber) spendAll() {
	l := s.Ledgers["T"]
	l.Balance, l.Opening, l.Entries = 0, 0, nil
}

// An absence is counted once, for its first card, whether or not there is a permit.
func TestAbsencesAreCountedOnce(t *testing.T) {
	for _, c := range []struct {
		rule  string
		steps steps
		want  int
	}{
		{"with a permit", steps{popup(0), asks("c", newAbsence)}, 1},
		{"with a permit, asked again", steps{popup(0), asks("c", newAbsence), asks("c", newAbsence)}, 1},
		{"without one", steps{asks("c", newAbsence)}, 1},
		{"without one, asked again", steps{asks("c", newAbsence), asks("c", newAbsence)}, 1},
		{"two absences", steps{asks("c", newAbsence), asks("d", newAbsence)}, 2},
		{"a later card of the same absence", steps{asks("c", newAbsence), asks("d")}, 1},
		{"a card that is put off asks again", steps{popup(0), asks("c", newAbsence, digest(5, false))}, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newSubscriber()
			s.tell(append(steps{bind("alice")}, c.steps...))
			if got := s.Ledgers["T"].Account().Wanted; got != c.want {
				t.Errorf("%d absences; want %d", got, c.want)
			}
		})
	}
}

// A record is kept for as long as it may be of use.
func TestHowLongARecordIsKept(t *testing.T) {
	for _, c := range []struct {
		rule  string
		steps steps
		want  time.Duration
	}{
		{"of a user for ever", steps{bind("alice")}, 0},
		{"of somebody who never logs in a month", steps{popup(0)}, 30 * day},
		{"of somebody who has gone a month", steps{bind("alice"), popup(0), unbind("alice")}, 30 * day},
		{"of somebody of whom only a revoke is known a day", steps{switchedOff(0)}, day},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newSubscriber()
			s.tell(c.steps)
			if got := s.KeptFor(); got != c.want {
				t.Errorf("%v; want %v", got, c.want)
			}
		})
	}
}

// Reports of the mini program bring no balance above 100. WeChat's events do.
func TestPermitsByReportAreBounded(t *testing.T) {
	var s permit.Subscriber
	grant := func(i int, source fact.GrantSource) {
		tap := testkit.Future.Add(time.Duration(i) * time.Hour)
		s.Grant(fact.Grant{Source: source, At: tap, Templates: []fact.TemplateID{"T"}}, tap)
	}
	for i := range 102 {
		grant(i, fact.GrantReport)
	}
	if got := s.Ledgers["T"].Balance; got != 100 {
		t.Errorf("%d permits by report, want 100", got)
	}
	if grant(200, fact.GrantPopup); s.Ledgers["T"].Balance != 101 {
		t.Errorf("%d permits with one by event, want 101", s.Ledgers["T"].Balance)
	}
}
