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
	"sync/atomic"
	"time"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"

	"wxnotify/cmd/internal/child"
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

// start starts a function out of a folder of built ones, and returns when it listens. Somebody
// else may take its port before it does, so it gets another one then.
func start(ctx context.Context, dir, function string, settings map[string]string) (*instance, error) {
	const tries = 3
	var i *instance
	var err error
	for range tries {
		if i, err = startOnce(ctx, dir, function, settings); !errors.Is(err, errEnded) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", function, err)
	}
	return i, nil
}

// errEnded says that a process did not come to listen.
var errEnded = errors.New("the process ended before it listened")

// startOnce tells the instance that it has one processor: on the platform it has less. The
// instance ends with ctx.
func startOnce(ctx context.Context, dir, function string, settings map[string]string) (*instance, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	env, err := inEvent(settings)
	if err != nil {
		return nil, err
	}
	i := &instance{cmd: exec.CommandContext(ctx, filepath.Join(dir, function)), ended: make(chan struct{}), env: env, memory: memory}
	if function == "deliver" {
		i.memory = runMemory
	}
	i.cmd.Dir = dir
	i.cmd.Env = append(assignments(settings), "_LAMBDA_SERVER_PORT="+port, "GOMAXPROCS=1")
	child.Bind(i.cmd)
	if err := i.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		i.cmd.Wait() // how it ended is in ProcessState
		close(i.ended)
	}()
	if err := i.connect(ctx, port); err != nil {
		i.end()
		return nil, err
	}
	return i, nil
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
			return errEnded
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

// Ports of instances are below those that the system hands out by itself.
const firstPort, ports = 10000, 10000

var lastPort atomic.Int64

// freePort returns a port that nobody listens on, each time another one. Two programs seldom
// begin at the same.
func freePort() (string, error) {
	for range ports {
		port := strconv.FormatInt(firstPort+(int64(os.Getpid())*100+lastPort.Add(1))%ports, 10)
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", errors.New("no port is free")
}
