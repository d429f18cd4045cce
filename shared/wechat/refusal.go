package wechat

import (
	"errors"
	"net/http"
)

// The refusals of a Receiver. The last three are refusals of an envelope, whose sender is
// not known yet; of a message that is authentic they say why it is Unreadable. Compare with errors.Is; Reason gives the short form.
var (
	// ErrTooLarge: the body exceeds MaxBody.
	ErrTooLarge error = &refusal{"too_large", http.StatusRequestEntityTooLarge, "the body is too large"}
	// ErrQuery: signature, timestamp or nonce is missing, repeated, too long or no number.
	ErrQuery error = &refusal{"query", http.StatusForbidden, "a query parameter is missing or malformed"}
	// ErrSignature: signature or msg_signature does not fit our token.
	ErrSignature error = &refusal{"signature", http.StatusForbidden, "the signature is wrong"}
	// ErrStale: the timestamp is more than MaxAge away from now, or the event is older than
	// MaxMessageAge.
	ErrStale error = &refusal{"stale", http.StatusForbidden, "the timestamp, or the CreateTime inside, is too old or in the future"}
	// ErrDowngrade: a key is configured and the push came in clear text.
	ErrDowngrade error = &refusal{"downgrade", http.StatusForbidden,
		"the push is not encrypted though WECHAT_ENCODING_AES_KEY is set: choose secure mode in the console"}
	// ErrNoKey: the push is encrypted and no key is configured.
	ErrNoKey error = &refusal{"no_key", http.StatusForbidden,
		"the push is encrypted: set WECHAT_ENCODING_AES_KEY to the EncodingAESKey of the console"}
	// ErrAppID: the push was encrypted for another app.
	ErrAppID error = &refusal{"appid", http.StatusForbidden, "the push is for another appid than WECHAT_APPID"}
	// ErrDecrypt: the signature is right and the text does not decrypt: another key, most likely.
	ErrDecrypt error = &refusal{"decrypt", http.StatusBadRequest,
		"the push does not decrypt: compare WECHAT_ENCODING_AES_KEY with the console"}
	// ErrMarkup: XML with a DOCTYPE, an entity declaration or a processing instruction.
	ErrMarkup error = &refusal{"markup", http.StatusBadRequest, "DOCTYPE, declarations and processing instructions are refused"}
	// ErrTooComplex: nested deeper than 16 levels, or more than 4096 values.
	ErrTooComplex error = &refusal{"too_complex", http.StatusBadRequest, "the text has too many levels or values"}
	// ErrMalformed: not one JSON object or XML element, also when tidied, or an event without
	// what it needs.
	ErrMalformed error = &refusal{"malformed", http.StatusBadRequest, "the text is malformed"}
)

type refusal struct {
	reason string
	status int // the HTTP status that answers it
	text   string
}

func (r *refusal) Error() string { return "wechat: push refused: " + r.text }

// Reason returns the short, steady code of the refusal that err is or wraps, for logs
// and counters; "other" for every other error and "" for nil.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.reason
	}
	return "other"
}
