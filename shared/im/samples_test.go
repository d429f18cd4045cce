package im_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
)

// sample is one recorded or documented callback with what should come of it.
type sample struct {
	Name    string          `json:"name"`
	Query   string          `json:"query"`
	Body    json.RawMessage `json:"body"`
	BodyRaw *string         `json:"body_raw"`
	Hint    hint            `json:"hint"`
}

type hint struct {
	Kind      string   `json:"kind"`
	Notify    bool     `json:"notify"`
	To        []string `json:"to"`
	From      string   `json:"from"`
	Summary   string   `json:"summary"`
	DedupeKey string   `json:"dedupe_key"`

	User   string `json:"user"`
	Online *bool  `json:"online"`

	Reader string `json:"reader"`
	Peer   string `json:"peer"`
	UpTo   int64  `json:"upto"`

	MsgKey string   `json:"msg_key"`
	Group  string   `json:"group"`
	Topic  string   `json:"topic"`
	At     []string `json:"at"`
	AtAll  *bool    `json:"at_all"`
	Seqs   []uint32 `json:"seqs"`

	Media      string `json:"media"`
	CallID     string `json:"call_id"`
	CancelCall string `json:"cancel_call"`
	Missed     bool   `json:"missed"`
	TimeoutS   int    `json:"timeout_s"`
	DurationS  int    `json:"duration_s"`

	Token string `json:"token"`
	Now   int64  `json:"now"`
	Auth  string `json:"auth"`
	Reply string `json:"reply"`
	Why   string `json:"why"`  // for people
	Note  string `json:"note"` // for people
}

func (s sample) body() []byte {
	if s.BodyRaw != nil {
		return []byte(*s.BodyRaw)
	}
	return s.Body
}

func readSamples(t testing.TB) map[string]sample {
	t.Helper()
	files, err := filepath.Glob("testdata/callbacks/*.json")
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]sample{}
	for _, file := range files {
		var s sample
		readJSON(t, file, &s)
		samples[strings.TrimSuffix(filepath.Base(file), ".json")] = s
	}
	if len(samples) != 62 {
		t.Fatalf("%d samples, want 62", len(samples))
	}
	return samples
}

// deviations are the hints that we do not follow, and why.
var deviations = map[string]struct {
	change func(*hint)
	why    string
}{
	"27_call_cancel": {func(h *hint) { h.Missed = true },
		"a call that the caller gave up was missed as well; whether to tell is the domain's choice"},
	"53_callkit_end_not_answer": {func(h *hint) { h.Notify = false },
		"a missed-call notice is the domain's choice; the event says Missed"},
}

// goldenFacts are what each sample gives, as it travels when it is spilled.
func goldenFacts(t *testing.T) map[string][]notify.Fact {
	t.Helper()
	var golden map[string][]notify.Fact
	readJSON(t, "testdata/facts.json", &golden)
	return golden
}

