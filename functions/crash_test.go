package functions_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/notify"
)

// surely is how many requests to the store every run makes that sends a card: claim,
// names, begin, reserve, settle, finish, claim, and two to rest.
const surely = 9

// A crash is a place at which deliver is killed.
type crash struct {
	name  string
	store int  // at the n-th request to the store,
	after bool // when it has taken effect, or before
	send  bool // or at the request to WeChat
}

// TestKilledAtEachStep kills deliver at every request that it makes on its way through
// the send protocol, before and after the request takes effect, and lets later runs
// clean up. There is never a second card, and the message ends once.
func TestKilledAtEachStep(t *testing.T) {
	steps := countRequests(t)
	if steps < 6 { // token aside: claim, begin, reserve, settle, finish, rest
		t.Fatalf("a run makes %d requests to the store, want 6 at least", steps)
	}
	crashes := []crash{{name: "before WeChat gets the card", send: true}, {name: "before WeChat's answer", send: true, after: true}}
	for n := 1; n <= steps; n++ {
		crashes = append(crashes,
			crash{name: fmt.Sprintf("before request %d of %d", n, steps), store: n},
			crash{name: fmt.Sprintf("before the answer to request %d of %d", n, steps), store: n, after: true})
	}
	for _, c := range crashes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			survive(t, c)
		})
	}
}

// countRequests returns how many requests a run makes that sends one card.
func countRequests(t *testing.T) int {
	w := newWarmWorld(t)
	w.subscribe("user2")
	w.say("user2")
	p := functest.NewTap(t, w.redis.Addr())
	w.settings["STORE_URL"] = "redis://" + p.Addr
	if _, err := start(t, w.settings).invoke("{}", 30*time.Second); err != nil {
		t.Fatal(err)
	}
	return p.Requests()
}

// newWarmWorld returns a world in which a card was sent: the store knows all scripts,
// so that every run takes the same number of requests.
func newWarmWorld(t *testing.T) *world {
	w := newWorld(t, "")
	w.subscribe("user1")
	w.say("user1")
	if out, err := start(t, w.settings).invoke("{}", 30*time.Second); err != nil || out["sent"] != 1.0 {
		t.Fatalf("%v %v", out, err)
	}
	return w
}

func survive(t *testing.T, c crash) {
	w := newWarmWorld(t)
	openID := w.subscribe("user2")
	id := w.say("user2")
	p := functest.NewTap(t, w.redis.Addr())
	w.settings["STORE_URL"] = "redis://" + p.Addr

	victim := start(t, w.settings)
	killed := make(chan struct{})
	die := func() {
		victim.kill()
		close(killed)
	}
	switch {
	case c.send:
		w.api = killOnSend(w.sim, c.after, die)
	default:
		p.On(func(n int, answer bool) bool {
			if n != c.store || answer != c.after {
				return true
			}
			select {
			case <-killed:
			default:
				die()
			}
			return false
		})
	}
	// A run that looks beside its sends makes a request more or less.
	switch _, err := victim.invoke("{}", 30*time.Second); {
	case errors.Is(err, errKilled):
		<-killed
	case err != nil || c.store <= surely:
		t.Fatalf("the run ended with %v before it could be killed", err)
	}
	p.On(nil)
	w.api = w.sim

	// The next runs begin when the leases are over, and the last when WeChat has been
	// silent for long enough about a card that may have gone out.
	for range 8 {
		w.pass(notify.Lease + time.Second)
		if _, err := start(t, w.settings).invoke("{}", 30*time.Second); err != nil {
			t.Fatal(err)
		}
		if w.queued() == 0 && len(w.ends("user2", id)) > 0 {
			break
		}
	}
	cards := len(w.sim.WeChat.Cards(string(openID)))
	ends := w.ends("user2", id)
	balance := w.balance(openID)
	switch {
	case cards > 1:
		t.Errorf("%d cards were shown", cards)
	case len(ends) != 1:
		t.Errorf("the message ended as %v, want one end", ends)
	case ends[0] == notify.StateDelivered && cards != 1:
		t.Errorf("the message is called delivered, and no card was shown")
	case ends[0] != notify.StateDelivered && ends[0] != notify.StateUnknown:
		t.Errorf("the message ended as %v", ends)
	case w.queued() != 0:
		t.Error("something is still in the queue")
	case balance != 0:
		t.Errorf("%d permits are left of 1", balance)
	}
}

// killOnSend passes requests on to api and kills on a card.
func killOnSend(api http.Handler, after bool, die func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cgi-bin/message/subscribe/send" {
			api.ServeHTTP(w, r)
			return
		}
		if after {
			api.ServeHTTP(discard{http.Header{}}, r)
		} else {
			io.Copy(io.Discard, r.Body)
		}
		die()
		<-r.Context().Done() // the connection goes with the process
	})
}

// discard is an answer that nobody hears.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
