package store

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// FuzzDecodeLetter: what the store may hold for a dead letter is refused, or read with one
// message for each notice and each sender once; and what is written reads back.
func FuzzDecodeLetter(f *testing.F) {
	f.Add("alice", wholeLetter)
	f.Add("alice", `{"at":1795305600000,"n":{}}`)
	f.Add("", `{"at":1e300,"n":[{}]}`)
	f.Fuzz(func(t *testing.T, user, doc string) {
		d, err := decodeLetter(fact.UserID(user), "L", doc)
		if err != nil {
			if !reflect.DeepEqual(d, notify.KeptLetter{}) {
				t.Errorf("an error and a letter: %+v", d)
			}
			return
		}
		seen := map[fact.UserID]bool{}
		for _, from := range d.From {
			if from == "" || seen[from] {
				t.Errorf("from %q", d.From)
			}
			seen[from] = true
		}
		if string(d.User) != user || d.ID != "L" || d.At.Location() != time.UTC || len(d.Messages) != len(d.Notices) {
			t.Errorf("%+v", d)
		}
		again, err := decodeLetter(d.User, d.ID, encoded(encodeLetter(d)))
		if diff := cmp.Diff(d, again); err != nil || diff != "" {
			t.Errorf("%v (-was +is)\n%s", err, diff)
		}
	})
}

// FuzzDecodeSteps: an entry of a timeline is refused, or read as it is written, with its times in UTC.
func FuzzDecodeSteps(f *testing.F) {
	f.Add(encodeSteps([]notify.Step{
		{At: millisOf(1795305600000), Kind: notify.StepAccepted, Messages: []fact.Identity{"m1"}, Reason: fact.ReasonReplayed},
		{At: millisOf(1795305599000), Kind: notify.StepAsked, Detail: "offline"},
		{At: millisOf(1795305599000), Kind: notify.StepBegun, Card: "c1", Messages: []fact.Identity{"m2", "m1"}},
		{At: millisOf(1795305601000), Kind: notify.StepPutOff, Card: "c1", Reason: fact.ReasonKept, Until: millisOf(1795305660000), Left: 2, Keep: 3},
		{At: millisOf(1795305602000), Kind: notify.StepFinal, Card: "c2", Messages: []fact.Identity{"m1"}, State: fact.StateDelivered},
	}))
	f.Add(`{"t":1,"m":["m"],"s":[["of a newer version",-1],["f",0,1,[1]]]}`)
	f.Add(`{"t":1,"s":[[],["a",0,0,[0]]]}`)
	f.Fuzz(func(t *testing.T, entry string) {
		steps, err := decodeSteps(entry)
		if err != nil {
			return
		}
		again, err := decodeSteps(encodeSteps(steps))
		if diff := cmp.Diff(steps, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%v (-was +is)\n%s", err, diff)
		}
		for _, s := range steps {
			if s.At.Location() != time.UTC {
				t.Errorf("%+v", s)
			}
		}
	})
}

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

// FuzzHandOut: what Spreads hands out is a group's message that reads back as it was kept.
func FuzzHandOut(f *testing.F) {
	now := time.Unix(1795305600, 0).UTC()
	f.Add(encoded(fact.GroupMessage{Group: "@TGS#1", Type: fact.GroupPublic, From: "bob", SentAt: now, Seq: 4294967295,
		At: []fact.UserID{"alice"}, For: fact.GroupMentions, Summary: "a\"b\\"}), "100 200", "2")
	f.Add(`{"sentAt":"9999-12-31T23:59:60Z"}`, "", "x")
	f.Add(`{"seq":-1}`, "", "")
	k := keys{"of-a-test{0}:"}
	f.Fuzz(func(t *testing.T, message, page, handed string) {
		read := func(message string) (out notify.FanOut, err error) {
			_, err = handOut(k, "m", "L", &out).decide(now, []any{[]any{message, "1795392000000", page, handed, "", ""}}, "v")
			return out, err
		}
		s, err := read(message)
		if err != nil || message == "" {
			return
		}
		if s.Page != page || s.Lease != "L" {
			t.Errorf("%+v", s)
		}
		again, err := read(encoded(s.Message))
		if len(s.Message.At) == 0 {
			s.Message.At = nil
		}
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Errorf("%v (-was +is)\n%s", err, diff)
		}
	})
}

// FuzzDecodeSubscriber: a record is refused, or read back as it was written.
func FuzzDecodeSubscriber(f *testing.F) {
	for _, s := range []string{wholeSubscriber, `null`, `7`, `{"l":{"T":{"b":1,"h":0,"o":0,"e":[[1]]}}}`, `{"ev":[{}]}`, `{"l":{"T":{}}}`, `{"x":0}`, `{"l":{"T":{"b":1,"h":0,"o":0,"e":[[null,null,1e300]]}}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		sub, err := decodeSubscriber("a-key", doc)
		if err != nil {
			if !errors.Is(err, notify.ErrUnreadable) || !reflect.DeepEqual(sub, permit.Subscriber{}) {
				t.Errorf("%v, %+v", err, sub)
			}
			return
		}
		kept, err := encodeSubscriber(&sub, time.Time{})
		if err != nil {
			t.Skip(err) // a float that is none
		}
		if kept == "" {
			return
		}
		again, err := decodeSubscriber("a-key", kept)
		if twice, err2 := encodeSubscriber(&again, time.Time{}); err != nil || err2 != nil || twice != kept {
			t.Errorf("%v, %v: %s is %s", err, err2, kept, twice)
		}
	})
}

// FuzzDecodeCard: a card is refused, or read back as it was written.
func FuzzDecodeCard(f *testing.F) {
	for _, s := range []string{wholeSending, wholeUnknown,
		`{"s":"unknown"}`, `{"s":"sending","t":"T","at":1}`, `{"s":"void","t":"T","at":1,"tell":[[]]}`, `{"s":"void","t":"T","at":1,"tell":7}`, `null`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		card, err := decodeCard(doc)
		if err != nil {
			return
		}
		kept, err := encodeCard(card)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeCard(kept)
		if twice, err2 := encodeCard(again); err != nil || err2 != nil || twice != kept {
			t.Errorf("%v, %v: %s is %s", err, err2, kept, twice)
		}
	})
}
