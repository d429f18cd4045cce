package faults_test

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
)

// A vip is the address under which the store is known: it leads to one server or another, as
// the address of a TencentDB instance does, and to each connection may happen what happens on
// a network.
type vip struct {
	t    testing.TB
	addr string

	upstream func(target string) (net.Conn, error)

	mu       sync.Mutex
	listener net.Listener
	target   string
	away     bool // nobody is there to dial
	lost     bool // nobody ever answers who dials
	conns    map[net.Conn]bool
	delay    time.Duration // of each answer
	mute     bool          // passes nothing on
	cut      cutter
	random   *rand.Rand
}

// newVIP returns one that leads to a server. It ends with the test.
func newVIP(t testing.TB, target string) *vip {
	t.Helper()
	v := &vip{t: t, addr: port.Addr(t), target: target, conns: map[net.Conn]bool{}, random: rand.New(rand.NewPCG(1, 2)),
		upstream: func(target string) (net.Conn, error) { return net.Dial("tcp", target) }}
	v.listen()
	t.Cleanup(v.refuse)
	return v
}

// newPipes returns one without a network: what dial returns leads to where upstream leads.
func newPipes(t testing.TB, upstream func() (net.Conn, error)) *vip {
	v := &vip{t: t, conns: map[net.Conn]bool{}, random: rand.New(rand.NewPCG(1, 2)),
		upstream: func(string) (net.Conn, error) { return upstream() }}
	t.Cleanup(v.sever)
	return v
}

// dial connects, without a network.
func (v *vip) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	v.mu.Lock()
	away, lost := v.away, v.lost
	v.mu.Unlock()
	switch {
	case lost:
		<-ctx.Done()
		return nil, ctx.Err()
	case away:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	go v.serve(far)
	return near, nil
}

// gone says whether nobody is there to dial, or nobody ever answers who dials; with either the
// connections that are there end.
func (v *vip) gone(away, lost bool) {
	v.mu.Lock()
	v.away, v.lost = away, lost
	v.mu.Unlock()
	if away || lost {
		v.sever()
	}
}

// listen takes connections from now on.
func (v *vip) listen() {
	v.t.Helper()
	l, err := net.Listen("tcp", v.addr)
	must(v.t, err)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.listener, v.addr = l, l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go v.serve(c)
		}
	}()
}

// refuse takes no connections from now on, and ends those that are there.
func (v *vip) refuse() {
	v.mu.Lock()
	v.listener.Close()
	v.mu.Unlock()
	v.sever()
}

// sever ends all connections.
func (v *vip) sever() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for c := range v.conns {
		c.Close()
	}
	clear(v.conns)
}

// lead has new connections go to another server. Those that are there stay.
func (v *vip) lead(target string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.target = target
}

// slow delays each answer.
func (v *vip) slow(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.delay = d
}

// silence passes nothing on. When it is over the connections are of no use any more.
func (v *vip) silence(on bool) {
	v.mu.Lock()
	v.mute = on
	v.mu.Unlock()
	if !on {
		v.sever()
	}
}

// cutting ends connections as cut says; nil: no more.
func (v *vip) cutting(cut cutter) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cut = cut
}

// A cutter says of n bytes that go by, of answers or of requests, how many of them still pass
// before the connection is cut; n or more: it is not.
type cutter func(r *rand.Rand, answers bool, n int) int

// serve joins one connection with the server.
func (v *vip) serve(client net.Conn) {
	defer client.Close()
	v.mu.Lock()
	target := v.target
	v.mu.Unlock()
	upstream, err := v.upstream(target)
	if err != nil {
		return
	}
	defer upstream.Close()
	v.mu.Lock()
	v.conns[client], v.conns[upstream] = true, true
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.conns, client)
		delete(v.conns, upstream)
	}()
	go func() {
		defer client.Close()
		answers := buffer(client)
		defer answers.flush()
		v.pass(answers, upstream, true)
	}()
	v.pass(upstream, client, false)
}

// pass passes on what comes from one side.
func (v *vip) pass(to io.Writer, from io.Reader, answers bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		v.mu.Lock()
		delay, mute, part := v.delay, v.mute, n
		if v.cut != nil {
			part = min(v.cut(v.random, answers, n), n)
		}
		v.mu.Unlock()
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
