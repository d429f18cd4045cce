package term_test

import (
	"testing"

	"wxnotify/cmd/wxnotify/internal/term"
)

func TestWidths(t *testing.T) {
	for _, c := range []struct {
		s     string
		width int
		pad   string // to 6 cells
		clip  string // to 5 cells
	}{
		{"", 0, "      ", ""},
		{"abc", 3, "abc   ", "abc"},
		{"abcde", 5, "abcde ", "abcde"},
		{"abcdef", 6, "abcdef", "abcd…"},
		{"发送人", 6, "发送人", "发送…"},
		{"a发送人", 7, "a发送人", "a发…"}, // half of a character is none
		{"e\u0301te", 3, "e\u0301te   ", "e\u0301te"},
		{"👨‍👩‍👧‍👦家家", 6, "👨‍👩‍👧‍👦家家", "👨‍👩‍👧‍👦家…"},
	} {
		if w := term.Width(c.s); w != c.width {
			t.Errorf("Width(%q) = %d, want %d", c.s, w, c.width)
		}
		if p := term.Pad(c.s, 6); p != c.pad {
			t.Errorf("Pad(%q, 6) = %q, want %q", c.s, p, c.pad)
		}
		if p := term.Clip(c.s, 5); p != c.clip {
			t.Errorf("Clip(%q, 5) = %q, want %q", c.s, p, c.clip)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain 茶\t":          "plain 茶\t",
		"\x1b[31mred\x1b[0m": `\x1b[31mred\x1b[0m`,
		"a\nb\rc":            `a\nb\rc`,
		"\u202eab":           `\u202eab`,
		"\xff":               "\ufffd",
	} {
		if got := term.Visible(in); got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPaint(t *testing.T) {
	for _, c := range []struct {
		palette term.Palette
		style   term.Style
		s, want string
	}{
		{true, term.Green, "a", "\x1b[32ma\x1b[0m"},
		{true, term.Plain, "a", "a"},
		{true, term.Green, "", ""},
		{false, term.Green, "a", "a"},
	} {
		if got := c.palette.Paint(c.style, c.s); got != c.want {
			t.Errorf("%v paints %q as %q, want %q", c.palette, c.s, got, c.want)
		}
	}
}
