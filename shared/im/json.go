package im

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Why a body is refused.
var (
	ErrTooLarge  error = &refusal{"too_large", "callback: the body is above 1 MiB"}
	ErrTooDeep   error = &refusal{"too_deep", "callback: the JSON is nested too deeply"}
	ErrMalformed error = &refusal{"malformed_json", "callback: the body is not one complete JSON object"}
)

// maxDepth bounds nesting. A merged forward adds four levels for each message inside
// a message; honest ones stay far below.
const maxDepth = 100

// object is a decoded JSON object. IM writes one field as a number here and as a
// string there, adds fields without notice and prints account ids above 2^53, so
// nothing is decoded into structs: names are compared exactly, of a repeated name the
// last value counts, numbers keep their digits, and each accessor takes what it can
// read as its kind. A nil object is empty.
type object map[string]any

// parseObject decodes b, which must be one JSON object. The texts in it need not be
// clean, because people's texts are not: a raw control character or a stray backslash
// in a string is read as if it were escaped, and U+FFFD stands for what is not UTF-8.
// Names, ids and times are ASCII, so they are read all the same.
func parseObject(b []byte) (object, error) {
	b = bytes.TrimPrefix(b, []byte("\uFEFF"))
	o, err := parseClean(escapeStrings(b))
	if errors.Is(err, ErrMalformed) && !utf8.Valid(b) {
		return parseClean(escapeStrings(maskPairs(b)))
	}
	return o, err
}

// escapeStrings escapes what JSON wants escaped inside of strings and is not. Control
// characters outside of strings become blanks.
func escapeStrings(b []byte) []byte {
	var out []byte
	kept, inString := 0, false
	replace := func(i int, by ...byte) {
		out = append(append(out, b[kept:i]...), by...)
		kept = i + 1
	}
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\' && isEscape(b[i+1:]):
			i++
		case inString && c == '\\':
			replace(i, '\\', '\\')
		case c == '"':
			inString = !inString
		case inString && c < ' ':
			replace(i, '\\', 'u', '0', '0', '0'+c>>4, "0123456789abcdef"[c&15])
		case c < ' ':
			replace(i, ' ')
		}
	}
	if kept == 0 {
		return b
	}
	return append(out, b[kept:]...)
}

// isEscape reports whether b goes on as what a backslash may stand before.
func isEscape(b []byte) bool {
	if len(b) >= 5 && b[0] == 'u' {
		_, err := strconv.ParseUint(string(b[1:5]), 16, 16)
		return err == nil
	}
	return len(b) > 0 && strings.IndexByte(`"\/bfnrt`, b[0]) >= 0
}

// maskPairs replaces the byte pairs of GBK, of which the second may look like a
// backslash. It may never look like a quotation mark.
func maskPairs(b []byte) []byte {
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] > 0x80 && i+1 < len(b) && b[i+1] >= 0x40 {
			out = utf8.AppendRune(out, utf8.RuneError)
			i++
		} else {
			out = append(out, b[i])
		}
	}
	return out
}

func parseClean(b []byte) (object, error) {
	if tooDeep(b) {
		return nil, ErrTooDeep
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, ErrMalformed
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrMalformed
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, ErrMalformed
	}
	return m, nil
}

// tooDeep counts brackets outside of strings. On text that is not JSON its answer
// means nothing, and the decoder refuses it.
func tooDeep(b []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// has reports whether there is a field name, whatever its value.
func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// str returns a string field, and "" for anything else.
func (o object) str(name string) string {
	s, _ := o[name].(string)
	return s
}

// id returns a string field, or the digits of an integer: IM's own example prints
// accounts as numbers above 2^53.
// Source: https://trtc.io/document/68941
func (o object) id(name string) string {
	switch v := o[name].(type) {
	case string:
		return v
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE-") {
			return v.String()
		}
	}
	return ""
}

// integer returns a whole number, written as a number or in a string.
func (o object) integer(name string) (int64, bool) {
	var text string
	switch v := o[name].(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return 0, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	// 1.7e12, as some encoders write large integers.
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// flag returns a 0/1 field; true counts as 1.
func (o object) flag(name string) bool {
	if b, ok := o[name].(bool); ok {
		return b
	}
	n, _ := o.integer(name)
	return n != 0
}

func (o object) object(name string) object {
	m, _ := o[name].(map[string]any)
	return m
}

// embedded returns an object that is given as such or as JSON inside a string. Any
// other text is nil: it is somebody else's format.
func (o object) embedded(name string) object {
	s, ok := o[name].(string)
	if !ok {
		return o.object(name)
	}
	if !strings.HasPrefix(strings.TrimSpace(s), "{") {
		return nil
	}
	m, err := parseObject([]byte(s))
	if err != nil {
		return nil
	}
	return m
}

// objects returns those elements of a list that are objects.
func (o object) objects(name string) []object {
	list, _ := o[name].([]any)
	var objects []object
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			objects = append(objects, m)
		}
	}
	return objects
}

// maxSecond is the end of the year 2100. Times outside of 1970 to 2100 are not times.
const maxSecond = 4102444800

// moment returns a Unix time in seconds or in milliseconds, whichever it is: a number
// that as seconds would be beyond 2100 is milliseconds. Payloads of the field have
// either where the documents have the other, and seconds that were milliseconds would
// lie before February 1970.
func (o object) moment(name string) (time.Time, bool) {
	n, ok := o.integer(name)
	switch {
	case !ok || n <= 0 || n > maxSecond*1000:
		return time.Time{}, false
	case n > maxSecond:
		return time.UnixMilli(n).UTC(), true
	}
	return time.Unix(n, 0).UTC(), true
}

// second is moment in whole seconds, as messages, reads and calls are dated.
func (o object) second(name string) (time.Time, bool) {
	t, ok := o.moment(name)
	return t.Truncate(time.Second), ok
}
