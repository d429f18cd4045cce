package store_test

import (
	"math"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// digest makes a reservation one for a digest that leaves keep permits.
func digest(keep int) func(r *notify.Reserve) {
	return func(r *notify.Reserve) { r.Digest, r.Keep = true, keep }
}

// learnt makes a reservation one for a digest that leaves what the store has learnt.
func learnt(r *notify.Reserve) { r.Digest, r.Learn, r.Keep = true, true, 1 }

// absences is a time between two granting sessions in which alice wanted n permits, of
// which she may have had none.
func (b *bench) absences(n int) {
	b.Helper()
	for range n {
		b.Advance(time.Hour)
		b.sends(func(r *notify.Reserve) { r.NewAbsence = true })
	}
	b.Advance(time.Hour)
}

var digestRules = []rule{
	{"a digest leaves as many permits as are kept, and says so", func(b *bench) {
		b.bind()
		b.granted(4)
		equal(b, "first", b.sends(digest(2)), notify.Reserved{Status: notify.ReserveOK, Left: 3, Keep: 2})
		equal(b, "second", b.sends(digest(2)), notify.Reserved{Status: notify.ReserveOK, Left: 2, Keep: 2})
		b.unchanged(func() {
			equal(b, "third", b.sends(digest(2)), notify.Reserved{Status: notify.ReserveKept, Left: 2, Keep: 2})
		})
		equal(b, "one that keeps less", b.sends(digest(1)).Status, notify.ReserveOK)
		b.owns(tmpl, 1, 0)
	}},
	{"a digest that keeps nothing takes the last permit", func(b *bench) {
		b.bind()
		b.granted(1)
		equal(b, "reserved", b.sends(digest(0)), notify.Reserved{Status: notify.ReserveOK})
	}},
	{"a first card takes what is kept from digests", func(b *bench) {
		b.bind()
		b.granted(2)
		first := func(r *notify.Reserve) { r.Keep, r.Learn = 5, true }
		equal(b, "first", b.sends(first), notify.Reserved{Status: notify.ReserveOK, Left: 1})
		equal(b, "second", b.sends(first), notify.Reserved{Status: notify.ReserveOK})
		equal(b, "third", b.sends(first), notify.Reserved{Status: notify.ReserveNoPermit})
	}},
	{"without a permit a digest is not kept back but has none", func(b *bench) {
		b.bind()
		equal(b, "reserved", b.sends(digest(1)), notify.Reserved{Status: notify.ReserveNoPermit, Keep: 1})
	}},
	{"what is held is not left", func(b *bench) {
		b.bind()
		b.granted(3)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardUnknown, notify.PermitHeld, "")
		equal(b, "reserved", b.sends(digest(2)), notify.Reserved{Status: notify.ReserveKept, Left: 2, Keep: 2})
	}},
	{"of a subscriber who has granted once only, some permits are kept", func(b *bench) {
		b.bind()
		b.granted(1)
		b.absences(1)
		equal(b, "wanted", b.account(tmpl).Wanted, 1)
		b.grant(tmpl2)
		b.grant(tmpl2)
		got := b.sends(func(r *notify.Reserve) { learnt(r); r.Template = tmpl2 })
		if got.Status != notify.ReserveKept || got.Left != 2 || got.Keep < 2 {
			b.Errorf("got %+v, want both of two permits kept", got)
		}
	}},
	{"how many absences a subscriber has between two granting sessions is learnt", func(b *bench) {
		b.bind()
		b.granted(50)
		mean := 5.0 // what is taken before there is a history
		for _, n := range []int{4, 0, 7, 7, 1} {
			b.absences(n)
			equal(b, "wanted", b.account(tmpl).Wanted, n)
			b.grant(tmpl)
			mean += (float64(n) - mean) / 4
			a := b.account(tmpl)
			if math.Abs(a.Expected-mean) > 1e-9 || a.Wanted != 0 {
				b.Fatalf("after %d absences %v are expected and %d wanted, want %v and none", n, a.Expected, a.Wanted, mean)
			}
		}
	}},
	{"digests leave what is expected, and more the less that can be relied on", func(b *bench) {
		kept := map[notify.TemplateID]int{}
		b.bind()
		for template, wants := range map[notify.TemplateID][]int{tmpl: {3, 3, 3, 3, 3, 3, 3, 3}, tmpl2: {6, 0, 6, 0, 6, 0, 6, 0}} {
			grant := func() { b.Advance(time.Hour); b.grant(template) }
			grant()
			for _, n := range wants {
				for range n {
					b.sends(func(r *notify.Reserve) { r.NewAbsence, r.Template = true, template })
				}
				grant()
			}
			for range 60 {
				b.grant(template)
			}
			all, err := store.Accounts(b.Context(), b.Store, aliceOpenID)
			b.must(err)
			got := b.sends(func(r *notify.Reserve) { learnt(r); r.Template = template })
			kept[template] = got.Keep
			if expected := all[template].Expected; got.Status != notify.ReserveOK || float64(got.Keep) < expected {
				b.Errorf("%+v where %v are expected", got, expected)
			}
		}
		if kept[tmpl] > 12 || kept[tmpl2] <= kept[tmpl] {
			b.Errorf("%d are kept of one who always has 3 absences, %d of one who has 6 or none", kept[tmpl], kept[tmpl2])
		}
	}},
	{"more is kept than is learnt if the rules say so", func(b *bench) {
		b.bind()
		b.granted(40)
		b.absences(1)
		b.grant(tmpl)
		got := b.sends(func(r *notify.Reserve) { r.Digest, r.Learn, r.Keep = true, true, 31 })
		equal(b, "reserved", got, notify.Reserved{Status: notify.ReserveOK, Left: 39, Keep: 31})
	}},
	{"taps within half an hour of one another are one session", func(b *bench) {
		b.bind()
		b.granted(3)
		b.absences(2)
		for range 4 {
			b.grant(tmpl)
			b.Advance(30 * time.Minute)
		}
		equal(b, "expected", b.account(tmpl).Expected, 4.25) // of 5, to begin with, and 2
		b.Advance(time.Millisecond)
		b.grant(tmpl)
		equal(b, "expected after another", b.account(tmpl).Expected, 4.25*3/4)
	}},
	{"a grant that is heard of late is no new session", func(b *bench) {
		b.bind()
		b.granted(1)
		tap := b.Now()
		b.absences(2)
		b.record(b.popup(tap.Add(time.Minute)))
		equal(b, "wanted", b.account(tmpl).Wanted, 2)
	}},
	{"an absence counts without a permit, and once however often its card is put off", func(b *bench) {
		b.bind()
		fresh := func(r *notify.Reserve) { r.NewAbsence = true }
		equal(b, "reserved", b.sends(fresh).Status, notify.ReserveNoPermit)
		equal(b, "wanted", b.account(tmpl).Wanted, 1)
		b.granted(5)
		equal(b, "wanted after the first grant", b.account(tmpl).Wanted, 0)

		r := reserveOf("c1")
		r.NewAbsence = true
		b.reserved(r, notify.ReserveOK)
		b.reserved(r, notify.ReserveOK)
		equal(b, "wanted", b.account(tmpl).Wanted, 1)
		equal(b, "busy", b.sends(fresh).Status, notify.ReserveBusy)
		b.settle("c1", notify.CardNotSent, notify.PermitRefunded, "")
		b.Advance(time.Hour)
		equal(b, "in time", b.sends(func(r *notify.Reserve) { r.NewAbsence, r.PerHour = true, 1 }).Status, notify.ReserveOK)
		equal(b, "too many", b.sends(func(r *notify.Reserve) { r.NewAbsence, r.PerHour = true, 1 }).Status, notify.ReserveTooMany)
		equal(b, "wanted", b.account(tmpl).Wanted, 2)
	}},
	{"the ledger of a template learns for itself", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		b.absences(2)
		b.grant(tmpl, tmpl2)
		equal(b, "expected", b.account(tmpl).Expected, 4.25)
		equal(b, "expected of another template", b.account(tmpl2).Expected, 3.75)
	}},
}
