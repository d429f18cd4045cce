package notify

import (
	"context"
	"errors"
	"fmt"
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

// spillFor is how long spilled facts are carried on while the store is away.
const spillFor = 6 * time.Hour

// unreadableTries is how often what something unreadable keeps from being recorded is tried,
// a second apart. Nothing but a person mends it.
const unreadableTries = 3

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
	Now       func() time.Time // for the age of a spill
}

// Accept takes facts in. When it returns nil they are stored or spilled. It never
// takes longer than about 1.3 s, whatever the store and the platform do.
func (in *Inbox) Accept(ctx context.Context, facts []Fact) error {
	return in.accept(ctx, in.prepare(facts), in.Now())
}

func (in *Inbox) accept(ctx context.Context, facts []Fact, since time.Time) error {
	if len(facts) == 0 {
		return nil
	}
	err := in.record(ctx, facts)
	if err == nil {
		return nil
	}
	return in.spill(ctx, facts, since, err)
}

// spill hands on facts that cause kept from being recorded.
func (in *Inbox) spill(ctx context.Context, facts []Fact, since time.Time, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), courierBudget)
	defer cancel()
	if err := in.Courier.Spill(ctx, facts, since); err != nil {
		return fmt.Errorf("notify: Accept: %w", errors.Join(cause, err))
	}
	in.Log.WarnContext(ctx, "facts spilled: the store did not take them", "facts", len(facts), "error", cause)
	return nil
}

// record stores facts and wakes deliver if need be. A wake that fails costs one
// timer period at most and is no failure of the record.
func (in *Inbox) record(ctx context.Context, facts []Fact) error {
	recordCtx, cancel := context.WithTimeout(ctx, recordBudget)
	defer cancel()
	wake, err := in.Store.Record(recordCtx, in.Rules, facts)
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

// Retake takes in what was spilled at since. It tries until the store is back or
// ctx has about reserve left, and then spills again. An error means that neither was
// possible: the platform should repeat the event. After six hours it gives up and says
// so in the log. A fact that only something unreadable in the store keeps from being recorded
// is given up after a few tries.
func (in *Inbox) Retake(ctx context.Context, facts []Fact, since time.Time, reserve time.Duration) error {
	if since.IsZero() {
		since = in.Now()
	}
	if in.Now().Sub(since) > spillFor {
		in.Log.ErrorContext(ctx, "spilled facts are given up", "alert", "spill", "facts", len(facts), "after", spillFor.String())
		return nil
	}
	facts = in.prepare(facts)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for try := 1; len(facts) > 0; try++ {
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		err := in.record(ctx, facts)
		if errors.Is(err, ErrUnreadable) && try >= unreadableTries {
			facts, err = in.setAside(ctx, facts)
		}
		if err != nil && short(ctx, reserve) {
			err = in.spill(ctx, facts, since, err)
		}
		if err == nil || short(ctx, recordBudget+courierBudget) {
			return err
		}
		pause.Reset(time.Second)
	}
	return nil
}

// setAside records facts one by one, and gives up those that something unreadable in the store
// keeps from it. It returns those that something else does, and what.
func (in *Inbox) setAside(ctx context.Context, facts []Fact) (left []Fact, err error) {
	for _, f := range facts {
		failed := in.record(ctx, []Fact{f})
		if errors.Is(failed, ErrUnreadable) {
			in.Log.ErrorContext(ctx, "a fact is given up: what the store holds cannot be read", "alert", "unreadable", "tries", unreadableTries, "error", failed)
		} else if failed != nil {
			left, err = append(left, f), failed
		}
	}
	return left, err
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
