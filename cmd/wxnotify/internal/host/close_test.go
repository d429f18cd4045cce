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
)

func TestCloseEndsEverything(t *testing.T) {
	url, asked := questions(t)
	log, lines := newLog()
	starting := fn("starting")
	starting.Environment = map[string]string{"NEVER_LISTEN": "1"}
	h := start(t, host.Config{Project: project(fn("idle"), fn("busy"), fn("parent"), starting), Log: log, MaxInstances: 1})

	idle := stateOf(t, h, "idle").PID
	eventually(t, "the idle process is stopped", func() bool { return processState(idle) == "T" })
	r, err := h.Invoke(t.Context(), "parent", event(t, op{Op: "spawn"}))
	if err != nil {
		t.Fatal(err)
	}
	grandchild := decode[int](t, r.Payload)
	busy := invoke(t.Context(), h, "busy", event(t, op{Op: "ask", URL: url}))
	q := receive(t, "the busy function", asked)
	waiting := invoke(t.Context(), h, "busy", event(t, op{Op: "state"}))
	eventually(t, "an event waits", func() bool { return h.Waiting("busy") == 1 })
	began := invoke(t.Context(), h, "starting", []byte("{}"))
	request := make(chan error, 1)
	go func() {
		resp, err := http.Get(h.URL() + "/busy")
		if err == nil {
			resp.Body.Close()
		}
		request <- err
	}()
	eventually(t, "a request waits", func() bool { return h.Waiting("busy") == 2 })

	closeHost(t, h)

	for name, pid := range map[string]int{"idle": idle, "busy": q.pid, "grandchild": grandchild} {
		if name == "grandchild" { // killed, and then reaped by whoever inherited it
			eventually(t, "the grandchild is gone", func() bool { return gone(pid) })
		}
		if !gone(pid) {
			t.Errorf("%s process %d is left, in state %s", name, pid, processState(pid))
		}
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("children are left: %v", left)
	}
	for name, ch := range map[string]<-chan outcome{"busy": busy, "waiting": waiting, "starting": began} {
		if o := receive(t, name, ch); !errors.Is(o.err, host.ErrClosed) {
			t.Errorf("%s event: got %v, want ErrClosed", name, o.err)
		}
	}
	receive(t, "the request", request)
	if _, err := h.Invoke(t.Context(), "idle", []byte("{}")); !errors.Is(err, host.ErrClosed) {
		t.Errorf("Invoke after Close: %v", err)
	}
	if _, err := h.InvokeAsync("idle", []byte("{}")); !errors.Is(err, host.ErrClosed) {
		t.Errorf("InvokeAsync after Close: %v", err)
	}
	if line := lines.find("function failed"); line != "" {
		t.Errorf("closing is reported as a failure: %s", line)
	}
	closeHost(t, h) // a second time is no error
}

// children lists the processes whose parent is this one and that run fn.
func children(t *testing.T) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
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
	h := start(t, host.Config{Project: project(fn("f"))})
	pid := stateOf(t, h, "f").PID
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want nil or context.Canceled", err)
	}
	eventually(t, "the process is gone", func() bool { return gone(pid) })
}

// hostProcess makes this test binary a host that only a signal ends, and that has its
// function handle hostEvent.
const (
	hostProcess = "WXNOTIFY_TEST_HOST_BUILD"
	hostEvent   = "WXNOTIFY_TEST_HOST_EVENT"
)

func hostUntilKilled() {
	build = os.Getenv(hostProcess)
	h, err := host.Start(host.Config{
		Project: project(fn("f")), Build: build,
		Sink: func(_ string, line []byte) { fmt.Printf("%s\n", line) },
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, event := range []string{`{"Op":"state"}`, os.Getenv(hostEvent)} {
		r, err := h.Invoke(context.Background(), "f", []byte(event))
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
			cmd.Env = append(os.Environ(), hostProcess+"="+build, hostEvent+"="+string(event(t, c.event)))
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
			pid := decode[state](t, []byte(receive(t, "the other host", said))).PID
			if got := receive(t, "the second event", said); got != c.says {
				t.Fatalf("the other host says %q, want %q", got, c.says)
			}
			eventually(t, "the function is "+c.name, func() bool { return c.state == "" || processState(pid) == c.state })
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the function is gone", func() bool { return gone(pid) })
		})
	}
}
