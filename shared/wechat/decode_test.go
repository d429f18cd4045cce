package wechat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustDecode(t *testing.T, text string) *node {
	t.Helper()
	n, err := decode([]byte(text))
	if err != nil {
		t.Fatalf("decode(%s): %v", text, err)
	}
	return n
}

// What both formats can say must come out the same.
func TestFormatsAgree(t *testing.T) {
	for _, tt := range []struct{ name, json, xml string }{
		{"scalars", `{"A":"x","N":1988810812324364291}`, `<xml><A>x</A><N>1988810812324364291</N></xml>`},
		{"list", `{"List":[{"T":"1"},{"T":"2"}]}`, `<xml><List><T>1</T></List><List><T>2</T></List></xml>`},
		{"one item", `{"List":{"T":"1"}}`, `<xml><List><T><![CDATA[1]]></T></List></xml>`},
		{"a repeated name", `{"A":"1","A":"2"}`, `<xml><A>1</A><A>2</A></xml>`},
		{"white space", `{" A ":" 1\n"}`, "<xml>\n <A>\n1 </A>\n</xml>"},
		{"escapes", `{"A":"a\u0026b<c"}`, `<xml><A>a&amp;b&#60;c</A></xml>`},
		{"an array in an array", `{"A":[["1"],"2"]}`, `<xml><A>1</A><A>2</A></xml>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := mustDecode(t, tt.json), mustDecode(t, tt.xml)
			if diff := cmp.Diff(a, b, cmp.AllowUnexported(node{})); diff != "" {
				t.Errorf("JSON and XML differ:\n%s", diff)
			}
		})
	}
}

func TestFirstOfARepeatedNameCounts(t *testing.T) {
	for _, text := range []string{`{"A":"1","A":"2"}`, `<xml><A>1</A><A>2</A></xml>`, `{"A":["1","2"]}`} {
		if got := mustDecode(t, text).text("A"); got != "1" {
			t.Errorf("%s: A = %q, want 1", text, got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	doctype, err := os.ReadFile("testdata/samples/doctype-refuse.xml")
	if err != nil {
		t.Fatal(err)
	}
	deepJSON := strings.Repeat(`{"a":`, maxDepth+1) + `1` + strings.Repeat(`}`, maxDepth+1)
	deepXML := strings.Repeat(`<a>`, maxDepth+2) + strings.Repeat(`</a>`, maxDepth+2)
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"empty", "", ErrMalformed},
		{"blank", " \n", ErrMalformed},
		{"neither", "success", ErrMalformed},
		{"array", `[1]`, ErrMalformed},
		{"cut JSON", `{"a":`, ErrMalformed},
		{"cut JSON list", `{"a":[1`, ErrMalformed},
		{"JSON without comma", `{"a":1 "b":2}`, ErrMalformed},
		{"trailing comma", `{"a":1,}`, ErrMalformed},
		{"two objects", `{"a":1}{"b":2}`, ErrMalformed},
		{"cut XML", `<xml><a>`, ErrMalformed},
		{"wrong end", `<xml><a></b></xml>`, ErrMalformed},
		{"two roots", `<xml></xml><xml></xml>`, ErrMalformed},
		{"text after root", `<xml></xml>tail`, ErrMalformed},
		{"only a comment", `<!-- x -->`, ErrMalformed},
		{"unknown entity", `<xml><a>&b;</a></xml>`, ErrMalformed},
		{"doctype", string(doctype), ErrMarkup},
		{"doctype in lower case", `<!doctype xml><xml></xml>`, ErrMarkup},
		{"external entity", `<!DOCTYPE xml SYSTEM "http://192.0.2.1/x"><xml></xml>`, ErrMarkup},
		{"declaration inside", `<xml><!ENTITY a "b"></xml>`, ErrMarkup},
		{"processing instruction", `<?php x ?><xml></xml>`, ErrMarkup},
		{"processing instruction inside", `<xml><?xml-stylesheet href="x"?></xml>`, ErrMarkup},
		{"late declaration", `<xml></xml><?xml version="1.0"?>`, ErrMarkup},
		{"declared GBK", `<?xml version="1.0" encoding="GBK"?><xml></xml>`, ErrCharset},
		{"Latin-1 in XML", "<xml><a>\xe9</a></xml>", ErrCharset},
		{"Latin-1 in JSON", "{\"a\":\"\xe9\"}", ErrCharset},
		{"UTF-16", "\xff\xfe{\x00}\x00", ErrCharset},
		{"deep JSON", deepJSON, ErrTooComplex},
		{"deep JSON arrays", `{"a":` + strings.Repeat(`[`, 100_000), ErrTooComplex},
		{"deep XML", deepXML, ErrTooComplex},
		{"many JSON values", `{"a":[` + strings.Repeat(`1,`, maxNodes) + `1]}`, ErrTooComplex},
		{"many XML elements", `<xml>` + strings.Repeat(`<a/>`, maxNodes) + `</xml>`, ErrTooComplex},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if n, err := decode([]byte(tt.text)); !errors.Is(err, tt.want) {
				t.Errorf("decode = %+v, %v, want %v", n, err, tt.want)
			}
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	for _, text := range []string{
		`<?xml version="1.0" encoding="utf-8"?><xml><A>1</A></xml>`,
		"\n<xml><!-- a comment --><A>1</A></xml>\n",
		`{"A":1,"B":null,"C":true,"D":{},"E":[]}`,
		`{"A":"1","X":` + strings.Repeat(`{"a":`, maxDepth-2) + `1` + strings.Repeat(`}`, maxDepth-2) + `}`,
	} {
		if got := mustDecode(t, text).text("A"); got != "1" {
			t.Errorf("%s: A = %q, want 1", text, got)
		}
	}
}

func addSamples(f *testing.F, pattern string) {
	files, err := filepath.Glob("testdata/samples/" + pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples %s: %v", pattern, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

func (n *node) size() (nodes, depth int) {
	nodes = 1
	for _, kids := range n.kids {
		for _, k := range kids {
			kn, kd := k.size()
			nodes, depth = nodes+kn, max(depth, kd+1)
		}
	}
	return nodes, depth
}

func fuzzDecoder(f *testing.F, read func([]byte) (*node, error)) {
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := read(b)
		if err != nil {
			if n != nil || Reason(err) == "other" {
				t.Fatalf("got %+v, %v, want a refusal alone", n, err)
			}
			return
		}
		if nodes, depth := n.size(); nodes > maxNodes || depth > maxDepth {
			t.Errorf("%d nodes in %d levels", nodes, depth)
		}
		for name, kids := range n.kids {
			if name != strings.TrimSpace(name) || len(kids) == 0 {
				t.Errorf("name %q with %d values", name, len(kids))
			}
		}
	})
}

func FuzzDecodeXML(f *testing.F) {
	addSamples(f, "*.xml")
	fuzzDecoder(f, decodeXML)
}

func FuzzDecodeJSON(f *testing.F) {
	addSamples(f, "*.json")
	fuzzDecoder(f, func(b []byte) (*node, error) {
		if len(b) == 0 || b[0] != '{' {
			return nil, ErrMalformed // decode sends nothing else here
		}
		n, err := decodeJSON(b)
		if err == nil && !json.Valid(b) {
			return nil, errors.New("accepted what is not JSON")
		}
		return n, err
	})
}
