package wechat

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
)

// A Push is a message push that passed all checks of a Receiver.
type Push struct {
	// Signed is set when the body is covered by a signature, which is so for encrypted
	// pushes only. Without it anyone who has seen one valid query may have written the
	// body: such a push may grant, and must never zero, correct or erase anything.
	Signed bool
	// Event is one of Popup, Change, Sent, AuthorizationCancelled, DebugDemo, Message,
	// Probe, Unreadable and Other.
	Event Event
}

// An Event is what a push tells. Kind is a steady word for logs.
type Event interface{ Kind() string }

// Popup: the user answered the subscribe dialog (subscribe_msg_popup_event).
type Popup struct {
	ID      string // the same for every retry of one event
	User    fact.OpenID
	At      time.Time
	Choices []Choice
}

// Change: the user managed templates from a card's menu (subscribe_msg_change_event).
// Only switching off is pushed.
type Change struct {
	ID      string
	User    fact.OpenID
	At      time.Time
	Choices []Choice
}

// A Choice is a user's answer for one template.
type Choice struct {
	Template fact.TemplateID
	Status   string // SubscribeStatusString, as WeChat sent it
}

// penalty reports whether WeChat announces a penalty. An unsigned notice may be anybody's.
func (p Push) penalty() bool {
	e, ok := p.Event.(Other)
	return ok && p.Signed && e.Name == eventPunish
}

// Accepted reports whether the choice gives a permit.
func (c Choice) Accepted() bool { return Accepts(c.Status) }

// Rejected reports whether the user switched the template off.
func (c Choice) Rejected() bool { return c.Status == "reject" }

// answers returns what the user answered, in WeChat's words.
func (p Push) answers() []string {
	var choices []Choice
	switch e := p.Event.(type) {
	case Popup:
		choices = e.Choices
	case Change:
		choices = e.Choices
	}
	var out []string
	for _, c := range choices {
		out = append(out, c.Status)
	}
	return out
}

// Sent: the final results of sends to User (subscribe_msg_sent_event). A result
// corrects what we believe of a card, so use it only if Push.Signed.
type Sent struct {
	User    fact.OpenID
	At      time.Time
	Results []SendResult
}

// A SendResult is what became of one send.
type SendResult struct {
	MsgID    int64 // as SendSubscribe returned it; 0: not told
	Template fact.TemplateID
	Code     int    // ErrorCode; -1: unreadable. WeChat publishes no value but 0
	Status   string // ErrorStatus, such as success
}

// Delivered reports whether WeChat handed the card over.
func (r SendResult) Delivered() bool { return r.Code == 0 }

// AuthorizationCancelled: User closed their account with the mini program and everything
// about them must go (user_authorization_cancellation).
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/event_push/platform/authorized_user_information_changes
type AuthorizationCancelled struct {
	User fact.OpenID
	At   time.Time
}

// DebugDemo is what WeChat's test tools send.
type DebugDemo struct{}

// Message is a customer-service message that a user wrote; its text is not kept.
type Message struct {
	Type  string // MsgType: text, image, ...
	MsgID int64
}

// Probe is the check of WeChat's cloud hosting.
type Probe struct{}

// Unreadable is an authentic push that nothing can be taken from: asking for it again would
// bring the same. Cause is or wraps ErrMarkup, ErrTooComplex or ErrMalformed.
type Unreadable struct{ Cause error }

// Other is any other event. User is the field OpenID where the event has one, since
// FromUserName is then the platform, else FromUserName.
type Other struct {
	Name string // Event
	User fact.OpenID
}

func (Popup) Kind() string                  { return "popup" }
func (Change) Kind() string                 { return "change" }
func (Sent) Kind() string                   { return "sent" }
func (AuthorizationCancelled) Kind() string { return "authorization_cancelled" }
func (DebugDemo) Kind() string              { return "debug_demo" }
func (Message) Kind() string                { return "message" }
func (Probe) Kind() string                  { return "probe" }
func (Unreadable) Kind() string             { return "unreadable" }
func (Other) Kind() string                  { return "other" }

// Names of the field Event.
// Source: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html
const (
	eventPopup     = "subscribe_msg_popup_event"
	eventChange    = "subscribe_msg_change_event"
	eventSent      = "subscribe_msg_sent_event"
	eventCancelled = "user_authorization_cancellation"
	eventDebug     = "debug_demo"
	eventPunish    = "wxa_punish_event"
)

// probeAction is the field action of the probe of WeChat's cloud hosting.
// Source: https://developers.weixin.qq.com/miniprogram/dev/wxcloudservice/wxcloudrun/src/guide/weixin/push
const probeAction = "CheckContainerPath"

