package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

func (b *bench) timeline(user fact.UserID) []notify.Step {
	b.Helper()
	return must(b.Store.Timeline(b.Context(), user))(b)
}

// ended wants the message of alice to have ended exactly once, like this.
func (b *bench) ended(id fact.MessageID, state fact.State, why fact.Reason) {
	b.Helper()
	b.endedOf(alice, id, state, why)
}

// endedOf is ended for a message to user.
func (b *bench) endedOf(user fact.UserID, id fact.MessageID, state fact.State, why fact.Reason) {
	b.Helper()
	var got []string
	for _, s := range b.timeline(user) {
		if s.Kind == notify.StepFinal && slices.Contains(fact.MessageIDs(s.Messages), id) {
			got = append(got, fmt.Sprintf("%s (%s)", s.State, s.Reason))
		}
	}
	equal(b, fmt.Sprintf("final states of %s", id), got, []string{fmt.Sprintf("%s (%s)", state, why)})
}

// counts returns how many messages ended how.
func (b *bench) counts() map[fact.State]int64 {
	b.Helper()
	return must(b.Store.Counts(b.Context()))(b)
}

func (b *bench) counted(want map[fact.State]int64) {
	b.Helper()
	equal(b, "counts", b.counts(), want)
}

// dump returns everything in the store, as "key", "key field" or "key member" to
// value. JSON is in one form, whoever wrote it.
func (b *bench) dump() map[string]string {
	b.Helper()
	ctx, out := b.Context(), map[string]string{}
	for _, key := range b.keys() {
		switch kind := must(b.Raw.Type(ctx, key).Result())(b); kind {
		case "string":
			if v, err := b.Raw.Get(ctx, key).Result(); !errors.Is(err, redis.Nil) { // its time has come between the two
				b.must(err)
				out[key] = v
			}
		case "hash":
			for field, v := range must(b.Raw.HGetAll(ctx, key).Result())(b) {
				out[key+" "+field] = v
			}
		case "set":
			for _, member := range must(b.Raw.SMembers(ctx, key).Result())(b) {
				out[key+" "+member] = ""
			}
		case "list":
			for i, v := range must(b.Raw.LRange(ctx, key, 0, -1).Result())(b) {
				out[fmt.Sprint(key, " ", i)] = v
			}
		case "zset":
			for _, m := range must(b.Raw.ZRangeWithScores(ctx, key, 0, -1).Result())(b) {
				out[fmt.Sprint(key, " ", m.Member)] = fmt.Sprintf("%.0f", m.Score)
			}
		case "none": // its time has come meanwhile
		default:
			b.Fatalf("key %s is a %s", key, kind)
		}
	}
	for key, value := range out {
		var v any
		if json.Unmarshal([]byte(value), &v) == nil && strings.HasPrefix(value, "{") {
			out[key] = string(must(json.Marshal(v))(b))
		}
	}
	return out
}

// unchanged wants do to leave everything in the store as it is, but for the watch of
// a run, which any look renews.
func (b *bench) unchanged(do func()) {
	b.Helper()
	before := b.dumpWithoutWatch()
	do()
	equal(b, "what changed", b.dumpWithoutWatch(), before)
}

// versions are new with each write, and what is once has no other trace.
var versions = regexp.MustCompile(`:[rs]:\S+ v$|:xu v$|:at:\S+ v$|:td:\S+ v$|:sp:\S+ v$`)

func (b *bench) dumpWithoutWatch() map[string]string {
	b.Helper()
	d := b.dump()
	maps.DeleteFunc(d, func(key, _ string) bool { return strings.HasSuffix(key, ":watch") || versions.MatchString(key) })
	return d
}

// nothingNames wants no key and no value to contain any of names.
func (b *bench) nothingNames(names ...string) {
	b.Helper()
	for key, value := range b.dump() {
		for _, name := range names {
			if strings.Contains(key, name) || strings.Contains(value, name) {
				b.Errorf("%s is still named: %s = %s", name, key, value)
			}
		}
	}
}

