package im

import "errors"

// A refusal is a sentinel with a stable code that logs and metrics may rely on. Its
// text says what was wrong and never repeats any of the input.
type refusal struct{ reason, text string }

func (r *refusal) Error() string { return "im: " + r.text }

// Reason returns the stable code of an error from Receiver.Verify, Decode or
// Signer.Verify, such as "bad_sign", and "internal" for any other error.
func Reason(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.reason
	}
	if _, ok := errors.AsType[*FieldError](err); ok {
		return "bad_field"
	}
	return "internal"
}
