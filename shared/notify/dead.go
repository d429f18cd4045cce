package notify

import "time"

// A DeadLetter is what is kept of a card that was given up: enough to announce its
// notices again once the cause is mended, and no text of theirs.
type DeadLetter struct {
	ID       string // the card's
	User     UserID
	OpenID   OpenID
	Card     CardID
	Kind     Kind
	Template TemplateID
	Messages []Identity
	From     []UserID // who had written, each once
	At       time.Time
	Class    string // the class of the last error
	Cause    string // what it said, for people
}

// Replayed says what a replay did.
type Replayed struct {
	Messages int  // that wait again; 0 if there is no such letter, or all of it was read or muted since
	Wake     bool // no run of deliver is watching
}
