package scf

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"

	"wxnotify/shared/outbound"
	"wxnotify/shared/secret"
)

var errNoResult = errors.New("an answer without Result: check TENCENT_API_BASE")

// A caller makes calls of Tencent Cloud's API. It is safe for concurrent use.
type caller struct {
	endpoint  endpoint
	getenv    func(string) string
	timeout   time.Duration // of one call, its repetition included
	transport http.RoundTripper
}

// newCaller checks where the API is, and makes no connection. A nil transport is one of the caller's own.
func newCaller(base string, getenv func(string) string, timeout time.Duration, transport http.RoundTripper) (caller, error) {
	e, err := parseAPIBase(base)
	if transport == nil {
		transport = outbound.NewTransport(timeout, 2)
	}
	return caller{e, getenv, timeout, transport}, err
}

// A party is what a client of the SDK is made of for one call: credentials and region are the environment's of this
// moment. Connections are kept by what lies below the transport.
type party struct {
	credential *common.Credential
	region     string
	profile    *profile.ClientProfile
	transport  http.RoundTripper
}

// call makes a call, and once more if the network failed it. Errors are ErrNoCredentials, an *APIError, what the network
// said, or what ended ctx. What is private, and the credentials, are taken out of what the API says.
func (c caller) call(ctx context.Context, do func(context.Context, party) error, private ...string) error {
	cred, err := c.credential()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var network error
	for range 2 {
		t := &transport{next: c.transport}
		err := readable(func() error { return do(ctx, c.party(cred, t)) })
		switch {
		case err == nil || errors.Is(err, errNoResult):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case t.err == nil:
			return t.apiError(err, append(private, cred.Key.Reveal(), cred.Token.Reveal())...)
		}
		network = t.err
	}
	return network
}

// readable is f, whose panic is an error: the SDK panics over some answers that the API never gives, such as null.
func readable(f func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the answer is none of the API's")
		}
	}()
	return f()
}

func (c caller) party(cred Credential, t *transport) party {
	p := profile.NewClientProfile()
	p.Language = "en-US"
	p.HttpProfile.ReqTimeout = int(c.timeout/time.Second) + 2 // the SDK counts in seconds, 60 by default; ctx ends the call before that
	p.HttpProfile.Scheme, p.HttpProfile.Endpoint = c.endpoint.scheme, c.endpoint.host
	return party{common.NewTokenCredential(cred.ID, cred.Key.Reveal(), cred.Token.Reveal()), cred.Region, p, t}
}

func (c caller) credential() (Credential, error) {
	cred, err := Credentials(c.getenv)
	if err != nil && c.endpoint.loopback {
		return Credential{ID: "local", Key: secret.New("local"), Region: "ap-guangzhou"}, nil
	}
	return cred, err
}
