package store_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

// FuzzRecord: any facts that a receiver may spill are recorded or refused as a whole;
// recording them again changes nothing; and whatever they left can be read by deliver: no
// document is skipped, no timeline, ledger or spread is broken.
func FuzzRecord(f *testing.F) {
	for _, s := range spilled {
		f.Add([]byte(s))
	}
	mini := miniredis.NewMiniRedis()
	if err := mini.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(mini.Close)
	now := time.Unix(1795305600, 0).UTC()
	clock := func() time.Time { return now }
	s, err := store.Open(store.Config{URL: secret.New("redis://" + mini.Addr()), Shards: 1, Now: clock, ServerTime: clock})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, b []byte) {
		var facts []fact.Fact
		if json.Unmarshal(b, &facts) != nil || len(facts) > 8 {
			return
		}
		mini.FlushAll()
		now = time.Unix(1795305600, 0).UTC()
		ctx := t.Context()
		users := concerned(facts)
		for _, u := range users {
			if err := s.Bind(ctx, u, fact.OpenID("o"+string(u))); err != nil {
				t.Fatal(err)
			}
		}
		rules := notify.DefaultRules()
		rules.Lead, rules.MissedCalls = 0, true
		if _, err := s.Record(ctx, rules, facts); err != nil {
			if strings.Contains(string(b), "PRIVATE") && strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("the text is in the error: %v", err)
			}
			t.Fatalf("not recorded: %v", err)
		}
		dump := func() string { return notBound.ReplaceAllString(mini.Dump(), "") }
		before := dump()
		if _, err := s.Record(ctx, rules, facts); err != nil {
			t.Fatalf("not recorded again: %v", err)
		}
		if after := dump(); before != after && idempotent(facts) {
			t.Errorf("recording it again changed\n%s\nto\n%s", before, after)
		}
		for range 3 {
			now = now.Add(10 * time.Minute)
			batch, err := s.Claim(ctx, 100)
			if err != nil || batch.Skipped != nil {
				t.Fatalf("claim: %v, skipped: %v", err, batch.Skipped)
			}
			if _, err := s.FanOuts(ctx, 10); err != nil {
				t.Fatalf("spreads: %v", err)
			}
		}
		for _, u := range users {
			if _, err := s.Timeline(ctx, u); err != nil {
				t.Errorf("timeline of %q: %v", u, err)
			}
			accounts, err := store.Accounts(ctx, s, fact.OpenID("o"+string(u)))
			if err != nil {
				t.Errorf("accounts of %q: %v", u, err)
			}
			for id, a := range accounts {
				sum := a.Opening
				for _, e := range a.Entries {
					sum += e.Change
				}
				if sum != a.Balance || a.Balance < 0 || a.Held < 0 {
					t.Errorf("account %q of %q does not add up: %+v", id, u, a)
				}
			}
		}
	})
}

// notBound counts messages for users of whom nothing is kept, so not even that they were
// counted before.
var notBound = regexp.MustCompile(`(?m)^ +not bound: .*$|^ +\d+:end:not bound:: .*$|^- \S+\}:at:\w+\n(?:   .*\n)*`)

// idempotent: of two facts of one list the second may be news to the first's repetition;
// what is told is kept equal only where each thing is said once.
func idempotent(facts []fact.Fact) bool { return len(facts) == 1 }

// concerned returns users that facts may be about, so that they are bound.
func concerned(facts []fact.Fact) (users []fact.UserID) {
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		user := ""
		switch id := v.Interface().(type) {
		case time.Time:
			return
		case fact.UserID:
			user = string(id)
		case fact.OpenID:
			user = strings.TrimPrefix(string(id), "o")
		}
		if u := fact.UserID(user); u != "" && len(users) < 8 && !slices.Contains(users, u) {
			users = append(users, u)
		}
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Struct:
			for _, field := range v.Fields() {
				walk(field)
			}
		}
	}
	walk(reflect.ValueOf(facts))
	return users
}

// spilled are facts as receivers spill them, one of each kind, and odd ones.
var spilled = []string{
	`[{"message":{"id":"1_2_3","from":"bob","to":"alice","sentAt":"2026-11-22T00:00:00Z","seq":7,"summary":"PRIVATE words"}}]`,
	`[{"message":{"id":"a","kind":"shipped","from":"","to":"alice","sentAt":"2026-11-22T00:00:00Z","seq":0,"lasts":3600000000000,"announcement":{"fields":{"summary":"x"},"anyway":true}}}]`,
	`[{"message":{"id":"g#1","kind":"mention","from":"bob","to":"alice","group":"@TGS#1","sentAt":"0001-01-01T00:00:00Z","seq":4294967295}}]`,
	`[{"groupMessage":{"group":"@TGS#1","type":"Public","from":"bob","sentAt":"2026-11-22T00:00:00Z","seq":1,"at":["alice"],"for":"mentions"}}]`,
	`[{"read":{"reader":"alice","peer":"bob","upTo":"2026-11-22T00:00:00Z"}}]`,
	`[{"recall":{"id":"1_2_3","from":"bob","to":"alice"}}]`,
	`[{"groupRecall":{"group":"@TGS#1","seqs":[1,2,4294967295]}}]`,
	`[{"ring":{"call":"c1","source":"signal","caller":"bob","users":["alice"],"at":"2026-11-22T00:00:00Z","for":30000000000}}]`,
	`[{"ringEnd":{"call":"c1","source":"webhook","users":["alice"],"how":"timed_out","at":"2026-11-22T00:00:00Z"}}]`,
	`[{"presence":{"user":"alice","online":true,"at":"2026-11-22T00:00:00.123Z"}}]`,
	`[{"grant":{"id":"g1","openId":"oalice","source":"popup","at":"2026-11-22T00:00:00Z","templates":["T1","T2"]}}]`,
	`[{"revoke":{"id":"r1","openId":"oalice","at":"2026-11-22T00:00:00Z","templates":["T1"]}}]`,
	`[{"sent":{"openId":"oalice","msgId":9007199254740993,"template":"T1","at":"2026-11-22T00:00:00Z","failed":"43101 user refuse"}}]`,
	`[{"erase":{"openId":"oalice"}}]`,
	`[{"grant":{"id":"g1","openId":"oalice","source":"report","at":"9999-12-31T23:59:59Z","templates":null}},{"message":{"id":"x","from":"alice","to":"alice","sentAt":"2026-11-22T00:00:00Z","seq":1}}]`,
	`[{"ring":{"call":"c1","source":"signal","caller":"bob","users":["alice","alice"],"at":"2026-11-22T00:00:00Z","for":-1}},{"ringEnd":{"call":"c1","source":"signal","users":["alice"],"how":"line_busy","at":"2026-11-22T00:00:00Z"}}]`,
	`[{}]`,
}
