package soak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/trust/fixture"
)

// A user is one of both platforms, and what became of them.
type user struct {
	fixture.User
	number int

	mu       sync.Mutex
	lastTap  time.Time
	taps     map[string]int    // template -> permits that WeChat gave
	sent     map[string]string // messages to them that were sent -> what they are
	restless bool              // they have switched a template off, or were erased: their account is not told exactly
	leaves   bool              // they were erased: what waited then has no end

	ends  map[string][]string // message -> how it ended: state and reason
	steps map[string]int      // entries of the timeline, and how often each is in it
	last  string              // the newest of them, when it was read
	gap   bool                // some were read too late
}

func newUser(number int, openID string) *user {
	return &user{User: fixture.User{OpenID: openID}, number: number, taps: map[string]int{}, sent: map[string]string{},
		steps: map[string]int{}, ends: map[string][]string{}}
}

// tapped notes a permit.
func (c *user) tapped(template fact.TemplateID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taps[string(template)]++
}

// gets notes that a message was sent to them.
func (c *user) gets(id, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[id] = what
}

// timelineLength is how many entries the store keeps.
const timelineLength = 60

// follow reads what is new in the user's timeline: the store keeps the last entries only.
func (c *user) follow(ctx context.Context, db *redis.Client, key string) error {
	entries, err := db.LRange(ctx, key, 0, -1).Result()
	if err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now, overlaps := map[string]int{}, c.last == ""
	for _, e := range entries {
		now[e]++
		overlaps = overlaps || e == c.last
	}
	if len(entries) > 0 {
		c.last = entries[0]
	}
	c.gap = c.gap || !overlaps && len(entries) >= timelineLength
	known := maps.Clone(c.steps)
	for _, e := range slices.Backward(entries) { // as they happened
		if known[e]--; known[e] >= 0 {
			continue
		}
		c.steps[e]++
		var steps fixture.Entry
		if err := json.Unmarshal([]byte(e), &steps); err != nil {
			return err
		}
		for _, s := range steps {
			for id, states := range fixture.Ends([]notify.Step{s}) {
				c.ends[string(id)] = append(c.ends[string(id)], fmt.Sprintf("%s %s", states[0], s.Reason))
			}
		}
	}
	for e := range c.steps { // so much for what the store has forgotten
		if now[e] == 0 {
			delete(c.steps, e)
		}
	}
	return nil
}
