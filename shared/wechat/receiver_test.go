package wechat_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/internal/testkit"
	"wxnotify/shared/secret"
	"wxnotify/shared/stopwatch"
	"wxnotify/shared/wechat"
)

const (
	appID    = "wxba5fad812f8e6fb9"
	token    = "push-token-4711"
	aesKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	otherKey = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
)

var (
	now     = time.Date(2031, 5, 1, 9, 41, 0, 0, time.UTC)
	popup   = []byte(`{"ToUserName":"gh_1","FromUserName":"oUser","CreateTime":1935394800,"MsgType":"event","Event":"subscribe_msg_popup_event","List":{"TemplateId":"T1","SubscribeStatusString":"accept","PopupScene":"0"}}`)
	plain   = wechat.Config{AppID: appID, Token: secret.New(token)}
	secured = wechat.Config{AppID: appID, Token: secret.New(token), EncodingAESKey: secret.New(aesKey)}
)

func receiver(t testing.TB, cfg wechat.Config) *wechat.Receiver {
	t.Helper()
	r, err := wechat.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// plainAndSecure are the modes that differ for a Receiver.
var plainAndSecure = []wechat.Mode{wechat.ModePlain, wechat.ModeSecure}

// configOf returns the settings under which pushes of a mode are opened.
func configOf(mode wechat.Mode) wechat.Config {
	if mode == wechat.ModePlain {
		return plain
	}
	return secured
}

func sealer(mode wechat.Mode) wechat.Sealer { return sealerAt(mode, now) }

func sealerAt(mode wechat.Mode, at time.Time) wechat.Sealer {
	return wechat.Sealer{
		AppID: appID, Token: secret.New(token), EncodingAESKey: secret.New(aesKey),
		Mode: mode, Timestamp: at, Nonce: "415670741", OpenID: "oUser",
	}
}

func seal(t testing.TB, s wechat.Sealer, msg []byte) (url.Values, []byte) {
	t.Helper()
	q, body, err := s.Seal(msg)
	if err != nil {
		t.Fatal(err)
	}
	return q, body
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*wechat.Config)
		want []string
	}{
		{"nothing", func(c *wechat.Config) { *c = wechat.Config{} }, []string{"WECHAT_APPID is empty", "WECHAT_TOKEN is empty"}},
		{"empty token", func(c *wechat.Config) { c.Token = secret.New("") }, []string{"WECHAT_TOKEN is empty"}},
		{"only the previous token", func(c *wechat.Config) { c.Token, c.PreviousToken = secret.String{}, c.Token }, []string{"WECHAT_TOKEN is empty"}},
		{"short key", key(aesKey[1:]), []string{"WECHAT_ENCODING_AES_KEY has 42 characters"}},
		{"key with its padding", key(aesKey + "="), []string{"WECHAT_ENCODING_AES_KEY has 44 characters"}},
		{"no base64", key(strings.Repeat("!", 43)), []string{"WECHAT_ENCODING_AES_KEY is not base64"}},
		{"line break in the key", key(aesKey[:42] + "\n"), []string{"WECHAT_ENCODING_AES_KEY is not base64"}},
		{"bad previous key", func(c *wechat.Config) { c.PreviousEncodingAESKey = secret.New("x") }, []string{"WECHAT_ENCODING_AES_KEY_PREVIOUS has 1 characters"}},
		{"previous key alone", func(c *wechat.Config) { c.EncodingAESKey, c.PreviousEncodingAESKey = secret.String{}, c.EncodingAESKey },
			[]string{"WECHAT_ENCODING_AES_KEY is empty though"}},
	} {
		cfg := secured
		tt.edit(&cfg)
		r, err := wechat.New(cfg)
		if err == nil || r != nil {
			t.Fatalf("%s: New = %v, %v, want an error alone", tt.name, r, err)
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), aesKey[:20]) {
				t.Errorf("%s: error %q, want %q and no key in it", tt.name, err, w)
			}
		}
	}
}

func key(encoded string) func(*wechat.Config) {
	return func(c *wechat.Config) { c.EncodingAESKey = secret.New(encoded) }
}

