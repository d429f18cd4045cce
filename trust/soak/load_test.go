package soak_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
)

// workers is how many people act at once.
const workers = 8

// live has the users act until ctx ends, with perSecond things happening.
func (w *system) live(ctx context.Context, perSecond int) {
	bucket := make(chan struct{}, workers)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(bucket)
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				select {
				case bucket <- struct{}{}:
				default: // everybody is busy
				}
			}
		}
	})
	for i := range workers {
		r := rand.New(rand.NewPCG(w.seed, uint64(i)))
		wg.Go(func() {
			for range bucket {
				w.act(r)
				w.acts.Add(1)
			}
		})
	}
	wg.Wait()
}

// act is one thing that somebody does.
func (w *system) act(r *rand.Rand) {
	c, other := w.two(r)
	switch n := r.IntN(1000); {
	case n < 400:
		w.say(c, other)
	case n < 450:
		w.sayInGroup(r)
	case n < 550:
		w.sim.IM.Read(c.UserID, other.UserID)
	case n < 590:
		w.recall(r)
	case n < 630:
		w.sim.IM.SignIn(c.UserID, simulator.MiniProgram)
	case n < 780:
		[]func(string, ...simulator.Platform){w.sim.IM.Close, w.sim.IM.Background, w.sim.IM.Kill, w.sim.IM.Logout}[r.IntN(4)](c.UserID)
	case n < 820:
		w.call(r, c, other)
	case n < 930:
		w.tap(r, c)
	case n < 950:
		fixture.Do(w.fns, http.MethodGet, "/permits", c.Bearer(), nil)
	case n < 975:
		w.announce(c)
	case n < 990:
		w.login(c)
	case n < 995:
		w.leave(r)
	default:
		w.switchOff(r)
	}
}

func (w *system) two(r *rand.Rand) (c, other *user) {
	i := r.IntN(len(w.people))
	j := (i + 1 + r.IntN(len(w.people)-1)) % len(w.people)
	return w.people[i], w.people[j]
}

// text is what no other message says.
func (w *system) text() string { return fmt.Sprintf("said %d", w.serial.Add(1)) }

// say has one of two users write to the other, as a rule always the same one: who answers has
// read, and needs no card.
func (w *system) say(from, to *user) {
	if (from.number < to.number) != ((from.number+to.number)%2 == 0) && w.serial.Load()%8 != 0 {
		from, to = to, from
	}
	sent, err := w.sim.IM.SendC2C(from.UserID, to.UserID, simulator.Text(w.text()))
	if err != nil {
		w.Errorf("IM does not take a message: %v", err)
		return
	}
	to.gets(sent.MsgKey, "message")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recent[w.next%len(w.recent)] = said{from.UserID, to.UserID, sent.MsgKey}
	w.next++
}

type said struct{ from, to, key string }

func (w *system) recall(r *rand.Rand) {
	w.mu.Lock()
	s := w.recent[r.IntN(len(w.recent))]
	w.mu.Unlock()
	if s.key != "" {
		w.sim.IM.Recall(s.from, s.to, s.key) // it may be too late, or done
	}
}

func (w *system) sayInGroup(r *rand.Rand) {
	g := w.groups[r.IntN(len(w.groups))]
	from := g.members[r.IntN(len(g.members))]
	sent, err := w.sim.IM.SendGroup(simulator.GroupMessage{Group: g.id, From: from.UserID, Body: []simulator.Elem{simulator.Text(w.text())}})
	if err != nil {
		w.Errorf("IM does not take a group's message: %v", err)
		return
	}
	for _, m := range g.members {
		if m != from {
			m.gets(string(fact.GroupMessageID(fact.GroupID(g.id), uint32(sent.MsgSeq))), "message of a group")
		}
	}
}

