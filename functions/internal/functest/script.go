package functest

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// LoadScripts has a server know the scripts of a folder, so that each run of one is one
// request.
func LoadScripts(t *testing.T, ctx context.Context, db *redis.Client, folder string) {
	t.Helper()
	for _, source := range scriptSources(t, folder) {
		if err := db.ScriptLoad(ctx, source).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// ScriptNames returns the names of the scripts of a folder by the SHA-1 under which they
// are run.
func ScriptNames(t *testing.T, folder string) map[string]string {
	t.Helper()
	names := map[string]string{}
	for name, source := range scriptSources(t, folder) {
		names[shaOf(source)] = name
	}
	return names
}

// scriptSources returns the scripts of a folder by their names.
func scriptSources(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.lua"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts are in %s (%v)", folder, err)
	}
	text := map[string]string{}
	for _, file := range files {
		text[strings.TrimSuffix(filepath.Base(file), ".lua")] = read(t, file)
	}
	return text
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func shaOf(source string) string {
	sum := sha1.Sum([]byte(source))
	return hex.EncodeToString(sum[:])
}

// nameOf returns what a command is called: a script by its file, and what a run takes at first apart
// from what it looks for beside its work.
func (p *Tap) nameOf(command value) string {
	if len(command.parts) < 2 {
		return "?"
	}
	verb := strings.ToLower(command.parts[0].text)
	name := ""
	switch verb {
	case "evalsha":
		name = p.names[command.parts[1].text]
	case "eval":
		name = p.names[shaOf(command.parts[1].text)]
	default:
		return verb
	}
	switch {
	case name == "":
		return verb
	case verb == "eval":
		return name + " with its source"
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
func (p *Tap) timed(command value) value {
	if p.now == nil || len(command.parts) < 5 || !strings.HasPrefix(strings.ToLower(command.parts[0].text), "eval") {
		return command
	}
	at := 3 + decimal([]byte(command.parts[2].text))
	if at >= len(command.parts) || command.parts[at].text != "" {
		return command
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
	return value{raw: raw.Bytes()}
}

func decimal(b []byte) int {
	n, _ := strconv.Atoi(string(bytes.TrimSpace(b)))
	return n
}
