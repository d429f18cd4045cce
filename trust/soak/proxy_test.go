package soak_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy stands before the store and can be slow, refuse, and cut.
type proxy struct {
	addr    string
	backend string
	delay   atomic.Int64 // of each piece of an answer, ns
	refuse  atomic.Bool
	cuts    atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]bool
	busy  sync.WaitGroup
}

func newProxy(t *testing.T, backend string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), backend: backend, conns: map[net.Conn]bool{}}
	p.busy.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.busy.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.busy.Wait()
	})
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	if p.refuse.Load() {
		p.cuts.Add(1)
		return
	}
	server, err := net.Dial("tcp", p.backend)
	if err != nil {
		return
	}
	defer server.Close()
	p.hold(client, true)
	defer p.hold(client, false)
	var back sync.WaitGroup
	back.Go(func() {
		defer client.Close()
		io.Copy(client, slow{server, &p.delay})
	})
	io.Copy(server, client)
	server.Close()
	back.Wait()
}

// hold notes a connection that can be cut, or that it has ended.
func (p *proxy) hold(c net.Conn, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if open {
		p.conns[c] = true
	} else {
		delete(p.conns, c)
	}
}

// cut ends all connections, whatever is on its way.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
		p.cuts.Add(1)
	}
}

// calm makes the proxy pass everything on at once.
func (p *proxy) calm() {
	p.delay.Store(0)
	p.refuse.Store(false)
}

// slow is a reader that takes its time.
type slow struct {
	io.Reader
	delay *atomic.Int64
}

func (s slow) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if d := time.Duration(s.delay.Load()); d > 0 {
		<-time.After(d)
	}
	return n, err
}
