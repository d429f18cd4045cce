package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
)

// A field is one member of an object whose order matters on the wire. Its value is a string, an int64, a []field or a
// [][]field.
type field struct {
	name  string
	value any
}

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
