// Command announce lets the operator's own backend tell users something: an order was
// shipped, or a broadcast went out of which IM sends no callback.
package main

import (
	"wxnotify/shared/scf"
	"wxnotify/shared/wire"
)

func main() { scf.Main("announce", wire.Announce(wire.Seams{})) }
