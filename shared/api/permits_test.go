package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// What a mini program reports is its user's word: it brings no balance above 100, and the log says so.
func TestReportsCountOnlySoManyPermits(t *testing.T) {
	s := newService(t, false)
	r := s.login("code-a")
	var last reply
	for i := range 102 {
		s.now = s.now.Add(5 * time.Minute)
		s.mini.FastForward(5 * time.Minute)
		last = s.do(s.permits, "POST", fmt.Sprintf(`{"reportId":"report-%d","results":{"T1":"accept"}}`, i), bearer(r.UserID, r.UserSig))
	}
	if last.status != 200 || last.Templates[0].Balance != 100 {
		t.Errorf("%d %+v, want a balance of 100", last.status, last.Templates)
	}
	if n := strings.Count(s.log.String(), `"templates":["T1"],"most":100`); n != 3 {
		t.Errorf("the log says of %d reports that the balance is full, want 3: %s", n, &s.log)
	}
}

func TestPermits(t *testing.T) {
	s := newService(t, false)
	r := s.login("code-a")
	auth := bearer(r.UserID, r.UserSig)
	balance := func(want int) {
		t.Helper()
		got := s.do(s.permits, "GET", "", auth)
		if got.status != 200 || got.Templates[0].Balance != want {
			t.Errorf("%d %+v, want a balance of %d", got.status, got.Templates, want)
		}
	}
	balance(0)
	report := func(id, results string) reply {
		return s.do(s.permits, "POST", fmt.Sprintf(`{"reportId":%q,"ageSeconds":2.5,"results":%s}`, id, results), auth)
	}
	if got := report("report-1", `{"T1":"accept","other":"accept"}`); got.status != 200 || got.Templates[0].Balance != 1 {
		t.Errorf("%d %+v %+v", got.status, got.Templates, got.Error)
	}
	report("report-1", `{"T1":"accept"}`) // the same tap, sent again
	balance(1)
	report("report-2", `{"T1":"reject"}`)
	report("report-4", `{"T1":"filter"}`)
	balance(1)
	report("report-5", `{"T1":"acceptWithAudio"}`)
	report("report-6", `{"errMsg":"requestSubscribeMessage:ok","T1":"acceptWithForcePush"}`)
	balance(3)
	if strings.Contains(s.log.String(), "not known") {
		t.Errorf("known words are logged: %s", &s.log)
	}
	report("report-a", `{"T1":"acknowledged","other":"whatever"}`)
	report("report-b", `{"T1":"你好 \n\u0007`+strings.Repeat("x", 4000)+`"}`)
	balance(3)
	if log := s.log.String(); !strings.Contains(log, `"words":["acknowledged"]`) || !strings.Contains(log, `"words":["?"]`) || len(log) > 5000 {
		t.Errorf("unknown words are logged so: %s", log)
	}
	if got := s.do(s.permits, "GET", "", auth); got.Templates[0].Ask {
		t.Errorf("with three permits: %+v", got.Templates[0])
	}
	s.now = s.now.Add(time.Minute)
	report("report-7", `{"T1":"ban"}`) // switched off by WeChat: nothing can be sent
	balance(0)
	s.now = s.now.Add(time.Minute)
	report("report-8", `{"T1":"accept"}`)
	balance(1)

	s.wantRefusals(func(body string) reply { return s.do(s.permits, "POST", body, auth) }, map[string]refusal{
		"short id":   {`{"reportId":"r","ageSeconds":0,"results":{"T1":"accept"}}`, "reportId", ""},
		"future":     {`{"reportId":"report-9","ageSeconds":-300.1,"results":{"T1":"accept"}}`, "ageSeconds", ""},
		"old":        {`{"reportId":"report-9","ageSeconds":86401,"results":{"T1":"accept"}}`, "ageSeconds", ""},
		"no results": {`{"reportId":"report-9","ageSeconds":0,"results":{}}`, "results", ""},
		"array":      {`{"reportId":"report-9","ageSeconds":0,"results":["T1"]}`, "bad_json", ""},
		"no answers": {`{"reportId":"report-9","ageSeconds":0,"results":{"errno":0,"T1":null}}`, "results", ""},
	})
	balance(1)
}

