package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"wxnotify/shared/notify"
)

func (b *bench) timeline(user notify.UserID) []notify.Step {
	b.Helper()
	steps, err := b.Store.Timeline(b.Context(), user)
	b.must(err)
	return steps
}

// ended wants the message of alice to have ended exactly once, like this.
func (b *bench) ended(id notify.MessageID, state notify.State, why notify.Reason) {
	b.Helper()
	b.endedOf(alice, id, state, why)
}

// endedOf is ended for a message to user.
func (b *bench) endedOf(user notify.UserID, id notify.MessageID, state notify.State, why notify.Reason) {
	b.Helper()
	var got []string
	for _, s := range b.timeline(user) {
		if s.Kind == notify.StepFinal && slices.Contains(s.Messages, id) {
			got = append(got, fmt.Sprintf("%s (%s)", s.State, s.Reason))
		}
	}
	equal(b, fmt.Sprintf("final states of %s", id), got, []string{fmt.Sprintf("%s (%s)", state, why)})
}

// counts returns how many messages ended how.
func (b *bench) counts() map[notify.State]int64 {
	b.Helper()
	got, err := b.Store.Counts(b.Context())
	b.must(err)
	return got
}

func (b *bench) counted(want map[notify.State]int64) {
	b.Helper()
	equal(b, "counts", b.counts(), want)
}

// dump returns everything in the store, as "key", "key field" or "key member" to
// value. JSON is in one form, whoever wrote it.
func (b *bench) dump() map[string]string {
	b.Helper()
	ctx, out := b.Context(), map[string]string{}
	keys, err := b.Raw.Keys(ctx, "*").Result()
	b.must(err)
	for _, key := range keys {
		kind, err := b.Raw.Type(ctx, key).Result()
		b.must(err)
		switch kind {
		case "string":
			out[key], err = b.Raw.Get(ctx, key).Result()
		case "hash":
			var m map[string]string
			m, err = b.Raw.HGetAll(ctx, key).Result()
			for field, v := range m {
				out[key+" "+field] = v
			}
		case "list":
			var l []string
			l, err = b.Raw.LRange(ctx, key, 0, -1).Result()
			for i, v := range l {
				out[fmt.Sprint(key, " ", i)] = v
			}
		case "zset":
			z, zerr := b.Raw.ZRangeWithScores(ctx, key, 0, -1).Result()
			err = zerr
			for _, m := range z {
				out[fmt.Sprint(key, " ", m.Member)] = fmt.Sprintf("%.0f", m.Score)
			}
		default:
			b.Fatalf("key %s is a %s", key, kind)
		}
		b.must(err)
	}
	for key, value := range out {
		var v any
		if json.Unmarshal([]byte(value), &v) == nil && strings.HasPrefix(value, "{") {
			canonical, err := json.Marshal(v)
			b.must(err)
			out[key] = string(canonical)
		}
	}
	return out
}

// unchanged wants do to leave everything in the store as it is, but for the watch of
// a run, which any look renews.
func (b *bench) unchanged(do func()) {
	b.Helper()
	before := b.dumpWithoutWatch()
	do()
	equal(b, "what changed", b.dumpWithoutWatch(), before)
}

func (b *bench) dumpWithoutWatch() map[string]string {
	b.Helper()
	d := b.dump()
	for key := range d {
		if strings.HasSuffix(key, ":watch") {
			delete(d, key)
		}
	}
	return d
}

// nothingNames wants no key and no value to contain any of names.
func (b *bench) nothingNames(names ...string) {
	b.Helper()
	for key, value := range b.dump() {
		for _, name := range names {
			if strings.Contains(key, name) || strings.Contains(value, name) {
				b.Errorf("%s is still named: %s = %s", name, key, value)
			}
		}
	}
}

// checkConsistency wants what holds at any time: who is in a queue has something
// that waits for him, and the other way round; every ledger adds up.
func (b *bench) checkConsistency() {
	b.Helper()
	if b.Failed() {
		return
	}
	dump := b.dump()
	for key, value := range dump {
		name, member, _ := strings.Cut(key, " ")
		switch _, kind, _ := strings.Cut(name, "}:"); {
		case kind == "q":
			if _, ok := dump[strings.TrimSuffix(name, "q")+"w "+member]; !ok {
				b.Errorf("%s is queued and nothing waits for him", member)
			}
		case kind == "w":
			if _, ok := dump[strings.TrimSuffix(name, "w")+"q "+member]; !ok {
				b.Errorf("%s is not queued and this waits for him: %s", member, value)
			}
		case strings.HasPrefix(kind, "s:"):
			for template, l := range b.ledgersIn(value) {
				l.check(b, template)
			}
		}
	}
}

// ledger is the account of one template's permits as it is stored.
type ledger struct {
	Balance int     `json:"b"`
	Held    int     `json:"h"`
	Opening int     `json:"o"`
	Events  [][]any `json:"e"` // ms, kind, change, 1 if paired
}

func (b *bench) ledgersIn(document string) map[notify.TemplateID]ledger {
	b.Helper()
	var sub struct {
		Ledgers map[notify.TemplateID]ledger `json:"l"`
	}
	b.must(json.Unmarshal([]byte(document), &sub))
	return sub.Ledgers
}

func (l ledger) check(b *bench, template notify.TemplateID) {
	b.Helper()
	sum := l.Opening
	for _, e := range l.Events {
		sum += int(e[2].(float64))
	}
	if sum != l.Balance || l.Balance < 0 || l.Held < 0 || len(l.Events) > 20 {
		b.Errorf("the ledger of %s does not add up to %d: %+v", template, sum, l)
	}
}

// ledger returns the stored account of aliceOpenID.
func (b *bench) ledger(template notify.TemplateID) ledger {
	b.Helper()
	for key, value := range b.dump() {
		if strings.HasSuffix(key, ":s:"+string(aliceOpenID)) {
			return b.ledgersIn(value)[template]
		}
	}
	return ledger{}
}
