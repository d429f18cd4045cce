package history

import "math/rand/v2"

// read lets a user read what waits, one conversation after the other: within a while of
// what they see there first, if they stay that long.
func (h *History) read(r *rand.Rand, user int32) {
	conversations := make([][]int32, contacts)
	for _, i := range h.Of[user] {
		switch it := h.Items[i]; it.Kind {
		case Chat:
			conversations[it.Contact] = append(conversations[it.Contact], i)
		case Mention:
			h.Items[i].Read = h.sees(r, user, it.At)
		}
	}
	for contact, items := range conversations {
		for len(items) > 0 {
			at := h.sees(r, user, h.Items[items[0]].At)
			if at == Never {
				break
			}
			n := 0
			for n < len(items) && h.Items[items[n]].At <= at {
				h.Items[items[n]].Read = at
				n++
			}
			h.Readings = append(h.Readings, Reading{User: user, Contact: int32(contact), UpTo: h.Items[items[n-1]].At})
			h.Events = append(h.Events, Event{At: at, What: DidRead, User: user, Ref: int32(len(h.Readings) - 1)})
			items = items[n:]
		}
	}
}

// sees returns when a user reads what came in at, in the session that runs then or in a
// later one.
func (h *History) sees(r *rand.Rand, user int32, at Second) Second {
	all := h.Sessions[user]
	for i := max(h.session(user, at), 0); i < len(all); i++ {
		s := all[i]
		if at >= s.Leave {
			continue
		}
		if t := max(at, s.Login) + Second(between(r, 1, longestRead)); t < s.Leave {
			return t
		}
	}
	return Never
}
