package im_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

// sample is one recorded or documented callback. What it gives is in testdata/facts.json; the
// other fields of its hint are for people.
type sample struct {
	Query   string          `json:"query"`
	Body    json.RawMessage `json:"body"`
	BodyRaw *string         `json:"body_raw"`
	Hint    struct {
		Kind  string `json:"kind"`
		Token string `json:"token"`
		Now   int64  `json:"now"`
	} `json:"hint"`
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
	if err != nil || len(files) != 62 {
		t.Fatalf("%d samples, want 62: %v", len(files), err)
	}
	samples := map[string]sample{}
	for _, file := range files {
		var s sample
		readJSON(t, file, &s)
		samples[strings.TrimSuffix(filepath.Base(file), ".json")] = s
	}
	return samples
}

// TestSamples: each sample is refused, or gives the facts that testdata/facts.json says, as
// they travel when they are spilled.
func TestSamples(t *testing.T) {
	refused := map[string]struct {
		status int
		reason string
	}{
		"56_auth_stale": {403, "stale"}, "57_auth_bad_sign": {403, "bad_sign"}, "58_auth_missing": {403, "no_sign"},
		"59_auth_wrong_appid": {403, "other_app"}, "60_command_mismatch": {400, "command_mismatch"}, "62_malformed_json": {400, "malformed_json"},
	}
	var golden map[string][]fact.Fact
	readJSON(t, "testdata/facts.json", &golden)
	for name, s := range readSamples(t) {
		t.Run(name, func(t *testing.T) {
			cfg := im.ReceiverConfig{SDKAppID: testAppID, Token: secret.New(s.Hint.Token), Insecure: s.Hint.Token == ""}
			if strings.Contains(s.Query, "sdkappid=8888888") {
				cfg.SDKAppID = 8888888
			}
			f := newFixture(t)
			f.Receiver = newReceiver(t, cfg)
			f.Now = func() time.Time { return time.Unix(s.Hint.Now, 0) }
			w := f.serve(http.MethodPost, s.Query, bytes.NewReader(s.body()))

			want, isRefused := refused[name]
			if isRefused != (s.Hint.Kind == "reject") {
				t.Errorf("is to be refused: %t, though it is of kind %s", isRefused, s.Hint.Kind)
			}
			if !isRefused {
				want.status = http.StatusOK
			}
			if w.Code != want.status || (w.Code == http.StatusOK) != (w.Body.String() == okJSON) || !strings.Contains(f.log.String(), want.reason) {
				t.Errorf("answer %d %s, log %s; want %d %s", w.Code, w.Body, &f.log, want.status, want.reason)
			}
			if probe := strings.Contains(f.log.String(), `"kind":"probe"`); probe != (s.Hint.Kind == "ack") {
				t.Errorf("is taken for a probe: %t", probe)
			}
			facts, ok := golden[name]
			if diff := cmp.Diff(facts, f.facts, cmpopts.EquateEmpty(), anyConversation); diff != "" || !ok {
				t.Errorf("facts (-want +got), sample in testdata/facts.json: %t\n%s", ok, diff)
			}
		})
	}
}
