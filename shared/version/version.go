// Package version tells which version of wxnotify a binary is.
package version

import "runtime/debug"

// String returns the version of this binary, as the go command stamped it: the tag of its commit, such as v0.2.0, or a
// pseudo-version with time and hash of the commit; behind it +dirty if there were changes beside. It is "devel" if the
// binary was built outside of a git checkout, or with -buildvcs=false.
//
// Source: https://go.dev/doc/go1.24#go-command
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
