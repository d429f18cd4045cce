package wire_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/store"
	kit "wxnotify/trust/fixture"
)

// All functions of a deployment work on one store: what one of them records, the next goes by.
func TestFromLoginToErasure(t *testing.T) {
	f := newFixture(t)
	openID := f.sim.WeChat.NewUser()
	f.t.Must(f.sim.WeChat.Subscribe(openID, template, 3))
	answered := func(res response, status int, says string) {
		t.Helper()
		if res.StatusCode != status || !strings.Contains(res.Body, says) {
			t.Fatalf("answered %+v, want %d with %q", res, status, says)
		}
	}
	woken := func(want int) {
		t.Helper()
		if len(f.scf.Waiting()) != want || f.scf.Waiting()[want-1] != "{}" {
			t.Errorf("deliver was invoked with %q, want %d wakes", f.scf.Waiting(), want)
		}
	}
	cards := 0
	sent := func(event any, want int) {
		t.Helper()
		cards += want
		if err := f.run(event); err != nil || f.cards(fact.OpenID(openID)) != cards {
			t.Fatalf("%v; the phone shows %d cards, want %d\n%s", err, f.cards(fact.OpenID(openID)), cards, &f.log)
		}
	}

	res := f.login(openID)
	answered(res, http.StatusOK, "userSig")
	var user kit.User
	f.t.Must(json.Unmarshal([]byte(res.Body), &user))
	id := fact.UserID(user.UserID)
	f.sim.IM.Import(user.UserID, "")
	f.sim.IM.Import("bob", "Bob")

	answered(f.push(fact.OpenID(openID), template, "another"), http.StatusOK, "success")
	for _, report := range []string{"report-1", "report-2"} {
		f.call("permits", http.MethodPost, nil, `{"reportId":"`+report+`","ageSeconds":7200,"results":{"T1":"accept"}}`, user.Bearer())
	}
	answered(f.call("permits", http.MethodGet, nil, "", user.Bearer()), http.StatusOK, `"balance":3`)

	asked := f.sim.Record.Count("/*")
	answered(f.callback(id), http.StatusOK, "OK")
	woken(1)
	if n := f.sim.Record.Count("/*") - asked; n != 0 {
		t.Errorf("%d calls to WeChat or IM while receiving", n)
	}
	sent(struct{}{}, 1)
	if got := f.sim.WeChat.Cards(openID)[0].Value("thing1"); got != "Bob" {
		t.Errorf("the card is from %q", got)
	}

	// What was spilled is recorded at once, and sent by the run that it wakes.
	back := fact.Fact{Presence: &fact.Presence{User: id, At: f.now()}}
	sent(scf.DeliverEvent{Overflow: &scf.Overflow{Since: f.now(), Facts: []fact.Fact{back, f.message("spilled", id)}}}, 0)
	woken(2)
	sent(struct{}{}, 1)
	if n := f.sim.Record.Count("/cgi-bin/stable_token"); n != 1 {
		t.Errorf("%d instances fetched a token", n)
	}

	answered(f.announcement(id), http.StatusOK, `"accepted"`)
	woken(3)
	sent(struct{}{}, 1)

	answered(f.call("session", http.MethodDelete, nil, "", user.Bearer()), http.StatusNoContent, "")
	if _, err := f.store.OpenIDOf(t.Context(), id); !errors.Is(err, store.ErrNotBound) {
		t.Errorf("after the erasure: %v", err)
	}
}

// A deployed function goes by the machine's clock and calls out over the network.
func TestNoSeams(t *testing.T) {
	f := newFixture(t)
	srv := httptest.NewServer(f.sim)
	t.Cleanup(srv.Close)
	f.seamless, f.settings["WECHAT_API_BASE"] = true, srv.URL
	res := f.login(f.sim.WeChat.NewUser())
	var user struct{ ExpiresAt time.Time }
	if err := json.Unmarshal([]byte(res.Body), &user); err != nil || time.Until(user.ExpiresAt).Round(time.Hour) != 24*time.Hour {
		t.Errorf("answered %+v, %v", res, err)
	}
}

