// Package notify decides who is told what, and when.
//
// It is the domain of wxnotify: it knows messages, recipients, permits and cards,
// and nothing of HTTP, Redis or the function platform. It performs no I/O of its
// own; what it needs of the world it names as small interfaces (ports.go), which
// the packages im, wechat, store and scf implement.
//
// The way of a message:
//
//	callback ─▶ Fact ─▶ Inbox.Accept ─▶ notice waits for its recipient
//	                                        │ due
//	        Deliverer.Run:  claim ─▶ ask presence ─▶ begin ─▶ reserve a permit
//	                                ─▶ render ─▶ send ─▶ settle ─▶ finish
//
// A Fact is what a platform told us. A notice is a message that waits for one
// recipient. A card is the subscribe message that goes out and carries one or more
// notices. A permit is one accepted one-time subscription and pays for one card.
package notify
