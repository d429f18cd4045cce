package im_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

// TestErrorsKeepSecrets makes everything fail and everybody chatter.
func TestErrorsKeepSecrets(t *testing.T) {
	reply := func(status int, text string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text)), Header: http.Header{}}, nil
	}
	for name, answer := range map[string]roundTripper{
		"code": func(r *http.Request) (*http.Response, error) {
			info, _ := json.Marshal("bad usersig " + r.URL.Query().Get("usersig") + "\n" + url.QueryEscape(r.URL.Query().Get("usersig")))
			return reply(200, `{"ErrorCode":70009,"ErrorInfo":`+string(info)+`}`)
		},
		"status":  func(r *http.Request) (*http.Response, error) { return reply(502, r.URL.String()) },
		"no JSON": func(r *http.Request) (*http.Response, error) { return reply(200, r.URL.String()) },
		"transport": func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("proxy says no to " + r.URL.Query().Get("usersig"))
		},
		"redirect": func(r *http.Request) (*http.Response, error) {
			resp, err := reply(307, "")
			resp.Header.Set("Location", "https://elsewhere.example/?"+r.URL.RawQuery)
			return resp, err
		},
		"body": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(broken{}), Header: http.Header{}}, nil
		},
		"cut off": func(r *http.Request) (*http.Response, error) { return nil, os.ErrDeadlineExceeded },
	} {
		synctest.Test(t, func(t *testing.T) {
			if errs := askAll(t, answer); slices.Contains(errs, nil) {
				t.Errorf("%s: no error: %v", name, errs)
			}
		})
	}
}

func TestAPIErrorClasses(t *testing.T) {
	for code, want := range map[int]string{
		60007: "retry", 60008: "retry", 60011: "retry", 60013: "retry", 60014: "retry", 60018: "retry", 60019: "retry",
		70169: "retry", 70202: "retry", 70500: "retry", 90992: "retry", 90994: "retry", 90995: "retry", 91000: "retry",
		10002: "retry", 20004: "retry", 20005: "retry", 30006: "retry", 30007: "retry", 40006: "retry", 50004: "retry", 50005: "retry",
		60004: "usersig", 60005: "usersig", 70001: "usersig", 70052: "usersig", 70003: "usersig IM_SECRET_KEY", 70005: "usersig IM_SECRET_KEY",
		70050: "locked IM_SECRET_KEY",
		60006: "IM_SDKAPPID", 60012: "IM_SDKAPPID", 60016: "IM_SDKAPPID", 60017: "IM_SDKAPPID",
		60010: "IM_ADMIN", 90009: "IM_ADMIN", 70403: "IM_ADMIN", 40004: "IM_ADMIN", 10007: "IM_ADMIN", 70013: "IM_ADMIN",
		60020: "package", 60021: "allow-list", 70009: "IM_SECRET_KEY", 70014: "IM_SDKAPPID", 70016: "IM_SECRET_KEY", 70020: "IM_SECRET_KEY",
		70398: "free edition", 72001: "IM console",
		70107: "account", 90048: "account", 90012: "account", 40003: "account", 20003: "account", 10019: "account",
		10010: "group", 10015: "group", 10018: "large", 10004: "bug", 10005: "bug",
		60002: "bug", 60003: "bug", 60009: "bug", 60015: "bug", 70002: "bug", 70206: "bug", 70402: "bug",
		90001: "bug", 90008: "bug", 90010: "bug", 90011: "bug", 90018: "bug",
		70051: "", 80001: "", 1: "", 0: "",
	} {
		e := &im.APIError{Op: "op", Code: code}
		var got []string
		for name, is := range map[string]bool{"retry": e.Retry(), "usersig": e.NewUserSig(), "locked": e.Locked(), "account": e.UnknownAccount(), "bug": e.Bug(),
			"group": e.NoGroup(), "large": e.TooLarge()} {
			if is {
				got = append(got, name)
			}
		}
		word, cure, _ := strings.Cut(want, " ")
		if !slices.Contains([]string{"retry", "usersig", "locked", "account", "bug", "group", "large", ""}, word) {
			word, cure = "", want
		}
		if strings.Join(got, " ") != word || (cure == "") != (e.Cure() == "") || !strings.Contains(e.Cure(), cure) {
			t.Errorf("%d: %v, cure %q; want %q", code, got, e.Cure(), want)
		}
		if wrapped := fmt.Errorf("x: %w", e); errors.Is(wrapped, notify.ErrNoGroup) != e.NoGroup() {
			t.Errorf("%d is ErrNoGroup: %t", code, !e.NoGroup())
		}
		if !strings.Contains(e.Error(), fmt.Sprintf("im: op: code %d", code)) || !strings.HasSuffix(e.Error(), e.Cure()) {
			t.Errorf("%d prints as %q", code, e)
		}
	}
}
