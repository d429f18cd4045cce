// Package fact has the words in which everybody speaks: who there is, what a platform told us, checked
// and decoded, and how a message ends. It decides nothing.
package fact

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A UserID names an IM account: up to 32 bytes, case-sensitive.
type UserID string

// An OpenID names a WeChat user of our mini program.
type OpenID string

// A TemplateID is the priTmplId of a subscribe-message template.
type TemplateID string

// A GroupID names an IM group, or a topic of a community.
type GroupID string

// A MessageID is the identity of a message: the MsgKey of a one-to-one message as its
// platform prints it, GroupMessageID in a group, the inviteID or CallId of a call, the
// idempotency key of an announcement. What tells one message from another is its Identity.
type MessageID string

// GroupMessageID is the identity of a group's message.
func GroupMessageID(group GroupID, seq uint32) MessageID {
	return MessageID(fmt.Sprintf("%s#%d", group, seq))
}

// A Fact is one thing that a platform told us, checked and decoded. Exactly one
// field is set. Facts are plain data: they travel as JSON when they are spilled.
//
// Recording a Fact twice has the effect of recording it once.
type Fact struct {
	Message      *Message      `json:"message,omitempty"`
	GroupMessage *GroupMessage `json:"groupMessage,omitempty"`
	Read         *Read         `json:"read,omitempty"`
	Recall       *Recall       `json:"recall,omitempty"`
	GroupRecall  *GroupRecall  `json:"groupRecall,omitempty"`
	Ring         *Ring         `json:"ring,omitempty"`
	RingEnd      *RingEnd      `json:"ringEnd,omitempty"`
	Presence     *Presence     `json:"presence,omitempty"`
	Grant        *Grant        `json:"grant,omitempty"`
	Revoke       *Revoke       `json:"revoke,omitempty"`
	Refusal      *Refusal      `json:"refusal,omitempty"`
	Sent         *Sent         `json:"sent,omitempty"`
	Erase        *Erase        `json:"erase,omitempty"`
}

// A Kind says what a notice is about. It is also the name of the template in notify.yml
// that announces it. Every other kind is an announcement of the operator's backend.
type Kind string

// The kinds. KindDigest names a template only: that of the later cards of an absence.
const (
	KindMessage    Kind = "message"
	KindMention    Kind = "mention"     // in a group, of them or of everybody
	KindCall       Kind = "call"        // it rings
	KindMissedCall Kind = "missed_call" // it went unanswered
	KindDigest     Kind = "digest"
)

// Legal reports whether k can name a template: up to 32 of a-z, 0-9 and _, a letter first.
func (k Kind) Legal() bool {
	other := func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_') }
	return k != "" && len(k) <= 32 && k[0] >= 'a' && k[0] <= 'z' && strings.IndexFunc(string(k), other) < 0
}

// A Message is one IM message, or an announcement, for one recipient.
type Message struct {
	ID   MessageID `json:"id"`
	Kind Kind      `json:"kind,omitempty"` // empty: KindMessage
	From UserID    `json:"from"`
	To   UserID    `json:"to"`
	// Group is where it was said; empty in a one-to-one conversation.
	Group GroupID `json:"group,omitempty"`
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
	// Lasts is for how long after SentAt it may be announced; 0: as the rules say.
	Lasts time.Duration `json:"lasts,omitempty"`
	// Announcement is set when the operator's backend wrote it.
	Announcement *Announcement `json:"announcement,omitempty"`
}

// An Announcement is what the operator's backend wants a card to say.
type Announcement struct {
	// Fields are what its template shows, by lower-case name: sender, summary, group,
	// time, peer, count.
	Fields map[string]string `json:"fields"`
	// Anyway: also to somebody who is in the mini program.
	Anyway bool `json:"anyway,omitempty"`
}

// A GroupMessage is a message to a group. IM tells neither who receives it nor what
// became of it, so deliver asks who is to be told, and records it for each as a Message.
type GroupMessage struct {
	Group  GroupID   `json:"group"`
	Type   GroupType `json:"type"`
	From   UserID    `json:"from"`
	SentAt time.Time `json:"sentAt"`
	Seq    uint32    `json:"seq"` // grows within the group; with Group the identity
	// Summary, OnlineOnly, Silent, ByREST and FailedCode are as in Message.
	Summary    string   `json:"summary,omitempty"`
	OnlineOnly bool     `json:"onlineOnly,omitempty"`
	Silent     bool     `json:"silent,omitempty"`
	ByREST     bool     `json:"byRest,omitempty"`
	FailedCode int      `json:"failedCode,omitempty"`
	At         []UserID `json:"at,omitempty"`    // who is mentioned; IM allows 30
	AtAll      bool     `json:"atAll,omitempty"` // everybody is
	// For is set by Inbox: who is told of it.
	For GroupRule `json:"for,omitempty"`
}

// ID returns the identity of m.
func (m GroupMessage) ID() MessageID { return GroupMessageID(m.Group, m.Seq) }

// Forget takes out of m the names of users of whom gone is true, and what they wrote, and reports
// whether there were any.
func (m *GroupMessage) Forget(gone func(UserID) bool) (found bool) {
	if m.From != "" && gone(m.From) {
		m.From, m.Summary, found = "", "", true
	}
	at := slices.DeleteFunc(slices.Clone(m.At), gone)
	if len(at) < len(m.At) {
		m.At, found = at, true
	}
	return found
}

// A GroupType is a kind of group, as IM's callbacks print it.
// Source: https://cloud.tencent.com/document/product/269/1502
type GroupType string

