package store_test

import (
	"strings"
	"testing"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store/redistest"
)

// A message of a group takes two round trips and three scripts, and a look more for senders who
// wrote it themselves and so have read the group. They do as much for the first message of a group as
// for one that many wait before.
func TestGroupMessageCosts(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	h := emptied(t, addr)
	var hook trips
	h.Store.AddHook(hook.hook)
	record := func(from, to uint32, byREST bool) error {
		var facts []fact.Fact
		for seq := from; seq < to; seq++ {
			facts = append(facts, fact.Fact{GroupMessage: &fact.GroupMessage{Group: "team", Type: fact.GroupPublic,
				From: "bob", SentAt: h.Now(), Seq: seq, AtAll: true, ByREST: byREST, For: fact.GroupAll}})
		}
		_, err := h.Store.Record(t.Context(), notify.DefaultRules(), facts)
		return err
	}
	if err := record(1, 2, false); err != nil { // the server learns the scripts
		t.Fatal(err)
	}
	if err := h.Raw.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}

	// commands returns how many commands the scripts of a message run.
	commands := func(seq uint32, byREST bool, wantScripts int) (n int) {
		m := startMonitor(t, addr)
		if got := hook.during(t, func() error { return record(seq, seq+1, byREST) }); got != 2 {
			t.Errorf("message %d takes %d round trips, want 2", seq, got)
		}
		scripts := 0
		for _, c := range m.commands(t) {
			switch {
			case c.byScript:
				n++
			case strings.HasPrefix(strings.ToLower(c.args[0]), "eval"):
				scripts++
			}
		}
		if scripts != wantScripts {
			t.Errorf("message %d takes %d scripts, want %d", seq, scripts, wantScripts)
		}
		return n
	}
	first, firstOwn := commands(1, true, 3), commands(2, false, 4)
	if err := record(3, 2000, true); err != nil {
		t.Fatal(err)
	}
	last, lastOwn := commands(2000, true, 3), commands(2001, false, 4)
	// One more command may set the watch, as the very first surely does.
	if last == 0 || last > first || lastOwn > firstOwn+1 {
		t.Errorf("messages 2000 and 2001 take %d and %d commands, the first took %d and %d", last, lastOwn, first, firstOwn)
	}
}
