package host

import "syscall"

// processAttributes make a process lead a group of its own and die with the host,
// also when the host is killed. The kernel means the thread that started it: see starter.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
