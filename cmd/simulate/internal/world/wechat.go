package world

import (
	"fmt"
	"sync"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/shared/card"
)

// lostShare is how many answers to a send never come; half of those cards were shown.
const lostShare = 0.005

// An Outcome is what became of a request to send a card.
type Outcome uint8

// The outcomes.
const (
	Shown       Outcome = iota // answered, and on the user's phone
	ShownUntold                // on their phone, but the answer was lost
	Lost                       // not on their phone, and the answer was lost
	Refused                    // 43101: they have no permit left
)

// Spends reports whether o costs the user a permit.
func (o Outcome) Spends() bool { return o == Shown || o == ShownUntold }

// Err is what the caller of a send sees of o.
func (o Outcome) Err() error {
	switch o {
	case Shown:
		return nil
	case Refused:
		return sendError{"errcode 43101", card.ClassRefused}
	}
	return sendError{"timeout", card.ClassUnknown}
}

type sendError struct {
	text  string
	class card.Class
}

func (e sendError) Error() string     { return "wechat: SendSubscribe: " + e.text }
func (e sendError) Class() card.Class { return e.class }

// WeChat keeps the permits of all users as WeChat does. It is safe for concurrent use.
type WeChat struct {
	seed  uint64
	mu    sync.Mutex
	users []account
}

type account struct{ permits, sends int }

// NewWeChat returns a WeChat at which nobody has permitted anything.
func NewWeChat(p history.Params) *WeChat {
	return &WeChat{seed: p.Seed, users: make([]account, p.Users)}
}

// Permit adds a permit.
func (w *WeChat) Permit(user int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users[user].permits++
}

// Send is a request to send a card. Which answers are lost depends on the user and on how
// many cards they were sent before, so not on the order in which users have their turn.
func (w *WeChat) Send(user int32) (o Outcome, msgID int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &w.users[user]
	a.sends++
	p := float64(history.Hash(fmt.Sprint(w.seed, "send", user, a.sends))>>11) / (1 << 53)
	switch {
	case p < lostShare/2:
		o = Lost
	case a.permits == 0:
		o = Refused
	case p < lostShare:
		o = ShownUntold
	}
	if o.Spends() {
		a.permits--
		msgID = int64(user)<<32 + int64(a.sends)
	}
	return o, msgID
}
