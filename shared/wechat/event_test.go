package wechat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/fact"
	"wxnotify/shared/wechat"
)

// An expectation is what testdata/samples/index.json says of one payload.
type expectation struct {
	Kind       string
	Items      json.RawMessage // pairs of template and status, or their number
	Grant      []fact.TemplateID
	NoGrant    []fact.TemplateID `json:"no_grant"`
	MsgID      string
	OK         *bool
	User       fact.OpenID
	Refuse     bool
	DecryptsTo string `json:"decrypts_to"`
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/samples", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// open passes body through a Receiver of that mode, at the time that body names.
func open(t testing.TB, mode wechat.Mode, body []byte) (wechat.Push, error) {
	t.Helper()
	q, sent := seal(t, sealerAt(mode, timeIn(body)), body)
	return receiver(t, configOf(mode)).Open(q, sent, timeIn(body))
}

var createTime = regexp.MustCompile(`CreateTime\W*([0-9]+)`)

// timeIn returns the CreateTime of a push, or now.
func timeIn(body []byte) time.Time {
	if m := createTime.FindSubmatch(body); m != nil {
		if at, err := strconv.ParseInt(string(m[1]), 10, 64); err == nil {
			return time.Unix(at, 0).UTC()
		}
	}
	return now
}

func TestSamples(t *testing.T) {
	var index struct {
		Files []struct {
			File   string
			Expect *expectation
		}
	}
	if err := json.Unmarshal(sample(t, "index.json"), &index); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range index.Files {
		if f.Expect == nil || f.Expect.DecryptsTo != "" {
			continue // an answer of the API, or the body of a vector
		}
		seen++
		t.Run(f.File, func(t *testing.T) {
			p, err := open(t, wechat.ModePlain, sample(t, f.File))
			if f.Expect.Refuse {
				if e, ok := p.Event.(wechat.Unreadable); err != nil || !ok || !errors.Is(e.Cause, wechat.ErrMarkup) {
					t.Errorf("Open = %+v, %v, want it unread: %v", p, err, wechat.ErrMarkup)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			f.Expect.check(t, p.Event)
			sealed, err := open(t, wechat.ModeSecure, sample(t, f.File))
			if diff := cmp.Diff(p.Event, sealed.Event); err != nil || diff != "" {
				t.Errorf("encrypted it reads otherwise: %v\n%s", err, diff)
			}
		})
	}
	if seen != 34 {
		t.Errorf("%d payloads checked, want 34", seen)
	}
}

// WeChat adds words for a yes without telling.
func TestAccepts(t *testing.T) {
	for answer, want := range map[string]bool{
		"accept": true, "acceptWithAudio": true, "acceptWithAlert": true, "acceptWithForcePush": true, "acceptWithAWordToCome": true,
		"reject": false, "ban": false, "filter": false, "": false, "perhaps": false, "not accept": false, "Accept": false,
	} {
		if got := wechat.Accepts(answer); got != want {
			t.Errorf("Accepts(%q) = %v, want %v", answer, got, want)
		}
	}
}

func (x *expectation) check(t *testing.T, event wechat.Event) {
	if event.Kind() != x.Kind {
		t.Fatalf("Kind = %s, want %s: %+v", event.Kind(), x.Kind, event)
	}
	switch e := event.(type) {
	case wechat.Popup:
		x.checkChoices(t, e.Choices)
	case wechat.Change:
		x.checkChoices(t, e.Choices)
	case wechat.Sent:
		if len(e.Results) != 1 || strconv.FormatInt(e.Results[0].MsgID, 10) != x.MsgID || e.Results[0].Delivered() != *x.OK {
			t.Errorf("Results = %+v, want msgid %s, ok %v", e.Results, x.MsgID, *x.OK)
		}
	case wechat.Message:
		if x.MsgID != "" && strconv.FormatInt(e.MsgID, 10) != x.MsgID {
			t.Errorf("MsgID = %d, want %s", e.MsgID, x.MsgID)
		}
	case wechat.Other:
		if x.User != "" && e.User != x.User {
			t.Errorf("User = %s, want %s", e.User, x.User)
		}
	}
}

func (x *expectation) checkChoices(t *testing.T, got []wechat.Choice) {
	var pairs [][2]string
	var accepted []fact.TemplateID
	for _, c := range got {
		pairs = append(pairs, [2]string{string(c.Template), c.Status})
		if c.Accepted() {
			accepted = append(accepted, c.Template)
		}
	}
	var want [][2]string
	switch {
	case x.Items == nil:
		if !slices.Equal(accepted, x.Grant) || len(got) != len(x.Grant)+len(x.NoGrant) {
			t.Errorf("accepted %q of %q, want %q", accepted, pairs, x.Grant)
		}
	case json.Unmarshal(x.Items, &want) == nil:
		if diff := cmp.Diff(want, pairs, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("choices (-want +got):\n%s", diff)
		}
	case string(x.Items) != strconv.Itoa(len(got)):
		t.Errorf("%d choices, want %s", len(got), x.Items)
	}
}

// TestFacts: what an event means, and what the Handler passes on of it. Of a push in the clear,
// which anybody may have written, only a grant counts.
func TestFacts(t *testing.T) {
	cancelled := strings.Replace(string(sample(t, "user-authorization-revoke.json")), "user_authorization_revoke", "user_authorization_cancellation", 1)
	file := func(name string) string { return string(sample(t, name)) }
	sent := func(s fact.Sent) fact.Fact { return fact.Fact{Sent: &s} }
	for _, tt := range []struct {
		name, body, kind string
		want             []fact.Fact
	}{
		{"popup", file("popup-two-array.json"), "popup", grant("o7esq5OI1Uej6Xixw1lA2H7XDVbc", 1688953700, "BDcgTGpwt7fcRVFhGh-NvjcASaWWmkwzN3y_6mXzJR4")},
		{"popup with unknown answers", file("popup-unknown-status.json"), "popup", grant("o7esq5OI1Uej6Xixw1lA2H7XDVbc", 1688953702, "T_AUDIO", "T_ALERT")},
		{"a template twice in one dialog", `{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_popup_event",
			"List":[{"TemplateId":"T","SubscribeStatusString":"accept"},{"TemplateId":"T","SubscribeStatusString":"accept"}]}`, "popup", grant("oU", 5, "T")},
		{"popup with a stronger reminder", file("popup-force-push.json"), "popup",
			grant("oINVENTED00000000000000000001", 1796029000, "inventedTemplate_00000000000000000000000001")},
		{"popup, all refused", strings.Replace(string(popup), `"accept"`, `"reject"`, 1), "popup", nil},
		{"popup, nothing asked", file("popup-empty-list.json"), "popup", nil},
		{"change", file("change-two-array.json"), "change", []fact.Fact{{Revoke: &fact.Revoke{
			OpenID: "o7esq5OI1Uej6Xixw1lA2H7XDVbc", At: time.Unix(1625575681, 0).UTC(),
			Templates: []fact.TemplateID{"savKN0g_My3T-Hb6t5yUJ2HfG6Wj56HRJzxGOyU2z_Y", "gIg6LaccfJuD1IAKzSdodAT7U3Z4ZEHZbPcLo1Q-VUo"},
		}}}},
		{"change to accept", strings.Replace(file("change-one-object.json"), `"reject"`, `"accept"`, 1), "change", nil},
		{"change to a word that nobody knows", strings.Replace(file("change-one-object.json"), `"reject"`, `"rejectWithForce"`, 1), "change", nil},
		{"sent", file("sent-one-object.json"), "sent", []fact.Fact{sent(fact.Sent{OpenID: "o7esq5PHRGBQYmeNyfG064wEFVpQ", MsgID: 1864323726461255680,
			Template: "BEwX0BO-T3MqK3Uc5oTU3CGBqzjpndk2jzUf7VfExd8", At: time.Unix(1620963428, 0).UTC()})}},
		{"sent, failed", file("sent-failed.json"), "sent", []fact.Fact{sent(fact.Sent{OpenID: "o7esq5PHRGBQYmeNyfG064wEFVpQ", MsgID: 1864323726461255999,
			Template: "BEwX0BO-T3MqK3Uc5oTU3CGBqzjpndk2jzUf7VfExd8", At: time.Unix(1620963500, 0).UTC(), Failed: "1 failed"})}},
		{"sent, XML", file("sent-one.xml"), "sent", []fact.Fact{sent(fact.Sent{OpenID: "otFpruAK8D-E6EfStSYonYSBZ8_4", MsgID: 1700827132819554304,
			Template: "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc", At: time.Unix(1610969468, 0).UTC()})}},
		{"sent, several results", `{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_sent_event","List":[
				{"TemplateId":"T","MsgID":7,"ErrorCode":0},{"ErrorCode":0},{"TemplateId":"S","ErrorCode":"x"}]}`, "sent", []fact.Fact{
			sent(fact.Sent{OpenID: "oU", MsgID: 7, Template: "T", At: time.Unix(5, 0).UTC()}),
			sent(fact.Sent{OpenID: "oU", Template: "S", At: time.Unix(5, 0).UTC(), Failed: "-1"}),
		}},
		{"sent, no results", `{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_sent_event"}`, "sent", nil},
		{"cancellation", cancelled, "authorization_cancelled",
			[]fact.Fact{{Erase: &fact.Erase{OpenID: "oaKk343WOktAaT2ygsX138BGblrg", At: timeIn([]byte(cancelled))}}}},
		{"revoked authorization", file("user-authorization-revoke.json"), "other", nil},
		{"message", file("text-message.json"), "message", nil},
		{"penalty", file("wxa-punish-event.json"), "other", nil},
		{"debug", file("debug-demo.json"), "debug_demo", nil},
		{"an event to come", `{"MsgType":"event","Event":"an_event_of_2030"}`, "other", nil},
		{"whatever", `{"what":"ever"}`, "other", nil},
	} {
		for _, mode := range plainAndSecure {
			t.Run(fmt.Sprintf("%s, mode %d", tt.name, mode), func(t *testing.T) {
				f := newFixture(t, configOf(mode))
				check(t, f.post(t, mode, []byte(tt.body)), 200, "success")
				want, signed := tt.want, mode != wechat.ModePlain
				if !signed && tt.kind != "popup" {
					want = nil
				}
				compareFacts(t, want, f.facts)
				if f.calls != min(len(want), 1) {
					t.Errorf("Accept was called %d times", f.calls)
				}
				log := f.log.String()
				if words := fmt.Sprintf(`"kind":%q,"signed":%t,"facts":%d`, tt.kind, signed, len(want)); !strings.Contains(log, words) {
					t.Errorf("log %s, want %s", log, words)
				}
				if alert := strings.Contains(log, `"alert":"wechat_penalty"`); alert != (signed && tt.name == "penalty") {
					t.Errorf("an alert: %t, log %s", alert, log)
				}
				if strings.Contains(log, "o7esq5") || strings.Contains(log, "oaKk") {
					t.Errorf("an openid is in the log %s", log)
				}
			})
		}
	}
}

func grant(user fact.OpenID, at int64, templates ...fact.TemplateID) []fact.Fact {
	return []fact.Fact{{Grant: &fact.Grant{OpenID: user, Source: fact.GrantPopup, At: time.Unix(at, 0).UTC(), Templates: templates}}}
}

// compareFacts compares all but the ids, which must be there.
func compareFacts(t *testing.T, want, got []fact.Fact) {
	t.Helper()
	withoutID := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ID" },
		cmp.Comparer(func(a, b string) bool { return len(a+b) == 32 }))
	if diff := cmp.Diff(want, got, withoutID); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

// Whatever makes two events different must make their ids different: user and second
// alone do not.
func TestEventIDs(t *testing.T) {
	const base = `{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_popup_event","List":[{"TemplateId":"T","SubscribeStatusString":"accept"}]}`
	ids := map[string]string{}
	for _, body := range []string{
		base,
		strings.Replace(base, "oU", "oV", 1),
		strings.Replace(base, ":5", ":6", 1),
		strings.Replace(base, "popup", "change", 1),
		strings.Replace(base, `"T"`, `"S"`, 1),
		strings.Replace(base, "accept", "reject", 1),
		strings.Replace(base, `[{`, `[{"TemplateId":"T2"},{`, 1),
	} {
		p, err := open(t, wechat.ModePlain, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		var id string
		switch e := p.Event.(type) {
		case wechat.Popup:
			id = e.ID
		case wechat.Change:
			id = e.ID
		}
		if other, ok := ids[id]; ok || id == "" {
			t.Errorf("id %q of both\n%s\n%s", id, other, body)
		}
		ids[id] = body
	}
	again, err := open(t, wechat.ModeSecure, []byte(strings.Replace(base, ":5", `: "5"`, 1)))
	if err != nil || ids[again.Event.(wechat.Popup).ID] != base {
		t.Errorf("the same event, written otherwise, got another id: %+v, %v", again, err)
	}
}

// What failed is told with WeChat's own words as long as they are harmless.
func TestSentResults(t *testing.T) {
	type row struct {
		item   string
		want   wechat.SendResult
		failed string
	}
	rows := []row{
		{`{"TemplateId":"T","MsgID":1988810812324364291,"ErrorCode":0,"ErrorStatus":"success"}`,
			wechat.SendResult{MsgID: 1988810812324364291, Template: "T", Status: "success"}, ""},
		{`{"TemplateId":"T","MsgID":"9223372036854775807","ErrorStatus":"success"}`,
			wechat.SendResult{MsgID: 9223372036854775807, Template: "T", Status: "success"}, ""},
		{`{"TemplateId":"T","MsgID":"1e18","ErrorCode":"7","ErrorStatus":"failed"}`, wechat.SendResult{Template: "T", Code: 7, Status: "failed"}, "7 failed"},
		{`{"TemplateId":"T","ErrorCode":"x"}`, wechat.SendResult{Template: "T", Code: -1}, "-1"},
	}
	for status, failed := range map[string]string{
		"":                          "7",
		"user_refuse  to-receive 2": "7 user_refuse  to-receive 2",
		strings.Repeat("x", 40):     "7 " + strings.Repeat("x", 40),
		strings.Repeat("x", 41):     "7",
		"failed: oU":                "7",
		`a\b`:                       "7",
		"用户拒收":                      "7",
	} {
		item, _ := json.Marshal(map[string]any{"TemplateId": "T", "ErrorCode": 7, "ErrorStatus": status})
		rows = append(rows, row{string(item), wechat.SendResult{Template: "T", Code: 7, Status: status}, failed})
	}
	for _, tt := range rows {
		p, err := open(t, wechat.ModeSecure, []byte(`{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_sent_event","List":`+tt.item+`}`))
		if err != nil {
			t.Fatal(err)
		}
		e, ok := p.Event.(wechat.Sent)
		if !ok || len(e.Results) != 1 || e.Results[0] != tt.want || e.Results[0].Delivered() != (tt.failed == "") || p.Facts()[0].Sent.Failed != tt.failed {
			t.Errorf("%s: %+v of %+v, want %+v", tt.item, p.Facts(), p.Event, tt)
		}
	}
}
