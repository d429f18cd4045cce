//go:build !linux

package port

import (
	"net"
	"sync"
)

var (
	mu   sync.Mutex
	held = map[int]bool{}
)

// hold remembers a port that was free when it was looked at.
func hold() (port int, release func(), err error) {
	mu.Lock()
	defer mu.Unlock()
	for {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return 0, nil, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if !held[port] {
			held[port] = true
			return port, func() { mu.Lock(); defer mu.Unlock(); delete(held, port) }, nil
		}
	}
}
