// Package instance runs the functions as they are deployed: as processes, to which the test is the
// platform.
package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxnotify/internal/port"
	"wxnotify/internal/testkit"
)

// Functions are all that is deployed.
var Functions = []string{"deliver", "imcallback", "wechatpush", "session", "permits", "announce"}

// dir is where the binaries are, once they are built.
var dir string

// Main runs the tests of a package that starts instances, and returns their exit code.
func Main(m *testing.M) int {
	var err error
	if dir, err = os.MkdirTemp("", "wxnotify"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	return m.Run()
}

var build = sync.OnceValue(func() error {
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+"/", "wxnotify/functions/...").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
})

// Binary returns the path of a function.
func Binary(t testing.TB, function string) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, function)
}

// The messages of the Go1 runtime, as scf-go-lib knows them; gob goes by field names.
// Source: https://github.com/tencentyun/scf-go-lib
type (
	invokeRequest struct {
		Payload       []byte
		RequestId     string
		Deadline      struct{ Seconds, Nanos int64 }
		TimeLimitInMs int32
		Environment   string
	}
	invokeResponse struct {
		Payload []byte
		Error   *Error
	}
)

// An Error is what a function ends an event with.
type Error struct{ Message, Type string }

func (e *Error) Error() string { return fmt.Sprintf("error %s: %s", e.Type, e.Message) }

// ErrEnded says that the instance ended instead of answering.
var ErrEnded = errors.New("the instance ended")

// A Process is one running instance of a function.
type Process struct {
	Function string

	t      testing.TB
	cmd    *exec.Cmd
	client *rpc.Client
	env    string
	addr   string
	ended  chan struct{}
}

// Start starts an instance with settings and waits until it takes connections. It ends with the test.
func Start(t testing.TB, function string, settings map[string]string, stdout, stderr io.Writer) *Process {
	t.Helper()
	env, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Function: function, t: t, cmd: exec.Command(Binary(t, function)), env: string(env), addr: port.Addr(t), ended: make(chan struct{})}
	// On the platform an instance has less than one processor.
	p.cmd.Env = []string{"_LAMBDA_SERVER_PORT=" + strings.TrimPrefix(p.addr, "127.0.0.1:"), "GOMAXPROCS=1"}
	for k, v := range settings {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.Kill)
	p.connect()
	return p
}

func (p *Process) connect() {
	p.t.Helper()
	testkit.Eventually(p.t, p.Function+" takes connections", func() bool {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			p.client = rpc.NewClient(conn)
		}
		return err == nil
	})
}

// Kill ends the instance as a crash would. When it returns, nothing in it runs any more.
func (p *Process) Kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.ended
}

const lives = "it lives"

// state says how the instance ended, or that it lives.
func (p *Process) state() string {
	select {
	case <-p.ended:
		return p.cmd.ProcessState.String()
	case <-time.After(time.Second):
		return lives
	}
}

// Invoke runs one event within a time and returns the raw answer. The error is an [*Error] or wraps
// [ErrEnded].
func (p *Process) Invoke(event string, d time.Duration) ([]byte, error) {
	deadline := time.Now().Add(d)
	req := invokeRequest{Payload: []byte(event), RequestId: strconv.FormatInt(deadline.UnixNano(), 36), Environment: p.env,
		TimeLimitInMs: int32(d.Milliseconds())}
	req.Deadline.Seconds, req.Deadline.Nanos = deadline.Unix(), int64(deadline.Nanosecond())
	var res invokeResponse
	err := p.client.Call("Function.Invoke", &req, &res)
	if errors.Is(err, rpc.ErrShutdown) && p.state() == lives { // the connection was closed before anything was sent
		p.connect()
		err = p.client.Call("Function.Invoke", &req, &res)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrEnded, p.state(), err)
	}
	if res.Error != nil {
		return nil, res.Error
	}
	return res.Payload, nil
}
