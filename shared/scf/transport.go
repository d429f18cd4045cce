package scf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"wxnotify/shared/outbound"

	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
)

// maxAnswer bounds what is read of an API answer. Real ones have some hundred bytes.
const maxAnswer = 64 << 10

// An APIError is an error that Tencent Cloud's API answered.
type APIError struct {
	Code      string // such as ResourceNotFound.Function
	Msg       string // for people, never matched on
	RequestID string // of the API, for a support ticket
}

func (e *APIError) Error() string {
	return fmt.Sprintf("%s: %s (request id %s)", e.Code, e.Msg, e.RequestID)
}

// An endpoint is where the API is. The zero host lets the SDK choose the real one.
type endpoint struct {
	scheme   string
	host     string // with port and path, as the SDK wants it
	loopback bool
}

func parseAPIBase(base string) (endpoint, error) {
	if base == "" {
		return endpoint{scheme: "HTTPS"}, nil
	}
	u, err := outbound.Base(base)
	if err != nil {
		return endpoint{}, fmt.Errorf("scf: TENCENT_API_BASE %w; leave it empty for the real API", err)
	}
	return endpoint{strings.ToUpper(u.Scheme), u.Host + u.EscapedPath(), outbound.Loopback(u.Hostname())}, nil
}

// A transport carries one call and remembers how it went, because the SDK turns the
// network's errors into text and quotes whole bodies and URLs in it.
type transport struct {
	next   http.RoundTripper
	status int
	err    error
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		t.err = err
		return nil, err
	}
	t.status = answer.StatusCode
	answer.Header.Del("Location") // a redirect would carry X-TC-Token elsewhere
	answer.Body = &body{ReadCloser: answer.Body, left: maxAnswer, t: t}
	return answer, nil
}

type body struct {
	io.ReadCloser
	left int
	t    *transport
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, errors.New("the answer is too long")
	}
	if err != nil && err != io.EOF {
		b.t.err = err
	}
	return n, err
}

// apiError translates an SDK error after an intact answer. What was sent in confidence
// is taken out, should it come back.
func (t *transport) apiError(err error, private ...string) error {
	var e *sdkerrors.TencentCloudSDKError
	if errors.As(err, &e) && !strings.HasPrefix(e.Code, "ClientError.") {
		clean := func(s string) string { return clip(scrub(s, private)) }
		return &APIError{Code: clean(e.Code), Msg: clean(e.Message), RequestID: clean(e.RequestId)}
	}
	return fmt.Errorf("status %d without an API answer: check TENCENT_API_BASE", t.status)
}

// scrub removes each of private from text, as it is and as it stands in JSON.
func scrub(text string, private []string) string {
	for _, p := range private {
		if len(p) < 4 {
			continue
		}
		quoted, _ := json.Marshal(p) // of a string: no error
		text = strings.NewReplacer(p, "[secret]", string(quoted[1:len(quoted)-1]), "[secret]").Replace(text)
	}
	return text
}
