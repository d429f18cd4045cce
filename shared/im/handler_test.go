package im_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
)

const okJSON = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`

// desk is a Handler whose every end is in view.
type desk struct {
	im.Handler
	log    bytes.Buffer
	facts  []notify.Fact
	accept func(context.Context) error
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{accept: func(context.Context) error { return nil }}
	d.Handler = im.Handler{
		Receiver: newReceiver(t, im.ReceiverConfig{SDKAppID: testAppID, Token: secret.New(testToken)}),
		Accept: func(ctx context.Context, f []notify.Fact) error {
			d.facts = append(d.facts, f...)
			return d.accept(ctx)
		},
		Log: slog.New(slog.NewJSONHandler(&d.log, nil)),
		Now: func() time.Time { return time.Unix(testTime, 0) },
	}
	return d
}

func (d *desk) serve(method, query string, body io.Reader) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(method, "/imcallback?"+query, body))
	return w
}

func (d *desk) post(query, body string) *httptest.ResponseRecorder {
	return d.serve(http.MethodPost, query, strings.NewReader(body))
}

// authentic returns the query of a callback that is signed at testTime.
func authentic(command string) string {
	q := url.Values{"SdkAppid": {"1400123456"}, "CallbackCommand": {command}, "OptPlatform": {"Web"}}
	im.SignQuery(q, secret.New(testToken), time.Unix(testTime, 0))
	return q.Encode()
}

const afterBody = `{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"jared","To_Account":"tommy",` +
	`"MsgSeq":1,"MsgRandom":2,"MsgTime":1795305600,"MsgKey":"1_2_1795305600",` +
	`"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"canary in the text"}}]}`

type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestHandlerRefuses(t *testing.T) {
	stale := url.Values{"SdkAppid": {"1400123456"}, "CallbackCommand": {"C2C.CallbackAfterSendMsg"}, "ClientIP": {"canary"}}
	im.SignQuery(stale, secret.New(testToken), time.Unix(testTime-61, 0))
	const after = "C2C.CallbackAfterSendMsg"
	for _, c := range []struct {
		name, method, query string
		body                io.Reader
		status              int
		reason, command     string
	}{
		{"put", http.MethodPut, authentic(after), unread{t}, 405, "", ""},
		{"delete, no query", http.MethodDelete, "", unread{t}, 405, "", ""},
		{"unsigned, before the body is read", http.MethodPost, "SdkAppid=1400123456&CallbackCommand=" + after, unread{t}, 403, "no_sign", after},
		{"stale", http.MethodPost, stale.Encode(), unread{t}, 403, "stale", after},
		{"invented command, unsigned", http.MethodPost, "CallbackCommand=canary", unread{t}, 403, "no_sign", "other"},
		{"bad query", http.MethodPost, authentic(after) + "&%zz", unread{t}, 403, "bad_query", ""},
		{"repeated", http.MethodPost, authentic(after) + "&sign=canary", unread{t}, 403, "repeated_parameter", after},
		{"above 1 MiB", http.MethodPost, authentic(after), strings.NewReader(strings.Repeat(" ", im.MaxBody+1)), 413, "too_large", after},
		{"truncated", http.MethodPost, authentic(after), strings.NewReader(afterBody[:100]), 400, "malformed_json", after},
		{"mismatch", http.MethodPost, authentic("State.StateChange"), strings.NewReader(afterBody), 400, "command_mismatch", "State.StateChange"},
		{"unsigned, no command, a body", http.MethodPost, "SdkAppid=1400123456", strings.NewReader(afterBody), 403, "no_sign", "other"},
		{"unsigned, no command, blanks without end", http.MethodPost, "", strings.NewReader(strings.Repeat(" ", 100) + "{}"), 403, "no_sign", "other"},
		{"unsigned, no command, no JSON", http.MethodPost, "", strings.NewReader("a=b"), 403, "no_sign", "other"},
		{"unsigned, no command, the body breaks off", http.MethodPost, "", broken{}, 403, "no_sign", "other"},
		{"unsigned, a call's command", http.MethodPost, "command=caller_start_call", unread{t}, 403, "no_sign", "other"},
		{"a time, nothing else", http.MethodPost, "RequestTime=1795305600", unread{t}, 403, "no_sign", "other"},
		{"badly signed, nothing else", http.MethodPost, "Sign=0&RequestTime=1795305600", unread{t}, 403, "bad_sign", "other"},
		{"deep", http.MethodPost, authentic(after), strings.NewReader(strings.Repeat("[", 5000)), 400, "too_deep", after},
		{"body breaks off", http.MethodPost, authentic(after), io.MultiReader(strings.NewReader("{"), broken{}), 400, "body_lost", after},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			w := d.serve(c.method, c.query, c.body)
			if w.Code != c.status || len(d.facts) > 0 {
				t.Errorf("status %d, %d facts; want %d, none", w.Code, len(d.facts), c.status)
			}
			if !strings.HasPrefix(w.Body.String(), `{"error":{"code":"`) || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("answer %q is not our JSON error", w.Body)
			}
			if c.status == 405 {
				if w.Header().Get("Allow") != "GET, HEAD, POST" {
					t.Errorf("Allow = %q", w.Header().Get("Allow"))
				}
				return
			}
			if c.status == 403 && strings.Contains(w.Body.String(), c.reason) {
				t.Errorf("answer %s tells why", w.Body)
			}
			want := `"msg":"im callback refused","reason":"` + c.reason + `","command":"` + c.command + `"}`
			if !strings.Contains(d.log.String(), want) {
				t.Errorf("log %s lacks %s", &d.log, want)
			}
			checkLog(t, d)
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func checkLog(t *testing.T, d *desk) {
	t.Helper()
	sign := im.Sign(secret.New(testToken), "1795305600")
	for _, bad := range []string{"canary", testToken, sign, "RequestTime", "1400123456", "jared"} {
		if strings.Contains(d.log.String(), bad) {
			t.Errorf("the log holds %q: %s", bad, &d.log)
		}
	}
}

func TestHandlerAnswersOK(t *testing.T) {
	for _, c := range []struct {
		name, command, body string
		accept              func(context.Context) error
		facts               int
		logged              string
	}{
		{"recorded", "C2C.CallbackAfterSendMsg", afterBody, nil, 1, ""},
		{"before", "C2C.CallbackBeforeSendMsg", strings.Replace(afterBody, "After", "Before", 1), nil, 1, ""},
		{"the store is away", "C2C.CallbackAfterSendMsg", afterBody,
			func(context.Context) error { return errors.New("store: away") }, 1, `"reason":"not_recorded","error":"store: away"`},
		{"Accept panics", "C2C.CallbackAfterSendMsg", afterBody,
			func(context.Context) error { panic("canary") }, 1, "Accept panicked with a string"},
		{"empty probe", "C2C.CallbackAfterSendMsg", "", nil, 0, `"kind":"probe","method":"POST"`},
		{"object probe", "C2C.CallbackAfterSendMsg", "{ }", nil, 0, `"kind":"probe","method":"POST"`},
		{"control characters", "C2C.CallbackAfterSendMsg", strings.Replace(afterBody, " in the ", "\n\x02\xe4\xbd", 1), nil, 1, ""},
		{"unknown command", "Sns.CallbackFriendAdd", `{"CallbackCommand":"Sns.CallbackFriendAdd"}`, nil, 0,
			`"command":"Sns.CallbackFriendAdd","kind":"unknown","reason":"unknown_command"`},
		{"odd command", "a b\ncanary", `{"CallbackCommand":"a b\ncanary"}`, nil, 0, `"command":"other"`},
		{"no recipient", "C2C.CallbackAfterSendMsg", strings.Replace(afterBody, "To_Account", "To", 1), nil, 0,
			`"reason":"bad_field","command":"C2C.CallbackAfterSendMsg","field":"To_Account"`},
		{"exactly 1 MiB", "C2C.CallbackAfterSendMsg", afterBody + strings.Repeat(" ", im.MaxBody-len(afterBody)), nil, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			if c.accept != nil {
				d.accept = c.accept
			}
			w := d.post(authentic(c.command), c.body)
			if w.Code != 200 || w.Body.String() != okJSON || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("answer %d %s", w.Code, w.Body)
			}
			if len(d.facts) != c.facts {
				t.Errorf("%d facts, want %d", len(d.facts), c.facts)
			}
			if !strings.Contains(d.log.String(), c.logged) || (c.logged == "") != (d.log.Len() == 0) {
				t.Errorf("log %q, want %q in it", &d.log, c.logged)
			}
			checkLog(t, d)
		})
	}
}

