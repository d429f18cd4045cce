package notify

import "time"

// A UserID names an IM account: up to 32 bytes, case-sensitive.
type UserID string

// An OpenID names a WeChat user of our mini program.
type OpenID string

// A TemplateID is the priTmplId of a subscribe-message template.
type TemplateID string

// A MessageID is the identity of a message as its platform prints it: the MsgKey of
// a one-to-one message. It is unique per sender and recipient.
type MessageID string

// A Fact is one thing that a platform told us, checked and decoded. Exactly one
// field is set. Facts are plain data: they travel as JSON when they are spilled.
//
// Recording a Fact twice has the effect of recording it once.
type Fact struct {
	Message  *Message  `json:"message,omitempty"`
	Read     *Read     `json:"read,omitempty"`
	Recall   *Recall   `json:"recall,omitempty"`
	Presence *Presence `json:"presence,omitempty"`
	Grant    *Grant    `json:"grant,omitempty"`
	Revoke   *Revoke   `json:"revoke,omitempty"`
	Erase    *Erase    `json:"erase,omitempty"`
}

// A Message is one one-to-one IM message.
type Message struct {
	ID   MessageID `json:"id"`
	From UserID    `json:"from"`
	To   UserID    `json:"to"`
	// SentAt has a resolution of one second (MsgTime). Order is by SentAt, then Seq.
	SentAt time.Time `json:"sentAt"`
	Seq    uint32    `json:"seq"` // MsgSeq
	// Summary is one line of what the message says. It is personal data: Inbox
	// empties it unless the operator chose preview: text.
	Summary string `json:"summary,omitempty"`
	// OnlineOnly messages are never stored by IM; receivers who are away miss them
	// by design (OnlineOnlyFlag).
	OnlineOnly bool `json:"onlineOnly,omitempty"`
	// Silent messages carry nothing a person reads: typing, signalling, custom
	// messages without a description.
	Silent bool `json:"silent,omitempty"`
	// ByREST is set when a server sent the message (OptPlatform RESTAPI). It then
	// says nothing about whether its sender is looking at the conversation.
	ByREST bool `json:"byRest,omitempty"`
	// FailedCode is IM's error code when the message was not delivered
	// (SendMsgResult), and 0 otherwise.
	FailedCode int `json:"failedCode,omitempty"`
	// Uncounted is set by Inbox: why the message is not announced.
	Uncounted Reason `json:"uncounted,omitempty"`
}

// Read says that Reader has read everything of his conversation with Peer that was
// sent up to and including UpTo (a second).
type Read struct {
	Reader UserID    `json:"reader"`
	Peer   UserID    `json:"peer"`
	UpTo   time.Time `json:"upTo"`
}

// Recall says that From took back the message ID that was sent to To.
type Recall struct {
	ID   MessageID `json:"id"`
	From UserID    `json:"from"`
	To   UserID    `json:"to"`
}

// Presence says that User came online or went offline at At, by IM's clock, in
// milliseconds. Of two facts about one user the later At is true, whichever came
// first.
type Presence struct {
	User   UserID    `json:"user"`
	Online bool      `json:"online"`
	At     time.Time `json:"at"`
}

// Grant says that a user answered the subscribe dialog with accept for Templates.
//
// WeChat tells of a tap with an event (Source GrantPopup), the mini program with a
// report of its own (GrantReport); often both speak of the same tap. ID tells a
// repeated Grant from a new one.
type Grant struct {
	ID        string       `json:"id"`
	OpenID    OpenID       `json:"openId"`
	Source    GrantSource  `json:"source"`
	At        time.Time    `json:"at"` // of the tap
	Templates []TemplateID `json:"templates"`
}

// A GrantSource says who told us of a permit.
type GrantSource string

// The sources of permits.
const (
	GrantPopup  GrantSource = "popup"  // subscribe_msg_popup_event
	GrantReport GrantSource = "report" // the mini program's own report
)

// Revoke says that a user switched Templates off at At: permits granted before are
// gone, newer ones stay.
type Revoke struct {
	ID        string       `json:"id"`
	OpenID    OpenID       `json:"openId"`
	At        time.Time    `json:"at"`
	Templates []TemplateID `json:"templates"`
}

// Erase says that everything about the user must go.
type Erase struct {
	OpenID OpenID `json:"openId"`
}
