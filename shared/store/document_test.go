package store

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// A mailbox as it is kept: the fields of its hash.
var mailboxes = [][]string{
	{"oAlice", "1 1795305599000", `{"n":2,"k":1,"t":1795305599500,"c":true}`, `{"m":true,"q":"22:30-07:00","p":["bob"]}`,
		`{"n":[{"i":"m1","k":"mention","p":"bob","r":"@TGS#1","t":1795305599,"w":1795305664500,"e":1795391999000,"q":1}],"l":"LEASE","le":1795305660000,"rs":true,"b":65000}`, ""},
	{"oAlice", "0 1795305599000", "", "",
		`{"n":[{"q":4294967295,"t":1795305599,"x":"你好 / \u0000","k":"message","p":"bob","i":"m1","w":1795305664500,"e":1795391999000,"c":"card","g":{"s":"read","r":"read_report"}}],` +
			`"c":{"i":"card","o":"oOld","t":"tmpl"},"td":true,"h":1795305600000,"as":1795305600000,"at":3,"ne":true,"d":1795305600000,"l":"L"}`,
		`{"n":[{"i":"m2","k":"call","h":"00ff","t":0,"f":{"fields":{"summary":"é"},"anyway":true},"g":{"s":"ended","m":true}}]}`},
	{"", "", "", "", `{"n":[{"i":"m1","k":"message","t":-62135596800,"w":1}]}`, ""},
	{"", "x", `{}`, `7`, `{"n":[]}`, `{"n":{}}`},
	{"o", "1 x", `null`, `[]`, `{"n":[{"t":1}]}`, `{"n":[{"i":"m1","t":1e15}]}`},
}

// What can be read is written as it was, and times are in UTC.
func FuzzMailbox(f *testing.F) {
	for _, m := range mailboxes {
		f.Add(m[0], m[1], m[2], m[3], m[4], m[5])
	}
	f.Fuzz(func(t *testing.T, openID, presence, absence, prefers, messages, calls string) {
		var first, again notify.Mailbox
		if _, err := decodeMailbox(&first, []string{openID, presence, absence, prefers, messages, calls}); err != nil {
			return
		}
		kept := encodeMailbox(&first)
		if bad, err := decodeMailbox(&again, kept); err != nil {
			t.Fatalf("%s of %q: %v", bad, kept, err)
		}
		if diff := cmp.Diff(kept, encodeMailbox(&again)); diff != "" {
			t.Errorf("(-first +again):\n%s", diff)
		}
		for _, n := range append(again.Messages.Notices, again.Calls.Notices...) {
			if n.SentAt.Location() != time.UTC || n.WindowEnd.Location() != time.UTC || n.Expires.Location() != time.UTC {
				t.Errorf("a time is not UTC: %+v", n)
			}
		}
	})
}

// Documents with each field that there is, as the store has them.
const (
	wholeSubscriber = `{"u":"alice","us":1795305600000,"l":{"T":{"b":1,"h":1,"o":0,"e":[[1795305600000,"popup",2,1],[1795305600001,"delivered",-1]],` +
		`"z":1,"gs":2,"ab":3,"ea":4.5,"ed":0.5,"dr":6,"lc":"x","mi":7,"rf":1795305600002,"rn":2}},"a":{"T":"card"},"x":1,"pt":1795309200000,` +
		`"ev":[{"i":"9007199254740993","t":"T","at":1795305600000,"f":"43101","r":1795305600001}]}`
	wholeSending = `{"s":"sending","t":"T","u":"alice","la":"calls","m":["m1"],"lg":1,"at":1795305600000,"le":1795305660000,"ua":120000}`
	wholeUnknown = `{"s":"unknown","t":"T","at":1795305600000,"f":"unknown","d":"unreached","id":"9007199254740993","w":1795305660000,` +
		`"v":1,"q":1,"rp":1,"ra":1,"tell":[["unknown","no_report",""],["delivered","reported","unknown",1]]}`
	wholeLetter = `{"o":"oAlice","c":"card","k":"order","tm":"T","at":1795305600000,"cl":"unlisted","ca":"errcode 1",` +
		`"n":[{"i":"m1","k":"message","p":"bob","t":1795305599},{"i":"m2","k":"order","t":0,"f":{"fields":{"a":"b"}}}]}`
	wholeLog = `{"c1":{"s":"signal","p":"00ff","r":"@TGS#1","at":1795305600000,"rung":true,"end":{"s":"ended","r":"rejected","m":true},"tw":true,"same":"c2"}}`
)

