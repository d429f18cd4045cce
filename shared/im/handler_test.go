package im_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

func signed(command string) string { return signedQuery(command).Encode() }

// checkAnswer compares an answer with IM's OK, or else with an error of ours that does not tell the reason.
func checkAnswer(t *testing.T, w *httptest.ResponseRecorder, status int, reason string) {
	t.Helper()
	if w.Code != status || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("answer %d %s, want %d", w.Code, w.Body, status)
	}
	if status == http.StatusOK && w.Body.String() != okJSON || status != http.StatusOK && !strings.HasPrefix(w.Body.String(), `{"error":{"code":"`) {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if status == http.StatusForbidden && strings.Contains(w.Body.String(), reason) {
		t.Errorf("answer %s tells why", w.Body)
	}
}

func (f *fixture) checkLog(t *testing.T, want string) {
	t.Helper()
	if !strings.Contains(f.log.String(), want) {
		t.Errorf("log %q, want %q in it", &f.log, want)
	}
	sign := im.Sign(secret.New(testToken), "1795305600")
	for _, bad := range []string{"canary", testToken, sign, "RequestTime", "1400123456", "jared"} {
		if strings.Contains(f.log.String(), bad) {
			t.Errorf("the log holds %q: %s", bad, &f.log)
		}
	}
}

func TestHandlerRefuses(t *testing.T) {
	stale := commandQuery(after)
	stale.Set("ClientIP", "canary")
	im.SignQuery(stale, secret.New(testToken), time.Unix(testTime-61, 0))
	for _, c := range []struct {
		name, query     string
		body            io.Reader
		status          int
		reason, command string
	}{
		{"unsigned, before the body is read", "SdkAppid=1400123456&CallbackCommand=" + after, unread{t}, 403, "no_sign", after},
		{"stale", stale.Encode(), unread{t}, 403, "stale", after},
		{"invented command, unsigned", "CallbackCommand=canary", unread{t}, 403, "no_sign", "other"},
		{"bad query", signed(after) + "&%zz", unread{t}, 403, "bad_query", ""},
		{"repeated", signed(after) + "&sign=canary", unread{t}, 403, "repeated_parameter", after},
		{"above 1 MiB", signed(after), strings.NewReader(strings.Repeat(" ", im.MaxBody+1)), 413, "too_large", after},
		{"truncated", signed(after), strings.NewReader(afterBody[:100]), 400, "malformed_json", after},
		{"mismatch", signed("State.StateChange"), strings.NewReader(afterBody), 400, "command_mismatch", "State.StateChange"},
		{"deep", signed(after), strings.NewReader(strings.Repeat("[", 5000)), 400, "too_deep", after},
		{"body breaks off", signed(after), io.MultiReader(strings.NewReader("{"), broken{}), 400, "body_lost", after},
		{"unsigned, no command, a body", "SdkAppid=1400123456", strings.NewReader(afterBody), 403, "no_sign", "other"},
		{"unsigned, no command, blanks without end", "", strings.NewReader(strings.Repeat(" ", 100) + "{}"), 403, "no_sign", "other"},
		{"unsigned, no command, no JSON", "", strings.NewReader("a=b"), 403, "no_sign", "other"},
		{"unsigned, no command, the body breaks off", "", broken{}, 403, "no_sign", "other"},
		{"unsigned, a call's command", "command=caller_start_call", unread{t}, 403, "no_sign", "other"},
		{"a time, nothing else", "RequestTime=1795305600", unread{t}, 403, "no_sign", "other"},
		{"badly signed, nothing else", "Sign=0&RequestTime=1795305600", unread{t}, 403, "bad_sign", "other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			checkAnswer(t, f.serve(http.MethodPost, c.query, c.body), c.status, c.reason)
			f.checkLog(t, `"msg":"im callback refused","reason":"`+c.reason+`","command":"`+c.command+`"}`)
			if len(f.facts) > 0 {
				t.Errorf("%d facts, want none", len(f.facts))
			}
		})
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		w := newFixture(t).serve(method, signed(after), unread{t})
		if checkAnswer(t, w, 405, ""); w.Header().Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s: Allow = %q", method, w.Header().Get("Allow"))
		}
	}
}

