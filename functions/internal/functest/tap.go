package functest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// A Tap sits between a function and the store, sees each request go by, and may cut its
// connection.
type Tap struct {
	Addr string

	store string
	names map[string]string // of scripts, by SHA-1
	now   func() time.Time
	seen  atomic.Int32
	calls calls
}

// NewTap returns a tap before the store at an address. It ends with the test.
func NewTap(t *testing.T, store string) *Tap {
	t.Helper()
	return NewClockTap(t, store, nil, nil)
}

// NewClockTap returns a tap that knows scripts by their names, as ScriptNames tells them, and
// has them work by the time that now tells instead of the store's.
func NewClockTap(t *testing.T, store string, names map[string]string, now func() time.Time) *Tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &Tap{Addr: l.Addr().String(), store: store, names: names, now: now}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

// On has f asked about each request before it is passed on. Nil passes everything.
func (p *Tap) On(f func(Request) *Cut) { p.calls.on(f) }

// Requests returns how many requests have come by.
func (p *Tap) Requests() int { return int(p.seen.Load()) }

// serve relays one connection, request by request: the store sends what belongs together
// at once, and waits for all the answers.
func (p *Tap) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.store)
	if err != nil {
		return
	}
	defer server.Close()
	from, back := bufio.NewReaderSize(client, 64<<10), bufio.NewReader(server)
	for {
		batch, err := readBatch(from)
		if err != nil {
			return
		}
		p.seen.Add(1)
		cut := p.calls.ask(p.nameOf(batch[0]), len(batch))
		if cut != nil {
			batch = batch[:min(cut.After, len(batch))]
		}
		answer, err := p.exchange(server, back, batch)
		if cut != nil {
			cut.then()
			return
		}
		if err != nil {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// exchange passes commands on and returns their replies as they came.
func (p *Tap) exchange(server net.Conn, back *bufio.Reader, batch []value) ([]byte, error) {
	var request, answer bytes.Buffer
	for _, command := range batch {
		request.Write(p.timed(command).raw)
	}
	if _, err := server.Write(request.Bytes()); err != nil {
		return nil, err
	}
	for range batch {
		reply, err := readValue(back)
		if err != nil {
			return nil, err
		}
		answer.Write(reply.raw)
	}
	return answer.Bytes(), nil
}

// readBatch returns what a client sends at once.
func readBatch(r *bufio.Reader) ([]value, error) {
	var batch []value
	for {
		command, err := readValue(r)
		if err != nil {
			return nil, err
		}
		if batch = append(batch, command); r.Buffered() == 0 {
			return batch, nil
		}
	}
}

// A value is one value of the protocol as it came, and the parts of a list.
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
type value struct {
	raw   []byte
	text  string
	parts []value
}

func readValue(r *bufio.Reader) (value, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return value{}, err
	}
	v := value{raw: line}
	n := decimal(line[1:])
	switch line[0] {
	case '$':
		if n < 0 {
			return v, nil
		}
		text := make([]byte, n+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return value{}, err
		}
		v.raw, v.text = append(v.raw, text...), string(text[:n])
	case '*':
		for range n {
			part, err := readValue(r)
			if err != nil {
				return value{}, err
			}
			v.raw, v.parts = append(v.raw, part.raw...), append(v.parts, part)
		}
	}
	return v, nil
}
