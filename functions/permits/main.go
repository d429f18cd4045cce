// Command permits tells a mini program how many cards its user's subscriptions still
// pay for, and takes in what they answered to the subscribe dialog.
package main

import (
	"wxnotify/shared/scf"
	"wxnotify/shared/wire"
)

func main() { scf.Main("permits", wire.Permits(wire.Seams{})) }