func TestHandlerAnswersOK(t *testing.T) {
	const recorded = `"level":"DEBUG","msg":"im callback recorded"`
	for _, c := range []struct {
		name, command, body string
		accept              func(context.Context) error
		facts               int
		logged              string
	}{
		{"recorded", after, afterBody, nil, 1, recorded},
		{"before", "C2C.CallbackBeforeSendMsg", strings.Replace(afterBody, "After", "Before", 1), nil, 1, recorded},
		{"the store is away", after, afterBody,
			func(context.Context) error { return errors.New("store: away") }, 1, `"reason":"not_recorded","error":"store: away"`},
		{"Accept panics", after, afterBody, func(context.Context) error { panic("canary") }, 1, "Accept panicked with a string"},
		{"empty probe", after, "", nil, 0, `"kind":"probe","method":"POST"`},
		{"object probe", after, "{ }", nil, 0, `"kind":"probe","method":"POST"`},
		{"control characters", after, strings.Replace(afterBody, " in the ", "\n\x02\xe4\xbd", 1), nil, 1, recorded},
		{"unknown command", "Sns.CallbackFriendAdd", `{"CallbackCommand":"Sns.CallbackFriendAdd"}`, nil, 0,
			`"command":"Sns.CallbackFriendAdd","kind":"unknown","reason":"unknown_command"`},
		{"odd command", "a b\ncanary", `{"CallbackCommand":"a b\ncanary"}`, nil, 0, `"command":"other"`},
		{"no recipient", after, strings.Replace(afterBody, "To_Account", "To", 1), nil, 0,
			`"reason":"bad_field","command":"C2C.CallbackAfterSendMsg","field":"To_Account"`},
		{"exactly 1 MiB", after, afterBody + strings.Repeat(" ", im.MaxBody-len(afterBody)), nil, 1, recorded},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.accept = c.accept
			checkAnswer(t, f.post(signedQuery(c.command), c.body), 200, "")
			f.checkLog(t, c.logged)
			if len(f.facts) != c.facts {
				t.Errorf("%d facts, want %d", len(f.facts), c.facts)
			}
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
			"body_lost":        io.MultiReader(strings.NewReader("{"), broken{}),
		} {
			f := newFixture(t)
			checkAnswer(t, f.serve(http.MethodPost, signed(command), body), 200, "")
			f.checkLog(t, `"reason":"`+reason+`","command":"`+command+`"`)
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
		{"GET with a command", http.MethodGet, signed(after), unread{t}},
		{"GET with a query that cannot be parsed", http.MethodGet, "%zz", unread{t}},
		{"nothing", http.MethodPost, "", strings.NewReader("")},
		{"the app", http.MethodPost, "SdkAppid=1400123456&contenttype=json", strings.NewReader("")},
		{"a command without a value", http.MethodPost, "CallbackCommand=&Sign=", strings.NewReader("")},
		{"a byte order mark", http.MethodPost, "", strings.NewReader("\ufeff")},
		{"another app", http.MethodPost, "SdkAppid=1", strings.NewReader(" {} \r\n")},
		{"signed", http.MethodPost, signed(""), strings.NewReader("{}")},
		{"signed, with a command", http.MethodPost, signed("State.StateChange"), strings.NewReader("")},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			checkAnswer(t, f.serve(c.method, c.query, c.body), 200, "")
			f.checkLog(t, `"msg":"im callback URL was probed","kind":"probe","method":"`+c.method+`"}`)
		})
	}
}

func TestHandlerBoundsAccept(t *testing.T) {
	for budget, want := range map[time.Duration]time.Duration{0: im.DefaultBudget, 200 * time.Millisecond: 200 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			f.Budget, f.accept = budget, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			start := time.Now()
			checkAnswer(t, f.post(signedQuery(after), afterBody), 200, "")
			if took := time.Since(start); took != want {
				t.Errorf("answered after %v, want %v", took, want)
			}
		})
	}
}

func TestAcknowledge(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		w := httptest.NewRecorder()
		im.Acknowledge{}.ServeHTTP(w, httptest.NewRequest(method, "/?anything", strings.NewReader("not JSON")))
		checkAnswer(t, w, 200, "")
	}
}

// TestHandlerZeroFields: a Handler works without Log and Budget, at its own time.
func TestHandlerZeroFields(t *testing.T) {
	f := newFixture(t)
	f.Log, f.Now = nil, testkit.At(testkit.Past)
	q := url.Values{"SdkAppid": {"1400123456"}, "CallbackCommand": {after}}
	im.SignQuery(q, secret.New(testToken), testkit.Past)
	if checkAnswer(t, f.post(q, afterBody), 200, ""); len(f.facts) != 1 {
		t.Errorf("%d facts, want one", len(f.facts))
	}
}
