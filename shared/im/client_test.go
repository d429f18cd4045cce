package im_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// replayLess is replay of an example that asks for more than we do: old in our request
// stands for what is there.
func replayLess(t *testing.T, name, old, example string) *fakeIM {
	f := replay(t, name)
	answer := f.answer
	f.answer = func(n int, path string, request []byte) (int, string) {
		return answer(n, path, []byte(strings.Replace(string(request), old, example, 1)))
	}
	return f
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
		f := replayLess(t, "query_online_status_detail", "{", `{"IsNeedDetail":1,`) // details do not disturb
		got, err := served(t, f).Presence(t.Context(), []notify.UserID{"id1", "id2", "id4"})
		want := map[notify.UserID]notify.Status{"id1": notify.StatusOnline, "id2": notify.StatusOffline, "id4": notify.StatusOffline}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
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
			cfg.SDKAppID, cfg.SecretKey, cfg.Now = testAppID, secret.New(testKey), time.Now
			_, err := im.NewClient(cfg)
			if (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), "IM_API_BASE") || strings.Contains(err.Error(), "pw")) {
				t.Errorf("%+v: %v, want accepted: %t", cfg, err, ok)
			}
		}
	}
	if _, err := im.NewClient(im.ClientConfig{Now: time.Now}); err == nil || !strings.Contains(err.Error(), "IM_SDKAPPID") || !strings.Contains(err.Error(), "IM_SECRET_KEY") {
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
