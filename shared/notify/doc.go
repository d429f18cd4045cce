// Package notify decides who is told what, and when.
//
// It is the domain of wxnotify: messages, recipients, permits and cards, and the rules about them. It
// knows nothing of HTTP, Redis or the function platform, and nothing happens in it: no context, no
// clock, no goroutine. What is decided is done by others: shared/inbox takes facts in, shared/deliver
// sends cards, shared/store keeps the records, shared/explain makes sentences of a timeline.
//
//	Fact                    what a platform told us, checked and decoded; Filter says what counts
//	Mailbox                 what is kept of a recipient; its methods are what may happen to it
//	SubscriberRecord        what is kept of an openid: permits and cards
//	Rules.Decide, Plan      what to do about somebody for whom something is due
//	Attempt, Outcome        a card on its way, and what its recipient goes on with after each turn
//	Template                how a card reads
//	Step                    one line of a recipient's timeline
//
// A notice is a message that waits for one recipient. A card is the subscribe message that goes out
// and carries one or more notices. A permit is one accepted one-time subscription and pays for one
// card.
package notify
