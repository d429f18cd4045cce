//go:build !unix

package host

import (
	"os"
	"syscall"
)

const (
	// Executable ends the name of a file that can be run.
	Executable      = ".exe"
	executableModes = 0
)

type groupSignal int

const (
	signalStop groupSignal = iota
	signalContinue
	signalKill
)

// signalGroup ends the process; there are no groups to stop and continue here, so
// functions are not frozen between events.
func signalGroup(pid int, s groupSignal) {
	if s != signalKill {
		return
	}
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

func processAttributes() *syscall.SysProcAttr { return nil }
