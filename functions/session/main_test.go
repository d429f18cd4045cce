package main

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/wire"
	"wxnotify/simulator"
)

var build = wire.Session(wire.Seams{})

// world returns one in which WeChat is simulated.
func world(t *testing.T) (*functest.World, *simulator.World) {
	w := functest.New(t)
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	c := sim.Config().WeChat
	w.Settings["WECHAT_API_BASE"], w.Settings["WECHAT_APPID"], w.Settings["WECHAT_APPSECRET"] = srv.URL, c.AppID, c.AppSecret.Reveal()
	return w, sim
}

func TestLogin(t *testing.T) {
	w, sim := world(t)
	h := w.Build(build)

	code := sim.WeChat.Login(sim.WeChat.NewUser())
	body := []byte(`{"code":"` + code + `"}`)
	res := w.Do(h, "POST", nil, body, nil)
	var got struct {
		UserID, UserSig string
		SDKAppID        int
		Templates       []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(res.Body), &got); err != nil || res.StatusCode != 200 {
		t.Fatalf("answered %+v, %v", res, err)
	}
	if len(got.UserID) != 26 || got.UserSig == "" || got.SDKAppID != 1400123456 || got.Templates[0].ID != functest.Template {
		t.Errorf("answered %+v", got)
	}
	if res := w.Do(h, "POST", nil, body, nil); res.StatusCode != 400 {
		t.Errorf("a used code: answered %+v", res)
	}
	if res := w.Do(h, "DELETE", nil, nil, map[string]string{"Authorization": "Bearer " + got.UserID + ":" + got.UserSig}); res.StatusCode != 204 {
		t.Errorf("erase: answered %+v", res)
	}
	w.MustKeepSecrets(res.Body)
}

// Whatever notify.yml holds, users get in; there is no template to ask a permit for.
func TestBrokenNotifyFile(t *testing.T) {
	w, sim := world(t)
	for name, text := range functest.BrokenNotify {
		w.WriteNotify(text)
		res := w.Do(w.Build(build), "POST", nil, []byte(`{"code":"`+sim.WeChat.Login(sim.WeChat.NewUser())+`"}`), nil)
		if res.StatusCode != 200 || !strings.Contains(res.Body, "userSig") || strings.Contains(res.Body, `"templates":null`) {
			t.Errorf("%s: answered %+v", name, res)
		}
	}
	if log := w.Log.String(); strings.Count(log, `"alert":"misconfigured"`) != len(functest.BrokenNotify) {
		t.Errorf("the log has not an alert for each:\n%s", log)
	}
}

func TestNamesEverySetting(t *testing.T) {
	w := functest.New(t)
	w.MustNameSettings(build, "WECHAT_APPID", "WECHAT_APPSECRET", "IM_SDKAPPID", "IM_SECRET_KEY", "STORE_URL", "USERID_KEY", "NOTIFY_FILE")
	w.Settings["SESSION_MODE"], w.Settings["SESSION_KEY"] = "trusted", "too short"
	if _, err := build(t.Context(), w.Getenv, w.Logger()); err == nil {
		t.Error("a short SESSION_KEY was accepted")
	}
}
