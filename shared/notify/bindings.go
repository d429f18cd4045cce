package notify

import (
	"wxnotify/shared/fact"
)

// Bind has the recipient's cards go to an openid from now on. A login begins a new absence.
func (b *Mailbox) Bind(openID fact.OpenID) {
	moved := b.OpenID != openID
	b.OpenID = openID
	for _, w := range b.queues() {
		if moved && w.Lease != "" && w.Card.ID == "" {
			// A run that looked before, and may be slow, would send to the old openid.
			w.release()
			w.Due = b.Now
		}
	}
	b.seen()
}

// Unbind has the recipient's cards go nowhere, if they went to openID. What waits ends.
func (b *Mailbox) Unbind(openID fact.OpenID, why fact.Reason) {
	if b.OpenID != openID || openID == "" {
		return
	}
	for _, w := range b.queues() {
		b.endWaiting(w, Step{State: fact.StateUnbound, Reason: why}, func(*WaitingNotice) bool { return true })
	}
	kept := *b
	*b = Mailbox{User: kept.User, Messages: kept.Messages, Calls: kept.Calls, Letters: kept.Letters, Read: kept.Read, Log: kept.Log,
		Now: kept.Now, Effects: kept.Effects}
}

// Erase forgets the recipient, if their cards went to openID or to nobody. What waited counts as
// erased.
func (b *Mailbox) Erase(openID fact.OpenID) {
	if b.Bound() && b.OpenID != openID {
		return
	}
	for _, w := range b.queues() {
		n := len(w.Notices)
		if w.Told {
			n -= len(w.on(w.Card.ID))
		}
		b.count(fact.StateErased, n)
	}
	b.Deleted = true
}

// Forget takes the name of user, who is being erased, and what they wrote out of what waits, and
// reports whether it was in there.
func (b *Mailbox) Forget(user fact.UserID) (found bool) {
	unname := func(notices []WaitingNotice) (found bool) {
		for i := range notices {
			if notices[i].From == user {
				notices[i].unname()
				found = true
			}
		}
		return found
	}
	for _, w := range b.queues() {
		found = unname(w.Notices) || found
	}
	for i := range b.Letters {
		if unname(b.Letters[i].Notices) {
			b.Changed = append(b.Changed, b.Letters[i])
			found = true
		}
	}
	return found
}
