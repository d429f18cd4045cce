package scf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// functions are what this test binary becomes if SCF_TEST_RUN names one.
var functions = map[string]scf.Build{
	"greet": func(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
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
		mux.HandleFunc("/credential", func(w http.ResponseWriter, _ *http.Request) {
			cred, err := scf.Credentials(getenv)
			if err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
				return
			}
			io.WriteString(w, cred.ID)
		})
		mux.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) {
			count++
			io.WriteString(w, strconv.Itoa(count))
		})
		return scf.HTTP(log, mux), nil
	},
	"event": func(_ context.Context, _ func(string) string, log *slog.Logger) (scf.Handler, error) {
		return scf.Event(log, func(_ context.Context, e scf.DeliverEvent) (counts, error) {
			if e.Spill == nil {
				return counts{Sent: 1}, nil
			}
			return counts{}, errors.New("nobody takes a spill")
		}), nil
	},
}

func TestMain(m *testing.M) {
	if name := os.Getenv("SCF_TEST_RUN"); name != "" {
		scf.Main(name, functions[name])
	}
	os.Exit(m.Run())
}

// A host runs a function in a process of its own, as the platform does.
type host struct {
	t    *testing.T
	addr string
	rpc  *rpc.Client
	out  *lines
	// deadline is what the platform's clock says, in seconds.
	deadline int64
	stop     func() // ends the process and reads the rest of its log
}

func startHost(t *testing.T, name string, environ ...string) *host {
	t.Helper()
	at := strconv.Itoa(port.Of(t))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, addr: "127.0.0.1:" + at, out: &lines{}}
	cmd := exec.Command(self)
	cmd.Env = append([]string{"SCF_TEST_RUN=" + name, "_LAMBDA_SERVER_PORT=" + at}, environ...)
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
	h.rpc = h.dial()
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
func (h *host) dial() *rpc.Client {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := rpc.Dial("tcp", h.addr)
		if err == nil {
			h.t.Cleanup(func() { c.Close() })
			return c
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
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

func (h *host) send(c *rpc.Client, event string, environ env) (out invokeResponse, err error) {
	req := invokeRequest{Payload: []byte(event), RequestId: requestID, Namespace: "default", TimeLimitInMs: int32(timeLimit.Milliseconds())}
	req.Deadline.Seconds = h.deadline
	if environ != nil {
		b, _ := json.Marshal(environ) // strings only
		req.Environment = string(b)
	}
	err = c.Call("Function.Invoke", req, &out)
	return out, err
}

func (h *host) invoke(event string, environ env) invokeResponse {
	h.t.Helper()
	out, err := h.send(h.rpc, event, environ)
	if err != nil {
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

func TestProcessWiredAtStart(t *testing.T) {
	h := startHost(t, "greet", "GREETING=hello", "NAME=world")
	// The role's keys come and change with invocations.
	if res := h.get("/credential", nil); res.StatusCode != 409 {
		t.Errorf("got %+v", res)
	}
	for _, id := range []string{"AKIDone", "AKIDtwo"} {
		e := roleEnv()
		e["TENCENTCLOUD_SECRETID"] = id
		if res := h.get("/credential", e); res.Body != id {
			t.Errorf("got %+v, want %s", res, id)
		}
	}
	if log := h.log().text(); strings.Contains(log, "not wired") || strings.Count(log, `"msg":"request"`) != 3 {
		t.Errorf("log: %s", log)
	}
}

// However far the clocks of platform and function are apart, an event has the time that the
// platform gives it, but for what is kept for the answer.
func TestProcessHasTheTimeOfItsEvent(t *testing.T) {
	h := startHost(t, "greet", "GREETING=hello", "NAME=world")
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

func TestProcessWiredByAnEvent(t *testing.T) {
	h := startHost(t, "greet")
	for range 2 {
		if res := h.get("/count", env{"NAME": "world"}); res.StatusCode != 500 || code(t, res) != "misconfigured" {
			t.Errorf("got %+v", res)
		}
	}
	for _, want := range []string{"1", "2"} { // a second wiring would start anew
		if res := h.get("/count", env{"NAME": "world", "GREETING": "hello"}); res.StatusCode != 200 || res.Body != want {
			t.Errorf("got %+v, want %s", res, want)
		}
	}
	for _, line := range h.log().all(t) {
		if line["function"] != "greet" {
			t.Errorf("line without function: %v", line)
		}
		if started := line["msg"] == "not wired at start; the first event tries again"; (line["request_id"] == requestID) == started {
			t.Errorf("request id of %v", line)
		}
		for key := range line {
			if strings.HasPrefix(key, "SCF_") {
				t.Errorf("line uses a name of the platform: %v", line)
			}
		}
	}
	if log := h.log().text(); strings.Contains(log, "sesame") || strings.Count(log, "GREETING is not set") != 3 {
		t.Errorf("log: %s", log)
	}
}

func TestProcessSurvivesAPanic(t *testing.T) {
	h := startHost(t, "greet", "GREETING=hello", "NAME=world")
	for range 2 {
		if res := h.get("/panic", roleEnv()); res.StatusCode != 500 || code(t, res) != "internal" {
			t.Errorf("got %+v", res)
		}
	}
	if res := h.get("/count", nil); res.Body != "1" {
		t.Errorf("after panics: %+v", res)
	}
	if log := h.log().text(); strings.Contains(log, "sesame") || strings.Count(log, `"msg":"panic"`) != 2 {
		t.Errorf("log: %s", log)
	}
}

// One connection after another and several at once: each caller gets his own answers.
func TestProcessServesConnections(t *testing.T) {
	h := startHost(t, "event")
	const callers, each = 4, 25
	done := make(chan error)
	for i := range callers {
		c := h.dial()
		go func() {
			for range each {
				event := `{"Type":"Timer","TriggerName":"every-minute"}`
				if i%2 == 1 {
					event = `{"spill":{"facts":[]}}`
				}
				out, err := h.send(c, event, env{"NAME": strconv.Itoa(i)})
				switch {
				case err != nil:
				case i%2 == 0 && string(out.Payload) != `{"sent":1}`:
					err = errors.New("payload " + string(out.Payload))
				case i%2 == 1 && (out.Error == nil || out.Error.Message != "nobody takes a spill" || out.Error.ShouldExit):
					err = errors.New("no error")
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestProcessRefusesOtherEvents(t *testing.T) {
	h := startHost(t, "greet", "GREETING=hello", "NAME=world")
	out := h.invoke(string(sample(t, "timer.json")), nil)
	if out.Error == nil || !strings.Contains(out.Error.Message, "a timer event") || out.Error.ShouldExit || out.Payload != nil {
		t.Errorf("got %+v", out)
	}
}
