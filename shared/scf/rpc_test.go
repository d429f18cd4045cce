package scf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/internal/port"
	"wxnotify/shared/scf"
)

// The messages of the Go1 runtime. gob matches fields by name.
// Source: https://github.com/tencentyun/scf-go-lib, cloudfunction/messages
type (
	pingRequest   struct{}
	pingResponse  struct{}
	invokeRequest struct {
		Payload                               []byte
		RequestId                             string
		Deadline                              struct{ Seconds, Nanos int64 }
		Namespace, FunctionName               string
		MemoryLimitInMb, TimeLimitInMs        int32
		Environment                           string
		TencentcloudRegion, TencentcloudAppID string
	}
	invokeResponse struct {
		Payload []byte
		Error   *struct {
			Message, Type string
			ShouldExit    bool
		}
	}
)

// greetMore is the Build of the function that this test binary becomes if SCF_TEST_RUN names one.
func greetMore(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	if err := settings(getenv); err != nil {
		return nil, err
	}
	count := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/left", func(w http.ResponseWriter, r *http.Request) {
		deadline, _ := r.Context().Deadline()
		fmt.Fprintf(w, "%d %v", time.Until(deadline).Milliseconds(), r.Context().Err())
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("open " + getenv("TENCENTCLOUD_SECRETKEY")) })
	mux.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) {
		count++
		cred, err := scf.Credentials(getenv)
		fmt.Fprint(w, count, " ", cred.ID, " ", err)
	})
	return scf.HTTP(log, mux), nil
}

func TestMain(m *testing.M) {
	if name := os.Getenv("SCF_TEST_RUN"); name != "" {
		scf.Main(name, greetMore)
	}
	os.Exit(m.Run())
}

// A host runs a function in a process of its own, as the platform does.
type host struct {
	t   *testing.T
	rpc *rpc.Client
	out *lines
	// deadline is what the platform's clock says, in seconds.
	deadline int64
	stop     func() // ends the process and reads the rest of its log
}

func startHost(t *testing.T, environ ...string) *host {
	t.Helper()
	at := strconv.Itoa(port.Of(t))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, out: &lines{}}
	cmd := exec.Command(self)
	cmd.Env = append([]string{"SCF_TEST_RUN=greet", "_LAMBDA_SERVER_PORT=" + at}, environ...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = h.out, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.stop = sync.OnceFunc(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("the function has ended by itself: %v", err)
		}
		cmd.Wait() // tells only that it was killed
		if stderr.Len() > 0 {
			t.Errorf("stderr: %s", stderr.String())
		}
	})
	t.Cleanup(h.stop)
	h.dial("127.0.0.1:" + at)
	if err := h.rpc.Call("Function.Ping", pingRequest{}, &pingResponse{}); err != nil {
		t.Fatalf("ping: %v", err)
	}
	return h
}

// log ends the process and returns all that it has logged.
func (h *host) log() *lines {
	h.stop()
	return h.out
}

// dial tries again until the function listens.
func (h *host) dial(addr string) {
	h.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		c, err := rpc.Dial("tcp", addr)
		if err == nil {
			h.t.Cleanup(func() { c.Close() })
			h.rpc = c
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			h.t.Fatalf("the function does not listen: %v\n%s", err, h.log().text())
		}
	}
}

// timeLimit is what the platform gives each event.
const timeLimit = time.Minute

// deadlines are what a platform says whose clock differs from the function's.
var deadlines = map[string]int64{
	"right":                 time.Now().Add(timeLimit).Unix(),
	"function 110 s ahead":  time.Now().Add(timeLimit - 110*time.Second).Unix(),
	"function years ahead":  time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC).Unix(),
	"function years behind": time.Date(2041, 1, 1, 0, 0, 0, 0, time.UTC).Unix(),
	"none":                  0,
}

func (h *host) invoke(event string, environ env) (out invokeResponse) {
	h.t.Helper()
	req := invokeRequest{Payload: []byte(event), RequestId: requestID, Namespace: "default", TimeLimitInMs: int32(timeLimit.Milliseconds())}
	req.Deadline.Seconds = h.deadline
	b, _ := json.Marshal(environ) // strings only
	req.Environment = string(b)
	if err := h.rpc.Call("Function.Invoke", req, &out); err != nil {
		h.t.Fatalf("invoke: %v\n%s", err, h.log().text())
	}
	return out
}

func (h *host) get(path string, environ env) response {
	h.t.Helper()
	out := h.invoke(`{"httpMethod":"GET","path":"`+path+`","queryString":{"sign":"sesame"}}`, environ)
	if out.Error != nil {
		h.t.Fatalf("%s: %+v", path, out.Error)
	}
	return decode(h.t, out.Payload)
}

// However far the clocks of platform and function are apart, an event has the time that the
// platform gives it, but for what is kept for the answer.
func TestProcessHasTheTimeOfItsEvent(t *testing.T) {
	h := startHost(t, "GREETING=hello", "NAME=world")
	for name, at := range deadlines {
		h.deadline = at
		res := h.get("/left", nil)
		var left int64
		var ended string
		if _, err := fmt.Sscan(res.Body, &left, &ended); err != nil {
			t.Fatalf("%s: %q: %v", name, res.Body, err)
		}
		most := timeLimit - 500*time.Millisecond
		if left := time.Duration(left) * time.Millisecond; left > most || left < most-20*time.Second || ended != "<nil>" {
			t.Errorf("%s: %v are left, context: %s; want %v", name, left, ended, most)
		}
	}
}

// A process is wired by the event that brings its settings, reads the role's keys anew for each
// event, survives panics, and refuses what is no request.
func TestProcess(t *testing.T) {
	h := startHost(t)
	for range 2 {
		if res := h.get("/count", env{"NAME": "world"}); res.StatusCode != 500 || code(t, res) != "misconfigured" {
			t.Errorf("got %+v", res)
		}
	}
	e := roleEnv()
	e["NAME"], e["GREETING"] = "world", "hello"
	if res := h.get("/count", e); res.Body != "1 AKIDexample <nil>" {
		t.Errorf("got %+v", res)
	}
	if res := h.get("/panic", e); res.StatusCode != 500 || code(t, res) != "internal" {
		t.Errorf("got %+v", res)
	}
	e["TENCENTCLOUD_SECRETID"] = "AKIDnext"
	if res := h.get("/count", e); res.Body != "2 AKIDnext <nil>" { // a second wiring would start anew
		t.Errorf("got %+v", res)
	}
	out := h.invoke(string(sample(t, "timer.json")), e)
	if out.Error == nil || !strings.Contains(out.Error.Message, "a timer event") || out.Error.ShouldExit || out.Payload != nil {
		t.Errorf("got %+v", out)
	}
	for _, line := range h.log().all(t) {
		started := line["msg"] == "not wired at start; the first event tries again"
		if line["function"] != "greet" || (line["request_id"] == requestID) == started {
			t.Errorf("logged %v", line)
		}
		for key := range line {
			if strings.HasPrefix(key, "SCF_") {
				t.Errorf("line uses a name of the platform: %v", line)
			}
		}
	}
	if log := h.log().text(); strings.Contains(log, "sesame") || strings.Count(log, "GREETING is not set") != 3 || strings.Count(log, `"msg":"panic"`) != 1 {
		t.Errorf("log: %s", log)
	}
}
