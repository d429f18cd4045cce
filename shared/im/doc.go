// Package im speaks with Tencent Cloud IM.
//
// Inwards: a Receiver proves that a callback comes from our IM app, Decode turns it
// into typed events, Callback.Facts says what of it the domain should know, and
// Handler does all three for one HTTP request.
//
// Outwards: a Signer makes and checks UserSigs, and a Client asks IM's REST API who
// is online, who is in a group, what people and groups are called and what is unread.
//
// Facts about the platform carry the address of the page that states them.
package im
