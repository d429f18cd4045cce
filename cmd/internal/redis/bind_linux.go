package redis

import (
	"os/exec"
	"syscall"
)

// bind has a process end with ours, also when ours is killed.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
