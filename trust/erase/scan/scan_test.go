package scan_test

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxnotify/trust/erase/scan"
)

const secret = "oAlice0egBJY1zhBYw2KhdUfwVJJE"

func TestAll(t *testing.T) {
	db := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), Protocol: 2})
	t.Cleanup(func() { db.Close() })
	ctx := t.Context()
	for _, err := range []error{
		db.Set(ctx, "key of "+secret, "v", 0).Err(), db.Set(ctx, "string", "v "+secret, 0).Err(),
		db.HSet(ctx, "hash", secret, "v", "f", secret).Err(), db.SAdd(ctx, "set", secret).Err(),
		db.RPush(ctx, "list", "v", secret).Err(), db.ZAdd(ctx, "zset", redis.Z{Score: 1, Member: secret}).Err(),
		db.Set(ctx, "clean", "v", 0).Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	all, err := scan.All(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range all {
		if e.Contains(secret) {
			found++
		}
	}
	if len(all) != 9 || found != 7 {
		t.Errorf("%d entries, %d of which hold the name, want 9 and 7: %v", len(all), found, all)
	}
}

func TestForms(t *testing.T) {
	forms := scan.Forms(secret)
	in := func(text string) bool {
		return slices.ContainsFunc(forms, func(f string) bool { return strings.Contains(text, f) })
	}
	for _, before := range []string{"", "x", "xy", "xyz"} {
		for _, after := range []string{"", "1", "12", "123"} {
			b := []byte(before + secret + after)
			for _, text := range []string{string(b), hex.EncodeToString(b), base64.StdEncoding.EncodeToString(b),
				base64.URLEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b)} {
				if !in(text) {
					t.Errorf("not found in %s", text)
				}
			}
		}
	}
	if other := base64.StdEncoding.EncodeToString([]byte("oAliceXegBJY1zhBYw2KhdUfwVJJE")); in(other) {
		t.Errorf("found in %s, which is another's", other)
	}
}
