package sim

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/shared/notify"
)

// maxTexts is how many messages are remembered.
const maxTexts = 10_000

// us is the actor of what the functions do.
const us = "wxnotify"

// A narrator puts facts and steps into words. It remembers what messages say and who came
// or went when, because steps do not tell. It is safe for concurrent use.
type narrator struct {
	rules notify.Rules

	mu       sync.Mutex
	texts    map[notify.MessageID]string
	waiting  map[notify.UserID]map[notify.MessageID]bool
	presence map[notify.UserID][]notify.Presence // oldest first
}

func newNarrator(rules notify.Rules) *narrator {
	return &narrator{
		rules:    rules,
		texts:    map[notify.MessageID]string{},
		waiting:  map[notify.UserID]map[notify.MessageID]bool{},
		presence: map[notify.UserID][]notify.Presence{},
	}
}

// learn remembers what later sentences need of a fact.
func (n *narrator) learn(f notify.Fact) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if m := f.Message; m != nil {
		if len(n.texts) >= maxTexts {
			clear(n.texts)
		}
		n.texts[m.ID] = m.Summary
	}
	if p := f.Presence; p != nil {
		all := append(n.presence[p.User], *p)
		slices.SortStableFunc(all, func(a, b notify.Presence) int { return a.At.Compare(b.At) })
		n.presence[p.User] = all[max(0, len(all)-100):]
	}
}

// online reports what was last said of user at that time.
func (n *narrator) online(user notify.UserID, at time.Time) bool {
	online := false
	for _, p := range n.presence[user] {
		if p.At.After(at) {
			break
		}
		online = p.Online
	}
	return online
}

// fact tells what somebody did. name returns how the person with an openid is called.
func (n *narrator) fact(f notify.Fact, name func(notify.OpenID) string) line {
	switch {
	case f.Message != nil:
		return n.message(*f.Message)
	case f.Read != nil:
		return line{actor: string(f.Read.Reader), text: fmt.Sprintf("has read what %s wrote", f.Read.Peer)}
	case f.Recall != nil:
		return line{actor: string(f.Recall.From), text: fmt.Sprintf("takes back %s", n.named(f.Recall.ID))}
	case f.Presence != nil && f.Presence.Online:
		return line{actor: string(f.Presence.User), text: "comes online"}
	case f.Presence != nil:
		return line{actor: string(f.Presence.User), text: "leaves, and IM has noticed"}
	case f.Grant != nil:
		return line{actor: name(f.Grant.OpenID), text: `taps "Allow": one more permit`}
	case f.Revoke != nil:
		return line{actor: name(f.Revoke.OpenID), text: "switches these cards off: no permit is left"}
	case f.Erase != nil:
		return line{actor: name(f.Erase.OpenID), text: "wants to be forgotten: binding, permits and history are erased"}
	}
	return line{}
}

func (n *narrator) message(m notify.Message) line {
	l := line{actor: string(m.From), text: fmt.Sprintf("writes to %s: %q", m.To, short(m.Summary))}
	switch {
	case m.FailedCode != 0:
		l.text = fmt.Sprintf("writes to %s, but IM does not deliver it (code %d)", m.To, m.FailedCode)
	case m.Silent:
		l.text = fmt.Sprintf("sends %s a signal, with nothing in it to read", m.To)
	}
	return l
}

// short clips what somebody wrote.
func short(s string) string { return term.Clip(term.Visible(s), 40) }

// named names a message.
func (n *narrator) named(id notify.MessageID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.subject([]notify.MessageID{id})
}

// subject names messages.
func (n *narrator) subject(ids []notify.MessageID) string {
	if len(ids) != 1 {
		return fmt.Sprintf("%d messages", len(ids))
	}
	if text := n.texts[ids[0]]; text != "" {
		return `"` + short(text) + `"`
	}
	return "a message"
}

// step tells one step of user's timeline; ok is false if it is not worth a line. permits
// is how many permits user has left.
func (n *narrator) step(user notify.UserID, s notify.Step, permits func() int) (l line, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l = line{actor: us}
	switch s.Kind {
	case notify.StepAccepted:
		l.text = n.accepted(user, s)
	case notify.StepLeft:
		l.text = fmt.Sprintf("looks again in %v: %s may come back", n.rules.Grace, user)
	case notify.StepReturned:
		l.text = fmt.Sprintf("looks again in %v, the blind window", n.rules.BlindWindow)
	case notify.StepAsked:
		l.text = fmt.Sprintf("asks IM whether %s is there: %s", user, s.Detail)
	case notify.StepPutOff:
		l.text = putOff(user, s)
	case notify.StepReserved:
		l.text = fmt.Sprintf("takes one of %s's permits and sends a card", user)
	case notify.StepSent:
		if s.Detail == "" {
			return l, false // the card is shown itself
		}
		l.text, l.mood = "WeChat does not take the card", bad
		l.note = s.Detail
	case notify.StepSettled:
		switch notify.PermitFate(s.Detail) {
		case notify.PermitRefunded:
			l.text = "puts the permit back"
		case notify.PermitZeroed:
			l.text = fmt.Sprintf("crosses out %s's permits: WeChat knows of none", user)
		default:
			return l, false
		}
	case notify.StepFinal:
		l = n.final(user, s, permits)
	default:
		return l, false
	}
	return l, true
}

