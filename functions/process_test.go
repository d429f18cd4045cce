package functions_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"wxnotify/internal/port"
)

// binaries is where the functions are that these tests run: the real things, as processes.
var binaries string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	flag.Parse()
	waitMore()
	dir, err := os.MkdirTemp("", "wxnotify")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binaries = dir
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+"/", "./...").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// waitMore has more tests run side by side than there are processors, unless -parallel
// says how many: these tests wait for processes more than they compute.
func waitMore() {
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set(strconv.Itoa(4 * runtime.GOMAXPROCS(0)))
	}
}

// sideBySide returns how many tests run at a time at most.
func sideBySide() int {
	n, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String())
	if err != nil {
		panic(err) // the flag is a number
	}
	return n
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
		Error   *struct{ Message, Type string }
	}
)

// A process is one running instance of a function.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	client *rpc.Client
	env    string
	ended  chan struct{}
	port   string
}

// start starts an instance of a function with settings and waits until it takes connections.
func start(t *testing.T, function string, settings map[string]string) *process {
	t.Helper()
	at := strconv.Itoa(port.Of(t))
	env, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(filepath.Join(binaries, function)), env: string(env), ended: make(chan struct{}), port: at}
	// On the platform an instance has less than one processor.
	p.cmd.Env = []string{"_LAMBDA_SERVER_PORT=" + at, "GOMAXPROCS=1"}
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
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	p.connect()
	return p
}

func (p *process) connect() {
	p.t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(30 * time.Second)
	for {
		conn, err := net.Dial("tcp", "127.0.0.1:"+p.port)
		if err == nil {
			p.client = rpc.NewClient(conn)
			return
		}
		select {
		case <-again.C:
		case <-p.ended:
			p.t.Fatal("the instance ended before it took connections")
		case <-deadline:
			p.t.Fatal(err)
		}
	}
}

// kill ends the instance as a crash would. When it returns, nothing in it runs any more.
func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.ended
}

const lives = "it lives"

// state says how the instance ended, or that it lives.
func (p *process) state() string {
	select {
	case <-p.ended:
		return p.cmd.ProcessState.String()
	case <-time.After(time.Second):
		return lives
	}
}

// errKilled says that the instance ended instead of answering.
var errKilled = errors.New("the instance ended")

// call runs one event and returns the raw answer.
func (p *process) call(event string, d time.Duration) ([]byte, error) {
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
		return nil, fmt.Errorf("%w: %s: %w", errKilled, p.state(), err)
	}
	if res.Error != nil {
		return nil, errors.New(res.Error.Message)
	}
	return res.Payload, nil
}
