// Package erase has a user with every kind of record be erased, by themselves and by WeChat, and looks
// through every key and value for their names: at once, after a run that was at work, after late
// news, and after all TTLs.
package erase
