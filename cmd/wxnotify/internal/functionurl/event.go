// Package functionurl is what SCF does between a caller of a function URL and the function: it makes an
// event of the request, and an answer of what the function returns.
package functionurl

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// urlEvent is the event of a function URL.
// Source: https://cloud.tencent.com/document/product/583/96099
//
// Not documented there, and so taken from API Gateway's events: an array for a
// repeated query key, true for a bare one, and isBase64Encoded for a body that is not
// text.
type urlEvent struct {
	Body            *string           `json:"body,omitempty"`
	Headers         map[string]string `json:"headers"`
	HTTPMethod      string            `json:"httpMethod"`
	IsBase64Encoded bool              `json:"isBase64Encoded,omitempty"`
	Path            string            `json:"path"`
	QueryString     map[string]any    `json:"queryString"`
}

// ErrTooLarge says that a body has more bytes than there may be.
var ErrTooLarge = errors.New("the body is too large")

// Event returns the event for r, whose body has at most so many bytes; path is what follows the function's
// name, escaped as it came. Errors are ErrTooLarge, and those of a request that cannot be read.
func Event(r *http.Request, path string, most int64) ([]byte, error) {
	query, err := queryValues(r.URL.RawQuery)
	if err != nil {
		return nil, errors.New("the query string is not well encoded")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, errors.New("the body ended early")
	}
	e := urlEvent{
		Headers:     eventHeaders(r),
		HTTPMethod:  r.Method,
		Path:        path,
		QueryString: query,
	}
	if len(body) > 0 || mayCarryBody(r.Method) {
		text := string(body)
		if !utf8.Valid(body) {
			text, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
		}
		e.Body = &text
		e.Headers["content-length"] = strconv.Itoa(len(body))
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // XML bodies would grow sixfold
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// mayCarryBody reports whether the platform sends a body even if it is empty.
func mayCarryBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// eventHeaders has every name in lower case and one value for each.
func eventHeaders(r *http.Request) map[string]string {
	headers := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		sep := ", "
		if name == "Cookie" {
			sep = "; "
		}
		headers[strings.ToLower(name)] = strings.Join(values, sep)
	}
	headers["x-scf-remote-addr"] = r.RemoteAddr
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		headers["x-scf-remote-addr"] = ip
	}
	return headers
}

// queryValues has a string for each key, true for a key without "=", and an array of
// strings for a key that is repeated.
func queryValues(raw string) (map[string]any, error) {
	values := make(map[string]any)
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, hasValue := strings.Cut(part, "=")
		key, err := url.QueryUnescape(k)
		if err != nil {
			return nil, err
		}
		value, err := url.QueryUnescape(v)
		if err != nil {
			return nil, err
		}
		switch old := values[key].(type) {
		case nil:
			values[key] = value
			if !hasValue {
				values[key] = true
			}
		case string:
			values[key] = []string{old, value}
		case bool:
			values[key] = []string{"", value}
		case []string:
			values[key] = append(old, value)
		}
	}
	return values, nil
}
