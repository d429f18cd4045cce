// Command deliver runs each minute, and when woken, and sends the cards that are due.
// It also takes in what receivers spilled while the store was away.
package main

import (
	"wxnotify/shared/scf"
	"wxnotify/shared/wire"
)

func main() { scf.Main("deliver", wire.Deliver(wire.Seams{})) }
