package card

// A Style is how the operator wants cards to look.
type Style struct {
	// Preview says how much of a message a card may show.
	Preview Preview
	// Lang and MiniProgramState go into every card.
	Lang             string
	MiniProgramState string
}

// Preview is how much of a message a card may show.
type Preview string

// The choices for Preview.
const (
	PreviewNone   Preview = "none"   // that something waits
	PreviewSender Preview = "sender" // and from whom
	PreviewText   Preview = "text"   // and what it says
)
