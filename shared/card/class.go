package card

import (
	"errors"
	"slices"
)

// A Class says what became of a send that did not plainly succeed. It is all that
// the Deliverer looks at: the meaning of a platform's codes stays with the adapter
// that knows them.
type Class int

// The classes. docs/errors.md says what is done about each.
const (
	// ClassUnknown: the request may have reached the platform and its answer did
	// not reach us. The card may have been shown, so it is never sent again.
	ClassUnknown       Class = iota
	ClassRetry               // busy, or two sends to one user at once: not sent, may work soon
	ClassMinute              // too many this minute: not sent, may work in the next
	ClassQuota               // the day's quota is used up: not sent before the next quota day
	ClassRefused             // the user has no permit left, whatever our ledger says
	ClassUnknownOpenID       // the openid is not a user of this mini program
	ClassTemplate            // the template cannot be sent, to anybody, until somebody mends it
	ClassOperator            // our own set-up is wrong: no card can be sent
	ClassWording             // the text was refused; neutral text may pass
	ClassDefect              // a value breaks the template's rules: never unchanged
	ClassUnreached           // no connection was made: nothing was sent
	ClassUnlisted            // an intact answer with a code we do not know: not sent
)

var classNames = [...]string{
	ClassUnknown: "unknown", ClassRetry: "retry", ClassMinute: "minute", ClassQuota: "quota", ClassRefused: "refused",
	ClassUnknownOpenID: "gone", ClassTemplate: "template", ClassOperator: "operator", ClassWording: "wording", ClassDefect: "defect",
	ClassUnreached: "unreached", ClassUnlisted: "unlisted",
}

func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "invalid"
	}
	return classNames[c]
}

// ClassNamed returns the class with a name, or ClassUnknown.
func ClassNamed(name string) Class {
	return Class(max(slices.Index(classNames[:], name), 0))
}

// ClassOf returns the Class that err, or anything it wraps, declares through a
// method Class() Class. An error that declares none is ClassUnknown: when nobody
// can say that a card was not shown, it may have been.
func ClassOf(err error) Class {
	var c interface{ Class() Class }
	if errors.As(err, &c) {
		return c.Class()
	}
	return ClassUnknown
}