func TestSamples(t *testing.T) {
	golden := goldenFacts(t)
	for name, s := range readSamples(t) {
		t.Run(name, func(t *testing.T) {
			want := s.Hint
			if d, ok := deviations[name]; ok {
				before := want
				d.change(&want)
				if cmp.Equal(before, want) {
					t.Errorf("the deviation changes nothing: %s", d.why)
				}
			}
			status, reason, facts := handle(t, s)
			wantFacts, ok := golden[name]
			if diff := cmp.Diff(wantFacts, facts, cmpopts.EquateEmpty(), anyConversation); diff != "" || !ok {
				t.Errorf("facts (-want +got), sample in testdata/facts.json: %t\n%s", ok, diff)
			}
			if want.Kind == "reject" {
				checkRejected(t, want, status, reason, facts)
				return
			}
			if status != http.StatusOK {
				t.Fatalf("status %d (%s), want 200", status, reason)
			}
			query, err := url.ParseQuery(s.Query)
			if err != nil {
				t.Fatal(err)
			}
			cb, err := im.Decode(query, s.body())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(facts, cb.Facts(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("what was recorded differs from Facts:\n%s", diff)
			}
			if kind, countable := classify(cb); kind != want.Kind || countable != want.Notify {
				t.Errorf("kind %s, notify %t; want %s, %t", kind, countable, want.Kind, want.Notify)
			}
			checkFields(t, want, cb)
		})
	}
}

// handle sends s through a Handler and returns what came out of all ends.
func handle(t *testing.T, s sample) (status int, reason string, facts []notify.Fact) {
	t.Helper()
	cfg := im.ReceiverConfig{SDKAppID: testAppID, Token: secret.New(s.Hint.Token), Insecure: s.Hint.Token == ""}
	if strings.Contains(s.Query, "sdkappid=8888888") {
		cfg.SDKAppID = 8888888
	}
	var log bytes.Buffer
	h := &im.Handler{
		Receiver: newReceiver(t, cfg),
		Accept:   func(_ context.Context, f []notify.Fact) error { facts = append(facts, f...); return nil },
		Log:      slog.New(slog.NewJSONHandler(&log, nil)),
		Now:      func() time.Time { return time.Unix(s.Hint.Now, 0) },
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/imcallback?"+s.Query, bytes.NewReader(s.body())))
	if got := w.Body.String(); (w.Code == http.StatusOK) != (got == okJSON) {
		t.Errorf("status %d with body %s", w.Code, got)
	}
	if log.Len() > 0 {
		var line struct{ Reason string }
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Fatalf("log %s: %v", log.String(), err)
		}
		reason = line.Reason
	}
	return w.Code, reason, facts
}

func checkRejected(t *testing.T, want hint, status int, reason string, facts []notify.Fact) {
	t.Helper()
	expected := map[string]struct {
		status int
		reason string
	}{
		"stale":          {http.StatusForbidden, "stale"},
		"bad sign":       {http.StatusForbidden, "bad_sign"},
		"missing":        {http.StatusForbidden, "no_sign"},
		"wrong SdkAppid": {http.StatusForbidden, "other_app"},
	}[want.Auth]
	if want.Auth == "" {
		expected.status, expected.reason = http.StatusBadRequest, "malformed_json"
		if want.Why != "" {
			expected.reason = "command_mismatch"
		}
	}
	if status != expected.status || reason != expected.reason || len(facts) > 0 {
		t.Errorf("status %d, reason %q, %d facts; want %d, %q, none", status, reason, len(facts), expected.status, expected.reason)
	}
}

// classify names cb in the words of the hints and says whether it may lead to a notice.
func classify(cb im.Callback) (kind string, countable bool) {
	switch {
	case cb.Kind == im.KindProbe:
		return "ack", false
	case cb.Before():
		return "before", false
	case len(cb.Calls) > 0 && cb.Calls[0].Phase == im.CallRinging:
		return "call_invite", true
	case len(cb.Calls) > 0:
		return "call_end", false
	case cb.State != nil:
		if _, known := cb.State.Online(); known {
			return "presence", false
		}
	case cb.Message != nil:
		m := cb.Message
		if !m.OnlineOnly && !m.Silent && m.FailedCode == 0 && !strings.HasPrefix(string(m.To), "@") {
			return "message", true
		}
	case cb.GroupMessage != nil:
		m := cb.GroupMessage
		if !m.OnlineOnly && !m.Silent && m.FailedCode == 0 && m.Type != "AVChatRoom" {
			return "group_message", true
		}
	case cb.Read != nil:
		return "read", false
	case cb.Recall != nil, cb.GroupRecall != nil:
		return "recall", false
	}
	return "ignore", false
}

func checkFields(t *testing.T, want hint, cb im.Callback) {
	t.Helper()
	equal := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	if want.Reply != "" {
		equal("before", cb.Before(), want.Reply == "allow")
	}
	if want.Online != nil {
		online, _ := cb.State.Online()
		equal("online", online, *want.Online)
		equal("user", string(cb.State.User), want.User)
		equal("event time", cb.State.At, cb.EventTime)
	}
	if want.Kind == "read" {
		equal("read", *cb.Read, notify.Read{Reader: notify.UserID(want.Reader), Peer: notify.UserID(want.Peer), UpTo: time.Unix(want.UpTo, 0).UTC()})
	}
	if want.MsgKey != "" {
		equal("recalled", string(cb.Recall.ID), want.MsgKey)
	}
	if want.Seqs != nil {
		equal("recalled from", cb.GroupRecall.GroupID, want.Group)
		equal("seqs", cb.GroupRecall.Seqs, want.Seqs)
	}
	if want.Kind == "message" {
		if want.To != nil {
			equal("to", []string{string(cb.Message.To)}, want.To)
		}
		if want.From != "" {
			equal("from", string(cb.Message.From), want.From)
		}
		if want.Summary != "" {
			equal("summary", cb.Message.Summary, want.Summary)
		}
		if want.DedupeKey != "" {
			equal("dedupe", "c2c|"+string(cb.Message.ID), want.DedupeKey)
		}
	}
	if m := cb.GroupMessage; want.Kind == "group_message" {
		if want.Group != "" {
			equal("group", m.GroupID, want.Group)
		}
		equal("topic", m.TopicID, want.Topic)
		if want.At != nil {
			equal("at", strs(m.At), want.At)
		}
		if want.AtAll != nil {
			equal("at all", m.AtAll, *want.AtAll)
		}
		if want.DedupeKey != "" {
			equal("dedupe", fmt.Sprintf("group|%s|%d", m.GroupID, m.Seq), want.DedupeKey)
		}
	}
	if strings.HasPrefix(want.Kind, "call_") {
		checkCall(t, want, cb.Calls[0], equal)
	}
}

func checkCall(t *testing.T, want hint, c im.Call, equal func(string, any, any)) {
	t.Helper()
	if want.To != nil {
		equal("to", strs(c.Users), want.To)
	}
	if want.User != "" {
		equal("user", strs(c.Users), []string{want.User})
	}
	if want.Media != "" {
		equal("media", string(c.Media), want.Media)
	}
	if want.CallID != "" {
		equal("call id", c.ID, want.CallID)
	}
	if want.CancelCall != "" {
		equal("call id", c.ID, want.CancelCall)
	}
	if want.TimeoutS != 0 {
		equal("ring", c.Ring, time.Duration(want.TimeoutS)*time.Second)
	}
	equal("duration", c.Duration, time.Duration(want.DurationS)*time.Second)
	vain := []im.CallPhase{im.CallTimedOut, im.CallBusy, im.CallCancelled}
	equal("missed", slices.Contains(vain, c.Phase), want.Missed)
}

func strs[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
