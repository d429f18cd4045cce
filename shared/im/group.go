package im

import (
	"math"
	"slices"
	"time"

	"wxnotify/shared/fact"
)

// A GroupMessage is a message to a group. IM tells neither who received it nor who did not.
// Source: https://cloud.tencent.com/document/product/269/2661
type GroupMessage struct {
	// Before: the callback came before the message was sent, and IM waits for our answer. Such
	// a message has no identity yet: Seq and SentAt are zero.
	Before  bool
	GroupID string
	// Type is Private (a Work group), Public, ChatRoom (a Meeting), Community,
	// AVChatRoom or Live; others may come. The last two have no members who could be
	// away.
	Type       string
	TopicID    string // of a Community's topic, else empty
	Seq        uint32 // grows within the group; with GroupID and TopicID the identity
	From       fact.UserID
	Operator   fact.UserID // who made the request; differs from From when a server sent it
	SentAt     time.Time   // seconds
	Summary    string
	OnlineOnly bool
	Silent     bool
	ByREST     bool
	FailedCode int           // why IM did not send it; 0: it did
	At         []fact.UserID // mentioned
	AtAll      bool          // everybody is mentioned
}

// byServer reports whether a server sent the message for its user: by REST, or as the operator.
func (m *GroupMessage) byServer() bool {
	return m.ByREST || m.Operator != "" && m.Operator != m.From
}

// A GroupRecall says that messages of a group were taken back.
// Source: https://cloud.tencent.com/document/product/269/1523
type GroupRecall struct {
	GroupID string
	TopicID string
	Seqs    []uint32
}

// maxRecalled is how many messages one fact takes back: a fact has to fit into one event of an overflow.
const maxRecalled = 100

func (r *GroupRecall) facts() (facts []fact.Fact) {
	for seqs := range slices.Chunk(r.Seqs, maxRecalled) {
		facts = append(facts, fact.Fact{GroupRecall: &fact.GroupRecall{Group: groupOf(r.GroupID, r.TopicID), Seqs: seqs}})
	}
	return facts
}

func decodeGroupMessageBefore(cb *Callback, f *fields, byREST bool) {
	cb.Kind = KindGroupMessage
	cb.GroupMessage = readGroupMessage(cb, f, byREST)
	cb.GroupMessage.Before = true
}

func decodeGroupMessage(cb *Callback, f *fields, byREST bool) {
	cb.Kind = KindGroupMessage
	sentAt, seq := f.requireSecond("MsgTime"), f.requireUint32("MsgSeq")
	m := readGroupMessage(cb, f, byREST)
	m.SentAt, m.Seq = sentAt, seq
	cb.GroupMessage = m
}

func readGroupMessage(cb *Callback, f *fields, byREST bool) *GroupMessage {
	c := readContent(f.object)
	m := &GroupMessage{
		GroupID:    f.requireID("GroupId"),
		Type:       f.str("Type"),
		TopicID:    f.topic(),
		From:       f.requireUser("From_Account"),
		Operator:   fact.UserID(f.optionalID("Operator_Account")),
		Summary:    c.summary,
		Silent:     c.silent,
		OnlineOnly: f.flag("OnlineOnlyFlag"),
		ByREST:     byREST,
		FailedCode: failedCode(f.object),
	}
	// Absent, null and [] all mean that nobody is mentioned.
	for _, at := range f.objects("GroupAtInfo") {
		if at.flag("GroupAtAllFlag") {
			m.AtAll = true
		} else if user := at.id("GroupAt_Account"); idProblem(user) == "" {
			m.At = append(m.At, fact.UserID(user))
		}
	}
	if c.signal != nil {
		at, _ := f.second("MsgTime")
		cb.Calls = c.signal.calls(m.From, "", m.GroupID, at)
	}
	return m
}

func decodeGroupRecall(cb *Callback, f *fields, _ bool) {
	cb.Kind = KindGroupRecall
	cb.GroupRecall = &GroupRecall{GroupID: f.requireID("GroupId"), TopicID: f.topic()}
	for _, item := range f.objects("MsgSeqList") {
		if seq, ok := item.integer("MsgSeq"); ok && seq > 0 && seq <= math.MaxUint32 {
			cb.GroupRecall.Seqs = append(cb.GroupRecall.Seqs, uint32(seq))
		}
	}
}

// topic returns TopicId, which is absent outside of topics. A topic numbers its messages by itself, so
// a message whose TopicId cannot be read has no identity: that is an error.
func (f *fields) topic() string {
	if f.id("TopicId") == "" {
		return ""
	}
	return f.requireID("TopicId")
}
