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

	"wxnotify/shared/fact"
	"wxnotify/shared/store/redistest"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

// named are the kinds of keys that name alice by herself or her openid before she is erased:
// if one is missing here, the test does not show that it is erased.
var named = []string{"c", "cl", "cq", "d", "dead", "dl", "g", "i", "nm", "q", "r", "r:c", "r:m", "rd", "s", "sp", "t", "u"}

// on runs do on each server, for each way to erase.
func on(t *testing.T, do func(s *system, erase func(s *system, p *fixture.User))) {
	mini := miniredis.RunT(t)
	server := redistest.Start(t)
	for _, way := range slices.Sorted(maps.Keys(erasures)) {
		t.Run(way+", miniredis", func(t *testing.T) { do(newSystem(t, mini.Addr(), mini), erasures[way]) })
		t.Run(way+", redis-server", func(t *testing.T) { do(newSystem(t, server, nil), erasures[way]) })
	}
}

// A user with every kind of record is nowhere at once, and what others have stays.
func TestAtOnce(t *testing.T) {
	on(t, func(s *system, erase func(*system, *fixture.User)) {
		s.everything(true)
		if diff := cmp.Diff(named, s.kinds(s.alice.UserID, s.alice.OpenID)); diff != "" {
			s.Fatalf("before she is erased (-want +got):\n%s", diff)
		}
		erase(s, s.alice)
		s.unnamed("at once")
		if w := fixture.Do(s.functions, http.MethodDelete, "/session", s.alice.Bearer(), nil); w.Code != http.StatusNoContent {
			s.Errorf("erased again: %d", w.Code)
		}
		s.unnamed("after a second erasure")

		// What she sent is still announced, without her name.
		before := len(s.sim.WeChat.Cards(s.dave.OpenID))
		s.pass(2 * time.Minute)
		s.run()
		cards := s.sim.WeChat.Cards(s.dave.OpenID)[before:]
		if len(cards) == 0 {
			trust.Broken(s.T, trust.Lost, "what an erased user had sent is not announced any more")
		}
		for _, c := range cards {
			if text := fmt.Sprint(c.Lines, c.Page); !strings.Contains(text, "好友") || strings.Contains(text, s.alice.UserID) {
				s.Errorf("a card shows %s, want a friend without a name", text)
			}
		}
		s.unnamed("after others were told")
	})
}

// What comes late about somebody who was erased revives nothing; after a new login all works.
func TestLateNews(t *testing.T) {
	on(t, func(s *system, erase func(*system, *fixture.User)) {
		s.everything(true)
		late := s.news()
		erase(s, s.alice)
		s.pass(20 * time.Hour)
		for _, f := range late {
			s.accept(f)
		}
		s.unnamed("with late news")
		// A receiver that had spilled, because the store was away.
		s.Must(s.functions.Inbox.Redeliver(s.ctx(), late, s.clock.Now().Add(-time.Hour), time.Second))
		if code := s.post(s.alice, fmt.Sprintf(`{"reportId":"report-0002","ageSeconds":0,"results":{%q:"accept"}}`, fixture.Message)); code != http.StatusUnauthorized {
			s.Errorf("a report of an erased user is answered %d, want 401", code)
		}
		s.tapNow(s.alice)
		s.say(s.bob, s.alice, heard)
		s.say(s.alice, s.dave, said)
		s.pass(time.Minute)
		s.run()
		s.unnamed("after late news")
		s.comesBack()
	})
}

