// Package dotenv reads .env files: one KEY=VALUE a line.
//
//	# a comment
//	WECHAT_APPID=wx0123456789abcdef   # a comment after a blank
//	export IM_ADMIN=administrator
//	LITERAL='as it is: $x #1'
//	ESCAPED="two\nlines, a \" and a \\"
//
// Nothing is expanded and no value spans lines. Of a key that is set twice the last line holds, as in
// a shell: the login of `scf` appends its keys below those that are there.
package dotenv

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A SyntaxError names the line; it never shows what the line says.
type SyntaxError struct {
	Line   int // from 1
	Reason string
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// A File is what a file says.
type File struct {
	Values map[string]string
	Lines  map[string]int // of each key the one that holds, from 1
	// Again are the keys that an earlier line set too, to another value than nothing.
	Again []string
}

// Load reads the file at path. A missing file is an error that wraps fs.ErrNotExist.
func Load(path string) (File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return File{}, err
	}
	f, err := Parse(data)
	if err != nil {
		return f, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return f, nil
}

var keyForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Parse reads a file's contents. Errors are of type *SyntaxError.
func Parse(data []byte) (File, error) {
	f := File{Values: map[string]string{}, Lines: map[string]int{}}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return File{}, &SyntaxError{1, "the file is UTF-16: save it as UTF-8"}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		n := i + 1
		key, rest, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if key = strings.TrimSpace(key); !ok || !keyForm.MatchString(key) {
			return File{}, &SyntaxError{n, "want KEY=VALUE, with a key of letters, digits and _"}
		}
		value, reason := parseValue(strings.TrimSpace(rest))
		if reason == "" && !utf8.ValidString(value) {
			reason = "the value is not UTF-8: save the file as UTF-8"
		}
		if reason != "" {
			return File{}, &SyntaxError{n, key + ": " + reason}
		}
		if f.Values[key] != "" && !slices.Contains(f.Again, key) {
			f.Again = append(f.Again, key)
		}
		f.Values[key], f.Lines[key] = value, n
	}
	return f, nil
}

// parseValue returns the value, or the reason why there is none.
func parseValue(s string) (value, reason string) {
	if s == "" {
		return "", ""
	}
	var rest string
	switch quote := s[0]; quote {
	case '\'':
		end := strings.IndexByte(s[1:], '\'')
		if end < 0 {
			return "", "the quote ' is not closed on this line"
		}
		value, rest = s[1:1+end], s[2+end:]
	case '"':
		var ok bool
		if value, rest, ok = cutQuoted(s[1:]); !ok {
			return "", `the quote " is not closed on this line, or \ stands before something else than n, t, " or \`
		}
	case '#':
		return "", ""
	default:
		return beforeComment(s), ""
	}
	if rest = strings.TrimSpace(rest); rest != "" && rest[0] != '#' {
		return "", "there is text after the closing quote"
	}
	return value, ""
}

var unescape = map[byte]byte{'n': '\n', 't': '\t', '"': '"', '\\': '\\'}

// cutQuoted reads up to the closing double quote.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) || unescape[s[i]] == 0 {
				return "", "", false
			}
			b.WriteByte(unescape[s[i]])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// beforeComment cuts a comment, which starts with a # after a blank.
func beforeComment(s string) string {
	for i := 1; i < len(s); i++ {
		if s[i] == '#' && (s[i-1] == ' ' || s[i-1] == '\t') {
			return strings.TrimRight(s[:i], " \t")
		}
	}
	return s
}
