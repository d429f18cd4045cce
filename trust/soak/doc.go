// Package soak lets a whole town use wxnotify for a while, for an hour if the variable SOAK says
// so, with faults that come and go: messages, groups, calls, presence, reads, recalls, permits,
// logins, erasures and announcements, through the real functions in a process of their own,
// before a real redis-server. The memory of that process stays flat, no goroutine and no
// connection is left over, and in the end every account adds up, every message has one end, and
// none was told twice.
package soak
