// Command fn is a function for the host's tests. What it does is in the event.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"
	"github.com/tencentyun/scf-go-lib/cloudfunction"
	"github.com/tencentyun/scf-go-lib/functioncontext"
)

type event struct {
	Op       string
	Value    json.RawMessage
	Text     string
	Count    int
	URL      string
	Function string
	Body     string // of a function URL: the event, if it is one
	Message  string // of a timer: likewise
}

// handler implements cloudfunction.Handler.
type handler struct{ events int }

func main() {
	if os.Getenv("EXIT_AT_START") != "" {
		fmt.Println("exiting at once")
		os.Exit(4)
	}
	if os.Getenv("NEVER_LISTEN") != "" {
		forever()
	}
	cloudfunction.StartHandler(&handler{})
}

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	h.events++
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	if e.Body != "" {
		_ = json.Unmarshal([]byte(e.Body), &e) // else it is echoed
	}
	if e.Message != "" {
		var timer map[string]string
		_ = json.Unmarshal(payload, &timer)
		_ = json.Unmarshal([]byte(e.Message), &e)
		e.Text += fmt.Sprintf(` {"Type":%q,"TriggerName":%q,"Time":%q}`, timer["Type"], timer["TriggerName"], timer["Time"])
	}
	switch e.Op {
	case "value": // answers with the value as it is in the event
		return e.Value, nil
	case "text": // answers with bytes that need not be JSON
		return []byte(e.Text), nil
	case "big":
		return json.Marshal(strings.Repeat("x", e.Count))
	case "print":
		fmt.Print(e.Text)
		fmt.Fprintln(os.Stderr, "on stderr")
		return []byte("null"), nil
	case "error":
		return nil, errors.New(e.Text)
	case "panic":
		panic(e.Text)
	case "exit":
		os.Exit(3)
	case "spawn": // and leave it behind
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return json.Marshal(cmd.Process.Pid)
	case "hang": // whatever the deadline
		fmt.Println("hanging")
		forever()
	case "wait": // for the deadline
		<-ctx.Done()
		return nil, ctx.Err()
	case "ask":
		return h.ask(ctx, e)
	case "invoke":
		return invoke(ctx, e)
	case "":
		return payload, nil // an event of a trigger: echoed
	case "state":
	default:
		return nil, fmt.Errorf("unknown op %q", e.Op)
	}
	return h.state(ctx)
}

// forever waits for a signal that nobody sends; an empty channel the runtime would
// notice.
func forever() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	<-c
}

// state says what a function can see.
func (h *handler) state(ctx context.Context) ([]byte, error) {
	fc, _ := functioncontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	env := make(map[string]string)
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"pid": os.Getpid(), "events": h.events, "dir": dir, "env": env,
		"context": fc, "left": time.Until(deadline).Seconds(),
	})
}

// ask reports to a server of the test and does what it answers.
func (h *handler) ask(ctx context.Context, e event) ([]byte, error) {
	fc, _ := functioncontext.FromContext(ctx)
	q := url.Values{
		"request_id": {fc.RequestID}, "pid": {strconv.Itoa(os.Getpid())}, "events": {strconv.Itoa(h.events)}, "text": {e.Text},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	switch string(answer) {
	case "ok":
		return h.state(ctx)
	case "exit":
		os.Exit(3)
	}
	return nil, errors.New(string(answer))
}

// invoke calls another function through the SDK, as a function does it on SCF.
func invoke(ctx context.Context, e event) ([]byte, error) {
	p := profile.NewClientProfile()
	p.HttpProfile.Scheme, p.HttpProfile.Endpoint, _ = strings.Cut(os.Getenv("TENCENT_API_BASE"), "://")
	client, err := scf.NewClient(common.NewTokenCredential(
		os.Getenv("TENCENTCLOUD_SECRETID"), os.Getenv("TENCENTCLOUD_SECRETKEY"), os.Getenv("TENCENTCLOUD_SESSIONTOKEN"),
	), os.Getenv("TENCENTCLOUD_REGION"), p)
	if err != nil {
		return nil, err
	}
	req := scf.NewInvokeRequest()
	req.FunctionName = &e.Function
	req.InvocationType = &e.Text
	req.ClientContext = common.StringPtr(string(e.Value))
	resp, err := client.InvokeWithContext(ctx, req)
	if err != nil {
		return nil, err
	}
	return json.Marshal(resp.Response.Result)
}
