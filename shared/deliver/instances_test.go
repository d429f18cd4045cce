package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// An episode is something that happens to a user at a time.
type episode struct {
	at     time.Duration
	fact   notify.Fact
	user   notify.UserID
	status notify.Status // what IM says of him from then on; StatusUnknown: no change
}

// history makes up an hour of 200 users: messages, calls, coming and going, with and without
// IM's noticing, reading, recalls. What concerns one user is half a minute apart at least,
// which is more than the jitter of a backoff.
func history(seed uint64, begin time.Time) (users []notify.UserID, grants map[notify.UserID]int, all []episode, messages map[notify.MessageID]notify.UserID) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	grants, messages = map[notify.UserID]int{}, map[notify.MessageID]notify.UserID{}
	for i := range 200 {
		user := notify.UserID(fmt.Sprintf("u%03d", i))
		users = append(users, user)
		grants[user] = rnd.IntN(8)
		online := false
		var last notify.Message
		for at := time.Duration(rnd.IntN(20)) * 30 * time.Second; at < time.Hour; at += time.Duration(1+rnd.IntN(40)) * 30 * time.Second {
			now := begin.Add(at)
			happens := func(f notify.Fact, status notify.Status) {
				all = append(all, episode{at, f, user, status})
			}
			presence := func(in bool) notify.Fact {
				return notify.Fact{Presence: &notify.Presence{User: user, Online: in, At: now}}
			}
			switch dice := rnd.IntN(20); {
			case dice < 9:
				for range 1 + rnd.IntN(3) {
					last = notify.Message{ID: notify.MessageID(fmt.Sprintf("%s-%d", user, len(messages))), From: notify.UserID(fmt.Sprint("peer", rnd.IntN(3))), To: user, SentAt: now, Seq: uint32(len(messages))}
					messages[last.ID] = user
					m := last
					happens(notify.Fact{Message: &m}, 0)
				}
			case dice < 11:
				id := notify.MessageID(fmt.Sprintf("call-%s-%d", user, len(messages)))
				messages[id] = user
				happens(notify.Fact{Ring: &notify.Ring{Call: id, Source: notify.CallSignal, Caller: "peer1", Users: []notify.UserID{user}, At: now, For: 20 * time.Second}}, 0)
				if how := []notify.CallEnd{notify.CallAnswered, notify.CallRejected, notify.CallCancelled, ""}[rnd.IntN(4)]; how != "" && i%25 != 6 && i%25 != 7 {
					const later = 7 * time.Second // those whose cards are put off by a jitter could be told before or after
					all = append(all, episode{at + later, notify.Fact{RingEnd: &notify.RingEnd{Call: id, Source: notify.CallSignal, Caller: "peer1",
						Users: []notify.UserID{user}, How: how, At: now.Add(later)}}, user, 0})
				}
			case dice < 14 && !online:
				online = true
				happens(presence(true), notify.StatusOnline)
			case dice < 16 && online:
				online = false
				happens(presence(false), notify.StatusOffline)
			case dice < 17 && online: // nobody tells of it
				online = false
				happens(notify.Fact{}, notify.StatusOffline)
			case dice < 19:
				happens(notify.Fact{Read: &notify.Read{Reader: user, Peer: "peer1", UpTo: now}}, 0)
			case last.ID != "":
				happens(notify.Fact{Recall: &notify.Recall{ID: last.ID, From: last.From, To: user}}, 0)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b episode) int { return int(a.at - b.at) })
	return users, grants, all, messages
}

// moody is a WeChat that fails by user, whoever sends: nothing depends on the card.
type moody struct {
	mu    sync.Mutex
	cards map[notify.OpenID]int
	paid  map[string]int             // cards that were or may have been shown, by openid and template
	told  map[notify.CardState]int64 // messages on them
}

func (m *moody) Send(_ context.Context, c notify.Card) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cards[c.To]++
	id, err := m.answer(c)
	state := notify.CardDelivered
	if err != nil {
		state = notify.CardUnknown
	}
	if err == nil || notify.ClassOf(err) == notify.ClassUnknown {
		carried, _ := strconv.Atoi(c.Data["number3"])
		m.paid[string(c.To)+" "+string(c.Template)]++
		m.told[state] += int64(carried)
	}
	return id, err
}

func (m *moody) answer(c notify.Card) (int64, error) {
	var n int
	fmt.Sscanf(string(c.To), "o-u%d", &n)
	switch n % 25 {
	case 3, 4:
		return 0, classed(notify.ClassRefused)
	case 5:
		return 0, classed(notify.ClassDefect)
	case 6, 7:
		if m.cards[c.To] < 3 {
			return 0, classed(notify.ClassRetry)
		}
	case 8, 9:
		return 0, classed(notify.ClassUnknown)
	case 10:
		return 0, classed(notify.ClassGone)
	case 11:
		if c.Data["thing1"] != "好友" {
			return 0, classed(notify.ClassWording)
		}
	}
	return int64(m.cards[c.To]), nil
}

// book is an IM that says what is written in it.
type book struct {
	deliver.Asker
	status map[notify.UserID]notify.Status
}

func (b book) Presence(_ context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	out := map[notify.UserID]notify.Status{}
	for _, u := range users {
		out[u] = b.status[u]
	}
	return out, nil
}

func (book) Unread(context.Context, notify.UserID, []notify.UserID) (int, map[notify.UserID]int, error) {
	return 0, nil, errors.New("im: away")
}

// An ending is what became of a history.
type ending struct {
	Messages map[notify.MessageID]string
	Ledgers  map[notify.UserID]string
	Cards    map[notify.OpenID]int
	States   map[notify.State]int64
}