// Receivers hand on to deliver what the store does not take. Who announces is told, and asks again.
func TestStoreAway(t *testing.T) {
	f := newFixture(t)
	f.redis.Close()
	if res := f.announcement("user1"); res.StatusCode != http.StatusServiceUnavailable || len(f.scf.Waiting()) != 0 {
		t.Errorf("an announcement is answered %+v, spilled %q", res, f.scf.Waiting())
	}
	if res := f.callback("user1"); res.short() != "200 OK" || len(f.scf.Waiting()) != 1 || !strings.Contains(f.scf.Waiting()[0], `"user1"`) {
		t.Errorf("a callback is answered %+v, spilled %q", res, f.scf.Waiting())
	}
	if res := f.push("openid-1", template); res.StatusCode != http.StatusOK || len(f.scf.Waiting()) != 2 || !strings.Contains(f.scf.Waiting()[1], "openid-1") {
		t.Errorf("a push is answered %+v, spilled %q", res, f.scf.Waiting())
	}
	var spilled scf.DeliverEvent
	f.t.Must(json.Unmarshal([]byte(f.scf.Waiting()[0]), &spilled))
	if _, err := f.invoke("deliver", spilled, 26*time.Second); err != nil || len(f.scf.Waiting()) != 3 || f.scf.Waiting()[2] != f.scf.Waiting()[0] {
		t.Errorf("%v; deliver has 25 s left, and was to hand on what it got: %q", err, f.scf.Waiting())
	}
	if err := f.run(map[string]any{"Type": "Timer"}); err != nil {
		t.Errorf("a run that the timer repeats is no failure: %v", err)
	}
}

// A timer's event that waited for an instance does what is due, and does not hold the instance.
func TestLateTimerDoesNotWait(t *testing.T) {
	f := newFixture(t)
	user, _ := f.user()
	for age, waits := range map[time.Duration]bool{3 * time.Minute: false, 0: true} {
		_, err := f.store.Record(t.Context(), notify.DefaultRules(), []fact.Fact{f.message(fact.MessageID(age.String()), user)})
		f.t.Must(err)
		began := time.Now()
		f.t.Must(f.run(map[string]any{"Type": "Timer", "TriggerName": "every-minute", "Time": f.now().Add(-age).Format(time.RFC3339)}))
		if took := time.Since(began); (took > 2*time.Second) != waits {
			t.Errorf("an event that is %v old took %v", age, took)
		}
	}
}

// A deployment whose settings do not fit what its store was filled with says what to correct.
func TestSettingsThatDoNotFitTheStore(t *testing.T) {
	f := newFixture(t)
	f.t.Must(f.run(struct{}{}))
	if strings.Contains(f.log.String(), `"level":"ERROR"`) {
		t.Errorf("the first run: %s", &f.log)
	}
	for setting, value := range map[string]string{"STORE_SHARDS": "8", "WECHAT_APPID": "wx2", "IM_SDKAPPID": "1400000002"} {
		was := f.settings[setting]
		f.settings[setting] = value
		f.log.Reset()
		f.t.Must(f.run(struct{}{}))
		if log := f.log.String(); !strings.Contains(log, setting+" is "+value) || !strings.Contains(log, `"alert":"store"`) {
			t.Errorf("the log does not say that %s is wrong:\n%s", setting, log)
		}
		f.settings[setting] = was
	}
}

