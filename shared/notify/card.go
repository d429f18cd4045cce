package notify

// A CardID names one attempt to tell one recipient something. It is never reused.
type CardID string

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
