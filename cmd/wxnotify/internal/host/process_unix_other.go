//go:build unix && !linux

package host

import "syscall"

// processAttributes make a process lead a group of its own. Only Linux can tie its
// life to that of the host.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
