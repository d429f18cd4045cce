package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"wxnotify/internal/testkit"
)

const settingsLines = "WECHAT_APPID=wx1\nWECHAT_ENCODING_AES_KEY=\nIM_CALLBACK_TOKEN=t\n"

// localURL waits for the address of the function echo.
func localURL(t *testing.T, out *testkit.Output) string {
	t.Helper()
	out.Await(t, "Ctrl-C")
	f := strings.Fields(out.Await(t, "/echo"))
	return f[len(f)-1]
}

// post sends an event to fn through its URL.
func post(t *testing.T, url, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", resp.Status, answer, err)
	}
	return string(answer)
}

func TestLocal(t *testing.T) {
	local := begin(t, "", append([]string{"local", "--addr=127.0.0.1:0"}, flags(t, settingsLines)...)...)
	url := localURL(t, &local.out)
	for _, s := range []string{"demo-dev-demo-quiet", "timer nightly: 0 0 3 * * * *", "not served here: cls", "store"} {
		local.out.Await(t, s)
	}
	s := decode[state](t, post(t, url, `{"Op":"state"}`))
	if s.Env["WECHAT_APPID"] != "wx1" || !strings.HasPrefix(s.Env["STORE_URL"], "redis://127.0.0.1:") {
		t.Errorf("the function sees %v", s.Env)
	}
	// One function wakes the other; its lines appear.
	post(t, url, `{"Op":"invoke","Function":"demo-dev-demo-quiet","Text":"Event","Value":{"Op":"print","Text":"woken\n"}}`)
	local.out.Await(t, " quiet ", "| woken")
	post(t, url, `{"Op":"invoke","Function":"quiet","Text":"Event","Value":{"Op":"error","Text":"no luck"}}`)
	local.out.Await(t, `function failed function=quiet`)
	local.interrupted(0, "")
	if !testkit.Gone(s.PID) {
		t.Errorf("process %d is left", s.PID)
	}
}

func TestLocalRefusals(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	for _, c := range []struct {
		name, lines string
		args        []string
		says        string
	}{
		{"an open address", settingsLines, []string{"--addr=0.0.0.0:9000"}, "not a loopback address"},
		{"an address in use", settingsLines, []string{"--addr=" + taken.Listener.Addr().String()}, "choose another address with --addr"},
		{"an address in use, simulated", settingsLines, []string{"--sim", "--addr=" + taken.Listener.Addr().String()}, "choose another address with --addr"},
		{"a missing binary, simulated", "", []string{"--sim", "--build=testdata"}, "function echo: there is no fn"},
		{"a missing binary", settingsLines, []string{"--build=testdata"}, "function echo: there is no fn"},
		{"unset variables", "", nil, "WECHAT_APPID, WECHAT_ENCODING_AES_KEY, IM_CALLBACK_TOKEN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wxnotify(t, nil, "", append(append([]string{"local"}, flags(t, c.lines)...), c.args...)...)
			if got.code != exitFailure || !strings.Contains(got.err, c.says) {
				t.Errorf("got %+v, want exit 1 and %q", got, c.says)
			}
		})
	}
}

// The program itself, and how it can be ended: no function is left behind.
func TestSignals(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 0, syscall.SIGTERM: 0, syscall.SIGKILL: -1} {
		t.Run(signal.String(), func(t *testing.T) {
			p := startProcess(t, "", append([]string{"local", "--addr=127.0.0.1:0"}, flags(t, settingsLines)...)...)
			pid := decode[state](t, post(t, localURL(t, &p.out), `{"Op":"state"}`)).PID
			p.signalled(t, signal, code)
			testkit.Eventually(t, "the function is gone", func() bool { return testkit.Gone(pid) })
		})
	}
}
