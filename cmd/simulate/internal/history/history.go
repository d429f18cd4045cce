// Package history makes up what happens to the users of an app over some days: when they
// come and go, what is written to them, when they read it, what they permit. It knows
// nothing of who announces what.
//
// Equal Params give equal histories.
package history

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
)

// Params say how much is made up.
type Params struct {
	Users int
	Days  int
	Seed  uint64
}

// Check returns what is wrong with p.
func (p Params) Check() error {
	switch {
	case p.Users < 1 || p.Users > 100_000:
		return fmt.Errorf("users: %d: use 1 to 100000", p.Users)
	case p.Days < 1 || p.Days > 60:
		return fmt.Errorf("days: %d: use 1 to 60", p.Days)
	}
	return nil
}

// A Second is a time in a history, counted from Start.
type Second int32

// Never is after everything that happens.
const Never Second = 1<<31 - 1

const day Second = 24 * 60 * 60

var beijing = time.FixedZone("Beijing", 8*60*60)

// Start is midnight in Beijing, of a Monday.
var Start = time.Date(2031, 3, 3, 0, 0, 0, 0, beijing)

// Time returns s as a time.
func (s Second) Time() time.Time { return Start.Add(time.Duration(s) * time.Second) }

// A Session is a stay in the mini program.
type Session struct {
	Login Second
	Leave Second // when they really left
	Seen  Second // when IM noticed
	// LoginLost and LeaveLost: IM's callback about it never came.
	LoginLost, LeaveLost bool
}

// A Kind is a kind of Item.
type Kind uint8

// The kinds.
const (
	Chat    Kind = iota // one-to-one
	Mention             // in a group
	Call                // one-to-one
)

// An Item is a message or a call for one user.
type Item struct {
	User     int32
	Contact  int32 // who wrote or calls; of a Mention: index in Posts
	Kind     Kind
	At       Second
	Repeated Second // when IM's callback came a second time; or Never
	Recalled Second // or Never
	Read     Second // or Never; of a Mention IM does not tell
	// Ends and How say how a Call ended.
	Ends Second
	How  fact.CallEnd
}

// A Post is a message to a group.
type Post struct {
	Group    int32
	Seq      uint32
	At       Second
	Repeated Second
	Recalled Second
	For      []int32 // users who are mentioned
	All      bool    // everybody is
	Items    []int32 // what it is for each of them: indexes in History.Items
}

// A Reading is a read report.
type Reading struct {
	User, Contact int32
	UpTo          Second // At of the newest message that they saw
}

// A History is what happened.
type History struct {
	Params
	Sessions [][]Session // by user, in order
	Items    []Item      // in order of At
	Of       [][]int32   // by user: indexes in Items, in order
	Posts    []Post      // in order of At
	Readings []Reading
	Events   []Event // all but what was permitted, in order
	End      Second
}

// New makes up a history.
func New(p Params) *History {
	h := &History{Params: p, End: Second(p.Days) * day}
	for u := range int32(p.Users) {
		r := h.random(fmt.Sprint("user ", u))
		h.Sessions = append(h.Sessions, sessions(r, p.Days))
		h.Items = append(h.Items, h.chats(r, u)...)
		h.Items = append(h.Items, h.calls(r, u)...)
	}
	for g := range h.Groups() {
		h.posts(h.random(fmt.Sprint("group ", g)), g)
	}
	h.order()
	for u := range int32(p.Users) {
		h.read(h.random(fmt.Sprint("reader ", u)), u)
	}
	h.events()
	return h
}

// order sorts Items and Posts and links them.
func (h *History) order() {
	slices.SortStableFunc(h.Posts, func(a, b Post) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Group, b.Group)) })
	seq := make([]uint32, h.Groups())
	for i := range h.Posts {
		p := &h.Posts[i]
		seq[p.Group]++
		p.Seq = seq[p.Group]
		for _, u := range p.For {
			h.Items = append(h.Items, Item{User: u, Contact: int32(i), Kind: Mention, At: p.At, Repeated: p.Repeated, Recalled: p.Recalled, Read: Never})
		}
	}
	slices.SortStableFunc(h.Items, func(a, b Item) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.User, b.User)) })
	h.Of = make([][]int32, h.Users)
	for i, it := range h.Items {
		h.Of[it.User] = append(h.Of[it.User], int32(i))
		if it.Kind == Mention {
			p := &h.Posts[it.Contact]
			p.Items = append(p.Items, int32(i))
		}
	}
}

