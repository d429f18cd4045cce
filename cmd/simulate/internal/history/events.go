package history

import (
	"cmp"
	"slices"
)

// An Event is one thing that a platform tells.
type Event struct {
	At   Second
	What What
	User int32 // of an event about a group: the group
	Ref  int32 // index in Sessions[User], Items, Posts or Readings
}

// What happened. In one second things happen in this order.
type What uint8

// The kinds of events.
const (
	Came      What = iota // Ref: session
	Tapped                // Ref: index in Grants.Taps
	Reported              // the mini program tells of a tap; likewise
	Arrived               // Ref: item, a Chat
	Posted                // Ref: post
	Rang                  // Ref: item, a Call
	RangOut               // the call ended, however
	Withdrawn             // a Chat was recalled
	Unposted              // a post was recalled
	DidRead               // Ref: reading
	Left                  // Ref: session
)

// events adds what the platforms tell of sessions, items and posts, and sorts all.
func (h *History) events() {
	add := func(at Second, what What, user int32, ref int) {
		if at != Never {
			h.Events = append(h.Events, Event{at, what, user, int32(ref)})
		}
	}
	for u, all := range h.Sessions {
		for i, s := range all {
			if !s.LoginLost {
				add(s.Login, Came, int32(u), i)
			}
			if !s.LeaveLost {
				add(s.Seen, Left, int32(u), i)
			}
		}
	}
	for i, it := range h.Items {
		switch it.Kind {
		case Chat:
			add(it.At, Arrived, it.User, i)
			add(it.Repeated, Arrived, it.User, i)
			add(it.Recalled, Withdrawn, it.User, i)
		case Call:
			add(it.At, Rang, it.User, i)
			add(it.Ends, RangOut, it.User, i)
		}
	}
	for i, p := range h.Posts {
		add(p.At, Posted, p.Group, i)
		add(p.Repeated, Posted, p.Group, i)
		add(p.Recalled, Unposted, p.Group, i)
	}
	sortEvents(h.Events)
}

func sortEvents(es []Event) { slices.SortFunc(es, compare) }

func compare(a, b Event) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.What, b.What), cmp.Compare(a.User, b.User), cmp.Compare(a.Ref, b.Ref))
}

// Before reports whether a happens before b.
func Before(a, b Event) bool { return compare(a, b) < 0 }
