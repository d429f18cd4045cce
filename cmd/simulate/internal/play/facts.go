package play

import (
	"fmt"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/shared/notify"
)

// template is the one template of the simulation.
const template notify.TemplateID = "T1"

// facts says events as the platforms' callbacks and pushes do, once decoded.
type facts struct {
	*history.History
	grants *history.Grants
}

func (f facts) of(e history.Event) notify.Fact {
	switch e.What {
	case history.Came:
		return f.presence(e, true)
	case history.Left:
		return f.presence(e, false)
	case history.Tapped:
		return f.grant(e, notify.GrantPopup)
	case history.Reported:
		return f.grant(e, notify.GrantReport)
	case history.Arrived:
		it := f.Items[e.Ref]
		return notify.Fact{Message: &notify.Message{ID: f.MessageID(e.Ref), Kind: notify.KindMessage,
			From: history.ContactID(it.User, it.Contact), To: history.UserID(it.User), SentAt: it.At.Time(), Seq: uint32(e.Ref),
			ByREST: true}}
	case history.Withdrawn:
		it := f.Items[e.Ref]
		return notify.Fact{Recall: &notify.Recall{ID: f.MessageID(e.Ref), From: history.ContactID(it.User, it.Contact), To: history.UserID(it.User)}}
	case history.Posted:
		return notify.Fact{GroupMessage: f.post(f.Posts[e.Ref])}
	case history.Unposted:
		p := f.Posts[e.Ref]
		return notify.Fact{GroupRecall: &notify.GroupRecall{Group: history.GroupID(p.Group), Seqs: []uint32{p.Seq}}}
	case history.Rang:
		it := f.Items[e.Ref]
		return notify.Fact{Ring: &notify.Ring{Call: f.MessageID(e.Ref), Source: notify.CallSignal, Caller: history.ContactID(it.User, it.Contact),
			Users: []notify.UserID{history.UserID(it.User)}, At: it.At.Time(), For: history.RingTime}}
	case history.RangOut:
		it := f.Items[e.Ref]
		return notify.Fact{RingEnd: &notify.RingEnd{Call: f.MessageID(e.Ref), Source: notify.CallSignal, Caller: history.ContactID(it.User, it.Contact),
			Users: []notify.UserID{history.UserID(it.User)}, How: it.How, At: it.Ends.Time()}}
	case history.DidRead:
		r := f.Readings[e.Ref]
		return notify.Fact{Read: &notify.Read{Reader: history.UserID(r.User), Peer: history.ContactID(r.User, r.Contact), UpTo: r.UpTo.Time()}}
	}
	panic(fmt.Sprintf("an event of an unknown kind: %v", e))
}

func (f facts) presence(e history.Event, online bool) notify.Fact {
	return notify.Fact{Presence: &notify.Presence{User: history.UserID(e.User), Online: online, At: e.At.Time()}}
}

func (f facts) grant(e history.Event, source notify.GrantSource) notify.Fact {
	return notify.Fact{Grant: &notify.Grant{ID: fmt.Sprint(e.Ref), OpenID: history.OpenID(e.User), Source: source,
		At: f.grants.Taps[e.Ref].At.Time(), Templates: []notify.TemplateID{template}}}
}

func (f facts) post(p history.Post) *notify.GroupMessage {
	m := &notify.GroupMessage{Group: history.GroupID(p.Group), Type: notify.GroupPublic, From: history.HostID(p.Group),
		SentAt: p.At.Time(), Seq: p.Seq, ByREST: true, AtAll: p.All}
	if !p.All {
		for _, u := range p.For {
			m.At = append(m.At, history.UserID(u))
		}
	}
	return m
}

// sent is WeChat's own report of a card, some seconds after it.
func sent(user int32, msgID int64, at time.Duration) notify.Fact {
	return notify.Fact{Sent: &notify.Sent{OpenID: history.OpenID(user), MsgID: msgID, Template: template,
		At: history.Second(at / time.Second).Time()}}
}
