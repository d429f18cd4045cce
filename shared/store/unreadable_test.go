package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store/redistest"
)

// Only what a script found in a key is unreadable. What may be a bug of the script is in doubt.
func TestErrorsOfScripts(t *testing.T) {
	for server, addr := range map[string]string{"miniredis": miniredis.RunT(t).Addr(), "Redis": redistest.Start(t)} {
		s, err := Open(Config{URL: secret.New("redis://" + addr), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		for _, c := range []struct{ script, names string }{
			{"redis.call('SET', KEYS[1], 'x') return redis.call('HGET', KEYS[1], 'f')", "the-key"},
			{"return nil + 1", ""},
			{"return nil < 1", ""},
			{"return ({}).a.b", ""},
			{"for _ in ipairs(7) do end", ""},
			{"return cjson.decode('{')", ""},
			{"redis.call('HSET', KEYS[2], 'f', 'x') return redis.call('HINCRBY', KEYS[2], 'f', 1)", ""},
		} {
			replies, err := s.trip(t.Context(), []command{do("EVAL", "", c.script, 2, "the-key", "another-key")})
			if err != nil || replies[0].err == nil && replies[0].value != nil { // miniredis answers nothing to some
				t.Fatalf("%s: %s: no error, %v", server, c.script, err)
			}
			err = unreadable(replies[0])
			if errors.Is(err, notify.ErrUnreadable) != (c.names != "") || err != nil && !strings.Contains(err.Error(), c.names) {
				t.Errorf("%s: %s: %v; want it to name %q", server, c.script, err, c.names)
			}
		}
	}
}

// One cause is told once, however many it hit. They are unreadable only if nothing else is among them.
func TestEachCauseIsToldOnce(t *testing.T) {
	away, document := errors.New("away"), fmt.Errorf("%w: a key", notify.ErrUnreadable)
	for _, c := range []struct {
		errs       []error
		want       string
		unreadable bool
	}{
		{nil, "<nil>", false},
		{[]error{nil, away, nil, errors.New("away")}, "away", false},
		{[]error{document, document}, document.Error(), true},
		{[]error{document, away}, "away", false},
	} {
		err := eachOnce(c.errs)
		if got := fmt.Sprint(err); got != c.want || errors.Is(err, notify.ErrUnreadable) != c.unreadable {
			t.Errorf("%v: %q, want %q", c.errs, got, c.want)
		}
	}
}
