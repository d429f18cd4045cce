package wechat

import (
	"bytes"
	"encoding/xml"
	"html"
	"regexp"
	"unicode/utf8"
)

// What users write reaches pushes as it is: control characters, "]]>" inside CDATA, raw
// line breaks in JSON strings, half of a UTF-8 character, GBK. Tidying makes such a text
// one that a strict decoder takes. Each thing that does not belong becomes unreadable, so
// a value that was tidied is never an id, a time or a word; those are ASCII.
const unreadable = "\ufffd"

var byteOrderMark = []byte("\ufeff")

// tidyJSON tidies the strings of JSON. In GBK the second byte of a character may be a
// backslash, which then escapes nothing.
func tidyJSON(b []byte, gbk bool) []byte {
	var out bytes.Buffer
	for inString := false; len(b) > 0; {
		n, keep := 1, true
		switch c := b[0]; {
		case c == '"':
			inString = !inString
		case !inString:
		case c == '\\':
			if n = len(jsonEscape.Find(b)); n == 0 {
				n, keep = 1, false
			}
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
			out.WriteString(unreadable)
		}
		b = b[n:]
	}
	return out.Bytes()
}

var jsonEscape = regexp.MustCompile(`^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})`)

// tidyXML tidies the texts between tags. A CDATA section right behind a start tag ends
// where its element does, whatever stands in it. Every byte is looked at a fixed number of
// times: a section without such an end leaves the rest as it is.
func tidyXML(b []byte) []byte {
	var out bytes.Buffer
	b = gbkDeclaration.ReplaceAll(b, nil)
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
			name = ""
			if m := startTag.FindSubmatch(b[:i]); m != nil {
				name = string(m[1])
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

var (
	// gbkDeclaration names an encoding in which ASCII is as it is in UTF-8.
	gbkDeclaration = regexp.MustCompile(`(?i)^<\?xml\s[^>]*encoding\s*=\s*["']gb[^>]*\?>`)
	startTag       = regexp.MustCompile(`^<([A-Za-z_][A-Za-z0-9_.-]*)\s*>$`)
	// reference matches the references of XML itself, and each & that is none of them.
	reference = regexp.MustCompile(`&(?:(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)?`)
)

// cdataEnd returns where the "]]>" is that ends a section in the element name, or in none
// if name is empty; -1 if there is none.
func cdataEnd(b []byte, name string) int {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("]]>"))
		if i < 0 {
			return -1
		}
		at += i
		behind := bytes.TrimLeft(b[at+len("]]>"):], " \t\r\n")
		if name == "" || bytes.HasPrefix(behind, []byte("</"+name+">")) {
			return at
		}
		at++
	}
}
