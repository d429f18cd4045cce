package notify

import "fmt"

// words are the texts of our own that a card may show.
type words struct {
	message string                 // instead of a text that must not be shown
	name    string                 // instead of a name
	from    func(count int) string // what a sender has sent
}

var chinese = words{
	message: "您有新消息",
	name:    "好友",
	from: func(n int) string {
		if n == 1 {
			return "给您发来一条新消息"
		}
		return fmt.Sprintf("给您发来%d条新消息", n)
	},
}

var english = words{
	message: "New message",
	name:    "A friend",
	from: func(n int) string {
		if n == 1 {
			return "sent you a message"
		}
		return fmt.Sprintf("sent %d messages", n)
	},
}

// wordsFor returns the texts for a card's language.
func wordsFor(lang string) words {
	if lang == "en_US" {
		return english
	}
	return chinese
}
