package deliver_test

import (
	"hash/fnv"
	"testing"
	"time"

	"wxnotify/shared/fact"
)

// Who is handed out first, and which group messages, does not depend on the shard.
func TestShardsInTurn(t *testing.T) {
	t.Parallel()
	s := newSystem(t) // of two shards
	s.tell(s.away(32, 1)...)
	for seq := range uint32(30) {
		s.accept(fact.Fact{GroupMessage: &fact.GroupMessage{Group: "g1", Seq: seq, From: "anna", Type: fact.GroupPublic, AtAll: true, SentAt: s.clock.Now()}})
	}
	s.clock.Advance(10 * time.Second)
	all, err := s.store.Claim(t.Context(), 1000)
	if err != nil || len(all.Recipients) != 32 {
		t.Fatalf("%d recipients, %v", len(all.Recipients), err)
	}
	of := [2]int{}
	for _, rec := range all.Recipients[:8] {
		h := fnv.New32a() // as the store parts users
		h.Write([]byte(rec.User))
		of[h.Sum32()%2]++
	}
	if of[0] < 3 || of[1] < 3 {
		t.Errorf("the first 8 recipients are %v of the two shards", of)
	}
	if spreads, err := s.store.FanOuts(t.Context(), 20); err != nil || len(spreads) < 20 {
		t.Errorf("%d messages of one group handed out, %v; want 20", len(spreads), err)
	}
}
