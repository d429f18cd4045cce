package store_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// circuit is one that is open for d.
func (b *bench) circuit(name string, d time.Duration, detail string) notify.Circuit {
	return notify.Circuit{Name: name, Until: b.Now().Add(d).Truncate(time.Millisecond), Detail: detail}
}

func (b *bench) trip(c notify.Circuit) {
	b.Helper()
	b.must(b.Store.OpenCircuit(b.Context(), c))
}

// probe wants Probe to answer with want.
func (b *bench) probe(name string, want bool) {
	b.Helper()
	equal(b, "probe of "+name, must(b.Store.TryCircuit(b.Context(), name, time.Minute))(b), want)
}

// claimFromAll claims from all shards, whether or not something is due there.
func (b *bench) claimFromAll() notify.Batch {
	b.Helper()
	for _, key := range b.keys() {
		if strings.HasSuffix(key, "}:soon") {
			b.must(b.Raw.Del(b.Context(), key).Err())
		}
	}
	return b.claim()
}

// circuits wants a claim to tell of exactly these, ordered by name.
func (b *bench) circuits(want ...notify.Circuit) {
	b.Helper()
	equal(b, "circuits", b.claimFromAll().Circuits, want)
}

// gone wants the row of unknown openids to have length want after openID.
func (b *bench) gone(openID fact.OpenID, want int) {
	b.Helper()
	equal(b, "in a row", must(b.Store.CountUnknownOpenID(b.Context(), openID))(b), want)
}

var circuitRules = []rule{
	{"a claim of what is due tells of all circuits", func(b *bench) {
		b.circuits()
		app, quota := b.circuit(notify.CircuitApp, time.Minute, "operator 40013 \"é\""), b.circuit(notify.CircuitQuota, time.Hour, "")
		b.trip(quota)
		b.trip(app)
		b.circuits(app, quota)
		b.Advance(2 * time.Hour) // they were open and have not been tried
		b.circuits(app, quota)
	}},
	{"a circuit is kept open for longer, never for shorter", func(b *bench) {
		long := b.circuit(string(tmpl), time.Hour, "long")
		b.trip(long)
		b.unchanged(func() { b.trip(b.circuit(string(tmpl), time.Minute, "short")) })
		longer := b.circuit(string(tmpl), 2*time.Hour, "longer")
		b.trip(longer)
		b.circuits(longer)
	}},
	{"a circuit is tried by one at a time", func(b *bench) {
		b.trip(b.circuit(string(tmpl), time.Hour, "why"))
		b.trip(b.circuit(string(tmpl2), time.Hour, "why"))
		b.Advance(time.Hour - time.Millisecond)
		b.unchanged(func() { b.probe(string(tmpl), false) })
		b.Advance(time.Millisecond)
		got := b.concurrently(200, func(ctx context.Context, _ int) (bool, error) {
			return b.Store.TryCircuit(ctx, string(tmpl), time.Minute)
		})
		equal(b, "who try", got, 1)
		b.circuits(b.circuit(string(tmpl2), 0, "why"), b.circuit(string(tmpl), time.Minute, "why"))
		b.Advance(time.Minute - time.Millisecond)
		b.probe(string(tmpl), false)
		b.Advance(time.Millisecond)
		b.probe(string(tmpl), true)
		b.probe(string(tmpl), false)
	}},
	{"a circuit that is closed is tried by nobody", func(b *bench) {
		b.unchanged(func() { b.probe(string(tmpl), false) })
		other := b.circuit(string(tmpl2), time.Hour, "why")
		b.trip(b.circuit(string(tmpl), time.Hour, "why"))
		b.trip(other)
		b.must(b.Store.CloseCircuit(b.Context(), string(tmpl)))
		b.circuits(other)
		b.unchanged(func() { b.must(b.Store.CloseCircuit(b.Context(), string(tmpl))) })
		b.Advance(time.Hour)
		b.unchanged(func() { b.probe(string(tmpl), false) })
		again := b.circuit(string(tmpl), time.Second, "again")
		b.trip(again)
		b.circuits(other, again)
	}},
	{"a circuit that cannot be read hides no other, and is mended when it is tried or opened", func(b *bench) {
		other := b.circuit(string(tmpl), time.Hour, "why")
		b.trip(other)
		key := b.key("")
		for _, damage := range []string{"{", "7", `{"u":"x"}`} {
			b.must(b.Raw.HSet(b.Context(), key, notify.CircuitApp, damage).Err())
			batch := b.claimFromAll()
			equal(b, "circuits", batch.Circuits, []notify.Circuit{other})
			equal(b, damage+" is told", batch.Skipped != nil, true)
			b.probe(notify.CircuitApp, true)
			b.circuits(b.circuit(notify.CircuitApp, time.Minute, ""), other)

			b.must(b.Raw.HSet(b.Context(), key, notify.CircuitApp, damage).Err())
			b.trip(b.circuit(notify.CircuitApp, time.Second, "again"))
			b.circuits(b.circuit(notify.CircuitApp, time.Second, "again"), other)
		}
	}},
	{"different unknown openids are counted until the row ends", func(b *bench) {
		equal(b, "in a row", b.claimFromAll().UnknownInARow, 0)
		b.gone(aliceOpenID, 1)
		b.gone(otherOpenID, 2)
		b.gone(aliceOpenID, 2)
		b.gone(carolOpenID, 3)
		equal(b, "in a row", b.claimFromAll().UnknownInARow, 3)
		b.nothingNames(string(aliceOpenID), string(otherOpenID), string(carolOpenID))
		b.gone("", 0)
		equal(b, "in a row", b.claimFromAll().UnknownInARow, 0)
		b.gone(carolOpenID, 1)
	}},
	{"a row of unknown openids ends a day after the last", func(b *bench) {
		for i := range 2 {
			b.gone(fact.OpenID(fmt.Sprint("openid", i)), i+1)
			b.lives(b.key(""), 23*time.Hour, 24*time.Hour)
			b.Advance(2 * time.Hour)
		}
	}},
}
