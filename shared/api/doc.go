// Package api serves wxnotify's own HTTP APIs: session, which logs a mini-program user
// in, permits, which keeps the account of their subscriptions and their wishes, and
// announce, with which the operator's backend tells users something of its own.
//
// Bodies are JSON; an error is {"error":{"code":"...","message":"..."}} with a
// fitting status. docs/api.md is its reference.
package api
