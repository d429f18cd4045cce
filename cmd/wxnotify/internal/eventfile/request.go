package eventfile

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// A request is what signatures cover of an HTTP event.
type request struct {
	query   map[string]string
	headers map[string]string // by lower-case name
	text    string            // the event's body
	base64  bool              // text is base64 of what is sent
}

// requestOf returns what is HTTP in an event; of an event of another shape, nothing.
func requestOf(event []byte) (request, error) {
	var e struct {
		QueryString     any `json:"queryString"`
		Headers         any `json:"headers"`
		Body            any `json:"body"`
		IsBase64Encoded any `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		var te *json.UnmarshalTypeError
		if errors.As(err, &te) { // not even an object, which is fine
			return request{}, nil
		}
		return request{}, err
	}
	r := request{query: texts(e.QueryString), headers: make(map[string]string)}
	for k, v := range texts(e.Headers) {
		r.headers[strings.ToLower(k)] = v
	}
	r.text, _ = e.Body.(string)
	r.base64, _ = e.IsBase64Encoded.(bool)
	return r, nil
}

// texts returns the texts among the members of an object.
func texts(object any) map[string]string {
	out := make(map[string]string)
	members, _ := object.(map[string]any)
	for k, v := range members {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

// body returns what is sent.
func (r request) body() ([]byte, error) {
	if !r.base64 {
		return []byte(r.text), nil
	}
	b, err := base64.StdEncoding.DecodeString(r.text)
	if err != nil {
		return nil, errors.New("body is not the base64 that isBase64Encoded says")
	}
	return b, nil
}