// call rings, one source for each two people, because calls of both at once are one call; and is answered, declined or left alone.
func (w *system) call(r *rand.Rand, from, to *user) {
	id, err := w.sim.IM.Ring(simulator.Call{From: from.UserID, To: []string{to.UserID}, Webhooks: (from.number+to.number)%2 == 0, RingFor: 2 * time.Second})
	if err != nil {
		w.Errorf("IM does not take a call: %v", err)
		return
	}
	to.gets(id, "call")
	switch r.IntN(4) {
	case 0:
		w.sim.IM.Answer(id, to.UserID)
		w.sim.IM.EndCall(id, simulator.CallNormal)
	case 1:
		w.sim.IM.EndCall(id, simulator.CallRejected)
	case 2:
		w.sim.IM.EndCall(id, simulator.CallCancelled)
	}
}

// tapEvery is how far apart the taps of one person are: WeChat's events tell seconds.
const tapEvery = 1100 * time.Millisecond

// tap is a tap on the button that subscribes. Every third user has kept the answer: WeChat
// tells nobody, and the mini program reports.
func (w *system) tap(r *rand.Rand, c *user) {
	if !c.mayTap() {
		return
	}
	if c.number%3 == 0 {
		if w.sim.WeChat.SilentAccept(c.OpenID, string(fixture.Message)).Results[string(fixture.Message)] == "accept" {
			w.report(c)
		}
		return
	}
	template := []fact.TemplateID{fixture.Message, fixture.Call}[r.IntN(2)]
	result := w.sim.WeChat.TapDialog(c.OpenID, map[string]simulator.Answer{string(template): simulator.Accept})
	if result.Results[string(template)] == "accept" && slices.Contains(result.Shown, string(template)) {
		c.tapped(template)
	}
}

func (c *user) mayTap() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.lastTap) < tapEvery {
		return false
	}
	c.lastTap = time.Now()
	return true
}

// report tells of a tap until somebody has heard it.
func (w *system) report(c *user) {
	body := []byte(fmt.Sprintf(`{"reportId":"report-%08d","ageSeconds":0,"results":{%q:"accept"}}`, w.serial.Add(1), fixture.Message))
	for range 5 {
		if fixture.Do(w.fns, http.MethodPost, "/permits", c.Bearer(), body).Code == http.StatusOK {
			c.tapped(fixture.Message)
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restless = true // the permit is there, and may or may not have been heard of
}

// announce is the operator's backend at work.
func (w *system) announce(c *user) {
	id := fmt.Sprintf("announcement-%d", w.serial.Add(1))
	for range 3 { // it asks again until it is answered
		header, body := fixture.Announcement(w.clock.Now(), id, c.UserID, w.text())
		if fixture.Do(w.fns, http.MethodPost, "/announce", header, body).Code == http.StatusOK {
			c.gets(id, "announcement")
			return
		}
	}
}

func (w *system) login(c *user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.User
	if fixture.LogIn(w.fns, w.sim.WeChat, &p) == nil && p.UserID != c.UserID {
		w.Errorf("user %d is %s, and was %s", c.number, p.UserID, c.UserID)
	}
}

// leave erases one of the few who do, in one of the two ways, and lets them come back.
func (w *system) leave(r *rand.Rand) {
	c := w.people[r.IntN(len(w.people)/8+1)]
	c.mu.Lock()
	c.leaves, c.restless = true, true
	c.mu.Unlock()
	if r.IntN(2) == 0 {
		w.sim.WeChat.CancelAuthorization(c.OpenID)
	} else {
		fixture.Do(w.fns, http.MethodDelete, "/session", c.Bearer(), nil)
	}
	w.login(c)
}

// switchOff refuses a template from the menu of a card.
func (w *system) switchOff(r *rand.Rand) {
	c := w.people[len(w.people)-1-r.IntN(len(w.people)/8+1)]
	c.mu.Lock()
	c.restless = true
	c.mu.Unlock()
	w.sim.WeChat.SwitchOff(c.OpenID, string(fixture.Call))
}
