// Package term makes text fit for a terminal.
package term

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// A Style is a list of SGR parameters.
// Source: https://ecma-international.org/publications-and-standards/standards/ecma-48/
type Style string

// Styles.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "1;31"
	Green  Style = "32"
	Yellow Style = "33"
	Purple Style = "35"
	Cyan   Style = "36"
)

// A Palette paints, or does not.
type Palette bool

// Paint returns s in style; an unpainted s is s itself.
func (p Palette) Paint(style Style, s string) string {
	if !p || style == Plain || s == "" {
		return s
	}
	return "\x1b[" + string(style) + "m" + s + "\x1b[0m"
}

// Width returns how many cells s takes. Chinese characters take two.
func Width(s string) int { return uniseg.StringWidth(s) }

// Pad adds blanks to s up to width cells.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}

// Clip cuts s to at most width cells; an ellipsis says that something is missing.
func Clip(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	var b strings.Builder
	room := width - 1
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if room -= g.Width(); room < 0 {
			break
		}
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

// Visible escapes what a terminal would act on: control characters, and those that
// turn the direction of writing.
func Visible(s string) string {
	if !strings.ContainsFunc(s, steers) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if steers(r) {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func steers(r rune) bool {
	return r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar)
}
