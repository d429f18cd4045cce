package host

import (
	"errors"
	"fmt"
)

// Conditions that callers branch on. Each is wrapped with the function's name.
var (
	ErrUnknownFunction = errors.New("no such function")
	ErrBadEvent        = errors.New("the event is not JSON")
	ErrTooLarge        = errors.New("the event is too large")
	ErrThrottled       = errors.New("all instances are busy and the line is full")
	ErrQueueFull       = errors.New("the asynchronous queue is full")
	ErrClosed          = errors.New("the host is closing")
)

// Status codes of the platform.
// Source: https://cloud.tencent.com/document/product/583/42611
const (
	StatusBadEvent      = 400 // the event is not JSON
	StatusEventTooLarge = 406
	StatusReplyTooLarge = 407
	StatusUserCode      = 430 // the function returned an error, or panicked
	StatusThrottled     = 432
	StatusTimeout       = 433
	StatusNotStarted    = 438 // the binary is missing, or is not one
	StatusExited        = 439
	StatusInitTimeout   = 450
	statusBadReply      = 502 // not the platform's: the integrated response has a wrong shape
)

// Limits of the platform, in bytes.
// Source: https://cloud.tencent.com/document/product/583/11637
const (
	MaxEvent      = 6 << 20
	MaxReply      = 6 << 20
	MaxAsyncEvent = 128 << 10
)

// An InvokeError is an event that a function did not answer.
type InvokeError struct {
	Function  string // key
	RequestID string
	Status    int    // one of the Status constants
	Type      string // Go type of the function's error, if Status is StatusUserCode
	Message   string // the function's or the platform's words
	Stack     []string
	err       error
}

// Error implements error.
func (e *InvokeError) Error() string {
	return fmt.Sprintf("host: %s: %d: %s", e.Function, e.Status, e.Message)
}

// Unwrap returns the sentinel behind e, if there is one.
func (e *InvokeError) Unwrap() error { return e.err }

// errorCode is the errorCode of the platform's error JSON: 1 for an error of the
// user's code, -1 for everything that the platform noticed.
func (e *InvokeError) errorCode() int {
	if e.Status == StatusUserCode {
		return 1
	}
	return -1
}
