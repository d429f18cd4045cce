package im_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

type signVectors struct {
	Vectors []struct {
		Token       string `json:"token"`
		RequestTime string `json:"request_time"`
		Sign        string `json:"sign"`
	} `json:"vectors"`
	Freshness []struct {
		RequestTime string `json:"request_time"`
		Now         int64  `json:"now"`
		Expect      string `json:"expect"`
	} `json:"freshness"`
	DocTypo struct {
		Token       string `json:"token"`
		RequestTime string `json:"request_time"`
		PrintedSign string `json:"printed_sign"`
		RealSign    string `json:"real_sign"`
	} `json:"doc_typo"`
}

func TestSignVectors(t *testing.T) {
	var v signVectors
	readJSON(t, "testdata/vectors/callback_sign.json", &v)
	if len(v.Vectors) < 5 || len(v.Freshness) < 6 {
		t.Fatal("vectors are missing")
	}
	for _, c := range v.Vectors {
		if got := im.Sign(secret.New(c.Token), c.RequestTime); got != c.Sign {
			t.Errorf("Sign(%q, %q) = %s, want %s", c.Token, c.RequestTime, got, c.Sign)
		}
	}
	if got := im.Sign(secret.New(v.DocTypo.Token), v.DocTypo.RequestTime); got != v.DocTypo.RealSign || got == v.DocTypo.PrintedSign {
		t.Errorf("Sign of the misprinted example = %s, want %s", got, v.DocTypo.RealSign)
	}
	for _, c := range v.Freshness {
		err := newFixture(t).Receiver.Verify(signedAt(c.RequestTime), time.Unix(c.Now, 0))
		if accepted := err == nil; accepted != (c.Expect == "accept") {
			t.Errorf("RequestTime %q at %d: %v, want %s", c.RequestTime, c.Now, err, c.Expect)
		}
	}
}

// signedAt is a query with whatever time, and the right Sign of it.
func signedAt(requestTime string) url.Values {
	q := commandQuery(after)
	q.Set("RequestTime", requestTime)
	q.Set("Sign", im.Sign(secret.New(testToken), requestTime))
	return q
}

func TestVerify(t *testing.T) {
	now := time.Unix(testTime, 0)
	cfg := im.ReceiverConfig{SDKAppID: testAppID, Token: secret.New(testToken), PreviousToken: secret.New("old")}
	with := func(change func(url.Values)) url.Values {
		q := signedQuery(after)
		change(q)
		return q
	}
	for _, c := range []struct {
		name   string
		query  url.Values
		want   error
		reason string
	}{
		{"current token", signedQuery(after), nil, ""},
		{"previous token", with(func(q url.Values) { im.SignQuery(q, secret.New("old"), now) }), nil, ""},
		{"names in other case", url.Values{
			"sdkappid": {"1400123456"}, "SIGN": {im.Sign(secret.New(testToken), "1795305600")}, "requesttime": {"1795305600"},
		}, nil, ""},
		{"third token", with(func(q url.Values) { im.SignQuery(q, secret.New("older"), now) }), im.ErrBadSign, "bad_sign"},
		{"empty token", with(func(q url.Values) { im.SignQuery(q, secret.New(""), now) }), im.ErrBadSign, "bad_sign"},
		{"upper-case digest", with(func(q url.Values) { q.Set("Sign", strings.ToUpper(q.Get("Sign"))) }), im.ErrBadSign, "bad_sign"},
		{"prefix of the digest", with(func(q url.Values) { q.Set("Sign", q.Get("Sign")[:63]) }), im.ErrBadSign, "bad_sign"},
		{"digest and more", with(func(q url.Values) { q.Set("Sign", q.Get("Sign")+"0") }), im.ErrBadSign, "bad_sign"},
		{"sign of another time", with(func(q url.Values) { q.Set("RequestTime", "1795305601") }), im.ErrBadSign, "bad_sign"},
		{"no sign", with(func(q url.Values) { q.Del("Sign") }), im.ErrNoSign, "no_sign"},
		{"no time", with(func(q url.Values) { q.Del("RequestTime") }), im.ErrNoSign, "no_sign"},
		{"no parameters", url.Values{}, im.ErrNoSign, "no_sign"},
		{"signed plus", signedAt("+1795305600"), im.ErrBadRequestTime, "bad_request_time"},
		{"signed minus", signedAt("-1795305600"), im.ErrBadRequestTime, "bad_request_time"},
		{"signed space", signedAt(" 1795305600"), im.ErrBadRequestTime, "bad_request_time"},
		{"signed exponent", signedAt("1795305600e0"), im.ErrBadRequestTime, "bad_request_time"},
		{"signed hex", signedAt("0x6b02a340"), im.ErrBadRequestTime, "bad_request_time"},
		{"signed overflow", signedAt("18446744075504857216"), im.ErrBadRequestTime, "bad_request_time"},
		{"signed milliseconds", signedAt("1795305600000"), im.ErrBadRequestTime, "bad_request_time"},
		{"61 s old", signedAt("1795305539"), im.ErrStale, "stale"},
		{"61 s ahead", signedAt("1795305661"), im.ErrStale, "stale"},
		{"stale and badly signed", with(func(q url.Values) { q.Set("RequestTime", "1") }), im.ErrBadSign, "bad_sign"},
		{"other app", with(func(q url.Values) { q.Set("SdkAppid", "1400999999") }), im.ErrOtherApp, "other_app"},
		{"app with a zero before it", with(func(q url.Values) { q.Set("SdkAppid", "01400123456") }), im.ErrOtherApp, "other_app"},
		{"no app", with(func(q url.Values) { q.Del("SdkAppid") }), im.ErrOtherApp, "other_app"},
		{"sign twice", with(func(q url.Values) { q.Add("Sign", q.Get("Sign")) }), im.ErrRepeated, "repeated_parameter"},
		{"app twice in other case", with(func(q url.Values) { q.Set("sdkappid", "1400999999") }), im.ErrRepeated, "repeated_parameter"},
		{"command twice in other case", with(func(q url.Values) { q.Set("callbackcommand", "State.StateChange") }), im.ErrRepeated, "repeated_parameter"},
		{"app with a Kelvin sign", with(func(q url.Values) { q.Del("SdkAppid"); q.Set("Sd\u212aAppid", "1400123456") }), im.ErrOtherApp, "other_app"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := newReceiver(t, cfg).Verify(c.query, now)
			if !errors.Is(err, c.want) {
				t.Fatalf("Verify = %v, want %v", err, c.want)
			}
			if err != nil && im.Reason(err) != c.reason {
				t.Errorf("Reason = %q, want %q", im.Reason(err), c.reason)
			}
		})
	}
}

