package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/web/webtest"
)

// With 100,000 timelines every panel makes two trips at most, and its answer is at most 1 MiB, whatever is kept of those it shows.
func TestCosts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 64)
	f.record(f.message("m1", "bob"))
	f.deliver(refusal(card.ClassDefect))
	letter := get[struct{ Letters []struct{ ID string } }](f, "/api/dead").Letters[0].ID
	f.populate(100_000)
	for _, path := range []string{"/api/overview", "/api/charts?span=hour", "/api/charts?span=day", "/api/charts?span=week", "/api/charts?span=month",
		"/api/explain?by=user&id=bob", "/api/explain?by=message&id=m1", "/api/explain?by=message&id=team#1", "/api/explain?by=card&id=" + letter, "/api/explain?by=openid&id=openid-of-bob",
		"/api/ledger?by=user&id=bob", "/api/ledger?by=openid&id=openid-of-bob", "/api/queue?limit=200", "/api/dead?limit=100", "/api/dead/trial?user=bob&id=" + letter, "/api/settings"} {
		f.trips.Store(0)
		w := f.do("GET", path, "")
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
		if n := f.trips.Load(); n > 2 {
			t.Errorf("%s makes %d trips", path, n)
		}
		if n := w.Body.Len(); n > 1<<20 {
			t.Errorf("%s answers %d bytes", path, n)
		}
		t.Logf("%-50s %d trips, %7d bytes", path, f.trips.Load(), w.Body.Len())
	}
}

// populate keeps n users with timelines and due messages beside bob, whose own timeline is as long as is kept, and a message for 1,000 of
// them, each of whom has a long one.
func (f *fixture) populate(n int) {
	f.Helper()
	ctx := f.Context()
	wide := func(i int) string { return fmt.Sprintf("message-%d-%s", i, strings.Repeat("<", 200)) }
	var ids, steps []string
	for i := range 160 {
		ids = append(ids, fmt.Sprintf("%q", fact.Message{ID: fact.MessageID(wide(i)), From: "anna", To: "bob"}.Identity()))
	}
	all := "["
	for i := range ids {
		all += fmt.Sprint(i+1, ",")
	}
	all = strings.TrimSuffix(all, ",") + "]"
	for range 13 {
		steps = append(steps, fmt.Sprintf(`["w",1000,0,%s,"","digest","",%d]`, all, f.now.UnixMilli()))
	}
	long := fmt.Sprintf(`{"t":%d,"m":[%s],"s":[%s]}`, f.now.UnixMilli(), strings.Join(ids, ","), strings.Join(steps, ","))
	full := make([]any, 60)
	for i := range full {
		full[i] = long
	}
	if err := f.raw.LPush(ctx, f.key("r:bob", "t:bob"), full...).Err(); err != nil {
		f.Fatal(err)
	}
	tag := strings.TrimSuffix(f.key("r:bob", ""), "{")
	prefix, _, _ := strings.Cut(tag, "{")
	short := fmt.Sprintf(`{"t":%d,"m":["m:a:x"],"s":[["a",0,0,[1]],["f",1000,0,[1],"read","read_report"]]}`, f.now.UnixMilli())
	var facts []fact.Fact
	for i := range 40 { // of these the message tells
		user := fact.UserID(fmt.Sprint("member", i))
		f.login(user, 0)
		facts = append(facts, fact.Fact{Message: &fact.Message{ID: "team#1", Kind: fact.KindMention, From: "anna", Group: "team", To: user, SentAt: f.now, Seq: 1}})
	}
	f.record(facts...)
	pipe := f.raw.Pipeline()
	for i := range n {
		shard, user := i%16, fmt.Sprint("someone-with-a-long-name-", i)
		pipe.LPush(ctx, fmt.Sprintf("%s{%d}:t:%s", prefix, shard, user), short)
		pipe.ZAdd(ctx, fmt.Sprintf("%s{%d}:q", prefix, shard), redis.Z{Score: float64(f.now.UnixMilli() + int64(i)), Member: user})
		if i%5000 == 4999 {
			if _, err := pipe.Exec(ctx); err != nil {
				f.Fatal(err)
			}
		}
	}
	for shard := range 16 { // what a busy month counts
		for day := range 32 {
			at := f.now.Add(-time.Duration(day)*24*time.Hour).Unix() / 86400
			values := []any{}
			for hour := range 24 {
				for _, m := range []string{"in", "end:read:own_reply", "end:delivered:", "card:delivered", "permit:spent", "error:refused", "end:no permit:", "end:came online:online"} {
					values = append(values, fmt.Sprint(hour, ":", m), 1234567)
				}
			}
			pipe.HSet(ctx, fmt.Sprintf("%s{%d}:mh:%d", prefix, shard, at), values...)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		f.Fatal(err)
	}
}

// The document has each path, with what is answered there.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.login("bob", 1)
	f.record(f.message("m1", "bob"))
	f.deliver(refusal(card.ClassDefect))
	letter := get[struct{ Letters []struct{ ID string } }](f, "/api/dead").Letters[0].ID
	type schema struct {
		Properties map[string]json.RawMessage
		Required   []string
	}
	type operation struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
	}
	doc := get[struct {
		OpenAPI string
		Paths   map[string]map[string]operation
	}](f, "/openapi.json")
	if !strings.HasPrefix(doc.OpenAPI, "3.") || len(doc.Paths) != 10 {
		t.Fatalf("%+v", doc)
	}
	for path, query := range map[string]string{"/api/overview": "", "/api/charts": "?span=day", "/api/explain": "?by=user&id=bob", "/api/ledger": "?by=user&id=bob",
		"/api/queue": "", "/api/dead": "", "/api/dead/trial": "?user=bob&id=" + letter, "/api/settings": ""} {
		answer := get[map[string]json.RawMessage](f, path+query)
		s := doc.Paths[path]["get"].Responses["200"].Content["application/json"].Schema
		for _, name := range s.Required {
			if _, is := answer[name]; !is {
				t.Errorf("%s does not answer %s", path, name)
			}
		}
		for name := range answer {
			if _, is := s.Properties[name]; !is {
				t.Errorf("%s answers %s, which the document does not have", path, name)
			}
		}
	}
}

func TestWeight(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	webtest.Weigh(t, 60<<10, func(name string) *httptest.ResponseRecorder { return f.do("GET", "/"+name, "") })
}
