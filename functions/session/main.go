// Command session logs mini-program users in: it binds their openid to an IM UserID
// and gives them the UserSig with which to sign in to IM.
package main

import (
	"wxnotify/shared/scf"
	"wxnotify/shared/wire"
)

func main() { scf.Main("session", wire.Session(wire.Seams{})) }
