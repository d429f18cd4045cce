package store

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
)

// Documents as the two writers, lua-cjson and miniredis, write them.
var documents = []string{
	`{"n":[{"i":"m1","k":"mention","p":"bob","r":"@TGS#1","t":1795305599,"w":1795305664500,"e":1795391999000,"q":1}],"o":"oAlice",` +
		`"l":"LEASE","le":1795305660000,"ab":{"n":2,"k":1,"t":1795305599500,"c":1},"rs":1,"qh":"22:30-07:00"}`,
	`{"on":1,"n":[{"q":4294967295,"t":1795305599,"x":"你好 \/ \u0000","p":"bob","i":"m1","w":1.7953056645e+12,"e":1.795391999e+12,"c":"card","g":["read","read_report"]},` +
		`{"i":"m2","k":"shipped","p":"","t":0,"w":0,"e":0,"f":"{\"fields\":{\"summary\":\"é\"},\"anyway\":true}"}],"ab":{"n":0,"t":0},` +
		`"o":"oAlice","c":{"i":"card","o":"oOld","t":"tmpl"},"h":1795305600000,"as":1795305600000,"at":3,"ne":1,"d":1795305600000,"l":"L"}`,
	`{"on":0,"n":[{"i":"m1","p":"bob","t":-62135596800,"w":-62135596800000}]}`,
	`{"n":[],"on":-0}`,
	`{"n":{}}`,
	`{"n":[{"i":"m1","t":1e15}]}`,
	`{"n":[{"i":"m1","f":"{"}]}`,
	`null`,
	`[]`,
	``,
}

func FuzzDecodeRecipient(f *testing.F) {
	for _, d := range documents {
		f.Add("alice", []byte(d))
	}
	f.Fuzz(func(t *testing.T, user string, b []byte) {
		rec, err := decodeRecipient(notify.UserID(user), b)
		if err != nil {
			if !reflect.DeepEqual(rec, notify.Recipient{}) {
				t.Errorf("an error and a recipient: %+v", rec)
			}
			return
		}
		if string(rec.User) != user {
			t.Errorf("user %q, want %q", rec.User, user)
		}
		if rec.Known != notify.StatusUnknown && rec.Known != notify.StatusOnline && rec.Known != notify.StatusOffline {
			t.Errorf("known: %v", rec.Known)
		}
		var ids []notify.Identity
		for _, n := range rec.Notices {
			ids = append(ids, n.ID)
			if n.SentAt.Location() != time.UTC || n.WindowEnd.Location() != time.UTC || n.Expires.Location() != time.UTC {
				t.Errorf("a time is not UTC: %+v", n)
			}
		}
		if rec.Open == nil {
			return
		}
		for _, id := range rec.Open.Messages {
			if !slices.Contains(ids, id) {
				t.Errorf("%q is on the card and does not wait", id)
			}
		}
	})
}

func TestDecodeRecipient(t *testing.T) {
	window, expires := time.UnixMilli(1795305664500).UTC(), time.UnixMilli(1795391999000).UTC()
	sent, epoch := time.Unix(1795305599, 0).UTC(), time.Unix(0, 0).UTC()
	for i, want := range []notify.Recipient{
		{User: "alice", OpenID: "oAlice", Lease: "LEASE", Quiet: "22:30-07:00",
			Absence: notify.Absence{Cards: 2, Kept: 1, Last: time.UnixMilli(1795305599500).UTC(), Counted: true},
			Notices: []notify.Notice{{ID: "m1", Kind: notify.KindMention, From: "bob", Group: "@TGS#1", SentAt: sent, Seq: 1,
				WindowEnd: window, Expires: expires}}},
		{User: "alice", OpenID: "oAlice", Lease: "L", Known: notify.StatusOnline,
			Carried: notify.Carried{Attempts: 3, Neutral: true, AskedSince: time.UnixMilli(1795305600000).UTC()},
			Open:    &notify.OpenCard{ID: "card", OpenID: "oOld", Template: "tmpl", Messages: []notify.Identity{"m1"}},
			Notices: []notify.Notice{
				{ID: "m1", From: "bob", SentAt: sent, Seq: 4294967295, Summary: "你好 / \x00", WindowEnd: window, Expires: expires},
				{ID: "m2", Kind: "shipped", SentAt: epoch, WindowEnd: epoch, Expires: epoch,
					Announcement: &notify.Announcement{Fields: map[string]string{"summary": "é"}, Anyway: true}},
			}},
	} {
		got, err := decodeRecipient("alice", []byte(documents[i]))
		if err != nil {
			t.Errorf("document %d: %v", i, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("document %d (-want +got):\n%s", i, diff)
		}
	}
}

// Two identities have two marks; nothing of them can be read from those; and a mark begins with
// the message's name in the index.
func TestMarkOf(t *testing.T) {
	identity := func(from, id string) notify.Identity {
		return notify.Message{From: notify.UserID(from), ID: notify.MessageID(id)}.Identity()
	}
	distinct := func(a, b [2]string) bool {
		return (markOf(identity(a[0], a[1])) == markOf(identity(b[0], b[1]))) == (a == b)
	}
	if err := quick.Check(distinct, nil); err != nil {
		t.Error(err)
	}
	secret := func(from, id string) bool {
		mark := markOf(identity(from, id))
		return len(mark) == 20 && mark[:fieldLen] == fieldOf(notify.MessageID(id)) && (len(id) < 4 || !strings.Contains(mark, id))
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
		for _, key := range []string{k.recipient(notify.UserID(id)), k.marks(notify.UserID(id), 1), k.cards(notify.OpenID(id)),
			k.queue(), k.callsQueue(), k.ringLog(notify.UserID(id)), k.letters(notify.UserID(id)), k.name(id), k.index(1), k.overdue()} {
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
