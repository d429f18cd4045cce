package functions_test

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
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// binary is the deliver that these tests run: the real thing, as a process.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wxnotify")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "deliver")
	if out, err := exec.Command("go", "build", "-o", binary, "./deliver").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// The messages of the Go1 runtime, as scf-go-lib knows them; gob goes by field names.
// Source: https://github.com/tencentyun/scf-go-lib
type (
	invokeRequest struct {
		Payload     []byte
		RequestId   string
		Deadline    struct{ Seconds, Nanos int64 }
		Environment string
	}
	invokeResponse struct {
		Payload []byte
		Error   *struct{ Message, Type string }
	}
)

// A process is one running instance of deliver.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	client *rpc.Client
	env    string
}

// start starts an instance with settings and waits until it answers.
func start(t *testing.T, settings map[string]string) *process {
	t.Helper()
	port := freePort(t)
	env, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(binary), env: string(env)}
	p.cmd.Env = []string{"_LAMBDA_SERVER_PORT=" + port}
	for k, v := range settings {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	p.cmd.Stdout, p.cmd.Stderr = io.Discard, os.Stderr
	if testing.Verbose() {
		p.cmd.Stdout = t.Output()
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		p.cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			p.client = rpc.NewClient(conn)
			return p
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// lastPort is the port tried last. The ports are below those that the system hands
// out by itself, so nobody takes one between the look and the instance's start.
var lastPort atomic.Int32

func freePort(t *testing.T) string {
	t.Helper()
	lastPort.CompareAndSwap(0, int32(20000+os.Getpid()%4000))
	for range 1000 {
		port := strconv.Itoa(int(lastPort.Add(1)))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// kill ends the instance as a crash would: nothing in it runs any more.
func (p *process) kill() { p.cmd.Process.Signal(syscall.SIGKILL) }

// errKilled says that the instance ended instead of answering.
var errKilled = errors.New("the instance ended")

// invoke runs one event with so much time.
func (p *process) invoke(event string, d time.Duration) (map[string]any, error) {
	deadline := time.Now().Add(d)
	req := invokeRequest{Payload: []byte(event), RequestId: strconv.FormatInt(deadline.UnixNano(), 36), Environment: p.env}
	req.Deadline.Seconds, req.Deadline.Nanos = deadline.Unix(), int64(deadline.Nanosecond())
	var res invokeResponse
	if err := p.client.Call("Function.Invoke", &req, &res); err != nil {
		return nil, errKilled
	}
	if res.Error != nil {
		return nil, errors.New(res.Error.Message)
	}
	var out map[string]any
	return out, json.Unmarshal(res.Payload, &out)
}
