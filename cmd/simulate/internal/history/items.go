package history

import (
	"math"
	"math/rand/v2"
	"time"

	"wxnotify/shared/fact"
)

// moment returns a time on day d, while the user is there with probability online.
func (h *History) moment(r *rand.Rand, user int32, d int, online float64) Second {
	if r.Float64() < online {
		return there(r, h.Sessions[user], d)
	}
	return away(r, h.Sessions[user], d)
}

// chats draws what is written to one user.
func (h *History) chats(r *rand.Rand, user int32) []Item {
	var out []Item
	for d := range h.Days {
		for range poisson(r, burstsPerDay) {
			contact := r.Int32N(contacts)
			at := h.moment(r, user, d, onlineShare)
			for range geometric(r, burstMean) {
				if at < h.End {
					it := Item{User: user, Contact: contact, Kind: Chat, At: at, Read: Never}
					it.Repeated, it.Recalled = mishaps(r, at)
					out = append(out, it)
				}
				at += Second(between(r, shortestGap, longestGap))
			}
		}
	}
	return out
}

// mishaps says when a message's callback is repeated, and when it is recalled.
func mishaps(r *rand.Rand, at Second) (repeated, recalled Second) {
	repeated, recalled = Never, Never
	if r.Float64() < repeatShare {
		repeated = at + Second(between(r, 1, longestEcho))
	}
	if r.Float64() < recallShare {
		recalled = at + Second(between(r, 1, longestUndo))
	}
	return repeated, recalled
}

// RingTime is how long a call rings at most.
const RingTime = time.Duration(ringTime) * time.Second

// calls draws who calls one user.
func (h *History) calls(r *rand.Rand, user int32) []Item {
	var out []Item
	for d := range h.Days {
		for range poisson(r, callsPerDay) {
			it := Item{User: user, Contact: r.Int32N(contacts), Kind: Call, Repeated: Never, Recalled: Never, Read: Never}
			it.At = min(h.moment(r, user, d, callsOnline), h.End-1)
			it.Ends, it.How = h.ringing(r, it)
			out = append(out, it)
		}
	}
	return out
}

// ringing says how a call ends. Who is there mostly takes it; who is away cannot.
func (h *History) ringing(r *rand.Rand, it Item) (Second, fact.CallEnd) {
	i := h.session(it.User, it.At)
	reaction := it.At + Second(between(r, 3, 15))
	if i >= 0 && reaction < h.Sessions[it.User][i].Leave {
		switch p := r.Float64(); {
		case p < answerShare:
			return reaction, fact.CallAnswered
		case p < answerShare+rejectShare:
			return reaction, fact.CallRejected
		}
	}
	if r.Float64() < cancelShare {
		return it.At + Second(between(r, 8, int(ringTime)-1)), fact.CallCancelled
	}
	return it.At + ringTime, fact.CallTimedOut
}

// posts draws what is written to one group.
func (h *History) posts(r *rand.Rand, group int32) {
	members := h.Members(group)
	for d := range h.Days {
		for range poisson(r, postsPerDay) {
			p := Post{Group: group, At: Second(d)*day + Second(firstHour*3600+r.IntN((lastHour-firstHour)*3600))}
			p.Repeated, p.Recalled = mishaps(r, p.At)
			if r.Float64() < mentionShare {
				if p.All = r.Float64() < allShare; p.All {
					p.For = members
				} else {
					p.For = []int32{members[r.IntN(len(members))]}
				}
			}
			h.Posts = append(h.Posts, p)
		}
	}
}

// between returns an integer from lo to hi, both included.
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// geometric returns 1, 2, 3 ... with the given mean.
func geometric(r *rand.Rand, mean float64) int {
	n := 1
	for r.Float64() >= 1/mean {
		n++
	}
	return n
}

// poisson returns 0, 1, 2 ... with the given mean.
func poisson(r *rand.Rand, mean float64) int {
	limit, n := math.Exp(-mean), 0
	for p := r.Float64(); p > limit; p *= r.Float64() {
		n++
	}
	return n
}
