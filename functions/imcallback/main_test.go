package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wire"
)

var build = wire.IMCallback(wire.Seams{})

const ok = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`

func callback(command string, fields map[string]any, token string, at time.Time) (url.Values, []byte) {
	fields["CallbackCommand"] = command
	body, _ := json.Marshal(fields)
	q := url.Values{"SdkAppid": {"1400123456"}, "CallbackCommand": {command}, "OptPlatform": {"Web"}}
	im.SignQuery(q, secret.New(token), at)
	return q, body
}

func message(n int, to string) map[string]any {
	now := time.Now().Unix()
	return map[string]any{"From_Account": "user1", "To_Account": to, "MsgSeq": n, "MsgRandom": 1, "MsgTime": now,
		"MsgKey": fmt.Sprintf("%d_1_%d", n, now), "SendMsgResult": 0,
		"MsgBody": []map[string]any{{"MsgType": "TIMTextElem", "MsgContent": map[string]string{"Text": "very private words"}}}}
}

func TestMessageIsRecordedInTwoRoundTrips(t *testing.T) {
	w := functest.New(t)
	if err := w.Store.Bind(t.Context(), "user2", "openid-2"); err != nil {
		t.Fatal(err)
	}
	h := w.Build(build)
	send := func(n int) {
		t.Helper()
		q, body := callback("C2C.CallbackAfterSendMsg", message(n, "user2"), "imToken2026", time.Now())
		if res := w.Do(h, "POST", q, body, nil); res.StatusCode != 200 || res.Body != ok {
			t.Fatalf("answered %+v", res)
		}
	}
	send(1) // connects, and brings the scripts
	before := w.Tap.Requests()
	for n := 2; n <= 11; n++ {
		send(n)
	}
	if trips := w.Tap.Requests() - before; trips != 20 {
		t.Errorf("ten callbacks took %d round trips to the store, want one that reads and one that writes each", trips)
	}
	if n := w.Upstream(); n != 0 {
		t.Errorf("%d calls to WeChat or IM while receiving", n)
	}
	if got := w.Invoked(); len(got) != 1 || got[0] != "{}" {
		t.Errorf("deliver was invoked with %q, want to be woken once", got)
	}
	steps, err := w.Store.Timeline(t.Context(), "user2")
	if err != nil || len(steps) != 11 {
		t.Errorf("the timeline has %d steps, %v", len(steps), err)
	}
	w.MustKeepSecrets()
	for _, private := range []string{"very private words", "Sign="} {
		if strings.Contains(w.Log.String(), private) {
			t.Errorf("%q is in the log", private)
		}
	}
}

// A message whose text is not clean waits for its card like any other.
func TestUncleanTextIsRecorded(t *testing.T) {
	w := functest.New(t)
	if err := w.Store.Bind(t.Context(), "user2", "openid-2"); err != nil {
		t.Fatal(err)
	}
	h := w.Build(build)
	for i, text := range []string{"line1\nline2", "\x02\x1b[0m", "cut \xe4\xbd"} {
		q, body := callback("C2C.CallbackAfterSendMsg", message(i+1, "user2"), "imToken2026", time.Now())
		body = bytes.Replace(body, []byte("very private words"), []byte(text), 1)
		if res := w.Do(h, "POST", q, body, nil); res.StatusCode != 200 || res.Body != ok {
			t.Errorf("%q: answered %+v", text, res)
		}
	}
	steps, err := w.Store.Timeline(t.Context(), "user2")
	if err != nil || len(steps) != 3 || steps[0].Kind != notify.StepAccepted {
		t.Errorf("the timeline is %+v, %v; want three messages that wait", steps, err)
	}
}

func TestForgedIsRefused(t *testing.T) {
	w := functest.New(t)
	if err := w.Store.Bind(t.Context(), "user2", "openid-2"); err != nil {
		t.Fatal(err)
	}
	h := w.Build(build)
	for name, c := range map[string]struct {
		token string
		at    time.Time
	}{
		"wrong token": {"another", time.Now()},
		"replayed":    {"imToken2026", time.Now().Add(-2 * time.Minute)},
	} {
		q, body := callback("C2C.CallbackAfterSendMsg", message(1, "user2"), c.token, c.at)
		if res := w.Do(h, "POST", q, body, nil); res.StatusCode != 403 || strings.Contains(res.Body, "OK") {
			t.Errorf("%s: answered %+v", name, res)
		}
	}
	if n := w.Tap.Requests(); n != 0 {
		t.Errorf("%d requests to the store", n)
	}
	if got := w.Log.String(); !strings.Contains(got, "bad_sign") || !strings.Contains(got, "stale") {
		t.Errorf("the log does not name the reasons:\n%s", got)
	}
}

func TestStoreAway(t *testing.T) {
	w := functest.New(t)
	h := w.Build(build)
	w.Redis.Close()
	q, body := callback("C2C.CallbackAfterSendMsg", message(1, "user2"), "imToken2026", time.Now())
	if res := w.Do(h, "POST", q, body, nil); res.StatusCode != 200 || res.Body != ok {
		t.Errorf("answered %+v", res)
	}
	got := w.Invoked()
	if len(got) != 1 {
		t.Fatalf("deliver was invoked with %q", got)
	}
	var event struct {
		Spill struct {
			Facts []notify.Fact
			Since time.Time
		}
	}
	if err := json.Unmarshal([]byte(got[0]), &event); err != nil || len(event.Spill.Facts) != 1 || event.Spill.Facts[0].Message.To != "user2" || event.Spill.Since.IsZero() {
		t.Errorf("spilled %s, %v", got[0], err)
	}
	if strings.Contains(got[0], "private") {
		t.Error("the message's text was spilled though no preview shows it")
	}
}

func TestWithoutSettingsChatIsNotBlocked(t *testing.T) {
	w := functest.New(t)
	h := w.MustNameSettings(build, "IM_SDKAPPID", "IM_CALLBACK_TOKEN", "STORE_URL", "NOTIFY_FILE")
	q, body := callback("C2C.CallbackBeforeSendMsg", message(1, "user2"), "imToken2026", time.Now())
	if res := w.Do(h, "POST", q, body, nil); res.StatusCode != 200 || res.Body != ok {
		t.Errorf("answered %+v", res)
	}
}

// Whatever notify.yml holds, messages are recorded: once it is mended they are announced.
func TestBrokenNotifyFile(t *testing.T) {
	for name, text := range functest.BrokenNotify {
		t.Run(name, func(t *testing.T) {
			w := functest.New(t)
			if err := w.Store.Bind(t.Context(), "user2", "openid-2"); err != nil {
				t.Fatal(err)
			}
			w.WriteNotify(text)
			h := w.Build(build)
			q, body := callback("C2C.CallbackAfterSendMsg", message(1, "user2"), "imToken2026", time.Now())
			if res := w.Do(h, "POST", q, body, nil); res.StatusCode != 200 || res.Body != ok {
				t.Errorf("answered %+v", res)
			}
			steps, err := w.Store.Timeline(t.Context(), "user2")
			if err != nil || len(steps) != 1 || steps[0].Kind != notify.StepAccepted {
				t.Errorf("the timeline: %+v, %v", steps, err)
			}
			if log := w.Log.String(); strings.Count(log, `"alert":"misconfigured"`) != 1 || strings.Contains(log, "private") {
				t.Errorf("the log has not one alert, or a text:\n%s", log)
			}
		})
	}
}
