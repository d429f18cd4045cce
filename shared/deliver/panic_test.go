package deliver_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
)

// broken has bugs that show at one place, for user3.
type broken struct {
	at    string
	times int
}

func (b *broken) bug(at string, user any) {
	if b.at == at && (user == notify.UserID("user3") || user == openID("user3") || user == nil) {
		b.times++
		panic("a text that may be anybody's")
	}
}

type brokenStore struct {
	deliver.Store
	*broken
}

func (b brokenStore) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	b.bug("reserve", r.User)
	return b.Store.Reserve(ctx, r)
}

func (b brokenStore) Resolve(ctx context.Context, c notify.OpenCard) (notify.Resolved, error) {
	b.bug("resolve", c.OpenID)
	return b.Store.Resolve(ctx, c)
}

func (b brokenStore) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	for _, f := range fs {
		b.bug("finish", f.User)
	}
	return b.Store.Finish(ctx, rules, fs)
}

type brokenIM struct {
	*world
	*broken
}

func (b brokenIM) Unread(ctx context.Context, user notify.UserID, peers []notify.UserID) (int, map[notify.UserID]int, error) {
	b.bug("unread", user)
	return b.world.Unread(ctx, user, peers)
}

func (b brokenIM) Names(ctx context.Context, users []notify.UserID) (map[notify.UserID]string, error) {
	b.bug("names", nil)
	return b.world.Names(ctx, users)
}

func (b brokenIM) Members(ctx context.Context, group notify.GroupID, typ notify.GroupType, page string) ([]notify.Member, string, error) {
	b.bug("members", nil)
	return b.world.Members(ctx, group, typ, page)
}

func (b brokenIM) MembersAmong(ctx context.Context, group notify.GroupID, users []notify.UserID) ([]notify.Member, error) {
	b.bug("members among", nil)
	return b.world.MembersAmong(ctx, group, users)
}

func (b brokenIM) Send(ctx context.Context, c notify.Card) (int64, error) {
	b.bug("send", c.To)
	return b.world.Send(ctx, c)
}

// A bug that shows with one card, or one question, takes nothing else along; the log has its
// stack, and not what the panic held. What was begun is never sent twice.
func TestPanicStaysWithItsCard(t *testing.T) {
	for place, own := range map[string]int{ // cards that user3 gets all the same
		"send": 0, "reserve": 0, "finish": 1, "resolve": 0, "unread": 1, "names": 1, "members": 1, "members among": 1,
	} {
		t.Run(place, func(t *testing.T) {
			w := everybody(newWorld(t))
			w.rules(func(r *notify.Rules) { r.KeepLearning, r.KeepForFirst = false, 0 })
			var log bytes.Buffer
			w.deliver.Log = slog.New(slog.NewJSONHandler(&log, nil))
			bugs := &broken{at: place}
			if place == "resolve" { // there is something to resolve
				bugs.at = "reserve"
			}
			im := brokenIM{w, bugs}
			w.deliver.Store, w.deliver.IM, w.deliver.Directory, w.deliver.WeChat = brokenStore{w.store, bugs}, im, im, im
			w.groups = map[notify.GroupID][]notify.Member{"g2": {{User: "user2"}, {User: "user3"}, {User: "user4"}}}
			users := []notify.UserID{"user2", "user3", "user4"}
			for _, u := range users {
				w.subscribed(u, 9)
				w.status[u] = notify.StatusOffline
				if place == "unread" { // it is asked before a digest
					w.say("user5", u)
				}
			}
			if place == "unread" {
				w.after(10 * time.Second)
				w.after(5 * time.Minute)
				w.sent = nil
			}
			said := map[notify.UserID]notify.Message{}
			for _, u := range users {
				said[u] = w.say("user1", u)
			}
			switch place {
			case "members":
				w.accept(notify.Fact{GroupMessage: &notify.GroupMessage{Group: "g2", Type: notify.GroupPrivate, From: "user1", SentAt: w.clock(), Seq: 1, Summary: "hi"}})
			case "members among":
				w.accept(notify.Fact{Ring: &notify.Ring{Call: "call1", Source: notify.CallSignal, Caller: "user1", Users: users, Group: "g2", At: w.clock(), For: time.Minute}})
			}
			w.after(10 * time.Second)
			for _, u := range []notify.UserID{"user2", "user4"} { // no lease had to end first
				if end := w.ends(u, said[u].ID); place != "members among" && !strings.Contains(end, "delivered") { // there a call's card goes first
					t.Errorf("%s: %q", u, end)
				}
			}
			if place == "resolve" {
				bugs.at = place
				w.say("user1", "user2")
			}
			w.after(2 * time.Minute)
			w.after(5 * time.Minute)
			got := map[notify.OpenID]int{}
			for _, c := range w.sent {
				got[c.To]++
			}
			if got[openID("user2")] == 0 || got[openID("user4")] == 0 || own == 0 && got[openID("user3")] > 0 || own > 0 && got[openID("user3")] == 0 {
				t.Errorf("cards: %v; user3 is to have %d", got, own)
			}
			if bugs.times == 0 {
				t.Error("the bug did not show")
			}
			if text := log.String(); strings.Count(text, `"alert":"panic"`) != bugs.times || strings.Contains(text, "anybody's") || !strings.Contains(text, "panic_test.go") {
				t.Errorf("%d panics; the log has %d alerts:\n%s", bugs.times, strings.Count(text, `"alert":"panic"`), text)
			}
		})
	}
}
