package faults_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/trust"
	"wxnotify/trust/erase/scan"
)

// What a full or a read-only server refuses, it refuses before anything is changed: no script
// leaves half of its effect. So whatever is tried while nothing may be written leaves the store
// byte for byte as it was, or has done all of it.
func TestRefusedScriptsLeaveNothing(t *testing.T) {
	for name, refuse := range map[string]func(t *testing.T, s *server){
		"full": func(_ *testing.T, s *server) { s.noMemory() },
		"read-only": func(t *testing.T, s *server) {
			primary := startServer(t)
			keys, err := s.db.Keys(t.Context(), "*").Result()
			testkit.Must(t, err)
			for _, key := range keys {
				value, err := s.db.Dump(t.Context(), key).Result()
				testkit.Must(t, err)
				primary.do("RESTORE", key, 0, value)
			}
			s.follow(primary, primary.Addr)
		},
		"without its replicas": func(_ *testing.T, s *server) { s.do("CONFIG", "SET", "min-replicas-to-write", "1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			w := newRedisSystem(t, s, 4)
			for _, p := range w.people {
				w.write(p, "peer0") // waits
				w.ring(p, "peer1")
			}
			refuse(t, s)
			for op, do := range w.operations() {
				before := s.dump()
				err := do()
				if diff := cmp.Diff(before, s.dump()); err != nil && diff != "" {
					trust.Broken(t, trust.Violated, "%s was refused (%v) and has changed %s", op, err, diff)
				}
				trust.Count(t, trust.Faults, 1)
			}
		})
	}
}

// operations are steps that write, of each kind.
func (w *redisSystem) operations() map[string]func() error {
	p, ctx, rules := w.people[0], w.t.Context(), notify.DefaultRules()
	openID := fact.OpenID(p.OpenID)
	record := func(f fact.Fact) func() error {
		return func() error { _, err := w.look.Record(ctx, rules, []fact.Fact{f}); return err }
	}
	now := w.clock.Now()
	return map[string]func() error{
		"message": record(fact.Fact{Message: &fact.Message{ID: "m", From: "peer0", To: p.id, SentAt: now}}),
		"recall":  record(fact.Fact{Recall: &fact.Recall{ID: fact.MessageID(p.messages[1].key), From: "peer0", To: p.id}}),
		"ring":    record(fact.Fact{Ring: &fact.Ring{Call: "c", Source: fact.CallSignal, Caller: "peer2", Users: []fact.UserID{p.id}, At: now, For: 30e9}}),
		"grant":   record(fact.Fact{Grant: &fact.Grant{ID: "g", OpenID: openID, Source: fact.GrantPopup, At: now, Templates: []fact.TemplateID{messageTemplate}}}),
		"sent":    record(fact.Fact{Sent: &fact.Sent{OpenID: openID, MsgID: 1, Template: messageTemplate, At: now}}),
		"group":   record(fact.Fact{GroupMessage: &fact.GroupMessage{Group: "g", Type: fact.GroupPublic, From: "peer0", SentAt: now, Seq: 1, For: fact.GroupAll}}),
		"claim":   func() error { _, err := w.look.Claim(ctx, 10); return err },
		"reserve": func() error {
			_, err := w.look.Reserve(ctx, permit.Reserve{Card: permit.Card{ID: "card", OpenID: openID, User: p.id, Template: messageTemplate, Messages: []fact.Identity{"m"}},
				PerHour: 10})
			return err
		},
		"settle": func() error {
			_, err := w.look.Settle(ctx, permit.Settle{Card: permit.Card{ID: "card", OpenID: openID, Template: messageTemplate},
				End: permit.End{State: permit.CardDelivered, Permit: permit.Spent}})
			return err
		},
		"trip":        func() error { return w.look.OpenCircuit(ctx, notify.Circuit{Name: notify.CircuitApp, Until: now}) },
		"preferences": func() error { return w.look.SetPreferences(ctx, p.id, notify.Preferences{Muted: true}) },
		"token":       func() error { return w.look.PutToken(ctx, "app", "token", now.Add(1e12)) },
		"limit":       func() error { _, err := w.look.Allow(ctx, "somebody", 1, 1e12); return err },
		"pace":        func() error { _, _, err := w.look.PaceWithin(ctx, "send", 10, 1, 1e9); return err },
	}
}

// dump returns all that the server holds, but for what ends by itself.
func (s *server) dump() map[string]string {
	s.t.Helper()
	all, err := scan.All(s.t.Context(), s.db)
	testkit.Must(s.t, err)
	out := map[string]string{}
	for _, e := range all {
		if !strings.HasSuffix(e.Key, "}:watch") {
			out[e.Key+" "+e.Field] = e.Value
		}
	}
	return out
}
