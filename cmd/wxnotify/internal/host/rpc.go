package host

import (
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// The messages of the Go1 runtime, carried by net/rpc with gob, which matches fields
// by name. Service and methods: Function.Ping and Function.Invoke.
// Source: https://github.com/tencentyun/scf-go-lib/tree/f972dcd16ff6/cloudfunction/messages

const (
	methodPing   = "Function.Ping"
	methodInvoke = "Function.Invoke"
)

type pingMessage struct{}

type timestamp struct{ Seconds, Nanos int64 }

type invokeRequest struct {
	Payload            []byte
	RequestId          string
	Deadline           timestamp // the zero value would be a deadline in 1970
	Namespace          string
	FunctionName       string
	FunctionVersion    string
	MemoryLimitInMb    int32
	TimeLimitInMs      int32
	Environment        string // a JSON object of strings
	TencentcloudRegion string
	TencentcloudAppID  string
	TencentcloudUin    string
}

type invokeResponse struct {
	Payload []byte
	Error   *responseError
}

type responseError struct {
	Message    string
	Type       string
	StackTrace []*stackFrame
	ShouldExit bool // the instance is not to be used again
}

type stackFrame struct {
	Path  string
	Line  int32
	Label string
}

// Who the functions believe to run for.
const (
	appID = "1250000000"
	uin   = "100000000001"
)

// version is the only one there is.
const version = "$LATEST"

func newInvokeRequest(f *serverless.Function, region, id, environment string, event []byte) *invokeRequest {
	deadline := deadlineIn(f.Timeout)
	return &invokeRequest{
		Payload:            event,
		RequestId:          id,
		Deadline:           timestamp{deadline.Unix(), int64(deadline.Nanosecond())},
		Namespace:          f.Namespace,
		FunctionName:       f.Name,
		FunctionVersion:    version,
		MemoryLimitInMb:    int32(f.MemoryMB),
		TimeLimitInMs:      int32(f.Timeout.Milliseconds()),
		Environment:        environment,
		TencentcloudRegion: region,
		TencentcloudAppID:  appID,
		TencentcloudUin:    uin,
	}
}
