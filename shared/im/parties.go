package im

import (
	"slices"

	"wxnotify/shared/notify"
)

// What a signal says of a call is written by a client, which may write what it likes.
// IM vouches for who sent the message and to whom; as far as these two tell who calls
// and who is called, the signal's own lists are not believed.

// between returns who calls and whom the step is about, in a one-to-one message. Either
// side may send the later steps. A call of several without a group is an invitation of
// its own to each.
func (s *signal) between(phase CallPhase, from, to notify.UserID) (caller notify.UserID, users []notify.UserID) {
	listed := s.outer.users("inviteeList")
	if phase == CallRinging {
		if len(listed) > 0 && !slices.Contains(listed, to) {
			return from, nil // his device will not ring
		}
		return from, []notify.UserID{to}
	}
	switch inviter := notify.UserID(s.outer.optionalID("inviter")); inviter {
	case from, to:
		caller = inviter
	}
	switch {
	case phase == CallEnded || caller == "":
		return caller, []notify.UserID{from, to} // an end does the caller no harm
	case caller == from:
		return caller, []notify.UserID{to}
	}
	return caller, []notify.UserID{from}
}

// within is between in a group: only those who are listed are called.
func (s *signal) within(phase CallPhase, from notify.UserID) (caller notify.UserID, users []notify.UserID) {
	listed := s.outer.users("inviteeList")
	if phase == CallRinging {
		return from, listed
	}
	caller = notify.UserID(s.outer.optionalID("inviter"))
	switch phase {
	case CallEnded:
		return caller, append(append(listed, s.inner.embedded("data").users("userIDs")...), from)
	case CallAnswered, CallRejected, CallBusy:
		// He speaks for himself, even if his device lists all who were called.
		if len(listed) == 0 || slices.Contains(listed, from) {
			return caller, []notify.UserID{from}
		}
	}
	return caller, listed
}
