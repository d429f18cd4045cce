package history

import (
	"math"
	"math/rand/v2"
	"slices"
)

// sessions draws the stays of one user.
func sessions(r *rand.Rand, days int) []Session {
	var out []Session
	for d := range days {
		n := fewestSessions + r.IntN(mostSessions-fewestSessions+1)
		lengths := make([]Second, n)
		for i := range lengths {
			lengths[i] = sessionLength(r)
		}
		for _, s := range place(r, lengths) {
			s.Login += Second(d) * day
			s.Leave += Second(d) * day
			s.Seen = s.Leave
			if r.Float64() < lateShare {
				s.Seen += [...]Second{late, veryLate}[r.IntN(2)]
			}
			s.LoginLost = r.Float64() < lostShare
			s.LeaveLost = r.Float64() < lostShare
			out = append(out, s)
		}
	}
	return out
}

func sessionLength(r *rand.Rand) Second {
	for {
		if s := medianSession * math.Exp(sessionSpread*r.NormFloat64()); s >= shortestSession && s <= longestSession {
			return Second(s)
		}
	}
}

// place puts sessions of the given lengths anywhere into a day, apart from one another.
func place(r *rand.Rand, lengths []Second) []Session {
	const from, to = Second(firstHour * 3600), Second(lastHour * 3600)
	out := make([]Session, len(lengths))
	for {
		for i, n := range lengths {
			at := from + Second(r.Int32N(int32(to-from-n)))
			out[i] = Session{Login: at, Leave: at + n}
		}
		slices.SortFunc(out, func(a, b Session) int { return int(a.Login - b.Login) })
		if !crowded(out) {
			return out
		}
	}
}

func crowded(s []Session) bool {
	for i := range len(s) - 1 {
		if s[i+1].Login-s[i].Leave < apart {
			return true
		}
	}
	return false
}

// there returns a moment of a day at which the user is in the mini program.
func there(r *rand.Rand, all []Session, d int) Second {
	today := all[first(all, d):first(all, d+1)]
	var sum Second
	for _, s := range today {
		sum += s.Leave - s.Login
	}
	at := Second(r.Int32N(int32(sum)))
	for _, s := range today {
		if n := s.Leave - s.Login; at >= n {
			at -= n
		} else {
			return s.Login + at
		}
	}
	panic("a moment outside of the day's sessions")
}

// away returns a moment of a day at which they are not.
func away(r *rand.Rand, all []Session, d int) Second {
	for {
		at := Second(d)*day + Second(r.Int32N(int32(day)))
		if !inside(all, at) {
			return at
		}
	}
}

// first returns the index of the first session on day d or later.
func first(all []Session, d int) int {
	i, _ := slices.BinarySearchFunc(all, Second(d)*day, func(s Session, at Second) int { return int(s.Login - at) })
	return i
}

func inside(all []Session, at Second) bool {
	return slices.ContainsFunc(all[first(all, int(at/day)):first(all, int(at/day)+1)], func(s Session) bool {
		return s.Login <= at && at < s.Leave
	})
}
