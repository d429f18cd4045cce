package sim

import (
	"fmt"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// step tells one step of user's timeline; ok is false if it is not worth a line. permits
// is how many permits user has left.
func (n *narrator) step(user fact.UserID, s notify.Step, permits func() int) (l line, ok bool) {
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
		switch s.Detail {
		case "":
			return l, false // the card is shown itself
		case card.ClassUnknown.String():
			l.text, l.mood = "WeChat did not answer: nobody knows whether the card is there", bad
		default:
			l.text, l.mood = "WeChat does not take the card", bad
		}
		l.note = s.Detail
	case notify.StepSettled:
		switch permit.Fate(s.Detail) {
		case permit.Refunded:
			l.text = "puts the permit back"
		case permit.Zeroed:
			l.text = fmt.Sprintf("crosses out %s's permits: WeChat knows of none", user)
		case permit.Held:
			l.text = fmt.Sprintf("holds the permit: WeChat has %s to report", seconds(n.rules.UnknownAfter))
		default:
			return l, false
		}
	case notify.StepFinal:
		if len(s.Messages) == 1 && n.signal[s.Messages[0].ID()] {
			return l, false
		}
		l = n.final(user, s, permits)
	default:
		return l, false
	}
	return l, true
}

func (n *narrator) accepted(user fact.UserID, s notify.Step) string {
	switch s.Reason {
	case fact.ReasonMissedCall:
		return fmt.Sprintf("nobody answered: %s will be told of a missed call", user)
	case fact.ReasonReplayed:
		return fmt.Sprintf("has it wait for %s again: somebody replayed what was given up", user)
	}
	if len(s.Messages) == 1 && n.calls[s.Messages[0].ID()] {
		return fmt.Sprintf("does not wait: it rings at %s now", user)
	}
	if n.waiting[user] == nil {
		n.waiting[user] = map[fact.MessageID]bool{}
	}
	more := len(n.waiting[user]) > 0
	for _, id := range fact.MessageIDs(s.Messages) {
		n.waiting[user][id] = true
	}
	switch {
	case more:
		return "adds it to what waits for " + string(user)
	case n.online(user, s.At):
		return fmt.Sprintf("%s seems to be there: looks in %v, the blind window", user, n.rules.BlindWindow)
	case n.told[user]:
		return fmt.Sprintf("keeps it for a digest: %s was told already, and has not been back", user)
	}
	return fmt.Sprintf("waits %v: more may follow, and one card is enough", n.rules.Lead)
}

func putOff(user fact.UserID, s notify.Step) string {
	switch s.Reason {
	case fact.ReasonWindow:
		return fmt.Sprintf("looks again at the end of the blind window: %s may just have left", user)
	case fact.ReasonIMSilent:
		return "asks again soon: IM did not answer"
	case fact.ReasonBusy:
		return fmt.Sprintf("waits: another card to %s is on its way", user)
	case fact.ReasonNeverSent:
		return "starts over: the card that was begun was never sent"
	case fact.ReasonBackoff:
		return "tries again soon: WeChat did not take the card just now"
	case fact.ReasonOperator:
		return "waits until somebody has mended what the log tells of"
	case fact.ReasonWording:
		return "tries again in words of its own: WeChat refused the text"
	case fact.ReasonQuotaDay:
		return "waits for tomorrow: today's quota of WeChat is used up"
	case fact.ReasonDigest:
		return fmt.Sprintf("keeps it for a digest: %s was told already, and has not been back", user)
	case fact.ReasonKept:
		return fmt.Sprintf("keeps the digest back: %s's last permits are for coming absences", user)
	case fact.ReasonQuietHours:
		return "waits for the end of the quiet hours"
	case fact.ReasonRinging:
		return fmt.Sprintf("asks again soon: it rings, and %s seems to be there", user)
	case fact.ReasonTooMany:
		return fmt.Sprintf("waits: %s got as many cards this hour as the rules allow", user)
	}
	return "tries again later"
}

// final tells how messages ended.
func (n *narrator) final(user fact.UserID, s notify.Step, permits func() int) line {
	for _, id := range fact.MessageIDs(s.Messages) {
		delete(n.waiting[user], id)
		if s.State == fact.StateDelivered && !n.calls[id] {
			n.told[user] = true
		}
	}
	subject := n.subject(fact.MessageIDs(s.Messages))
	l := line{actor: us, mood: none, note: string(s.State)}
	switch s.State {
	case fact.StateDelivered:
		l.mood = good
		l.text = fmt.Sprintf("one card told %s of %s; %s left", user, subject, count(permits(), "permit"))
	case fact.StateUnknown:
		l.mood = bad
		l.text = fmt.Sprintf("nobody can say whether a card told %s of %s; no second one is sent", user, subject)
	case fact.StateDead:
		l.mood = bad
		l.text = fmt.Sprintf("gave up %s: it is a dead letter now", subject)
		if s.Reason != fact.ReasonNone {
			l.note += ": " + string(s.Reason)
		}
	default:
		l.text = "no card: " + noCard(user, subject, s)
	}
	return l
}

// noCard says why.
func noCard(user fact.UserID, subject string, s notify.Step) string {
	switch s.State {
	case fact.StateRead:
		switch s.Reason {
		case fact.ReasonOwnReply:
			return fmt.Sprintf("%s has answered %s", user, subject)
		case fact.ReasonUnreadNone:
			return fmt.Sprintf("IM counts nothing unread for %s, so %s was read", user, subject)
		}
		return fmt.Sprintf("%s has read %s", user, subject)
	case fact.StateAnswered:
		return fmt.Sprintf("%s has answered %s", user, subject)
	case fact.StateEnded:
		return fmt.Sprintf("%s rings no longer", subject)
	case fact.StateMuted:
		if s.Reason == fact.ReasonMutedPeer {
			return fmt.Sprintf("%s has muted where %s is from", user, subject)
		}
		return fmt.Sprintf("%s has switched cards off", user)
	case fact.StateQuota:
		return fmt.Sprintf("WeChat's quota was used up for as long as %s lived", subject)
	case fact.StateRecalled:
		return subject + " was taken back"
	case fact.StateCameOnline:
		if s.Reason == fact.ReasonPushOnline {
			return fmt.Sprintf("%s's phone rings for %s by itself", user, subject)
		}
		return fmt.Sprintf("%s is there, and IM itself showed %s", user, subject)
	case fact.StateNoPermit:
		return fmt.Sprintf(`%s has no permit for %s: a tap on "Allow" gives one`, user, subject)
	case fact.StateNotCounted:
		return notCounted(user, s.Reason)
	case fact.StateFailedIM:
		return fmt.Sprintf("IM did not deliver %s", subject)
	case fact.StateExpired:
		return fmt.Sprintf("%s is too old", subject)
	case fact.StateUnbound:
		return fmt.Sprintf("%s belongs to another login now", user)
	case fact.StateErased:
		return fmt.Sprintf("%s asked to be forgotten", user)
	case fact.StateRefused:
		return fmt.Sprintf("WeChat does not let us write to %s", user)
	}
	return fmt.Sprintf("%s of %s", s.State, subject)
}

func notCounted(user fact.UserID, why fact.Reason) string {
	switch why {
	case fact.ReasonSilent:
		return "there is nothing in it to read"
	case fact.ReasonAdmin:
		return "the administrator's messages are not announced"
	case fact.ReasonSelf:
		return fmt.Sprintf("%s wrote to nobody else", user)
	case fact.ReasonCrowded:
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
