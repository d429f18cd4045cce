package im

import (
	"context"
	"sync"
	"time"

	"wxnotify/shared/secret"
)

// adminSigTTL is the shortest lifetime that IM's advice on error 70001 allows.
// Source: https://cloud.tencent.com/document/product/269/1671
const adminSigTTL = 24 * time.Hour

// adminSig keeps the administrator's UserSig and makes a new one when four fifths of
// its life are over. However many callers ask at once, one is made.
type adminSig struct {
	sign func(time.Time, time.Duration) (string, time.Time, error)
	key  secret.String // by which sign signs
	now  func() time.Time

	mu      sync.Mutex
	sig     secret.String
	made    string // the key when sig was made
	renewAt time.Time
}

func (a *adminSig) get() (secret.String, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, key := a.now(), a.key.Reveal()
	if !a.sig.Empty() && now.Before(a.renewAt) {
		return a.sig, nil
	}
	sig, _, err := a.sign(now, adminSigTTL)
	if err != nil {
		return secret.String{}, err
	}
	a.sig, a.made, a.renewAt = secret.New(sig), key, now.Add(adminSigTTL*4/5)
	return a.sig, nil
}

// refused drops sig, unless another caller has done so already. It may be the key that is no good: that is renewed.
func (a *adminSig) refused(ctx context.Context, sig secret.String) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sig.Reveal() == sig.Reveal() {
		a.key.Renew(ctx, a.made)
		a.sig = secret.String{}
	}
}
