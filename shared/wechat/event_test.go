package wechat_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

// An expectation is what testdata/samples/index.json says of one payload.
type expectation struct {
	Kind       string
	Items      json.RawMessage // pairs of template and status, or their number
	Grant      []notify.TemplateID
	NoGrant    []notify.TemplateID `json:"no_grant"`
	MsgID      string
	OK         *bool
	User       notify.OpenID
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

// openPlain passes body through a Receiver without a key, at the time that it names.
func openPlain(t testing.TB, body []byte) (wechat.Push, error) {
	t.Helper()
	q, sent := seal(t, sealerAt(wechat.ModePlain, timeIn(body)), body)
	return receiver(t, plain).Open(q, sent, timeIn(body))
}

// openSealed passes body, encrypted, through a Receiver with a key, at the time that it names.
func openSealed(t testing.TB, body []byte) (wechat.Push, error) {
	t.Helper()
	q, sealed := seal(t, sealerAt(wechat.ModeSecure, timeIn(body)), body)
	return receiver(t, secured).Open(q, sealed, timeIn(body))
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
		if f.Expect == nil {
			continue // an answer of the API
		}
		seen++
		t.Run(f.File, func(t *testing.T) {
			body := sample(t, f.File)
			if f.Expect.DecryptsTo != "" {
				checkEnvelope(t, body, f.Expect.DecryptsTo)
				return
			}
			p, err := openPlain(t, body)
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
			sealed, err := openSealed(t, body)
			if diff := cmp.Diff(p.Event, sealed.Event); err != nil || diff != "" {
				t.Errorf("encrypted it reads otherwise: %v\n%s", err, diff)
			}
		})
	}
	if seen != 36 {
		t.Errorf("%d payloads checked, want 36", seen)
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
	for _, c := range got {
		pairs = append(pairs, [2]string{string(c.Template), c.Status})
	}
	var count int
	switch {
	case x.Items == nil:
		for _, c := range got {
			if want := slices.Contains(x.Grant, c.Template); c.Accepted() != want {
				t.Errorf("%+v: Accepted = %v, want %v", c, c.Accepted(), want)
			}
		}
		if len(got) != len(x.Grant)+len(x.NoGrant) || len(got) == 0 {
			t.Errorf("%d choices, want %d", len(got), len(x.Grant)+len(x.NoGrant))
		}
	case json.Unmarshal(x.Items, &count) == nil:
		if len(got) != count {
			t.Errorf("%d choices, want %d", len(got), count)
		}
	default:
		var want [][2]string
		if err := json.Unmarshal(x.Items, &want); err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			want = nil
		}
		if diff := cmp.Diff(want, pairs); diff != "" {
			t.Errorf("choices (-want +got):\n%s", diff)
		}
	}
}

