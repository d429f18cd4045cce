package scf_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/scf"
)

// httpSamples are all samples that are HTTP events, with what is first in each request. That the
// rest of it arrives is shown by FuzzEnvelope, which begins with the samples.
var httpSamples = map[string]string{
	"url-post-json.json":          "POST /?a=1&b=2 from 203.0.113.7:0",
	"url-get-query.json":          "GET /orders/42?page=2&q=%E8%8C%B6+%E5%8F%B6 from 203.0.113.7:0",
	"url-get-repeated-query.json": "GET /orders?tag=new&tag=paid&flag= from 203.0.113.7:0",
	"url-im-callback-post.json": "POST /im/callback?SdkAppid=1400000000&CallbackCommand=C2C.CallbackBeforeSendMsg&contenttype=json" +
		"&ClientIP=198.51.100.9&OptPlatform=RESTAPI from 203.0.113.7:0",
	"url-wechat-verify-get.json": "GET /wechat/callback?signature=f21891de399b4e54a9a34a4cc3bd6ac0c8ca7ea0&timestamp=1767225600" +
		"&nonce=1320562132&echostr=1372623149153871234 from 203.0.113.7:0",
	"url-wechat-message-post.json": "POST /wechat/callback?signature=a3d0ab7f6e0a9cbb9f6a2c0f1d2e3b4c5d6e7f80&timestamp=1767225600" +
		"&nonce=486452656&openid=oEXAMPLE_openid_0001 from 203.0.113.7:0",
	"url-post-form.json":         "POST /pay/notify? from 203.0.113.7:0",
	"url-post-empty-body.json":   "POST /? from 203.0.113.7:0",
	"url-options-preflight.json": "OPTIONS /orders? from 203.0.113.7:0",
	"apigw-post.json":            "POST /test/value?foo=bar&bob=alice from 203.0.113.7:0",
	"apigw-get-odd-query.json":   "GET /demo?a=b&a=c&x=y&i= from 198.51.100.8:0",
	"apigw-post-base64.json":     "POST /upload? from 203.0.113.7:0",
}

func TestHTTPSamples(t *testing.T) {
	for name, want := range httpSamples {
		r, calls, res, err := receive(t, sample(t, name))
		if err != nil || calls != 1 || res.StatusCode != 200 {
			t.Fatalf("%s: calls %d, status %d, err %v", name, calls, res.StatusCode, err)
		}
		if got := fmt.Sprintf("%s %s?%s from %s", r.Method, r.Path, r.RawQuery, r.RemoteAddr); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
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
		{"words in a literal", get + `"sesame":tru}`, "a field: byte 29: want a JSON value"},
		{"words in an object", get + `"queryString":{"sesame":{"sesame":"sesame"}}}`, "queryString: byte 44: want a string or an array of strings"},
		{"words in a text", get + `"body":"sesame\x"}`, "body: byte 34: invalid escape"},
		{"deep in the context", get + `"requestContext":{"x":` + deep + `}}`, "nested deeper than 64"},
	} {
		_, calls, _, err := receive(t, []byte(c.event))
		if err == nil || !strings.Contains(err.Error(), c.want) || calls != 0 || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: got %d calls, error %v; want %q, and no word of the event", c.name, calls, err, c.want)
		}
	}
}

func TestBodyCap(t *testing.T) {
	text := func(s string) string { return `{"httpMethod":"POST","body":"` + s + `"}` }
	encoded := func(n int) string {
		return `{"httpMethod":"POST","isBase64Encoded":true,"body":"` + base64.StdEncoding.EncodeToString(make([]byte, n)) + `"}`
	}
	for _, c := range []struct {
		name, event string
		status      int
		code        string
	}{
		{"text of 1 MiB", text(strings.Repeat("a", scf.MaxBody)), 200, ""},
		{"text above", text(strings.Repeat("a", scf.MaxBody+1)), 413, "body_too_large"},
		{"escaped text of 1 MiB", text(strings.Repeat(`\"`, scf.MaxBody)), 200, ""},
		{"escaped text above", text(strings.Repeat(`\"`, scf.MaxBody+1)), 413, "body_too_large"},
		{"base64 of 1 MiB", encoded(scf.MaxBody), 200, ""},
		{"base64 above once decoded", encoded(scf.MaxBody + 1), 413, "body_too_large"},
		{"base64 above before that", encoded(scf.MaxBody + 100), 413, "body_too_large"},
		{"no base64", `{"httpMethod":"POST","isBase64Encoded":true,"body":"%%%"}`, 400, "bad_body"},
	} {
		got, calls, res, err := receive(t, []byte(c.event))
		if err != nil || res.StatusCode != c.status {
			t.Errorf("%s: status %d, err %v", c.name, res.StatusCode, err)
		} else if c.code == "" && (calls != 1 || len(got.Body) != scf.MaxBody) || c.code != "" && (calls != 0 || code(t, res) != c.code) {
			t.Errorf("%s: calls %d, body %d, response %+v", c.name, calls, len(got.Body), res)
		}
	}
}
