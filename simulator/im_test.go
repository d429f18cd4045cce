package simulator_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

// sigVectors reads testdata/usersig.json.
type sigVector struct {
	Name       string `json:"name"`
	SDKAppID   uint64 `json:"sdkappid"`
	Key        string `json:"key"`
	Identifier string `json:"identifier"`
	Now        int64  `json:"now"`
	Expect     string `json:"expect"`
	UserSig    string `json:"usersig"`
}

func sigVectors(t *testing.T) (valid, invalid []sigVector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/usersig.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors, Invalid []sigVector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors, file.Invalid
}

// adminSig is a UserSig of the administrator, good for 180 days from start.
func adminSig(t *testing.T) string {
	t.Helper()
	valid, _ := sigVectors(t)
	i := slices.IndexFunc(valid, func(v sigVector) bool { return v.Name == "admin-180days-default" })
	return valid[i].UserSig
}

// rest calls a REST command as the administrator.
func (s *fixture) rest(command, body string) map[string]any {
	s.t.Helper()
	return s.call("POST", "/v4/"+command+"?sdkappid=1400000001&identifier=administrator&usersig="+adminSig(s.t)+
		"&random=99999999&contenttype=json", body)
}

// callbacks takes what came and checks what all callbacks have in common.
func (s *fixture) callbacks() []map[string]any {
	s.t.Helper()
	var bodies []map[string]any
	for _, d := range s.inbox.take() {
		m := object(s.t, d.body)
		if d.path != "/imcallback" || m["CallbackCommand"] != d.query.Get("CallbackCommand") {
			s.t.Errorf("%s of %s has body %s", d.raw, d.path, d.body)
		}
		at := d.query.Get("RequestTime")
		if d.query.Get("Sign") != simulator.CallbackSignForTest(callToken, at) || d.query.Get("SdkAppid") != "1400000001" {
			s.t.Errorf("query %s", d.raw)
		}
		bodies = append(bodies, m)
	}
	return bodies
}

// callback takes the only callback, which must be of that command.
func (s *fixture) callback(command string) map[string]any {
	s.t.Helper()
	got := s.callbacks()
	if len(got) != 1 || got[0]["CallbackCommand"] != command {
		s.t.Fatalf("got %v, want one %s", got, command)
	}
	return got[0]
}

func TestCallbackSignVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/im_callback_sign.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Token       string `json:"token"`
			RequestTime string `json:"request_time"`
			Sign        string `json:"sign"`
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range file.Vectors {
		if got := simulator.CallbackSignForTest(v.Token, v.RequestTime); got != v.Sign {
			t.Errorf("token %q at %s: got %s, want %s", v.Token, v.RequestTime, got, v.Sign)
		}
	}
}

func TestCallbackQuery(t *testing.T) {
	s := newFixture(t)
	s.IM.SignIn("tommy", simulator.IPhone)
	got := s.one().raw
	want := "SdkAppid=1400000001&CallbackCommand=State.StateChange&contenttype=json&ClientIP=203.0.113.7&OptPlatform=IOS" +
		"&Sign=42ed70d5a68e136011e09ca1c43fbf85d7c6cdc0edc7fc55194a4e057daf1574&RequestTime=1795305600"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPresenceDelays(t *testing.T) {
	for name, tt := range map[string]struct {
		on     simulator.Platform
		leave  func(*simulator.IM, string)
		after  time.Duration // -1: never
		action string
		reason string
		then   simulator.Status
	}{
		"mini program closed":     {simulator.MiniProgram, func(m *simulator.IM, u string) { m.Close(u) }, 5 * time.Second, "Disconnect", "LinkClose", simulator.Offline},
		"mini program background": {simulator.MiniProgram, func(m *simulator.IM, u string) { m.Background(u) }, 30 * time.Second, "Disconnect", "LinkClose", simulator.Offline},
		"mini program no network": {simulator.MiniProgram, func(m *simulator.IM, u string) { m.LoseNetwork(u) }, time.Minute, "Disconnect", "LinkClose", simulator.Offline},
		"WeChat killed":           {simulator.MiniProgram, func(m *simulator.IM, u string) { m.Kill(u) }, 0, "Disconnect", "LinkClose", simulator.Offline},
		"mini program logout":     {simulator.MiniProgram, func(m *simulator.IM, u string) { m.Logout(u) }, 0, "Logout", "Unregister", simulator.Offline},
		"tab closed":              {simulator.Web, func(m *simulator.IM, u string) { m.Close(u) }, 0, "Disconnect", "LinkClose", simulator.Offline},
		"tab no network":          {simulator.Web, func(m *simulator.IM, u string) { m.LoseNetwork(u) }, time.Minute, "Disconnect", "LinkClose", simulator.Offline},
		"app killed":              {simulator.Android, func(m *simulator.IM, u string) { m.Kill(u) }, 0, "Disconnect", "LinkClose", simulator.PushOnline},
		"app no network":          {simulator.Android, func(m *simulator.IM, u string) { m.LoseNetwork(u) }, 400 * time.Second, "Disconnect", "TimeOut", simulator.PushOnline},
		"app logout":              {simulator.Android, func(m *simulator.IM, u string) { m.Logout(u) }, 0, "Logout", "Unregister", simulator.Offline},
		"app background":          {simulator.Android, func(m *simulator.IM, u string) { m.Background(u) }, -1, "", "", simulator.Online},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t)
			s.IM.SignIn("tommy", tt.on)
			if m := s.callback("State.StateChange"); m["Info"].(map[string]any)["Action"] != "Login" || m["KickedDevice"] != nil {
				t.Errorf("login says %v", m)
			}
			tt.leave(s.IM, "tommy")
			if tt.after < 0 {
				s.clock.Advance(time.Hour)
				s.none()
			} else {
				if tt.after > 0 {
					s.clock.Advance(tt.after - time.Millisecond)
					s.none()
					s.status("tommy", simulator.Online)
					s.clock.Advance(time.Millisecond)
				}
				m := s.callback("State.StateChange")
				want := map[string]any{"Action": tt.action, "To_Account": "tommy", "Reason": tt.reason}
				if diff := cmp.Diff(want, m["Info"]); diff != "" {
					t.Error(diff)
				}
				if at := number(t, m, "EventTime"); at != start.Add(tt.after).UnixMilli() {
					t.Errorf("EventTime is %d", at)
				}
			}
			s.status("tommy", tt.then)
		})
	}
}

