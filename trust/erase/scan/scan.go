// Package scan reads all that a store holds.
package scan

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// An Entry is a key, or a member or field of one, and its value, byte by byte.
type Entry struct {
	Key   string
	Field string        // of a hash; the member of a set; the place in a list
	Value string        // the score of a sorted set
	TTL   time.Duration // of the key; negative: none
}

// String shows the entry.
func (e Entry) String() string { return fmt.Sprintf("%s %q = %q", e.Key, e.Field, e.Value) }

// Contains reports whether text is anywhere in the entry.
func (e Entry) Contains(text string) bool {
	return strings.Contains(e.Key, text) || strings.Contains(e.Field, text) || strings.Contains(e.Value, text)
}

// All returns every entry of the server.
func All(ctx context.Context, db *redis.Client) ([]Entry, error) {
	var out []Entry
	keys := db.Scan(ctx, 0, "", 1000).Iterator()
	seen := map[string]bool{} // a scan may tell of a key twice
	for keys.Next(ctx) {
		if seen[keys.Val()] {
			continue
		}
		seen[keys.Val()] = true
		entries, err := of(ctx, db, keys.Val())
		if err != nil {
			return nil, err
		}
		out = append(out, entries...)
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Key+"\n"+a.Field, b.Key+"\n"+b.Field) })
	return out, keys.Err()
}

// of returns the entries of one key.
func of(ctx context.Context, db *redis.Client, key string) ([]Entry, error) {
	kind, err := db.Type(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	ttl, err := db.PTTL(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	var out []Entry
	add := func(field, value string) { out = append(out, Entry{key, field, value, ttl}) }
	switch kind {
	case "none": // it has just ended
		return nil, nil
	case "string":
		v, err := db.Get(ctx, key).Result()
		add("", v)
		return out, err
	case "hash":
		m, err := db.HGetAll(ctx, key).Result()
		for f, v := range m {
			add(f, v)
		}
		return out, err
	case "set":
		members, err := db.SMembers(ctx, key).Result()
		for _, m := range members {
			add(m, "")
		}
		return out, err
	case "list":
		values, err := db.LRange(ctx, key, 0, -1).Result()
		for i, v := range values {
			add(fmt.Sprint(i), v)
		}
		return out, err
	case "zset":
		members, err := db.ZRangeWithScores(ctx, key, 0, -1).Result()
		for _, m := range members {
			add(fmt.Sprint(m.Member), fmt.Sprintf("%.0f", m.Score))
		}
		return out, err
	}
	return nil, fmt.Errorf("scan: key %s is a %s: teach this package to read it", key, kind)
}

// Forms returns the ways in which a text can be written without being hidden: as it is, in
// hexadecimal digits, and in base64 at each of the three places where it can begin within a
// longer text.
func Forms(text string) []string {
	b := []byte(text)
	forms := []string{text, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b))}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			padded := append(bytes.Repeat([]byte{0}, before), b...)
			whole := len(padded) / 3 * 4 // what follows may change the rest
			first := (before*8 + 5) / 6  // what comes before changes the first
			if s := enc.EncodeToString(padded)[:whole]; len(s)-first >= 8 {
				forms = append(forms, s[first:])
			}
		}
	}
	return forms
}
