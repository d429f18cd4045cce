package store

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
)

// FuzzDecodeLetter: what the store may hold for a dead letter is refused, or read with one
// message for each notice and each sender once; and what is written reads back.
func FuzzDecodeLetter(f *testing.F) {
	f.Add("alice", `{"id":"L","o":"oAlice","c":"card","k":"message","tm":"T","at":1795305600000,"cl":"unlisted","ca":"errcode 1","n":[{"i":"m1","p":"bob"},{"i":"m2","p":"bob"}]}`)
	f.Add("alice", `{"at":1.7953056e+12,"n":{}}`)
	f.Add("", `{"at":1e300,"n":[{}]}`)
	f.Fuzz(func(t *testing.T, user, doc string) {
		d, err := decodeLetter(notify.UserID(user), doc)
		if err != nil {
			if !reflect.DeepEqual(d, notify.DeadLetter{}) {
				t.Errorf("an error and a letter: %+v", d)
			}
			return
		}
		seen := map[notify.UserID]bool{}
		for _, from := range d.From {
			if from == "" || seen[from] {
				t.Errorf("from %q", d.From)
			}
			seen[from] = true
		}
		if string(d.User) != user || d.At.Location() != time.UTC || len(d.From) > len(d.Messages) {
			t.Errorf("%+v", d)
		}
		kept, err := json.Marshal(letterOf(d))
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeLetter(d.User, string(kept))
		d.Messages, d.From = nil, nil // the script adds the notices
		if d.At.IsZero() {
			d.At = again.At
		}
		if diff := cmp.Diff(d, again); err != nil || diff != "" && exact(d.At) {
			t.Errorf("%v (-was +is)\n%s", err, diff)
		}
	})
}

// exact: times beyond 2^53 ms are none that a clock tells.
func exact(at time.Time) bool { return at.UnixMilli() < 1<<53 && at.UnixMilli() > -1<<53 }

// FuzzDecodeCircuits: one that cannot be read does not hide the others.
func FuzzDecodeCircuits(f *testing.F) {
	f.Add("app", `{"u":1795305600000,"d":"errcode 40164"}`, "template:T1", `{"u":1.7953056e12}`)
	f.Add("app", `{"u":"x"}`, "", `[]`)
	f.Fuzz(func(t *testing.T, a, docA, b, docB string) {
		fields := map[string]string{a: docA, b: docB}
		circuits, err := decodeCircuits(fields)
		readable := 0
		for name, doc := range fields {
			_, alone := decodeCircuits(map[string]string{name: doc})
			if alone == nil {
				readable++
			}
		}
		if len(circuits) != readable || (err == nil) != (readable == len(fields)) {
			t.Errorf("%d circuits of %d that can be read: %v", len(circuits), readable, err)
		}
		for _, c := range circuits {
			if _, ok := fields[c.Name]; !ok || c.Until.Location() != time.UTC {
				t.Errorf("%+v", c)
			}
		}
	})
}

// FuzzDecodeSpread: what Spreads hands out is a group's message that reads back as it was
// kept.
func FuzzDecodeSpread(f *testing.F) {
	m, err := json.Marshal(notify.GroupMessage{Group: "@TGS#1", Type: notify.GroupPublic, From: "bob", SentAt: time.Unix(1795305600, 0).UTC(), Seq: 4294967295,
		At: []notify.UserID{"alice"}, For: notify.GroupMentions, Summary: "a\"b\\"})
	if err != nil {
		f.Fatal(err)
	}
	doc, err := json.Marshal(spreadDocument{Message: string(m), Page: "100 200", Handed: 2, Lease: "L"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add([]byte(`{"m":"{\"sentAt\":\"9999-12-31T23:59:60Z\"}"}`))
	f.Add([]byte(`{"m":""}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := decodeSpread(doc)
		if err != nil {
			return
		}
		text, err := asText{s.Message}.MarshalText()
		if err != nil {
			t.Fatalf("%+v was read, and cannot be kept: %v", s.Message, err)
		}
		kept, err := json.Marshal(spreadDocument{Message: string(text), Page: s.Page, Handed: s.Attempts + 1, Lease: s.Lease})
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeSpread(kept)
		if len(s.Message.At) == 0 {
			s.Message.At = nil
		}
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Errorf("%v (-was +is)\n%s", err, diff)
		}
	})
}

// FuzzEntry: an entry of a ledger is read whatever it holds; nothing is made up.
func FuzzEntry(f *testing.F) {
	for _, s := range []string{`[1795305600000,"popup",1]`, `[1.8e12,"reserve",-1,1]`, `[]`, `[null,{},"x"]`, `["1","popup",1e300]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e entry
		if json.Unmarshal(b, &e) != nil {
			return
		}
		got := e.entry()
		if len(e) < 3 && got != (notify.AccountEntry{}) {
			t.Errorf("%s is %+v", b, got)
		}
		if len(e) >= 3 && (got.Paired != (len(e) > 3) || got.At.Location() != time.UTC) {
			t.Errorf("%s is %+v", b, got)
		}
	})
}
