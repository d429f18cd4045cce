package scf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/scf"
)

// FuzzDeliverEvent: an event of deliver is read, or refused with an error that repeats
// nothing of it; what is read can be handed on, and arrives as the same.
func FuzzDeliverEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/timer*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../../events/deliver/spill.json") {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	const marker = "zq9-"
	for _, s := range []string{
		`{}`, `null`, `{"spill":null}`, `{"spill":{"facts":null,"since":"2026-11-22T00:00:00.5+08:00"}}`,
		`{"spill":{"facts":[{"message":{"id":"1","from":"a","to":"b","sentAt":"2026-11-22T00:00:00Z","seq":1,"summary":"zq9-words"}}],"since":"2026-11-22T00:00:00Z"}}`,
		`{"spill":{"facts":[{"message":{"sentAt":"zq9-words"}}]}}`, `{"spill":{"facts":[{"message":{"seq":"zq9-words"}}]}}`,
		`{"spill":{"facts":[{"read":"zq9-words"}]}}`, `{"spill":{"facts":[{"groupMessage":{"seq":4294967296}}]}}`, `{"spill":"zq9-words`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		var got scf.DeliverEvent
		called := false
		var log bytes.Buffer
		h := scf.Event(slog.New(slog.NewJSONHandler(&log, nil)), func(_ context.Context, e scf.DeliverEvent) (int, error) {
			called, got = true, e
			return 1, nil
		})
		out, err := h.Invoke(t.Context(), event)
		if called != (err == nil) || err == nil && string(out) != "1" {
			t.Fatalf("called: %t, answered %s, %v", called, out, err)
		}
		if strings.Contains(log.String(), marker) || err != nil && strings.Contains(err.Error(), marker) {
			t.Errorf("the event shows in %v\n%s", err, &log)
		}
		if err != nil {
			if len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		travelled, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("read, and cannot be handed on: %v", err)
		}
		var again scf.DeliverEvent
		if err := json.Unmarshal(travelled, &again); err != nil {
			t.Fatalf("handed on as %s: %v", travelled, err)
		}
		twice, err := json.Marshal(again)
		if err != nil || string(twice) != string(travelled) {
			t.Errorf("%s became %s, %v", travelled, twice, err)
		}
	})
}

// FuzzSpill: facts are handed on whole, each once and in order, in events that the
// platform takes; or the caller is told that it cannot be done.
func FuzzSpill(f *testing.F) {
	f.Add("a", uint8(3), uint16(10))
	f.Add("\u2028<&\xff", uint8(40), uint16(5000))
	f.Add("s", uint8(5), uint16(60000))
	f.Add("\u2028<&\xff", uint8(2), uint16(65000))
	f.Fuzz(func(t *testing.T, unit string, n uint8, times uint16) {
		if len(unit) > 8 {
			return
		}
		var facts []fact.Fact
		for i := range int(n%16) + 1 {
			facts = append(facts, fact.Fact{Message: &fact.Message{ID: fact.MessageID(strings.ToValidUTF8(unit, "?")), To: "b", Seq: uint32(i),
				SentAt: time.Unix(1795305600, 0).UTC(), Summary: strings.ToValidUTF8(strings.Repeat(unit, int(times)/(i+1)), "?")}})
		}
		since := time.Unix(1795300000, 0).UTC()
		var arrived []fact.Fact
		v, err := scf.NewInvoker(scf.InvokerConfig{Function: "deliver", APIBase: "http://127.0.0.1", Getenv: func(string) string { return "" }, Timeout: time.Minute,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				var call struct{ ClientContext string }
				if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
					t.Error(err)
				}
				if len(call.ClientContext) > 128<<10 {
					t.Errorf("an event of %d bytes", len(call.ClientContext))
				}
				var e scf.DeliverEvent
				if err := json.Unmarshal([]byte(call.ClientContext), &e); err != nil || e.Overflow == nil || !e.Overflow.Since.Equal(since) {
					t.Errorf("event %.100s: %v", call.ClientContext, err)
					return nil, err
				}
				arrived = append(arrived, e.Overflow.Facts...)
				return httpAnswer(200, queued), nil
			})})
		if err != nil {
			t.Fatal(err)
		}
		err = v.Overflow(t.Context(), facts, since)
		if err != nil {
			if !errors.Is(err, scf.ErrEventTooLarge) {
				t.Fatal(err)
			}
			if one, _ := json.Marshal(facts[0]); len(one) < 120<<10 {
				t.Errorf("a fact of %d bytes was not handed on: %v", len(one), err)
			}
			return
		}
		if diff := cmp.Diff(facts, arrived); diff != "" {
			t.Errorf("(-spilled +arrived)\n%.500s", diff)
		}
	})
}

// FuzzInvokeAnswer: whatever Tencent Cloud's API answers, an invocation ends with success
// or an error that holds neither our credentials nor the event.
func FuzzInvokeAnswer(f *testing.F) {
	f.Add(uint16(200), []byte(queued))
	f.Add(uint16(200), []byte(`{"Response":{"Error":{"Code":"AuthFailure","Message":"ECHO"},"RequestId":"r"}}`))
	f.Add(uint16(200), []byte(`{"Response":{"Error":{"Code":"ECHO","Message":"x"},"RequestId":"ECHO"}}`))
	f.Add(uint16(502), []byte(`<html>ECHO</html>`))
	f.Add(uint16(302), []byte(``))
	f.Add(uint16(200), []byte(`{"Response":null}`))
	f.Add(uint16(231), []byte(`null`)) // the SDK panics
	secrets := []string{"credential-key", "credential-token", "a private word"}
	env := map[string]string{"TENCENTCLOUD_SECRETID": "AKIDid", "TENCENTCLOUD_SECRETKEY": secrets[0], "TENCENTCLOUD_SESSIONTOKEN": secrets[1], "TENCENTCLOUD_REGION": "ap-guangzhou"}
	f.Fuzz(func(t *testing.T, status uint16, answer []byte) {
		calls := 0
		v, err := scf.NewInvoker(scf.InvokerConfig{Function: "deliver", Getenv: func(name string) string { return env[name] }, Timeout: time.Minute,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				calls++
				if r.URL.Host != "scf.tencentcloudapi.com" || r.URL.Scheme != "https" {
					t.Errorf("asked %s", r.URL)
				}
				sent, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				echo, err := json.Marshal(r.Header.Get("X-TC-Token") + string(sent))
				if err != nil {
					t.Error(err)
				}
				res := httpAnswer(max(int(status)%600, 100), string(bytes.ReplaceAll(answer, []byte("ECHO"), echo[1:len(echo)-1])))
				res.Header.Set("Location", "https://elsewhere.example/")
				return res, nil
			})})
		if err != nil {
			t.Fatal(err)
		}
		err = v.Invoke(t.Context(), map[string]string{"text": secrets[2]})
		if calls == 0 || calls > 2 {
			t.Errorf("%d calls", calls)
		}
		if err == nil {
			return
		}
		for _, s := range append(secrets, "elsewhere") {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%q is in: %v", s, err)
			}
		}
		if len(err.Error()) > 1500 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func httpAnswer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}
