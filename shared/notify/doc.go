// Package notify decides who is told what, and when.
//
// It is the rules of wxnotify. They know nothing of HTTP, Redis or the function platform, and nothing
// happens here: no context, no clock, no goroutine. What is decided is done by others: shared/inbox takes
// facts in, shared/deliver sends cards, shared/store keeps the records, shared/explain makes sentences of a
// timeline. Ids and facts are words of shared/fact, what a card shows is made in shared/card, what it
// costs is accounted for in shared/permit.
//
//	Filter             what of a fact counts at all
//	Mailbox            what is kept of a recipient; its methods are what may happen to it
//	Rules.Decide       what to do about somebody for whom something is due: a Plan
//	Attempt            a card on its way, and what its recipient goes on with after each turn
//	Step               one line of a recipient's timeline
package notify
