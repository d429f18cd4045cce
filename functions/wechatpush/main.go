// Command wechatpush answers WeChat's URL verification and receives its message
// pushes: subscriptions granted and switched off, and users who want to be forgotten.
package main

import (
	"wxnotify/shared/scf"
	"wxnotify/shared/wire"
)

func main() { scf.Main("wechatpush", wire.WeChatPush(wire.Seams{})) }
