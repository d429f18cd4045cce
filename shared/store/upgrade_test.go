package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// A dumpOfStore is a store as another version left it: alice in every kind of record, a group's message
// on its way, an open circuit and a token; and what that version said of it.
type dumpOfStore struct {
	Now  int64 // ms
	Keys map[string]struct {
		Type string
		TTL  int64 // ms
		Text []byte
		Hash map[string]string
		List []string
		Set  []string
		ZSet map[string]float64
	}
	Timeline []string
	Counts   map[fact.State]int64
	Balance  int
}

func (d *dumpOfStore) load(b *bench) {
	ctx, raw := b.Context(), b.Raw
	for key, k := range d.Keys {
		var err error
		switch k.Type {
		case "string":
			err = raw.Set(ctx, key, k.Text, 0).Err()
		case "hash":
			err = raw.HSet(ctx, key, k.Hash).Err()
		case "list":
			err = raw.RPush(ctx, key, k.List).Err()
		case "set":
			err = raw.SAdd(ctx, key, k.Set).Err()
		case "zset":
			for member, score := range k.ZSet {
				err = raw.ZAdd(ctx, key, redis.Z{Member: member, Score: score}).Err()
			}
		default:
			b.Fatalf("%s is a %s", key, k.Type)
		}
		b.must(err)
		if k.TTL > 0 {
			b.must(raw.PExpire(ctx, key, time.Duration(k.TTL)*time.Millisecond).Err())
		}
	}
	b.Advance(time.UnixMilli(d.Now).Sub(b.Now()))
}

// What the version before has stored is taken over: it reads the same, it goes on, and nothing of it is
// missed by an erasure.
func TestUpgrade(t *testing.T) {
	var d dumpOfStore
	if err := json.Unmarshal(must(os.ReadFile("testdata/schema2.json"))(t), &d); err != nil {
		t.Fatal(err)
	}
	b := onServer(t)
	d.load(b)
	var timeline []string
	for _, s := range b.timeline(alice) {
		line := []string{s.At.Format(time.RFC3339Nano), string(s.Kind), string(s.Card), string(s.State), string(s.Reason), s.Detail}
		for _, m := range s.Messages {
			line = append(line, string(m))
		}
		timeline = append(timeline, strings.Join(line, "|"))
	}
	equal(b, "timeline", timeline, d.Timeline)
	equal(b, "counts", b.counts(), d.Counts)
	equal(b, "permits", b.balance(tmpl), d.Balance)
	equal(b, "schema", b.Raw.HGet(b.Context(), store.DefaultPrefix+"{0}:id", "schema").Val(), "3")
	equal(b, "letters", len(b.letters(10)), 1)
	equal(b, "messages of groups", len(b.spreads()), 1)
	b.token("a token", false)
	b.circuits(b.circuit(notify.CircuitApp, time.Hour, "errcode 40164"))
	b.checkConsistency()

	b.record(b.message("new"))
	steps := b.timeline(alice)
	equal(b, "the last step", steps[len(steps)-1].Kind, notify.StepAccepted)
	equal(b, "cards that WeChat has reported, or not", len(must(b.Store.Reconcile(b.Context(), 10))(b)), 2)
	b.Advance(permit.Lease)
	var due []string
	for _, rec := range b.claim().Recipients {
		due = append(due, fmt.Sprintf("%s %v %v", rec.Queue, idsOf(rec), rec.Open != nil))
	}
	equal(b, "due", due, []string{"calls [ringing] false", "messages [m1 m2 new] true"})
	b.checkConsistency()
	b.must(b.Store.EraseUser(b.Context(), alice))
	b.nothingNames(string(alice), string(aliceOpenID))
}
