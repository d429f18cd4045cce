package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"wxnotify/shared/explain"
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
				l.why = why(steps, step, p.user)
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

// why returns what a support person would read to user of the messages that ended in step.
func why(steps []notify.Step, step notify.Step, user fact.UserID) Words {
	if step.Kind != notify.StepFinal || len(step.Messages) == 0 {
		return Words{}
	}
	about := explain.Subject{User: user, Message: step.Messages[0]}
	return Words{explain.Explain(steps, about, "en", time.Local).Sentence, explain.Explain(steps, about, "zh", time.Local).Sentence}
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

// ways are how simulator.EventLeaving names them.
var ways = map[string]Where{"closed": Closed, "in background": Background, "network lost": NoNetwork}

// worldEvent notes where people are, and tells what only the simulated WeChat knows.
func (s *Sim) worldEvent(e simulator.Event) {
	switch e.Kind {
	case simulator.EventSignedIn:
		s.goes(e, InChat)
	case simulator.EventLeaving:
		s.goes(e, ways[e.Name])
	case simulator.EventGone:
		s.goes(e, "")
	}
	if e.Kind == simulator.EventRefused {
		s.story.tell(e.At, line{actor: "WeChat", mood: bad,
			text: say("refuses a card for %s: errcode %d", "拒收给 %s 的提醒：errcode %d", s.name(fact.OpenID(e.User)), e.Code)})
	}
}

// goes notes that somebody is somewhere else. Nowhere: they have gone in a way that was not told of before.
func (s *Sim) goes(e simulator.Event, to Where) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		if string(p.user) == e.User && (to != "" || p.where == InChat) {
			p.where, p.since = cmp.Or(to, Closed), e.At
		}
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
		l := line{actor: string(p.user), mood: good, text: say("gets a service notification: %s", "收到一条服务通知：%s", c.Title)}
		when := cmp.Or(at, c.At)
		s.story.wait(block{at: when, ours: true, text: drawCard(s.story.colours, s.story.lang, string(p.user), c), line: l.entry(when)})
	}
}
