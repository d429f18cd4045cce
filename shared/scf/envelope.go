package scf

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
)

// MaxBody is the largest request body in bytes, after base64 is undone.
const MaxBody = 1 << 20

var (
	errBodyTooLarge = errors.New("the body is larger than 1 MiB")
	errBodyBase64   = errors.New("the body is not base64, as isBase64Encoded says")
)

// An envelope is the event of a function URL or of API Gateway, as far as an HTTP
// request needs it. A function URL sends the gateway's shape without requestContext
// and isBase64Encoded; how it sends repeated query keys is not documented, so both
// shapes are read alike.
// Source: https://cloud.tencent.com/document/product/583/96099
type envelope struct {
	method   string
	path     string
	header   http.Header
	query    query
	body     string
	base64   bool
	sourceIP string // requestContext.sourceIp; API Gateway only
}

// decodeEnvelope reads event in one pass. Of repeated keys the last wins. Fields it
// does not know are checked for syntax and skipped.
func decodeEnvelope(event []byte) (*envelope, error) {
	s := scanner{src: string(event)}
	if s.peek() != '{' {
		return nil, errors.New("scf: the event is not a JSON object")
	}
	var e envelope
	for first := true; ; first = false {
		key, ok, err := s.member(first)
		if err != nil {
			return nil, fmt.Errorf("scf: event: %w", err)
		}
		if !ok {
			break
		}
		if err := e.field(&s, key); err != nil {
			return nil, fmt.Errorf("scf: event: %s: %w", knownField(key), err)
		}
	}
	if err := s.end(); err != nil {
		return nil, fmt.Errorf("scf: event: %w", err)
	}
	if e.method == "" {
		return nil, fmt.Errorf("scf: want an HTTP event of a function URL or API Gateway, got %s", kindOf(event))
	}
	return &e, nil
}

func (e *envelope) field(s *scanner, key string) (err error) {
	switch key {
	case "httpMethod":
		e.method, err = s.optionalText()
	case "path":
		e.path, err = s.optionalText()
	case "body":
		e.body, err = s.optionalText()
	case "isBase64Encoded":
		e.base64, err = s.flag()
	case "headers":
		e.header, err = s.header()
	case "queryString":
		e.query, err = s.query()
	case "requestContext":
		e.sourceIP, err = s.sourceIP()
	default:
		err = s.skip(1)
	}
	return err
}

// knownField names a field in an error, unless the name is the caller's invention.
func knownField(key string) string {
	switch key {
	case "httpMethod", "path", "body", "isBase64Encoded", "headers", "queryString", "requestContext":
		return key
	}
	return "a field"
}

// optionalText reads a string; null is the empty one.
func (s *scanner) optionalText() (string, error) {
	switch s.peek() {
	case '"':
		return s.text()
	case 'n':
		_, err := s.literal()
		return "", err
	}
	return "", s.errorf("want a string")
}

func (s *scanner) flag() (bool, error) {
	if c := s.peek(); c != 't' && c != 'f' && c != 'n' {
		return false, s.errorf("want true or false")
	}
	word, err := s.literal()
	return word == "true", err
}

// null reports whether the next value is null and reads it if so.
func (s *scanner) null() (bool, error) {
	if s.peek() != 'n' {
		return false, nil
	}
	_, err := s.literal()
	return true, err
}

// header reads an object of strings or arrays of strings. The documented names are
// Canonical-Case, real ones lower case: of two that differ in case the last wins.
func (s *scanner) header() (http.Header, error) {
	if null, err := s.null(); null || err != nil {
		return nil, err
	}
	h := make(http.Header, 14)      // fills 16 slots of a map
	values := make([]string, 0, 16) // one array for all, as most have one value
	for first := true; ; first = false {
		key, ok, err := s.member(first)
		if !ok || err != nil {
			return h, err
		}
		n := len(values)
		if values, err = s.values(values, "true"); err != nil {
			return nil, err
		}
		h[textproto.CanonicalMIMEHeaderKey(key)] = values[n:len(values):len(values)]
	}
}

