package store_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

var markRules = []rule{
	{"a repeated message is known a day later", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.rules.TTL = 7 * 24 * time.Hour
		b.record(m)
		rec := b.after(b.rules.Lead)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: b.final(notify.StateDelivered, "m1")})
		b.Advance(24*time.Hour - b.rules.Lead)
		b.record(m)
		b.Advance(time.Hour)
		b.nothingDue()
		b.ended("m1", notify.StateDelivered, notify.ReasonNone)
	}},
	{"instances may disagree on the day", func(b *bench) {
		ahead := b.Open(func() time.Time { return b.Now().Add(time.Hour) })
		b.bind()
		m := b.message("m1")
		_, err := ahead.Record(b.Context(), b.rules, factsOf([]any{m}))
		b.must(err)
		b.unchanged(func() { b.record(m) })

		m2 := b.message("m2")
		b.record(m2)
		b.unchanged(func() {
			_, err := ahead.Record(b.Context(), b.rules, factsOf([]any{m2}))
			b.must(err)
		})
	}},
	{"callbacks of a message in any order end it once", func(b *bench) {
		b.bind()
		behind := b.Open(func() time.Time { return b.Now().Add(-2 * time.Hour) })
		r := rand.New(rand.NewPCG(1, 2))
		want := map[notify.State]int64{}
		waiting := 0
		for i := range 25 {
			m := b.message(notify.MessageID(fmt.Sprint("m", i)))
			state := fate("")
			for range 1 + r.IntN(6) {
				fact, next := state.step(m, r.IntN(4))
				to := []*store.Store{b.Store, behind}[r.IntN(2)]
				_, err := to.Record(b.Context(), b.rules, factsOf([]any{fact}))
				b.must(err)
				state = next
				b.Advance(time.Duration(r.IntN(3600)) * time.Millisecond)
			}
			switch state {
			case "waits":
				waiting++
			case "", "recalled first":
			default:
				want[notify.State(state)]++
				b.ended(m.ID, notify.State(state), notify.ReasonNone)
			}
		}
		b.counted(want)
		b.Advance(time.Hour)
		got := 0
		for _, rec := range b.claim().Recipients {
			got += len(rec.Notices)
		}
		equal(b, "waiting", got, waiting)
	}},
}

// fate is a message's way through its callbacks: "", "waits", "recalled first" or a
// final state.
type fate string

// step returns the callback of m that n stands for, and the message's fate after it.
func (f fate) step(m notify.Message, n int) (fact any, next fate) {
	open := f == "" || f == "waits" || f == "recalled first"
	switch n {
	case 0:
		switch f {
		case "":
			f = "waits"
		case "waits":
		case "recalled first":
			f = fate(notify.StateRecalled)
		}
		return m, f
	case 1:
		if m.FailedCode = 20012; open {
			f = fate(notify.StateFailedIM)
		}
		return m, f
	}
	switch f {
	case "":
		f = "recalled first"
	case "waits":
		f = fate(notify.StateRecalled)
	}
	return notify.Recall{ID: m.ID, From: m.From, To: m.To}, f
}