// TestHandlerAllowsEveryBefore: IM holds something back until a Before is answered, and
// what is wrong with its body is no reason to forbid it.
func TestHandlerAllowsEveryBefore(t *testing.T) {
	for _, command := range []string{"C2C.CallbackBeforeSendMsg", "Group.CallbackBeforeSendMsg", "Group.CallbackBeforeApplyJoinGroup", "Sns.CallbackPrevFriendAdd"} {
		for reason, body := range map[string]io.Reader{
			"too_large":        strings.NewReader(strings.Repeat(" ", im.MaxBody+1)),
			"malformed_json":   strings.NewReader(afterBody[:100]),
			"command_mismatch": strings.NewReader(afterBody),
			"too_deep":         strings.NewReader(strings.Repeat("[", 5000)),
			"body_lost":        io.MultiReader(strings.NewReader("{"), broken{}),
		} {
			d := newDesk(t)
			w := d.serve(http.MethodPost, authentic(command), body)
			if w.Code != 200 || w.Body.String() != okJSON || len(d.facts) > 0 {
				t.Errorf("%s, %s: answer %d %s, %d facts", command, reason, w.Code, w.Body, len(d.facts))
			}
			if want := `"reason":"` + reason + `","command":"` + command + `"`; !strings.Contains(d.log.String(), want) {
				t.Errorf("log %s lacks %s", &d.log, want)
			}
		}
	}
}

