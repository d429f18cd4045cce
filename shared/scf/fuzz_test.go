package scf_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/scf"
)

// FuzzEnvelope holds our decoder against encoding/json: both accept the same events
// and read the same request from them.
func FuzzEnvelope(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{
		`{"httpMethod":"GET","body":"\ud83d\ude00\ud83d\u0041\udc00\"\\\/\b\f\n\r\t"}`,
		"{\"httpMethod\":\"GET\",\"body\":\"a\xff\xe4\xb8\\n\"}",
		`{"httpMethod":"GET","queryString":{"n":12.5e-3,"t":true,"z":null,"a":["1",true,-0],"n":"2"}}`,
		`{"body":1,"httpMethod":"GET","body":"x","isBase64Encoded":false,"isBase64Encoded":null}`,
		`{"httpMethod":"GET","x":[[[[{"a":[01]}]]]],"headers":null}`,
		`{"httpMethod":"GET","headers":{"A":"1","a":["2","3"],"HOST":"h"},"headers":{"b":1}}`,
	} {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"httpMethod":"GET","queryString":{` + manyKeys(40) + `,"k3":"again","k39":"again","k40":"last"}}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		got, calls, res, err := receive(t, event)
		want, wantErr := oracle(event)
		if err != nil {
			if wantErr == nil && !(strings.Contains(err.Error(), "nested deeper") && depth(event) > scf.MaxDepth) {
				t.Fatalf("refused a valid event: %v", err)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("accepted an event that is not valid: %v", wantErr)
		}
		if body, err := want.content(); err != nil {
			if calls != 0 || res.StatusCode != 400 && res.StatusCode != 413 {
				t.Fatalf("calls %d, status %d for a body that %v", calls, res.StatusCode, err)
			}
			return
		} else if got.Body != body || got.Length != int64(len(body)) {
			t.Fatalf("body %q with length %d, want %q", got.Body, got.Length, body)
		}
		query, err := url.ParseQuery(got.RawQuery)
		if err != nil {
			t.Fatalf("query %q: %v", got.RawQuery, err)
		}
		if diff := cmp.Diff(want.query, query); diff != "" {
			t.Fatalf("query (-want +got):\n%s", diff)
		}
		if got.Method != want.method || got.Host != want.header.Get("Host") {
			t.Fatalf("method %q, host %q; want %q, %q", got.Method, got.Host, want.method, want.header.Get("Host"))
		}
		want.header.Del("Host")
		if diff := cmp.Diff(want.header, got.Header); diff != "" {
			t.Fatalf("headers (-want +got):\n%s", diff)
		}
	})
}

// manyKeys are so many members of an object, k0 and so on.
func manyKeys(n int) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"k%d":""`, i))
	}
	return strings.Join(members, ",")
}

// A plain is an envelope as encoding/json reads it.
type plain struct {
	method, body string
	base64       bool
	header       http.Header
	query        url.Values
}

func oracle(event []byte) (p plain, err error) {
	if !json.Valid(event) {
		return p, fmt.Errorf("not JSON")
	}
	p.header, p.query = http.Header{}, url.Values{}
	var path string
	err = each(event, func(key string, value json.RawMessage) (err error) {
		switch key {
		case "httpMethod":
			p.method, err = as[string](value)
		case "path":
			path, err = as[string](value)
		case "body":
			p.body, err = as[string](value)
		case "isBase64Encoded":
			p.base64, err = as[bool](value)
		case "headers":
			p.header = http.Header{}
			err = lists(value, "true", func(k string, v []string) { p.header[http.CanonicalHeaderKey(k)] = v })
		case "queryString":
			p.query = url.Values{}
			err = lists(value, "", func(k string, v []string) {
				if delete(p.query, k); len(v) > 0 {
					p.query[k] = v
				}
			})
		}
		return err
	})
	if err == nil && p.method == "" {
		err = fmt.Errorf("no httpMethod, path %q", path)
	}
	return p, err
}

func as[T any](raw json.RawMessage) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}

// each calls f for the members of an object in their order.
func each(raw json.RawMessage, f func(key string, value json.RawMessage) error) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("not an object: %v", err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := f(key.(string), value); err != nil {
			return err
		}
	}
	return nil
}

// lists calls f for the members of an object of scalars and arrays of them.
func lists(raw json.RawMessage, yes string, f func(key string, values []string)) error {
	if string(raw) == "null" {
		return nil
	}
	return each(raw, func(key string, value json.RawMessage) error {
		values, err := scalars(value, yes)
		if err == nil {
			f(key, values)
		}
		return err
	})
}

func scalars(raw json.RawMessage, yes string) ([]string, error) {
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
	}
	out := []string{}
	for _, item := range list {
		switch c := item[0]; {
		case c == '"':
			var s string
			if err := json.Unmarshal(item, &s); err != nil {
				return nil, err
			}
			out = append(out, s)
		case string(item) == "null":
		case string(item) == "true":
			out = append(out, yes)
		case c == '{' || c == '[':
			return nil, fmt.Errorf("not a scalar")
		default:
			out = append(out, string(item))
		}
	}
	return out, nil
}

func (p plain) content() (string, error) {
	body := p.body
	if p.base64 {
		b, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return "", err
		}
		body = string(b)
	}
	if len(body) > scf.MaxBody {
		return "", fmt.Errorf("is too large")
	}
	return body, nil
}

// depth is the deepest nesting of a valid JSON text.
func depth(text []byte) (deepest int) {
	d, open := json.NewDecoder(strings.NewReader(string(text))), 0
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			open++
			deepest = max(deepest, open)
		case json.Delim('}'), json.Delim(']'):
			open--
		}
	}
}

// FuzzResponse checks that whatever a handler writes comes out of the envelope as it
// went in.
func FuzzResponse(f *testing.F) {
	f.Add([]byte("plain"), "text/plain")
	f.Add([]byte("\x00\x1f\x7f\"\\\n\r\t\u2028<é>茶😀"), "a\r\nSet-Cookie: b=1")
	f.Add([]byte{0xff, 0xfe, 'a'}, "\xff\x00")
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		out := answer(t, discard, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Fuzz", header)
			if _, err := w.Write(body); err != nil {
				t.Errorf("write: %v", err)
			}
		})
		res := decode(t, out)
		got := res.Body
		if res.IsBase64Encoded {
			b, err := base64.StdEncoding.DecodeString(got)
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		if got != string(body) {
			t.Errorf("got %q, want %q", got, body)
		}
		want := strings.NewReplacer("\n", " ", "\r", " ").Replace(string([]rune(header)))
		if res.Headers["X-Fuzz"] != want {
			t.Errorf("header %q, want %q", res.Headers["X-Fuzz"], want)
		}
		if res.Headers["Content-Type"] == "" || res.Headers["Content-Type"] == nil {
			t.Error("no Content-Type")
		}
	})
}
