package im

import (
	"slices"

	"wxnotify/shared/fact"
)

// What a signal says of a call is written by a client, which may write what it likes.
// IM vouches for who sent the message and to whom; as far as these two tell who calls
// and who is called, the signal's own lists are not believed.

// between returns who calls and whom the step is about, in a one-to-one message. Either
// side may send the later steps. A call of several without a group is an invitation of
// its own to each.
func (s *signal) between(from, to fact.UserID) (caller fact.UserID, users []fact.UserID) {
	if s.phase == CallRinging {
		if len(s.invited) > 0 && !slices.Contains(s.invited, to) {
			return from, nil // their device will not ring
		}
		return from, []fact.UserID{to}
	}
	if s.inviter == from || s.inviter == to {
		caller = s.inviter
	}
	switch {
	case s.phase == CallEnded || caller == "":
		return caller, []fact.UserID{from, to} // an end does the caller no harm
	case caller == from:
		return caller, []fact.UserID{to}
	}
	return caller, []fact.UserID{from}
}

// within is between in a group: only those who are listed are called.
func (s *signal) within(from fact.UserID) (caller fact.UserID, users []fact.UserID) {
	switch s.phase {
	case CallRinging:
		return from, s.invited
	case CallEnded:
		return s.inviter, slices.Concat(s.invited, s.others, []fact.UserID{from})
	case CallAnswered, CallRejected, CallBusy:
		// The sender speaks for themselves, even if their device lists all who were called.
		if len(s.invited) == 0 || slices.Contains(s.invited, from) {
			return s.inviter, []fact.UserID{from}
		}
	}
	return s.inviter, s.invited
}