func TestReceiverDoesNotPrintItsSecrets(t *testing.T) {
	r := receiver(t, secured)
	text := fmt.Sprintf("%v %+v %#v", r, r, r)
	const decoded = "105 183 29 121" // the head of the key, as fmt prints bytes
	if strings.Contains(text, token) || strings.Contains(text, aesKey) || strings.Contains(text, decoded) {
		t.Errorf("printed: %s", text)
	}
}

func TestOpenRefuses(t *testing.T) {
	edit := func(f func(url.Values)) func(url.Values, []byte) (url.Values, []byte) {
		return func(q url.Values, b []byte) (url.Values, []byte) { f(q); return q, b }
	}
	set := func(k, v string) func(url.Values, []byte) (url.Values, []byte) {
		return edit(func(q url.Values) { q.Set(k, v) })
	}
	body := func(b string) func(url.Values, []byte) (url.Values, []byte) {
		return func(q url.Values, _ []byte) (url.Values, []byte) { return q, []byte(b) }
	}
	// The digest joins its parts without a separator, so that digits can move between them.
	stamped := func(timestamp, nonce string) func(url.Values, []byte) (url.Values, []byte) {
		return edit(func(q url.Values) {
			q.Set("timestamp", timestamp)
			q.Set("nonce", nonce)
			q.Set("signature", digestOf(token, timestamp, nonce))
		})
	}
	foreign := sealer(wechat.ModeSecure)
	foreign.AppID = "wx_other"
	rekeyed := sealer(wechat.ModeSecure)
	rekeyed.EncodingAESKey = secret.New(otherKey)
	for _, tt := range []struct {
		name string
		cfg  wechat.Config
		from wechat.Sealer
		edit func(url.Values, []byte) (url.Values, []byte)
		want error
		code string
	}{
		{"no signature", secured, sealer(wechat.ModeSecure), edit(func(q url.Values) { q.Del("signature") }), wechat.ErrQuery, "query"},
		{"no timestamp", plain, sealer(wechat.ModePlain), edit(func(q url.Values) { q.Del("timestamp") }), wechat.ErrQuery, "query"},
		{"no nonce", plain, sealer(wechat.ModePlain), edit(func(q url.Values) { q.Del("nonce") }), wechat.ErrQuery, "query"},
		{"repeated signature", plain, sealer(wechat.ModePlain), edit(func(q url.Values) { q.Add("signature", "x") }), wechat.ErrQuery, "query"},
		{"repeated timestamp", plain, sealer(wechat.ModePlain), edit(func(q url.Values) { q.Add("timestamp", "1") }), wechat.ErrQuery, "query"},
		{"timestamp with digits of the nonce", plain, sealer(wechat.ModePlain), stamped("19353948601714036504", "1"), wechat.ErrQuery, "query"},
		{"timestamp in nanoseconds", plain, sealer(wechat.ModePlain), stamped("1935394860000000000", "1"), wechat.ErrQuery, "query"},
		{"timestamp with a sign", plain, sealer(wechat.ModePlain), stamped("+1935394860", "1"), wechat.ErrQuery, "query"},
		{"timestamp with a space", plain, sealer(wechat.ModePlain), stamped("1935394860 ", "1"), wechat.ErrQuery, "query"},
		{"old timestamp", plain, sealer(wechat.ModePlain), stamped("1514711492", "1714036504A"), wechat.ErrStale, "stale"},
		{"long nonce", plain, sealer(wechat.ModePlain), set("nonce", strings.Repeat("1", 129)), wechat.ErrQuery, "query"},
		{"unknown encrypt_type", secured, sealer(wechat.ModeSecure), set("encrypt_type", "AES"), wechat.ErrQuery, "query"},
		{"old", secured, sealerAt(wechat.ModeSecure, now.Add(-6*time.Minute)), nil, wechat.ErrStale, "stale"},
		{"wrong signature", plain, sealer(wechat.ModePlain), set("signature", strings.Repeat("0", 40)), wechat.ErrSignature, "signature"},
		{"short signature", plain, sealer(wechat.ModePlain), set("signature", "0"), wechat.ErrSignature, "signature"},
		{"other nonce", plain, sealer(wechat.ModePlain), set("nonce", "1"), wechat.ErrSignature, "signature"},
		{"wrong signature, right msg_signature", secured, sealer(wechat.ModeSecure), set("signature", strings.Repeat("0", 40)), wechat.ErrSignature, "signature"},
		{"no msg_signature", secured, sealer(wechat.ModeSecure), edit(func(q url.Values) { q.Del("msg_signature") }), wechat.ErrSignature, "signature"},
		{"signature as msg_signature", secured, sealer(wechat.ModeSecure), edit(func(q url.Values) { q.Set("msg_signature", q.Get("signature")) }), wechat.ErrSignature, "signature"},
		{"signature as msg_signature of nothing", secured, sealer(wechat.ModeSecure), func(q url.Values, _ []byte) (url.Values, []byte) {
			q.Set("msg_signature", q.Get("signature"))
			return q, []byte(`{"Encrypt":"","Event":"debug_demo"}`)
		}, wechat.ErrMalformed, "malformed"},
		{"Encrypt changed", secured, sealer(wechat.ModeSecure), func(q url.Values, b []byte) (url.Values, []byte) {
			return q, bytes.Replace(b, []byte(`"Encrypt":"`), []byte(`"Encrypt":"A`), 1)
		}, wechat.ErrSignature, "signature"},
		{"an encrypted query with no envelope", secured, sealer(wechat.ModeSecure), body("hello"), wechat.ErrMalformed, "malformed"},
		{"an encrypted query with a clear body", secured, sealer(wechat.ModeSecure), body(string(popup)), wechat.ErrMalformed, "malformed"},
		{"Encrypt is an object", secured, sealer(wechat.ModeSecure), body(`{"Encrypt":{"a":1}}`), wechat.ErrMalformed, "malformed"},
		{"stripped to plain", secured, sealer(wechat.ModeSecure), func(q url.Values, _ []byte) (url.Values, []byte) {
			q.Del("encrypt_type")
			return q, popup
		}, wechat.ErrDowngrade, "downgrade"},
		{"raw in secure mode", secured, sealer(wechat.ModePlain), set("encrypt_type", "raw"), wechat.ErrDowngrade, "downgrade"},
		{"encrypted without a key", plain, sealer(wechat.ModeSecure), nil, wechat.ErrNoKey, "no_key"},
		{"compatible without a key", plain, sealer(wechat.ModeCompatible), nil, wechat.ErrNoKey, "no_key"},
		{"secure body under a plain query", plain, sealer(wechat.ModePlain), body(`{"ToUserName":"gh_1","Encrypt":"AAAA"}`), wechat.ErrNoKey, "no_key"},
		{"another app's", secured, foreign, nil, wechat.ErrAppID, "appid"},
		{"another key", secured, rekeyed, nil, wechat.ErrDecrypt, "decrypt"},
		{"body too large", plain, sealer(wechat.ModePlain), body(strings.Repeat(" ", wechat.MaxBody+1)), wechat.ErrTooLarge, "too_large"},
		{"an envelope with a DOCTYPE", secured, sealer(wechat.ModeSecure), body(`<!DOCTYPE x><xml><Encrypt>AAAA</Encrypt></xml>`), wechat.ErrMarkup, "markup"},
		{"an envelope too deep", secured, sealer(wechat.ModeSecure), body(strings.Repeat(`{"a":`, 99)), wechat.ErrTooComplex, "too_complex"},
		{"from the future", plain, sealer(wechat.ModePlain), body(strings.Replace(string(popup), "1935394800", "4102444800", 1)), wechat.ErrStale, "stale"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, b := seal(t, tt.from, popup)
			if tt.edit != nil {
				q, b = tt.edit(q, b)
			}
			p, err := receiver(t, tt.cfg).Open(q, b, now)
			if !errors.Is(err, tt.want) || wechat.Reason(err) != tt.code {
				t.Errorf("Open: %v (%s), want %v (%s)", err, wechat.Reason(err), tt.want, tt.code)
			}
			if p.Event != nil || p.Signed {
				t.Errorf("Open returned %+v with its error", p)
			}
			status, ok := map[string]int{"malformed": 400, "markup": 400, "too_complex": 400, "decrypt": 400, "too_large": 413}[tt.code]
			if !ok {
				status = 403
			}
			f := newFixture(t, tt.cfg)
			f.Now = func() time.Time { return now }
			check(t, f.do("POST", q, b), status, "refused")
			f.checkLog(t, `"reason":"`+tt.code+`"`, q.Get("signature"), "oUser", "wx_other")
			if f.calls != 0 {
				t.Error("a refused push reached Accept")
			}
		})
	}
}

