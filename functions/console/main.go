// Command console serves the operator's console: pages and a JSON API, to whoever has CONSOLE_TOKEN. It is deployed only
// if that is set.
package main

import (
	"wxnotify/shared/scf"
	"wxnotify/shared/wire"
)

func main() { scf.Main("console", wire.Console(wire.Seams{})) }
