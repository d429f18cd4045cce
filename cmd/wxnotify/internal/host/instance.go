package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"strconv"
	"time"

	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/internal/port"
)

// dialEvery is the pace at which a starting binary is asked whether it listens.
const dialEvery = 2 * time.Millisecond

// exitGrace is how long a process whose connection broke has to end by itself, so that
// its own exit status can be told.
const exitGrace = time.Second

// An instance is one process of a function. It handles one event at a time.
type instance struct {
	function *serverless.Function
	process  *process
	client   *rpc.Client
	renewed  int // how often its pool had been when it started
}

// startInstance returns an instance that has answered a ping and is frozen.
func (h *Host) startInstance(ctx context.Context, f *serverless.Function) (*instance, error) {
	at, release, err := port.Hold()
	if err != nil {
		return nil, startError(f, StatusNotStarted, err)
	}
	sink := func(line []byte) { h.emit(f.Key, line) }
	p, err := h.starter.start(command{
		path: binary(h.build, *f),
		dir:  h.build,
		env:  append([]string{"_LAMBDA_SERVER_PORT=" + strconv.Itoa(at)}, h.environments[f.Key].process...),
		out:  &lineWriter{emit: sink},
	})
	if err != nil {
		release()
		if errors.Is(err, ErrClosed) {
			return nil, err
		}
		return nil, startError(f, StatusNotStarted, err)
	}
	go func() {
		<-p.done
		release()
	}()
	ctx, cancel := context.WithTimeout(ctx, h.cfg.InitTimeout)
	defer cancel()
	client, err := connect(ctx, p, at)
	if err != nil {
		status := StatusInitTimeout
		if !p.alive() {
			status = StatusExited
		}
		p.kill()
		<-p.done
		return nil, startError(f, status, err)
	}
	i := &instance{function: f, process: p, client: client}
	p.freeze()
	return i, nil
}

func startError(f *serverless.Function, status int, err error) error {
	return &InvokeError{Function: f.Key, Status: status, Message: "start " + f.Handler + ": " + err.Error(), err: err}
}

// connect dials until the process answers a ping, exits, or ctx ends.
func connect(ctx context.Context, p *process, port int) (*rpc.Client, error) {
	tick := time.NewTicker(dialEvery)
	defer tick.Stop()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			return ping(ctx, p, rpc.NewClient(conn))
		}
		select {
		case <-tick.C:
		case <-p.done:
			return nil, fmt.Errorf("the process ended before it listened: %s", p.exitText())
		case <-ctx.Done():
			return nil, errors.New("the process did not listen on _LAMBDA_SERVER_PORT in time")
		}
	}
}

func ping(ctx context.Context, p *process, client *rpc.Client) (*rpc.Client, error) {
	call := client.Go(methodPing, &pingMessage{}, &pingMessage{}, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		if call.Error == nil {
			return client, nil
		}
	case <-ctx.Done():
		client.Close()
		return nil, errors.New("the process did not answer a ping in time")
	}
	client.Close()
	select {
	case <-p.done:
		return nil, fmt.Errorf("the process ended before it answered a ping: %s", p.exitText())
	case <-time.After(exitGrace):
		return nil, fmt.Errorf("ping: %w", call.Error)
	}
}

// handle thaws the instance, has it handle one event and freezes it again. The error,
// if any, is an *InvokeError without a request id. reusable is false if the instance
// must not see another event.
func (i *instance) handle(req *invokeRequest) (payload []byte, reusable bool, err *InvokeError) {
	i.process.thaw()
	var resp invokeResponse
	call := i.client.Go(methodInvoke, req, &resp, make(chan *rpc.Call, 1))
	limit := time.NewTimer(i.function.Timeout)
	defer limit.Stop()
	select {
	case <-call.Done:
	case <-limit.C:
		return nil, false, i.fail(StatusTimeout, fmt.Sprintf("Invoking task timed out after %g seconds", i.function.Timeout.Seconds()))
	}
	if call.Error != nil {
		return nil, false, i.broken(call.Error)
	}
	if resp.Error != nil {
		e := i.fail(StatusUserCode, resp.Error.Message)
		e.Type, e.Stack = resp.Error.Type, stackText(resp.Error.StackTrace)
		i.process.freeze()
		return nil, !resp.Error.ShouldExit, e
	}
	i.process.freeze()
	return resp.Payload, true, nil
}

// broken explains a connection that ended before the answer.
func (i *instance) broken(cause error) *InvokeError {
	select {
	case <-i.process.done:
		return i.fail(StatusExited, "the process ended before it answered: "+i.process.exitText())
	case <-time.After(exitGrace):
		return i.fail(StatusExited, "the connection to the process broke: "+cause.Error())
	}
}

func (i *instance) fail(status int, message string) *InvokeError {
	return &InvokeError{Function: i.function.Key, Status: status, Message: message}
}

// end kills the process and returns when it has gone.
func (i *instance) end() {
	i.process.kill()
	i.client.Close()
	<-i.process.done
}

func stackText(frames []*stackFrame) []string {
	var s []string
	for _, f := range frames {
		if f != nil {
			s = append(s, fmt.Sprintf("%s %s:%d", f.Label, f.Path, f.Line))
		}
	}
	return s
}
