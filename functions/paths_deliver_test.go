package functions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/store"
	"wxnotify/simulator"
)

// apiSend is where WeChat takes cards.
const apiSend = "/cgi-bin/message/subscribe/send"

// deliverPaths are runs. Where it is unclear what becomes of a card, WeChat's report, or its silence, or
// an erasure decides.
var deliverPaths = []path{
	{name: "deliver first card", function: "deliver", prepare: firstCard, check: oneCard},
	{name: "deliver several cards", function: "deliver", crowded: true, prepare: severalCards},
	{name: "deliver digest", function: "deliver", rules: ", keep_for_first: 0, keep_learning: false", prepare: digest},
	{name: "deliver group, page by page", function: "deliver", rules: ", groups: {Public: all}", crowded: true, prepare: groupPages},
	{name: "deliver mention", function: "deliver", prepare: mention},
	{name: "deliver call", function: "deliver", prepare: call},
	{name: "deliver missed call", function: "deliver", prepare: missedCall, check: toldUnlessThere},
	{name: "deliver after a retry", function: "deliver", prepare: sendAnswers(-1, fact.StateDelivered)},
	{name: "deliver refused", function: "deliver", prepare: refused},
	{name: "deliver with an old token", function: "deliver", prepare: oldToken, check: tokenFetchedOnce},
	{name: "deliver without quota", function: "deliver", rules: ", ttl: 48h", prepare: sendAnswers(45009, fact.StateDelivered)},
	{name: "deliver dead letter", function: "deliver", prepare: sendAnswers(47003, fact.StateDead), check: letterKept},
	{name: "deliver spilled facts", function: "deliver", prepare: spilled},
	{name: "deliver hands spilled facts on", function: "deliver", upstreamOnly: true, prepare: handedOn},
	{name: "deliver unknown, then reported", function: "deliver", unclear: true, prepare: unknownReported},
	{name: "deliver unknown, never reported", function: "deliver", unclear: true, prepare: unknownUnreported},
	{name: "deliver delivered, then corrected", function: "deliver", unclear: true, prepare: corrected},
	{name: "deliver to somebody who is erased meanwhile", function: "deliver", unclear: true, prepare: erasedMeanwhile},
}

// firstCard is a message to somebody who is away. The permits pay for more cards than one,
// so that they are not what keeps the user from being told twice.
func firstCard(s *system) []happening {
	s.user("user2", 3)
	s.writes("user2", fact.StateDelivered)
	return []happening{aRun()}
}

func oneCard(s *system) {
	if n := len(s.cards(s.people["user2"].openID)); n > 1 || n == 0 && s.certain() {
		s.t.Errorf("%d cards were shown", n)
	}
}

func severalCards(s *system) []happening {
	for i := range 3 {
		user := fact.UserID(fmt.Sprint("user", i))
		s.user(user, 2)
		s.writes(user, fact.StateDelivered)
		s.writes(user, fact.StateDelivered)
	}
	return []happening{aRun()}
}

// digest is the second card of an absence: IM is asked what is unread.
func digest(s *system) []happening {
	s.user("user2", 3)
	s.writes("user2", fact.StateDelivered)
	s.deliver("{}")
	s.pass(6 * time.Minute)
	s.writes("user2", fact.StateDelivered)
	s.writes("user2", fact.StateDelivered)
	return []happening{aRun()}
}

// groupPages is a message to a group of three pages, of whom two are bound.
func groupPages(s *system) []happening {
	members := []string{"bob"}
	for i := range 204 {
		members = append(members, fmt.Sprint("member", i))
	}
	s.user("member3", 2)
	s.user("member203", 2)
	s.group(members)
	m := fact.GroupMessage{Group: "G1", Type: fact.GroupPublic, From: "bob", SentAt: s.now().Truncate(time.Second), Seq: 1, For: fact.GroupAll}
	s.record(fact.Fact{GroupMessage: &m})
	s.expects("member3", m.ID(), fact.StateDelivered)
	s.expects("member203", m.ID(), fact.StateDelivered)
	return []happening{aRun()}
}