// news are facts of every kind about alice, as they might come late.
func (s *system) news() []fact.Fact {
	alice, bob, openID, at := fact.UserID(s.alice.UserID), fact.UserID(s.dave.UserID), fact.OpenID(s.alice.OpenID), s.clock.Now()
	templates := []fact.TemplateID{fixture.Message, fixture.Call}
	ring := fact.Ring{Call: "late-call", Source: fact.CallSignal, Caller: bob, Users: []fact.UserID{alice}, At: at, For: time.Minute}
	from := ring
	from.Call, from.Caller, from.Users = "late-call-of-hers", alice, []fact.UserID{bob}
	end := fact.RingEnd{Call: ring.Call, Source: ring.Source, Caller: bob, Users: ring.Users, How: fact.CallTimedOut, At: at}
	group := fact.GroupMessage{Group: "@TGS#team", Type: fact.GroupPublic, From: alice, SentAt: at, Seq: 90, Summary: said, At: []fact.UserID{alice}}
	ofBob := group
	ofBob.From, ofBob.Seq, ofBob.Summary = bob, 91, "hello"
	return []fact.Fact{
		{Message: &fact.Message{ID: "late-to", From: bob, To: alice, SentAt: at, Summary: heard}},
		{Message: &fact.Message{ID: "late-from", From: alice, To: bob, SentAt: at, Summary: said}},
		{GroupMessage: &group}, {GroupMessage: &ofBob},
		{Read: &fact.Read{Reader: alice, Peer: bob, UpTo: at}}, {Read: &fact.Read{Reader: bob, Peer: alice, UpTo: at.Add(-time.Hour)}},
		{Recall: &fact.Recall{ID: "late-recall", From: bob, To: alice}}, {Recall: &fact.Recall{ID: "late-recall", From: alice, To: bob}},
		{Ring: &ring}, {RingEnd: &end}, {Ring: &from},
		{Presence: &fact.Presence{User: alice, Online: true, At: at}}, {Presence: &fact.Presence{User: alice, At: at.Add(time.Second)}},
		{Grant: &fact.Grant{ID: "late-popup", OpenID: openID, Source: fact.GrantPopup, At: at, Templates: templates}},
		{Grant: &fact.Grant{ID: "late-report", OpenID: openID, Source: fact.GrantReport, At: at.Add(time.Hour), Templates: templates}},
		{Revoke: &fact.Revoke{ID: "late-off", OpenID: openID, At: at, Templates: templates}},
		{Sent: &fact.Sent{OpenID: openID, MsgID: 78, Template: fixture.Message, At: at}},
		{Sent: &fact.Sent{OpenID: openID, Template: fixture.Call, At: at, Failed: "user block"}},
		{Erase: &fact.Erase{OpenID: openID}},
	}
}

// tapNow is a tap in the dialog, which WeChat pushes.
func (s *system) tapNow(p *fixture.User) {
	s.Helper()
	s.sim.WeChat.SwitchOn(p.OpenID, string(fixture.Message))
	s.tap(p)
}

// comesBack has alice log in again, and wants everything to work for her as for anybody.
func (s *system) comesBack() {
	s.Helper()
	was := s.alice.UserID
	s.logIn(s.alice)
	if s.alice.UserID != was {
		s.Errorf("after a new login alice is %s, not %s", s.alice.UserID, was)
	}
	s.tap(s.alice)
	if code := s.post(s.alice, fmt.Sprintf(`{"reportId":"report-0003","ageSeconds":0,"results":{%q:"accept"},"preferences":{"muted":false}}`, fixture.Message)); code != http.StatusOK {
		s.Errorf("a report of a user who came back is answered %d", code)
	}
	openID, err := s.store.OpenIDOf(s.ctx(), fact.UserID(s.alice.UserID))
	if err != nil || string(openID) != s.alice.OpenID {
		s.Errorf("her openid is %q, %v", openID, err)
	}
	before := s.cards(s.alice)
	s.say(s.bob, s.alice, "welcome back")
	for range 5 { // IM does not say where she is when its UserSig has ended: then the last fact decides
		s.pass(time.Minute)
		s.run()
	}
	if s.cards(s.alice) != before+1 || !s.shows(s.alice, "welcome back") {
		s.Errorf("%d cards after she came back, want %d, the last with what bob said", s.cards(s.alice), before+1)
	}
	s.say(s.alice, s.dave, "here I am")
	if got := s.kinds(`"p":"` + s.alice.UserID); !slices.Contains(got, "r:m") {
		s.Errorf("what she sends does not name her again: %v", got)
	}
}

// After the TTLs nothing is left, not even a hash; and whoever comes back then is new.
func TestAfterTheTTLs(t *testing.T) {
	for _, way := range slices.Sorted(maps.Keys(erasures)) {
		t.Run(way, func(t *testing.T) {
			mini := miniredis.RunT(t)
			s := newSystem(t, mini.Addr(), mini)
			s.everything(true)
			erasures[way](s, s.alice)
			for _, f := range s.news() {
				s.accept(f)
			}
			for range 40 {
				s.pass(24 * time.Hour)
				s.run()
				s.unnamed("in the days after")
			}
			s.forgotten("after 40 days")
			s.comesBack()
		})
	}
}

// Whoever mutes somebody says so, and that lasts as long as they want: it is the one place that
// names an erased user.
func TestMutedPeers(t *testing.T) {
	mini := miniredis.RunT(t)
	s := newSystem(t, mini.Addr(), mini)
	s.people()
	if code := s.post(s.bob, fmt.Sprintf(`{"preferences":{"mutedPeers":[%q]}}`, s.alice.UserID)); code != http.StatusOK {
		t.Fatalf("POST permits: %d", code)
	}
	erasures["by themselves"](s, s.alice)
	if got := s.kinds(s.alice.UserID); !cmp.Equal(got, []string{"r"}) {
		t.Errorf("alice is named in %v, want r alone: bob's preferences", got)
	}
	if code := s.post(s.bob, `{"preferences":{"mutedPeers":[]}}`); code != http.StatusOK {
		t.Fatalf("POST permits: %d", code)
	}
	s.unnamed("after bob changed their mind")
}
