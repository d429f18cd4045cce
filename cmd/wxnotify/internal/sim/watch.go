package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

// look tells what is new in the timelines.
func (s *Sim) look(ctx context.Context) {
	for _, p := range s.people {
		steps, err := s.store.Timeline(ctx, p.user)
		if err != nil {
			continue // the next look sees it
		}
		for _, step := range p.seen.fresh(steps) {
			if step.Kind == notify.StepSent {
				s.showCards(p, s.now(), step.At)
			}
			l, ok := s.narrator.step(p.user, step, func() int { return s.permits(ctx, p.openID) })
			if ok {
				s.story.tell(step.At, l)
			}
			if step.State == fact.StateDelivered {
				select {
				case s.told <- step.At:
				default: // it was not the first
				}
			}
		}
		s.showCards(p, s.now().Add(-cardWait), time.Time{})
	}
}

// permits returns how many permits openID has left.
func (s *Sim) permits(ctx context.Context, openID fact.OpenID) int {
	template := fact.TemplateID(s.settings["TEMPLATE_MESSAGE"])
	balances, err := s.store.Balances(ctx, openID, []fact.TemplateID{template})
	if err != nil {
		return 0
	}
	return balances[template]
}

// seen counts the steps of a timeline that were there at the last look: equal ones may
// occur twice, and the oldest go when there are too many.
type seen map[string]int

// fresh returns the steps that were not there at the last look.
func (s *seen) fresh(steps []notify.Step) []notify.Step {
	now := make(seen, len(steps))
	var fresh []notify.Step
	for _, step := range steps {
		b, err := json.Marshal(step)
		if err != nil {
			continue // a step always encodes
		}
		key := string(b)
		if now[key]++; now[key] > (*s)[key] {
			fresh = append(fresh, step)
		}
	}
	*s = now
	return fresh
}

// worldEvent tells what only the simulated WeChat knows.
func (s *Sim) worldEvent(e simulator.Event) {
	if e.Kind == simulator.EventRefused {
		s.story.tell(e.At, line{actor: "WeChat", mood: bad,
			text: fmt.Sprintf("refuses a card for %s: errcode %d", s.name(fact.OpenID(e.User)), e.Code)})
	}
}

// cardWait is how long a card waits for the step that says that it was sent.
const cardWait = 2 * time.Second

// showCards shows what came to p's phone before t: at the time at, if that is set, by the
// clock of the timeline.
func (s *Sim) showCards(p *person, t, at time.Time) {
	cards := s.world.WeChat.Cards(string(p.openID))
	for _, c := range cards[p.cards:] {
		if !c.At.Before(t) {
			return
		}
		p.cards++
		s.story.add(cmp.Or(at, c.At), true, drawCard(s.story.colours, string(p.user), c))
	}
}