func (s *system) group(members []string) {
	s.t.Helper()
	s.t.Must(s.sim.IM.CreateGroup(simulator.Group{ID: "G1", Type: simulator.GroupPublic, Name: "Lunch", Members: members}))
}

func mention(s *system) []happening {
	s.user("user2", 2)
	s.group([]string{"bob", "user2"})
	m := fact.GroupMessage{Group: "G1", Type: fact.GroupPublic, From: "bob", SentAt: s.now().Truncate(time.Second), Seq: 1,
		For: fact.GroupMentions, At: []fact.UserID{"user2", "stranger"}}
	s.record(fact.Fact{GroupMessage: &m})
	s.expects("user2", m.ID(), fact.StateDelivered)
	return []happening{aRun()}
}

func ringAt(s *system, user fact.UserID) fact.Ring {
	return fact.Ring{Call: "call1", Source: fact.CallSignal, Caller: "bob", Users: []fact.UserID{user}, At: s.now(), For: 30 * time.Second}
}

// call rings at somebody who is away, and is told. Whoever finds the run dead a minute
// later is too late for that: it has become a missed call.
func call(s *system) []happening {
	p := s.user("user2", 2)
	s.permit(p.openID, templateMC, 2)
	r := ringAt(s, "user2")
	s.record(fact.Fact{Ring: &r})
	s.expects("user2", r.Call, fact.StateDelivered)
	return []happening{aRun()}
}

// missedCall rings at somebody who seems to be there, and ends unanswered.
func missedCall(s *system) []happening {
	p := s.user("user2", 2)
	s.permit(p.openID, templateMC, 2)
	s.sim.IM.SignIn("user2", simulator.MiniProgram)
	r := ringAt(s, "user2")
	r.For = 8 * time.Second
	s.record(fact.Fact{Ring: &r})
	s.expects("user2", r.Call, fact.StateDelivered, fact.StateCameOnline)
	return []happening{aRun(), aRunAfter(func() {
		s.sim.IM.Kill("user2")
		s.record(fact.Fact{RingEnd: &fact.RingEnd{Call: r.Call, Source: r.Source, Caller: r.Caller, Users: r.Users, How: fact.CallTimedOut, At: s.now()}},
			fact.Fact{Presence: &fact.Presence{User: "user2", At: s.now()}})
		s.pass(10 * time.Second)
	})}
}

// toldUnlessThere: a run that is cut off may look again only when the window is over, and
// they still seem to be there.
func toldUnlessThere(s *system) {
	ends := s.ends("user2", "call1")
	if s.crash.way == "" && !slices.Contains(ends, fact.StateDelivered) {
		s.t.Errorf("the missed call ended as %q", ends)
	}
}

// sendAnswers has WeChat answer the first send with a code.
func sendAnswers(code int, states ...fact.State) func(*system) []happening {
	return func(s *system) []happening {
		s.user("user2", 3)
		s.writes("user2", states...)
		s.sim.Faults.Next(apiSend, 1, simulator.Code(code))
		return []happening{aRun()}
	}
}

// refused is a card to somebody whom WeChat has no permit of, though our ledger has one.
func refused(s *system) []happening {
	p := s.user("user2", 1)
	s.sim.WeChat.SwitchOff(string(p.openID), template)
	s.writes("user2", fact.StateNoPermit)
	return []happening{aRun()}
}

// oldToken is a token in the store that WeChat refuses.
func oldToken(s *system) []happening {
	s.user("user2", 3)
	s.writes("user2", fact.StateDelivered)
	s.t.Must(s.store.PutToken(s.t.Context(), s.settings["WECHAT_APPID"], strings.Repeat("old", 20), s.now().Add(time.Hour)))
	return []happening{aRun()}
}

func tokenFetchedOnce(s *system) {
	most := 1
	if s.crash.way != "" {
		most = 2
	}
	if n := s.sim.Record.Count("/cgi-bin/stable_token"); n > most {
		s.t.Errorf("a token was fetched %d times", n)
	}
}

