package wechat

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// What users write reaches pushes as it is: control characters, "]]>" inside CDATA, raw
// line breaks in JSON strings, half of a UTF-8 character, GBK. Tidying makes such a text
// one that a strict decoder takes. Each thing that does not belong becomes unreadable, so
// a value that was tidied is never an id, a time or a word; those are ASCII.
const unreadable = "\ufffd"

var byteOrderMark = []byte("\ufeff")

// tidyJSON tidies the strings of JSON; control characters beside them become blanks. In GBK the second byte of a character may be a
// backslash, which then escapes nothing.
func tidyJSON(b []byte, gbk bool) []byte {
	var out bytes.Buffer
	for inString := false; len(b) > 0; {
		n, keep, instead := 1, true, unreadable
		switch c := b[0]; {
		case c == '"':
			inString = !inString
		case !inString:
			keep, instead = c >= ' ', " "
		case c == '\\':
			n, keep = escape(b)
		case c < ' ':
			keep = false
		case c >= utf8.RuneSelf && gbk:
			if keep = false; len(b) > 1 && b[1] >= 0x40 {
				n = 2
			}
		case c >= utf8.RuneSelf:
			var r rune
			r, n = utf8.DecodeRune(b)
			keep = r != utf8.RuneError
		}
		if keep {
			out.Write(b[:n])
		} else {
			out.WriteString(instead)
		}
		b = b[n:]
	}
	return out.Bytes()
}

// escape returns the length of the escape with which b begins, or false.
func escape(b []byte) (n int, ok bool) {
	switch {
	case len(b) > 1 && strings.IndexByte(`"\/bfnrt`, b[1]) >= 0:
		return 2, true
	case len(b) > 5 && b[1] == 'u':
		_, err := hex.DecodeString(string(b[2:6]))
		if err == nil {
			return 6, true
		}
	}
	return 1, false
}

// tidyXML tidies the texts between tags. A CDATA section right behind a start tag ends
// where its element does, whatever stands in it. Every byte is looked at a fixed number of
// times: a section without such an end leaves the rest as it is.
func tidyXML(b []byte) []byte {
	var out bytes.Buffer
	b = withoutGBK(b)
	// Of XML's own references and each & that is none. Made here, because it is rarely needed.
	reference := regexp.MustCompile(`&(?:(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)?`)
	for name := ""; len(b) > 0; {
		if rest, ok := bytes.CutPrefix(b, []byte("<![CDATA[")); ok {
			end := cdataEnd(rest, name)
			if end < 0 {
				break
			}
			xml.EscapeText(&out, rest[:end]) // what is no XML character becomes unreadable
			b, name = rest[end+len("]]>"):], ""
			continue
		}
		if b[0] == '<' {
			i := bytes.IndexByte(b, '>') + 1
			if i == 0 {
				break
			}
			name = strings.TrimRight(string(b[1:i-1]), space)
			if strings.ContainsAny(name, "/!?"+space) {
				name = "" // anything but a start tag without attributes
			}
			out.Write(b[:i])
			b = b[i:]
			continue
		}
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			i = len(b)
		}
		text := reference.ReplaceAllFunc(b[:i], func(ref []byte) []byte {
			if len(ref) == 1 {
				return []byte(unreadable)
			}
			return []byte(html.UnescapeString(string(ref)))
		})
		if len(bytes.TrimSpace(text)) > 0 {
			name = ""
		}
		xml.EscapeText(&out, text)
		b = b[i:]
	}
	out.Write(b)
	return out.Bytes()
}

const space = " \t\r\n"

// withoutGBK takes away an XML declaration that names GBK or one of its like, in which ASCII
// is as it is in UTF-8.
func withoutGBK(b []byte) []byte {
	head, rest, ok := bytes.Cut(b, []byte("?>"))
	if ok && bytes.HasPrefix(head, []byte("<?xml ")) && len(head) < 128 {
		if said := strings.ToLower(string(head)); strings.Contains(said, `encoding="gb`) || strings.Contains(said, "encoding='gb") {
			return rest
		}
	}
	return b
}

// cdataEnd returns where the "]]>" is that ends a section in the element name, or in none
// if name is empty; -1 if there is none.
func cdataEnd(b []byte, name string) int {
	endTag := []byte("</" + name + ">")
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("]]>"))
		if i < 0 {
			return -1
		}
		at += i
		behind := bytes.TrimLeft(b[at+len("]]>"):], space)
		if name == "" || bytes.HasPrefix(behind, endTag) {
			return at
		}
		at++
	}
}
