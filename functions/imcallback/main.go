// Command imcallback receives Tencent IM's callbacks, records what they tell, and
// answers within IM's 2 s whatever happens behind.
package main

import (
	"wxnotify/shared/scf"
	"wxnotify/shared/wire"
)

func main() { scf.Main("imcallback", wire.IMCallback(wire.Seams{})) }
