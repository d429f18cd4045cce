package functions_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

// TestTokenStorm: two hundred senders in eight processes find no token, and WeChat is
// asked for one once; when it refuses that token in the middle, once more.
func TestTokenStorm(t *testing.T) {
	const processes, workers = 8, 25
	w := newWorld(t, "limits: {workers: 25}\n")
	gate := newTokenGate(w.sim, processes*workers/2)
	w.api = gate

	// A send waits for a token for 12 s: the processes are there, and wired, before the
	// first begins.
	var senders []*process
	for range processes {
		p := start(t, w.settings)
		if _, err := p.invoke("{}", 30*time.Second); err != nil {
			t.Fatal(err)
		}
		senders = append(senders, p)
	}
	var openIDs []notify.OpenID
	var running sync.WaitGroup
	results := make(chan error, processes)
	for i := range processes {
		for j := range workers {
			user := notify.UserID(fmt.Sprintf("user-%d-%d", i, j))
			openIDs = append(openIDs, w.subscribe(user))
			w.say(user)
		}
		running.Go(func() {
			_, err := senders[i].invoke("{}", 45*time.Second)
			results <- err
		})
		w.until("its recipients are claimed", func() bool { return w.due() == 0 })
	}
	w.until(fmt.Sprintf("%d permits are reserved", len(openIDs)), func() bool { return w.reserved() == len(openIDs) })
	// Each of the two hundred waits for a token now.
	close(gate.open)
	running.Wait()
	for range processes {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	for _, o := range openIDs {
		if n := len(w.sim.WeChat.Cards(string(o))); n != 1 {
			t.Errorf("%s was shown %d cards", o, n)
		}
	}
	if n := w.sim.Record.Count("/cgi-bin/stable_token"); n != 2 {
		t.Errorf("WeChat was asked for a token %d times, want once and once more after the refusal", n)
	}
}

// until waits for a condition.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("it did not come about that %s", what)
		}
	}
}

// due returns for how many recipients something is due that no run has claimed.
func (w *world) due() int {
	n := 0
	for _, at := range w.queued("q") {
		if !at.After(w.clock.Now()) {
			n++
		}
	}
	return n
}

// reserved returns how many subscribers have a card on its way.
func (w *world) reserved() int {
	w.t.Helper()
	keys, err := w.db.Keys(w.t.Context(), "*}:c:*").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	return len(keys)
}

// A tokenGate keeps token requests waiting until it is opened, and makes the token
// invalid after so many cards.
type tokenGate struct {
	sim  *simulator.World
	open chan struct{}

	mu   sync.Mutex
	left int
}

func newTokenGate(sim *simulator.World, after int) *tokenGate {
	return &tokenGate{sim: sim, open: make(chan struct{}), left: after}
}

func (g *tokenGate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/cgi-bin/stable_token":
		<-g.open
	case "/cgi-bin/message/subscribe/send":
		g.mu.Lock()
		if g.left--; g.left == 0 {
			g.sim.WeChat.InvalidateToken()
		}
		g.mu.Unlock()
	}
	g.sim.ServeHTTP(w, r)
}
