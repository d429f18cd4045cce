package permit

import "time"

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
