package port

import (
	"fmt"
	"os"
	"syscall"
)

// hold binds the port and never listens. The kernel hands out no bound port, neither to who
// listens nor to who dials, and lets others bind it too if all of them set SO_REUSEADDR and none
// listens yet: https://man7.org/linux/man-pages/man7/socket.7.html.
func hold() (port int, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			syscall.Close(fd)
		}
	}()
	// The port is chosen before others may share it, so no two hold the same.
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, nil, os.NewSyscallError("bind", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, nil, os.NewSyscallError("setsockopt", err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, nil, os.NewSyscallError("getsockname", err)
	}
	in4, ok := at.(*syscall.SockaddrInet4)
	if !ok {
		return 0, nil, fmt.Errorf("port: bound to %T", at)
	}
	return in4.Port, func() { syscall.Close(fd) }, nil
}
