package store

import (
	"strconv"

	"wxnotify/shared/notify"
)

type grantArgs struct {
	ID        string              `json:"id"`
	Source    notify.GrantSource  `json:"source"`
	At        int64               `json:"at"`
	Templates []notify.TemplateID `json:"templates"`
	Pair      int64               `json:"pair"`
	Session   int64               `json:"session"`
}

func (s *Store) grant(g notify.Grant) call {
	k := s.keysOf(string(g.OpenID))
	return call{scriptGrant,
		[]string{k.subscriber(g.OpenID), k.grants(g.OpenID), k.erased(g.OpenID)},
		grantArgs{digest(string(g.Source), g.ID), g.Source, g.At.UnixMilli(), list(g.Templates), pairWithin.Milliseconds(),
			sessionGap.Milliseconds()}}
}

type revokeArgs struct {
	ID        string              `json:"id"`
	At        int64               `json:"at"`
	Templates []notify.TemplateID `json:"templates"`
}

func (s *Store) revoke(r notify.Revoke) call {
	k := s.keysOf(string(r.OpenID))
	return call{scriptRevoke,
		[]string{k.subscriber(r.OpenID), k.grants(r.OpenID), k.erased(r.OpenID)},
		revokeArgs{digest("revoke", r.ID), r.At.UnixMilli(), list(r.Templates)}}
}

type sentArgs struct {
	OpenID   notify.OpenID     `json:"openid"`
	MsgID    string            `json:"msgid"`
	Template notify.TemplateID `json:"template"`
	At       int64             `json:"at"`
	Failed   string            `json:"failed"`
}

func (s *Store) sent(r notify.Sent) call {
	k := s.keysOf(string(r.OpenID))
	return call{scriptSent,
		[]string{k.subscriber(r.OpenID), k.cards(r.OpenID), k.erased(r.OpenID), k.overdue()},
		sentArgs{r.OpenID, msgID(r.MsgID), r.Template, unixMilli(r.At), r.Failed}}
}

// msgID writes WeChat's message id as a string: Lua's numbers end at 2^53.
func msgID(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}
