// Package faultproxy has a proxy that stands before a store in tests: it leads to one server or
// another, as the address of a TencentDB instance does, and to each connection may happen what happens
// on a network.
package faultproxy

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxnotify/internal/port"
	"wxnotify/internal/testkit"
)

// A Proxy is the address under which a store is known.
type Proxy struct {
	t    testing.TB
	Addr string

	upstream func(target string) (net.Conn, error)

	mu       sync.Mutex
	listener net.Listener
	target   string
	away     bool // nobody is there to dial
	lost     bool // nobody ever answers who dials
	conns    map[net.Conn]bool
	delay    time.Duration // of each answer
	mute     bool          // passes nothing on
	cut      Cutter
	random   *rand.Rand
}

// New returns one that leads to a server. It ends with the test.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, Addr: port.Addr(t), target: target, conns: map[net.Conn]bool{}, random: rand.New(rand.NewPCG(1, 2)),
		upstream: func(target string) (net.Conn, error) { return net.Dial("tcp", target) }}
	p.Listen()
	t.Cleanup(p.Refuse)
	return p
}

// Pipes returns one without a network: what dial returns leads to where upstream leads.
func Pipes(t testing.TB, upstream func() (net.Conn, error)) *Proxy {
	p := &Proxy{t: t, conns: map[net.Conn]bool{}, random: rand.New(rand.NewPCG(1, 2)),
		upstream: func(string) (net.Conn, error) { return upstream() }}
	t.Cleanup(p.Sever)
	return p
}

// Dial connects, without a network.
func (p *Proxy) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	away, lost := p.away, p.lost
	p.mu.Unlock()
	switch {
	case lost:
		<-ctx.Done()
		return nil, ctx.Err()
	case away:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	go p.serve(far)
	return near, nil
}

// Gone says whether nobody is there to dial, or nobody ever answers who dials; with either the
// connections that are there end.
func (p *Proxy) Gone(away, lost bool) {
	p.mu.Lock()
	p.away, p.lost = away, lost
	p.mu.Unlock()
	if away || lost {
		p.Sever()
	}
}

// Listen takes connections from now on.
func (p *Proxy) Listen() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.Addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener = l
	go testkit.Accept(l, p.serve)
}

// Refuse takes no connections from now on, and ends those that are there.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	p.listener.Close()
	p.mu.Unlock()
	p.Sever()
}

// Sever ends all connections.
func (p *Proxy) Sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// Lead has new connections go to another server. Those that are there stay.
func (p *Proxy) Lead(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Slow delays each answer.
func (p *Proxy) Slow(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Silence passes nothing on. When it is over the connections are of no use any more.
func (p *Proxy) Silence(on bool) {
	p.mu.Lock()
	p.mute = on
	p.mu.Unlock()
	if !on {
		p.Sever()
	}
}

// Cut ends connections as cut says; nil: no more.
func (p *Proxy) Cut(cut Cutter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
}

// A Cutter says of n bytes that go by, of answers or of requests, how many of them still pass
// before the connection is cut; n or more: it is not.
type Cutter func(r *rand.Rand, answers bool, n int) int

// serve joins one connection with the server.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	upstream, err := p.upstream(target)
	if err != nil {
		return
	}
	defer upstream.Close()
	p.mu.Lock()
	p.conns[client], p.conns[upstream] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, client)
		delete(p.conns, upstream)
	}()
	go func() {
		defer client.Close()
		answers := buffer(client)
		defer answers.flush()
		p.pass(answers, upstream, true)
	}()
	p.pass(upstream, client, false)
}

// pass passes on what comes from one side.
func (p *Proxy) pass(to io.Writer, from io.Reader, answers bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		delay, mute, part := p.delay, p.mute, n
		if p.cut != nil {
			part = min(p.cut(p.random, answers, n), n)
		}
		p.mu.Unlock()
		if mute {
			continue
		}
		if answers && delay > 0 {
			<-time.After(delay)
		}
		if _, err := to.Write(buf[:part]); err != nil || part < n {
			return
		}
	}
}

// A buffered connection keeps what is written until the other side reads it, as a kernel does and
// a pipe does not: a client may send many commands before it reads the first answer.
type buffered struct {
	waiting chan []byte
	done    chan struct{}
}

func buffer(c net.Conn) buffered {
	b := buffered{make(chan []byte, 4096), make(chan struct{})}
	go func() {
		defer close(b.done)
		for p := range b.waiting {
			_, _ = c.Write(p) // whoever has gone reads nothing
		}
	}()
	return b
}

func (b buffered) Write(p []byte) (int, error) {
	b.waiting <- slices.Clone(p)
	return len(p), nil
}

// flush waits until all has been read, or nobody is there to read it.
func (b buffered) flush() {
	close(b.waiting)
	<-b.done
}
