// Package host runs SCF event functions on this machine the way the platform does.
//
// It starts the shipped Go1 binaries and speaks the platform's RPC with them:
//
//	function URL  ─▶ /<function>/...  ─┐
//	Invoke API    ─▶ POST /           ─┼─▶ pool ─▶ instance: one event at a time,
//	timer, retry  ─▶ async queue      ─┘           stopped between events (SIGSTOP),
//	                                               killed past its timeout
//
// What a function could come to rely on by mistake is kept from it: it gets no variable
// of the host's environment, no time between two events, no second event while one
// runs, and credentials only inside an event.
package host
