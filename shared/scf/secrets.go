package scf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	ssm "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/ssm/v20190923"

	"wxnotify/shared/secret"
	"wxnotify/shared/stopwatch"
)

const (
	secretAge      = 5 * time.Minute        // after which a value is fetched again
	secretRecheck  = 30 * time.Second       // between two attempts to fetch what is old, or what was refused
	secretTimeout  = time.Second            // of one call
	refreshTimeout = 300 * time.Millisecond // of all that is fetched again before an event
	firstPause     = 100 * time.Millisecond
	lastPause      = 5 * time.Second
)

// SecretsConfig configures Secrets.
type SecretsConfig struct {
	APIBase   string              // as InvokerConfig's
	Getenv    func(string) string // is asked for credentials and region at each call; required
	Now       func() time.Time    // required
	Log       *slog.Logger        // required
	Transport http.RoundTripper   // as InvokerConfig's
}

// Secrets reads secrets of Tencent Cloud's Secrets Manager (SSM), with the credentials of the function's execution role. It
// is safe for concurrent use, and starts no goroutine.
type Secrets struct {
	caller caller
	now    func() time.Time
	log    *slog.Logger

	mu    sync.Mutex
	known map[[2]string]*kept // by name and version
}

// NewSecrets checks cfg. It makes no connection.
func NewSecrets(cfg SecretsConfig) (*Secrets, error) {
	c, err := newCaller(cfg.APIBase, cfg.Getenv, secretTimeout, cfg.Transport)
	return &Secrets{caller: c, now: cfg.Now, log: cfg.Log, known: map[[2]string]*kept{}}, err
}

// Get returns a version of a secret, which is fetched unless it is known. While SSM is away or has too much to do it is
// asked again, ever more slowly, until ctx ends. The error says what can be done.
func (s *Secrets) Get(ctx context.Context, name, version string) (secret.String, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := [2]string{name, version}
	if k := s.known[id]; k != nil {
		return secret.From(k), nil
	}
	k := &kept{of: s, name: name, version: version}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := k.fetch(ctx)
		if err == nil {
			s.known[id] = k
			return secret.From(k), nil
		}
		if left, bounded := stopwatch.Left(ctx); !passes(err) || bounded && left <= pause || !stopwatch.Sleep(ctx, pause) {
			return secret.String{}, explained(err)
		}
	}
}

// Refresh fetches again what is older than five minutes, within 0.3 s. What cannot be fetched stays as it is known.
func (s *Secrets) Refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.known {
		k.refresh(ctx)
	}
}

// A kept secret is one that was fetched.
type kept struct {
	of            *Secrets
	name, version string
	value         atomic.Pointer[string]

	mu                      sync.Mutex
	fetched, tried, refused time.Time // when it was fetched, when that was tried, and when it was refused and fetched again
}

// Value implements secret.Source.
func (k *kept) Value() string { return *k.value.Load() }

// refresh fetches it again if it is old.
func (k *kept) refresh(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.of.now(); now.Sub(k.fetched) >= secretAge && now.Sub(k.tried) >= secretRecheck {
		k.again(ctx)
	}
}

// Renew implements secret.Source. One caller fetches it, and the others wait.
func (k *kept) Renew(ctx context.Context, used string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.of.now(); k.Value() == used && now.Sub(k.refused) >= secretRecheck {
		k.refused = now
		k.again(ctx)
	}
	return k.Value() != used
}

func (k *kept) again(ctx context.Context) {
	if err := k.fetch(ctx); err != nil {
		k.of.log.WarnContext(ctx, "a secret was not fetched again; the value known before is used", "secret", k.name, "version", k.version, "error", explained(err))
	}
}

// fetch fetches it.
// Source: https://cloud.tencent.com/document/api/1140/40522
func (k *kept) fetch(ctx context.Context) error {
	if _, err := Credentials(k.of.caller.getenv); err != nil { // of an API on this machine too
		return err
	}
	k.tried = k.of.now()
	return k.of.caller.call(ctx, func(ctx context.Context, p party) error {
		client, _ := ssm.NewClient(p.credential, p.region, p.profile) // its error is always nil
		client.WithHttpTransport(p.transport)
		r := ssm.NewGetSecretValueRequest()
		r.SecretName, r.VersionId = &k.name, &k.version
		answer, err := client.GetSecretValueWithContext(ctx, r)
		switch {
		case err != nil:
			return err
		case answer.Response == nil || answer.Response.SecretString == nil || *answer.Response.SecretString == "":
			return errNoResult // with an empty token anybody could sign
		}
		k.value.Store(answer.Response.SecretString)
		k.fetched = k.tried
		return nil
	})
}

// passes reports whether an error may be over soon.
func passes(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	if !ok {
		return !errors.Is(err, ErrNoCredentials) && !errors.Is(err, errNoResult)
	}
	return strings.HasPrefix(e.Code, "RequestLimitExceeded") || strings.HasPrefix(e.Code, "InternalError")
}

// secretCures are what can be done about errors of SSM, by the beginning of their code, the longest first.
var secretCures = [...]struct{ code, cure string }{
	{"ResourceNotFound", "create it, with this version, in the SSM console of the region that the function is in, or correct the reference"},
	{"ResourceUnavailable", "enable it in the SSM console, and open the product if it is not"},
	{"UnauthorizedOperation.AccessKms", "give the function's role kms:Decrypt for the key of the secret"},
	{"FailedOperation.AccessKms", "give the function's role kms:Decrypt for the key of the secret"},
	{"UnauthorizedOperation", "give the function's role the right ssm:GetSecretValue"},
	{"AuthFailure", "give the function's role the right ssm:GetSecretValue"},
	{"RequestLimitExceeded", "SSM is asked too often; the next event tries again"},
}

// explained adds the cure to an error.
func explained(err error) error {
	e, ok := errors.AsType[*APIError](err)
	switch {
	case errors.Is(err, ErrNoCredentials):
		return err
	case errors.Is(err, errNoResult):
		return errors.New("SSM has no text there: store the secret as text, neither empty nor binary")
	case !ok:
		return fmt.Errorf("SSM does not answer: %w", err)
	}
	for _, c := range secretCures {
		if strings.HasPrefix(e.Code, c.code) {
			return fmt.Errorf("SSM says %w: %s", err, c.cure)
		}
	}
	return fmt.Errorf("SSM says %w", err)
}
