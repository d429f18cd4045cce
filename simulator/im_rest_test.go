package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/secret"
	"wxnotify/simulator"
)

func TestRESTAuthentication(t *testing.T) {
	_, invalid := sigVectors(t)
	codes := map[string]int64{
		"expired": 70001, "signature": 70009, "identifier": 70013, "sdkappid": 70014, "userbuf": 70009, "malformed": 70003,
	}
	compared := 0
	for _, v := range invalid {
		want, known := codes[v.Expect]
		if !known { // the library does not look at the version
			continue
		}
		if v.UserSig == "" {
			want = 70002
		}
		compared++
		t.Run(v.Name, func(t *testing.T) {
			s := newFixture(t, func(c *simulator.Config) {
				c.IM.SDKAppID, c.IM.SecretKey = v.SDKAppID, secret.New(v.Key)
			})
			s.clock.Set(time.Unix(v.Now, 0))
			m := s.call("POST", fmt.Sprintf("/v4/openim/query_online_status?sdkappid=%d&identifier=%s&usersig=%s&random=1&contenttype=json",
				v.SDKAppID, v.Identifier, v.UserSig), "{}")
			if got := number(t, m, "ErrorCode"); got != want || m["ActionStatus"] != "FAIL" {
				t.Errorf("got %v, want %d", m, want)
			}
		})
	}
	if compared < 12 {
		t.Errorf("only %d vectors were compared", compared)
	}
}

func TestRESTChecks(t *testing.T) {
	s := newFixture(t, func(c *simulator.Config) { c.IM.Admins = []string{"root"} })
	sig := "&identifier=administrator&usersig=" + adminSig(t) // good, but not an admin here
	for name, tt := range map[string]struct {
		method, command, query, body string
		want                         int64
	}{
		"get":             {"GET", "openim/query_online_status", "?sdkappid=1400000001" + sig, "", 60002},
		"no sdkappid":     {"POST", "openim/query_online_status", "?x=1" + sig, "{}", 60012},
		"other sdkappid":  {"POST", "openim/query_online_status", "?sdkappid=1400000002" + sig, "{}", 60006},
		"random":          {"POST", "openim/query_online_status", "?sdkappid=1400000001&random=99999999999" + sig, "{}", 60002},
		"contenttype":     {"POST", "openim/query_online_status", "?sdkappid=1400000001&contenttype=xml" + sig, "{}", 60002},
		"openim":          {"POST", "openim/query_online_status", "?sdkappid=1400000001" + sig, "{}", 90009},
		"profile":         {"POST", "profile/portrait_get", "?sdkappid=1400000001" + sig, "{}", 40004},
		"group":           {"POST", "group_open_http_svc/get_group_info", "?sdkappid=1400000001" + sig, "{}", 10007},
		"upper-case path": {"POST", "OpenIM/query_online_status", "?sdkappid=1400000001" + sig, "{}", 60009},
	} {
		t.Run(name, func(t *testing.T) {
			m := s.call(tt.method, "/v4/"+tt.command+tt.query, tt.body)
			if got := number(t, m, "ErrorCode"); got != tt.want {
				t.Errorf("got %v, want %d", m, tt.want)
			}
		})
	}
}