// readEvent tells what n is about. Its error is ErrMalformed: one of our events lacks
// its user or time.
func readEvent(n *node) (Event, error) {
	name := n.text("Event")
	if kind := n.text("MsgType"); kind != "" && !strings.EqualFold(kind, "event") {
		return Message{Type: kind, MsgID: readInt64(n.text("MsgId"))}, nil
	}
	if name == "" && n.text("action") == probeAction {
		return Probe{}, nil
	}
	switch name {
	case eventPopup, eventChange, eventSent:
		return readSubscribe(n, name)
	case eventCancelled:
		user, at, err := readWho(n, "OpenID")
		if err != nil {
			return nil, err
		}
		return AuthorizationCancelled{User: user, At: at}, nil
	case eventDebug:
		return DebugDemo{}, nil
	}
	user := n.text("OpenID")
	if user == "" {
		user = n.text("FromUserName")
	}
	return Other{Name: name, User: fact.OpenID(user)}, nil
}

func readSubscribe(n *node, name string) (Event, error) {
	user, at, err := readWho(n, "FromUserName")
	if err != nil {
		return nil, err
	}
	items := listItems(n)
	if name == eventSent {
		return Sent{User: user, At: at, Results: readResults(items)}, nil
	}
	choices := readChoices(items)
	id := eventID(user, at, name, choices)
	if name == eventChange {
		return Change{ID: id, User: user, At: at, Choices: choices}, nil
	}
	return Popup{ID: id, User: user, At: at, Choices: choices}, nil
}

func readWho(n *node, field string) (fact.OpenID, time.Time, error) {
	user := n.text(field)
	if !isID(user) {
		return "", time.Time{}, fmt.Errorf("%w: %s is no openid", ErrMalformed, field)
	}
	at, ok := createTime(n)
	if !ok {
		return "", time.Time{}, fmt.Errorf("%w: CreateTime is no time", ErrMalformed)
	}
	return fact.OpenID(user), at, nil
}

// maxSecond is the end of the year 2100. What would be later as seconds is milliseconds.
const maxSecond = 4102444800

// createTime returns the second in which WeChat made the message n, if n says so.
func createTime(n *node) (time.Time, bool) {
	at, err := strconv.ParseInt(n.text("CreateTime"), 10, 64)
	if at > maxSecond {
		at /= 1000
	}
	return time.Unix(at, 0).UTC(), err == nil && at > 0 && at <= maxSecond
}

// listItems returns the items of a subscribe event: List at the top, as JSON pushes
// have it, or within a wrapper, as XML and older JSON have it, or a wrapper that is
// itself the list. The wrapper's name says nothing: WeChat once printed a change event
// inside a popup wrapper.
func listItems(n *node) []*node {
	if items := n.kids["List"]; len(items) > 0 {
		return items
	}
	for _, name := range []string{"SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"} {
		var items []*node
		for _, w := range n.kids[name] {
			if inner, ok := w.kids["List"]; ok {
				items = append(items, inner...)
			} else {
				items = append(items, w)
			}
		}
		if len(items) > 0 {
			return items
		}
	}
	return nil
}

func readChoices(items []*node) []Choice {
	var choices []Choice
	for _, it := range items {
		if t := it.text("TemplateId"); isID(t) {
			choices = append(choices, Choice{Template: fact.TemplateID(t), Status: it.text("SubscribeStatusString")})
		}
	}
	return choices
}

func readResults(items []*node) []SendResult {
	var results []SendResult
	for _, it := range items {
		t := it.text("TemplateId")
		if !isID(t) {
			continue
		}
		results = append(results, SendResult{
			MsgID:    readInt64(it.text("MsgID")),
			Template: fact.TemplateID(t),
			Code:     readCode(it.text("ErrorCode"), it.text("ErrorStatus")),
			Status:   it.text("ErrorStatus"),
		})
	}
	return results
}

// readCode lets the status decide where there is no code.
func readCode(code, status string) int {
	n, err := strconv.Atoi(code)
	switch {
	case err == nil:
		return n
	case code == "" && status == "success":
		return 0
	}
	return -1
}

// isID reports whether s can be an openid or a template id: printable ASCII of a
// sane length. It becomes part of keys in the store.
func isID(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// readInt64 returns 0 for what is not a whole number of 64 bits.
func readInt64(s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return v
}

// templates returns the templates of the choices that keep is true for, each once: a
// dialog asks for a template once.
func templates(choices []Choice, keep func(Choice) bool) []fact.TemplateID {
	var out []fact.TemplateID
	for _, c := range choices {
		if keep(c) && !slices.Contains(out, c.Template) {
			out = append(out, c.Template)
		}
	}
	return out
}
