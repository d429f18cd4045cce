package functions_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
)

// A request is one call that a function makes of something outside.
type request struct {
	name string
	nth  int // of its name, from 1
	size int // how many commands it has
}

// A hangUp ends the connection of a request instead of answering.
type hangUp struct {
	after int    // how many of its commands take effect before
	then  func() // done when they have, before the connection ends; may be nil
}

func (h *hangUp) done() {
	if h.then != nil {
		h.then()
	}
}

// calls numbers requests by their names, and asks what becomes of each.
type calls struct {
	mu   sync.Mutex
	nth  map[string]int
	asks func(request) *hangUp
}

// on has f asked about each request before it is passed on.
func (c *calls) on(f func(request) *hangUp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nth, c.asks = map[string]int{}, f
}

func (c *calls) ask(name string, size int) *hangUp {
	c.mu.Lock()
	c.nth[name]++
	r, f := request{name, c.nth[name], size}, c.asks
	c.mu.Unlock()
	return f(r)
}

// A tap sits between a function and the store, sees each request go by, and may end its connection.
// Scripts work by the time that now tells instead of the store's.
type tap struct {
	calls
	addr, store string
	names       map[string]string // of scripts, by SHA-1
	now         func() time.Time
}

// newTap returns a tap before the store at an address. It ends with the test.
func newTap(t *testing.T, store string, names map[string]string, now func() time.Time) *tap {
	t.Helper()
	p := &tap{store: store, names: names, now: now}
	p.addr = testkit.Serve(t, p.serve)
	return p
}

// serve relays one connection, request by request: the store sends what belongs together
// at once, and waits for all the answers.
func (p *tap) serve(client net.Conn) {
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
		h := p.ask(p.nameOf(batch[0]), len(batch))
		if h != nil {
			batch = batch[:min(h.after, len(batch))]
		}
		answer, err := p.exchange(server, back, batch)
		if h != nil {
			h.done()
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
func (p *tap) exchange(server net.Conn, back *bufio.Reader, batch []value) ([]byte, error) {
	var request, answer bytes.Buffer
	for _, command := range batch {
		request.Write(p.timed(command))
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
	n := decimal(string(line[1:]))
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

func decimal(s string) int {
	n, _ := strconv.Atoi(string(bytes.TrimSpace([]byte(s))))
	return n
}

// loadScripts has a server know the store's scripts, so that each run of one is one request. It
// returns their names by the SHA-1 under which they are run.
func loadScripts(t *testing.T, ctx context.Context, db *redis.Client) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../shared/store/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("the store has no scripts (%v)", err)
	}
	names := map[string]string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err == nil {
			err = db.ScriptLoad(ctx, string(source)).Err()
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := sha1.Sum(source)
		names[hex.EncodeToString(sum[:])] = strings.TrimSuffix(filepath.Base(file), ".lua")
	}
	return names
}

// nameOf returns what a command is called: a script by its file, and a run of take by what it takes.
func (p *tap) nameOf(command value) string {
	if len(command.parts) < 2 {
		return "?"
	}
	verb := strings.ToLower(command.parts[0].text)
	name := p.names[command.parts[1].text]
	switch {
	case verb != "evalsha" || name == "":
		return verb
	case name == "take":
		return claimOf(command)
	}
	return name
}

// claimOf returns what a run of take is: a claim of both queues, one of calls alone, or another.
func claimOf(command value) string {
	const keys, messages = 2, 11 // of the parts: how many keys there are, and how many messages it takes
	switch {
	case len(command.parts) <= messages || command.parts[keys].text != "5":
		return "take"
	case command.parts[messages].text == "0":
		return "claim calls"
	}
	return "claim"
}

// timed returns a command as the store is to get it. A script that is to work by the
// store's own clock has no time as its first argument, and gets the tap's.
func (p *tap) timed(command value) []byte {
	if len(command.parts) < 5 || !strings.HasPrefix(strings.ToLower(command.parts[0].text), "eval") {
		return command.raw
	}
	at := 3 + decimal(command.parts[2].text)
	if at >= len(command.parts) || command.parts[at].text != "" {
		return command.raw
	}
	now := strconv.FormatInt(p.now().UnixMilli(), 10)
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "*%d\r\n", len(command.parts))
	for i, part := range command.parts {
		if i == at {
			fmt.Fprintf(&raw, "$%d\r\n%s\r\n", len(now), now)
			continue
		}
		raw.Write(part.raw)
	}
	return raw.Bytes()
}

// An upstream sits between a function and the platforms that it calls over HTTP. The name of a
// request is the action that it is for, or the end of its path.
type upstream struct {
	calls
	url  string
	next http.Handler
}

// newUpstream returns one before next. It ends with the test.
func newUpstream(t *testing.T, next http.Handler) *upstream {
	t.Helper()
	u := &upstream{next: next}
	srv := httptest.NewServer(u)
	t.Cleanup(srv.Close)
	u.url = srv.URL
	return u
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	name := r.Header.Get("X-TC-Action")
	if name == "" {
		name = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	h := u.ask(name, 1)
	if h == nil {
		u.next.ServeHTTP(w, r)
		return
	}
	if h.after > 0 {
		u.unheard(r)
	}
	h.done()
	panic(http.ErrAbortHandler) // which closes the connection
}

// unheard has a request take effect whose answer nobody hears.
func (u *upstream) unheard(r *http.Request) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
	}()
	u.next.ServeHTTP(httptest.NewRecorder(), r)
}
