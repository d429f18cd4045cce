package wechat

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDepth = 16
	maxNodes = 4096
)

// A node is one value of a push, whichever format it came in: a leaf with a text, or
// a branch with named children. JSON and XML decode to the same tree:
//
//   - a name may repeat. In XML, items of a list are repeated elements; in JSON they
//     are an array, or one bare object. All three are the same list here. Where one
//     value is expected, the first counts, in both formats;
//   - numbers and booleans keep the text they were written in, so that a 64-bit id
//     stays exact; null and an absent name are the same;
//   - names and texts lose the white space around them, which WeChat's own samples
//     carry; names are case-sensitive.
type node struct {
	leaf string
	kids map[string][]*node
}

// text returns the first text under name, or "".
func (n *node) text(name string) string {
	if all := n.kids[name]; len(all) > 0 {
		return all[0].leaf
	}
	return ""
}

func (n *node) add(name string, kid *node) {
	if n.kids == nil {
		n.kids = make(map[string][]*node)
	}
	name = strings.TrimSpace(name)
	n.kids[name] = append(n.kids[name], kid)
}

// trim takes away what may stand around a text: white space, and control characters, such as
// the NUL with which C ends one.
func trim(b []byte) []byte {
	return bytes.TrimFunc(b, func(r rune) bool { return r < ' ' || unicode.IsSpace(r) })
}

// decode reads one JSON object or one XML element. Which one it is, the first
// character tells: WeChat labels JSON as text/xml at times
// (https://github.com/tencentyun/wafer2-startup/issues/104). A text that is not clean is
// tidied first. The errors are ErrMarkup, ErrTooComplex and ErrMalformed.
func decode(body []byte) (*node, error) {
	body = trim(bytes.TrimPrefix(trim(body), byteOrderMark))
	switch {
	case len(body) == 0:
		return nil, fmt.Errorf("%w: empty", ErrMalformed)
	case body[0] == '{':
		return firstClean(decodeJSON, body, func(b []byte) []byte { return tidyJSON(b, false) }, func(b []byte) []byte { return tidyJSON(b, true) })
	case body[0] == '<':
		return firstClean(decodeXML, body, tidyXML)
	}
	return nil, fmt.Errorf("%w: neither JSON nor XML", ErrMalformed)
}

// firstClean reads body as it is or, if that is malformed, as the first of tidied that can
// be read.
func firstClean(read func([]byte) (*node, error), body []byte, tidied ...func([]byte) []byte) (*node, error) {
	n, err := read(body)
	if !errors.Is(err, ErrMalformed) {
		return n, err
	}
	for _, tidy := range tidied {
		if again, err := read(tidy(body)); err == nil {
			return again, nil
		}
	}
	return nil, err
}

// A budget counts what a text may still hold.
type budget struct{ nodes int }

func (b *budget) take(depth int) error {
	b.nodes++
	if depth > maxDepth || b.nodes > maxNodes {
		return ErrTooComplex
	}
	return nil
}

func decodeJSON(body []byte) (*node, error) {
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	j := jsonReader{dec: json.NewDecoder(bytes.NewReader(body))}
	j.dec.UseNumber()
	top := &node{}
	if err := j.value(top, "", 0); err != nil {
		if errors.Is(err, ErrTooComplex) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: bad JSON", ErrMalformed)
	}
	if _, err := j.dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: text after the JSON object", ErrMalformed)
	}
	return top.kids[""][0], nil
}

type jsonReader struct {
	dec *json.Decoder
	budget
}

// value reads the next value and adds it to parent under name; an array adds each of
// its elements.
func (j *jsonReader) value(parent *node, name string, depth int) error {
	if err := j.take(depth); err != nil {
		return err
	}
	tok, err := j.dec.Token()
	if err != nil {
		return err
	}
	switch v := tok.(type) {
	case json.Delim:
		if v == '[' {
			return j.elements(parent, name, depth)
		}
		return j.members(parent, name, depth)
	case string:
		parent.add(name, &node{leaf: strings.TrimSpace(v)})
	case json.Number:
		parent.add(name, &node{leaf: v.String()})
	case bool:
		parent.add(name, &node{leaf: fmt.Sprint(v)})
	}
	return nil
}

func (j *jsonReader) elements(parent *node, name string, depth int) error {
	for j.dec.More() {
		if err := j.value(parent, name, depth+1); err != nil {
			return err
		}
	}
	_, err := j.dec.Token()
	return err
}

func (j *jsonReader) members(parent *node, name string, depth int) error {
	n := &node{}
	parent.add(name, n)
	for j.dec.More() {
		key, err := j.dec.Token()
		if err != nil {
			return err
		}
		if err := j.value(n, key.(string), depth+1); err != nil {
			return err
		}
	}
	_, err := j.dec.Token()
	return err
}

func decodeXML(body []byte) (*node, error) {
	x := xmlReader{dec: xml.NewDecoder(bytes.NewReader(body))}
	// Entities other than the five of XML itself are unknown to the decoder, which is
	// strict: there is nothing that could expand. Nor is there a CharsetReader, so a text
	// that says that it is not UTF-8 is not read.
	root, err := x.document()
	for _, known := range []error{ErrMarkup, ErrTooComplex} {
		if errors.Is(err, known) {
			return nil, known
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: bad XML", ErrMalformed)
	}
	return root, nil
}

type xmlReader struct {
	dec *xml.Decoder
	budget
}

var errTwoRoots = errors.New("text beside the root element")

func (x *xmlReader) document() (root *node, err error) {
	for {
		tok, err := x.dec.Token()
		if err == io.EOF && root != nil {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if root != nil {
				return nil, errTwoRoots
			}
			if root, err = x.element(0); err != nil {
				return nil, err
			}
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, errTwoRoots
			}
		case xml.ProcInst:
			if t.Target != "xml" || root != nil {
				return nil, ErrMarkup
			}
		case xml.Directive:
			return nil, ErrMarkup
		}
	}
}

// element reads up to the end of the element that was just opened.
func (x *xmlReader) element(depth int) (*node, error) {
	if err := x.take(depth); err != nil {
		return nil, err
	}
	n := &node{}
	var text strings.Builder
	for {
		tok, err := x.dec.Token()
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			kid, err := x.element(depth + 1)
			if err != nil {
				return nil, err
			}
			n.add(t.Name.Local, kid)
		case xml.CharData:
			text.Write(t)
		case xml.ProcInst, xml.Directive:
			return nil, ErrMarkup
		case xml.EndElement:
			if n.kids == nil {
				n.leaf = strings.TrimSpace(text.String())
			}
			return n, nil
		}
	}
}