// A function names each setting that it needs and does not have, and each that holds a placeholder,
// needed or not: all at once, each once, without its value.
func TestSettingsAreNamed(t *testing.T) {
	wechatAPI, imAPI := []string{"WECHAT_APPID", "WECHAT_APPSECRET"}, []string{"IM_SDKAPPID", "IM_SECRET_KEY"}
	for name, c := range map[string]struct {
		function string
		mode     string // of session
		needs    []string
	}{
		"imcallback":         {"imcallback", "", []string{"IM_SDKAPPID", "IM_CALLBACK_TOKEN"}},
		"wechatpush":         {"wechatpush", "", []string{"WECHAT_APPID", "WECHAT_TOKEN"}},
		"session":            {"session", "", slices.Concat(wechatAPI, imAPI, []string{"USERID_KEY"})},
		"session of backend": {"session", "trusted", slices.Concat(wechatAPI, imAPI, []string{"SESSION_KEY"})},
		"permits":            {"permits", "", imAPI},
		"announce":           {"announce", "", []string{"ANNOUNCE_KEY"}},
		"deliver":            {"deliver", "", slices.Concat(wechatAPI, imAPI)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.settings["SESSION_MODE"] = c.mode
			needs := append(c.needs, "STORE_URL", "NOTIFY_FILE")
			_, err := f.build(c.function, func(name string) string { return map[string]string{"SESSION_MODE": c.mode}[name] })
			if err == nil {
				t.Fatal("it was built without settings")
			}
			var taken []string
			if _, err := f.build(c.function, func(name string) string { taken = append(taken, name); return f.settings[name] }); err != nil {
				t.Fatal(err)
			}
			for _, setting := range needs {
				if !strings.Contains(err.Error(), setting) {
					t.Errorf("%s is not named in:\n%v", setting, err)
				}
				f.mustNameOnce(c.function, setting, "")
			}
			slices.Sort(taken)
			for _, setting := range slices.Compact(taken) {
				f.mustNameOnce(c.function, setting, "undefined")
			}
		})
	}
}

// mustNameOnce checks that a function is not built with a value of a setting, and says so in one
// line that names it. Where only notify.yml fails by it, the line may be an alert instead: some
// functions go on without.
func (f *fixture) mustNameOnce(function, setting, value string) {
	f.t.Helper()
	f.log.Reset()
	_, err := f.build(function, func(name string) string {
		if name == setting {
			return value
		}
		return f.settings[name]
	})
	told := strings.TrimSpace(f.log.String())
	switch {
	case err != nil:
		told = err.Error()
	case setting != "NOTIFY_FILE" && setting != "TEMPLATE_MESSAGE" || !strings.Contains(told, `"alert":"misconfigured"`):
		f.t.Errorf("it was built with %s=%q", setting, value)
		return
	}
	if strings.Contains(told, "\n") || !strings.Contains(told, setting) || value != "" && strings.Contains(told, value) {
		f.t.Errorf("%s=%q is to be told in one line, without its value:\n%s", setting, value, told)
	}
}

// Whatever notify.yml holds, what comes in is recorded and users get in, and nothing is sent by rules
// that the operator did not write.
func TestBrokenNotifyFile(t *testing.T) {
	const message = `message: {id: T1, data: {thing1: "{{.Sender}}"}}`
	for name, c := range map[string]struct {
		text    string
		permits string // with a template, a mini program can be told of its permits
	}{
		"no YAML":               {"templates: {", refuses},
		"not in UTF-8":          {"templates: {message: {id: T1, data: {thing1: \"\xd0\xc2\"}}}", refuses},
		"no template":           {"rules: {lead: 0s}", refuses},
		"an unset template":     {`templates: {message: {id: "${NO_SUCH}", data: {thing1: "{{.Sender}}"}}}`, refuses},
		"another template only": {`templates: {digest: {id: T2, data: {thing1: "{{.Sender}}"}}}`, refuses},
		"a rule":                {"templates: {" + message + "}\nrules: {lead: soon}", "200"},
		"an unset rule":         {"templates: {" + message + "}\nrules: {lead: \"${NO_SUCH}\"}", "200"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.notifyFile(c.text)
			want := []string{"200 OK, recorded", "200", "200, recorded", "200", c.permits, refuses, "no card"}
			if got := f.ask(); !slices.Equal(got, want) {
				t.Errorf("answers\n%q, want\n%q", got, want)
			}
			if n := f.sim.Record.Count("/v4/openim/query_online_status"); n != 0 {
				t.Errorf("IM was asked %d times who is there", n)
			}
			if log := f.log.String(); !strings.Contains(log, `"alert":"misconfigured"`) || strings.Contains(log, "lunch") {
				t.Errorf("the log has no alert, or a text:\n%s", log)
			}
			f.log.Reset()
			user, _ := f.user()
			f.callback(user)
			if n := strings.Count(f.log.String(), `"alert":"misconfigured"`); n != 1 {
				t.Errorf("one instance alerts %d times", n)
			}
		})
	}
}
