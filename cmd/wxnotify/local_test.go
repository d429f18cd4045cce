package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const settingsLines = "WECHAT_APPID=wx1\nWECHAT_ENCODING_AES_KEY=\nIM_CALLBACK_TOKEN=t\n"

// localURL waits for the address of the function echo.
func localURL(t *testing.T, out *output) string {
	t.Helper()
	out.await(t, "Ctrl-C")
	f := strings.Fields(out.await(t, "/echo"))
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
	out, stderr := newOutput(), newOutput()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code := make(chan int, 1)
	go func() {
		args := append([]string{"local", "--addr=127.0.0.1:0"}, flags(t, settingsLines)...)
		code <- run(ctx, args, console{now: time.Now, out: out, err: stderr})
	}()
	url := localURL(t, out)
	for _, s := range []string{"demo-dev-demo-quiet", "timer nightly: 0 0 3 * * * *", "not served here: cls", "store"} {
		out.await(t, s)
	}
	s := decode[state](t, post(t, url, `{"Op":"state"}`))
	if s.Env["WECHAT_APPID"] != "wx1" || !strings.HasPrefix(s.Env["STORE_URL"], "redis://127.0.0.1:") {
		t.Errorf("the function sees %v", s.Env)
	}
	if again := decode[state](t, post(t, url, `{"Op":"state"}`)); again.PID != s.PID {
		t.Errorf("a second event ran in %d, want %d", again.PID, s.PID)
	}
	// One function wakes the other; its lines appear.
	post(t, url, `{"Op":"invoke","Function":"demo-dev-demo-quiet","Text":"Event","Value":{"Op":"print","Text":"woken\n"}}`)
	if line := out.await(t, "| woken"); !strings.Contains(line, " quiet ") {
		t.Errorf("got %q", line)
	}
	post(t, url, `{"Op":"invoke","Function":"quiet","Text":"Event","Value":{"Op":"error","Text":"no luck"}}`)
	out.await(t, `function failed function=quiet`)

	cancel()
	select {
	case c := <-code:
		if c != 0 || stderr.String() != "" {
			t.Errorf("exit %d: %s", c, stderr)
		}
	case <-time.After(patience):
		t.Fatal("local does not end")
	}
	if !gone(s.PID) {
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
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		code   int
	}{
		{"Ctrl-C", syscall.SIGINT, 0},
		{"TERM", syscall.SIGTERM, 0},
		{"KILL", syscall.SIGKILL, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := newOutput()
			cmd := exec.Command(os.Args[0], append([]string{"local", "--addr=127.0.0.1:0"}, flags(t, settingsLines)...)...)
			cmd.Env = []string{mainProcess + "=1", "PATH=" + os.Getenv("PATH")}
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				cmd.Wait()
				close(ended)
			}()
			defer cmd.Process.Kill()
			pid := decode[state](t, post(t, localURL(t, out), `{"Op":"state"}`)).PID
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatalf("the program does not end:\n%s", out)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit %d, want %d:\n%s", code, c.code, out)
			}
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for deadline := time.Now().Add(patience); !gone(pid); <-tick.C {
				if time.Now().After(deadline) {
					t.Fatalf("process %d is left", pid)
				}
			}
		})
	}
}
