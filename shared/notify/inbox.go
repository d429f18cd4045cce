package notify

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// Budgets of the receiving side. IM gives a callback 2 s in all.
// Source: https://cloud.tencent.com/document/product/269/1522
const (
	recordBudget  = 700 * time.Millisecond
	courierBudget = 600 * time.Millisecond
)

// An Inbox takes facts in: it leaves out what does not count, records the rest in
// one store round trip, wakes deliver if something falls due soon, and spills to
// deliver when the store is away. It is safe for concurrent use.
type Inbox struct {
	Store   Recorder
	Courier Courier
	Rules   Rules
	// Admin is our own IM administrator: what he sends is not announced.
	Admin UserID
	// Templates are ours: permits of other templates are not kept. Nil: which are ours is
	// not known, and all are kept.
	Templates []TemplateID
	Log       *slog.Logger
	Now       func() time.Time // for the age of a spill, and for when to look at the store again

	outage outage // what this process knows of one
}

// Accept takes facts in. When it returns nil they are stored or spilled. It never
// takes longer than about 1.3 s, whatever the store and the platform do, and does not wait
// for a store that was away a moment ago.
func (in *Inbox) Accept(ctx context.Context, facts []Fact) error {
	facts = in.prepare(facts)
	if len(facts) == 0 {
		return nil
	}
	if since := in.Now(); in.outage.pause(since) > 0 {
		spilled := in.spill(ctx, facts, since, errStoreAway)
		if spilled == nil {
			return nil
		}
		if _, err := in.put(ctx, facts, acceptPause); err != nil { // a wake would take too long
			return errors.Join(spilled, err)
		}
		return nil
	}
	err := in.record(ctx, facts, acceptPause)
	if err == nil {
		return nil
	}
	return in.spill(ctx, facts, in.Now(), err)
}

// record stores facts and wakes deliver if need be. A wake that fails costs one
// timer period at most and is no failure of the record.
func (in *Inbox) record(ctx context.Context, facts []Fact, pause Retry) error {
	wake, err := in.put(ctx, facts, pause)
	if err != nil || !wake {
		return err
	}
	wakeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), courierBudget)
	defer cancel()
	if err := in.Courier.Wake(wakeCtx); err != nil {
		in.Log.WarnContext(ctx, "wake failed, the timer will do the work", "error", err)
	}
	return nil
}

// put stores facts, and says whether deliver is to be woken. If the store is away, pause says
// for how long this process leaves it alone.
func (in *Inbox) put(ctx context.Context, facts []Fact, pause Retry) (wake bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, recordBudget)
	defer cancel()
	wake, err = in.Store.Record(ctx, in.Rules, facts)
	in.outage.note(in.Now(), err, pause)
	return wake, err
}

// prepare drops what the rules do not want to know, text first of all.
func (in *Inbox) prepare(facts []Fact) []Fact {
	out := make([]Fact, 0, len(facts))
	for _, f := range facts {
		switch {
		case f.Message != nil:
			m := *f.Message
			m.Summary = in.preview(m.Summary)
			if m.OnlineOnly && m.FailedCode == 0 {
				continue // typing and the like: no message in anybody's conversation
			}
			m.Uncounted = in.uncounted(m)
			f.Message = &m
		case f.GroupMessage != nil:
			m := *f.GroupMessage
			m.Summary = in.preview(m.Summary)
			m.For = in.scope(m)
			f.GroupMessage = &m
		case f.Sent != nil:
			if len(in.ours([]TemplateID{f.Sent.Template})) == 0 {
				continue
			}
		case f.Grant != nil:
			g := *f.Grant
			if g.Templates = in.ours(g.Templates); len(g.Templates) == 0 {
				continue
			}
			f.Grant = &g
		case f.Revoke != nil:
			r := *f.Revoke
			if r.Templates = in.ours(r.Templates); len(r.Templates) == 0 {
				continue
			}
			f.Revoke = &r
		}
		out = append(out, f)
	}
	return out
}

// maxSummary is how much of a text is kept, in runes: no keyword shows more.
const maxSummary = 40

// preview returns what may be kept of a text.
func (in *Inbox) preview(text string) string {
	if in.Rules.Preview != PreviewText {
		return ""
	}
	return firstRunes(text, maxSummary)
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// uncounted says why a message is not announced, or ReasonNone.
func (in *Inbox) uncounted(m Message) Reason {
	switch {
	case m.From == in.Admin:
		return ReasonAdmin
	case m.From == m.To:
		return ReasonSelf
	case m.Silent:
		return ReasonSilent
	}
	return ReasonNone
}

// scope says who is told of a group's message.
func (in *Inbox) scope(m GroupMessage) GroupRule {
	rule := in.Rules.Groups[m.Type]
	switch {
	case m.From == in.Admin, m.Silent, m.OnlineOnly, m.FailedCode != 0:
		return GroupOff
	case rule == GroupAll:
		return GroupAll
	case rule == GroupMentions && (m.AtAll || len(m.At) > 0):
		return GroupMentions
	}
	return GroupOff
}

func (in *Inbox) ours(ids []TemplateID) []TemplateID {
	var out []TemplateID
	for _, id := range ids {
		if (in.Templates == nil || slices.Contains(in.Templates, id)) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
