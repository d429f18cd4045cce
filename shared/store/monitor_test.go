package store_test

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// A monitor writes down every command that a server runs, those of scripts included.
type monitor struct {
	db    *redis.Client
	lines chan []string // once, when the mark was seen
	mark  string
}

// startMonitor begins to watch the server at addr.
func startMonitor(t *testing.T, addr string) *monitor {
	t.Helper()
	conn := must(net.Dial("tcp", addr))(t)
	t.Cleanup(func() { conn.Close() })
	in := bufio.NewReader(conn)
	fmt.Fprint(conn, "MONITOR\r\n")
	if ok, err := in.ReadString('\n'); ok != "+OK\r\n" {
		t.Fatalf("MONITOR: %q, %v", ok, err)
	}
	m := &monitor{db: client(t, addr), lines: make(chan []string, 1), mark: rand.Text()}
	go func() {
		defer close(m.lines)
		var lines []string
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if strings.Contains(line, m.mark) {
				m.lines <- lines
				return
			}
			lines = append(lines, strings.TrimSpace(line))
		}
	}()
	return m
}

// commands returns what ran since the start.
func (m *monitor) commands(t *testing.T) []command {
	t.Helper()
	must(m.db.Echo(t.Context(), m.mark).Result())(t)
	lines, ok := <-m.lines
	if !ok {
		t.Fatal("MONITOR ended early")
	}
	info := must(m.db.Command(t.Context()).Result())(t)
	out := make([]command, len(lines))
	for i, line := range lines {
		out[i] = parseCommand(t, line)
		out[i].keys = keysOf(t, out[i].args, info)
	}
	return out
}

// A command is one line of MONITOR.
type command struct {
	byScript bool
	args     []string
	keys     []string // as the server's own table of commands has it
}

// parseCommand reads a line such as `+1795305600.123456 [0 lua] "HGET" "key"`.
func parseCommand(t *testing.T, line string) command {
	t.Helper()
	head, rest, ok := strings.Cut(line, "] ")
	if !ok {
		t.Fatalf("MONITOR: unexpected line %s", line)
	}
	c := command{byScript: strings.HasSuffix(head, " lua")}
	for rest != "" {
		quoted := must(strconv.QuotedPrefix(rest))(t)
		c.args = append(c.args, must(strconv.Unquote(quoted))(t))
		rest = strings.TrimPrefix(rest[len(quoted):], " ")
	}
	return c
}

func keysOf(t *testing.T, args []string, info map[string]*redis.CommandInfo) []string {
	t.Helper()
	name := strings.ToLower(args[0])
	if name == "eval" || name == "evalsha" {
		return args[3 : 3+must(strconv.Atoi(args[2]))(t)]
	}
	c := info[name]
	if c == nil {
		t.Fatalf("%s is in no table of commands", name)
	}
	if c.FirstKeyPos == 0 {
		return nil
	}
	last := int(c.LastKeyPos)
	if last < 0 {
		last += len(args)
	}
	var keys []string
	for i := int(c.FirstKeyPos); i <= last; i += int(c.StepCount) {
		keys = append(keys, args[i])
	}
	return keys
}

// trespasses says which commands of scripts touch keys that their script did not
// declare, and which commands have keys of several slots.
func trespasses(commands []command) []string {
	var out []string
	var script command
	for _, c := range commands {
		if !c.byScript {
			script = c
		}
		for _, key := range c.keys {
			if !slices.Contains(script.keys, key) {
				out = append(out, fmt.Sprintf("%q touches %s, declared are %q", c.args, key, script.keys))
			}
			if tag(key) == "" || tag(key) != tag(c.keys[0]) {
				out = append(out, fmt.Sprintf("%q has keys of several slots", c.args))
			}
		}
	}
	return out
}

// tag finds the hash tag of a key, which names its slot.
var tag = regexp.MustCompile(`\{[^{}]+\}`).FindString

// scriptsIn returns the hashes of all scripts that ran.
func scriptsIn(commands []command) map[string]bool {
	out := map[string]bool{}
	for _, c := range commands {
		if strings.EqualFold(c.args[0], "evalsha") {
			out[c.args[1]] = true
		}
	}
	return out
}

// trespassesAreFound shows that scripts that break the rule are found.
func trespassesAreFound(t *testing.T, addr string) {
	for _, tt := range []struct {
		name, script string
		keys         []string
		want         int
	}{
		{"own keys", `redis.call('SET', KEYS[1], '1') redis.call('DEL', KEYS[1], KEYS[2])`, []string{"x:{1}:a", "x:{1}:b"}, 0},
		{"undeclared key", `redis.call('SET', KEYS[1], '1') redis.call('GET', 'x:{1}:c')`, []string{"x:{1}:a"}, 1},
		{"undeclared last key", `redis.call('DEL', KEYS[1], 'x:{1}:c')`, []string{"x:{1}:a"}, 1},
		{"keys of two slots", `return 1`, []string{"x:{1}:a", "x:{2}:a"}, 1},
		{"key without a tag", `return 1`, []string{"a"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := startMonitor(t, addr)
			if err := client(t, addr).Eval(t.Context(), tt.script, tt.keys, "").Err(); err != nil && err != redis.Nil {
				t.Fatal(err)
			}
			if got := trespasses(m.commands(t)); len(got) != tt.want {
				t.Errorf("%d found, want %d: %v", len(got), tt.want, got)
			}
		})
	}
}
