package simulator

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Card is a subscribe message as the phone shows it.
type Card struct {
	At         time.Time
	MsgID      int64
	OpenID     string
	TemplateID string
	Title      string
	// Page opens when the card is tapped; empty: nothing does.
	Page  string
	State string // developer, trial or formal
	Lang  string
	Lines []CardLine
}

// A CardLine is one keyword of a Card.
type CardLine struct {
	Label   string
	Keyword string
	Value   string
}

// Value returns the value of a keyword such as thing1, or nothing.
func (c Card) Value(keyword string) string {
	for _, l := range c.Lines {
		if l.Keyword == keyword {
			return l.Value
		}
	}
	return ""
}

// text is the values in one line.
func (c Card) text() string {
	values := make([]string, len(c.Lines))
	for i, l := range c.Lines {
		values[i] = l.Value
	}
	return strings.Join(values, " | ")
}

// Cards returns what the phone of openID shows, oldest first.
func (x *WeChat) Cards(openID string) []Card {
	x.w.lock()
	defer x.w.unlock()
	u, ok := x.users[openID]
	if !ok {
		return nil
	}
	return slices.Clone(u.cards)
}

// sentFailure is a result that a sent event shall report.
type sentFailure struct {
	code   string
	status string
}

// FailSent lets the next send to openID be accepted and then fail: no card is shown,
// and the sent event carries code and status, such as "1" and "failed". No list of
// codes is published. The permit is spent all the same.
func (x *WeChat) FailSent(openID string, code, status string) {
	x.w.lock()
	defer x.w.unlock()
	x.failing[openID] = append(x.failing[openID], sentFailure{code, status})
}

type sendRequest struct {
	To       string          `json:"touser"`
	Template string          `json:"template_id"`
	Page     string          `json:"page"`
	Data     json.RawMessage `json:"data"`
	State    string          `json:"miniprogram_state"`
	Lang     string          `json:"lang"`
}

// send is POST /cgi-bin/message/subscribe/send. The order of the checks is not
// published, except that a missing permit was seen to win over a bad value. A refused
// send costs no permit.
func (x *WeChat) send(r *request) answer {
	var q sendRequest
	if code := x.posted(r, &q); code != 0 {
		return x.fail(code)
	}
	x.w.lock()
	defer x.w.unlock()
	if code := x.spend(pathSend); code != 0 {
		return x.refuse(q, code, "")
	}
	if _, ok := x.users[q.To]; !ok {
		return x.refuse(q, 40003, "")
	}
	t, ok := x.templates[q.Template]
	if !ok {
		return x.refuse(q, 40037, "")
	}
	if t.banned {
		return x.refuse(q, 43107, "")
	}
	if x.sending[q.To] > 0 {
		return x.refuse(q, 43108, "")
	}
	x.sending[q.To]++
	r.atEnd(func() { x.sent(q.To) })
	if code, text := x.checkSend(q, t); code != 0 {
		return x.refuse(q, code, text)
	}
	return x.accept(q, t)
}

// sent ends a send to that openid: another may begin.
func (x *WeChat) sent(openID string) {
	x.w.lock()
	defer x.w.unlock()
	if x.sending[openID]--; x.sending[openID] == 0 {
		delete(x.sending, openID)
	}
}

func (x *WeChat) refuse(q sendRequest, code int, text string) answer {
	x.w.note(Event{Platform: "wechat", Kind: EventRefused, User: q.To, Name: q.Template, Code: code, Text: text})
	if text == "" {
		return x.fail(code)
	}
	return x.failText(code, text)
}

// checkSend returns the errcode and, if it is not the usual one, the errmsg.
func (x *WeChat) checkSend(q sendRequest, t *template) (code int, text string) {
	u := x.users[q.To]
	if c := u.choice(t.ID); u.mainOff || c.off || c.left(t) == 0 {
		return 43101, ""
	}
	if !slices.Contains([]string{"", "formal", "trial", "developer"}, q.State) {
		return 47003, "argument invalid! miniprogram_state invalid"
	}
	if !slices.Contains([]string{"", "zh_CN", "en_US", "zh_HK", "zh_TW"}, q.Lang) {
		return 47003, "argument invalid! lang invalid"
	}
	values, code := q.values()
	if code != 0 {
		return code, ""
	}
	if text := t.check(values); text != "" {
		return 47003, "argument invalid! " + text
	}
	for _, v := range values {
		if slices.ContainsFunc(x.sensitive, func(word string) bool { return strings.Contains(v, word) }) {
			return 45168, ""
		}
	}
	return 0, ""
}

// values decodes data. Data that is a string instead of an object holds no value, and
// WeChat then says that the first is empty.
// Source: https://developers.weixin.qq.com/community/develop/doc/0002ec6dfd8fd8be63c0fdb606b800
func (q sendRequest) values() (values map[string]string, code int) {
	var text string
	if len(q.Data) == 0 || json.Unmarshal(q.Data, &text) == nil {
		return nil, 0
	}
	var data map[string]struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(q.Data, &data) != nil {
		return nil, 47001
	}
	values = map[string]string{}
	for k, v := range data {
		values[k] = v.Value
	}
	return values, 0
}

// check returns what is wrong with the values, in the words of errmsg.
func (t *template) check(values map[string]string) string {
	for _, k := range t.keywords {
		if fault := checkValue(k, values[k.name]); fault != "" {
			return "data." + k.name + ".value" + fault
		}
	}
	if len(values) > len(t.keywords) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if !slices.ContainsFunc(t.keywords, func(k placeholder) bool { return k.name == name }) {
				return "data." + name + ".value" + valueInvalid
			}
		}
	}
	return ""
}

// accept takes the permit, shows the card and arranges the sent event.
func (x *WeChat) accept(q sendRequest, t *template) answer {
	u := x.users[q.To]
	if c := u.choice(t.ID); !t.LongTerm {
		c.permits--
	}
	x.sends++
	msgID := firstMsgID + x.sends*msgIDStep
	result := sentFailure{"0", "success"}
	if f := x.failing[q.To]; len(f) > 0 {
		result, x.failing[q.To] = f[0], f[1:]
	} else {
		x.show(u, t, q, msgID)
	}
	x.w.after(x.cfg.SentDelay, func() { x.pushSent(q.To, t.ID, msgID, result) })
	return x.say(0, struct {
		Code  int    `json:"errcode"`
		Msg   string `json:"errmsg"`
		MsgID int64  `json:"msgid"`
	}{0, "ok", msgID})
}

// msgids are above 2^53, so that a float64 cannot hold them, and odd.
const (
	firstMsgID = 1988810812324364291
	msgIDStep  = 2
)

func (x *WeChat) show(u *subscriber, t *template, q sendRequest, msgID int64) {
	values, _ := q.values()
	card := Card{
		At: x.w.now(), MsgID: msgID, OpenID: u.openID, TemplateID: t.ID, Title: t.Title,
		Page: strings.TrimPrefix(q.Page, "/"), State: q.State, Lang: q.Lang,
	}
	if card.State == "" {
		card.State = "formal"
	}
	if card.Lang == "" {
		card.Lang = "zh_CN"
	}
	for _, k := range t.keywords {
		card.Lines = append(card.Lines, CardLine{k.label, k.name, values[k.name]})
	}
	u.cards = append(u.cards, card)
	x.w.note(Event{Platform: "wechat", Kind: EventCard, User: u.openID, Name: t.ID, Text: t.Title + ": " + card.text()})
}

// left is how many sends the choice still pays for.
func (c *choice) left(t *template) int {
	if !t.LongTerm {
		return c.permits
	}
	if c.accepted {
		return 1
	}
	return 0
}
