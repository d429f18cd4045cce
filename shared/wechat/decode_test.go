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
		{"doctype", string(doctype), ErrMarkup},
		{"doctype in lower case", `<!doctype xml><xml></xml>`, ErrMarkup},
		{"external entity", `<!DOCTYPE xml SYSTEM "http://192.0.2.1/x"><xml></xml>`, ErrMarkup},
		{"declaration inside", `<xml><!ENTITY a "b"></xml>`, ErrMarkup},
		{"processing instruction", `<?php x ?><xml></xml>`, ErrMarkup},
		{"processing instruction inside", `<xml><?xml-stylesheet href="x"?></xml>`, ErrMarkup},
		{"late declaration", `<xml></xml><?xml version="1.0"?>`, ErrMarkup},
		{"declared UTF-16", `<?xml version="1.0" encoding="UTF-16"?><xml></xml>`, ErrMalformed},
		{"UTF-16", "\xff\xfe{\x00}\x00", ErrMalformed},
		{"two byte order marks", "\ufeff\ufeff{}", ErrMalformed},
		{"a doctype before what is not clean", "<!DOCTYPE x><xml><a>\x02</a></xml>", ErrMarkup},
		{"a control character in a number", "{\"a\":1\x002}", ErrMalformed},
		{"NUL between two objects", "{}\x00{}", ErrMalformed},
		{"nothing but NUL", "\x00\x00", ErrMalformed},
		{"a control character in a name", "<xml><a\x02>1</a></xml>", ErrMalformed},
		{"CDATA without an end", "<xml><a><![CDATA[\x02</a></xml>", ErrMalformed},
		{"deep, and not clean", strings.Repeat(`<a>`, maxDepth+2) + "\x02" + strings.Repeat(`</a>`, maxDepth+2), ErrTooComplex},
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
		`{"A":"1","A":"2"}`, `<xml><A>1</A><A>2</A></xml>`, `{"A":["1","2"]}`, // the first of a repeated name counts
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

// What users write is not clean, and WeChat passes it on: what stands beside it is read, and
// what cannot be read is never mistaken for an id.
func TestDecodeTidies(t *testing.T) {
	const q = unreadable
	for _, tt := range []struct{ name, text, want string }{
		{"a control character", "<xml><A>a\x02b</A><B>1</B></xml>", "a" + q + "b"},
		{"a control character in CDATA", "<xml><A><![CDATA[a\x02b]]></A><B>1</B></xml>", "a" + q + "b"},
		{"a control character in JSON", "{\"A\":\"a\x1b[0;32m\",\"B\":1}", "a" + q + "[0;32m"},
		{"a raw line break in JSON", "{\n\"A\":\"a\nb\r\tc\",\n\t\"B\":1}", "a" + q + "b" + q + q + "c"},
		{"NUL", "{\"A\":\"a\x00\",\"B\":1}", "a" + q},
		{"the end of CDATA inside", "<xml><A><![CDATA[a]]>b]]></A><B>1</B></xml>", "a]]>b"},
		{"the end of CDATA inside, with markup", "<xml><A><![CDATA[]]><B>2</B>]]>\n</A><B>1</B></xml>", "]]><B>2</B>"},
		{"the end of CDATA in the clear", "<xml><A>a]]>b</A><B>1</B></xml>", "a]]>b"},
		{"CDATA behind a text", "<xml><A> x<![CDATA[\x02]]><![CDATA[y]]></A><B>1</B></xml>", "x" + q + "y"},
		{"half a character", "<xml><A>a\xe4\xbd</A><B>1</B></xml>", "a" + q + q},
		{"half a character in CDATA", "<xml><A><![CDATA[a\xe4\xbd]]></A><B>1</B></xml>", "a" + q + q},
		{"half a character in JSON", "{\"A\":\"a\xe4\xbd\",\"B\":1}", "a" + q + q},
		{"half a character before an escape", "{\"A\":\"a\xe4\xbd\\\"b\",\"B\":1}", "a" + q + q + `"b`},
		{"Latin-1", "<xml><A>\xe9</A><B>1</B></xml>", q},
		{"GBK", "<xml><A><![CDATA[\xc4\xe3\xba\xc3]]></A><B>1</B></xml>", q + q + q + q},
		{"declared GBK", "<?xml version=\"1.0\" encoding=\"GBK\"?><xml><A>\xc4\xe3</A><B>1</B></xml>", q + q},
		{"declared GB18030, in ASCII", `<?xml version="1.0" encoding='gb18030' ?><xml><A>a</A><B>1</B></xml>`, "a"},
		{"GBK in JSON, with a backslash in it", "{\"A\":\"\xd5\x5c\",\"B\":1}", q},
		{"a byte order mark before JSON", "\ufeff{\"A\":\"a\",\"B\":1}", "a"},
		{"a byte order mark before XML", "\ufeff \n<xml><A>a</A><B>1</B></xml>", "a"},
		{"GBK in JSON, and a single byte before a quotation mark", "{\"A\":\"\x95\x5c\",\"X\":\"x\xe4\",\"B\":1}", q},
		{"control characters beside the strings", "\x00{\x02\"A\"\x1f:\x00\"a\",\x0b\"B\":1\x00}\x00\n\x00", "a"},
		{"NUL behind XML", "<xml><A>a</A><B>1</B></xml>\x00\n\x00", "a"},
		{"control characters before XML", "\x00\ufeff\x02<xml><A>a</A><B>1</B></xml>", "a"},
		{"an unknown escape", `{"A":"a\x1b","B":1}`, "a" + q + "x1b"},
		{"half an escape", `{"A":"a\u12","B":1}`, "a" + q + "u12"},
		{"escapes beside it", "{\"A\":\"\\\\\\\"\\/\\u0041\x02\",\"B\":1}", `\"/A` + q},
		{"an unknown entity", `<xml><A>&b; &amp;&lt;&#65;&#x42;</A><B>1</B></xml>`, q + "b; &<AB"},
		{"a bare ampersand", `<xml><A>a & b</A><B>1</B></xml>`, "a " + q + " b"},
		{"a number for no character", `<xml><A>a&#2;&#x0;</A><B>1</B></xml>`, "a" + q + q},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := mustDecode(t, tt.text)
			if a, b := n.text("A"), n.text("B"); a != tt.want || b != "1" {
				t.Errorf("A = %q, B = %q, want %q and 1", a, b, tt.want)
			}
		})
	}
}

// What tidying makes of a text is bounded, and what is still none is not read.
func TestTidyIsBounded(t *testing.T) {
	for _, unit := range []string{"<a><![CDATA[", "]]>", "<a>", "\\", "&", "\x02", "\xd5\x5c"} {
		for _, head := range []string{"<a><![CDATA[", "<a>", `{"a":"`} {
			text := []byte(head + strings.Repeat(unit, MaxBody/16/len(unit)))
			if _, err := decode(text); err == nil {
				t.Errorf("%s%s...: read", head, unit)
			}
			if out := tidyXML(text); len(out) > 5*len(text) {
				t.Errorf("%s%s...: %d bytes became %d", head, unit, len(text), len(out))
			}
		}
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

// FuzzDecode: what is read is small and has trimmed names, and clean JSON is read as it is.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/samples/*.*")
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := decode(b)
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
		clean, err := decodeJSON(b)
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Error("accepted what is not JSON")
		}
		if diff := cmp.Diff(mustDecode(t, string(tidyJSON(b, false))), clean, cmp.AllowUnexported(node{})); diff != "" {
			t.Errorf("tidying changed what was clean:\n%s", diff)
		}
	})
}