// relive plays a history with so many instances at work at once.
func relive(t *testing.T, seed uint64, instances int) ending {
	w := newWorld(t)
	w.onRedis()
	w.templates(map[notify.Kind]notify.TemplateID{notify.KindMessage: tmplID, notify.KindCall: "call", notify.KindMissedCall: "missed"})
	w.rules(func(r *notify.Rules) { r.MissedCalls = true })
	for i := range 3 {
		w.names[fmt.Sprint("peer", i)] = fmt.Sprint("Peer ", i)
	}
	users, grants, all, messages := history(seed, w.clock())
	b, wx := book{status: map[notify.UserID]notify.Status{}}, &moody{cards: map[notify.OpenID]int{}, paid: map[string]int{}, told: map[notify.CardState]int64{}}
	for _, user := range users {
		w.subscribed(user, grants[user])
		w.grant(user, "call", grants[user]/2)
		w.grant(user, "missed", grants[user]/3)
		b.status[user] = notify.StatusOffline
	}
	w.deliver.IM, w.deliver.WeChat = b, wx
	begin := w.clock()
	for _, e := range all {
		w.workUntil(begin.Add(e.at), instances)
		if e.status != notify.StatusUnknown {
			b.status[e.user] = e.status
		}
		if e.fact != (notify.Fact{}) {
			w.accept(e.fact)
		}
	}
	w.workUntil(begin.Add(48*time.Hour), instances) // the last digest step may be beyond the time to live

	if n := len(w.courier.spilled); n > 0 {
		t.Fatalf("the store was too slow for %d facts", n)
	}
	end := ending{Messages: map[notify.MessageID]string{}, Ledgers: map[notify.UserID]string{}, Cards: wx.cards}
	timelines := map[notify.UserID][]notify.Step{}
	for _, user := range users {
		steps, err := w.store.Timeline(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		timelines[user] = steps
		end.Ledgers[user] = w.ledgers(user)
	}
	for id, user := range messages {
		end.Messages[id] = endOf(timelines[user], id)
	}
	var err error
	if end.States, err = w.store.Counts(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		for template, permits := range map[string]int{string(tmplID): grants[user], "call": grants[user] / 2, "missed": grants[user] / 3} {
			if n := wx.paid[string(openID(user))+" "+template]; n > permits {
				t.Errorf("%s had %d permits of %s and was sent %d cards", user, permits, template, n)
			}
		}
	}
	for card, state := range map[notify.CardState]notify.State{notify.CardDelivered: notify.StateDelivered, notify.CardUnknown: notify.StateUnknown} {
		if wx.told[card] != end.States[state] {
			t.Errorf("%d messages were on cards that are %s, and %d ended so", wx.told[card], card, end.States[state])
		}
	}
	return end
}

// workUntil lets time pass until end, in whole seconds, with instances that look at once
// whenever something is due.
func (w *world) workUntil(end time.Time, instances int) {
	w.t.Helper()
	for {
		due, err := w.store.Rest(w.t.Context(), end)
		if err != nil {
			w.t.Fatal(err)
		}
		if due.IsZero() {
			break
		}
		if next := due.Add(time.Second - 1).Truncate(time.Second); next.After(w.clock()) {
			w.set(next)
		}
		var wg sync.WaitGroup
		for range instances {
			wg.Go(func() {
				if _, err := w.deliver.Pass(w.t.Context()); err != nil {
					w.t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	w.set(end)
}

// ledgers prints a user's accounts, without times.
func (w *world) ledgers(user notify.UserID) string {
	w.t.Helper()
	accounts, err := store.Accounts(w.t.Context(), w.store, openID(user))
	if err != nil {
		w.t.Fatal(err)
	}
	var parts []string
	for template, a := range accounts {
		part := fmt.Sprintf("%s %d (%d held, drift %d, %d wanted, %.2f expected):", template, a.Balance, a.Held, a.Drift, a.Wanted, a.Expected)
		sum := a.Opening
		for _, e := range a.Entries {
			part += fmt.Sprintf(" %s %+d", e.Kind, e.Change)
			sum += e.Change
		}
		if sum != a.Balance {
			w.t.Errorf("the account of %s does not add up: %+v", user, a)
		}
		parts = append(parts, part)
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

// One instance and eight at once give the same end to each message and the same ledger to
// each user.
func TestInstancesAgree(t *testing.T) {
	t.Parallel()
	const seed = 20261122
	ends := map[int]ending{}
	var mu sync.Mutex
	t.Run("play", func(t *testing.T) {
		for _, n := range []int{1, 8} {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				end := relive(t, seed, n)
				mu.Lock()
				defer mu.Unlock()
				ends[n] = end
			})
		}
	})
	one, eight := ends[1], ends[8]
	t.Logf("seed %d: %d messages, which ended %v", uint64(seed), len(one.Messages), one.States)
	for id, end := range one.Messages {
		again := strings.Contains(end, ", then ") && !strings.Contains(end, "reported") &&
			!strings.HasPrefix(end, string(notify.StateDead)) // what was given up may be read, or over, after all
		if end == noTrace || end == "waits" || again {
			t.Errorf("message %s ended %q", id, end)
		}
	}
	if d := cmp.Diff(one, eight); d != "" {
		t.Errorf("one instance and eight do not agree (-one +eight):\n%s", d)
	}
	for _, state := range []notify.State{notify.StateDelivered, notify.StateRead, notify.StateRecalled, notify.StateCameOnline, notify.StateNoPermit,
		notify.StateRefused, notify.StateUnknown, notify.StateDead, notify.StateAnswered, notify.StateEnded, notify.StateExpired} {
		if one.States[state] == 0 {
			t.Errorf("the history ends no message as %q", state)
		}
	}
}
