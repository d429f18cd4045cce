// Package api serves wxnotify's own HTTP APIs: session, which logs a mini-program
// user in, and permits, which keeps the account of his subscriptions.
//
// Bodies are JSON; an error is {"error":{"code":"...","message":"..."}} with a
// fitting status. docs/api.md is its reference.
package api
