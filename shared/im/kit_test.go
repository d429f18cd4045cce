package im_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

const (
	testAppID = 1400123456
	testToken = "imToken2026"
	testTime  = 1795305600

	after  = "C2C.CallbackAfterSendMsg"
	okJSON = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`
)

// afterBody is a text message from jared to tommy.
const afterBody = `{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"jared","To_Account":"tommy",` +
	`"MsgSeq":1,"MsgRandom":2,"MsgTime":1795305600,"MsgKey":"1_2_1795305600",` +
	`"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"canary in the text"}}]}`

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func newReceiver(t testing.TB, cfg im.ReceiverConfig) *im.Receiver {
	t.Helper()
	r, err := im.NewReceiver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func commandQuery(command string) url.Values {
	return url.Values{"SdkAppid": {"1400123456"}, "CallbackCommand": {command}, "OptPlatform": {"Web"}}
}

// signedQuery is the query of a callback that is signed at testTime.
func signedQuery(command string) url.Values {
	q := commandQuery(command)
	im.SignQuery(q, secret.New(testToken), time.Unix(testTime, 0))
	return q
}

// decode decodes a body whose command the query repeats.
func decode(t *testing.T, body string) im.Callback {
	t.Helper()
	var named struct{ CallbackCommand string }
	if err := json.Unmarshal([]byte(body), &named); err != nil {
		t.Fatal(err)
	}
	cb, err := im.Decode(commandQuery(named.CallbackCommand), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return cb
}

// A fixture is a Handler at testTime that keeps what it logs and accepts.
type fixture struct {
	im.Handler
	log    bytes.Buffer
	facts  []fact.Fact
	accept func(context.Context) error // nil: without an error
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{}
	f.Handler = im.Handler{
		Receiver: newReceiver(t, im.ReceiverConfig{SDKAppID: testAppID, Token: secret.New(testToken)}),
		Accept: func(ctx context.Context, facts []fact.Fact) error {
			f.facts = append(f.facts, facts...)
			if f.accept == nil {
				return nil
			}
			return f.accept(ctx)
		},
		Log: slog.New(slog.NewJSONHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return time.Unix(testTime, 0) },
	}
	return f
}

func (f *fixture) serve(method, query string, body io.Reader) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(method, "/imcallback?"+query, body))
	return w
}

func (f *fixture) post(query url.Values, body string) *httptest.ResponseRecorder {
	return f.serve(http.MethodPost, query.Encode(), strings.NewReader(body))
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// broken is a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
