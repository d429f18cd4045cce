package store_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// The people of most rules. Their names have the length of real ones.
const (
	alice       fact.UserID     = "alice5xq2mzfj3k7wnp4vr6tyb"
	bob         fact.UserID     = "bobby7c2hq5xk3wnvd4m6zrjtp"
	carol       fact.UserID     = "carolw3nq7vk5x2hjm4zd6rtpb"
	aliceOpenID fact.OpenID     = "oAlice0egBJY1zhBYw2KhdUfwVJJE"
	otherOpenID fact.OpenID     = "oOther0egBJY1zhBYw2KhdUfwVJJE"
	tmpl        fact.TemplateID = "zun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE"
	tmpl2       fact.TemplateID = "aun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE"
)

// bench is a store under test and what most rules do with it. Its methods end the
// test when the store answers with an error.
type bench struct {
	*testing.T
	Harness
	rules  notify.Rules
	serial int                              // of what needs a fresh name
	known  map[fact.MessageID]fact.Identity // of what was recorded, the last of each id
}

func newBench(t *testing.T, h Harness) *bench {
	return &bench{T: t, Harness: h, rules: notify.DefaultRules(), known: map[fact.MessageID]fact.Identity{}}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// must returns what there is without an error, and ends the test with one.
func must[V any](v V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// equal ends the test unless got is want.
func equal[V any](b *bench, what string, got, want V) {
	b.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		b.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func (b *bench) fresh(prefix string) string {
	b.serial++
	return fmt.Sprintf("%s%d", prefix, b.serial)
}

// record records facts, each of a type that a fact.Fact can hold.
func (b *bench) record(facts ...any) (wake bool) {
	b.Helper()
	all := factsOf(facts...)
	for _, f := range all {
		if f.Message != nil {
			b.known[f.Message.ID] = f.Message.Identity()
		} else if f.Ring != nil {
			b.known[f.Ring.Call] = f.Ring.Identity()
		}
	}
	return must(b.Store.Record(b.Context(), b.rules, all))(b).Wake
}

// recordBy is record by another store, or where there is to be an error.
func (b *bench) recordBy(s *store.Store, facts ...any) error {
	return second(s.Record(b.Context(), b.rules, factsOf(facts...)))
}

// identities returns those of what was recorded last under ids.
func (b *bench) identities(ids ...fact.MessageID) []fact.Identity {
	b.Helper()
	var out []fact.Identity
	for _, id := range ids {
		if b.known[id] == "" {
			b.Fatalf("nothing was recorded as %s", id)
		}
		out = append(out, b.known[id])
	}
	return out
}

// factsOf makes a fact of each value, of the type of one of its fields.
func factsOf(values ...any) []fact.Fact {
	out := make([]fact.Fact, len(values))
	for i, value := range values {
		p := reflect.New(reflect.TypeOf(value))
		p.Elem().Set(reflect.ValueOf(value))
		for _, field := range reflect.ValueOf(&out[i]).Elem().Fields() {
			if field.Type() == p.Type() {
				field.Set(p)
			}
		}
		if out[i] == (fact.Fact{}) {
			panic(fmt.Sprintf("%T is no fact", value))
		}
	}
	return out
}

// message is a message from bob to alice, sent in this second.
func (b *bench) message(id fact.MessageID) fact.Message {
	b.serial++
	return fact.Message{ID: id, From: bob, To: alice, SentAt: b.Now().Truncate(time.Second), Seq: uint32(b.serial)}
}

func (b *bench) messageTo(user fact.UserID, id fact.MessageID) fact.Message {
	m := b.message(id)
	m.To = user
	return m
}

// left and returned are what IM says of alice now.
func (b *bench) left() fact.Presence { return fact.Presence{User: alice, At: b.Now()} }
func (b *bench) returned() fact.Presence {
	return fact.Presence{User: alice, Online: true, At: b.Now()}
}

// bind binds alice to aliceOpenID.
func (b *bench) bind() { b.Helper(); b.bindTo(alice, aliceOpenID) }

func (b *bench) bindTo(user fact.UserID, openID fact.OpenID) {
	b.Helper()
	b.must(b.Store.Bind(b.Context(), user, openID))
}

// claim claims whatever is due.
func (b *bench) claim() notify.Batch {
	b.Helper()
	return must(b.Store.Claim(b.Context(), 1000))(b)
}

// only claims and returns the one recipient who is due.
func (b *bench) only() notify.Recipient {
	b.Helper()
	recs := b.claim().Recipients
	if len(recs) != 1 {
		b.Fatalf("%d recipients are due, want one: %+v", len(recs), recs)
	}
	return recs[0]
}

func (b *bench) nothingDue() {
	b.Helper()
	if recs := b.claim().Recipients; len(recs) != 0 {
		b.Fatalf("due although it should not be: %+v", recs)
	}
}

// after returns the one recipient who falls due when d has passed and not a
// millisecond earlier.
func (b *bench) after(d time.Duration) notify.Recipient {
	b.Helper()
	b.Advance(d - time.Millisecond)
	b.nothingDue()
	b.Advance(time.Millisecond)
	return b.only()
}

// begin begins a card with all that waits for rec.
func (b *bench) begin(rec notify.Recipient) notify.Begin {
	b.Helper()
	c := beginOf(rec)
	equal(b, "begun", b.begins(c), c.Messages)
	return c
}

func (b *bench) begins(c notify.Begin) []fact.Identity {
	b.Helper()
	return must(b.Store.Begin(b.Context(), []notify.Begin{c}))(b)[0]
}

func beginOf(rec notify.Recipient) notify.Begin {
	return notify.Begin{User: rec.User, Queue: rec.Queue, Lease: rec.Lease, Card: card.ID(rec.Lease + "-" + string(rec.User)),
		Template: tmpl, Messages: identitiesOf(rec)}
}

func identitiesOf(rec notify.Recipient) []fact.Identity {
	var out []fact.Identity
	for _, n := range rec.Notices {
		out = append(out, n.ID)
	}
	return out
}

func idsOf(rec notify.Recipient) []fact.MessageID {
	return fact.MessageIDs(identitiesOf(rec))
}

// aliceBegun brings alice, with one permit and the messages ids, to a begun card.
func (b *bench) aliceBegun(ids ...fact.MessageID) (notify.Recipient, notify.Begin) {
	b.Helper()
	b.bind()
	b.grant(tmpl)
	for _, id := range ids {
		b.record(b.message(id))
	}
	rec := b.after(b.rules.Lead)
	return rec, b.begin(rec)
}

// finish finishes fs and returns what ended.
func (b *bench) finish(fs ...notify.Finish) [][]notify.Ended {
	b.Helper()
	return must(b.Store.Finish(b.Context(), b.rules, fs))(b)
}

func (b *bench) final(state fact.State, ids ...fact.MessageID) []notify.Final {
	b.Helper()
	return final(state, b.identities(ids...)...)
}

func final(state fact.State, ids ...fact.Identity) []notify.Final {
	return []notify.Final{{State: state, Messages: ids}}
}

// grant gives aliceOpenID one permit of each of templates.
func (b *bench) grant(templates ...fact.TemplateID) {
	b.Helper()
	b.record(fact.Grant{ID: b.fresh("grant"), OpenID: aliceOpenID, Source: fact.GrantPopup, At: b.Now(), Templates: templates})
}

func (b *bench) balance(template fact.TemplateID) int {
	b.Helper()
	return must(b.Store.Balances(b.Context(), aliceOpenID, []fact.TemplateID{template}))(b)[template]
}

func reserveOf(id card.ID) permit.Reserve {
	return permit.Reserve{Card: permit.Card{ID: id, OpenID: aliceOpenID, User: alice, Queue: card.QueueMessages,
		Template: tmpl, Messages: []fact.Identity{fact.Identity("of " + id)}, UnknownAfter: unknownAfter},
		PerHour: 1000}
}

// unknownAfter is for how long the cards of most rules may be unknown.
const unknownAfter = 2 * time.Minute

// reserved wants r to be answered with status.
func (b *bench) reserved(r permit.Reserve, status permit.ReserveStatus) {
	b.Helper()
	equal(b, "Reserve", must(b.Store.Reserve(b.Context(), r))(b).Status, status)
}

// settle writes down how card ended, and wants the store to say so.
func (b *bench) settle(id card.ID, state permit.CardState, fate permit.Fate, final fact.State) {
	b.Helper()
	equal(b, "Settle", b.settles(settleOf(id, state, fate, final)), state)
}

func (b *bench) settles(s permit.Settle) permit.CardState {
	b.Helper()
	return must(b.Store.Settle(b.Context(), s))(b)
}

func settleOf(id card.ID, state permit.CardState, fate permit.Fate, final fact.State) permit.Settle {
	s := permit.Settle{Card: reserveOf(id).Card, End: permit.End{State: state, Permit: fate, Final: final}, Detail: "errcode 0"}
	if state == permit.CardDelivered {
		s.MsgID = msgID
	}
	return s
}

// msgID is WeChat's id of the cards that most rules deliver. No float can hold it.
const msgID int64 = 1<<62 + 1

func (b *bench) resolve(id card.ID) permit.Resolved {
	b.Helper()
	return must(b.Store.Resolve(b.Context(), permit.OpenCard{ID: id, OpenID: aliceOpenID, Template: tmpl}))(b)
}
