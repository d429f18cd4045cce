package notify

import (
	"time"

	"wxnotify/shared/fact"
)

const (
	// messagesWait is how many messages wait in one queue, and othersWait how many announcements and
	// missed calls, so that a flood of one does not take the places of the other. What a queue holds is read and
	// written by each message: this bounds what a message costs.
	messagesWait = 160
	othersWait   = 40
	// crowdedNoted is how often the timeline tells that there is no room.
	crowdedNoted = time.Minute
)

// hasRoom reports whether n may wait in w. One sender has half of the places at most.
func (w *Waiting) hasRoom(n *WaitingNotice) bool {
	places, taken, theirs := messagesWait, 0, 0
	if n.isOther() {
		places = othersWait
	}
	for i := range w.Notices {
		if o := &w.Notices[i]; o.isOther() == n.isOther() {
			taken++
			if o.sameSender(n) {
				theirs++
			}
		}
	}
	return taken < places && theirs < places/2
}

// isOther reports whether n is no message, and so has other places.
func (n *WaitingNotice) isOther() bool { return n.Announcement != nil || n.Kind == fact.KindMissedCall }

// sameSender reports whether n and o are of one sender, who may have been erased since. Announcements
// are of nobody: they are the backend's.
func (n *WaitingNotice) sameSender(o *WaitingNotice) bool {
	switch {
	case n.Announcement != nil || o.Announcement != nil:
		return false
	case n.From == "" && n.FromHash != "":
		return o.FromHash == n.FromHash || n.FromHash == fact.HashOf(string(o.From))
	}
	return o.isFrom(string(n.From))
}

// crowded ends a message for which there is no room. It is counted; the timeline tells of one in
// crowdedNoted, so that a flood washes nothing else out of it.
func (b *Mailbox) crowded(w *Waiting, id fact.Identity) {
	if !w.Crowded.IsZero() && b.Now.Before(w.Crowded.Add(crowdedNoted)) {
		b.count(fact.StateNotCounted, 1)
		return
	}
	w.Crowded = b.Now
	b.Indexed = append(b.Indexed, id)
	b.end(Step{State: fact.StateNotCounted, Reason: fact.ReasonCrowded}, id)
}
