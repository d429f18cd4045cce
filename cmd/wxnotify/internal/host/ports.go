package host

import (
	"net"
	"sync"
)

// portPool hands out free loopback ports. The kernel may offer a port again as soon as
// the probe is closed, and the binary listens only later, so each is remembered until
// its process has gone.
type portPool struct {
	mu    sync.Mutex
	taken map[int]bool
}

func newPortPool() *portPool { return &portPool{taken: make(map[int]bool)} }

// take returns a port that nobody listens on.
func (p *portPool) take() (port int, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return 0, nil, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if !p.taken[port] {
			p.taken[port] = true
			return port, func() { p.release(port) }, nil
		}
	}
}

func (p *portPool) release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}
