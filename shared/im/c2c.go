package im

import (
	"fmt"
	"math"

	"wxnotify/shared/fact"
)

// A Message is a one-to-one message. Before and After share its ID (MsgKey), so
// whichever of the two is switched on will do.
// Source: https://cloud.tencent.com/document/product/269/2716
type Message struct {
	fact.Message
	Before bool // IM waits for our answer and has not delivered yet
}

func decodeMessageBefore(cb *Callback, f *fields, byREST bool) {
	decodeMessage(cb, f, byREST)
	cb.Message.Before = true
}

func decodeMessage(cb *Callback, f *fields, byREST bool) {
	cb.Kind = KindMessage
	c := readContent(f.object)
	m := fact.Message{
		From:       f.requireUser("From_Account"),
		To:         f.requireUser("To_Account"),
		SentAt:     f.requireSecond("MsgTime"),
		Seq:        f.uint32("MsgSeq"),
		Summary:    c.summary,
		Silent:     c.silent,
		OnlineOnly: f.flag("OnlineOnlyFlag"),
		ByREST:     byREST,
		FailedCode: failedCode(f.object),
	}
	m.ID = messageID(f)
	cb.Message = &Message{Message: m}
	if c.signal != nil {
		cb.Calls = c.signal.calls(m.From, m.To, "", m.SentAt)
	}
}

// messageID returns MsgKey. IM makes it of three fields, so that it can be made again
// where it is missing.
func messageID(f *fields) fact.MessageID {
	if f.id("MsgKey") != "" {
		return fact.MessageID(f.requireID("MsgKey"))
	}
	t, _ := f.second("MsgTime")
	if f.object["MsgSeq"] == nil || f.object["MsgRandom"] == nil {
		f.fail("MsgKey", "is missing, and without MsgSeq and MsgRandom it cannot be made")
	}
	return fact.MessageID(fmt.Sprintf("%d_%d_%d", f.uint32("MsgSeq"), f.uint32("MsgRandom"), t.Unix()))
}

func failedCode(o object) int {
	code, _ := o.integer("SendMsgResult")
	if code < math.MinInt32 || code > math.MaxInt32 {
		return -1
	}
	return int(code)
}

// Source: https://cloud.tencent.com/document/product/269/61696
func decodeRead(cb *Callback, f *fields, _ bool) {
	cb.Kind = KindRead
	cb.Read = &fact.Read{
		Reader: f.requireUser("Report_Account"),
		Peer:   f.requireUser("Peer_Account"),
		UpTo:   f.requireSecond("LastReadTime"),
	}
}

// Source: https://cloud.tencent.com/document/product/269/61697
func decodeRecall(cb *Callback, f *fields, _ bool) {
	cb.Kind = KindRecall
	cb.Recall = &fact.Recall{
		ID:   fact.MessageID(f.requireID("MsgKey")),
		From: f.requireUser("From_Account"),
		To:   f.requireUser("To_Account"),
	}
}
