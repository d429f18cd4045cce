package soak_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/simulator"
	"wxnotify/trust/soak/town"
)

// workers is how many people act at once.
const workers = 8

// live has the town live until ctx ends, with perSecond things happening.
func (w *world) live(ctx context.Context, perSecond int) {
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
func (w *world) act(r *rand.Rand) {
	c, other := w.two(r)
	switch n := r.IntN(1000); {
	case n < 400:
		w.say(c, other)
	case n < 450:
		w.sayInGroup(r)
	case n < 550:
		w.sim.IM.Read(c.User, other.User)
	case n < 590:
		w.recall(r)
	case n < 630:
		w.sim.IM.SignIn(c.User, simulator.MiniProgram)
	case n < 780:
		[]func(string, ...simulator.Platform){w.sim.IM.Close, w.sim.IM.Background, w.sim.IM.Kill, w.sim.IM.Logout}[r.IntN(4)](c.User)
	case n < 820:
		w.call(r, c, other)
	case n < 930:
		w.tap(r, c)
	case n < 950:
		town.Do(w.fns, http.MethodGet, "/permits", c.Bearer(), nil)
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

func (w *world) two(r *rand.Rand) (c, other *citizen) {
	i := r.IntN(len(w.people))
	j := (i + 1 + r.IntN(len(w.people)-1)) % len(w.people)
	return w.people[i], w.people[j]
}

// text is what no other message says.
func (w *world) text() string { return fmt.Sprintf("said %d", w.serial.Add(1)) }

// say has one of two people write to the other, as a rule always the same one: who answers has
// read, and needs no card.
func (w *world) say(from, to *citizen) {
	if (from.number < to.number) != ((from.number+to.number)%2 == 0) && w.serial.Load()%8 != 0 {
		from, to = to, from
	}
	sent, err := w.sim.IM.SendC2C(from.User, to.User, simulator.Text(w.text()))
	if err != nil {
		w.Errorf("IM does not take a message: %v", err)
		return
	}
	to.gets(sent.MsgKey, "message")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recent[w.next%len(w.recent)] = said{from.User, to.User, sent.MsgKey}
	w.next++
}

type said struct{ from, to, key string }

func (w *world) recall(r *rand.Rand) {
	w.mu.Lock()
	s := w.recent[r.IntN(len(w.recent))]
	w.mu.Unlock()
	if s.key != "" {
		w.sim.IM.Recall(s.from, s.to, s.key) // it may be too late, or done
	}
}

func (w *world) sayInGroup(r *rand.Rand) {
	g := w.groups[r.IntN(len(w.groups))]
	from := g.members[r.IntN(len(g.members))]
	sent, err := w.sim.IM.SendGroup(simulator.GroupMessage{Group: g.id, From: from.User, Body: []simulator.Elem{simulator.Text(w.text())}})
	if err != nil {
		w.Errorf("IM does not take a group's message: %v", err)
		return
	}
	for _, m := range g.members {
		if m != from {
			m.gets(string(notify.GroupMessageID(notify.GroupID(g.id), uint32(sent.MsgSeq))), "message of a group")
		}
	}
}

// call rings, one source for each two people, because calls of both at once are one call; and is answered, declined or left alone.
func (w *world) call(r *rand.Rand, from, to *citizen) {
	id, err := w.sim.IM.Ring(simulator.Call{From: from.User, To: []string{to.User}, Webhooks: (from.number+to.number)%2 == 0, RingFor: 2 * time.Second})
	if err != nil {
		w.Errorf("IM does not take a call: %v", err)
		return
	}
	to.gets(id, "call")
	switch r.IntN(4) {
	case 0:
		w.sim.IM.Answer(id, to.User)
		w.sim.IM.EndCall(id, simulator.CallNormal)
	case 1:
		w.sim.IM.EndCall(id, simulator.CallRejected)
	case 2:
		w.sim.IM.EndCall(id, simulator.CallCancelled)
	}
}

// tapEvery is how far apart the taps of one person are: WeChat's events tell seconds.
const tapEvery = 1100 * time.Millisecond

// tap is a tap on the button that subscribes. Every third person has kept his answer: WeChat
// tells nobody, and his mini program reports.
func (w *world) tap(r *rand.Rand, c *citizen) {
	if !c.mayTap() {
		return
	}
	if c.number%3 == 0 {
		if w.sim.WeChat.SilentAccept(c.OpenID, string(town.Message)).Results[string(town.Message)] == "accept" {
			w.report(c)
		}
		return
	}
	template := []notify.TemplateID{town.Message, town.Call}[r.IntN(2)]
	result := w.sim.WeChat.TapDialog(c.OpenID, map[string]simulator.Answer{string(template): simulator.Accept})
	if result.Results[string(template)] == "accept" && slices.Contains(result.Shown, string(template)) {
		c.tapped(template)
	}
}

func (c *citizen) mayTap() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.lastTap) < tapEvery {
		return false
	}
	c.lastTap = time.Now()
	return true
}

// report tells of a tap until somebody has heard it.
func (w *world) report(c *citizen) {
	body := []byte(fmt.Sprintf(`{"reportId":"report-%08d","ageSeconds":0,"results":{%q:"accept"}}`, w.serial.Add(1), town.Message))
	for range 5 {
		if town.Do(w.fns, http.MethodPost, "/permits", c.Bearer(), body).Code == http.StatusOK {
			c.tapped(town.Message)
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restless = true // the permit is his, and may or may not have been heard of
}

// announce is the operator's backend at work.
func (w *world) announce(c *citizen) {
	id := fmt.Sprintf("announcement-%d", w.serial.Add(1))
	for range 3 { // it asks again until it is answered
		header, body := town.Announcement(w.clock.Now(), id, c.User, w.text())
		if town.Do(w.fns, http.MethodPost, "/announce", header, body).Code == http.StatusOK {
			c.gets(id, "announcement")
			return
		}
	}
}

func (w *world) login(c *citizen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.Person
	if town.LogIn(w.fns, w.sim.WeChat, &p) == nil && p.User != c.User {
		w.Errorf("citizen %d is %s, and was %s", c.number, p.User, c.User)
	}
}

// leave erases one of the few who do, in one of the two ways, and lets him come back.
func (w *world) leave(r *rand.Rand) {
	c := w.people[r.IntN(len(w.people)/8+1)]
	c.mu.Lock()
	c.leaves, c.restless = true, true
	c.mu.Unlock()
	if r.IntN(2) == 0 {
		w.sim.WeChat.CancelAuthorization(c.OpenID)
	} else {
		town.Do(w.fns, http.MethodDelete, "/session", c.Bearer(), nil)
	}
	w.login(c)
}

// switchOff refuses a template from the menu of a card.
func (w *world) switchOff(r *rand.Rand) {
	c := w.people[len(w.people)-1-r.IntN(len(w.people)/8+1)]
	c.mu.Lock()
	c.restless = true
	c.mu.Unlock()
	w.sim.WeChat.SwitchOff(c.OpenID, string(town.Call))
}
