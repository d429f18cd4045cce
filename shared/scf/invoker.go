package scf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	api "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"
)

// maxEvent is the largest event of an asynchronous invocation in bytes.
// Source: https://cloud.tencent.com/document/product/583/11637
const maxEvent = 128 << 10

// ErrEventTooLarge says that an event exceeds what the platform takes asynchronously.
var ErrEventTooLarge = errors.New("the event is larger than 128 KB")

// InvokerConfig configures an Invoker.
type InvokerConfig struct {
	// Function is the name of the function to invoke, in the namespace of SCF_NAMESPACE.
	Function string
	// APIBase is where Tencent Cloud's API is; empty: the real one. It must be https
	// unless it is on loopback, where placeholders stand in for missing credentials.
	APIBase string
	// Getenv is asked for credentials, region and namespace at each invocation. Required.
	Getenv func(string) string
	// Timeout bounds one call, its retry included. Default: 1 s, because IM waits 2 s
	// for a callback's answer.
	Timeout time.Duration
	// Transport is for tests; nil: one of the Invoker's own.
	Transport http.RoundTripper
}

// An Invoker invokes one function asynchronously, and is the inbox.Invoker to deliver.
// It is safe for concurrent use.
type Invoker struct {
	function string
	caller   caller
}

// NewInvoker checks cfg. It makes no connection.
func NewInvoker(cfg InvokerConfig) (*Invoker, error) {
	if cfg.Getenv == nil {
		return nil, errors.New("scf: InvokerConfig.Getenv is required")
	}
	if cfg.Timeout < 0 {
		return nil, errors.New("scf: InvokerConfig.Timeout is negative; 0 means 1 s")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Second
	}
	c, err := newCaller(cfg.APIBase, cfg.Getenv, cfg.Timeout, cfg.Transport)
	if err != nil {
		return nil, err
	}
	return &Invoker{cfg.Function, c}, nil
}

// Invoke queues event, encoded as JSON, for the function and does not wait for its
// run. A call that the network failed is repeated once, so the function may run
// twice. Errors are ErrNoDeliver, ErrEventTooLarge, ErrNoCredentials, an *APIError,
// what the network said, or what ended ctx.
func (v *Invoker) Invoke(ctx context.Context, event any) error {
	if v.function == "" {
		return fmt.Errorf("scf: Invoke: %w", ErrNoDeliver)
	}
	if err := v.invoke(ctx, event); err != nil {
		return fmt.Errorf("scf: Invoke %s: %w", v.function, err)
	}
	return nil
}

func (v *Invoker) invoke(ctx context.Context, event any) error {
	encoded, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	if len(encoded) > maxEvent {
		return fmt.Errorf("%w: it has %d bytes", ErrEventTooLarge, len(encoded))
	}
	request := v.request(string(encoded))
	return v.caller.call(ctx, func(ctx context.Context, p party) error {
		client, _ := api.NewClient(p.credential, p.region, p.profile) // its error is always nil
		client.WithHttpTransport(p.transport)
		answer, err := client.InvokeWithContext(ctx, request)
		if err == nil && (answer.Response == nil || answer.Response.Result == nil) {
			err = errNoResult
		}
		return err
	}, string(encoded))
}

// request describes the call.
// Source: https://cloud.tencent.com/document/product/583/58400
func (v *Invoker) request(event string) *api.InvokeRequest {
	namespace := v.caller.getenv("SCF_NAMESPACE")
	if namespace == "" {
		namespace = "default"
	}
	r := api.NewInvokeRequest()
	r.FunctionName = common.StringPtr(v.function)
	r.Namespace = common.StringPtr(namespace)
	r.Qualifier = common.StringPtr("$DEFAULT") // the API's default is $LATEST
	r.InvocationType = common.StringPtr("Event")
	r.ClientContext = common.StringPtr(event)
	return r
}