// The group types whose members can be away.
const (
	GroupPrivate   GroupType = "Private" // also called Work
	GroupPublic    GroupType = "Public"
	GroupChatRoom  GroupType = "ChatRoom" // also called Meeting
	GroupCommunity GroupType = "Community"
)

// A GroupRule says who is told of a group's messages.
type GroupRule string

// The choices of a GroupRule.
const (
	GroupMentions GroupRule = "mentions" // who is mentioned
	GroupAll      GroupRule = "all"      // every member
	GroupOff      GroupRule = "off"      // nobody
)

// Read says that Reader has read everything of their conversation with Peer that was
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

// GroupRecall says that messages of a group were taken back.
type GroupRecall struct {
	Group GroupID  `json:"group"`
	Seqs  []uint32 `json:"seqs"`
}

// A Ring says that a call rings at Users, none of whom is in it yet.
type Ring struct {
	Call MessageID `json:"call"`
	// Source is who told of it. Two sources may tell of one call, under two names.
	Source CallSource `json:"source"`
	// Conversation is where it was signalled; empty for a webhook.
	Conversation Conversation `json:"conversation,omitempty"`
	Caller       UserID       `json:"caller"`
	Group        GroupID      `json:"group,omitempty"` // of a group call
	Users        []UserID     `json:"users"`
	At           time.Time    `json:"at"`
	// For is how long it rings.
	For time.Duration `json:"for"`
}

// A RingEnd says that a call rings no longer at Users.
type RingEnd struct {
	Call   MessageID  `json:"call"`
	Source CallSource `json:"source"`
	// Conversation is as in Ring.
	Conversation Conversation `json:"conversation,omitempty"`
	Caller       UserID       `json:"caller,omitempty"`
	Users        []UserID     `json:"users"`
	How          CallEnd      `json:"how"`
	At           time.Time    `json:"at"`
}

// A CallSource is one of the two generations of calls.
type CallSource string

// The sources of calls.
const (
	CallSignal  CallSource = "signal"  // signalling inside messages
	CallWebhook CallSource = "webhook" // the Call product's webhooks
)

// A CallEnd is how ringing ended, for one whom it rang at.
type CallEnd string

// The ends of ringing.
const (
	CallAnswered  CallEnd = "answered"
	CallRejected  CallEnd = "rejected"
	CallCancelled CallEnd = "cancelled" // the caller gave up
	CallTimedOut  CallEnd = "timed_out"
	CallBusy      CallEnd = "line_busy" // their device refused: another call is on
	CallHungUp    CallEnd = "hung_up"   // the call went on without them and is over
)

// Unanswered reports whether it went unanswered.
func (e CallEnd) Unanswered() bool { return e == CallCancelled || e == CallTimedOut || e == CallBusy }

// State returns how the call's notice ends, unless it is told as missed.
func (e CallEnd) State() (State, Reason) {
	switch e {
	case CallAnswered:
		return StateAnswered, ReasonNone
	case CallRejected:
		return StateEnded, ReasonRejected
	case CallCancelled:
		return StateEnded, ReasonCancelled
	case CallTimedOut:
		return StateEnded, ReasonTimedOut
	case CallBusy:
		return StateEnded, ReasonLineBusy
	}
	return StateEnded, ReasonHungUp
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

// Other is who else may tell of the same tap.
func (s GrantSource) Other() GrantSource {
	if s == GrantPopup {
		return GrantReport
	}
	return GrantPopup
}

// Revoke says that a user switched Templates off at At: permits granted before are
// gone, newer ones stay.
type Revoke struct {
	ID        string       `json:"id"`
	OpenID    OpenID       `json:"openId"`
	At        time.Time    `json:"at"`
	Templates []TemplateID `json:"templates"`
	Banned    bool         `json:"banned,omitempty"` // by WeChat, whatever the user wants
}

// Refusal says that a user answered the subscribe dialog with reject for Templates, at At. It takes
// no permit away. Only the mini program's own report tells of it.
type Refusal struct {
	ID        string       `json:"id"`
	OpenID    OpenID       `json:"openId"`
	At        time.Time    `json:"at"`
	Templates []TemplateID `json:"templates"`
}

// Sent is WeChat's last word on a card, told by subscribe_msg_sent_event. It can come
// before the answer of the send itself. Only what WeChat signed may become a Sent.
// Source: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html
type Sent struct {
	OpenID   OpenID     `json:"openId"`
	MsgID    int64      `json:"msgId"` // 0: not told
	Template TemplateID `json:"template"`
	At       time.Time  `json:"at"` // of the event, a second
	// Failed is empty if the card was handed over, else WeChat's code.
	Failed string `json:"failed,omitempty"`
}

// Erase says that everything about the user must go. A binding that was made after At is
// another one, and stays; that is told in whole seconds. Zero: whenever it was made.
type Erase struct {
	OpenID OpenID    `json:"openId"`
	At     time.Time `json:"at,omitzero"`
}

// Mentions reports whether the message is for user in particular.
func (m GroupMessage) Mentions(user UserID) bool { return m.AtAll || slices.Contains(m.At, user) }

// ForMember returns what a group's message is for one member.
func (m GroupMessage) ForMember(user UserID) *Message {
	kind := KindMessage
	if m.Mentions(user) {
		kind = KindMention
	}
	return &Message{ID: m.ID(), Kind: kind, From: m.From, To: user, Group: m.Group, SentAt: m.SentAt, Seq: m.Seq,
		Summary: m.Summary, ByREST: true}
}
