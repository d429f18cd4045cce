// Package testkit holds what the tests of several packages share.
package testkit

import "time"

// Virtual clocks begin years away from any day on which a test runs, so a test that mixes
// one with the machine's clock fails on every day. Midnight UTC is eight in the morning in
// Beijing.
var (
	Future = time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC)
	Past   = time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC)
)

// At returns a clock that stands at t.
func At(t time.Time) func() time.Time { return func() time.Time { return t } }
