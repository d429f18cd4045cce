package functest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
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

// serve relays one connection, command by command. go-redis sends what belongs together
// and waits for all the answers: what comes while none is outstanding begins a request.
func (p *Tap) serve(client net.Conn, store string) {
	defer client.Close()
	server, err := net.Dial("tcp", store)
	if err != nil {
		return
	}
	defer server.Close()
	var current, outstanding atomic.Int32
	go func() {
		defer client.Close()
		from := bufio.NewReader(server)
		for {
			reply, err := readRESP(from)
			if err != nil || outstanding.Add(-1) == 0 && !p.pass(int(current.Load()), true) {
				return
			}
			client.Write(reply)
		}
	}()
	from := bufio.NewReader(client)
	for {
		command, err := readRESP(from)
		if err != nil {
			return
		}
		if outstanding.Add(1) == 1 {
			current.Store(p.seen.Add(1))
			if !p.pass(int(current.Load()), false) {
				return
			}
		}
		if _, err := server.Write(command); err != nil {
			return
		}
	}
}

// readRESP returns one value of the protocol as it came.
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
func readRESP(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	n, _ := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
	switch line[0] {
	case '$':
		if n < 0 {
			return line, nil
		}
		text := make([]byte, n+2)
		_, err := io.ReadFull(r, text)
		return append(line, text...), err
	case '*':
		for range n {
			v, err := readRESP(r)
			if err != nil {
				return nil, err
			}
			line = append(line, v...)
		}
	}
	return line, nil
}
