package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"

	"wxnotify/cmd/internal/child"
	"wxnotify/internal/port"
	"wxnotify/simulator"
)

// An instance is a process of a function. It is given one event at a time, as by SCF.
type instance struct {
	cmd    *exec.Cmd
	client *rpc.Client
	ended  chan struct{}
	env    string // handed over with each event
	memory int32
}

// Times and memory that a function gets, as serverless.yml says.
const (
	answerTime = 5 * time.Second
	runTime    = 120 * time.Second // of deliver
	memory     = 128               // MB, but of deliver
	runMemory  = 256
)

// startTime is how long a process may take until it listens, and dialEvery how often it is
// asked.
const (
	startTime = 30 * time.Second
	dialEvery = 500 * time.Microsecond
)

// start starts a function out of a folder of built ones, and returns when it listens. The
// instance is told that it has one processor: on the platform it has less. It ends with ctx.
func start(ctx context.Context, dir, function string, settings map[string]string) (*instance, error) {
	env, err := inEvent(settings)
	if err != nil {
		return nil, err
	}
	free, release, err := port.Hold()
	if err != nil {
		return nil, err
	}
	at := strconv.Itoa(free)
	i := &instance{cmd: exec.CommandContext(ctx, filepath.Join(dir, function)), ended: make(chan struct{}), env: env, memory: memory}
	if function == "deliver" {
		i.memory = runMemory
	}
	i.cmd.Dir = dir
	i.cmd.Env = append(assignments(settings), "_LAMBDA_SERVER_PORT="+at, "GOMAXPROCS=1")
	child.Bind(i.cmd)
	if err := i.cmd.Start(); err != nil {
		release()
		return nil, fmt.Errorf("start %s: %w", function, err)
	}
	go func() {
		i.cmd.Wait() // how it ended is in ProcessState
		release()
		close(i.ended)
	}()
	if err := i.connect(ctx, at); err != nil {
		i.end()
		return nil, fmt.Errorf("start %s: %w", function, err)
	}
	return i, nil
}

// peak returns the most memory that the process has had at a time, in bytes; 0 where the system does not tell.
func (i *instance) peak() (bytes int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.cmd.Process.Pid))
	for line := range strings.Lines(string(status)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &bytes); n == 1 {
			return bytes << 10
		}
	}
	return 0
}

func (i *instance) connect(ctx context.Context, port string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	again := time.NewTicker(dialEvery)
	defer again.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			i.client = rpc.NewClient(conn)
			return nil
		}
		select {
		case <-again.C:
		case <-i.ended:
			return errors.New("the process ended before it listened")
		case <-ctx.Done():
			return fmt.Errorf("the process does not listen: %w", ctx.Err())
		}
	}
}

// requests numbers the events.
var requests atomic.Int64

// invoke has the instance handle one event within limit.
func (i *instance) invoke(event []byte, limit time.Duration) ([]byte, error) {
	deadline := simulator.RealClock{}.Now().Add(limit) // which the process watches
	req := messages.InvokeRequest{
		Payload: event, RequestId: strconv.FormatInt(requests.Add(1), 10), Environment: i.env,
		Namespace: "default", MemoryLimitInMb: i.memory, TimeLimitInMs: int32(limit.Milliseconds()),
		Deadline: messages.InvokeRequest_Timestamp{Seconds: deadline.Unix(), Nanos: int64(deadline.Nanosecond())},
	}
	var res messages.InvokeResponse
	if err := i.client.Call("Function.Invoke", &req, &res); err != nil {
		return nil, err
	}
	if res.Error != nil {
		return nil, errors.New(res.Error.Message)
	}
	return res.Payload, nil
}

// end ends the process and returns the processor time that it used.
func (i *instance) end() time.Duration {
	i.cmd.Process.Kill() // that it has ended already is no news
	<-i.ended
	if i.client != nil {
		i.client.Close()
	}
	return i.cmd.ProcessState.UserTime() + i.cmd.ProcessState.SystemTime()
}
