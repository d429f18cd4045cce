// Package child has processes end with ours.
package child

import (
	"os/exec"
	"syscall"
)

// Bind has a process end with ours, also when ours is killed.
func Bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
