package model_test

import (
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// A ledger is what an openid has to spend on cards of one template.
type ledger struct {
	permits []time.Time // taps that were not spent or taken away, oldest first
	taps    map[string]*tap
	revokes map[string]bool
	void    time.Time // taps up to then are
	granted int       // ever
	sent    int       // cards that were shown, or may have been, ever
	paid    map[card.ID]bool
	zeroed  map[card.ID]bool
}

type ledgerKey struct {
	openID   fact.OpenID
	template fact.TemplateID
}

// A tap is told by WeChat, by the mini program, or by both.
type tap struct {
	sources map[fact.GrantSource]bool
	counts  bool
}

func (m *model) ledger(o fact.OpenID, t fact.TemplateID) *ledger {
	key := ledgerKey{o, t}
	p := m.ledgers[key]
	if p == nil {
		p = &ledger{}
		m.ledgers[key] = p
		p.forget()
	}
	return p
}

// forget is what an erasure does. What was granted and sent before stays true.
func (p *ledger) forget() {
	p.permits, p.taps, p.revokes, p.void = nil, map[string]*tap{}, map[string]bool{}, time.Time{}
	p.paid, p.zeroed = map[card.ID]bool{}, map[card.ID]bool{}
}

// grant: a tap is one permit, whoever tells of it, unless it was switched off since.
func (m *model) grant(g fact.Grant, now time.Time) {
	if now.Before(m.subscriber(g.OpenID).erased) {
		return
	}
	for _, t := range g.Templates {
		p := m.ledger(g.OpenID, t)
		of := p.taps[g.ID]
		if of == nil {
			of = &tap{sources: map[fact.GrantSource]bool{}}
			p.taps[g.ID] = of
		}
		if of.sources[g.Source] {
			continue
		}
		of.sources[g.Source] = true
		if of.counts || !g.At.After(p.void) {
			continue
		}
		of.counts = true
		p.granted++
		i, _ := slices.BinarySearchFunc(p.permits, g.At, time.Time.Compare)
		p.permits = slices.Insert(p.permits, i, g.At)
	}
}

func (p *ledger) revoke(id string, at time.Time) {
	if !p.revokes[id] {
		p.revokes[id] = true
		p.zero(at)
	}
}

// zero takes away what was granted up to a time, and nothing newer.
func (p *ledger) zero(at time.Time) {
	if at.After(p.void) {
		p.void = at
	}
	p.permits = slices.DeleteFunc(p.permits, func(t time.Time) bool { return !t.After(at) })
}

// pay spends the oldest permit on a card, once.
func (p *ledger) pay(id card.ID, longTerm bool) {
	if id = id.Nameless(); p.paid[id] {
		return
	}
	p.paid[id] = true
	if !longTerm && len(p.permits) > 0 {
		p.permits = p.permits[1:]
	}
}

// refuse: WeChat knew of no permit when the card was reserved.
func (p *ledger) refuse(id card.ID, reserved time.Time) {
	if id = id.Nameless(); !p.zeroed[id] {
		p.zeroed[id] = true
		p.zero(reserved)
	}
}
