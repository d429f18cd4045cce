package functions_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/secret"
	"wxnotify/trust/fixture"
)

// apiPaths are what clients and backends ask. Who gets no answer, or a bad one, asks
// again, as the API's documents say: with a new login code, a new signature, the same
// report.
var apiPaths = []path{
	{name: "session first login", function: "session", prepare: firstLogin},
	{name: "session another login", function: "session", prepare: anotherLogin},
	{name: "session login that takes over", function: "session", trusted: true, prepare: takeover},
	{name: "session erase", function: "session", prepare: eraseRequest, check: erased(3, false)},
	{name: "permits reported", function: "permits", prepare: permitsReported, check: balance(2)},
	{name: "announce", function: "announce", prepare: announcement},
}

// login logs an openid in, each time with a new code. A named user is the backend's choice.
func (s *system) login(openID fact.OpenID, named fact.UserID, heard func(fact.UserID)) happening {
	return s.asked("POST", 200, func(try int) (string, http.Header) {
		body := map[string]string{"code": s.sim.WeChat.Login(string(openID))}
		if named != "" {
			body["userId"] = string(named)
		}
		b, err := json.Marshal(body)
		s.t.Must(err)
		return string(b), s.signed("SESSION_KEY", "session", string(b), try)
	}, func(res response) {
		var got struct{ UserID fact.UserID }
		if err := json.Unmarshal([]byte(res.Body), &got); err != nil {
			s.t.Error(err)
		}
		heard(got.UserID)
	})
}

// signed is how a backend signs. A repetition has a later timestamp.
func (s *system) signed(key, word, body string, try int) http.Header {
	return fixture.Signed(secret.New(s.settings[key]), word, []byte(body), time.Now().Add(time.Duration(try)*time.Second))
}

// bearer is the header with which a user signs for themselves.
func (s *system) bearer(user fact.UserID) http.Header {
	s.t.Helper()
	header, err := fixture.BearerOf(s.sim.Config(), user, time.Now())
	s.t.Must(err)
	return header
}

// bound checks that both sides of a binding agree.
func (s *system) bound(user fact.UserID, openID fact.OpenID) {
	s.t.Helper()
	if o, err := s.store.OpenIDOf(s.t.Context(), user); err != nil || o != openID {
		s.t.Errorf("%s is bound to %q (%v), want %q", user, o, err, openID)
	}
}

// firstLogin is somebody new. Once logged in they accept a card, and are written to.
func firstLogin(s *system) []happening {
	openID := fact.OpenID(s.sim.WeChat.NewUser())
	return []happening{s.login(openID, "", func(user fact.UserID) {
		s.bound(user, openID)
		s.sim.IM.Import(string(user), "")
		s.people[user] = &person{openID: openID}
		s.permit(openID, template, 1)
		s.writes(user, fact.StateDelivered)
	})}
}

// anotherLogin is somebody who is bound, and for whom something waits.
func anotherLogin(s *system) []happening {
	p := s.user("user2", 1)
	s.writes("user2", fact.StateDelivered)
	return []happening{s.login(p.openID, "", func(user fact.UserID) {
		if user != "user2" {
			s.t.Errorf("user2 was called %q", user)
		}
		s.bound("user2", p.openID)
	})}
}

// takeover binds user2 to another phone, which belonged to user3: what waits for user2
// goes to that phone, and what waits for user3 ends.
func takeover(s *system) []happening {
	p := s.user("user2", 0)
	q := s.user("user3", 1)
	s.writes("user2", fact.StateDelivered)
	s.writes("user3", fact.StateUnbound)
	phone := q.openID
	h := s.login(phone, "user2", func(fact.UserID) {
		s.bound("user2", phone)
		if o, err := s.store.OpenIDOf(s.t.Context(), "user3"); err == nil {
			s.t.Errorf("user3 is bound to %s still", o)
		}
	})
	// From now on the phone, and what it has accepted, is user2's.
	p.openID, q.openID = phone, p.openID
	return []happening{h}
}

func eraseRequest(s *system) []happening {
	s.muchOf("user2")
	return []happening{s.asked("DELETE", 204, func(int) (string, http.Header) { return "", s.bearer("user2") }, nil)}
}

// permitsReported is a tap without a dialog, of which only the mini program tells. It does
// so until it was heard.
func permitsReported(s *system) []happening {
	p := s.user("user2", 0)
	before := s.now().Add(-time.Hour) // so this tap is another one
	s.record(fact.Fact{Grant: &fact.Grant{ID: "before", OpenID: p.openID, Source: fact.GrantPopup, At: before,
		Templates: []fact.TemplateID{template}}})
	for range 2 {
		s.sim.WeChat.SilentAccept(string(p.openID), template)
	}
	return []happening{s.asked("POST", 200, func(int) (string, http.Header) {
		return `{"reportId":"report-1","ageSeconds":0,"results":{"` + template + `":"accept"}}`, s.bearer("user2")
	}, nil)} // the answer may not know yet of a report that was spilled
}

// announcement is one for two users and a stranger. The backend signs anew until it was heard.
func announcement(s *system) []happening {
	for _, user := range []fact.UserID{"user2", "user3"} {
		s.user(user, 2)
		s.expects(user, "order-1", fact.StateDelivered)
	}
	const body = `{"id":"order-1","kind":"message","to":["user2","user3","stranger"],"fields":{"summary":"shipped","count":1}}`
	return []happening{s.asked("POST", 200, func(try int) (string, http.Header) {
		return body, s.signed("ANNOUNCE_KEY", "announce", body, try)
	}, func(res response) {
		if strings.Count(res.Body, `"accepted"`) != 2 {
			s.t.Errorf("answered %s", res.Body)
		}
	})}
}
