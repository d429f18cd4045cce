package card

import (
	"crypto/sha256"
	"encoding/base64"
	"hash/fnv"
	"strings"

	"wxnotify/shared/fact"
)

// A CardID names one attempt to tell one recipient something. It is never reused.
type ID string

// User returns for whom the card is.
func (c ID) User() fact.UserID {
	_, user, _ := strings.Cut(string(c), "-")
	return fact.UserID(user)
}

// Jitter returns a number in [0,1) that is always the same for one card, so that what
// happens does not depend on which run it happens in.
func (c ID) Jitter() float64 {
	h := fnv.New64a()
	h.Write([]byte(c))
	return float64(h.Sum64()>>11) / (1 << 53)
}

// Nameless is how a card is named whose user was erased while it was on its way: its own name is
// theirs. One that is named so already stays as it is.
func (c ID) Nameless() ID {
	const prefix = "erased "
	if strings.HasPrefix(string(c), prefix) {
		return c
	}
	sum := sha256.Sum256([]byte(c))
	return ID(prefix + base64.RawURLEncoding.EncodeToString(sum[:9]))
}
