package functionurl

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// A Reply is what the caller of a function URL gets.
type Reply struct {
	status int
	header http.Header
	body   []byte
}

// ErrBadReply says that a function returned what is no answer.
var ErrBadReply = errors.New("invalid scf response format")

// ReplyOf reads an integrated response. A JSON value without statusCode is
// answered whole, with 200 and application/json, as the platform does it. Errors wrap ErrBadReply.
// Source: https://cloud.tencent.com/document/product/583/96099
func ReplyOf(payload []byte) (*Reply, error) {
	if !json.Valid(payload) {
		return nil, fmt.Errorf("%w: not JSON", ErrBadReply)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil || fields["statusCode"] == nil {
		return &Reply{
			status: http.StatusOK,
			header: http.Header{"Content-Type": {"application/json"}},
			body:   payload,
		}, nil
	}
	var (
		r       Reply
		headers map[string]json.RawMessage
		body    string
		encoded bool
	)
	for name, into := range map[string]any{
		"statusCode": &r.status, "headers": &headers, "body": &body, "isBase64Encoded": &encoded,
	} {
		if value, ok := fields[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return nil, fmt.Errorf("%w: %s has the wrong type", ErrBadReply, name)
			}
		}
	}
	if r.status < 200 || r.status > 599 {
		return nil, fmt.Errorf("%w: statusCode is %d", ErrBadReply, r.status)
	}
	r.body = []byte(body)
	if encoded {
		var err error
		if r.body, err = base64.StdEncoding.DecodeString(body); err != nil {
			return nil, fmt.Errorf("%w: body is not Base64", ErrBadReply)
		}
	}
	var err error
	r.header, err = replyHeader(headers)
	return &r, err
}

// replyHeader takes a value, or an array of values, for each name.
func replyHeader(fields map[string]json.RawMessage) (http.Header, error) {
	header := make(http.Header)
	for name, raw := range fields {
		var values []any
		if json.Unmarshal(raw, &values) != nil {
			var one any
			if err := json.Unmarshal(raw, &one); err != nil {
				return nil, err
			}
			values = []any{one}
		}
		for _, v := range values {
			switch v := v.(type) {
			case string:
				header.Add(name, v)
			case float64, bool:
				header.Add(name, fmt.Sprint(v))
			default:
				return nil, fmt.Errorf("%w: header %s is neither a string nor an array of strings", ErrBadReply, name)
			}
		}
	}
	// The connection is ours.
	for _, name := range []string{"Connection", "Content-Length", "Transfer-Encoding"} {
		header.Del(name)
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	return header, nil
}

// Write answers with r.
func (r *Reply) Write(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // fails if the caller has gone, or the status allows no body
}