// checkEnvelope opens body with the query of the named vector.
func checkEnvelope(t *testing.T, body []byte, id string) {
	raw, err := os.ReadFile("testdata/wechat-crypto.json")
	if err != nil {
		t.Fatal(err)
	}
	type vector struct {
		ID, Token, Timestamp, Nonce, Signature, Plaintext string
		Key                                               string `json:"encoding_aes_key"`
		AppID                                             string `json:"receive_id"`
		MsgSignature                                      string `json:"msg_signature"`
	}
	var file struct{ Published, Derived []vector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range append(file.Published, file.Derived...) {
		if v.ID != id {
			continue
		}
		at, err := strconv.ParseInt(v.Timestamp, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		q, _ := seal(t, wechat.Sealer{Token: secret.New(v.Token), Timestamp: time.Unix(at, 0), Nonce: v.Nonce}, nil)
		if q.Get("signature") != v.Signature {
			t.Errorf("signature = %s, want %s", q.Get("signature"), v.Signature)
		}
		q.Set("encrypt_type", "aes")
		q.Set("msg_signature", v.MsgSignature)
		r := receiver(t, wechat.Config{AppID: v.AppID, Token: secret.New(v.Token), EncodingAESKey: secret.New(v.Key)})
		got, err := r.Open(q, body, time.Unix(at, 0))
		if err != nil || !got.Signed {
			t.Fatalf("Open = %+v, %v", got, err)
		}
		want, err := openPlain(t, []byte(v.Plaintext))
		if diff := cmp.Diff(want.Event, got.Event); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		return
	}
	t.Fatalf("no vector %s", id)
}

func TestFacts(t *testing.T) {
	cancelled := strings.Replace(string(sample(t, "user-authorization-revoke.json")), "user_authorization_revoke", "user_authorization_cancellation", 1)
	for _, tt := range []struct {
		name           string
		body           string
		plain, secured []notify.Fact
	}{
		{
			name: "popup", body: string(sample(t, "popup-two-array.json")),
			plain:   grant("o7esq5OI1Uej6Xixw1lA2H7XDVbc", 1688953700, "BDcgTGpwt7fcRVFhGh-NvjcASaWWmkwzN3y_6mXzJR4"),
			secured: grant("o7esq5OI1Uej6Xixw1lA2H7XDVbc", 1688953700, "BDcgTGpwt7fcRVFhGh-NvjcASaWWmkwzN3y_6mXzJR4"),
		},
		{
			name: "popup with unknown answers", body: string(sample(t, "popup-unknown-status.json")),
			plain:   grant("o7esq5OI1Uej6Xixw1lA2H7XDVbc", 1688953702, "T_AUDIO", "T_ALERT"),
			secured: grant("o7esq5OI1Uej6Xixw1lA2H7XDVbc", 1688953702, "T_AUDIO", "T_ALERT"),
		},
		{
			name:    "a template twice in one dialog",
			body:    `{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_popup_event","List":[{"TemplateId":"T","SubscribeStatusString":"accept"},{"TemplateId":"T","SubscribeStatusString":"accept"}]}`,
			plain:   grant("oU", 5, "T"),
			secured: grant("oU", 5, "T"),
		},
		{
			name: "popup with a stronger reminder", body: string(sample(t, "popup-force-push.json")),
			plain:   grant("oINVENTED00000000000000000001", 1796029000, "inventedTemplate_00000000000000000000000001"),
			secured: grant("oINVENTED00000000000000000001", 1796029000, "inventedTemplate_00000000000000000000000001"),
		},
		{name: "change to a word that nobody knows", body: strings.Replace(string(sample(t, "change-one-object.json")), `"reject"`, `"rejectWithForce"`, 1)},
		{name: "popup, all refused", body: strings.Replace(string(popup), `"accept"`, `"reject"`, 1)},
		{name: "popup, nothing asked", body: string(sample(t, "popup-empty-list.json"))},
		{
			name: "change", body: string(sample(t, "change-two-array.json")),
			secured: []notify.Fact{{Revoke: &notify.Revoke{
				OpenID: "o7esq5OI1Uej6Xixw1lA2H7XDVbc", At: time.Unix(1625575681, 0).UTC(),
				Templates: []notify.TemplateID{"savKN0g_My3T-Hb6t5yUJ2HfG6Wj56HRJzxGOyU2z_Y", "gIg6LaccfJuD1IAKzSdodAT7U3Z4ZEHZbPcLo1Q-VUo"},
			}}},
		},
		{name: "change to accept", body: strings.Replace(string(sample(t, "change-one-object.json")), `"reject"`, `"accept"`, 1)},
		{
			name: "sent", body: string(sample(t, "sent-one-object.json")),
			secured: []notify.Fact{{Sent: &notify.Sent{OpenID: "o7esq5PHRGBQYmeNyfG064wEFVpQ", MsgID: 1864323726461255680,
				Template: "BEwX0BO-T3MqK3Uc5oTU3CGBqzjpndk2jzUf7VfExd8", At: time.Unix(1620963428, 0).UTC()}}},
		},
		{
			name: "sent, failed", body: string(sample(t, "sent-failed.json")),
			secured: []notify.Fact{{Sent: &notify.Sent{OpenID: "o7esq5PHRGBQYmeNyfG064wEFVpQ", MsgID: 1864323726461255999,
				Template: "BEwX0BO-T3MqK3Uc5oTU3CGBqzjpndk2jzUf7VfExd8", At: time.Unix(1620963500, 0).UTC(), Failed: "1 failed"}}},
		},
		{
			name: "sent, XML", body: string(sample(t, "sent-one.xml")),
			secured: []notify.Fact{{Sent: &notify.Sent{OpenID: "otFpruAK8D-E6EfStSYonYSBZ8_4", MsgID: 1700827132819554304,
				Template: "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc", At: time.Unix(1610969468, 0).UTC()}}},
		},
		{
			name: "sent, several results",
			body: `{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_sent_event","List":[
				{"TemplateId":"T","MsgID":7,"ErrorCode":0},{"ErrorCode":0},{"TemplateId":"S","ErrorCode":"x"}]}`,
			secured: []notify.Fact{
				{Sent: &notify.Sent{OpenID: "oU", MsgID: 7, Template: "T", At: time.Unix(5, 0).UTC()}},
				{Sent: &notify.Sent{OpenID: "oU", Template: "S", At: time.Unix(5, 0).UTC(), Failed: "-1"}},
			},
		},
		{name: "sent, no results", body: `{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_sent_event"}`},
		{
			name: "cancellation", body: cancelled,
			secured: []notify.Fact{{Erase: &notify.Erase{OpenID: "oaKk343WOktAaT2ygsX138BGblrg", At: timeIn([]byte(cancelled))}}},
		},
		{name: "revoked authorization", body: string(sample(t, "user-authorization-revoke.json"))},
		{name: "message", body: string(sample(t, "text-message.json"))},
		{name: "penalty", body: string(sample(t, "wxa-punish-event.json"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := openPlain(t, []byte(tt.body))
			if err != nil || p.Signed {
				t.Fatalf("plain: %+v, %v", p, err)
			}
			compareFacts(t, "plain", tt.plain, p.Facts())
			p, err = openSealed(t, []byte(tt.body))
			if err != nil || !p.Signed {
				t.Fatalf("secured: %+v, %v", p, err)
			}
			compareFacts(t, "secured", tt.secured, p.Facts())
		})
	}
}

// What failed is told with WeChat's own words as long as they are harmless.
func TestSentFailure(t *testing.T) {
	for status, want := range map[string]string{
		"":                            "7",
		"failed":                      "7 failed",
		" user_refuse  to-receive 2 ": "7 user_refuse  to-receive 2",
		strings.Repeat("x", 40):       "7 " + strings.Repeat("x", 40),
		strings.Repeat("x", 41):       "7",
		"failed: oU":                  "7",
		"a\\nb":                       "7",
		"用户拒收":                        "7",
		"   ":                         "7",
	} {
		p, err := openSealed(t, []byte(`{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_sent_event",
			"List":{"TemplateId":"T","ErrorCode":7,"ErrorStatus":"`+status+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		if facts := p.Facts(); len(facts) != 1 || facts[0].Sent.Failed != want {
			t.Errorf("%q: %+v, want %q", status, facts, want)
		}
	}
}

func grant(user notify.OpenID, at int64, templates ...notify.TemplateID) []notify.Fact {
	return []notify.Fact{{Grant: &notify.Grant{OpenID: user, Source: notify.GrantPopup, At: time.Unix(at, 0).UTC(), Templates: templates}}}
}

// compareFacts compares all but the ids, which must be there.
func compareFacts(t *testing.T, mode string, want, got []notify.Fact) {
	t.Helper()
	for _, f := range got {
		for _, id := range []*string{grantID(f), revokeID(f)} {
			if id != nil && len(*id) != 32 {
				t.Errorf("%s: id %q, want 32 hex digits", mode, *id)
			}
			if id != nil {
				*id = ""
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", mode, diff)
	}
}

func grantID(f notify.Fact) *string {
	if f.Grant == nil {
		return nil
	}
	return &f.Grant.ID
}

func revokeID(f notify.Fact) *string {
	if f.Revoke == nil {
		return nil
	}
	return &f.Revoke.ID
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
		p, err := openPlain(t, []byte(body))
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
	again, err := openSealed(t, []byte(strings.Replace(base, ":5", `: "5"`, 1)))
	if err != nil || ids[again.Event.(wechat.Popup).ID] != base {
		t.Errorf("the same event, written otherwise, got another id: %+v, %v", again, err)
	}
}

func TestSentResults(t *testing.T) {
	for _, tt := range []struct {
		item string
		want wechat.SendResult
		ok   bool
	}{
		{`{"TemplateId":"T","MsgID":1988810812324364291,"ErrorCode":0,"ErrorStatus":"success"}`, wechat.SendResult{MsgID: 1988810812324364291, Template: "T", Status: "success"}, true},
		{`{"TemplateId":"T","MsgID":"9223372036854775807","ErrorStatus":"success"}`, wechat.SendResult{MsgID: 9223372036854775807, Template: "T", Status: "success"}, true},
		{`{"TemplateId":"T","MsgID":"1e18","ErrorCode":"7","ErrorStatus":"failed"}`, wechat.SendResult{Template: "T", Code: 7, Status: "failed"}, false},
		{`{"TemplateId":"T","ErrorCode":"x"}`, wechat.SendResult{Template: "T", Code: -1}, false},
	} {
		p, err := openSealed(t, []byte(`{"FromUserName":"oU","CreateTime":5,"MsgType":"event","Event":"subscribe_msg_sent_event","List":`+tt.item+`}`))
		if err != nil {
			t.Fatal(err)
		}
		e, ok := p.Event.(wechat.Sent)
		if !ok || len(e.Results) != 1 || e.Results[0] != tt.want || e.Results[0].Delivered() != tt.ok {
			t.Errorf("%s: %+v, want %+v", tt.item, p.Event, tt.want)
		}
	}
}
