package erase_test

import (
	"fmt"
	"net/http"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/simulator"
	"wxnotify/trust/soak/town"
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
func (e *estate) everything(killed bool) {
	e.Helper()
	e.people()
	e.permits()
	e.deadAndUnknown()
	e.gone()
	e.asSender()
	e.asMember()
	e.waiting()
	if killed {
		e.killedRun()
	}
}

// people are alice; bob and carol, who write to her; and dave, to whom she writes.
func (e *estate) people() {
	e.Helper()
	e.alice, e.bob, e.carol, e.dave = e.person(nick), e.person("Bob"), e.person("Carol"), e.person("Dave")
}

func (e *estate) permits() {
	e.Helper()
	for range 4 {
		e.tap(e.alice)
		e.tap(e.dave)
	}
	e.sim.WeChat.SilentAccept(e.alice.OpenID, string(town.Message))
	e.report(reportID)
}

// report has her mini program tell of a tap, and of what she wants.
func (e *estate) report(id string) {
	e.Helper()
	body := fmt.Sprintf(`{"reportId":%q,"ageSeconds":0,"results":{%q:"accept"},"preferences":{"quietHours":"03:00-03:10","mutedPeers":["whom alice mutes"]}}`,
		id, town.Message)
	if code := e.post(e.alice, body); code != http.StatusOK {
		e.Fatalf("POST permits: %d", code)
	}
}

// gone has WeChat call her openid unknown once, which counts it among those in a row, and has
// her log in and tap anew.
func (e *estate) gone() {
	e.Helper()
	e.sim.Faults.Next(sendPath, 1, simulator.Code(40003))
	e.card()
	e.logIn(e.alice)
	e.tap(e.alice) // for calls: the other answer is kept, and makes no event
	e.report("report-of-alice-0002")
	e.report("report-of-alice-0003") // the unknown card holds one
}

// deadAndUnknown leaves her with a delivered card, a dead letter, an unknown card, and a report
// of a card that nobody knows.
func (e *estate) deadAndUnknown() {
	e.Helper()
	e.card()
	e.sim.Faults.Next(sendPath, 1, simulator.Code(47003))
	e.card()
	e.sim.Faults.Next(sentEvent, 1, simulator.Lose())
	e.sim.Faults.Next(sendPath, 1, simulator.DropAfterSuccess())
	e.card()
	e.accept(notify.Fact{Sent: &notify.Sent{OpenID: notify.OpenID(e.alice.OpenID), MsgID: 77, Template: town.Call, At: e.clock.Now()}})
}

// card has bob write to alice, and a card go out.
func (e *estate) card() {
	e.Helper()
	e.say(e.bob, e.alice, heard)
	e.pass(2 * time.Minute)
	e.run()
}

// asSender makes her the sender of what dave has: given up, called, read, recalled and
// waiting.
func (e *estate) asSender() {
	e.Helper()
	e.say(e.alice, e.dave, said)
	e.pass(2 * time.Minute)
	e.sim.Faults.Next(sendPath, 1, simulator.Code(47003))
	e.run() // it also looks her name up
	e.sim.IM.Read(e.dave.User, e.alice.User)
	e.calls(e.alice, e.dave)
	recalled := e.say(e.alice, e.dave, said)
	e.must(e.sim.IM.Recall(e.alice.User, e.dave.User, recalled.MsgKey))
	e.say(e.alice, e.dave, said)
}

// calls has one call another, in vain, and again: that rings on for long.
func (e *estate) calls(from, to *town.Person) {
	e.Helper()
	missed, err := e.sim.IM.Ring(simulator.Call{From: from.User, To: []string{to.User}})
	e.must(err)
	e.must(e.sim.IM.EndCall(missed, simulator.CallMissed))
	e.pass(15 * time.Second)
	_, err = e.sim.IM.Ring(simulator.Call{From: from.User, To: []string{to.User}, RingFor: 2 * time.Hour, Webhooks: true})
	e.must(err)
}

// asMember leaves messages of a group to be spread, one of hers and one that mentions her.
func (e *estate) asMember() {
	e.Helper()
	e.must(e.sim.IM.CreateGroup(simulator.Group{ID: "@TGS#team", Type: simulator.GroupPublic, Name: "Team",
		Members: []string{e.bob.User, e.alice.User, e.dave.User}}))
	for _, m := range []simulator.GroupMessage{
		{From: e.alice.User, Body: []simulator.Elem{simulator.Text(said)}, At: []string{e.dave.User}},
		{From: e.bob.User, Body: []simulator.Elem{simulator.Text("to all")}, At: []string{e.alice.User, e.dave.User}},
	} {
		m.Group = "@TGS#team"
		_, err := e.sim.IM.SendGroup(m)
		e.must(err)
	}
}

// waiting leaves a message, an announcement, a missed call and a ringing one waiting for her,
// and others that were read and recalled.
func (e *estate) waiting() {
	e.Helper()
	e.say(e.carol, e.alice, heard)
	e.sim.IM.Read(e.alice.User, e.carol.User)
	recalled := e.say(e.carol, e.alice, heard)
	e.must(e.sim.IM.Recall(e.carol.User, e.alice.User, recalled.MsgKey))
	e.sim.IM.SignIn(e.alice.User, simulator.MiniProgram)
	e.sim.IM.Kill(e.alice.User)
	e.say(e.bob, e.alice, heard)
	header, body := town.Announcement(e.clock.Now(), "announcement-1", e.alice.User, heard)
	if w := town.Do(e.town, http.MethodPost, "/announce", header, body); w.Code != http.StatusOK {
		e.Fatalf("announce: %d %s", w.Code, w.Body)
	}
	e.calls(e.carol, e.alice)
	e.pass(10 * time.Second)
}

// killedRun leaves her message's card reserved by a run that does not go on.
func (e *estate) killedRun() {
	e.Helper()
	batch, err := e.store.Claim(e.ctx(), 100)
	e.must(err)
	for _, rec := range batch.Recipients {
		if string(rec.User) != e.alice.User || rec.Lane != notify.LaneMessages {
			continue
		}
		var ids []notify.Identity
		for _, n := range rec.Notices {
			ids = append(ids, n.ID)
		}
		id := notify.CardID(rec.Lease + "-" + string(rec.User))
		_, err := e.store.Begin(e.ctx(), []notify.Begin{{User: rec.User, Lane: rec.Lane, Lease: rec.Lease, Card: id, Template: town.Message, Messages: ids}})
		e.must(err)
		r, err := e.store.Reserve(e.ctx(), notify.Reserve{Card: id, OpenID: rec.OpenID, User: rec.User, Lane: rec.Lane, Template: town.Message,
			Messages: ids, PerHour: 1000, UnknownAfter: time.Hour})
		e.must(err)
		if r.Status != notify.ReserveOK {
			e.Fatalf("reserve: %+v", r)
		}
		e.pass(notify.Lease + time.Second)
		return
	}
	e.Fatal("nothing is due for alice")
}
