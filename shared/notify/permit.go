package notify

// askBelow is with how many permits in hand a user need not be asked for more. A
// permit covers one absence; with a few in hand a forgotten tap costs nothing.
const askBelow = 3

// Advice tells the mini program whether to open the subscribe dialog for a template
// on the user's next tap.
type Advice struct {
	ID       TemplateID `json:"id"`
	Kind     string     `json:"kind"` // the template's name in notify.yml
	Balance  int        `json:"balance"`
	LongTerm bool       `json:"longTerm"`
	Ask      bool       `json:"ask"`
	Why      string     `json:"why"`
}

// Advise gives advice for a one-time template of which a user has balance permits
// left.
func Advise(id TemplateID, kind string, balance int) Advice {
	a := Advice{ID: id, Kind: kind, Balance: balance, Ask: balance < askBelow}
	switch {
	case balance == 0:
		a.Why = "no permit is left: the next message cannot be announced"
	case a.Ask:
		a.Why = "few permits are left: each pays for one card"
	default:
		a.Why = "enough permits are left"
	}
	return a
}
