package play

import (
	"fmt"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/shared/fact"
)

// template is the one template of the simulation.
const template fact.TemplateID = "T1"

// facts says events as the platforms' callbacks and pushes do, once decoded.
type facts struct {
	*history.History
	grants *history.Grants
}

func (f facts) of(e history.Event) fact.Fact {
	switch e.What {
	case history.Came:
		return f.presence(e, true)
	case history.Left:
		return f.presence(e, false)
	case history.Tapped:
		return f.grant(e, fact.GrantPopup)
	case history.Reported:
		return f.grant(e, fact.GrantReport)
	case history.Arrived:
		it := f.Items[e.Ref]
		return fact.Fact{Message: &fact.Message{ID: f.MessageID(e.Ref), Kind: fact.KindMessage,
			From: history.ContactID(it.User, it.Contact), To: history.UserID(it.User), SentAt: it.At.Time(), Seq: uint32(e.Ref),
			ByREST: true}}
	case history.Withdrawn:
		it := f.Items[e.Ref]
		return fact.Fact{Recall: &fact.Recall{ID: f.MessageID(e.Ref), From: history.ContactID(it.User, it.Contact), To: history.UserID(it.User)}}
	case history.Posted:
		return fact.Fact{GroupMessage: f.post(f.Posts[e.Ref])}
	case history.Unposted:
		p := f.Posts[e.Ref]
		return fact.Fact{GroupRecall: &fact.GroupRecall{Group: history.GroupID(p.Group), Seqs: []uint32{p.Seq}}}
	case history.Rang:
		it := f.Items[e.Ref]
		return fact.Fact{Ring: &fact.Ring{Call: f.MessageID(e.Ref), Source: fact.CallSignal, Caller: history.ContactID(it.User, it.Contact),
			Users: []fact.UserID{history.UserID(it.User)}, At: it.At.Time(), For: history.RingTime}}
	case history.RangOut:
		it := f.Items[e.Ref]
		return fact.Fact{RingEnd: &fact.RingEnd{Call: f.MessageID(e.Ref), Source: fact.CallSignal, Caller: history.ContactID(it.User, it.Contact),
			Users: []fact.UserID{history.UserID(it.User)}, How: it.How, At: it.Ends.Time()}}
	case history.DidRead:
		r := f.Readings[e.Ref]
		return fact.Fact{Read: &fact.Read{Reader: history.UserID(r.User), Peer: history.ContactID(r.User, r.Contact), UpTo: r.UpTo.Time()}}
	}
	panic(fmt.Sprintf("an event of an unknown kind: %v", e))
}

func (f facts) presence(e history.Event, online bool) fact.Fact {
	return fact.Fact{Presence: &fact.Presence{User: history.UserID(e.User), Online: online, At: e.At.Time()}}
}

func (f facts) grant(e history.Event, source fact.GrantSource) fact.Fact {
	return fact.Fact{Grant: &fact.Grant{ID: fmt.Sprint(e.Ref), OpenID: history.OpenID(e.User), Source: source,
		At: f.grants.Taps[e.Ref].At.Time(), Templates: []fact.TemplateID{template}}}
}

func (f facts) post(p history.Post) *fact.GroupMessage {
	m := &fact.GroupMessage{Group: history.GroupID(p.Group), Type: fact.GroupPublic, From: history.HostID(p.Group),
		SentAt: p.At.Time(), Seq: p.Seq, ByREST: true, AtAll: p.All}
	if !p.All {
		for _, u := range p.For {
			m.At = append(m.At, history.UserID(u))
		}
	}
	return m
}

// sent is WeChat's own report of a card, some seconds after it.
func sent(user int32, msgID int64, at time.Duration) fact.Fact {
	return fact.Fact{Sent: &fact.Sent{OpenID: history.OpenID(user), MsgID: msgID, Template: template,
		At: history.Second(at / time.Second).Time()}}
}
