package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/internal/testkit"
)

func TestCloseEndsEverything(t *testing.T) {
	starting := fn("starting")
	starting.Environment = map[string]string{"NEVER_LISTEN": "1"}
	f := start(t, host.Config{Project: project(fn("idle"), fn("busy"), fn("parent"), starting), MaxInstances: 1})

	idle := f.state("idle").PID
	testkit.Eventually(t, "the idle process is stopped", func() bool { return testkit.ProcessState(idle) == "T" })
	grandchild := decode[int](t, f.ended(f.begin(t.Context(), "parent", op{Op: "spawn"}.event())).Payload)
	q, busy := f.busy("busy")
	waiting := f.begin(t.Context(), "busy", op{Op: "state"}.event())
	testkit.Eventually(t, "an event waits", func() bool { return f.Waiting("busy") == 1 })
	began := f.begin(t.Context(), "starting", []byte("{}"))
	answered := make(chan error, 1)
	go func() {
		resp, err := http.Get(f.URL() + "/busy")
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	testkit.Eventually(t, "a request waits", func() bool { return f.Waiting("busy") == 2 })

	f.close()

	if !testkit.Gone(idle) || !testkit.Gone(q.pid) || len(children(t)) > 0 {
		t.Errorf("idle %s, busy %s, children %v are left", testkit.ProcessState(idle), testkit.ProcessState(q.pid), children(t))
	}
	// Killed, and then reaped by whoever inherited it.
	testkit.Eventually(t, "the grandchild is gone", func() bool { return testkit.Gone(grandchild) })
	for name, ch := range map[string]<-chan outcome{"busy": busy, "waiting": waiting, "starting": began} {
		if o := testkit.Receive(t, name, ch); !errors.Is(o.err, host.ErrClosed) {
			t.Errorf("%s event: got %v, want ErrClosed", name, o.err)
		}
	}
	testkit.Receive(t, "the request", answered)
	if _, err := f.Invoke(t.Context(), "idle", []byte("{}")); !errors.Is(err, host.ErrClosed) {
		t.Errorf("Invoke after Close: %v", err)
	}
	if _, err := f.InvokeAsync("idle", []byte("{}")); !errors.Is(err, host.ErrClosed) {
		t.Errorf("InvokeAsync after Close: %v", err)
	}
	if line := f.log.Line("function failed"); line != "" {
		t.Errorf("closing is reported as a failure: %s", line)
	}
	f.close() // a second time is no error
}

// children lists the processes whose parent is this one and that run fn.
func children(t *testing.T) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		if f := strings.Fields(string(stat)); f[1] == "(fn)" && f[3] == strconv.Itoa(os.Getpid()) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	f := start(t, host.Config{})
	pid := f.state("f").PID
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want nil or context.Canceled", err)
	}
	testkit.Eventually(t, "the process is gone", func() bool { return testkit.Gone(pid) })
}

// hostProcess makes this test binary a host that only a signal ends, and that has its
// function handle hostEvent.
const (
	hostProcess = "WXNOTIFY_TEST_HOST_BUILD"
	hostEvent   = "WXNOTIFY_TEST_HOST_EVENT"
)

func hostUntilKilled() {
	h, err := host.Start(host.Config{
		Project: project(fn("f")), Build: os.Getenv(hostProcess),
		Sink: func(_ string, line []byte) { fmt.Printf("%s\n", line) },
	})
	for _, event := range []string{`{"Op":"state"}`, os.Getenv(hostEvent)} {
		var r host.Result
		if err == nil {
			r, err = h.Invoke(context.Background(), "f", []byte(event))
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Printf("%s\n", r.Payload)
	}
	select {}
}

// No function outlives its host, however that ends.
func TestFunctionsDieWithTheHost(t *testing.T) {
	for _, c := range []struct {
		name  string
		event op
		says  string // once it is as it should be
		state string // of the process; "": any
	}{
		{"frozen", op{Op: "value", Value: "done"}, `"done"`, "T"},
		{"busy", op{Op: "hang"}, "hanging", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), hostProcess+"="+build, hostEvent+"="+string(c.event.event()))
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			said := make(chan string, 2)
			go func() {
				for lines := bufio.NewScanner(out); lines.Scan(); {
					said <- lines.Text()
				}
			}()
			pid := decode[state](t, []byte(testkit.Receive(t, "the other host", said))).PID
			if got := testkit.Receive(t, "the second event", said); got != c.says {
				t.Fatalf("the other host says %q, want %q", got, c.says)
			}
			testkit.Eventually(t, "the function is "+c.name, func() bool { return c.state == "" || testkit.ProcessState(pid) == c.state })
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, "the function is gone", func() bool { return testkit.Gone(pid) })
		})
	}
}
