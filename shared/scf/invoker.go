package scf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	api "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/shared/outbound"
	"wxnotify/shared/secret"
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
	cfg      InvokerConfig
	endpoint endpoint
}

// NewInvoker checks cfg. It makes no connection.
func NewInvoker(cfg InvokerConfig) (*Invoker, error) {
	e, err := parseAPIBase(cfg.APIBase)
	if err != nil {
		return nil, err
	}
	if cfg.Getenv == nil {
		return nil, errors.New("scf: InvokerConfig.Getenv is required")
	}
	if cfg.Timeout < 0 {
		return nil, errors.New("scf: InvokerConfig.Timeout is negative; 0 means 1 s")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Second
	}
	if cfg.Transport == nil {
		cfg.Transport = outbound.NewTransport(cfg.Timeout, 2)
	}
	return &Invoker{cfg: cfg, endpoint: e}, nil
}

// Invoke queues event, encoded as JSON, for the function and does not wait for its
// run. A call that the network failed is repeated once, so the function may run
// twice. Errors are ErrNoDeliver, ErrEventTooLarge, ErrNoCredentials, an *APIError,
// what the network said, or what ended ctx.
func (v *Invoker) Invoke(ctx context.Context, event any) error {
	if v.cfg.Function == "" {
		return fmt.Errorf("scf: Invoke: %w", ErrNoDeliver)
	}
	if err := v.invoke(ctx, event); err != nil {
		return fmt.Errorf("scf: Invoke %s: %w", v.cfg.Function, err)
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
	cred, err := v.credential()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, v.cfg.Timeout)
	defer cancel()
	var network error
	for range 2 {
		t := &transport{next: v.cfg.Transport}
		answer, err := v.client(cred, t).InvokeWithContext(ctx, v.request(string(encoded)))
		switch {
		case err == nil:
			return checkAnswer(answer)
		case ctx.Err() != nil:
			return ctx.Err()
		case t.err == nil:
			return t.apiError(err, string(encoded), cred.Key.Reveal(), cred.Token.Reveal())
		}
		network = t.err
	}
	return network
}

// client returns a client for one call: credentials and region are the environment's
// of this moment. Connections are kept by the transport below t.
func (v *Invoker) client(cred Credential, t http.RoundTripper) *api.Client {
	p := profile.NewClientProfile()
	p.Language = "en-US"
	p.HttpProfile.ReqTimeout = int(v.cfg.Timeout/time.Second) + 2 // the SDK counts in seconds, 60 by default; ctx ends the call before that
	p.HttpProfile.Scheme = v.endpoint.scheme
	p.HttpProfile.Endpoint = v.endpoint.host
	signer := common.NewTokenCredential(cred.ID, cred.Key.Reveal(), cred.Token.Reveal())
	c, _ := api.NewClient(signer, cred.Region, p) // its error is always nil
	c.WithHttpTransport(t)
	return c
}

// request describes the call.
// Source: https://cloud.tencent.com/document/product/583/58400
func (v *Invoker) request(event string) *api.InvokeRequest {
	namespace := v.cfg.Getenv("SCF_NAMESPACE")
	if namespace == "" {
		namespace = "default"
	}
	r := api.NewInvokeRequest()
	r.FunctionName = common.StringPtr(v.cfg.Function)
	r.Namespace = common.StringPtr(namespace)
	r.Qualifier = common.StringPtr("$DEFAULT") // the API's default is $LATEST
	r.InvocationType = common.StringPtr("Event")
	r.ClientContext = common.StringPtr(event)
	return r
}

func (v *Invoker) credential() (Credential, error) {
	cred, err := Credentials(v.cfg.Getenv)
	if err != nil && v.endpoint.loopback {
		return Credential{ID: "local", Key: secret.New("local"), Region: "ap-guangzhou"}, nil
	}
	return cred, err
}
