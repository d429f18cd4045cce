package scf_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/scf"
)

const urlHost = "1250000000-abcdefghij.ap-guangzhou.tencentscf.com"

// httpSamples are all samples that are HTTP events, with what each must become. Header
// lists only what is worth a look.
var httpSamples = map[string]seen{
	"url-post-json.json": {
		Method: "POST", Path: "/", RawQuery: "a=1&b=2", Host: urlHost, Body: `{"test":"hello world"}`, Length: 22,
		Header: http.Header{"Content-Type": {"application/json"}, "X-Scf-Remote-Addr": {"203.0.113.7"}},
	},
	"url-get-query.json": {
		Method: "GET", Path: "/orders/42", RawQuery: "page=2&q=%E8%8C%B6+%E5%8F%B6", Host: urlHost,
		Header: http.Header{"User-Agent": {"curl/8.5.0"}},
	},
	"url-get-repeated-query.json": {
		Method: "GET", Path: "/orders", RawQuery: "tag=new&tag=paid&flag=", Host: urlHost,
	},
	"url-im-callback-post.json": {
		Method: "POST", Path: "/im/callback", Host: urlHost, Length: 323,
		RawQuery: "SdkAppid=1400000000&CallbackCommand=C2C.CallbackBeforeSendMsg&contenttype=json&ClientIP=198.51.100.9&OptPlatform=RESTAPI",
		Body:     `{"CallbackCommand": "C2C.CallbackBeforeSendMsg", "From_Account": "jared", "To_Account": "jonh", "MsgSeq": 48374, "MsgRandom": 2837546, "MsgTime": 1767225600, "MsgKey": "48374_2837546_1767225600", "OnlineOnlyFlag": 0, "MsgBody": [{"MsgType": "TIMTextElem", "MsgContent": {"Text": "red packet"}}], "EventTime": 1767225600123}`,
	},
	"url-wechat-verify-get.json": {
		Method: "GET", Path: "/wechat/callback", Host: urlHost,
		RawQuery: "signature=f21891de399b4e54a9a34a4cc3bd6ac0c8ca7ea0&timestamp=1767225600&nonce=1320562132&echostr=1372623149153871234",
	},
	"url-wechat-message-post.json": {
		Method: "POST", Path: "/wechat/callback", Host: urlHost, Length: 263,
		RawQuery: "signature=a3d0ab7f6e0a9cbb9f6a2c0f1d2e3b4c5d6e7f80&timestamp=1767225600&nonce=486452656&openid=oEXAMPLE_openid_0001",
		Body:     `<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><FromUserName><![CDATA[oEXAMPLE_openid_0001]]></FromUserName><CreateTime>1767225600</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好]]></Content><MsgId>24300000000000001</MsgId></xml>`,
	},
	"url-post-form.json": {
		Method: "POST", Path: "/pay/notify", Host: urlHost, Length: 40, Body: "out_trade_no=2026112200001&total_fee=100",
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	},
	"url-post-empty-body.json": {Method: "POST", Path: "/", Host: urlHost},
	"url-options-preflight.json": {
		Method: "OPTIONS", Path: "/orders", Host: urlHost,
		Header: http.Header{"Origin": {"https://shop.example.com"}, "Access-Control-Request-Method": {"POST"}},
	},
	"apigw-post.json": {
		Method: "POST", Path: "/test/value", RawQuery: "foo=bar&bob=alice", Body: `{"test":"body"}`, Length: 15,
		Host:   "service-abcd1234-1250000000.gz.apigw.tencentcs.com",
		Header: http.Header{"Accept-Language": {"en-US,en,cn"}, "User-Agent": {"User Agent String"}},
	},
	"apigw-get-odd-query.json": {
		Method: "GET", Path: "/demo", RawQuery: "a=b&a=c&x=y&i=", RemoteAddr: "198.51.100.8:0",
		Host: "service-abcd1234-1250000000.sh.apigw.tencentcs.com",
	},
	"apigw-post-base64.json": {
		Method: "POST", Path: "/upload", Host: "service-abcd1234-1250000000.gz.apigw.tencentcs.com",
		Body: "\x89PNG\r\n\x1a\n\x00\x00", Length: 10, Header: http.Header{"Content-Type": {"image/png"}},
	},
}

