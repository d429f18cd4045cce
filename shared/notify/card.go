package notify

import (
	"hash/fnv"
	"strings"
)

// A CardID names one attempt to tell one recipient something. It is never reused.
type CardID string

// newCardID names a card after the lease under which it is begun, so that no two runs
// ever give two cards one name.
func newCardID(rec Recipient) CardID { return CardID(rec.Lease + "-" + string(rec.User)) }

// User returns for whom the card is.
func (c CardID) User() UserID {
	_, user, _ := strings.Cut(string(c), "-")
	return UserID(user)
}

// Jitter returns a number in [0,1) that is always the same for one card, so that what
// happens does not depend on which run it happens in.
func (c CardID) Jitter() float64 {
	h := fnv.New64a()
	h.Write([]byte(c))
	return float64(h.Sum64()>>11) / (1 << 53)
}

// A Card is a rendered subscribe message, ready to be sent. Every value in Data is
// legal for its keyword.
type Card struct {
	ID       CardID
	To       OpenID
	Template TemplateID
	// Page is a path of the mini program with an optional query and no leading
	// slash; empty: the card opens nothing.
	Page string
	// Data maps keywords, such as thing1, to values.
	Data             map[string]string
	MiniProgramState string // developer, trial or formal
	Lang             string // zh_CN, en_US, zh_HK or zh_TW
}
