package im

import (
	"bytes"
	"net/url"
	"time"

	"wxnotify/shared/fact"
)

// MaxBody is the largest callback body that is read. Messages stay below 10 KB.
const MaxBody = 1 << 20

// ErrCommandMismatch: neither command is signed, so both must say the same.
var ErrCommandMismatch error = &refusal{"command_mismatch", "callback: CallbackCommand differs between query and body"}

// A Kind says what a callback is about.
type Kind string

// The kinds of callbacks.
const (
	KindProbe        Kind = "probe"         // no body or no command, as a test of the URL sends
	KindUnknown      Kind = "unknown"       // a command we make nothing of
	KindLegacyCall   Kind = "legacy_call"   // the deprecated call webhooks
	KindState        Kind = "state"         // Callback.State
	KindMessage      Kind = "message"       // Callback.Message, and Callback.Calls if it signals a call
	KindGroupMessage Kind = "group_message" // Callback.GroupMessage, and Callback.Calls likewise
	KindRead         Kind = "read"          // Callback.Read
	KindRecall       Kind = "recall"        // Callback.Recall
	KindGroupRecall  Kind = "group_recall"  // Callback.GroupRecall
	KindCall         Kind = "call"          // Callback.Calls
)

// A Callback is what IM told us, decoded. Kind says which field is set.
type Callback struct {
	Command   string // CallbackCommand; empty for a bare probe
	Kind      Kind
	EventTime time.Time // zero if IM did not say

	State        *StateChange
	Message      *Message
	GroupMessage *GroupMessage
	Read         *fact.Read
	Recall       *fact.Recall
	GroupRecall  *GroupRecall
	// Calls are what the callback says of calls, by CallbackAfterMemberChanged one
	// for each person.
	Calls []Call
}

// Before reports whether IM holds the message back until we answer.
func (c Callback) Before() bool {
	return c.Message != nil && c.Message.Before || c.GroupMessage != nil && c.GroupMessage.Before
}

// decoders holds the commands that mean something to us. Before-callbacks are decoded
// as their After counterparts.
// Source: https://cloud.tencent.com/document/product/269/1523
var decoders = map[string]func(cb *Callback, f *fields, byREST bool){
	"State.StateChange":               decodeState,
	"C2C.CallbackBeforeSendMsg":       decodeMessageBefore,
	"C2C.CallbackAfterSendMsg":        decodeMessage,
	"C2C.CallbackAfterMsgReport":      decodeRead,
	"C2C.CallbackAfterMsgWithDraw":    decodeRecall,
	"Group.CallbackBeforeSendMsg":     decodeGroupMessageBefore,
	"Group.CallbackAfterSendMsg":      decodeGroupMessage,
	"Group.CallbackAfterRecallMsg":    decodeGroupRecall,
	"Call.CallbackAfterStartCall":     decodeCallStart,
	"Call.CallbackAfterMemberChanged": decodeCallMembers,
	"Call.CallbackAfterEndCall":       decodeCallEnd,
}

// Decode turns a callback that Receiver.Verify accepted into a Callback. It is
// tolerant of everything but ambiguity: a body that is not one JSON object, is too
// large or too deep, or names another command than the query is refused with one of
// this package's sentinels. Texts in it need not be clean. A *FieldError means that
// the callback is intact but lacks an id or a time. Command is set even then, where it
// could be read.
//
// An empty body or {} is a probe: what the console's "Verify" button sends is not
// documented.
func Decode(query url.Values, body []byte) (Callback, error) {
	p, err := parameters(query)
	if err != nil {
		return Callback{}, err
	}
	cb := Callback{Command: p["callbackcommand"], Kind: KindProbe}
	if len(body) > MaxBody {
		return cb, ErrTooLarge
	}
	root, err := parseBody(body)
	if err != nil || len(root) == 0 {
		return cb, err
	}
	return decodeObject(cb, root, p)
}

// parseBody decodes the body of a callback, which may be empty.
func parseBody(body []byte) (object, error) {
	if len(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))) == 0 {
		return nil, nil
	}
	return parseObject(body)
}

func decodeObject(cb Callback, root object, p map[string]string) (Callback, error) {
	decode := decoders[cb.Command]
	named, present := root["CallbackCommand"]
	switch {
	case present && named != any(cb.Command), !present && decode != nil:
		return cb, ErrCommandMismatch
	case cb.Command == "" && p["command"] != "":
		// They name the command in the query only, in lower case.
		// Source: https://cloud.tencent.com/document/product/1640/105734
		cb.Command, cb.Kind = p["command"], KindLegacyCall
		return cb, nil
	case cb.Command == "":
		return cb, nil
	}
	cb.EventTime, _ = root.moment("EventTime")
	if decode == nil {
		cb.Kind = KindUnknown
		return cb, nil
	}
	f := &fields{object: root, command: cb.Command}
	decode(&cb, f, asciiLower(p["optplatform"]) == "restapi")
	if f.err != nil {
		return Callback{Command: cb.Command, Kind: cb.Kind}, f.err
	}
	return cb, nil
}
