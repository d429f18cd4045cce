// Package race has instances of wxnotify meet at one thing at once, two of them and two
// hundred, each with a store.Store of its own, before a real redis-server: at the access token,
// a permit, a recipient, a wake, a group's message, a circuit, a rate, a dead letter. Whatever
// the order, the promises hold.
package race
