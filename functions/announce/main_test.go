package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/api"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wire"
)

var build = wire.Announce(wire.Seams{})

// world returns one in which announce is configured.
func world(t *testing.T) *functest.World {
	w := functest.New(t)
	w.Settings["ANNOUNCE_KEY"] = strings.Repeat("a", 32)
	return w
}

func signed(key, body string, at time.Time) map[string]string {
	ts := strconv.FormatInt(at.Unix(), 10)
	return map[string]string{api.HeaderTimestamp: ts, api.HeaderSignature: api.Sign(secret.New(key), ts, "announce", []byte(body))}
}

func TestAnnouncementIsRecordedAndWakesDeliver(t *testing.T) {
	w := world(t)
	for user, openID := range map[notify.UserID]notify.OpenID{"user2": "openid-2", "user3": "openid-3"} {
		if err := w.Store.Bind(t.Context(), user, openID); err != nil {
			t.Fatal(err)
		}
	}
	h := w.Build(build)
	body := `{"id":"order-1","kind":"order_shipped","to":["user2","user3","stranger"],"fields":{"summary":"very private words"}}`
	res := w.Do(h, "POST", nil, []byte(body), signed(w.Settings["ANNOUNCE_KEY"], body, time.Now()))
	want := `{"results":[{"to":"user2","state":"accepted","reason":""},{"to":"user3","state":"accepted","reason":""},{"to":"stranger","state":"not bound","reason":""}]}`
	if res.StatusCode != 200 || strings.TrimSpace(res.Body) != want {
		t.Errorf("answered %+v, want %s", res, want)
	}
	if got := w.Invoked(); len(got) != 1 || got[0] != "{}" {
		t.Errorf("deliver was invoked with %q, want to be woken once", got)
	}
	for _, user := range []notify.UserID{"user2", "user3"} {
		steps, err := w.Store.Timeline(t.Context(), user)
		if err != nil || len(steps) != 1 || steps[0].Kind != notify.StepAccepted {
			t.Errorf("the timeline of %s: %+v, %v", user, steps, err)
		}
	}
	if n := w.Upstream(); n != 0 {
		t.Errorf("%d calls to WeChat or IM while receiving", n)
	}
	w.MustKeepSecrets(res.Body)
	for _, private := range []string{"very private words", w.Settings["ANNOUNCE_KEY"]} {
		if strings.Contains(w.Log.String(), private) {
			t.Errorf("%q is in the log", private)
		}
	}
}

func TestForgedAndReplayedAreRefused(t *testing.T) {
	w := world(t)
	h := w.Build(build)
	body := `{"id":"order-1","kind":"message","to":["user2"]}`
	for name, header := range map[string]map[string]string{
		"another key": signed(strings.Repeat("b", 32), body, time.Now()),
		"stale":       signed(w.Settings["ANNOUNCE_KEY"], body, time.Now().Add(-6*time.Minute)),
		"unsigned":    nil,
	} {
		if res := w.Do(h, "POST", nil, []byte(body), header); res.StatusCode != 401 {
			t.Errorf("%s: answered %+v", name, res)
		}
	}
	header := signed(w.Settings["ANNOUNCE_KEY"], body, time.Now())
	for n, want := range []int{200, 403} {
		if res := w.Do(h, "POST", nil, []byte(body), header); res.StatusCode != want {
			t.Errorf("time %d: answered %+v, want %d", n+1, res, want)
		}
	}
}

func TestStoreAway(t *testing.T) {
	w := world(t)
	h := w.Build(build)
	w.Redis.Close()
	body := `{"id":"order-1","kind":"message","to":["user2"]}`
	res := w.Do(h, "POST", nil, []byte(body), signed(w.Settings["ANNOUNCE_KEY"], body, time.Now()))
	if res.StatusCode != 503 || res.Headers["Retry-After"] == nil {
		t.Errorf("answered %+v, want 503 that says when to try again", res)
	}
	if got := w.Invoked(); len(got) != 0 {
		t.Errorf("spilled %q: who asks is told, and asks again", got)
	}
}

func TestNamesEverySetting(t *testing.T) {
	w := world(t)
	w.MustNameSettings(build, "ANNOUNCE_KEY", "STORE_URL", "NOTIFY_FILE")
	w.Settings["ANNOUNCE_KEY"] = "too short"
	if _, err := build(t.Context(), w.Getenv, w.Logger()); err == nil || strings.Contains(err.Error(), "too short") {
		t.Errorf("a short key: %v", err)
	}
}

// One template with a fault stops its own announcements and no others; a keyword of a type
// that nobody knows is no fault.
func TestOneBadTemplate(t *testing.T) {
	w := world(t)
	w.WriteNotify(`
templates:
  message: {id: T1, data: {thing1: "{{.Sender}}"}}
  order: {id: "${TEMPLATE_ORDER}", data: {thing1: "{{.Summary}}"}}
  photo_done: {id: T3, page: "pages/photos/index", data: {short_thing1: "{{.Summary}}", gadget2: "{{.Sender}}", time3: "{{.Time}}"}}
`)
	h := w.Build(build)
	for kind, want := range map[string]struct {
		status int
		says   string
	}{
		"message":    {200, "results"},
		"photo_done": {200, "results"},
		"other":      {200, "results"},
		"order":      {400, "TEMPLATE_ORDER is not set"},
	} {
		body := `{"id":"1","kind":"` + kind + `","to":["user2"],"fields":{"summary":"照片已经冲印好"}}`
		res := w.Do(h, "POST", nil, []byte(body), signed(w.Settings["ANNOUNCE_KEY"], body, time.Now()))
		if res.StatusCode != want.status || !strings.Contains(res.Body, want.says) {
			t.Errorf("%s: answered %+v", kind, res)
		}
	}
	log := w.Log.String()
	if strings.Count(log, `"alert":"template"`) != 1 || !strings.Contains(log, "TEMPLATE_ORDER") || !strings.Contains(log, `"level":"WARN"`) || !strings.Contains(log, "gadget") {
		t.Errorf("the log has not one alert, and a warning:\n%s", log)
	}
}

func TestBrokenNotifyFile(t *testing.T) {
	w := world(t)
	for name, text := range functest.BrokenNotify {
		w.WriteNotify(text)
		if _, err := build(t.Context(), w.Getenv, w.Logger()); err == nil {
			t.Errorf("%s: built, and what is announced might not be sent", name)
		}
	}
}