func TestVerifySettings(t *testing.T) {
	unsigned := func(app string) url.Values { return url.Values{"SdkAppid": {app}} }
	for _, c := range []struct {
		name  string
		cfg   im.ReceiverConfig
		query url.Values
		now   time.Time
		want  error
	}{
		{"at the edge of a window", im.ReceiverConfig{Token: secret.New(testToken), Window: 5 * time.Minute}, signedQuery(after), time.Unix(testTime+300, 999_999_999), nil},
		{"beyond it", im.ReceiverConfig{Token: secret.New(testToken), Window: 5 * time.Minute}, signedQuery(after), time.Unix(testTime+301, 0), im.ErrStale},
		{"insecure", im.ReceiverConfig{Insecure: true}, unsigned("1400123456"), time.Unix(0, 0), nil},
		{"insecure, other app", im.ReceiverConfig{Insecure: true}, unsigned("1"), time.Unix(0, 0), im.ErrOtherApp},
		{"insecure, with a token", im.ReceiverConfig{Insecure: true, Token: secret.New(testToken)}, unsigned("1400123456"), time.Unix(0, 0), im.ErrNoSign},
	} {
		c.cfg.SDKAppID = testAppID
		if err := newReceiver(t, c.cfg).Verify(c.query, c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestNewReceiverNamesTheVariable(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  im.ReceiverConfig
		want []string
	}{
		{"nothing", im.ReceiverConfig{}, []string{"IM_SDKAPPID", "IM_CALLBACK_TOKEN", "IM_CALLBACK_INSECURE"}},
		{"no token", im.ReceiverConfig{SDKAppID: 1}, []string{"IM_CALLBACK_TOKEN", "IM_CALLBACK_INSECURE"}},
		{"empty token", im.ReceiverConfig{SDKAppID: 1, Token: secret.New("")}, []string{"IM_CALLBACK_TOKEN"}},
		{"previous token only", im.ReceiverConfig{SDKAppID: 1, Insecure: true, PreviousToken: secret.New("p")}, []string{"IM_CALLBACK_TOKEN"}},
		{"negative app", im.ReceiverConfig{SDKAppID: -1, Token: secret.New("t")}, []string{"IM_SDKAPPID"}},
		{"line break", im.ReceiverConfig{SDKAppID: 1, Token: secret.New("t\n")}, []string{"IM_CALLBACK_TOKEN"}},
		{"line break in the old one", im.ReceiverConfig{SDKAppID: 1, Token: secret.New("t"), PreviousToken: secret.New(" t")}, []string{"IM_CALLBACK_TOKEN_PREVIOUS"}},
		{"negative window", im.ReceiverConfig{SDKAppID: 1, Token: secret.New("t"), Window: -time.Second}, []string{"window"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := im.NewReceiver(c.cfg)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not name %s", err, want)
				}
			}
		})
	}
}

// FuzzVerify: only the very digest opens the door.
func FuzzVerify(f *testing.F) {
	sign := im.Sign(secret.New(testToken), "1795305600")
	f.Add("SdkAppid=1400123456&Sign="+sign+"&RequestTime=1795305600", int64(testTime))
	f.Add("sdkappid=1400123456&sign="+strings.ToUpper(sign)+"&requesttime=1795305600", int64(testTime))
	f.Add("SdkAppid=1400123456&Sign="+sign+"&RequestTime=01795305600", int64(testTime+61))
	f.Add("SdkAppid=1400123456&Sign="+sign+"&Sign=0&RequestTime=%2B1795305600", int64(-1<<63))
	f.Fuzz(func(t *testing.T, rawQuery string, now int64) {
		q, err := url.ParseQuery(rawQuery)
		if err != nil {
			return
		}
		if err := newFixture(t).Receiver.Verify(q, time.Unix(now, 0)); err != nil {
			if im.Reason(err) == "internal" {
				t.Fatalf("error without a reason: %v", err)
			}
			return
		}
		p := map[string]string{}
		for name, values := range q {
			if len(values) != 1 {
				t.Fatalf("accepted %d values of one parameter", len(values))
			}
			if strings.IndexFunc(name, func(c rune) bool { return c > 127 }) < 0 {
				p[strings.ToLower(name)] = values[0]
			}
		}
		at, err := strconv.ParseInt(p["requesttime"], 10, 64)
		if err != nil || now-at > 60 || at-now > 60 || p["sdkappid"] != "1400123456" ||
			p["sign"] != im.Sign(secret.New(testToken), p["requesttime"]) {
			t.Fatalf("accepted %q at %d", rawQuery, now)
		}
	})
}
