package main

import (
	"strings"
	"testing"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
	"wxnotify/shared/wire"
)

var build = wire.Permits(wire.Seams{})

func TestReport(t *testing.T) {
	w := functest.New(t)
	if err := w.Store.Bind(t.Context(), "user2", "openid-2"); err != nil {
		t.Fatal(err)
	}
	h := w.Build(build)
	sigs, err := im.NewSigner(im.SignerConfig{SDKAppID: 1400123456, SecretKey: secret.New(w.Settings["IM_SECRET_KEY"])})
	if err != nil {
		t.Fatal(err)
	}
	sig, _, err := sigs.SignUser("user2", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	auth := map[string]string{"Authorization": "Bearer user2:" + sig}
	res := w.Do(h, "POST", nil, []byte(`{"reportId":"report-1","ageSeconds":0,"results":{"`+functest.Template+`":"accept"}}`), auth)
	if res.StatusCode != 200 || !strings.Contains(res.Body, `"balance":1`) {
		t.Errorf("answered %+v", res)
	}
	if res := w.Do(h, "GET", nil, nil, map[string]string{"Authorization": "Bearer user3:" + sig}); res.StatusCode != 401 {
		t.Errorf("another's: answered %+v", res)
	}
	w.MustKeepSecrets()
	if strings.Contains(w.Log.String(), sig) {
		t.Error("the UserSig is in the log")
	}
}

func TestNamesEverySetting(t *testing.T) {
	functest.New(t).MustNameSettings(build, "IM_SDKAPPID", "IM_SECRET_KEY", "STORE_URL", "NOTIFY_FILE")
}

// A rule that cannot be read keeps no report of a tap from being recorded; without a template
// the mini program is told to ask again.
func TestBrokenNotifyFile(t *testing.T) {
	for name, text := range functest.BrokenNotify {
		w := functest.New(t)
		w.WriteNotify(text)
		_, err := build(t.Context(), w.Getenv, w.Logger())
		if built := strings.HasSuffix(name, "rule"); built != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
