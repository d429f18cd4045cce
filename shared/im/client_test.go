package im_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
)

// exchange is one documented request with its reply.
type exchange struct {
	Path     string          `json:"path"`
	Request  json.RawMessage `json:"request"`
	Status   int             `json:"http_status"`
	Response json.RawMessage `json:"response"`
}

// replay serves one exchange and checks that it is asked as documented.
func replay(t *testing.T, name string) *fakeIM {
	t.Helper()
	var x exchange
	readJSON(t, filepath.Join("testdata/rest", name+".json"), &x)
	return &fakeIM{t: t, answer: func(_ int, path string, request []byte) (int, string) {
		var want, got any
		if err := errors.Join(json.Unmarshal(x.Request, &want), json.Unmarshal(request, &got)); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || path != x.Path {
			t.Errorf("%s asked as %s:\n%s", x.Path, path, diff)
		}
		return x.Status, string(x.Response)
	}}
}

func TestReplayed(t *testing.T) {
	t.Run("query_online_status", func(t *testing.T) {
		got, err := served(t, replay(t, "query_online_status")).Presence(t.Context(), []notify.UserID{"id1", "id2", "id3", "id4"})
		want := map[notify.UserID]notify.Status{"id1": notify.StatusOffline, "id2": notify.StatusOnline,
			"id3": notify.StatusPushOnline, "id4": notify.StatusOffline}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("query_online_status_detail", func(t *testing.T) {
		f := replay(t, "query_online_status_detail")
		answer := f.answer
		f.answer = func(n int, path string, request []byte) (int, string) {
			// We do not ask for details; they do not disturb.
			return answer(n, path, []byte(strings.Replace(string(request), "{", `{"IsNeedDetail":1,`, 1)))
		}
		got, err := served(t, f).Presence(t.Context(), []notify.UserID{"id1", "id2", "id4"})
		want := map[notify.UserID]notify.Status{"id1": notify.StatusOnline, "id2": notify.StatusOffline, "id4": notify.StatusOffline}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("portrait_get", func(t *testing.T) {
		got, err := served(t, replay(t, "portrait_get")).PortraitGet(t.Context(), []notify.UserID{"id1", "id2"})
		if diff := cmp.Diff(map[notify.UserID]im.Portrait{"id1": {Nick: "NickNameTest1"}}, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("unread_total", func(t *testing.T) {
		got, err := served(t, replay(t, "unread_total")).UnreadTotal(t.Context(), "dramon1")
		if got != 12 || err != nil {
			t.Errorf("%d, %v; want 12", got, err)
		}
	})
	for name, code := range map[string]int{"freq_limited": 60007, "usersig_expired": 70001} {
		t.Run(name, func(t *testing.T) {
			_, err := served(t, replay(t, name)).Presence(t.Context(), []notify.UserID{"id1"})
			var api *im.APIError
			if !errors.As(err, &api) || api.Code != code || api.Op != "query_online_status" || api.Info == "" {
				t.Errorf("%v, want code %d", err, code)
			}
		})
	}
	t.Run("query_online_status_error", func(t *testing.T) {
		f := replay(t, "query_online_status_error")
		reply := f.answer
		f.answer = func(n int, path string, _ []byte) (int, string) { return reply(n, path, []byte(`{"To_Account":[]}`)) }
		_, err := served(t, f).Presence(t.Context(), []notify.UserID{"id1"})
		var api *im.APIError
		if !errors.As(err, &api) || api.Code != 90001 || !api.Bug() || f.calls() != 1 {
			t.Errorf("%v after %d calls, want a bug after one", err, f.calls())
		}
	})
}

func TestPortraitBatches(t *testing.T) {
	f := &fakeIM{t: t}
	f.answer = func(_ int, _ string, request []byte) (int, string) {
		var q struct {
			To []string `json:"To_Account"`
		}
		if err := json.Unmarshal(request, &q); err != nil || len(q.To) > 100 {
			t.Errorf("%d accounts, %v", len(q.To), err)
		}
		var items []string
		for _, user := range q.To {
			items = append(items, fmt.Sprintf(`{"To_Account":%q,"ResultCode":0,"ProfileItem":[
				{"Tag":"Tag_Profile_IM_Image","Value":"https://example.com/x"},{"Tag":"Tag_Other","Value":7}]}`, user))
		}
		return 200, `{"ErrorCode":0,"UserProfileItem":[` + strings.Join(items, ",") + `]}`
	}
	var users []notify.UserID
	for i := range 250 {
		users = append(users, notify.UserID(strconv.Itoa(i)))
	}
	got, err := served(t, f).PortraitGet(t.Context(), users)
	if err != nil || len(got) != 250 || f.calls() != 3 || got["7"].Image != "https://example.com/x" || got["7"].Nick != "" {
		t.Errorf("%d portraits in %d calls, %v", len(got), f.calls(), err)
	}
}

func TestNewClientChecks(t *testing.T) {
	for base, ok := range map[string]bool{
		"":                                    true,
		"https://adminapisgp.im.qcloud.com":   true,
		"https://adminapisgp.im.qcloud.com/":  true,
		"http://127.0.0.1:9000/im":            true,
		"http://[::1]:9000":                   true,
		"http://localhost:9000":               true,
		"http://console.tim.qq.com":           false,
		"http://127.0.0.1.example.com":        false,
		"http://10.0.0.1":                     false,
		"ftp://127.0.0.1":                     false,
		"console.tim.qq.com":                  false,
		"https://":                            false,
		"https://admin:pw@console.tim.qq.com": false,
		"https://console.tim.qq.com/?a=b":     false,
		"https://console.tim.qq.com/#a":       false,
		"https://a b":                         false,
	} {
		for _, cfg := range []im.ClientConfig{{BaseURL: base}, {BackupURL: base}} {
			cfg.SDKAppID, cfg.SecretKey = testAppID, secret.New(testKey)
			_, err := im.NewClient(cfg)
			if (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), "IM_API_BASE") || strings.Contains(err.Error(), "pw")) {
				t.Errorf("%+v: %v, want accepted: %t", cfg, err, ok)
			}
		}
	}
	if _, err := im.NewClient(im.ClientConfig{}); err == nil || !strings.Contains(err.Error(), "IM_SDKAPPID") || !strings.Contains(err.Error(), "IM_SECRET_KEY") {
		t.Errorf("no settings: %v", err)
	}
}

// TestCallersClientIsLeftAlone: we add our redirect rule to a copy.
func TestCallersClientIsLeftAlone(t *testing.T) {
	f := &fakeIM{t: t, answer: always(0, "")}
	mine := &http.Client{Transport: f}
	newClient(t, im.ClientConfig{HTTPClient: mine})
	if mine.CheckRedirect != nil {
		t.Error("the caller's http.Client was changed")
	}
}

func TestPortraitPartly(t *testing.T) {
	const reply = `{"ErrorCode":0,"UserProfileItem":[{"To_Account":"a","ResultCode":0},{"To_Account":"b","ResultCode":40006},
		{"To_Account":"c","ResultCode":40003},{"To_Account":"x","ResultCode":0}],"Fail_Account":["b","c"]}`
	f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, reply }}
	got, err := served(t, f).PortraitGet(t.Context(), []notify.UserID{"a", "b", "c"})
	var api *im.APIError
	if !errors.As(err, &api) || api.Code != 40006 || !strings.Contains(err.Error(), "1 of 3 users") {
		t.Errorf("%v, want code 40006 for one of three", err)
	}
	if diff := cmp.Diff(map[notify.UserID]im.Portrait{"a": {}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnreadTotalNeedsANumber(t *testing.T) {
	for reply, want := range map[string]int{
		`{"ErrorCode":0,"AllC2CUnreadMsgNum":0}`: 0, `{"ErrorCode":"0","AllC2CUnreadMsgNum":"4"}`: 4,
		`{"ErrorCode":0}`: -1, `{"ErrorCode":0,"AllC2CUnreadMsgNum":-1}`: -1, `{"ErrorCode":0,"AllC2CUnreadMsgNum":{}}`: -1,
	} {
		f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, reply }}
		n, err := served(t, f).UnreadTotal(t.Context(), "a")
		if (err == nil) != (want >= 0) || err == nil && n != want {
			t.Errorf("%s: %d, %v", reply, n, err)
		}
	}
}
