package api

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// clip bounds what of a request an answer repeats.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// jsonFault words a decoder's error without the value that it tripped over.
func jsonFault(err error) string {
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "the field " + te.Field + " has the wrong type"
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "it is malformed"
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "there is no field " + clip(field)
	}
	return "it is malformed"
}
