package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/internal/demo"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

// seenRequest is a request as the receiver of a trigger got it.
type seenRequest struct {
	Method, Path, Query, Body string
}

// receiver answers every request with status and answer, and keeps it.
func receiver(t *testing.T, status int, answer string) (addr string, got *[]seenRequest) {
	t.Helper()
	got = new([]seenRequest)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*got = append(*got, seenRequest{r.Method, r.URL.Path, r.URL.RawQuery, string(body)})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String(), got
}

func TestTriggerSends(t *testing.T) {
	addr, got := receiver(t, 200, `{"ErrorCode":0}`+"\n")
	r := wxnotify(t, nil, "", "trigger", "--addr", addr, "--times=5", "im.message", "from=user1", "to=user2", "text=hi", "key=7_8_9")
	want := "sent    C2C.CallbackAfterSendMsg user1 -> user2, key=7_8_9\n" + strings.Repeat(`answer  200 {"ErrorCode":0}`+"\n", 5)
	if r.code != 0 || r.out != want {
		t.Errorf("got %+v\nwant %s", r, want)
	}
	if r.err != "wxnotify: demo settings are used for IM_CALLBACK_TOKEN, IM_SDKAPPID; .env sets your own\n" {
		t.Errorf("standard error says %q", r.err)
	}
	if len(*got) != 5 {
		t.Fatalf("%d requests, want 5", len(*got))
	}
	first := (*got)[0]
	if first.Method != "POST" || first.Path != "/imcallback" || !strings.Contains(first.Body, `"hi"`) {
		t.Errorf("sent %+v", first)
	}
	for _, again := range (*got)[1:] {
		if d := cmp.Diff(first, again); d != "" {
			t.Errorf("sent another request: %s", d)
		}
	}
}

func TestTriggerSettings(t *testing.T) {
	for _, c := range []struct {
		name, lines, line string
		env               map[string]string
		token, invented   string // that signed it; settings named on standard error
	}{
		{"the environment before the file", "IM_CALLBACK_TOKEN=mine\n", "im.state user=a",
			map[string]string{"IM_CALLBACK_TOKEN": "newer", "IM_SDKAPPID": "1"}, "newer", ""},
		{"those of the other platform do not matter", "IM_CALLBACK_TOKEN=mine\n", "im.state user=a", nil, "mine", "IM_SDKAPPID"},
		{"a template", "WECHAT_APPID=wx1\nWECHAT_TOKEN=t\n", "wechat.popup openid=o", nil, "", "TEMPLATE_MESSAGE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr, got := receiver(t, 200, "success")
			args := append([]string{"trigger", "--addr=" + addr, "--env-file=" + writeFile(t, ".env", c.lines)}, strings.Fields(c.line)...)
			r := wxnotify(t, c.env, "", args...)
			if r.code != 0 || len(*got) != 1 {
				t.Fatalf("%+v, %d requests", r, len(*got))
			}
			if named := strings.TrimSuffix(strings.TrimPrefix(r.err, "wxnotify: demo settings are used for "), "; .env sets your own\n"); named != c.invented {
				t.Errorf("standard error says %q, want %q", r.err, c.invented)
			}
			query, err := url.ParseQuery((*got)[0].Query)
			if err != nil || c.token != "" && query.Get("Sign") != im.Sign(secret.New(c.token), query.Get("RequestTime")) {
				t.Errorf("signed with another token: %s", (*got)[0].Query)
			}
		})
	}
}

func TestTriggerRefusals(t *testing.T) {
	refusing, refused := receiver(t, 403, "not\x1b[2J accepted")
	moving, moved := receiver(t, 302, "")
	willing, _ := receiver(t, 200, "something else")
	for _, c := range []struct {
		name string
		args []string
		code int
		out  string
		says string
	}{
		{"refused", []string{"--addr=" + refusing, "--times=3", "im.state", "user=a"}, exitFailure, `answer  403 not\x1b[2J accepted`, "refused with status 403 Forbidden"},
		{"a redirect is not followed", []string{"--to=http://" + moving + "/x", "im.state", "user=a"}, 0, "answer  302", ""},
		{"a wrong echo", []string{"--addr=" + willing, "wechat.verify"}, exitFailure, "answer  200 something else", "the answer must be "},
		{"nobody there", []string{"--to=" + demo.Nowhere + "/x", "im.state", "user=a"}, exitFailure, "", "start wxnotify local first"},
		{"a bad argument", []string{"im.state"}, exitFailure, "", "user= is missing"},
		{"an unknown name", []string{"im.massage"}, exitFailure, "", "from= to= [text=]"},
		{"no times", []string{"--times=0", "im.state", "user=a"}, exitFailure, "", "--times=0: use 1 or more"},
		{"no URL", []string{"--to=127.0.0.1:9000", "im.state", "user=a"}, exitFailure, "", "--to: not a URL"},
		{"no file", []string{"--env-file=testdata/none", "im.state", "user=a"}, exitFailure, "", "testdata/none"},
		{"no name", nil, 0, "im.message      somebody writes to somebody\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := wxnotify(t, nil, "", append([]string{"trigger"}, c.args...)...)
			if r.code != c.code || !strings.Contains(r.out, c.out) || !strings.Contains(r.err, c.says) {
				t.Errorf("got %+v, want exit %d, %q and %q", r, c.code, c.out, c.says)
			}
			if strings.Contains(r.err, "Sign=") {
				t.Errorf("the signature shows: %s", r.err)
			}
		})
	}
	if len(*refused) != 1 || len(*moved) != 1 {
		t.Errorf("%d requests after a refusal, %d after a redirect; want 1 and 1", len(*refused), len(*moved))
	}
}

// A receiver that never answers is given up with the command.
func TestTriggerInterrupted(t *testing.T) {
	arrived := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server notice that the client goes
		close(arrived)
		<-r.Context().Done()
	}))
	defer srv.Close()
	triggered := begin(t, "", "trigger", "--to="+srv.URL, "im.state", "user=a")
	<-arrived
	triggered.interrupted(exitFailure, "context canceled")
}