// values appends a scalar, or each element of an array of scalars, to list. True is
// read as the text yes.
func (s *scanner) values(list []string, yes string) ([]string, error) {
	if s.peek() != '[' {
		return s.scalar(list, yes)
	}
	for first := true; ; first = false {
		ok, err := s.element(first)
		if !ok || err != nil {
			return list, err
		}
		if list, err = s.scalar(list, yes); err != nil {
			return nil, err
		}
	}
}

// scalar appends a string, number or boolean as text; null appends nothing.
func (s *scanner) scalar(list []string, yes string) ([]string, error) {
	switch s.peek() {
	case '"':
		text, err := s.text()
		return append(list, text), err
	case '{', '[':
		return nil, s.errorf("want a string or an array of strings")
	}
	word, err := s.literal()
	switch word {
	case "null":
		return list, err
	case "true":
		word = yes
	}
	return append(list, word), err
}

// sourceIP reads requestContext and keeps its sourceIp.
func (s *scanner) sourceIP() (ip string, err error) {
	if s.peek() != '{' {
		return "", s.skip(1)
	}
	for first := true; ; first = false {
		key, ok, err := s.member(first)
		if !ok || err != nil {
			return ip, err
		}
		if key == "sourceIp" && s.peek() == '"' {
			ip, err = s.text()
		} else {
			err = s.skip(2)
		}
		if err != nil {
			return "", err
		}
	}
}

// content returns the body's bytes, at most MaxBody of them.
func (e *envelope) content() (string, error) {
	if !e.base64 {
		if len(e.body) > MaxBody {
			return "", errBodyTooLarge
		}
		return e.body, nil
	}
	if len(e.body) > base64.StdEncoding.EncodedLen(MaxBody) {
		return "", errBodyTooLarge
	}
	body, err := base64.StdEncoding.DecodeString(e.body)
	if err != nil {
		return "", errBodyBase64
	}
	if len(body) > MaxBody {
		return "", errBodyTooLarge
	}
	return string(body), nil
}

// url returns the path and query. Whether the platform undoes percent-encoding in
// path is not documented: a path that can be decoded is.
func (e *envelope) url() *url.URL {
	u := &url.URL{Path: e.path, RawQuery: e.query.encode()}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	if strings.IndexByte(u.Path, '%') >= 0 {
		encoded := u.Path
		if decoded, err := url.PathUnescape(encoded); err == nil {
			u.Path, u.RawPath = decoded, encoded
		}
	}
	return u
}

// remoteAddr returns the client's address in the form of net/http, with port 0 where
// the platform tells none. A client of API Gateway may send X-Scf-Remote-Addr itself,
// so sourceIp goes first.
func (e *envelope) remoteAddr() string {
	for _, addr := range [...]string{e.sourceIP, e.header.Get("X-Scf-Remote-Addr")} {
		if ip, err := netip.ParseAddr(addr); err == nil {
			return netip.AddrPortFrom(ip, 0).String()
		}
		if both, err := netip.ParseAddrPort(addr); err == nil {
			return both.String()
		}
	}
	return ""
}

// kindOf names an event that is not HTTP, for an error.
func kindOf(event []byte) string {
	var e struct {
		Type    any
		CLSLogs any `json:"clslogs"`
		Records []map[string]any
	}
	if json.Unmarshal(event, &e) != nil {
		return "an event without httpMethod"
	}
	if e.Type == "Timer" {
		return "a timer event: remove the timer trigger from this function"
	}
	if e.CLSLogs != nil {
		return "a CLS event: remove the CLS trigger from this function"
	}
	if len(e.Records) > 0 {
		for field, kind := range map[string]string{"Ckafka": "CKafka", "CMQ": "CMQ", "cos": "COS"} {
			if _, ok := e.Records[0][field]; ok {
				return fmt.Sprintf("a %s event: remove the %s trigger from this function", kind, kind)
			}
		}
	}
	return "an event without httpMethod"
}