func (n *narrator) accepted(user notify.UserID, s notify.Step) string {
	if n.waiting[user] == nil {
		n.waiting[user] = map[notify.MessageID]bool{}
	}
	more := len(n.waiting[user]) > 0
	for _, id := range s.Messages {
		n.waiting[user][id] = true
	}
	switch {
	case more:
		return "adds it to what waits for " + string(user)
	case n.online(user, s.At):
		return fmt.Sprintf("%s seems to be there: looks in %v, the blind window", user, n.rules.BlindWindow)
	}
	return fmt.Sprintf("waits %v: more may follow, and one card is enough", n.rules.Lead)
}

func putOff(user notify.UserID, s notify.Step) string {
	switch s.Reason {
	case notify.ReasonWindow:
		return fmt.Sprintf("looks again at the end of the blind window: %s may just have left", user)
	case notify.ReasonIMSilent:
		return "asks again soon: IM did not answer"
	case notify.ReasonBusy:
		return fmt.Sprintf("waits: another card to %s is on its way", user)
	case notify.ReasonNeverSent:
		return "starts over: the card that was begun was never sent"
	case notify.ReasonBackoff:
		return "tries again soon: WeChat did not take the card just now"
	case notify.ReasonOperator:
		return "waits until somebody has mended what the log tells of"
	case notify.ReasonWording:
		return "tries again in words of its own: WeChat refused the text"
	case notify.ReasonQuotaDay:
		return "waits for tomorrow: today's quota of WeChat is used up"
	}
	return "tries again later"
}

// final tells how messages ended.
func (n *narrator) final(user notify.UserID, s notify.Step, permits func() int) line {
	for _, id := range s.Messages {
		delete(n.waiting[user], id)
	}
	subject := n.subject(s.Messages)
	l := line{actor: us, mood: none, note: string(s.State)}
	switch s.State {
	case notify.StateDelivered:
		l.mood = good
		l.text = fmt.Sprintf("one card told %s of %s; %s left", user, subject, count(permits(), "permit"))
	case notify.StateUnknown:
		l.mood = bad
		l.text = fmt.Sprintf("nobody can say whether a card told %s of %s; no second one is sent", user, subject)
	case notify.StateDead:
		l.mood = bad
		l.text = "gave up " + subject
		if s.Reason != notify.ReasonNone {
			l.note += ": " + string(s.Reason)
		}
	default:
		l.text = "no card: " + noCard(user, subject, s)
	}
	return l
}

// noCard says why.
func noCard(user notify.UserID, subject string, s notify.Step) string {
	switch s.State {
	case notify.StateRead:
		if s.Reason == notify.ReasonOwnReply {
			return fmt.Sprintf("%s has answered %s", user, subject)
		}
		return fmt.Sprintf("%s has read %s", user, subject)
	case notify.StateRecalled:
		return subject + " was taken back"
	case notify.StateCameOnline:
		if s.Reason == notify.ReasonPushOnline {
			return fmt.Sprintf("%s's phone rings for %s by itself", user, subject)
		}
		return fmt.Sprintf("%s is there, and IM itself showed %s", user, subject)
	case notify.StateNoPermit:
		return fmt.Sprintf(`%s has no permit for %s: a tap on "Allow" gives one`, user, subject)
	case notify.StateNotCounted:
		return notCounted(user, s.Reason)
	case notify.StateFailedIM:
		return fmt.Sprintf("IM did not deliver %s", subject)
	case notify.StateExpired:
		return fmt.Sprintf("%s is too old", subject)
	case notify.StateUnbound:
		return fmt.Sprintf("%s belongs to another login now", user)
	case notify.StateErased:
		return fmt.Sprintf("%s asked to be forgotten", user)
	case notify.StateRefused:
		return fmt.Sprintf("WeChat does not let us write to %s", user)
	}
	return fmt.Sprintf("%s of %s", s.State, subject)
}

func notCounted(user notify.UserID, why notify.Reason) string {
	switch why {
	case notify.ReasonSilent:
		return "there is nothing in it to read"
	case notify.ReasonAdmin:
		return "the administrator's messages are not announced"
	case notify.ReasonSelf:
		return fmt.Sprintf("%s wrote to nobody else", user)
	case notify.ReasonCrowded:
		return fmt.Sprintf("too many messages wait for %s already", user)
	}
	return "messages of its kind are not announced"
}

// count is "1 permit", "4 permits" or "no permits".
func count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