func list(n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"u%d"`, i)
	}
	return strings.Join(ids, ",")
}

func TestQueryOnlineStatus(t *testing.T) {
	s := newFixture(t)
	s.IM.SignIn("here", simulator.MiniProgram)
	s.IM.Import("away", "")
	m := s.rest("openim/query_online_status", `{"To_Account":["here","away","stranger"]}`)
	if number(t, m, "ErrorCode") != 0 || m["ActionStatus"] != "OK" {
		t.Errorf("got %v", m)
	}
	got := map[any]any{}
	for _, r := range m["QueryResult"].([]any) {
		item := r.(map[string]any)
		got[item["To_Account"]] = item["Status"]
	}
	if diff := cmp.Diff(map[any]any{"here": "Online", "away": "Offline"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{map[string]any{"To_Account": "stranger", "ErrorCode": num(70107)}}, m["ErrorList"]); diff != "" {
		t.Error(diff)
	}
	for body, want := range map[string]int64{
		`{"To_Account":["stranger"]}`:        70107,
		`{"To_Account":[]}`:                  90001,
		`{}`:                                 90001,
		`[]`:                                 90001,
		``:                                   90001,
		`{"To_Account":[1]}`:                 90003,
		`{"To_Account":[` + list(501) + `]}`: 90011,
		`{"To_Account":["here",` + list(1) + `]}`: 0,
	} {
		if m := s.rest("openim/query_online_status", body); number(t, m, "ErrorCode") != want {
			t.Errorf("%.40s: got %v, want %d", body, m, want)
		}
	}
	if m := s.rest("openim/query_online_status", `{"To_Account":["here",`+list(499)+`]}`); len(m["ErrorList"].([]any)) != 499 {
		t.Errorf("500 accounts: %v", m)
	}
}

func TestQueryResultsComeInAnyOrder(t *testing.T) {
	s := newFixture(t)
	for i := range 20 {
		s.IM.Import(fmt.Sprintf("u%d", i), "")
	}
	m := s.rest("openim/query_online_status", `{"To_Account":[`+list(20)+`]}`)
	sorted := true
	for i, r := range m["QueryResult"].([]any) {
		sorted = sorted && r.(map[string]any)["To_Account"] == fmt.Sprintf("u%d", i)
	}
	if sorted {
		t.Error("20 results came in the order of the question")
	}
}

func TestUnreadOverREST(t *testing.T) {
	s := newFixture(t)
	s.IM.Import("tommy", "")
	s.text("jared", "tommy", "1")
	s.text("jared", "tommy", "2")
	s.text("lily", "tommy", "3")
	m := s.rest("openim/get_c2c_unread_msg_num", `{"To_Account":"tommy"}`)
	if number(t, m, "AllC2CUnreadMsgNum") != 3 {
		t.Errorf("got %v", m)
	}
	m = s.rest("openim/get_c2c_unread_msg_num", `{"To_Account":"tommy","Peer_Account":["jared","nobody"]}`)
	want := []any{map[string]any{"Peer_Account": "jared", "C2CUnreadMsgNum": num(2)}}
	if diff := cmp.Diff(want, m["C2CUnreadMsgNumList"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{map[string]any{"Peer_Account": "nobody", "ErrorCode": num(70107)}}, m["ErrorList"]); diff != "" {
		t.Error(diff)
	}
	if m := s.rest("openim/get_c2c_unread_msg_num", `{"To_Account":"tommy","Peer_Account":[`+list(11)+`]}`); number(t, m, "ErrorCode") != 90011 {
		t.Errorf("11 peers: %v", m)
	}
}

func TestMessagesAreForgotten(t *testing.T) {
	s := newFixture(t)
	s.IM.Import("tommy", "")
	first := s.text("jared", "tommy", "hi")
	s.clock.Advance(2 * time.Hour)
	later := s.text("jared", "tommy", "later")
	wantCode(t, s.IM.Recall("jared", "tommy", first.MsgKey), 20022)
	wantCode(t, s.IM.Recall("jared", "tommy", later.MsgKey), 0)
}

func TestPortraits(t *testing.T) {
	s := newFixture(t)
	s.IM.Import("tommy", "Tom")
	m := s.rest("profile/portrait_get", `{"To_Account":["tommy","nobody"],"TagList":["Tag_Profile_IM_Nick","Tag_Profile_IM_Image"]}`)
	items := m["UserProfileItem"].([]any)
	if diff := cmp.Diff(map[string]any{"To_Account": "tommy", "ResultCode": num(0), "ResultInfo": "", "ProfileItem": []any{
		map[string]any{"Tag": "Tag_Profile_IM_Nick", "Value": "Tom"},
	}}, items[0]); diff != "" {
		t.Error(diff)
	}
	if number(t, items[1].(map[string]any), "ResultCode") != 40003 || m["Fail_Account"].([]any)[0] != "nobody" {
		t.Errorf("got %v", m)
	}
	if m := s.rest("profile/portrait_get", `{"To_Account":[`+list(101)+`],"TagList":["x"]}`); number(t, m, "ErrorCode") == 0 {
		t.Error("101 portraits were given")
	}
}

func TestCallCallbackIsTold(t *testing.T) {
	s := newFixture(t)
	s.IM.Switch("Call.CallbackAfterMemberChanged", false)
	want := map[string]any{"Url": callURL, "CallbackCommandList": []any{"Call.CallbackAfterStartCall", "Call.CallbackAfterEndCall"}}
	if d := cmp.Diff(want, s.rest("call_config/get_callback", "{}")["Response"]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := s.IM.SetCallbackURL(""); err != nil {
		t.Fatal(err)
	}
	if m := s.rest("call_config/get_callback", "{}"); number(t, m, "ErrorCode") != 100301 {
		t.Errorf("without one: %v", m)
	}
}
