package security_test

import (
	"encoding/json"
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
	"sync/atomic"
	"testing"
	"time"

	"wxnotify/internal/port"
)

var functions = []string{"imcallback", "wechatpush", "session", "permits", "announce", "deliver"}

// built is the folder of the functions' binaries, once they are needed.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wxnotify")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-ldflags=-s -w", "-o", dir + "/"}
	for _, f := range functions {
		args = append(args, "wxnotify/functions/"+f)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if needed.Load() {
		dir, _ := built()
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

var needed atomic.Bool

// binaries builds the functions, and returns the folder that they are in.
func binaries(t *testing.T) string {
	t.Helper()
	needed.Store(true)
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
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

// A process is one running instance of a function, and all that it prints.
type process struct {
	t      *testing.T
	name   string
	client *rpc.Client
	env    string
	out    *output
}

// An output is what a process printed, on both of its streams. It is a file, so that what
// was printed before an answer is there when the answer is.
type output struct {
	t    *testing.T
	file *os.File
	read int64
}

func newOutput(t *testing.T) *output {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &output{t: t, file: f}
}

// take returns what was printed since it was called last.
func (o *output) take() string {
	o.t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(o.file, o.read, 1<<30))
	if err != nil {
		o.t.Fatal(err)
	}
	o.read += int64(len(b))
	return string(b)
}

// start starts an instance with settings and waits until it answers. It ends with the test.
func start(t *testing.T, dir, name string, settings map[string]string) *process {
	t.Helper()
	env, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	at := port.Addr(t)
	p := &process{t: t, name: name, env: string(env), out: newOutput(t)}
	cmd := exec.Command(filepath.Join(dir, name))
	cmd.Env = []string{"_LAMBDA_SERVER_PORT=" + strings.TrimPrefix(at, "127.0.0.1:")}
	for k, v := range settings {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = p.out.file, p.out.file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", at)
		if err == nil {
			p.client = rpc.NewClient(conn)
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v\n%s", name, err, p.out.take())
		}
	}
}

// invoke runs one event with so much time, and returns what the platform would log of it:
// the return value, or the error.
func (p *process) invoke(event string, d time.Duration) string {
	p.t.Helper()
	deadline := time.Now().Add(d)
	req := invokeRequest{Payload: []byte(event), RequestId: strconv.FormatInt(deadline.UnixNano(), 36), Environment: p.env}
	req.Deadline.Seconds, req.Deadline.Nanos = deadline.Unix(), int64(deadline.Nanosecond())
	var res invokeResponse
	if err := p.client.Call("Function.Invoke", &req, &res); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, p.out.take())
	}
	if res.Error != nil {
		return fmt.Sprintf("error %s: %s", res.Error.Type, res.Error.Message)
	}
	return string(res.Payload)
}
