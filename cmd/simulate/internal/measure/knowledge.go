package measure

import (
	"slices"

	"wxnotify/cmd/simulate/internal/history"
)

// Knowledge is what wxnotify had been told of a user who had left, when something came for
// them.
type Knowledge string

// The kinds of knowledge.
const (
	KnownAway  Knowledge = "known to be offline"
	SeenLate   Knowledge = "seen leaving late"
	ReportLost Knowledge = "callback about their leaving lost"
)

// Knowledges are all of them, in the order of reports.
var Knowledges = []Knowledge{KnownAway, SeenLate, ReportLost}

// known returns what had been told of an absent user at a time.
func (u *user) known(at history.Second) Knowledge {
	if u.toldAway(at) {
		return KnownAway
	}
	if s, ok := u.session(at); ok && s.LeaveLost {
		return ReportLost
	}
	return SeenLate
}

// session returns the last session that began at a time or before.
func (u *user) session(at history.Second) (history.Session, bool) {
	i := u.sessionIndex(at)
	if i < 0 {
		return history.Session{}, false
	}
	return u.sessions[i], true
}

func (u *user) sessionIndex(at history.Second) int {
	i, found := slices.BinarySearchFunc(u.sessions, at, func(s history.Session, at history.Second) int { return int(s.Login) - int(at) })
	if found {
		return i
	}
	return i - 1
}

// toldAway reports whether the last callback about a user said that they left, or there was
// none. Of one second a sign-in is told first and a leaving last.
func (u *user) toldAway(at history.Second) bool {
	for i := u.sessionIndex(at); i >= 0; i-- {
		switch s := u.sessions[i]; {
		case !s.LeaveLost && s.Seen < at:
			return true
		case !s.LoginLost:
			return false
		}
	}
	return true
}

// back returns when they sign in next, after a time.
func (u *user) back(after history.Second) history.Second {
	if i := u.sessionIndex(after) + 1; i < len(u.sessions) {
		return u.sessions[i].Login
	}
	return history.Never
}

// toldHere returns when wxnotify was last told that they were there: they signed in, read, or
// left.
func (u *user) toldHere(until history.Second) history.Second {
	var last history.Second
	for i := u.sessionIndex(until); i >= 0 && last == 0; i-- {
		switch s := u.sessions[i]; {
		case !s.LeaveLost && s.Seen <= until:
			last = s.Seen
		case !s.LoginLost:
			last = s.Login
		}
	}
	if i, _ := slices.BinarySearch(u.reads, until+1); i > 0 {
		last = max(last, u.reads[i-1])
	}
	return last
}
