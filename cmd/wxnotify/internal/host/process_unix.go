//go:build unix

package host

import "syscall"

// A file says by its mode that it can be run.
const (
	// Executable ends the name of a file that can be run.
	Executable      = ""
	executableModes = 0o111
)

type groupSignal = syscall.Signal

const (
	signalStop     = syscall.SIGSTOP
	signalContinue = syscall.SIGCONT
	signalKill     = syscall.SIGKILL
)

// signalGroup signals the process group that pid leads. The only error there can be
// is that nobody is left in it.
func signalGroup(pid int, s groupSignal) { _ = syscall.Kill(-pid, s) }