// What the dialog returned is sent unchanged, and phones have the clocks that they have.
func TestReportsAsPhonesSendThem(t *testing.T) {
	s := newService(t, false)
	r := s.login("code-a")
	auth := bearer(r.UserID, r.UserSig)
	for name, body := range map[string]string{
		"a numeric member":           `"ageSeconds":1,"results":{"errMsg":"requestSubscribeMessage:ok","errno":0,"T1":"accept"}`,
		"members of every type":      `"ageSeconds":1,"results":{"a":0,"b":1e999,"c":true,"d":null,"e":{},"f":[],"T1":"accept"}`,
		"a clock that stepped back":  `"ageSeconds":-0.4,"results":{"T1":"accept"}`,
		"a clock that was set right": `"ageSeconds":-300,"results":{"T1":"accept"}`,
	} {
		s.now = s.now.Add(time.Hour) // beyond what pairs taps
		before := s.do(s.permits, "GET", "", auth).Templates[0].Balance
		if got := s.do(s.permits, "POST", `{"reportId":"`+name+`",`+body+`}`, auth); got.status != 200 || got.Templates[0].Balance != before+1 {
			t.Fatalf("%s: %d %+v %+v, want one permit more than %d", name, got.status, got.Error, got.Templates, before)
		}
		accounts, err := store.Accounts(t.Context(), s.store, "o-a")
		if err != nil {
			t.Fatal(err)
		}
		entries := accounts["T1"].Entries
		if at := entries[len(entries)-1].At; at.After(s.now) {
			t.Errorf("%s: the tap is of %v, in the future of %v", name, at, s.now)
		}
	}
}

func TestPreferences(t *testing.T) {
	s := newService(t, false)
	r := s.login("code-a")
	auth := bearer(r.UserID, r.UserSig)
	want := func(prefs string) {
		t.Helper()
		if got := s.do(s.permits, "GET", "", auth); got.status != 200 || string(got.Preferences) != prefs {
			t.Errorf("%d %s, want %s", got.status, got.Preferences, prefs)
		}
	}
	set := func(prefs string) reply {
		t.Helper()
		got := s.do(s.permits, "POST", `{"preferences":`+prefs+`}`, auth)
		if got.status != 200 {
			t.Errorf("%s: %d %+v", prefs, got.status, got.Error)
		}
		return got
	}
	want(`{"muted":false,"quietHours":"","mutedPeers":[]}`)
	set(`{"muted":true,"quietHours":"22:30-07:00","mutedPeers":["bob","@TGS#1"]}`)
	want(`{"muted":true,"quietHours":"22:30-07:00","mutedPeers":["bob","@TGS#1"]}`)
	got := set(`{"muted":false}`) // what is left out stays
	if string(got.Preferences) != `{"muted":false,"quietHours":"22:30-07:00","mutedPeers":["bob","@TGS#1"]}` {
		t.Errorf("answered %s", got.Preferences)
	}
	set(`{"quietHours":"","mutedPeers":[]}`)
	want(`{"muted":false,"quietHours":"","mutedPeers":[]}`)

	// Together with a report.
	got = s.do(s.permits, "POST", `{"reportId":"report-1","ageSeconds":1,"results":{"T1":"accept"},"preferences":{"muted":true}}`, auth)
	if got.status != 200 || got.Templates[0].Balance != 1 || !strings.Contains(string(got.Preferences), `"muted":true`) {
		t.Errorf("%d %+v %s", got.status, got.Templates, got.Preferences)
	}

	s.wantRefusals(func(prefs string) reply { return s.do(s.permits, "POST", `{"preferences":`+prefs+`}`, auth) }, map[string]refusal{
		"unknown key":       {`{"mute":true}`, "bad_json", `"mute"`},
		"wrong type":        {`{"muted":"yes"}`, "bad_json", "preferences.muted"},
		"wrong list":        {`{"mutedPeers":"bob"}`, "bad_json", "preferences.mutedPeers"},
		"wrong member":      {`{"mutedPeers":[1]}`, "bad_json", "preferences.mutedPeers"},
		"no object":         {`[]`, "bad_json", "preferences"},
		"hours":             {`{"quietHours":"night"}`, "preferences", "preferences.quietHours"},
		"hours that end":    {`{"quietHours":"22:30-22:30"}`, "preferences", "preferences.quietHours"},
		"an empty peer":     {`{"mutedPeers":["bob",""]}`, "preferences", "preferences.mutedPeers[1]"},
		"too many peers":    {`{"mutedPeers":[` + strings.Repeat(`"x",`, 100) + `"x"]}`, "preferences", "at most 100"},
		"two faults":        {`{"quietHours":"x","mutedPeers":[""]}`, "preferences", "preferences.mutedPeers[0]"},
		"nothing after all": {`null`, "reportId", "reportId"},
	})
	// A fault in one part leaves the other undone.
	s.wantFault(s.do(s.permits, "POST", `{"reportId":"report-2","ageSeconds":1,"results":{"T1":"accept"},"preferences":{"quietHours":"x"}}`, auth), 400, "preferences")
	s.wantFault(s.do(s.permits, "POST", `{"reportId":"r","preferences":{"muted":false}}`, auth), 400, "reportId")
	s.wantFault(s.do(s.permits, "POST", `{"reportId":"report-3","preferences":{"muted":false}}`, auth), 400, "results")
	if got := s.do(s.permits, "GET", "", auth); got.Templates[0].Balance != 1 || !strings.Contains(string(got.Preferences), `"muted":true`) {
		t.Errorf("%+v %s", got.Templates, got.Preferences)
	}
}

