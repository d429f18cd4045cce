package permit

import (
	"fmt"
	"math"
	"time"

	"wxnotify/shared/fact"
)

// Asking bounds how the mini program is advised to ask for permits.
type Asking struct {
	Below      int           // the dialog may ask while fewer permits are left
	Every      time.Duration // so long after the user's last tap it may not
	AgainAfter time.Duration // nor so long after a refusal; twice as long after the second in a row, then four times
	Stock      int           // most permits to add on taps that open no dialog
}

// Advice tells the mini program what to ask the user for on their next tap.
type Advice struct {
	ID       fact.TemplateID `json:"id"`
	Kind     string          `json:"kind"` // the template's name in notify.yml
	Balance  int             `json:"balance"`
	LongTerm bool            `json:"longTerm"`
	Ask      bool            `json:"ask"` // the dialog may be opened now
	// AskInSeconds is when it may, if only the time is missing; else 0.
	AskInSeconds int `json:"askInSeconds"`
	// Stock is up to how many permits to add where the user keeps their acceptance, so that a tap
	// opens no dialog.
	Stock  int    `json:"stock"`
	Missed int    `json:"missed"`
	Why    string `json:"why"` // for developers
}

// digestsStocked is how many permits are stocked beside those that a digest has to leave.
const digestsStocked = 5

// Advice returns advice for the ledger's template, without its ID and Kind. A long-term template is
// accepted once, for any number of cards. It does not change l.
func (l *Ledger) Advice(rules Asking, longTerm bool, now time.Time) Advice {
	a := Advice{LongTerm: longTerm, Balance: l.Free(), Missed: l.Missed, Stock: min(max(l.coming()+digestsStocked, rules.Below), rules.Stock)}
	enough := l.enough(rules)
	if longTerm {
		a.Balance, a.Stock, enough = min(a.Balance, 1), 1, 1
	}
	wait := l.askAt(rules).Sub(now)
	switch {
	case a.Balance >= enough && longTerm:
		a.Why = "subscribed, for any number of cards"
	case a.Balance >= enough:
		a.Why = "enough permits are left"
	case wait > 0:
		a.AskInSeconds = int(math.Ceil(wait.Seconds()))
		a.Why = "the user answered not long ago"
		if l.Refusals > 0 {
			a.Why = fmt.Sprintf("the user refused; refusals in a row: %d", l.Refusals)
		}
	default:
		a.Ask, a.Why = true, l.need(a)
	}
	return a
}

// need says why the user should be asked.
func (l *Ledger) need(a Advice) string {
	switch {
	case a.Balance > 0:
		return "few permits are left: each pays for one card"
	case l.Missed > 0:
		return fmt.Sprintf("no permit is left; absences that found none: %d", l.Missed)
	case a.LongTerm:
		return "not subscribed: nothing can be announced with this template"
	}
	return "no permit is left: nothing can be announced with this template"
}

// enough is with how many permits the user need not be asked: a permit covers one absence, so as many
// as they usually have before they grant again, or as were missed of late.
func (l *Ledger) enough(rules Asking) int {
	return max(rules.Below, min(max(int(math.Ceil(l.Expected)), l.Missed+1), rules.Stock))
}

// askAt is from when on the user may be asked.
func (l *Ledger) askAt(rules Asking) time.Time {
	at := l.Session
	if !at.IsZero() {
		at = at.Add(rules.Every)
	}
	if l.Refusals > 0 {
		at = fact.Later(at, l.Refused.Add(rules.AgainAfter<<min(l.Refusals-1, 2)))
	}
	return at
}