// random returns a source of its own for each part of a history, so that one part can
// change without the others.
func (h *History) random(part string) *rand.Rand { return random(h.Seed, part) }

func random(seed uint64, part string) *rand.Rand {
	return rand.New(rand.NewPCG(seed, Hash(part)))
}

// Hash is FNV-1a with its bits mixed as MurmurHash3 does: for random numbers that do not
// depend on the order in which they are drawn.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Online reports whether IM calls user online at s. It still does for a while when they
// left without a word.
func (h *History) Online(user int32, s Second) bool {
	i := h.session(user, s)
	return i >= 0 && s < h.Sessions[user][i].Seen
}

// session returns the last session of user that began at s or before, or -1.
func (h *History) session(user int32, s Second) int {
	i, found := slices.BinarySearchFunc(h.Sessions[user], s, func(x Session, s Second) int { return cmp.Compare(x.Login, s) })
	if found {
		return i
	}
	return i - 1
}

// Groups returns how many groups there are. Each has groupSize of the users.
func (h *History) Groups() int32 { return (int32(h.Users) + groupSize - 1) / groupSize }

// Members returns the users of a group.
func (h *History) Members(group int32) []int32 {
	var out []int32
	for u := group * groupSize; u < min((group+1)*groupSize, int32(h.Users)); u++ {
		out = append(out, u)
	}
	return out
}

// The names under which the platforms know whom and what the history numbers.

// UserID names a user.
func UserID(user int32) fact.UserID { return fact.UserID(fmt.Sprintf("user%d", user)) }

// OpenID names a user at WeChat.
func OpenID(user int32) fact.OpenID { return fact.OpenID(fmt.Sprintf("openid%d", user)) }

// ContactID names somebody who writes to a user and has no mini program.
func ContactID(user, contact int32) fact.UserID {
	return fact.UserID(fmt.Sprintf("contact%d-%d", user, contact))
}

// GroupID names a group.
func GroupID(group int32) fact.GroupID { return fact.GroupID(fmt.Sprintf("group%d", group)) }

// HostID names the one who writes in a group, and has no mini program.
func HostID(group int32) fact.UserID { return fact.UserID(fmt.Sprintf("host%d", group)) }

// MessageID names an item.
func (h *History) MessageID(item int32) fact.MessageID {
	it := h.Items[item]
	switch it.Kind {
	case Mention:
		p := h.Posts[it.Contact]
		return fact.GroupMessageID(GroupID(p.Group), p.Seq)
	case Call:
		return fact.MessageID(fmt.Sprintf("call_%d", item))
	}
	return fact.MessageID(fmt.Sprintf("%d_1_%d", item, it.At.Time().Unix()))
}

// ItemOf returns the item of user that id names, or an error if there is none.
func (h *History) ItemOf(user int32, id fact.MessageID) (int32, error) {
	s, ok := strings.CutPrefix(string(id), "call_")
	if !ok {
		s, _, ok = strings.Cut(string(id), "_")
	}
	if ok {
		if n, err := strconv.ParseInt(s, 10, 32); err == nil && n < int64(len(h.Items)) && h.Items[n].User == user {
			return int32(n), nil
		}
	}
	group, seq, ok := strings.Cut(string(id), "#")
	if ok {
		for _, i := range h.mentionsOf(group, seq) {
			if h.Items[i].User == user {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("no message %q was sent to %s", id, UserID(user))
}

func (h *History) mentionsOf(group, seq string) []int32 {
	for _, i := range h.Posts {
		if string(GroupID(i.Group)) == group && strconv.FormatUint(uint64(i.Seq), 10) == seq {
			return i.Items
		}
	}
	return nil
}

// UserOf returns the number of a user or subscriber, or -1 for anybody else.
func UserOf[ID fact.UserID | fact.OpenID](id ID) int32 {
	for _, prefix := range []string{"user", "openid"} {
		if s, ok := strings.CutPrefix(string(id), prefix); ok {
			if n, err := strconv.ParseInt(s, 10, 32); err == nil {
				return int32(n)
			}
		}
	}
	return -1
}

// GroupOf returns the number of a group, or -1.
func GroupOf(id fact.GroupID) int32 {
	s, ok := strings.CutPrefix(string(id), "group")
	n, err := strconv.ParseInt(s, 10, 32)
	if !ok || err != nil {
		return -1
	}
	return int32(n)
}
