package scf

import (
	"context"
	"io"
)

// NewFunction returns what Main runs, and what Main does before its first event.
func NewFunction(name string, build Build, getenv func(string) string, out io.Writer) (h Handler, start func()) {
	f := newFunction(name, build, getenv, out)
	return f, f.start
}

// MaxDepth is the deepest nesting of an envelope that is read.
const MaxDepth = maxDepth

// Decode turns an event into a request and drops it.
func Decode(event []byte) error {
	e, err := decodeEnvelope(event)
	if err == nil {
		_, err = e.request(context.Background())
	}
	return err
}