// TestHandlerProbes: the console's verify button asks before there is a token to sign
// with. It gets IM's OK if its request has nothing in it to record.
func TestHandlerProbes(t *testing.T) {
	for _, c := range []struct {
		name, method, query string
		body                io.Reader
	}{
		{"GET", http.MethodGet, "", unread{t}},
		{"HEAD", http.MethodHead, "", unread{t}},
		{"GET with a command", http.MethodGet, authentic("C2C.CallbackAfterSendMsg"), unread{t}},
		{"GET with a query that cannot be parsed", http.MethodGet, "%zz", unread{t}},
		{"nothing", http.MethodPost, "", strings.NewReader("")},
		{"the app", http.MethodPost, "SdkAppid=1400123456&contenttype=json", strings.NewReader("")},
		{"a command without a value", http.MethodPost, "CallbackCommand=&Sign=", strings.NewReader("")},
		{"a byte order mark", http.MethodPost, "", strings.NewReader("\ufeff")},
		{"another app", http.MethodPost, "SdkAppid=1", strings.NewReader(" {} \r\n")},
		{"signed", http.MethodPost, authentic(""), strings.NewReader("{}")},
		{"signed, with a command", http.MethodPost, authentic("State.StateChange"), strings.NewReader("")},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			w := d.serve(c.method, c.query, c.body)
			if w.Code != 200 || w.Body.String() != okJSON || len(d.facts) > 0 {
				t.Errorf("answer %d %s, %d facts", w.Code, w.Body, len(d.facts))
			}
			if want := `"msg":"im callback URL was probed","kind":"probe","method":"` + c.method + `"}`; !strings.Contains(d.log.String(), want) {
				t.Errorf("log %s lacks %s", &d.log, want)
			}
			checkLog(t, d)
		})
	}
}

func TestHandlerBoundsAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.accept = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		start := time.Now()
		w := d.post(authentic("C2C.CallbackAfterSendMsg"), afterBody)
		if took := time.Since(start); took != im.DefaultBudget || w.Body.String() != okJSON {
			t.Errorf("answered %s after %v", w.Body, took)
		}
		d.Budget = 200 * time.Millisecond
		start = time.Now()
		d.post(authentic("C2C.CallbackAfterSendMsg"), afterBody)
		if took := time.Since(start); took != d.Budget {
			t.Errorf("took %v, want %v", took, d.Budget)
		}
	})
}

func TestAcknowledge(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		w := httptest.NewRecorder()
		im.Acknowledge{}.ServeHTTP(w, httptest.NewRequest(method, "/?anything", strings.NewReader("not JSON")))
		if w.Code != 200 || w.Body.String() != okJSON || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: answer %d %s", method, w.Code, w.Body)
		}
	}
}

// TestHandlerZeroFields: a Handler works without Log and Budget.
func TestHandlerZeroFields(t *testing.T) {
	recorded := 0
	h := &im.Handler{
		Receiver: newReceiver(t, im.ReceiverConfig{SDKAppID: testAppID, Token: secret.New(testToken)}),
		Accept:   func(context.Context, []notify.Fact) error { recorded++; return nil },
		Now:      testkit.At(testkit.Past),
	}
	q := url.Values{"SdkAppid": {"1400123456"}, "CallbackCommand": {"C2C.CallbackAfterSendMsg"}}
	im.SignQuery(q, secret.New(testToken), testkit.Past)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?"+q.Encode(), strings.NewReader(afterBody)))
	if w.Body.String() != okJSON || recorded != 1 {
		t.Errorf("answer %d %s, %d recorded", w.Code, w.Body, recorded)
	}
}