// What is authentic and cannot be read is no refusal: WeChat would send the same again, and
// then for a while nothing.
func TestOpenUnreadable(t *testing.T) {
	at := now.Unix()
	for _, tt := range []struct {
		name, body string
		want       error
	}{
		{"no body", "", wechat.ErrMalformed},
		{"a text", "hello", wechat.ErrMalformed},
		{"cut off", `{"MsgType":"event","Event":"subscribe_msg_popup_event","FromUserName":"oUser","Crea`, wechat.ErrMalformed},
		{"DOCTYPE", `<!DOCTYPE x><xml><MsgType>event</MsgType></xml>`, wechat.ErrMarkup},
		{"nesting", strings.Repeat(`{"a":`, 99), wechat.ErrTooComplex},
		{"popup without a user", fmt.Sprintf(`{"MsgType":"event","Event":"subscribe_msg_popup_event","CreateTime":%d}`, at), wechat.ErrMalformed},
		{"openid with a line break", fmt.Sprintf(`{"MsgType":"event","Event":"subscribe_msg_popup_event","CreateTime":%d,"FromUserName":"a\nb"}`, at), wechat.ErrMalformed},
		{"openid with a control character", fmt.Sprintf("{\"MsgType\":\"event\",\"Event\":\"subscribe_msg_popup_event\",\"CreateTime\":%d,\"FromUserName\":\"ab\x02\"}", at), wechat.ErrMalformed},
		{"openid with an entity", fmt.Sprintf(`<xml><MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event><CreateTime>%d</CreateTime><FromUserName>&o;</FromUserName></xml>`, at), wechat.ErrMalformed},
		{"popup without a time", `{"MsgType":"event","Event":"subscribe_msg_popup_event","FromUserName":"o"}`, wechat.ErrMalformed},
		{"cancellation without a user", fmt.Sprintf(`{"MsgType":"event","Event":"user_authorization_cancellation","FromUserName":"platform","CreateTime":%d}`, at), wechat.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, mode := range plainAndSecure {
				cfg := configOf(mode)
				q, b := seal(t, sealer(mode), []byte(tt.body))
				p, err := receiver(t, cfg).Open(q, b, now)
				e, ok := p.Event.(wechat.Unreadable)
				if err != nil || !ok || !errors.Is(e.Cause, tt.want) || p.Signed != (mode != wechat.ModePlain) || p.Facts() != nil {
					t.Errorf("mode %d: Open = %+v, %v, want Unreadable: %v", mode, p, err, tt.want)
				}
				f := newFixture(t, cfg)
				check(t, f.do("POST", q, b), 200, "success")
				f.checkLog(t, `"reason":"`+wechat.Reason(tt.want)+`"`, "oUser")
				if f.calls != 0 {
					t.Error("what cannot be read reached Accept")
				}
				q.Set("signature", strings.Repeat("0", 40))
				if p, err := receiver(t, cfg).Open(q, b, now); !errors.Is(err, wechat.ErrSignature) {
					t.Errorf("mode %d, forged: Open = %+v, %v, want %v", mode, p, err, wechat.ErrSignature)
				}
			}
		})
	}
}

