// Package secret holds strings that must not be printed.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const mask = "[secret]"

// A String prints as "[secret]" under fmt, slog and encoding/json, whatever the
// verb and however deep it lies in another value. Reveal returns the value.
//
// The value sits behind a pointer so that %+v of a struct that holds a String in
// an unexported field, where fmt may not call Format, shows an address at most.
// The zero String is empty. Strings are not comparable for equality of content:
// compare what Reveal returns, in constant time.
type String struct{ v *string }

// New wraps s.
func New(s string) String { return String{v: &s} }

// Reveal returns the value. Every call is a place to look at in a review.
func (s String) Reveal() string {
	if s.v == nil {
		return ""
	}
	return *s.v
}

// Empty reports whether there is no value or an empty one.
func (s String) Empty() bool { return s.Reveal() == "" }

// Format implements fmt.Formatter: every verb prints the mask.
func (s String) Format(f fmt.State, _ rune) { io.WriteString(f, mask) }

// LogValue implements slog.LogValuer.
func (s String) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText implements encoding.TextMarshaler, and with it JSON.
func (s String) MarshalText() ([]byte, error) { return []byte(mask), nil }
