package functest

import (
	"net"
	"sync/atomic"
	"testing"
)

// A Tap sits between a function and the store and sees each request and each answer go
// by.
type Tap struct {
	Addr string
	seen atomic.Int32
	on   atomic.Pointer[func(n int, answer bool) bool]
}

// NewTap returns a tap before the store at an address. It ends with the test.
func NewTap(t *testing.T, store string) *Tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &Tap{Addr: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c, store)
		}
	}()
	return p
}

// On has f asked before each request is passed on, and before each answer is, with
// the number of the request, counting from 1. If it says false, it is not passed on.
// Nil passes everything.
func (p *Tap) On(f func(n int, answer bool) bool) { p.on.Store(&f) }

func (p *Tap) pass(n int, answer bool) bool {
	f := p.on.Load()
	return f == nil || *f == nil || (*f)(n, answer)
}

// Requests returns how many requests have come by.
func (p *Tap) Requests() int { return int(p.seen.Load()) }

// serve relays one connection. go-redis asks and waits in turn, so whatever comes
// from the client until the store answers is one request.
func (p *Tap) serve(client net.Conn, store string) {
	defer client.Close()
	server, err := net.Dial("tcp", store)
	if err != nil {
		return
	}
	defer server.Close()
	var current atomic.Int32
	go func() {
		defer client.Close()
		buf := make([]byte, 1<<20)
		for {
			n, err := server.Read(buf)
			if err != nil || !p.pass(int(current.Load()), true) {
				return
			}
			client.Write(buf[:n])
		}
	}()
	buf := make([]byte, 1<<20)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		current.Store(p.seen.Add(1))
		if !p.pass(int(current.Load()), false) {
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}