// A fresh right signature that somebody has seen is enough for an envelope to be decoded: the
// time that this takes grows with the length of the body, whatever stands in it.
func TestHostileEnvelopesTakeLittleTime(t *testing.T) {
	const whole, parts = wechat.MaxBody / 4, 16
	r := receiver(t, secured)
	for name, c := range map[string]struct{ head, unit string }{ // NAME stands for half of the body
		"ends of CDATA in a long name":    {"<xml><NAME><![CDATA[", "]]></"},
		"ends with blanks between":        {"<xml><NAME><![CDATA[", "]]> "},
		"almost the end tag of the name":  {"<xml><aaaaaaaaaaaaaaaa><![CDATA[", "]]></aaaaaaaaaaaaaaa>"},
		"blanks behind the end of CDATA":  {"<xml><a><![CDATA[]]>", " "},
		"sections of a long name":         {"<xml><NAME>", "<![CDATA[]]>"},
		"names, each with a section":      {"<xml>", "<a><![CDATA[]]></a>"},
		"names with a section that stays": {"<xml>", "<a><![CDATA["},
		"tags without an end":             {"<xml>\x02", "<"},
		"ampersands":                      {"<xml>\x02", "&#1"},
		"attributes":                      {"<xml ", "a='' "},
		"name spaces":                     {"<xml ", "xmlns:a='' "},
		"backslashes":                     {`{"a":"\x`, `\`},
		"brackets":                        {"{\x02", "["},
		"strings":                         {"{\x02", `"a":"",`},
		"GBK":                             {`{"a":"\x`, "\x95\x5c"},
	} {
		t.Run(name, func(t *testing.T) {
			q, _ := seal(t, sealer(wechat.ModeSecure), popup)
			took := func(size, times int) time.Duration {
				head := strings.Replace(c.head, "NAME", strings.Repeat("a", size/2), 1)
				body := []byte(head + strings.Repeat(c.unit, (size-len(head))/len(c.unit)))
				best := time.Hour
				for range 3 {
					watch := stopwatch.Start()
					for range times {
						if p, err := r.Open(q, body, now); err == nil {
							t.Fatalf("Open = %+v, want a refusal", p)
						}
					}
					best = min(best, watch.Elapsed())
				}
				return best
			}
			// One takes as long as its parts together, and 16 times as long with work that grows with the square.
			if ratio := took(whole, 1).Seconds() / took(whole/parts, parts).Seconds(); ratio > 6 {
				t.Errorf("it takes %.1f times as long as %d parts of it", ratio, parts)
			}
		})
	}
}

func TestReason(t *testing.T) {
	if got := wechat.Reason(nil); got != "" {
		t.Errorf("Reason(nil) = %q", got)
	}
	if got := wechat.Reason(errors.New("x")); got != "other" {
		t.Errorf("Reason(a stranger) = %q", got)
	}
	if got := wechat.Reason(fmt.Errorf("wrapped: %w", wechat.ErrStale)); got != "stale" {
		t.Errorf("Reason(wrapped) = %q", got)
	}
}

// Clear fields beside Encrypt are nobody's word: changing them changes nothing.
func TestCompatibleModeIgnoresTheClearCopy(t *testing.T) {
	for format, msg := range map[wechat.Format]string{
		wechat.FormatJSON: `{"ToUserName":"gh_1","FromUserName":"oUser","CreateTime":1935394860,"MsgType":"event","Event":"debug_demo"}`,
		wechat.FormatXML:  `<xml><ToUserName>gh_1</ToUserName><MsgType>event</MsgType><Event>debug_demo</Event></xml>`,
	} {
		s := sealer(wechat.ModeCompatible)
		s.Format = format
		q, body := seal(t, s, []byte(msg))
		if !bytes.Contains(body, []byte("debug_demo")) {
			t.Fatalf("no clear copy in %s", body)
		}
		forged := bytes.Replace(body, []byte("debug_demo"), []byte("user_authorization_cancellation"), 1)
		for _, b := range [][]byte{body, forged} {
			p, err := receiver(t, secured).Open(q, b, now)
			if _, ok := p.Event.(wechat.DebugDemo); err != nil || !ok {
				t.Errorf("Open(%s) = %+v, %v, want the encrypted debug_demo", b, p, err)
			}
		}
	}
}

func TestAge(t *testing.T) {
	for age, want := range map[time.Duration]error{
		0: nil, wechat.MaxAge: nil, -wechat.MaxAge: nil, wechat.MaxAge + time.Second: wechat.ErrStale, -wechat.MaxAge - time.Second: wechat.ErrStale,
		50 * 365 * 24 * time.Hour: wechat.ErrStale,
	} {
		for _, mode := range plainAndSecure {
			r := receiver(t, configOf(mode))
			q, body := seal(t, sealer(mode), []byte(`{"MsgType":"event","Event":"debug_demo"}`))
			if _, err := r.Open(q, body, now.Add(age)); !errors.Is(err, want) {
				t.Errorf("mode %d, age %v: %v, want %v", mode, age, err, want)
			}
			// Of an old query nothing is decoded: it may be anybody's who has seen it.
			q.Set("msg_signature", strings.Repeat("0", 40))
			if _, err := r.Open(q, []byte("<!DOCTYPE x>"), now.Add(age)); want != nil && !errors.Is(err, want) {
				t.Errorf("mode %d, age %v, with a DOCTYPE: %v, want %v", mode, age, err, want)
			}
		}
		q, err := sealer(wechat.ModePlain).SignURL("echo")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receiver(t, plain).VerifyURL(q, now.Add(age)); !errors.Is(err, want) {
			t.Errorf("VerifyURL, age %v: %v, want %v", age, err, want)
		}
	}
}

// The digests go over timestamp and nonce in sorted order: exchanged, they are as right as
// before, and a nonce that looks like a time makes an old push look new.
func TestOldPushWithTimestampAndNonceExchanged(t *testing.T) {
	const cancelled = `{"FromUserName":"oPlatform","OpenID":"oUser","CreateTime":%d,"MsgType":"event","Event":"user_authorization_cancellation"}`
	for _, format := range []wechat.Format{wechat.FormatJSON, wechat.FormatXML} {
		s := sealerAt(wechat.ModeSecure, now.Add(-30*24*time.Hour))
		s.Format, s.Nonce = format, fmt.Sprint(now.Add(time.Minute).Unix())
		q, body := seal(t, s, fmt.Appendf(nil, cancelled, s.Timestamp.Unix()))
		if p, err := receiver(t, secured).Open(q, body, s.Timestamp); err != nil || len(p.Facts()) != 1 {
			t.Fatalf("in its time: %+v, %v", p, err)
		}
		q.Set("timestamp", s.Nonce)
		q.Set("nonce", fmt.Sprint(s.Timestamp.Unix()))
		if p, err := receiver(t, secured).Open(q, body, now); !errors.Is(err, wechat.ErrStale) {
			t.Errorf("30 days later: Open = %+v, %v, want %v", p, err, wechat.ErrStale)
		}
	}
}

// The time of an event counts if something follows from the event, in seconds or milliseconds.
// WeChat repeats what is refused, and its test tools send any time.
func TestTimeOfWhatHasAnEffect(t *testing.T) {
	for name, c := range map[string]struct {
		msg    string // %d: CreateTime
		effect bool
	}{
		"popup":                  {strings.Replace(string(popup), "1935394800", "%d", 1), true},
		"change":                 {`{"FromUserName":"oUser","CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_change_event","List":{"TemplateId":"T1","SubscribeStatusString":"reject"}}`, true},
		"sent":                   {`{"FromUserName":"oUser","CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_sent_event","List":{"TemplateId":"T1","MsgID":"1","ErrorCode":"0"}}`, true},
		"cancelled":              {`{"OpenID":"oUser","CreateTime":%d,"MsgType":"event","Event":"user_authorization_cancellation"}`, true},
		"a penalty":              {`{"FromUserName":"oUser","CreateTime":%d,"MsgType":"event","Event":"wxa_punish_event"}`, true},
		"a refused popup":        {strings.NewReplacer("1935394800", "%d", `"accept"`, `"reject"`).Replace(string(popup)), false},
		"debug_demo":             {`{"FromUserName":"oUser","CreateTime":%d,"MsgType":"event","Event":"debug_demo","debug_str":"x"}`, false},
		"an event without a use": {`{"FromUserName":"oUser","CreateTime":%d,"MsgType":"event","Event":"kf_create_session"}`, false},
		"a message":              {`{"FromUserName":"oUser","CreateTime":%d,"MsgType":"text","Content":"x"}`, false},
		"what lacks its user":    {`{"CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			open := func(mode wechat.Mode, at int64) (wechat.Push, error) {
				q, body := seal(t, sealer(mode), fmt.Appendf(nil, c.msg, at))
				return receiver(t, configOf(mode)).Open(q, body, now)
			}
			for age, stale := range map[time.Duration]bool{
				0: false, 15 * time.Second: false, wechat.MaxMessageAge: false, wechat.MaxMessageAge + time.Second: true, 150 * time.Minute: true,
				-wechat.MaxAge: false, -wechat.MaxAge - time.Second: true, -time.Hour: true, now.Sub(time.Unix(1234567898, 0)): true,
			} {
				at := now.Add(-age)
				for _, number := range []int64{at.Unix(), at.UnixMilli()} {
					if p, err := open(wechat.ModeSecure, number); errors.Is(err, wechat.ErrStale) != (stale && c.effect) || err != nil && !stale {
						t.Errorf("made %v ago, CreateTime %d: Open = %+v, %v", age, number, p, err)
					}
				}
				// In the clear the time of what is old tells nothing: anybody may have written it.
				if p, err := open(wechat.ModePlain, at.Unix()); errors.Is(err, wechat.ErrStale) != (stale && age < 0 && name == "popup") || err != nil && !stale {
					t.Errorf("in the clear, made %v ago: Open = %+v, %v", age, p, err)
				}
			}
			seconds, err1 := open(wechat.ModeSecure, now.Unix())
			millis, err2 := open(wechat.ModeSecure, now.UnixMilli()+999)
			if diff := cmp.Diff(fmt.Sprint(seconds), fmt.Sprint(millis)); err1 != nil || err2 != nil || diff != "" {
				t.Errorf("in milliseconds: %v, %v\n%s", err1, err2, diff)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	const oldToken = "old-token"
	rotating := secured
	rotating.PreviousToken = secret.New(oldToken)
	rotating.PreviousEncodingAESKey = secret.New(otherKey)
	r := receiver(t, rotating)
	for _, tok := range []string{token, oldToken} {
		for _, key := range []string{aesKey, otherKey} {
			s := sealer(wechat.ModeSecure)
			s.Token, s.EncodingAESKey = secret.New(tok), secret.New(key)
			q, body := seal(t, s, popup)
			if _, err := r.Open(q, body, now); err != nil {
				t.Errorf("token %s, key %s...: %v", tok, key[:4], err)
			}
			s.AppID = "wx_other"
			q, body = seal(t, s, popup)
			if _, err := r.Open(q, body, now); !errors.Is(err, wechat.ErrAppID) {
				t.Errorf("another app, token %s, key %s...: %v, want %v", tok, key[:4], err, wechat.ErrAppID)
			}
		}
	}
	s := sealer(wechat.ModeSecure)
	s.Token = secret.New("never-ours")
	q, body := seal(t, s, popup)
	if _, err := r.Open(q, body, now); !errors.Is(err, wechat.ErrSignature) {
		t.Errorf("unknown token: %v, want %v", err, wechat.ErrSignature)
	}
}

func TestVerifyURL(t *testing.T) {
	for _, tt := range []struct {
		name   string
		edit   func(url.Values)
		answer string // empty: refused
		reason string
	}{
		{"as it is", func(url.Values) {}, "4375120948345356249", ""},
		{"no echostr", func(q url.Values) { q.Del("echostr") }, "", "query"},
		{"two echostr", func(q url.Values) { q.Add("echostr", "x") }, "", "query"},
		{"long echostr", func(q url.Values) { q.Set("echostr", strings.Repeat("1", 513)) }, "", "query"},
		{"no signature", func(q url.Values) { q.Del("signature") }, "", "query"},
		{"wrong signature", func(q url.Values) { q.Set("signature", strings.Repeat("a", 40)) }, "", "signature"},
		{"upper case", func(q url.Values) { q.Set("signature", strings.ToUpper(q.Get("signature"))) }, "", "signature"},
		{"other nonce", func(q url.Values) { q.Set("nonce", "1514711493") }, "", "signature"},
	} {
		q, err := sealer(wechat.ModePlain).SignURL("4375120948345356249")
		if err != nil {
			t.Fatal(err)
		}
		tt.edit(q)
		f := newFixture(t, secured)
		if w := f.do("GET", q, nil); tt.answer != "" {
			check(t, w, 200, tt.answer)
		} else {
			check(t, w, 403, "refused")
			f.checkLog(t, `"reason":"`+tt.reason+`"`)
		}
		if f.calls != 0 {
			t.Errorf("%s: a verification reached Accept", tt.name)
		}
	}
}

// The probe of WeChat's cloud hosting passes unsigned; anything like it does not.
func TestProbe(t *testing.T) {
	r := receiver(t, secured)
	p, err := r.Open(url.Values{}, []byte("{\n \"action\": \"CheckContainerPath\"\n}\n"), now)
	if _, ok := p.Event.(wechat.Probe); err != nil || !ok || p.Signed || p.Facts() != nil {
		t.Errorf("Open(probe) = %+v, %v", p, err)
	}
	for _, q := range []url.Values{nil, {"a": {";"}}} {
		f := newFixture(t, secured)
		check(t, f.do("POST", q, sample(t, "check-container-path.json")), 200, "success")
	}
	for _, body := range []string{
		`{"action":"CheckContainerPath","Event":"subscribe_msg_popup_event"}`,
		`{"action":"checkcontainerpath"}`,
		`{"action":"CheckContainerPath"}{}`,
		`<action>CheckContainerPath</action>`,
		`{}`,
	} {
		if p, err := r.Open(url.Values{}, []byte(body), now); !errors.Is(err, wechat.ErrQuery) {
			t.Errorf("Open(%s) = %+v, %v, want %v", body, p, err, wechat.ErrQuery)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*wechat.Sealer)
		msg  string
		want string
	}{
		{"no token", func(s *wechat.Sealer) { s.Token = secret.String{} }, "{}", "Token is empty"},
		{"no key", func(s *wechat.Sealer) { s.EncodingAESKey = secret.String{} }, "{}", "EncodingAESKey has 0 characters"},
		{"few random bytes", func(s *wechat.Sealer) { s.Random = []byte("abc") }, "{}", "Random has 3 bytes"},
		{"text in compatible mode", func(s *wechat.Sealer) { s.Mode = wechat.ModeCompatible }, "text", "compatible mode"},
		{"XML message in a JSON body", func(s *wechat.Sealer) { s.Mode = wechat.ModeCompatible }, "<xml><a>}</a></xml>", "compatible mode"},
	} {
		s := sealer(wechat.ModeSecure)
		tt.edit(&s)
		if _, _, err := s.Seal([]byte(tt.msg)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Seal: %v, want ...%s...", tt.name, err, tt.want)
		}
	}
	if _, err := (wechat.Sealer{}).SignURL("x"); err == nil {
		t.Error("SignURL without a token: no error")
	}
}

// An EncodingAESKey is read when a push comes, so that another one where it is kept needs no new instance.
func TestKeyThatWasChanged(t *testing.T) {
	for next, works := range map[string]bool{aesKey: true, "nonsense": false} {
		rotation := &testkit.Rotation{Old: otherKey, New: next}
		cfg := secured
		cfg.EncodingAESKey = secret.From(rotation)
		r := receiver(t, cfg)
		q, body := seal(t, sealer(wechat.ModeSecure), popup)
		if _, err := r.Open(q, body, now); !errors.Is(err, wechat.ErrDecrypt) {
			t.Errorf("before: %v", err)
		}
		rotation.Renew(t.Context(), otherKey)
		if _, err := r.Open(q, body, now); (err == nil) != works || err != nil && !errors.Is(err, wechat.ErrDecrypt) {
			t.Errorf("after: %v", err)
		}
	}
}