func letterKept(s *system) {
	letters, err := s.store.DeadLetters(s.t.Context(), 10)
	s.t.Must(err)
	want := 0
	if ends := s.ends("user2", s.people["user2"].messages[0].id); slices.Contains(ends, fact.StateDead) {
		want = 1
	}
	if len(letters) != want || want == 1 && len(letters[0].Messages) != 1 {
		s.t.Errorf("letters of what was given up: %+v, want %d", letters, want)
	}
}

// spilled are facts that a receiver could not record.
func spilled(s *system) []happening {
	p := s.user("user2", 0)
	s.t.Must(s.sim.WeChat.Subscribe(string(p.openID), template, 1))
	now := s.now().UTC()
	m := fact.Message{ID: "spilled1", From: "bob", To: "user2", SentAt: now.Truncate(time.Second), Seq: 1}
	s.expects("user2", m.ID, fact.StateDelivered)
	b, err := json.Marshal(map[string]any{"spill": map[string]any{"since": now, "facts": []fact.Fact{
		{Grant: &fact.Grant{ID: "tap1", OpenID: p.openID, Source: fact.GrantPopup, At: now, Templates: []fact.TemplateID{template}}},
		{Message: &m},
		{Presence: &fact.Presence{User: "user2", At: now}},
	}}})
	s.t.Must(err)
	h := aRun()
	h.event, h.once = func(int) string { return string(b) }, false // the platform repeats an event that failed
	return []happening{h}
}

// handedOn is an overflow for which deliver finds the store away until its time is out.
func handedOn(s *system) []happening {
	hs := spilled(s)
	hs[0].time = 26500 * time.Millisecond // deliver keeps 25 s of it
	hs[0].before = func() { s.away.Store(true) }
	return hs
}

// reports has WeChat tell of the cards that a user was shown.
func (s *system) reports(p *person, failed string) {
	for _, c := range s.cards(p.openID) {
		s.record(fact.Fact{Sent: &fact.Sent{OpenID: p.openID, MsgID: c.MsgID, Template: template,
			At: s.now().Truncate(time.Second), Failed: failed}})
	}
}

// unknownReported loses the answer to a send. WeChat reports of it, and deliver passes the
// end on.
func unknownReported(s *system) []happening {
	p := s.user("user2", 3)
	s.writes("user2", fact.StateDelivered, fact.StateUnknown)
	s.sim.Faults.Next(apiSend, 1, simulator.DropAfterSuccess())
	return []happening{aRun(), aRunAfter(func() { s.reports(p, "") })}
}

func unknownUnreported(s *system) []happening {
	s.user("user2", 3)
	s.writes("user2", fact.StateUnknown)
	s.sim.Faults.Next(apiSend, 1, simulator.HTTPStatus(http.StatusBadGateway))
	return []happening{aRun(), aRunAfter(func() { s.pass(3 * time.Minute) })}
}

// corrected is a card that WeChat took, and reports that it did not hand over.
func corrected(s *system) []happening {
	p := s.user("user2", 3)
	s.writes("user2", fact.StateRefused, fact.StateDelivered)
	return []happening{aRun(), aRunAfter(func() { s.reports(p, "1 failed") })}
}

// erasedMeanwhile is a user who wants to be forgotten while a card is on its way to them, and
// says so again when it was.
func erasedMeanwhile(s *system) []happening {
	p := s.user("user2", 3)
	s.writes("user2", fact.StateDelivered)
	p.erased = true
	erase := func() {
		if err := s.store.EraseUser(s.t.Context(), "user2"); err != nil && !errors.Is(err, store.ErrNotBound) {
			s.t.Error(err)
		}
	}
	var once sync.Once
	api := s.api
	s.api = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == apiSend {
			once.Do(erase)
		}
		api.ServeHTTP(rw, r)
	})
	return []happening{aRun(), aRunAfter(erase)}
}
