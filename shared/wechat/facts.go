package wechat

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
)

// Facts returns what the push means for notices and permits: an accepted dialog is a
// Grant, a template switched off a Revoke, each result of a send a Sent, a cancelled
// authorization an Erase. Every other push means nothing here, and a push that is not
// Signed never yields more than a Grant.
func (p Push) Facts() []fact.Fact {
	if e, ok := p.Event.(Popup); ok {
		accepted := templates(e.Choices, Choice.Accepted)
		if len(accepted) == 0 {
			return nil // refusing a dialog takes nothing away
		}
		return []fact.Fact{{Grant: &fact.Grant{
			ID: e.ID, OpenID: e.User, Source: fact.GrantPopup, At: e.At, Templates: accepted,
		}}}
	}
	if !p.Signed {
		return nil
	}
	switch e := p.Event.(type) {
	case Change:
		if off := templates(e.Choices, Choice.Rejected); len(off) > 0 {
			return []fact.Fact{{Revoke: &fact.Revoke{ID: e.ID, OpenID: e.User, At: e.At, Templates: off}}}
		}
	case Sent:
		return e.facts()
	case AuthorizationCancelled:
		return []fact.Fact{{Erase: &fact.Erase{OpenID: e.User, At: e.At}}}
	}
	return nil
}

func (e Sent) facts() []fact.Fact {
	var facts []fact.Fact
	for _, r := range e.Results {
		facts = append(facts, fact.Fact{Sent: &fact.Sent{
			OpenID: e.User, MsgID: r.MsgID, Template: r.Template, At: e.At, Failed: r.failure(),
		}})
	}
	return facts
}

// maxStatus bounds how much of WeChat's status goes into records and logs.
const maxStatus = 40

// failure is empty if the card was delivered, else the code, with the status behind it
// if that is a plain word or two.
func (r SendResult) failure() string {
	if r.Delivered() {
		return ""
	}
	code, status := strconv.Itoa(r.Code), strings.TrimSpace(r.Status)
	if status == "" || len(status) > maxStatus || strings.ContainsFunc(status, isOdd) {
		return code
	}
	return code + " " + status
}

func isOdd(c rune) bool {
	plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == ' '
	return !plain
}

// eventID names an event by its content. WeChat documents user and time for this
// purpose, and two different events of one user in one second are then mistaken for
// one (https://github.com/binarywang/WxJava/issues/858), so the list is part of it. It
// is taken from the decoded list: a retry is encrypted anew, and may be in the other
// format if the console was switched meanwhile.
func eventID(user fact.OpenID, at time.Time, event string, choices []Choice) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q", user, at.Unix(), event)
	for _, c := range choices {
		fmt.Fprintf(h, " %q %q", c.Template, c.Status)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