// Templates are asked for in the order in which they are missed; one that announces
// several kinds is one.
func TestAdviceForSeveralTemplates(t *testing.T) {
	s := newService(t, false)
	s.permits.Templates = templates(t, map[fact.Kind]card.TemplateSpec{
		"message": {ID: "T1"}, "digest": {ID: "T2"}, "call": {ID: "T3"}, "missed_call": {ID: "T1"},
		"order_shipped": {ID: "T4", LongTerm: true}, "broadcast": {ID: "T5"},
	})
	s.session.Permits = *s.permits
	login := s.login("code-a")
	kinds := func(r reply) (out []string) {
		for _, a := range r.Templates {
			out = append(out, fmt.Sprintf("%s=%s", a.Kind, a.ID))
		}
		return out
	}
	want := []string{"message=T1", "call=T3", "digest=T2", "broadcast=T5", "order_shipped=T4"}
	if d := cmp.Diff(want, kinds(login)); d != "" {
		t.Errorf("session:\n%s", d)
	}
	auth := bearer(login.UserID, login.UserSig)
	got := s.do(s.permits, "GET", "", auth)
	if d := cmp.Diff(want, kinds(got)); d != "" {
		t.Errorf("permits:\n%s", d)
	}
	// What has no permit of its own may go out on the template of messages.
	if a := got.Templates[1]; !a.Ask || a.Balance != 0 || !strings.HasSuffix(a.Why, "with this template") {
		t.Errorf("a call without a permit: %+v", a)
	}
	if a := got.Templates[4]; !a.LongTerm || !a.Ask || a.Balance != 0 || a.Why == "" {
		t.Errorf("not subscribed: %+v", a)
	}
}

// The user's answers move the advice: a refusal puts the dialog off, and what they missed comes first.
func TestAdviceFollowsTheUser(t *testing.T) {
	s := newService(t, false)
	s.permits.Templates = templates(t, map[fact.Kind]card.TemplateSpec{"message": {ID: "T1"}, "call": {ID: "T2"}})
	r := s.login("code-a")
	auth := bearer(r.UserID, r.UserSig)
	got := s.wantOK(s.do(s.permits, "POST", `{"reportId":"report-1","results":{"T1":"reject"}}`, auth))
	if a, b := got.Templates[0], got.Templates[1]; a.Ask || a.AskInSeconds != 7*86400 || !b.Ask || b.AskInSeconds != 0 {
		t.Errorf("T1 was refused: %+v", got.Templates)
	}
	s.now = s.now.Add(time.Minute)
	s.do(s.permits, "POST", `{"reportId":"report-1","results":{"T1":"reject"}}`, auth) // sent again
	s.now = s.now.Add(7*24*time.Hour - time.Minute)
	if got = s.do(s.permits, "GET", "", auth); got.status != 401 { // a day is over
		t.Fatalf("%d", got.status)
	}
	r = s.login("code-a")
	if a := r.Templates[0]; !a.Ask || a.AskInSeconds != 0 {
		t.Errorf("a week later: %+v", a)
	}
	absent := permit.Reserve{Card: permit.Card{OpenID: "o-a", User: fact.UserID(r.UserID), Template: "T2"}, NewAbsence: true, PerHour: 30}
	for _, id := range []card.ID{"c1", "c2"} {
		absent.ID = id
		if _, err := s.store.Reserve(t.Context(), absent); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(time.Hour)
	}
	got = s.do(s.permits, "GET", "", bearer(r.UserID, r.UserSig))
	if a := got.Templates[0]; a.ID != "T2" || a.Missed != 2 || !strings.Contains(a.Why, "2") {
		t.Errorf("two absences found no permit of T2: %+v", got.Templates)
	}
}

// One acceptance of a long-term template is enough, and is all that is counted.
func TestLongTermAdvice(t *testing.T) {
	s := newService(t, false)
	s.permits.Templates = templates(t, map[fact.Kind]card.TemplateSpec{"message": {ID: "T1", LongTerm: true}})
	r := s.login("code-a")
	auth := bearer(r.UserID, r.UserSig)
	for _, id := range []string{"report-1", "report-2"} {
		got := s.do(s.permits, "POST", `{"reportId":"`+id+`","results":{"T1":"accept"}}`, auth)
		if got.status != 200 {
			t.Fatalf("%d %+v", got.status, got.Error)
		}
		if a := got.Templates[0]; !a.LongTerm || a.Ask || a.Balance != 1 || a.Why == "" {
			t.Errorf("subscribed: %+v", a)
		}
	}
	s.now = s.now.Add(time.Minute)
	got := s.do(s.permits, "POST", `{"reportId":"report-3","results":{"T1":"ban"}}`, auth)
	if a := got.Templates[0]; a.Ask || a.Balance != 0 || a.AskInSeconds != 540 {
		t.Errorf("banned: %+v", a)
	}
}
