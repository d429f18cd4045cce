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
			s := newStage(t, func(c *simulator.Config) {
				c.IM.SDKAppID, c.IM.SecretKey = v.SDKAppID, secret.New(v.Key)
			})
			s.clock.Set(time.Unix(v.Now, 0))
			m := s.call("POST", fmt.Sprintf("/v4/ConfigSvc/GetIPList?sdkappid=%d&identifier=%s&usersig=%s&random=1&contenttype=json",
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
	s := newStage(t, func(c *simulator.Config) { c.IM.Admins = []string{"root"} })
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
		"account":         {"POST", "im_open_login_svc/account_check", "?sdkappid=1400000001" + sig, "{}", 70403},
		"config":          {"POST", "ConfigSvc/GetIPList", "?sdkappid=1400000001" + sig, "{}", 60010},
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
	s := newStage(t)
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
		if item["Detail"] != nil {
			t.Errorf("Detail without being asked: %v", item)
		}
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
	s := newStage(t)
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
	s := newStage(t)
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
	s.callbacks()
	s.rest("openim/admin_set_msg_read", `{"Report_Account":"tommy","Peer_Account":"jared"}`)
	if m := s.callback("C2C.CallbackAfterMsgReport"); number(t, m, "UnreadMsgNum") != 1 {
		t.Errorf("got %v", m)
	}
}

func TestSendMsgOverREST(t *testing.T) {
	s := newStage(t)
	s.IM.Import("tommy", "")
	body := func(more string) string {
		return `{"To_Account":"tommy","MsgRandom":1287657,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]` + more + `}`
	}
	m := s.rest("openim/sendmsg", body(`,"MsgSeq":93847636`))
	if m["MsgKey"] != "93847636_1287657_1795305600" || number(t, m, "MsgTime") != start.Unix() {
		t.Errorf("got %v", m)
	}
	d := s.one()
	if d.query.Get("OptPlatform") != "RESTAPI" || object(t, d.body)["From_Account"] != "administrator" {
		t.Errorf("callback %s %s", d.raw, d.body)
	}
	wantCode(t, s.IM.Recall("administrator", "tommy", "93847636_1287657_1795305600"), 0)
	s.callbacks()

	s.rest("openim/sendmsg", body(`,"ForbidCallbackControl":["ForbidBeforeSendMsgCallback","ForbidAfterSendMsgCallback"]`))
	s.none()
	s.rest("openim/batchsendmsg", `{"To_Account":["tommy","nobody"],"MsgRandom":7,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`)
	s.none()
	if n := s.IM.Unread("tommy"); n != 2 {
		t.Errorf("%d unread, want 2", n)
	}
	s.rest("openim/sendmsg", body(`,"SendMsgControl":["NoUnread"],"From_Account":"jared"`))
	s.rest("openim/sendmsg", body(`,"MsgLifeTime":0`))
	if n := s.IM.Unread("tommy"); n != 2 {
		t.Errorf("%d unread, want 2", n)
	}
	for more, want := range map[string]int64{
		`{"To_Account":"nobody","MsgRandom":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`: 90012,
		`{"To_Account":"tommy","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`:                90005,
		`{"To_Account":"tommy","MsgRandom":1,"MsgBody":[]}`:                                                      90002,
		`{"To_Account":["tommy"],"MsgRandom":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{}}]}`:           90003,
	} {
		if m := s.rest("openim/sendmsg", more); number(t, m, "ErrorCode") != want {
			t.Errorf("%s: got %v, want %d", more, m, want)
		}
	}
}

func TestMessagesAreForgotten(t *testing.T) {
	s := newStage(t)
	s.IM.Import("tommy", "")
	const again = `{"To_Account":"tommy","MsgSeq":1,"MsgRandom":2,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`
	first := s.rest("openim/sendmsg", again)["MsgKey"].(string)
	s.rest("openim/sendmsg", again) // the same key: senders choose it
	s.clock.Advance(2 * time.Hour)
	later := s.text("jared", "tommy", "later")
	wantCode(t, s.IM.Recall("administrator", "tommy", first), 20022)
	wantCode(t, s.IM.Recall("jared", "tommy", later.MsgKey), 0)
}

func TestAdminRecall(t *testing.T) {
	s := newStage(t)
	s.IM.Import("tommy", "")
	sent := s.text("jared", "tommy", "hi")
	s.callbacks()
	s.clock.Advance(10 * time.Minute)
	body := fmt.Sprintf(`{"From_Account":"jared","To_Account":"tommy","MsgKey":%q}`, sent.MsgKey)
	if m := s.rest("openim/admin_msgwithdraw", body); number(t, m, "ErrorCode") != 0 {
		t.Errorf("got %v", m)
	}
	s.callback("C2C.CallbackAfterMsgWithDraw")
	if m := s.rest("openim/admin_msgwithdraw", body); number(t, m, "ErrorCode") != 20023 {
		t.Errorf("got %v", m)
	}
}

func TestAccountsOverREST(t *testing.T) {
	s := newStage(t)
	check := func(want string) {
		t.Helper()
		m := s.rest("im_open_login_svc/account_check", `{"CheckItem":[{"UserID":"tommy"}]}`)
		if got := m["ResultItem"].([]any)[0].(map[string]any)["AccountStatus"]; got != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	check("NotImported")
	if m := s.rest("im_open_login_svc/account_import", `{"UserID":"tommy","Nick":"Tom","FaceUrl":"https://face.example/1"}`); number(t, m, "ErrorCode") != 0 {
		t.Errorf("got %v", m)
	}
	check("Imported")
	if m := s.rest("im_open_login_svc/account_import", `{}`); number(t, m, "ErrorCode") != 70402 {
		t.Errorf("got %v", m)
	}
	m := s.rest("profile/portrait_get", `{"To_Account":["tommy","nobody"],"TagList":["Tag_Profile_IM_Nick","Tag_Profile_IM_Image"]}`)
	items := m["UserProfileItem"].([]any)
	if diff := cmp.Diff(map[string]any{"To_Account": "tommy", "ResultCode": num(0), "ResultInfo": "", "ProfileItem": []any{
		map[string]any{"Tag": "Tag_Profile_IM_Nick", "Value": "Tom"},
		map[string]any{"Tag": "Tag_Profile_IM_Image", "Value": "https://face.example/1"},
	}}, items[0]); diff != "" {
		t.Error(diff)
	}
	if number(t, items[1].(map[string]any), "ResultCode") != 40003 || m["Fail_Account"].([]any)[0] != "nobody" {
		t.Errorf("got %v", m)
	}
	if m := s.rest("profile/portrait_get", `{"To_Account":[`+list(101)+`],"TagList":["x"]}`); number(t, m, "ErrorCode") == 0 {
		t.Error("101 portraits were given")
	}

	s.IM.SignIn("tommy", simulator.MiniProgram)
	s.callbacks()
	if m := s.rest("im_open_login_svc/kick", `{"UserID":"tommy"}`); number(t, m, "ErrorCode") != 0 {
		t.Errorf("got %v", m)
	}
	if m := s.callback("State.StateChange"); m["Info"].(map[string]any)["Action"] != "Logout" {
		t.Errorf("got %v", m)
	}
	if m := s.rest("ConfigSvc/GetIPList", `{}`); len(m["IPList"].([]any)) == 0 {
		t.Errorf("got %v", m)
	}
}
