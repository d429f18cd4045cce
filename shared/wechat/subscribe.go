package wechat

import (
	"context"
	"maps"
	"slices"
	"strings"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// A SubscribeMessage is one card to one user.
type SubscribeMessage struct {
	To       fact.OpenID // of this mini program
	Template fact.TemplateID
	// Page is a path of the released mini program, without leading slash, with an
	// optional query. Empty: the card opens nothing.
	Page string
	// Data has a value for every keyword of the template, such as thing1.
	Data             map[string]string
	MiniProgramState string // developer, trial or formal; empty: formal
	Lang             string // zh_CN, en_US, zh_HK or zh_TW; empty: zh_CN
}

type sendBody struct {
	To               fact.OpenID          `json:"touser"`
	Template         fact.TemplateID      `json:"template_id"`
	Page             string               `json:"page,omitempty"`
	Data             map[string]dataValue `json:"data"`
	MiniProgramState string               `json:"miniprogram_state,omitempty"`
	Lang             string               `json:"lang,omitempty"`
}

type dataValue struct {
	Value string `json:"value"`
}

type sendReply struct {
	Code *number `json:"errcode"`
	ID   msgID   `json:"msgid"`
}

func (r *sendReply) complete() bool { return r.Code != nil }

// A msgID is above 2^53, so it must not pass through a float. A card was sent whether
// or not we can read its id: what is no id is 0.
type msgID int64

func (m *msgID) UnmarshalJSON(b []byte) error {
	*m = msgID(readInt64(strings.Trim(string(b), `"`)))
	return nil
}

// SendSubscribe sends m. It returns WeChat's message id, which the later Sent event
// repeats, or 0 if WeChat told none. What an error means for the card is
// card.ClassOf(err). A request that may have been received is never repeated.
//
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage
func (c *Client) SendSubscribe(ctx context.Context, m SubscribeMessage) (int64, error) {
	if err := m.check(); err != nil {
		return 0, err
	}
	body := sendBody{To: m.To, Template: m.Template, Page: m.Page, MiniProgramState: m.MiniProgramState, Lang: m.Lang,
		Data: make(map[string]dataValue, len(m.Data))}
	for k, v := range m.Data {
		body.Data[k] = dataValue{v}
	}
	var out sendReply
	err := c.withToken(ctx, request{
		op: opSendSubscribe, path: pathSend, body: body,
		private: append(slices.Collect(maps.Values(m.Data)), string(m.To)),
	}, &out)
	return int64(out.ID), err
}

// A defect is a message that WeChat would refuse in any case.
type defect string

func (d defect) Error() string     { return "wechat: SendSubscribe: " + string(d) }
func (d defect) Class() card.Class { return card.ClassDefect }

func (m SubscribeMessage) check() error {
	switch {
	case m.To == "":
		return defect("To is empty: a card needs an openid")
	case m.Template == "":
		return defect("Template is empty: a card needs a template id")
	case len(m.Data) == 0:
		return defect("Data is empty: a card needs every keyword of its template")
	}
	return nil
}

// Sender sends cards through a Client.
type Sender struct{ Client *Client }

// Send implements deliver.Sender.
func (s Sender) Send(ctx context.Context, c card.Card) (msgID int64, err error) {
	return s.Client.SendSubscribe(ctx, SubscribeMessage{
		To: c.To, Template: c.Template, Page: c.Page, Data: c.Data,
		MiniProgramState: c.MiniProgramState, Lang: c.Lang,
	})
}
