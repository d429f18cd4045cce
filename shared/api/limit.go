package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Limiter counts attempts, each kind under a name, in a window that begins with the first.
// A step that is repeated because its answer was lost counts once.
type Limiter interface {
	// Allow counts one more of name and reports whether there were at most limit in
	// the window.
	Allow(ctx context.Context, name string, limit int, window time.Duration) (bool, error)
	// Allowed is Allow without counting.
	Allowed(ctx context.Context, name string, limit int) (bool, error)
	// Try is Allow for an attempt that Forgive can take back.
	Try(ctx context.Context, name string, limit int, window time.Duration) (attempt string, ok bool, err error)
	Forgive(ctx context.Context, name, attempt string) error
}

// Limits of what clients can call.
const (
	guessesPerSource = 30 // wrong signatures or login codes of one address, for each API apart
	guessWindow      = 5 * time.Minute
	// Login codes of one address about which WeChat is asked at a time. Behind the address of
	// a school or a carrier everybody may log in at once; WeChat's daily quota of logins is all
	// that this many wrong ones cost.
	asksAtOnce   = 300
	askWindow    = time.Minute // a place that is not given back ends after it
	callsPerUser = 60          // requests of one user in callWindow
	callWindow   = time.Minute
	// An erasure looks at all that waits for everybody.
	erasesPerUser = 10 // in eraseWindow, repeated ones included
	eraseWindow   = 24 * time.Hour
)

// settleBudget bounds how long the answer to a login waits for its count.
const settleBudget = 300 * time.Millisecond

var errTooMany error = &fault{status: http.StatusTooManyRequests, code: "too_many", message: "too many requests; wait a few minutes"}

// judge turns what the check of a signature said into the answer. A guess counts against
// its address, in the same step that says whether the address may still guess; who is right
// passes only if it may. Of what is no guess nothing is counted: behind one address may be
// many people.
func judge(r *http.Request, l Limiter, api string, checked error) error {
	wrong := isGuess(checked)
	if checked != nil && !wrong {
		return checked
	}
	ok, err := MayGuess(r, l, api, wrong)
	if err != nil {
		return unavailable(err)
	}
	if !ok {
		return errTooMany
	}
	return checked
}

// MayGuess reports whether the address of r may guess what opens an API. A guess that is wrong is counted in the
// same step: 30 in five minutes close the API for the address.
func MayGuess(r *http.Request, l Limiter, api string, wrong bool) (bool, error) {
	if name := guesses(r, api); wrong {
		return l.Allow(r.Context(), name, guessesPerSource, guessWindow)
	} else {
		return l.Allowed(r.Context(), name, guessesPerSource)
	}
}

// ask runs a check that takes time and costs somebody else something. While it runs it holds
// one of asksAtOnce places of its address; a guess counts once it is known to be one. The
// place is taken before the guesses are looked at, and given back after they are counted: an
// address has no more guesses checked in a window than guessesPerSource+asksAtOnce, even at
// once, or asksAtOnce more if askWindow ends while all are being checked.
func ask(r *http.Request, l Limiter, api string, check func() error) error {
	name := guesses(r, api)
	place, ok, err := l.Try(r.Context(), "ask:"+name, asksAtOnce, askWindow)
	if err != nil {
		return unavailable(err)
	}
	if !ok {
		return errTooMany
	}
	ok, err = l.Allowed(r.Context(), name, guessesPerSource)
	checked := errTooMany
	if err != nil {
		checked = unavailable(err)
	} else if ok {
		checked = check()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), settleBudget)
	defer cancel()
	if isGuess(checked) {
		if _, err := l.Allow(ctx, name, guessesPerSource, guessWindow); err != nil {
			return checked // not counted: it keeps its place
		}
	}
	_ = l.Forgive(ctx, "ask:"+name, place) // else it ends with its window
	return checked
}

func isGuess(err error) bool {
	f, ok := errors.AsType[*fault](err)
	return ok && f.guess
}

// guesses is the name under which the guesses of r's address at an API count. IPv6 goes by
// /64, which one subscriber has for themselves. Addresses that cannot be read are one.
func guesses(r *http.Request, api string) string {
	source := "unknown"
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil {
			ip = ip.Unmap().WithZone("")
			bits := 64
			if ip.Is4() {
				bits = 32
			}
			source = netip.PrefixFrom(ip, bits).Masked().String()
		}
	}
	return "guess:" + api + ":" + source
}