func TestHTTPSamples(t *testing.T) {
	for name, want := range httpSamples {
		t.Run(name, func(t *testing.T) {
			got, calls, res, err := receive(t, sample(t, name))
			if err != nil || calls != 1 || res.StatusCode != 200 {
				t.Fatalf("calls %d, status %d, err %v", calls, res.StatusCode, err)
			}
			for k, v := range want.Header {
				if diff := cmp.Diff(v, got.Header[k]); diff != "" {
					t.Errorf("header %s (-want +got):\n%s", k, diff)
				}
			}
			if got.Header.Get("Host") != "" {
				t.Error("Host is among the headers; net/http keeps it in Request.Host")
			}
			if want.RemoteAddr == "" {
				want.RemoteAddr = "203.0.113.7:0"
			}
			got.Header, want.Header = nil, nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// Every other sample is refused, by the name of what it is.
func TestOtherSamples(t *testing.T) {
	kinds := map[string]string{
		"runtime-api-next": "body: byte 171: want a string",
		"timer":            "a timer event", "ckafka": "a CKafka event", "cmq-": "a CMQ event", "cls.": "a CLS event", "cos-": "a COS event",
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 29 {
		t.Fatalf("got %d samples, err %v", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if _, ok := httpSamples[name]; ok {
			continue
		}
		want := "an event without httpMethod"
		for prefix, kind := range kinds {
			if strings.HasPrefix(name, prefix) {
				want = kind
			}
		}
		_, calls, _, err := receive(t, sample(t, name))
		if err == nil || !strings.Contains(err.Error(), want) || calls != 0 {
			t.Errorf("%s: got %d calls and error %v, want one with %q", name, calls, err, want)
		}
	}
}

func TestEnvelopeShapes(t *testing.T) {
	const get = `{"httpMethod":"GET",`
	for _, c := range []struct {
		name, event string
		want        seen
	}{
		{"only a method", `{"httpMethod":"GET"}`, seen{Method: "GET", Path: "/"}},
		{"nulls", get + `"path":null,"body":null,"headers":null,"queryString":null,"requestContext":null,"isBase64Encoded":null}`, seen{Method: "GET", Path: "/"}},
		{"white space", " \r\n\t{ \"httpMethod\" : \"GET\" , \"queryString\" : { \"a\" : [ \"1\" , true ] } } \n", seen{Method: "GET", Path: "/", RawQuery: "a=1&a="}},
		{"unknown fields", get + `"a":[1,-2.5e+3,{"b":[[],{}]},"\u00e9",true,false,null],"path":"/p"}`, seen{Method: "GET", Path: "/p"}},
		{"query scalars", get + `"queryString":{"n":12.5,"t":true,"f":false,"z":null,"e":[],"s":"a&b=c d"}}`, seen{Method: "GET", Path: "/", RawQuery: "n=12.5&t=&f=false&s=a%26b%3Dc+d"}},
		{"escaped keys", get + `"pa\u0074h":"\/\u0061"}`, seen{Method: "GET", Path: "/a"}},
		{"encoded path", get + `"path":"/a%2Fb%20c"}`, seen{Method: "GET", Path: "/a/b c", RawPath: "/a%2Fb%20c"}},
		{"path with a stray percent", get + `"path":"/100%"}`, seen{Method: "GET", Path: "/100%"}},
		{"path without a slash", get + `"path":"a"}`, seen{Method: "GET", Path: "/a"}},
		{"path with a question mark", get + `"path":"/a?b=c"}`, seen{Method: "GET", Path: "/a?b=c"}},
		{"repeated fields", `{"httpMethod":"PUT","body":"x","queryString":{"a":"1"},"httpMethod":"GET","body":"y","queryString":{"b":"2"}}`, seen{Method: "GET", Path: "/", RawQuery: "b=2", Body: "y", Length: 1}},
		{"repeated query key", get + `"queryString":{"a":["1","2"],"b":"3","a":"4"}}`, seen{Method: "GET", Path: "/", RawQuery: "a=4&b=3"}},
		{"surrogates", get + `"body":"\uD83D\udE00\ud83d\u0041\udc00\"\\\/\b\f\n\r\t"}`, seen{Method: "GET", Path: "/", Body: "😀\ufffdA\ufffd\"\\/\b\f\n\r\t", Length: 19}},
		{"not UTF-8", get + "\"body\":\"a\xff\xe4\xb8\\n\"}", seen{Method: "GET", Path: "/", Body: "a\ufffd\ufffd\ufffd\n", Length: 11}},
		{"IPv6", get + `"requestContext":{"sourceIp":"2001:db8::1"}}`, seen{Method: "GET", Path: "/", RemoteAddr: "[2001:db8::1]:0"}},
		{"odd source", get + `"requestContext":{"sourceIp":12}}`, seen{Method: "GET", Path: "/"}},
		{"empty base64", get + `"isBase64Encoded":true,"body":""}`, seen{Method: "GET", Path: "/"}},
		{"flag before body", get + `"isBase64Encoded":true,"body":"aGk="}`, seen{Method: "GET", Path: "/", Body: "hi", Length: 2}},
	} {
		got, _, res, err := receive(t, []byte(c.event))
		if err != nil || res.StatusCode != 200 {
			t.Errorf("%s: status %d, err %v", c.name, res.StatusCode, err)
			continue
		}
		got.Header = nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestHeaders(t *testing.T) {
	got, _, _, err := receive(t, []byte(`{"httpMethod":"GET","headers":{
		"HOST":"example.com","x-one":"1","X-MANY":["a","b"],"x-number":3,"x-true":true,"x-null":null,
		"X-Case":"first","x-case":"last","x-scf-remote-addr":"198.51.100.9:4711"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"X-One": {"1"}, "X-Many": {"a", "b"}, "X-Number": {"3"}, "X-True": {"true"}, "X-Null": {},
		"X-Case": {"last"}, "X-Scf-Remote-Addr": {"198.51.100.9:4711"},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if got.Host != "example.com" || got.RemoteAddr != "198.51.100.9:4711" {
		t.Errorf("got host %q, remote address %q", got.Host, got.RemoteAddr)
	}
}

// A client of API Gateway chooses its headers, not its source address.
func TestSourceIPGoesFirst(t *testing.T) {
	got, _, _, err := receive(t, []byte(`{"httpMethod":"GET","headers":{"x-scf-remote-addr":"192.0.2.1"},"requestContext":{"sourceIp":"203.0.113.7"}}`))
	if err != nil || got.RemoteAddr != "203.0.113.7:0" {
		t.Errorf("got %q, err %v", got.RemoteAddr, err)
	}
}

func TestMalformedEnvelopes(t *testing.T) {
	const get = `{"httpMethod":"GET",`
	deep := strings.Repeat("[", 100_000)
	for _, c := range []struct{ name, event, want string }{
		{"empty", ``, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"array", `[{"httpMethod":"GET"}]`, "not a JSON object"},
		{"string", `"httpMethod"`, "not a JSON object"},
		{"no method", `{"path":"/"}`, "an event without httpMethod"},
		{"empty method", `{"httpMethod":""}`, "an event without httpMethod"},
		{"null method", `{"httpMethod":null}`, "an event without httpMethod"},
		{"method is a number", `{"httpMethod":1}`, "httpMethod: byte 14: want a string"},
		{"path is an object", get + `"path":{}}`, "path: byte 27: want a string"},
		{"body is an object", get + `"body":{"a":1}}`, "body: byte 27: want a string"},
		{"flag is a string", get + `"isBase64Encoded":"true"}`, "isBase64Encoded: byte 38: want true or false"},
		{"headers is an array", get + `"headers":[]}`, "headers: byte 30: want '{'"},
		{"header is an object", get + `"headers":{"a":{}}}`, "headers: byte 35: want a string or an array of strings"},
		{"query is a string", get + `"queryString":"a=1"}`, "queryString: byte 34: want '{'"},
		{"query in two arrays", get + `"queryString":{"a":[["1"]]}}`, "queryString: byte 40: want a string or an array of strings"},
		{"cut off", get + `"body":"abc`, "body: byte 31: a string does not end"},
		{"cut off after a backslash", get + `"body":"abc\`, "body: byte 32: a string does not end"},
		{"no colon", get + `"body"}`, "byte 26: want a colon"},
		{"no comma", get + `"body":"" "path":""}`, "byte 30: want a comma or '}'"},
		{"trailing comma", get + `}`, "byte 20: want a key in quotes"},
		{"more behind", `{"httpMethod":"GET"}{}`, "byte 20: more follows"},
		{"control character", get + "\"body\":\"a\nb\"}", "body: byte 29: control character"},
		{"bad escape", get + `"body":"ab\x"}`, "body: byte 30: invalid escape"},
		{"bad unicode escape", get + `"body":"\u12g4"}`, "body: byte 28: invalid escape"},
		{"bad literal", get + `"body":nul}`, "body: byte 27: want a JSON value"},
		{"bad number", get + `"x":01}`, "a field: byte 24: want a JSON value"},
		{"no fraction", get + `"x":1.}`, "a field: byte 24: want a JSON value"},
		{"no exponent", get + `"x":1e+}`, "a field: byte 24: want a JSON value"},
		{"bad escape in a key", get + `"\x":1}`, "byte 21: invalid escape"},
		{"odd records", `{"Records":1}`, "an event without httpMethod"},
		{"deep objects", get + `"x":` + strings.Repeat(`{"a":`, 1000), "nested deeper than 64"},
		{"deep", get + `"x":` + deep + `}`, "a field: byte 87: nested deeper than 64"},
		{"deep in the context", get + `"requestContext":{"x":` + deep + `}}`, "nested deeper than 64"},
	} {
		_, calls, _, err := receive(t, []byte(c.event))
		if err == nil || !strings.Contains(err.Error(), c.want) || calls != 0 {
			t.Errorf("%s: got %d calls, error %v; want %q", c.name, calls, err, c.want)
		}
	}
}

func TestErrorsDoNotQuoteTheEvent(t *testing.T) {
	for _, event := range []string{
		`{"httpMethod":"GET","sesame":tru}`,
		`{"httpMethod":"GET","queryString":{"sesame":{"sesame":"sesame"}}}`,
		`{"sesame":"sesame"}`,
		`{"httpMethod":"GET","body":"sesame\x"}`,
	} {
		if _, _, _, err := receive(t, []byte(event)); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: error %v", event, err)
		}
	}
}

func TestBodyCap(t *testing.T) {
	text := func(n int) []byte {
		return []byte(`{"httpMethod":"POST","body":"` + strings.Repeat("a", n) + `"}`)
	}
	escaped := func(n int) []byte {
		return []byte(`{"httpMethod":"POST","body":"` + strings.Repeat(`\"`, n) + `"}`)
	}
	encoded := func(n int) []byte {
		return []byte(`{"httpMethod":"POST","isBase64Encoded":true,"body":"` + base64.StdEncoding.EncodeToString(make([]byte, n)) + `"}`)
	}
	for _, c := range []struct {
		name  string
		event []byte
		ok    bool
	}{
		{"text of 1 MiB", text(scf.MaxBody), true},
		{"text above", text(scf.MaxBody + 1), false},
		{"escaped text of 1 MiB", escaped(scf.MaxBody), true},
		{"escaped text above", escaped(scf.MaxBody + 1), false},
		{"base64 of 1 MiB", encoded(scf.MaxBody), true},
		{"base64 above once decoded", encoded(scf.MaxBody + 1), false},
		{"base64 above before that", encoded(scf.MaxBody + 100), false},
	} {
		got, calls, res, err := receive(t, c.event)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.ok {
			if calls != 1 || len(got.Body) != scf.MaxBody || res.StatusCode != 200 {
				t.Errorf("%s: calls %d, body %d, status %d", c.name, calls, len(got.Body), res.StatusCode)
			}
			continue
		}
		if calls != 0 || res.StatusCode != 413 || code(t, res) != "body_too_large" {
			t.Errorf("%s: calls %d, response %+v", c.name, calls, res)
		}
	}
}

func TestBodyNotBase64(t *testing.T) {
	_, calls, res, err := receive(t, []byte(`{"httpMethod":"POST","isBase64Encoded":true,"body":"%%%"}`))
	if err != nil || calls != 0 || res.StatusCode != 400 || code(t, res) != "bad_body" {
		t.Errorf("calls %d, response %+v, err %v", calls, res, err)
	}
}

// Many different or equal keys take linear time: the test would not end otherwise.
func TestManyKeys(t *testing.T) {
	const n = 100_000
	var b strings.Builder
	b.WriteString(`{"httpMethod":"GET","queryString":{`)
	for i := range n {
		k, _ := json.Marshal(i)
		b.WriteString(`"` + string(k) + `":"","same":"",`)
	}
	b.WriteString(`"last":""}}`)
	got, _, _, err := receive(t, []byte(b.String()))
	if err != nil || strings.Count(got.RawQuery, "&") != n+1 {
		t.Errorf("got %d keys, err %v", strings.Count(got.RawQuery, "&")+1, err)
	}
}
