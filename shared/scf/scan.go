package scf

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of an envelope. Real ones nest three deep.
const maxDepth = 64

// A scanner reads one JSON text in a single pass. Strings without escapes are slices
// of src, so most of an envelope is read without an allocation.
//
// It accepts what encoding/json accepts, up to maxDepth, and reads strings as that
// does: bytes that are not UTF-8 and lone surrogates become U+FFFD.
type scanner struct {
	src string
	pos int
}

func (s *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("byte %d: %s", s.pos, fmt.Sprintf(format, args...))
}

// peek skips white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// member moves to the next member of an object and returns its key; s then stands
// before the value. The first call for an object passes first and finds its brace.
func (s *scanner) member(first bool) (key string, ok bool, err error) {
	ok, err = s.next(first, '{', '}')
	if !ok || err != nil {
		return "", false, err
	}
	if s.peek() != '"' {
		return "", false, s.errorf("want a key in quotes")
	}
	if key, err = s.text(); err != nil {
		return "", false, err
	}
	if s.peek() != ':' {
		return "", false, s.errorf("want a colon after a key")
	}
	s.pos++
	return key, true, nil
}

// element moves to the next element of an array, as member does for objects.
func (s *scanner) element(first bool) (ok bool, err error) { return s.next(first, '[', ']') }

func (s *scanner) next(first bool, open, end byte) (ok bool, err error) {
	if first {
		if s.peek() != open {
			return false, s.errorf("want %q", open)
		}
		s.pos++
		if s.peek() == end {
			s.pos++
			return false, nil
		}
		return true, nil
	}
	switch s.peek() {
	case ',':
		s.pos++
		return true, nil
	case end:
		s.pos++
		return false, nil
	}
	return false, s.errorf("want a comma or %q", end)
}

// end reports anything that follows the value.
func (s *scanner) end() error {
	if s.peek(); s.pos < len(s.src) {
		return s.errorf("more follows the event")
	}
	return nil
}

// skip checks and discards a value that itself lies depth deep.
func (s *scanner) skip(depth int) error {
	switch s.peek() {
	case '{':
		return s.skipObject(depth)
	case '[':
		return s.skipArray(depth)
	case '"':
		_, err := s.text()
		return err
	}
	_, err := s.literal()
	return err
}

func (s *scanner) skipObject(depth int) error {
	if depth >= maxDepth {
		return s.errorf("nested deeper than %d", maxDepth)
	}
	for first := true; ; first = false {
		if _, ok, err := s.member(first); !ok || err != nil {
			return err
		}
		if err := s.skip(depth + 1); err != nil {
			return err
		}
	}
}

func (s *scanner) skipArray(depth int) error {
	if depth >= maxDepth {
		return s.errorf("nested deeper than %d", maxDepth)
	}
	for first := true; ; first = false {
		if ok, err := s.element(first); !ok || err != nil {
			return err
		}
		if err := s.skip(depth + 1); err != nil {
			return err
		}
	}
}

// literal reads a number, true, false or null and returns its text.
func (s *scanner) literal() (string, error) {
	start := s.pos
	for s.pos < len(s.src) && isLiteral(s.src[s.pos]) {
		s.pos++
	}
	switch word := s.src[start:s.pos]; word {
	case "true", "false", "null":
		return word, nil
	default:
		if isNumber(word) {
			return word, nil
		}
	}
	s.pos = start
	return "", s.errorf("want a JSON value")
}

func isLiteral(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// isNumber implements the grammar of RFC 8259, section 6.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if strings.HasPrefix(s, ".") {
		n := digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		return n > 0 && n == len(s)
	}
	return s == ""
}

// digits counts the digits that s begins with.
func digits(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

// text reads a string; s stands at its opening quote.
func (s *scanner) text() (string, error) {
	start := s.pos + 1
	escaped, high := false, byte(0)
	for i := start; i < len(s.src); i++ {
		c := s.src[i]
		high |= c
		if !special[c] {
			continue
		}
		switch c {
		case '"':
			return s.endText(start, i, escaped, high >= utf8.RuneSelf)
		case '\\':
			escaped = true
			i++
		default:
			s.pos = i
			return "", s.errorf("control character in a string")
		}
	}
	s.pos = len(s.src)
	return "", s.errorf("a string does not end")
}

// special marks what cannot stand for itself in a string.
var special = func() (t [256]bool) {
	for c := range ' ' {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// endText returns the string whose raw form lies between start and end.
func (s *scanner) endText(start, end int, escaped, wide bool) (text string, err error) {
	text = s.src[start:end]
	if escaped {
		s.pos = start
		if text, err = s.unescape(text); err != nil {
			return "", err
		}
	}
	s.pos = end + 1
	if wide && !utf8.ValidString(text) {
		return replaceInvalid(text), nil
	}
	return text, nil
}

// unescape resolves the escapes of raw, which lies at s.pos.
func (s *scanner) unescape(raw string) (string, error) {
	var b strings.Builder
	b.Grow(len(raw))
	for {
		i := strings.IndexByte(raw, '\\')
		if i < 0 {
			b.WriteString(raw)
			return b.String(), nil
		}
		b.WriteString(raw[:i])
		r, n := escape(raw[i:])
		if n == 0 {
			s.pos += i
			return "", s.errorf("invalid escape in a string")
		}
		if r < utf8.RuneSelf {
			b.WriteByte(byte(r))
		} else {
			b.WriteRune(r)
		}
		raw = raw[i+n:]
		s.pos += i + n
	}
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape decodes the escape that raw begins with and returns its length, or 0 if it is
// not valid. A backslash is never the last byte of raw: it would have taken the closing
// quote along.
func escape(raw string) (r rune, n int) {
	if c := escapes[raw[1]]; c != 0 {
		return rune(c), 2
	}
	r = unicodeEscape(raw)
	if r < 0 {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if pair := utf16.DecodeRune(r, unicodeEscape(raw[6:])); pair != utf8.RuneError {
		return pair, 12
	}
	return utf8.RuneError, 6
}

// unicodeEscape decodes \uXXXX at the start of s, or returns -1.
func unicodeEscape(s string) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// replaceInvalid puts one U+FFFD in the place of each byte that is not UTF-8.
func replaceInvalid(s string) string { return string([]rune(s)) }
