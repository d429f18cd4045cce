package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// A field is one member of an object whose order matters on the wire, or one XML
// element. Its value is a string, a numeral, an int64, a []field or a [][]field.
type field struct {
	name  string
	value any
}

// A numeral is a number that XML prints bare and JSON in quotes.
type numeral string

// encodeJSON encodes v as the platforms do: & and < are not escaped.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Only values that this package makes itself come here.
		panic("simulator: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// decodeJSON decodes one value and keeps numbers of unknown members as they are.
func decodeJSON(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}

// objectJSON writes fields as an object, in their order. A list of one item is an
// object, as WeChat writes List.
// Source: https://developers.weixin.qq.com/community/develop/doc/000a08f88180a0081400916f966400
func objectJSON(fields []field) []byte {
	b := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, encodeJSON(f.name)...)
		b = append(b, ':')
		b = append(b, valueJSON(f.value)...)
	}
	return append(b, '}')
}

func valueJSON(v any) []byte {
	switch v := v.(type) {
	case numeral:
		return encodeJSON(string(v))
	case []field:
		return objectJSON(v)
	case [][]field:
		if len(v) == 1 {
			return objectJSON(v[0])
		}
		items := make([][]byte, len(v))
		for i, item := range v {
			items[i] = objectJSON(item)
		}
		return append(append([]byte{'['}, bytes.Join(items, []byte{','})...), ']')
	default:
		return encodeJSON(v)
	}
}

// fieldsXML writes fields as elements. A list repeats its element, one per item.
func fieldsXML(b *strings.Builder, fields []field) {
	for _, f := range fields {
		items, ok := f.value.([][]field)
		if !ok {
			elementXML(b, f.name, f.value)
			continue
		}
		for _, item := range items {
			elementXML(b, f.name, item)
		}
	}
}

func elementXML(b *strings.Builder, name string, value any) {
	b.WriteString("<" + name + ">")
	switch v := value.(type) {
	case []field:
		fieldsXML(b, v)
	case numeral:
		b.WriteString(string(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case string:
		b.WriteString("<![CDATA[" + strings.ReplaceAll(v, "]]>", "]]]]><![CDATA[>") + "]]>")
	}
	b.WriteString("</" + name + ">")
}
