package functions_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/store"
	"wxnotify/trust"
	"wxnotify/trust/erase/scan"
	"wxnotify/trust/fixture"
)

// verify checks what holds whatever happened: nothing waits, each message has ended once,
// no card was shown twice, accounts add up, who was erased is gone, and all works on, above
// all with the token.
func (s *system) verify() {
	s.t.Helper()
	if left := s.queued(); len(left) > 0 {
		s.t.Errorf("left behind, due %v", left)
	}
	for user, p := range s.people {
		if p.erased {
			s.isForgotten(user, p.openID)
			continue
		}
		s.endedOnce(user, p)
		s.shownOnce(user, p)
		s.addsUp(user, p)
	}
	if s.path.check != nil {
		s.path.check(s)
	}
	s.bindingsAgree()
	if token := []string{"look", "commit", "stable_token", "send", ""}; slices.Contains(token, s.crash.call.name) {
		s.worksOn()
	}
}

// endedOnce checks that each message of a user has one end.
func (s *system) endedOnce(user fact.UserID, p *person) {
	s.t.Helper()
	for _, m := range p.messages {
		ends := s.ends(user, m.id)
		switch {
		case len(ends) == 0 && s.lost:
			continue
		case len(ends) == 0:
			trust.Broken(s.t, trust.Lost, "message %s to %s has no end", m.id, user)
			continue
		case len(ends) == 2 && corrects(ends[0], ends[1]):
		case len(ends) > 1:
			trust.Broken(s.t, trust.Violated, "message %s to %s ended as %q", m.id, user, ends)
		}
		last := ends[len(ends)-1]
		if !slices.Contains(m.states, last) && (last != fact.StateUnknown || s.certain()) {
			s.t.Errorf("message %s to %s ended as %s, want one of %q", m.id, user, last, m.states)
		}
	}
}

// shownOnce checks that a user was told of each message at most once, and of as many as
// are called delivered.
func (s *system) shownOnce(user fact.UserID, p *person) {
	s.t.Helper()
	delivered, maybe := 0, 0
	for _, m := range p.messages {
		switch ends := s.ends(user, m.id); {
		case slices.Contains(ends, fact.StateRefused): // as WeChat reported
			maybe++
		case slices.Contains(ends, fact.StateDelivered):
			delivered++
		case slices.Contains(ends, fact.StateUnknown):
			maybe++
		}
	}
	shown := 0
	for _, c := range s.cards(p.openID) {
		n, err := strconv.Atoi(c.Value("number3"))
		if err != nil {
			s.t.Errorf("a card to %s is about %q messages", user, c.Value("number3"))
		}
		shown += n
	}
	if shown > delivered+maybe {
		trust.Count(s.t, trust.Doubled, shown-delivered-maybe)
		s.t.Errorf("%s was told of %d messages, but %d are delivered and %d may be", user, shown, delivered, maybe)
	}
	if shown < delivered {
		trust.Count(s.t, trust.Lost, delivered-shown)
		s.t.Errorf("%s was told of %d messages, but %d are called delivered", user, shown, delivered)
	}
}

// corrects reports whether WeChat's report may make one end of another.
func corrects(was, is fact.State) bool {
	return was == fact.StateUnknown && (is == fact.StateDelivered || is == fact.StateRefused) ||
		was == fact.StateDelivered && is == fact.StateRefused
}

// certain reports whether the crash came when it was clear that no card had gone, or that
// it had: then no message may end as unknown.
func (s *system) certain() bool {
	if s.crash.way == "" {
		return true
	}
	clear := []string{"claim", "claim calls", "take", "due", "watch", "query_online_status", "get_c2c_unread_msg_num",
		"get_group_member_info", "get_specified_group_member_info", "get", "pace", "Invoke"}
	return !s.path.crowded && !s.path.unclear && slices.Contains(clear, s.crash.call.name)
}

// addsUp checks a user's accounts, and holds them against WeChat's own.
func (s *system) addsUp(user fact.UserID, p *person) {
	s.t.Helper()
	accounts, err := store.Accounts(s.t.Context(), s.store, p.openID)
	s.t.Must(err)
	for id, a := range accounts {
		wechat := s.sim.WeChat.Permits(string(p.openID), string(id))
		spent := 0 // of which WeChat may know nothing
		for _, m := range p.messages {
			if slices.Contains(s.ends(user, m.id), fact.StateUnknown) {
				spent++
			}
		}
		if !fixture.AddsUp(a) || a.Held != 0 || a.Balance > wechat || a.Balance < wechat-spent {
			trust.Broken(s.t, trust.Violated, "the account of %s for %s is %+v; WeChat has %d permits", user, id, a, wechat)
		}
	}
}

// isForgotten checks that no key and no value in the store names a user.
func (s *system) isForgotten(user fact.UserID, openID fact.OpenID) {
	s.t.Helper()
	all, err := scan.All(s.t.Context(), s.db)
	s.t.Must(err)
	for _, entry := range all {
		if entry.Contains(string(user)) || entry.Contains(string(openID)) {
			trust.Broken(s.t, trust.Violated, "%s is erased, and named in %v", user, entry)
		}
	}
}

// bindingsAgree checks that whom an openid belongs to is sent to it, and nobody else.
func (s *system) bindingsAgree() {
	s.t.Helper()
	all, err := scan.All(s.t.Context(), s.db)
	s.t.Must(err)
	owned, sent, known := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range all {
		var sub struct {
			User string `json:"u"`
		}
		_, openID, subscriber := strings.Cut(e.Key, "}:s:")
		_, user, recipient := strings.Cut(e.Key, "}:r:")
		switch {
		case subscriber && e.Field == "d":
			s.t.Must(json.Unmarshal([]byte(e.Value), &sub))
			if sub.User != "" {
				owned[sub.User+" at "+openID] = true
			}
		case recipient:
			known[user] = true
			if e.Field == "o" {
				sent[user+" at "+e.Value] = true
			}
		}
	}
	if diff := cmp.Diff(owned, sent); diff != "" || len(known) != len(sent) {
		s.t.Errorf("%d recipients; whose openids are (-at the subscriber +at the recipient):\n%s", len(known), diff)
	}
}

// worksOn checks that a new instance can tell somebody else of something, whatever token
// it finds, and leaves one that WeChat knows.
func (s *system) worksOn() {
	s.t.Helper()
	s.sim.Faults.Clear()
	s.kill("deliver")
	openID := s.subscribe("somebody-else", 1)
	id := s.say("somebody-else")
	s.deliver("{}")
	s.goOn()
	if ends := s.ends("somebody-else", id); !slices.Equal(ends, []fact.State{fact.StateDelivered}) {
		s.t.Errorf("afterwards a message to somebody else ended as %q", ends)
	}
	if n := len(s.cards(openID)); n != 1 {
		s.t.Errorf("afterwards somebody else was shown %d cards", n)
	}
	token, _, _, err := s.store.Token(s.t.Context(), s.settings["WECHAT_APPID"])
	s.t.Must(err)
	res := httptest.NewRecorder()
	s.sim.ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/cgi-bin/getcallbackip?access_token="+url.QueryEscape(token), nil))
	if !strings.Contains(res.Body.String(), "ip_list") {
		s.t.Error("afterwards WeChat does not know the token in the store")
	}
}
