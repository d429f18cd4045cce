// Package trust has what the tests that hold us to the promises share: how long they go on,
// and what they count. The tests are in the folders below, and in functions for what needs
// the built binaries; cmd/trust runs them all and prints what they counted.
package trust

import (
	"os"
	"strconv"
	"testing"
)

// What tests count.
const (
	Histories   = "histories"    // random histories, checked after every step
	CrashPoints = "crash-points" // places at which a process was killed or a connection cut
	Faults      = "faults"       // things that went wrong in the world
	Races       = "races"        // times that instances met at one thing
	Attacks     = "attacks"      // requests that had to be refused
	Scanned     = "scanned"      // keys, log lines and answers looked through for what must not be there
	Violated    = "violated"     // promises broken
	Lost        = "lost"         // messages that ended in no state
	Doubled     = "doubled"      // messages told twice
)

// Size returns how much of something a test should do: quick in an ordinary go test,
// short or full as the variable TRUST says.
func Size(quick, short, full int) int {
	switch os.Getenv("TRUST") {
	case "short":
		return short
	case "full":
		return full
	}
	return quick
}

// Count adds n to what was counted of something. go test -json tells it as an attribute of t.
// It may be called more than once, and by several goroutines.
func Count(t testing.TB, what string, n int) {
	t.Helper()
	t.Attr("trust."+what, strconv.Itoa(n))
}

// Broken fails a test with a promise that did not hold, and counts it as one of what: [Violated],
// [Lost] or [Doubled].
func Broken(t testing.TB, what, format string, args ...any) {
	t.Helper()
	Count(t, what, 1)
	t.Errorf(format, args...)
}