// status asks for the presence of a user over REST and compares it with Status.
func (s *fixture) status(user string, want simulator.Status) {
	s.t.Helper()
	m := s.rest("openim/query_online_status", `{"To_Account":["`+user+`"]}`)
	got := m["QueryResult"].([]any)[0].(map[string]any)["Status"]
	direct, ok := s.IM.Status(user)
	if got != string(want) || direct != want || !ok {
		s.t.Errorf("%s is %v, %s at %s, want %s", user, got, direct, s.clock.Now().Sub(start), want)
	}
}

func TestComingBackInTime(t *testing.T) {
	s := newFixture(t)
	s.IM.SignIn("tommy", simulator.MiniProgram)
	s.IM.Close("tommy")
	s.clock.Advance(3 * time.Second)
	s.callbacks()
	s.IM.SignIn("tommy", simulator.MiniProgram) // reconnected: that Disconnect is never sent
	if m := s.callback("State.StateChange"); m["Info"].(map[string]any)["Action"] != "Login" {
		t.Errorf("got %v", m)
	}
	s.clock.Advance(time.Hour)
	s.none()
	s.IM.Background("tommy")
	s.IM.Kill("tommy")
	s.callback("State.StateChange")
	s.clock.Advance(time.Hour)
	s.none()
}

func TestSeveralDevices(t *testing.T) {
	s := newFixture(t)
	s.IM.SignIn("tommy", simulator.MiniProgram)
	s.IM.SignIn("tommy", simulator.Web)
	s.IM.SignIn("tommy", simulator.IPhone)
	if got := len(s.callbacks()); got != 3 {
		t.Fatalf("%d logins, want 3: nobody is kicked", got)
	}
	s.IM.SignIn("tommy", simulator.Android)
	m := s.callback("State.StateChange")
	want := []any{map[string]any{"Platform": "iOS"}}
	if diff := cmp.Diff(want, m["KickedDevice"]); diff != "" {
		t.Error(diff)
	}
	s.IM.Kill("tommy", simulator.MiniProgram, simulator.Android)
	s.callbacks()
	s.status("tommy", simulator.Online) // a forgotten tab
	s.IM.Close("tommy", simulator.Web)
	s.status("tommy", simulator.PushOnline)
	s.clock.Advance(7 * 24 * time.Hour)
	s.status("tommy", simulator.Offline)
	s.IM.SignIn("lily", simulator.IPhone)
	s.callbacks()
	s.IM.Logout("lily", simulator.Web) // no such device
	s.none()
}

func TestLowerEditionHasNoStateChange(t *testing.T) {
	s := newFixture(t)
	s.IM.Switch("State.StateChange", false)
	s.IM.SignIn("tommy", simulator.MiniProgram)
	s.IM.Kill("tommy")
	s.none()
	s.IM.Switch("State.StateChange", true)
	s.IM.SignIn("tommy", simulator.MiniProgram)
	s.callback("State.StateChange")
}

func TestSignInWithSig(t *testing.T) {
	s := newFixture(t)
	if err := s.IM.SignInWithSig("administrator", adminSig(t), simulator.Web); err != nil {
		t.Error(err)
	}
	err := s.IM.SignInWithSig("tommy", adminSig(t), simulator.Web)
	var refused *simulator.Error
	if !errors.As(err, &refused) || refused.Code != 70013 {
		t.Errorf("got %v, want 70013", err)
	}
	if _, ok := s.IM.Status("tommy"); ok {
		t.Error("a refused sign-in made an account")
	}
	if strings.Contains(err.Error(), adminSig(t)) {
		t.Error("the error shows the UserSig")
	}
}
