package functions_test

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
