package port_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"wxnotify/internal/port"
)

// Who listens on a held port can end and begin again, and nobody is there in between.
func TestServersComeAndGo(t *testing.T) {
	addr := port.Addr(t)
	for range 3 {
		if _, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("dialled while nobody listens: %v", err)
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		l.Close()
	}
}

// Nobody who takes any port is given one that is held: neither who listens, nor who dials, nor
// who holds another.
func TestNobodyElseGetsIt(t *testing.T) {
	held := map[int]bool{}
	hold := func() {
		p := port.Of(t)
		if held[p] {
			t.Fatalf("%d is held twice", p)
		}
		held[p] = true
	}
	for range 300 {
		hold()
	}
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	for range 2000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", target.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []net.Addr{l.Addr(), c.LocalAddr()} {
			if p := at.(*net.TCPAddr).Port; held[p] {
				t.Fatalf("%d was given to somebody else", p)
			}
		}
		c.Close()
		l.Close()
	}
	for range 100 {
		hold()
	}
}
