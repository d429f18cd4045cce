package history

import "fmt"

// Grants are what the users permit, at a rate.
type Grants struct {
	Rate   float64 // permits a user and day, on average
	Taps   []Tap
	Of     [][]int32 // by user: indexes in Taps, in order
	Events []Event   // Tapped and Reported, in order
}

// A Tap is one permit.
type Tap struct {
	User int32
	At   Second
}

// Grants draws what the users permit at a rate. The rest of the history is the same for
// every rate.
func (h *History) Grants(rate float64) *Grants {
	g := &Grants{Rate: rate, Of: make([][]int32, h.Users)}
	for u := range int32(h.Users) {
		r := h.random(fmt.Sprintf("grants %g of user %d", rate, u))
		for _, s := range h.Sessions[u] {
			// In how many sessions permits are asked for follows from the rate.
			if r.Float64() >= rate/MeanSessions/tapsMean {
				continue
			}
			n := geometric(r, tapsMean)
			room := int(s.Leave-s.Login) - 2
			at := s.Login + 1
			for range n {
				at += Second(min(between(r, shortestTap, longestTap), room/n))
				ref := int32(len(g.Taps))
				g.Taps = append(g.Taps, Tap{u, at})
				g.Of[u] = append(g.Of[u], ref)
				g.Events = append(g.Events, Event{at, Tapped, u, ref})
				if r.Float64() < reportShare {
					g.Events = append(g.Events, Event{at + Second(r.IntN(4)), Reported, u, ref})
				}
			}
		}
	}
	sortEvents(g.Events)
	return g
}

// MostRate is the highest rate at which permits can be drawn.
const MostRate = MeanSessions * tapsMean
