// Package secret holds strings that must not be printed.
package secret

import (
	"context"
	"fmt"
	"io"
	"log/slog"
)

const mask = "[secret]"

// A String prints as "[secret]" under fmt, slog and encoding/json, whatever the
// verb and however deep it lies in another value. Reveal returns the value.
//
// What it holds sits behind a pointer so that %+v of a struct that holds a String in
// an unexported field, where fmt may not call Format, shows an address at most.
// The zero String is empty. Strings are not comparable for equality of content:
// compare what Reveal returns, in constant time.
type String struct{ v *Source } // to an interface: of a pointer to a struct fmt shows the fields

// A Source keeps a secret that may change. It is safe for concurrent use.
type Source interface {
	// Value returns the secret as it is known here.
	Value() string
	// Renew is told that used, which Value returned before, was refused. It reports whether Value now
	// returns another, and may ask for it until ctx ends.
	Renew(ctx context.Context, used string) bool
}

// fixed is a Source of one value.
type fixed string

func (f fixed) Value() string                      { return string(f) }
func (f fixed) Renew(context.Context, string) bool { return false }

// New wraps s.
func New(s string) String { return From(fixed(s)) }

// From returns a String that reads as source does at that time: do not keep what Reveal returns.
func From(source Source) String { return String{v: &source} }

// Reveal returns the value. Every call is a place to look at in a review.
func (s String) Reveal() string {
	if s.v == nil {
		return ""
	}
	return (*s.v).Value()
}

// Renew reports whether there is another value than used, which was refused. For what New wrapped there is none.
func (s String) Renew(ctx context.Context, used string) bool {
	return s.v != nil && (*s.v).Renew(ctx, used)
}

// Empty reports whether there is no value or an empty one.
func (s String) Empty() bool { return s.Reveal() == "" }

// Format implements fmt.Formatter: every verb prints the mask.
func (s String) Format(f fmt.State, _ rune) { io.WriteString(f, mask) }

// LogValue implements slog.LogValuer.
func (s String) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText implements encoding.TextMarshaler, and with it JSON.
func (s String) MarshalText() ([]byte, error) { return []byte(mask), nil }