// checkConsistency wants what holds at any time: who is in a queue has something that
// waits for them, and the other way round; every account adds up; a permit is held for each
// card that is being sent or unknown, and for no other.
func (b *bench) checkConsistency() {
	b.Helper()
	if b.Failed() {
		return
	}
	must(store.CheckRecents(b.Context(), b.Store))(b)
	dump := b.dump()
	for entry, value := range dump {
		name, member, _ := strings.Cut(entry, " ")
		slot, kind, _ := strings.Cut(name, "}:")
		kind, owner, _ := strings.Cut(kind, ":")
		has := func(entry string) bool { _, ok := dump[slot+"}:"+entry]; return ok }
		switch kind {
		case "q", "cq":
			if !has("r:" + member + " " + queueIn[kind]) {
				b.Errorf("%s is in %s and nothing waits for them", member, kind)
			}
		case "r":
			for queue, field := range queueIn {
				if member == field && !has(queue+" "+owner) {
					b.Errorf("%s is not in %s and this waits for them: %s", owner, queue, value)
				}
			}
		case "dl":
			if !has("dead " + owner) {
				b.Errorf("%s has a dead letter and is not named: %s", owner, value)
			}
		case "u":
			openID, card, _ := strings.Cut(member, "\n")
			if c := cardIn(dump[slot+"}:c:"+openID+" "+card]); !c.queued() {
				b.Errorf("%s is overdue and has no end to tell: %+v", card, c)
			}
		case "c":
			if c := cardIn(value); c.queued() != has("u "+owner+"\n"+member) {
				b.Errorf("%s is overdue or not, and should not: %s", member, value)
			}
		case "s":
			if member != "d" {
				continue
			}
			held := map[fact.TemplateID]int{}
			for entry, value := range dump {
				if c := cardIn(value); strings.HasPrefix(entry, slot+"}:c:"+owner+" ") && (c.State == permit.CardSending || c.Until > 0) {
					held[c.Template]++
				}
			}
			for template, a := range must(store.Accounts(b.Context(), b.Store, fact.OpenID(owner)))(b) {
				sum := a.Opening
				for _, e := range a.Entries {
					sum += e.Change
				}
				if sum != a.Balance || a.Balance < 0 || a.Held != held[template] {
					b.Errorf("the account of %s does not add up to %d, or %d are not held: %+v", owner, sum, held[template], a)
				}
			}
		}
	}
}

// queueIn is the field of a recipient that has what a queue is for.
var queueIn = map[string]string{"q": "m", "cq": "c"}

// storedCard is what is looked at of a stored card.
type storedCard struct {
	State    permit.CardState `json:"s"`
	Template fact.TemplateID  `json:"t"`
	User     fact.UserID      `json:"u"`
	Until    float64          `json:"w"` // ms; unknown until then
	Tell     []any            `json:"tell"`
}

// queued reports whether something is to be done about c in time: its end is to be told, or it is on
// its way, and its user was erased.
func (c storedCard) queued() bool {
	return c.Until > 0 || len(c.Tell) > 0 || c.State == permit.CardSending && c.User == ""
}

func cardIn(value string) (c storedCard) {
	_ = json.Unmarshal([]byte(value), &c) // of other kinds of documents nothing
	return c
}

// owns wants aliceOpenID to have so many permits, of which so many are held.
func (b *bench) owns(template fact.TemplateID, balance, held int) {
	b.Helper()
	a := must(store.Accounts(b.Context(), b.Store, aliceOpenID))(b)[template]
	equal(b, "balance and held", [2]int{a.Balance, a.Held}, [2]int{balance, held})
}

// keys returns the keys of what is kept, without that which says whose store it is.
func (b *bench) keys() []string {
	b.Helper()
	return slices.DeleteFunc(must(b.Raw.Keys(b.Context(), "*").Result())(b), func(key string) bool { return strings.HasSuffix(key, "}:id") })
}

// key returns the one key that ends so.
func (b *bench) key(end string) string {
	b.Helper()
	keys := slices.DeleteFunc(b.keys(), func(key string) bool { return !strings.HasSuffix(key, end) })
	if len(keys) != 1 {
		b.Fatalf("keys that end with %q: %v, want one", end, keys)
	}
	return keys[0]
}

// lives wants a key to end by itself in at most most, but later than at least.
func (b *bench) lives(key string, least, most time.Duration) {
	b.Helper()
	if ttl := b.Raw.PTTL(b.Context(), key).Val(); ttl <= least || ttl > most {
		b.Errorf("%s lives for %v, want more than %v and at most %v", key, ttl, least, most)
	}
}
