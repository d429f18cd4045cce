package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxnotify/simulator"
)

// What is found is told in lines or as JSON, and the exit status says how bad it is. What exactly is looked at, the tests of
// internal/doctor show.
func TestDoctor(t *testing.T) {
	w, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	srv := httptest.NewServer(w)
	defer srv.Close()
	const template = "zun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE"
	if err := w.WeChat.AddTemplate(simulator.Template{ID: template, Title: "t", Content: "a:{{thing1.DATA}}\nb:{{thing2.DATA}}\nc:{{number3.DATA}}\nd:{{time4.DATA}}\n"}); err != nil {
		t.Fatal(err)
	}
	if err := w.WeChat.SetPushURL("https://a.example.com/"); err != nil {
		t.Fatal(err)
	}
	c := w.Config()
	lines := strings.Join([]string{
		"VPC_ID=vpc-1a2b3c4d", "VPC_SUBNET_ID=subnet-1a2b3c4d", "SESSION_LOGSET_ID=01234567-89ab-cdef-0123-456789abcdef", "SESSION_LOG_TOPIC_ID=01234567-89ab-cdef-0123-456789abcdee",
		"WECHAT_APPID=" + c.WeChat.AppID, "WECHAT_APPSECRET=" + c.WeChat.AppSecret.Reveal(), "WECHAT_TOKEN=" + c.WeChat.Token.Reveal(), "WECHAT_API_BASE=" + srv.URL,
		"IM_SDKAPPID=1400000001", "IM_SECRET_KEY=" + c.IM.SecretKey.Reveal(), "IM_CALLBACK_TOKEN=callback-token", "IM_API_BASE=" + srv.URL,
		"STORE_URL=redis://:password@[fd00::5]:6379/0", // of a network that this machine is not in
		"USERID_KEY=" + strings.Repeat("u", 32), "ANNOUNCE_KEY=" + strings.Repeat("a", 32), "TEMPLATE_MESSAGE=" + template, ""}, "\n")
	root, env := filepath.Join("..", ".."), filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(env, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	look := func(more ...string) (code int, out, said string) {
		var o, e bytes.Buffer
		args := append([]string{"doctor", "--env-file", env, "--config", filepath.Join(root, "serverless.yml"), "--notify", filepath.Join(root, "notify.yml"), "--build", filepath.Join(root, "none")}, more...)
		code = run(t.Context(), args, console{out: &o, err: &e, now: time.Now})
		return code, o.String(), e.String()
	}
	code, out, said := look()
	for _, want := range []string{"skipped: the store: its address is a private one", "skipped: the functions in the cloud: there is no TENCENT_SECRET_ID", "\nseen: WeChat: 10000000 of", "- IM console, 回调配置", "nothing is wrong"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if code != 0 || said != "" {
		t.Errorf("status %d: %s", code, said)
	}
	w.WeChat.SetLookup(simulator.NoAnswer)
	if code, out, _ := look(); code != exitWarnings || !strings.HasPrefix(out, "warning: WeChat: no address of its push URL") {
		t.Errorf("a warning: status %d:\n%s", code, out)
	}
	code, out, said = look("--json", "--url", "session="+srv.URL)
	var r struct {
		Findings        []map[string]string
		Skipped         []struct{ What, Because string }
		Seen, CheckList []string
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitFailure || !strings.Contains(said, "1 to mend, 1 to look at") {
		t.Fatalf("as JSON: status %d, %v: %s%s", code, err, out, said)
	}
	if len(r.Findings) != 2 || r.Findings[1]["level"] != "error" || r.Findings[1]["where"] != "URL of session" || r.Findings[1]["cure"] == "" || len(r.Skipped) != 2 || len(r.Seen) == 0 || len(r.CheckList) < 6 {
		t.Errorf("%s", out)
	}
}
