// Package port finds loopback ports for servers that are told theirs when they start, and keeps
// them while the server starts, is down for a while, or never comes: by then the kernel may
// have given a port that was only looked at to somebody else.
package port

import (
	"net"
	"strconv"
)

// Hold returns a port of 127.0.0.1 on which nobody listens: whoever dials it is refused. Until
// release is called nobody gets it who does not ask for it by number, whichever process they
// are in (on Linux; elsewhere, nobody who asks Hold in this process). A server may listen on it,
// again and again, if it sets SO_REUSEADDR, as redis-server and [net.Listen] do.
func Hold() (port int, release func(), err error) { return hold() }

// A Holder keeps what it holds until its cleanup: a [testing.TB].
type Holder interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
}

// Addr returns the address of a port that is held until the test ends.
func Addr(t Holder) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(Of(t)))
}

// Of returns a port that is held until the test ends.
func Of(t Holder) int {
	t.Helper()
	port, release, err := Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return port
}
