package main

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"wxnotify/functions/internal/functest"
	"wxnotify/simulator"
)

func TestLogin(t *testing.T) {
	w := functest.New(t)
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	srv := httptest.NewServer(sim)
	defer srv.Close()
	c := sim.Config().WeChat
	w.Settings["WECHAT_API_BASE"], w.Settings["WECHAT_APPID"], w.Settings["WECHAT_APPSECRET"] = srv.URL, c.AppID, c.AppSecret.Reveal()
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

func TestNamesEverySetting(t *testing.T) {
	w := functest.New(t)
	w.MustNameSettings(build, "WECHAT_APPID", "WECHAT_APPSECRET", "IM_SDKAPPID", "IM_SECRET_KEY", "STORE_URL", "USERID_KEY", "NOTIFY_FILE")
	w.Settings["SESSION_MODE"], w.Settings["SESSION_KEY"] = "trusted", "too short"
	if _, err := build(t.Context(), w.Getenv, w.Logger()); err == nil {
		t.Error("a short SESSION_KEY was accepted")
	}
}
