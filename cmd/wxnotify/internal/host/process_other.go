//go:build !unix

package host

import (
	"os"
	"syscall"
)

// A file says by its name that it can be run.
const (
	executable      = ".exe"
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
