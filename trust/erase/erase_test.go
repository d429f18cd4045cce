package erase_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
	"wxnotify/shared/store/redistest"
	"wxnotify/trust"
	"wxnotify/trust/soak/town"
)

// named are the kinds of keys that name alice by herself or her openid before she is erased:
// if one is missing here, the test does not show that it is erased.
var named = []string{"c", "cl", "cq", "d", "dead", "dl", "g", "i", "nm", "q", "r", "r:c", "r:m", "rd", "s", "sp", "t", "u"}

// on runs do on each server, for each way to erase.
func on(t *testing.T, do func(e *estate, erase func(e *estate, p *town.Person))) {
	mini := miniredis.RunT(t)
	server := redistest.Start(t)
	for _, way := range slices.Sorted(maps.Keys(erasures)) {
		t.Run(way+", miniredis", func(t *testing.T) { do(newEstate(t, mini.Addr(), mini), erasures[way]) })
		t.Run(way+", redis-server", func(t *testing.T) { do(newEstate(t, server, nil), erasures[way]) })
	}
}

// Who is everywhere is nowhere at once, and what others have stays.
func TestAtOnce(t *testing.T) {
	on(t, func(e *estate, erase func(*estate, *town.Person)) {
		e.everything(true)
		if diff := cmp.Diff(named, e.kinds(e.alice.User, e.alice.OpenID)); diff != "" {
			e.Fatalf("before she is erased (-want +got):\n%s", diff)
		}
		erase(e, e.alice)
		e.unnamed("at once")
		if w := town.Do(e.town, http.MethodDelete, "/session", e.alice.Bearer(), nil); w.Code != http.StatusNoContent {
			e.Errorf("erased again: %d", w.Code)
		}
		e.unnamed("after a second erasure")

		// What she sent is still announced, without her name.
		before := len(e.sim.WeChat.Cards(e.dave.OpenID))
		e.pass(2 * time.Minute)
		e.run()
		cards := e.sim.WeChat.Cards(e.dave.OpenID)[before:]
		if len(cards) == 0 {
			trust.Count(e.T, trust.Lost, 1)
			e.Error("what an erased user had sent is not announced any more")
		}
		for _, c := range cards {
			if text := fmt.Sprint(c.Lines, c.Page); !strings.Contains(text, "好友") || strings.Contains(text, e.alice.User) {
				e.Errorf("a card shows %s, want a friend without a name", text)
			}
		}
		e.unnamed("after others were told")
	})
}

// What comes late about somebody who was erased revives nothing; after a new login all works.
func TestLateNews(t *testing.T) {
	on(t, func(e *estate, erase func(*estate, *town.Person)) {
		e.everything(true)
		late := e.news()
		erase(e, e.alice)
		e.pass(20 * time.Hour)
		for _, f := range late {
			e.accept(f)
		}
		e.unnamed("with late news")
		// A receiver that had spilled, because the store was away.
		e.must(e.town.Inbox.Retake(e.ctx(), late, e.clock.Now().Add(-time.Hour), time.Second))
		if code := e.post(e.alice, fmt.Sprintf(`{"reportId":"report-0002","ageSeconds":0,"results":{%q:"accept"}}`, town.Message)); code != http.StatusUnauthorized {
			e.Errorf("a report of an erased user is answered %d, want 401", code)
		}
		e.tapNow(e.alice)
		e.say(e.bob, e.alice, heard)
		e.say(e.alice, e.dave, said)
		e.pass(time.Minute)
		e.run()
		e.unnamed("after late news")
		e.comesBack()
	})
}

// news are facts of every kind about alice, as they might come late.
func (e *estate) news() []notify.Fact {
	alice, bob, openID, at := notify.UserID(e.alice.User), notify.UserID(e.dave.User), notify.OpenID(e.alice.OpenID), e.clock.Now()
	templates := []notify.TemplateID{town.Message, town.Call}
	ring := notify.Ring{Call: "late-call", Source: notify.CallSignal, Caller: bob, Users: []notify.UserID{alice}, At: at, For: time.Minute}
	from := ring
	from.Call, from.Caller, from.Users = "late-call-of-hers", alice, []notify.UserID{bob}
	end := notify.RingEnd{Call: ring.Call, Source: ring.Source, Caller: bob, Users: ring.Users, How: notify.CallTimedOut, At: at}
	group := notify.GroupMessage{Group: "@TGS#team", Type: notify.GroupPublic, From: alice, SentAt: at, Seq: 90, Summary: said, At: []notify.UserID{alice}}
	ofBob := group
	ofBob.From, ofBob.Seq, ofBob.Summary = bob, 91, "hello"
	return []notify.Fact{
		{Message: &notify.Message{ID: "late-to", From: bob, To: alice, SentAt: at, Summary: heard}},
		{Message: &notify.Message{ID: "late-from", From: alice, To: bob, SentAt: at, Summary: said}},
		{GroupMessage: &group}, {GroupMessage: &ofBob},
		{Read: &notify.Read{Reader: alice, Peer: bob, UpTo: at}}, {Read: &notify.Read{Reader: bob, Peer: alice, UpTo: at.Add(-time.Hour)}},
		{Recall: &notify.Recall{ID: "late-recall", From: bob, To: alice}}, {Recall: &notify.Recall{ID: "late-recall", From: alice, To: bob}},
		{Ring: &ring}, {RingEnd: &end}, {Ring: &from},
		{Presence: &notify.Presence{User: alice, Online: true, At: at}}, {Presence: &notify.Presence{User: alice, At: at.Add(time.Second)}},
		{Grant: &notify.Grant{ID: "late-popup", OpenID: openID, Source: notify.GrantPopup, At: at, Templates: templates}},
		{Grant: &notify.Grant{ID: "late-report", OpenID: openID, Source: notify.GrantReport, At: at.Add(time.Hour), Templates: templates}},
		{Revoke: &notify.Revoke{ID: "late-off", OpenID: openID, At: at, Templates: templates}},
		{Sent: &notify.Sent{OpenID: openID, MsgID: 78, Template: town.Message, At: at}},
		{Sent: &notify.Sent{OpenID: openID, Template: town.Call, At: at, Failed: "user block"}},
		{Erase: &notify.Erase{OpenID: openID}},
	}
}

