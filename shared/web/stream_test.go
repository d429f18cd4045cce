package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/web"
)

// A listener reads a stream, as a browser does.
type listener struct {
	*testing.T
	lines  chan string // closed at the end
	lastID string
	leave  context.CancelFunc
}

func listen(t *testing.T, url, lastID string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", lastID)
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v, %+v", err, res)
	}
	l := &listener{t, make(chan string, 1000), lastID, cancel}
	go func() {
		defer close(l.lines)
		defer res.Body.Close()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			l.lines <- s.Text()
		}
	}()
	return l
}

// hears wants these events next, each "name data".
func (l *listener) hears(want ...string) {
	l.Helper()
	for _, w := range want {
		name := ""
		for {
			line := testkit.Receive(l.T, w, l.lines)
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "id":
				l.lastID = value
			case "event":
				name = value
			}
			if field == "data" {
				if got := name + " " + value; got != w {
					l.Fatalf("hears %q, want %q", got, w)
				}
				break
			}
		}
	}
}

func newStream(t *testing.T, keep int) (*web.Stream, string) {
	t.Helper()
	s := web.NewStream(keep, time.Now)
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return s, server.URL
}

func TestStream(t *testing.T) {
	s, url := newStream(t, 3)
	for i := range 4 {
		s.Append("line", i)
	}
	s.Set("state", "a")
	a := listen(t, url, "")
	a.hears("reset {}", "line 1", "line 2", "line 3", `state "a"`)
	s.Set("state", "a") // nothing new
	s.Append("line", 4)
	a.hears("line 4")
	s.Set("state", "b")
	a.hears(`state "b"`)

	// One that was cut off goes on, by either way to say where it was, and has the state as it is.
	a.leave()
	s.Append("line", 5)
	listen(t, url, a.lastID).hears("line 5", `state "b"`)
	listen(t, url+"?after="+a.lastID, "").hears("line 5", `state "b"`)
	// One that was away for too long, or listened to another, or to nobody, begins anew.
	for range 3 {
		s.Append("line", 9)
	}
	epoch, _, _ := strings.Cut(a.lastID, "-")
	for _, id := range []string{a.lastID, "another-7", "x", epoch + "-99", epoch + "--5"} {
		listen(t, url, id).hears("reset {}", "line 9", "line 9", "line 9")
	}
}

// However many listen, and however long the story is, what is kept is bounded.
func TestStreamIsBounded(t *testing.T) {
	s, url := newStream(t, 3)
	var all []*listener
	for range 32 {
		all = append(all, listen(t, url, ""))
	}
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if n := s.Viewers(); res.StatusCode != http.StatusServiceUnavailable || n != 32 {
		t.Errorf("%d of %d viewers", res.StatusCode, n)
	}
	all[0].leave()
	testkit.Eventually(t, "a place is free", func() bool { return s.Viewers() == 31 })
	s.Close()
	for _, l := range all[1:] {
		testkit.Eventually(t, "the stream ends", func() bool {
			select {
			case _, more := <-l.lines:
				return !more
			default:
				return false
			}
		})
	}
	if s.Viewers() != 0 {
		t.Error(fmt.Sprint(s.Viewers(), " are still there"))
	}
}
