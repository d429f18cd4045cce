package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// An Answer is what a user says in the subscribe dialog, in WeChat's word: any that begins
// with accept adds a permit. Behind "keep " it ticks "always keep, do not ask again": from
// then on taps for that template show no dialog.
type Answer string

// Answers. WeChat has more words, and adds some without telling.
const (
	Accept              Answer = "accept"
	AcceptWithForcePush Answer = "acceptWithForcePush" // with a stronger reminder
	Reject              Answer = "reject"
	KeepAccept          Answer = keep + "accept"
	KeepReject          Answer = keep + "reject"

	keep = "keep "
)

// A DialogResult is what wx.requestSubscribeMessage gives to the mini program.
// Source: https://developers.weixin.qq.com/miniprogram/dev/api/open-api/subscribe-message/wx.requestSubscribeMessage.html
type DialogResult struct {
	// Results has the answer, ban or filter per template; nil if Code is not 0.
	Results map[string]string
	// Code is the errCode of the fail callback, such as 20004; 0: success, which comes
	// for refusals too.
	Code int
	// Shown lists the templates that a dialog asked for. WeChat pushes an event for
	// these only.
	Shown []string
}

// maxDialog is how many templates one call may name.
const maxDialog = 5

// TapDialog is a tap on a button that calls wx.requestSubscribeMessage for the
// templates in answers. Each that accepts adds a permit. Templates with a kept choice do
// not appear in the dialog and give no event, nor do a second template of the same
// title ("filter") and a banned one ("ban").
func (x *WeChat) TapDialog(openID string, answers map[string]Answer) DialogResult {
	return x.tap(openID, answers, x.w.now())
}

func (x *WeChat) tap(openID string, answers map[string]Answer, at time.Time) DialogResult {
	x.w.lock()
	result, items := x.dialog(openID, answers)
	x.w.unlock()
	if len(items) > 0 {
		x.push(openID, eventPopup, at, list(items))
	}
	return result
}

func (x *WeChat) dialog(openID string, answers map[string]Answer) (DialogResult, [][]field) {
	u := x.user(openID)
	ids := slices.Sorted(maps.Keys(answers))
	if code := x.checkDialog(u, ids); code != 0 {
		return DialogResult{Code: code}, nil
	}
	result := DialogResult{Results: map[string]string{}}
	titles := map[string]bool{}
	var items [][]field
	for _, id := range ids {
		t, c := x.templates[id], u.choice(id)
		switch {
		case titles[t.Title]:
			result.Results[id] = "filter"
			continue
		case t.banned:
			result.Results[id] = "ban"
			continue
		}
		titles[t.Title] = true
		answer := c.kept
		if answer == "" {
			answer = answers[id]
			result.Shown = append(result.Shown, id)
			items = append(items, popupItem(id, answer))
		}
		result.Results[id] = status(answer)
		x.w.note(Event{Platform: "wechat", Kind: EventDialog, User: openID, Name: id, Text: status(answer)})
		c.answer(answer)
	}
	return result, items
}

func (x *WeChat) checkDialog(u *subscriber, ids []string) (code int) {
	switch {
	case len(ids) == 0:
		return 10001
	case len(ids) > maxDialog:
		return 20003
	case u.mainOff:
		return 20004
	}
	for _, id := range ids {
		t, ok := x.templates[id]
		if !ok {
			return 20001
		}
		if t.LongTerm != x.templates[ids[0]].LongTerm {
			return 20002
		}
	}
	return 0
}

func (c *choice) answer(a Answer) {
	if strings.HasPrefix(string(a), keep) {
		c.kept = a
	}
	if accepts(status(a)) {
		c.permits++
		c.accepted = true
	}
}

// status is the answer as WeChat spells it.
func status(a Answer) string {
	if a == "" {
		a = Reject
	}
	return strings.TrimPrefix(string(a), keep)
}

func accepts(status string) bool { return strings.HasPrefix(status, string(Accept)) }

func popupItem(id string, a Answer) []field {
	return []field{{"TemplateId", id}, {"SubscribeStatusString", status(a)}, {"PopupScene", "0"}}
}

// Subscribe is a user who accepts one template n times: one tap a second, the last of
// them now, each with its event.
func (x *WeChat) Subscribe(openID, templateID string, n int) error {
	for i := range n {
		at := x.w.now().Add(time.Duration(i+1-n) * time.Second)
		r := x.tap(openID, map[string]Answer{templateID: Accept}, at)
		if r.Code != 0 || !accepts(r.Results[templateID]) {
			return fmt.Errorf("simulator: Subscribe to %q: errCode %d, answer %q", templateID, r.Code, r.Results[templateID])
		}
	}
	return nil
}

// SilentAccept is a tap of a user who once ticked "always keep" with accept: it adds a
// permit, and WeChat tells nobody. The mini program gets the result as ever. A template
// that is switched off stays refused.
func (x *WeChat) SilentAccept(openID, templateID string) DialogResult {
	x.w.lock()
	if c := x.user(openID).choice(templateID); !c.off {
		c.kept = KeepAccept
	}
	x.w.unlock()
	return x.TapDialog(openID, map[string]Answer{templateID: KeepAccept})
}

// SwitchOff is a user who refuses a template from the menu of one of its cards: its
// permits are gone, and WeChat pushes a change event.
func (x *WeChat) SwitchOff(openID, templateID string) {
	x.w.lock()
	x.switchOff(openID, templateID)
	x.w.unlock()
	x.push(openID, eventChange, x.w.now(), list([][]field{
		{{"TemplateId", templateID}, {"SubscribeStatusString", "reject"}},
	}))
}

func (x *WeChat) switchOff(openID, templateID string) {
	*x.user(openID).choice(templateID) = choice{kept: KeepReject, off: true}
	x.w.note(Event{Platform: "wechat", Kind: EventOff, User: openID, Name: templateID})
}

// SwitchOn undoes SwitchOff in the settings page. No event tells of it, and the old
// permits do not come back: the next tap adds the first.
func (x *WeChat) SwitchOn(openID, templateID string) {
	x.w.lock()
	defer x.w.unlock()
	c := x.user(openID).choice(templateID)
	c.off, c.kept = false, KeepAccept
}

// MainSwitch turns all subscriptions of a user off or on, without any event. Permits
// that were there are gone; whether WeChat keeps them is not known.
func (x *WeChat) MainSwitch(openID string, on bool) {
	x.w.lock()
	defer x.w.unlock()
	u := x.user(openID)
	u.mainOff = !on
	if !on {
		clear(u.choices)
	}
}

// Permits returns how many sends WeChat would still accept for that user and
// template. A long-term template counts 1 while it is accepted.
func (x *WeChat) Permits(openID, templateID string) int {
	x.w.lock()
	defer x.w.unlock()
	u, ok := x.users[openID]
	t, known := x.templates[templateID]
	if !ok || !known || u.mainOff {
		return 0
	}
	return u.choice(templateID).left(t)
}

// CancelAuthorization is a user who leaves the mini program for good: WeChat forgets
// their choices and asks us to forget them too.
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/event_push/platform/authorized_user_information_changes
func (x *WeChat) CancelAuthorization(openID string) {
	x.w.lock()
	clear(x.user(openID).choices)
	x.w.unlock()
	// FromUserName is the platform; the user is in OpenID.
	x.push("oPlatform0000000000000000000", "user_authorization_cancellation", x.w.now(), []field{
		{"OpenID", openID}, {"AppID", x.cfg.AppID},
	})
}