// tapNow is a tap in the dialog, which WeChat pushes.
func (e *estate) tapNow(p *town.Person) {
	e.Helper()
	e.sim.WeChat.SwitchOn(p.OpenID, string(town.Message))
	e.tap(p)
}

// comesBack has alice log in again, and wants everything to work for her as for anybody.
func (e *estate) comesBack() {
	e.Helper()
	was := e.alice.User
	e.logIn(e.alice)
	if e.alice.User != was {
		e.Errorf("after a new login alice is %s, not %s", e.alice.User, was)
	}
	e.tap(e.alice)
	if code := e.post(e.alice, fmt.Sprintf(`{"reportId":"report-0003","ageSeconds":0,"results":{%q:"accept"},"preferences":{"muted":false}}`, town.Message)); code != http.StatusOK {
		e.Errorf("a report of a user who came back is answered %d", code)
	}
	openID, err := e.store.OpenIDOf(e.ctx(), notify.UserID(e.alice.User))
	if err != nil || string(openID) != e.alice.OpenID {
		e.Errorf("her openid is %q, %v", openID, err)
	}
	before := e.cards(e.alice)
	e.say(e.bob, e.alice, "welcome back")
	for range 5 { // IM does not say where she is when its UserSig has ended: then the last fact decides
		e.pass(time.Minute)
		e.run()
	}
	if e.cards(e.alice) != before+1 || !e.shows(e.alice, "welcome back") {
		e.Errorf("%d cards after she came back, want %d, the last with what bob said", e.cards(e.alice), before+1)
	}
	e.say(e.alice, e.dave, "here I am")
	if got := e.kinds(`"p":"` + e.alice.User); !slices.Contains(got, "r:m") {
		e.Errorf("what she sends does not name her again: %v", got)
	}
}

// After the TTLs nothing is left, not even a hash; and whoever comes back then is new.
func TestAfterTheTTLs(t *testing.T) {
	for _, way := range slices.Sorted(maps.Keys(erasures)) {
		t.Run(way, func(t *testing.T) {
			mini := miniredis.RunT(t)
			e := newEstate(t, mini.Addr(), mini)
			e.everything(true)
			erasures[way](e, e.alice)
			for _, f := range e.news() {
				e.accept(f)
			}
			for range 40 {
				e.pass(24 * time.Hour)
				e.run()
				e.unnamed("in the days after")
			}
			e.forgotten("after 40 days")
			e.comesBack()
		})
	}
}

// The tombstone and all hashes have an end of their own.
func TestHashesEnd(t *testing.T) {
	on(t, func(e *estate, erase func(*estate, *town.Person)) {
		e.everything(false)
		erase(e, e.alice)
		found := map[string]bool{}
		for _, entry := range e.entries() {
			for _, hash := range e.hashes() {
				if !entry.Contains(hash) {
					continue
				}
				kind := kindOf(entry)
				found[kind] = true
				most := map[string]time.Duration{"x": 24 * time.Hour, "xu": 24 * time.Hour, "gone": 24 * time.Hour, "lim": time.Minute, "rd": 25 * time.Hour,
					"cl": 24 * time.Hour, "dl": 30 * 24 * time.Hour}[kind]
				if kind == "r:m" || kind == "r:c" {
					continue // until the message has ended, a day after it was sent at the latest
				}
				if entry.TTL <= 0 || entry.TTL > most {
					e.Errorf("a hash of alice is kept for %v, want at most %v: %v", entry.TTL, most, entry)
				}
			}
		}
		delete(found, "lim") // a minute is over here, or not there
		if want := []string{"cl", "dl", "gone", "r:c", "r:m", "rd", "x", "xu"}; !cmp.Equal(slices.Sorted(maps.Keys(found)), want) {
			e.Errorf("hashes are in %v, want %v", slices.Sorted(maps.Keys(found)), want)
		}
	})
}

// Who mutes somebody says so himself: that is his own wish, and lasts as long as he wants. It
// is the one place that names an erased user.
func TestMutedPeers(t *testing.T) {
	mini := miniredis.RunT(t)
	e := newEstate(t, mini.Addr(), mini)
	e.people()
	if code := e.post(e.bob, fmt.Sprintf(`{"preferences":{"mutedPeers":[%q]}}`, e.alice.User)); code != http.StatusOK {
		t.Fatalf("POST permits: %d", code)
	}
	erasures["by himself"](e, e.alice)
	if got := e.kinds(e.alice.User); !cmp.Equal(got, []string{"r"}) {
		t.Errorf("alice is named in %v, want r alone: bob's preferences", got)
	}
	if code := e.post(e.bob, `{"preferences":{"mutedPeers":[]}}`); code != http.StatusOK {
		t.Fatalf("POST permits: %d", code)
	}
	e.unnamed("after bob changed his mind")
}
