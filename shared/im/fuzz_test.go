package im_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
)

// FuzzHandler: a signed callback with whatever body is answered with IM's OK or refused
// with one of two statuses, and neither the answer nor the log repeats what it says.
func FuzzHandler(f *testing.F) {
	const placeholder, marker = "canary in the text", "zq9-"
	for _, s := range readSamples(f) {
		if q, err := url.ParseQuery(s.Query); err == nil {
			f.Add(q.Get("CallbackCommand"), s.body(), "")
		}
	}
	f.Add(after, []byte(afterBody), "\u2028\"private\"")
	f.Add(after, []byte(strings.Replace(afterBody, "jared", placeholder, 1)), "\n")
	f.Add(after, []byte(strings.Replace(afterBody, `"MsgTime":1795305600`, `"MsgTime":"`+placeholder+`"`, 1)), "x")
	f.Fuzz(func(t *testing.T, command string, body []byte, text string) {
		quoted, err := json.Marshal(marker + text)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.ReplaceAll(body, []byte(placeholder), quoted[1:len(quoted)-1])
		fx := newFixture(t)
		fx.accept = func(context.Context) error { return io.ErrUnexpectedEOF }
		w := fx.serve(http.MethodPost, signed(command), bytes.NewReader(body))
		refused := (w.Code == 400 || w.Code == 413) && len(fx.facts) == 0
		if w.Code == 200 && w.Body.String() != okJSON || w.Code != 200 && !refused {
			t.Fatalf("answered %d %s with %d facts", w.Code, w.Body, len(fx.facts))
		}
		if told := w.Body.String() + fx.log.String(); strings.Contains(told, marker) && !strings.Contains(command, marker) {
			t.Errorf("the text shows in %s", told)
		}
		if fx.log.Len() > 2000 {
			t.Errorf("%d bytes of log for one callback", fx.log.Len())
		}
	})
}

// FuzzReply: whatever IM's REST API answers, calls end, tell only of whom they were asked
// about, and their errors hold neither the UserSig nor a URL. Bubble time makes waits free.
func FuzzReply(f *testing.F) {
	files, err := filepath.Glob("testdata/rest/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var x exchange
		if json.Unmarshal(b, &x) == nil {
			f.Add(uint16(x.Status), []byte(x.Response))
		}
	}
	f.Add(uint16(200), []byte(`{"ErrorCode":70001,"ErrorInfo":"ECHO"}`))
	f.Add(uint16(200), []byte(`{"ErrorCode":10000,"ErrorInfo":"\u2028\u202e\n`+strings.Repeat("x", 400)+`"}`))
	f.Add(uint16(200), []byte(`{"ErrorCode":0,"AllC2CUnreadMsgNum":-1,"MemberNum":1e9,"MemberList":[{"Member_Account":"id1"}],"Next":"x y"}`))
	f.Add(uint16(200), []byte(`{"ErrorCode":0,"MemberNum":1e9,"MemberList":[{"Member_Account":"id1"}],"Next":"\u001cx y"}`))
	f.Add(uint16(302), []byte(``))
	f.Fuzz(func(t *testing.T, status uint16, reply []byte) {
		synctest.Test(t, func(t *testing.T) {
			askAll(t, func(r *http.Request) (*http.Response, error) {
				sig := r.URL.Query().Get("usersig")
				body := bytes.ReplaceAll(reply, []byte("ECHO"), []byte(sig))
				return &http.Response{StatusCode: max(int(status)%600, 100), Header: http.Header{"Location": {"https://elsewhere.example/" + sig}},
					Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
			})
		})
	})
}

// askAll asks everything of an IM that always answers so, and returns the errors.
func askAll(t *testing.T, answer roundTripper) (errs []error) {
	secrets := []string{testKey, "usersig=", "https://", "/v4/"}
	calls := 0
	now := time.Unix(testTime, 0)
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		calls++
		sig := r.URL.Query().Get("usersig")
		secrets = append(secrets, sig, url.QueryEscape(sig))
		return answer(r)
	})
	c := newClient(t, im.ClientConfig{HTTPClient: &http.Client{Transport: transport}, Now: func() time.Time { return now }})
	check := func(err error) {
		errs = append(errs, err)
		for e := err; e != nil; e = errors.Unwrap(e) {
			text := fmt.Sprintf("%v|%+v|%#v", e, e, e)
			for _, bad := range secrets {
				if strings.Contains(text, bad) {
					t.Errorf("%q holds %q", text, bad)
				}
			}
			if len(e.Error()) > 2000 || strings.ContainsAny(e.Error(), "\r\u2028\x00") {
				t.Errorf("an error of %d bytes: %q", len(e.Error()), e)
			}
		}
	}
	asked := []string{"id1", "144115262295492787"}
	for name, api := range listAPIs {
		now = now.Add(2 * time.Minute) // a lock-out is over
		told, err := api.ask(t, c, asked)
		check(err)
		for _, id := range told {
			if !slices.Contains(asked, id) && name != "get_group_member_info" {
				t.Errorf("%s: told of %q, who was not asked about", name, id)
			}
		}
		if err == nil && len(told) != len(asked) && strings.HasPrefix(name, "query_online_status") {
			t.Errorf("%s: no error, and %d of %d statuses", name, len(told), len(asked))
		}
	}
	for _, typ := range []fact.GroupType{fact.GroupPublic, fact.GroupCommunity} {
		now = now.Add(2 * time.Minute)
		walk(t, c, typ, check)
	}
	if calls > 100 {
		t.Errorf("%d requests", calls)
	}
	return errs
}

// walk goes through a few pages of members: what one call says comes next, the next takes.
func walk(t *testing.T, c *im.Client, typ fact.GroupType, check func(error)) {
	page := ""
	for range 4 {
		members, next, err := c.Members(t.Context(), "g1", typ, page)
		check(err)
		if err != nil && strings.Contains(err.Error(), "page is none") {
			t.Errorf("%s: page %q was refused: %v", typ, page, err)
		}
		for _, m := range members {
			if m.User == "" || len(m.User) > 128 || strings.HasPrefix(string(m.User), "@") {
				t.Errorf("member %q", m.User)
			}
		}
		if err != nil || next == "" {
			return
		}
		if next == page {
			t.Fatalf("%s: the page after %q is itself", typ, page)
		}
		page = next
	}
}
