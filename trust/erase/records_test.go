package erase_test

import (
	"fmt"
	"net/http"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
)

const (
	sendPath  = "/cgi-bin/message/subscribe/send"
	sentEvent = "push:subscribe_msg_sent_event"
)

// everything makes records of every kind that name alice: bound, with permits of several
// sources, preferences and limits; cards delivered, refused, unknown, given up and, with a run
// that was killed, on their way; messages and calls that wait, ended, were read and recalled;
// announcements; reports of cards that nobody knows; messages of groups that are still to be
// spread; and all of that of others in which she is the sender.
func (s *system) everything(killed bool) {
	s.Helper()
	s.people()
	s.permits()
	s.deadAndUnknown()
	s.gone()
	s.asSender()
	s.asMember()
	s.waiting()
	if killed {
		s.killedRun()
	}
}

// people are alice; bob and carol, who write to her; and dave, to whom she writes.
func (s *system) people() {
	s.Helper()
	s.alice, s.bob, s.carol, s.dave = s.person(nick), s.person("Bob"), s.person("Carol"), s.person("Dave")
}

func (s *system) permits() {
	s.Helper()
	for range 4 {
		s.tap(s.alice)
		s.tap(s.dave)
	}
	s.sim.WeChat.SilentAccept(s.alice.OpenID, string(fixture.Message))
	s.report(reportID)
}

// report has her mini program tell of a tap, and of what she wants.
func (s *system) report(id string) {
	s.Helper()
	body := fmt.Sprintf(`{"reportId":%q,"ageSeconds":0,"results":{%q:"accept"},"preferences":{"quietHours":"03:00-03:10","mutedPeers":["whom alice mutes"]}}`,
		id, fixture.Message)
	if code := s.post(s.alice, body); code != http.StatusOK {
		s.Fatalf("POST permits: %d", code)
	}
}

// gone has WeChat call her openid unknown once, which counts it among those in a row, and has
// her log in and tap anew.
func (s *system) gone() {
	s.Helper()
	s.sim.Faults.Next(sendPath, 1, simulator.Code(40003))
	s.card()
	s.logIn(s.alice)
	s.tap(s.alice) // for calls: the other answer is kept, and makes no event
	s.report("report-of-alice-0002")
	s.report("report-of-alice-0003") // the unknown card holds one
}

// deadAndUnknown leaves her with a delivered card, a dead letter, an unknown card, and a report
// of a card that nobody knows.
func (s *system) deadAndUnknown() {
	s.Helper()
	s.card()
	s.sim.Faults.Next(sendPath, 1, simulator.Code(47003))
	s.card()
	s.sim.Faults.Next(sentEvent, 1, simulator.Lose())
	s.sim.Faults.Next(sendPath, 1, simulator.DropAfterSuccess())
	s.card()
	s.accept(fact.Fact{Sent: &fact.Sent{OpenID: fact.OpenID(s.alice.OpenID), MsgID: 77, Template: fixture.Call, At: s.clock.Now()}})
}

// card has bob write to alice, and a card go out.
func (s *system) card() {
	s.Helper()
	s.say(s.bob, s.alice, heard)
	s.pass(2 * time.Minute)
	s.run()
}

// asSender makes her the sender of what dave has: given up, called, read, recalled and
// waiting.
func (s *system) asSender() {
	s.Helper()
	s.say(s.alice, s.dave, said)
	s.pass(2 * time.Minute)
	s.sim.Faults.Next(sendPath, 1, simulator.Code(47003))
	s.run() // it also looks her name up
	s.sim.IM.Read(s.dave.UserID, s.alice.UserID)
	s.calls(s.alice, s.dave)
	recalled := s.say(s.alice, s.dave, said)
	s.Must(s.sim.IM.Recall(s.alice.UserID, s.dave.UserID, recalled.MsgKey))
	s.say(s.alice, s.dave, said)
}

// calls has one call another, unanswered, and again: that rings on for long.
func (s *system) calls(from, to *fixture.User) {
	s.Helper()
	missed, err := s.sim.IM.Ring(simulator.Call{From: from.UserID, To: []string{to.UserID}})
	s.Must(err)
	s.Must(s.sim.IM.EndCall(missed, simulator.CallMissed))
	s.pass(15 * time.Second)
	_, err = s.sim.IM.Ring(simulator.Call{From: from.UserID, To: []string{to.UserID}, RingFor: 2 * time.Hour, Webhooks: true})
	s.Must(err)
}

// asMember leaves messages of a group to be spread, one of hers and one that mentions her.
func (s *system) asMember() {
	s.Helper()
	s.Must(s.sim.IM.CreateGroup(simulator.Group{ID: "@TGS#team", Type: simulator.GroupPublic, Name: "Team",
		Members: []string{s.bob.UserID, s.alice.UserID, s.dave.UserID}}))
	for _, m := range []simulator.GroupMessage{
		{From: s.alice.UserID, Body: []simulator.Elem{simulator.Text(said)}, At: []string{s.dave.UserID}},
		{From: s.bob.UserID, Body: []simulator.Elem{simulator.Text("to all")}, At: []string{s.alice.UserID, s.dave.UserID}},
	} {
		m.Group = "@TGS#team"
		_, err := s.sim.IM.SendGroup(m)
		s.Must(err)
	}
}

// waiting leaves a message, an announcement, a missed call and a ringing one waiting for her,
// and others that were read and recalled.
func (s *system) waiting() {
	s.Helper()
	s.say(s.carol, s.alice, heard)
	s.sim.IM.Read(s.alice.UserID, s.carol.UserID)
	recalled := s.say(s.carol, s.alice, heard)
	s.Must(s.sim.IM.Recall(s.carol.UserID, s.alice.UserID, recalled.MsgKey))
	s.sim.IM.SignIn(s.alice.UserID, simulator.MiniProgram)
	s.sim.IM.Kill(s.alice.UserID)
	s.say(s.bob, s.alice, heard)
	header, body := fixture.Announcement(s.clock.Now(), "announcement-1", s.alice.UserID, heard)
	if w := fixture.Do(s.functions, http.MethodPost, "/announce", header, body); w.Code != http.StatusOK {
		s.Fatalf("announce: %d %s", w.Code, w.Body)
	}
	s.calls(s.carol, s.alice)
	s.pass(10 * time.Second)
}

// killedRun leaves her message's card reserved by a run that does not go on.
func (s *system) killedRun() {
	s.Helper()
	batch, err := s.store.Claim(s.ctx(), 100)
	s.Must(err)
	for _, rec := range batch.Recipients {
		if string(rec.User) != s.alice.UserID || rec.Queue != card.QueueMessages {
			continue
		}
		var ids []fact.Identity
		for _, n := range rec.Notices {
			ids = append(ids, n.ID)
		}
		id := card.ID(rec.Lease + "-" + string(rec.User))
		_, err := s.store.Begin(s.ctx(), []notify.Begin{{User: rec.User, Queue: rec.Queue, Lease: rec.Lease, Card: id, Template: fixture.Message, Messages: ids}})
		s.Must(err)
		r, err := s.store.Reserve(s.ctx(), permit.Reserve{Card: permit.Card{ID: id, OpenID: rec.OpenID, User: rec.User, Queue: rec.Queue,
			Template: fixture.Message, Messages: ids, UnknownAfter: time.Hour},
			PerHour: 1000})
		s.Must(err)
		if r.Status != permit.ReserveOK {
			s.Fatalf("reserve: %+v", r)
		}
		s.pass(permit.Lease + time.Second)
		return
	}
	s.Fatal("nothing is due for alice")
}
