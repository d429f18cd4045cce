package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wxnotify/internal/port"
	"wxnotify/internal/testkit"
	"wxnotify/shared/store/redistest"
	"wxnotify/simulator"
	kit "wxnotify/trust/fixture"
)

// The server goes by a file of settings and the environment, says whether it is up, and ends when it is told to.
func TestServe(t *testing.T) {
	lines, cfg := "", kit.World(t, simulator.Config{IM: simulator.IMConfig{CallbackToken: kit.CallbackToken}}).Config()
	for name, value := range kit.Settings(cfg, redistest.Start(t), "../../notify.yml", "http://127.0.0.1:1") {
		lines += name + "=" + value + "\n"
	}
	file, addr := writeFile(t, ".env", lines), port.Addr(t)
	args := []string{"serve", "--env-file", file, "--listen", addr, "--state", filepath.Join(t.TempDir(), "state")}
	health := func() (int, string) {
		got := wxnotify(t, nil, "", "serve", "--health", "--listen", addr)
		return got.code, got.err
	}
	if code, says := health(); code != exitFailure || !strings.Contains(says, "not up") {
		t.Errorf("nothing runs: %d %s", code, says)
	}
	p := startProcess(t, "TEMPLATE_MESSAGE=T1", args...)
	p.out.Await(t, `"msg":"serving"`)
	if code, says := health(); code != 0 {
		t.Errorf("it runs: %d %s", code, says)
	}
	res, err := http.Get("http://" + addr + "/readyz")
	testkit.Must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("ready: %d", res.StatusCode)
	}
	p.signalled(t, syscall.SIGTERM, 0)
	p.out.Await(t, `"msg":"stopped"`)
	if strings.Contains(p.out.String(), cfg.WeChat.AppSecret.Reveal()) {
		t.Error("its log has a secret")
	}
}

// What is wrong is told before anything is served.
func TestServeRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"no settings":       {nil, nil, "STORE_URL: is not set"},
		"half a pair":       {nil, []string{"--cert=cert.pem"}, "--cert and --key belong together"},
		"level":             {map[string]string{"LOG_LEVEL": "loud"}, nil, "LOG_LEVEL is not one of"},
		"no such file":      {nil, []string{"--env-file=none.env"}, "none.env"},
		"an address":        {nil, []string{"--health", "--listen=8080"}, "--listen: "},
		"nobody to be well": {nil, []string{"--health", "--listen=" + port.Addr(t)}, "the server is not up"},
	} {
		got := wxnotify(t, c.env, "", append([]string{"serve", "--state", t.TempDir()}, c.args...)...)
		if got.code != exitFailure || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: exit %d: %s", name, got.code, got.err)
		}
	}
}
