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
	"testing"
	"time"

	"wxnotify/internal/port"
)

var functions = []string{"imcallback", "wechatpush", "session", "permits", "announce", "deliver"}

// dir is the folder of the functions' binaries, once they are built.
var dir string

var build = sync.OnceValue(func() error {
	args := []string{"build", "-ldflags=-s -w", "-o", dir + "/"}
	for _, f := range functions {
		args = append(args, "wxnotify/functions/"+f)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
})

func TestMain(m *testing.M) {
	var err error
	if dir, err = os.MkdirTemp("", "wxnotify"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
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

// A process is one running instance of a function.
type process struct {
	t      *testing.T
	name   string
	client *rpc.Client
	env    string
	out    *os.File // what it printed on both of its streams: there, when the answer is
	read   int64    // how much of out was taken
}

// printed returns what was printed since it was called last.
func (p *process) printed() string {
	p.t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(p.out, p.read, 1<<30))
	if err != nil {
		p.t.Fatal(err)
	}
	p.read += int64(len(b))
	return string(b)
}

// start starts an instance with settings and waits until it answers. It ends with the test.
func start(t *testing.T, name string, settings map[string]string) *process {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	env, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	at := port.Addr(t)
	p := &process{t: t, name: name, env: string(env), out: out}
	cmd := exec.Command(filepath.Join(dir, name))
	cmd.Env = []string{"_LAMBDA_SERVER_PORT=" + strings.TrimPrefix(at, "127.0.0.1:")}
	for k, v := range settings {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		out.Close()
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", at)
		if err == nil {
			p.client = rpc.NewClient(conn)
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v\n%s", name, err, p.printed())
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
		p.t.Fatalf("%s: %v\n%s", p.name, err, p.printed())
	}
	if res.Error != nil {
		return fmt.Sprintf("error %s: %s", res.Error.Type, res.Error.Message)
	}
	return string(res.Payload)
}
