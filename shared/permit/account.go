package permit

import (
	"time"

	"wxnotify/shared/fact"
)

// askBelow is with how many permits in hand a user need not be asked for more. A
// permit covers one absence; with a few in hand a forgotten tap costs nothing.
const askBelow = 3

// Advice tells the mini program whether to open the subscribe dialog for a template
// on the user's next tap.
type Advice struct {
	ID       fact.TemplateID `json:"id"`
	Kind     string          `json:"kind"` // the template's name in notify.yml
	Balance  int             `json:"balance"`
	LongTerm bool            `json:"longTerm"`
	Ask      bool            `json:"ask"`
	Why      string          `json:"why"`
}

// Advise gives advice for a one-time template of which a user has balance permits
// left.
func Advise(id fact.TemplateID, kind string, balance int) Advice {
	a := Advice{ID: id, Kind: kind, Balance: balance, Ask: balance < askBelow}
	switch {
	case balance == 0:
		a.Why = "no permit is left: nothing can be announced with this template"
	case a.Ask:
		a.Why = "few permits are left: each pays for one card"
	default:
		a.Why = "enough permits are left"
	}
	return a
}

// An Account explains the balance of a template's permits: Opening and the changes of
// Entries add up to Balance.
type Account struct {
	Balance int // not spent, those held for cards on their way included
	Held    int
	Opening int
	Entries []AccountEntry // the last 20, oldest first
	// Expected is how many absences the user is expected to have before they grant again,
	// and Wanted how many they have had since they last did.
	Expected float64
	Wanted   int
	Drift    int // how often WeChat had no permit where the account had one
}

// An AccountEntry is one change of a balance.
type AccountEntry struct {
	At     time.Time
	Kind   string // popup, report, revoked, or the state of the card that was paid
	Change int
	Paired bool // popup and report told of the same tap
}

// entryRevoked is the Kind of an entry for permits that the user has switched off.
const entryRevoked = "revoked"