// What is read of a document, and written again, is all that was in it.
func TestDocumentsAreKept(t *testing.T) {
	subscriber := func(doc string) (string, error) {
		sub, err := decodeSubscriber("key", doc)
		if err != nil {
			return "", err
		}
		return encodeSubscriber(&sub, time.Time{})
	}
	card := func(doc string) (string, error) {
		c, err := decodeCard(doc)
		if err != nil {
			return "", err
		}
		return encodeCard(c)
	}
	letter := func(doc string) (string, error) {
		l, err := decodeLetter("alice", "L", doc)
		return encoded(encodeLetter(l)), err
	}
	log := func(doc string) (string, error) {
		var b notify.Mailbox
		err := decodeLog(&b, doc)
		return encoded(encodeLog(b.Log)), err
	}
	mailbox := func(i int) func(string) (string, error) {
		return func(field string) (string, error) {
			var b notify.Mailbox
			fields := make([]string, len(mailboxFields))
			fields[i] = field
			_, err := decodeMailbox(&b, fields)
			return encodeMailbox(&b)[i], err
		}
	}
	type document struct {
		kept  string
		again func(string) (string, error)
	}
	documents := []document{{wholeSubscriber, subscriber}, {wholeSending, card}, {wholeUnknown, card}, {wholeLetter, letter}, {wholeLog, log}}
	for _, m := range mailboxes[:3] {
		for i, field := range m {
			documents = append(documents, document{field, mailbox(i)})
		}
	}
	for _, d := range documents {
		again, err := d.again(d.kept)
		var want, got any
		if json.Unmarshal([]byte(d.kept), &want) != nil || json.Unmarshal([]byte(again), &got) != nil {
			want, got = d.kept, again
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", d.kept, err, diff)
		}
	}
}

func TestBadFieldsOfAMailbox(t *testing.T) {
	for i, fields := range mailboxes[3:] {
		for j := 1; j < len(fields); j++ {
			one := make([]string, len(fields))
			one[j] = fields[j]
			if bad, err := decodeMailbox(new(notify.Mailbox), one); err == nil || len(bad) != 1 || bad[0] != mailboxFields[j] {
				t.Errorf("bad mailbox %d: %s %q: %v in %q", i, mailboxFields[j], fields[j], err, bad)
			}
		}
	}
}

// Two identities have two marks; nothing of them can be read from those; and a mark begins with
// the message's name in the index.
func TestMarkOf(t *testing.T) {
	identity := func(from, id string) fact.Identity {
		return fact.Message{From: fact.UserID(from), ID: fact.MessageID(id)}.Identity()
	}
	distinct := func(a, b [2]string) bool {
		return (markOf(identity(a[0], a[1])) == markOf(identity(b[0], b[1]))) == (a == b)
	}
	if err := quick.Check(distinct, nil); err != nil {
		t.Error(err)
	}
	secret := func(from, id string) bool {
		mark := markOf(identity(from, id))
		return len(mark) == 20 && mark[:fieldLen] == fieldOf(fact.MessageID(id)) && (len(id) < 4 || !strings.Contains(mark, id))
	}
	if err := quick.Check(secret, nil); err != nil {
		t.Error(err)
	}
}

// Keys of one id are in one slot whatever characters the id has, and ids are spread
// over all shards.
func TestKeysOf(t *testing.T) {
	st := &Store{prefix: "of-a-test", shards: 16}
	tagged := func(id string) bool {
		k := st.keysOf(id)
		for _, key := range []string{k.recipient(fact.UserID(id)), k.marks(fact.UserID(id), 1), k.cards(fact.OpenID(id)),
			k.queue(), k.callsQueue(), k.ringLog(fact.UserID(id)), k.letters(fact.UserID(id)), k.name(id), k.index(1), k.overdue()} {
			if !strings.HasPrefix(key, k.tag) {
				return false
			}
		}
		return strings.Count(k.tag, "{") == 1 && st.keysOf(id) == k && strings.HasPrefix(k.tag, "of-a-test{")
	}
	if err := quick.Check(tagged, nil); err != nil {
		t.Error(err)
	}
	seen := map[keys]bool{}
	for i := range 1000 {
		seen[st.keysOf(strings.Repeat("u", i%7)+string(rune('a'+i%26))+strings.Repeat("x", i%31))] = true
	}
	if len(seen) != 16 {
		t.Errorf("%d shards are used, want 16", len(seen))
	}
}

// A card without one of the fields that every card has is unreadable.
func TestCardsAreWhole(t *testing.T) {
	for _, doc := range []string{`{"t":"T","at":1}`, `{"s":"voided","at":1}`, `{"s":"voided","t":"T"}`, `{"s":"sending","t":"T","at":1}`, `{`, `null`} {
		if c, err := decodeCard(doc); err == nil {
			t.Errorf("%s: %+v", doc, c)
		}
	}
	if _, err := decodeCard(`{"s":"voided","t":"T","at":0}`); err != nil {
		t.Error(err)
	}
}
