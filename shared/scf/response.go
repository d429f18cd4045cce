package scf

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxResponse is the largest response envelope in bytes, escapes included.
// Source: https://cloud.tencent.com/document/product/583/11637
const maxResponse = 6 << 20

var errResponseTooLarge = errors.New("the response is larger than 6 MB with its envelope")

// A response is an http.ResponseWriter that keeps everything until encode.
type response struct {
	header http.Header
	sent   http.Header // header as it was when the status was set; nil before that
	status int
	body   []byte
	head   bool // of a HEAD request: the body is dropped
	over   bool // more was written than can be answered
}

func newResponse(method string) *response {
	return &response{header: make(http.Header, 4), status: http.StatusOK, head: method == http.MethodHead}
}

func (w *response) Header() http.Header { return w.header }

// WriteHeader has net/http's semantics: the first final status counts, an impossible
// one panics. Informational ones have no way out and are dropped.
func (w *response) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %d", status))
	}
	if w.sent != nil || status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.status = status
	w.sent = w.header.Clone()
}

func (w *response) Write(p []byte) (int, error) {
	if err := w.admit(len(p)); err != nil {
		return 0, err
	}
	if !w.head {
		w.body = append(w.body, p...)
	}
	return len(p), nil
}

// WriteString implements io.StringWriter.
func (w *response) WriteString(s string) (int, error) {
	if err := w.admit(len(s)); err != nil {
		return 0, err
	}
	if !w.head {
		w.body = append(w.body, s...)
	}
	return len(s), nil
}

func (w *response) admit(n int) error {
	if w.sent == nil {
		w.WriteHeader(http.StatusOK)
	}
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified || w.status < 200 {
		return http.ErrBodyNotAllowed
	}
	if len(w.body)+n > maxResponse {
		w.over = true
		return errResponseTooLarge
	}
	return nil
}

// encode returns the integrated response. It always names a Content-Type, because the
// platform's default is application/json.
// Source: https://cloud.tencent.com/document/product/583/96099
func (w *response) encode() ([]byte, error) {
	if w.sent == nil {
		w.WriteHeader(http.StatusOK)
	}
	binary := !utf8.Valid(w.body)
	out := make([]byte, 0, 256+len(w.body)+len(w.body)/3)
	out = append(out, `{"isBase64Encoded":`...)
	out = strconv.AppendBool(out, binary)
	out = append(out, `,"statusCode":`...)
	out = strconv.AppendInt(out, int64(w.status), 10)
	out = append(out, `,"headers":{`...)
	out = w.appendHeaders(out)
	out = append(out, `},"body":`...)
	if binary {
		out = append(out, '"')
		out = base64.StdEncoding.AppendEncode(out, w.body)
		out = append(out, '"')
	} else {
		out = appendString(out, w.body)
	}
	out = append(out, '}')
	if w.over || len(out) > maxResponse {
		return nil, errResponseTooLarge
	}
	return out, nil
}

// appendHeaders writes the members in the order of their names. A header with one
// value is a string; arrays are a feature of API Gateway that function URLs do not
// document.
func (w *response) appendHeaders(out []byte) []byte {
	if w.sent.Get("Content-Type") == "" {
		w.sent.Set("Content-Type", w.contentType())
	}
	names := make([]string, 0, len(w.sent))
	for name, values := range w.sent {
		if len(values) > 0 && !isFraming(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, name), ':')
		out = appendValues(out, w.sent[name])
	}
	return out
}

func appendValues(out []byte, values []string) []byte {
	if len(values) == 1 {
		return appendString(out, headerValue.Replace(values[0]))
	}
	out = append(out, '[')
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(out, headerValue.Replace(v))
	}
	return append(out, ']')
}

// headerValue keeps a value from ending its header, as net/http does.
var headerValue = strings.NewReplacer("\n", " ", "\r", " ")

// isFraming reports whether the platform alone may set a header.
func isFraming(name string) bool {
	switch name {
	case "Content-Length", "Transfer-Encoding", "Connection":
		return true
	}
	return false
}

func (w *response) contentType() string {
	if len(w.body) == 0 {
		return "text/plain; charset=utf-8"
	}
	return http.DetectContentType(w.body)
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString[S string | []byte](out []byte, s S) []byte {
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && n == 1 {
				out = append(out, s[start:i]...)
				out = append(out, "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c < ' ' || c == '"' || c == '\\' || c == 0x7f {
			out = append(out, s[start:i]...)
			out = appendEscape(out, c)
			start = i + 1
		}
		i++
	}
	out = append(out, s[start:]...)
	return append(out, '"')
}

func appendEscape(out []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(out, '\\', c)
	case '\n':
		return append(out, '\\', 'n')
	case '\r':
		return append(out, '\\', 'r')
	case '\t':
		return append(out, '\\', 't')
	}
	return append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
