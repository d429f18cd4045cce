package deliver

import (
	"context"
	"errors"
	"sync"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/guard"
	"wxnotify/shared/notify"
	"wxnotify/shared/stopwatch"
)

const (
	fanOutLimit   = 20               // group messages taken up at a time
	fanOutSide    = 8                // of them side by side
	fanOutFor     = 20 * time.Second // of a pass: no page is begun after it
	fanOutRecords = 100              // members recorded in one round trip
)

// fanOut records group messages for the members whom the rules want told, page by page.
// How far each has come is noted with every page. Who stops in between has the page done
// again: a member's message is recorded once.
func (p *pass) fanOut(ctx context.Context) {
	for !stopwatch.Short(ctx, wrapUp) && p.claimed.Elapsed() <= fanOutFor {
		fanOuts, err := p.Store.FanOuts(ctx, fanOutLimit)
		if err != nil {
			p.Log.ErrorContext(ctx, "group messages not taken up, a later run does", "alert", "store", "error", err)
		}
		if len(fanOuts) == 0 {
			return
		}
		p.fanOutAll(ctx, fanOuts)
		if err != nil {
			return
		}
	}
}

// fanOutAll does one page of each of fanOuts, some side by side.
func (p *pass) fanOutAll(ctx context.Context, fanOuts []notify.FanOut) {
	side := make(chan struct{}, fanOutSide)
	var wg sync.WaitGroup
	for _, s := range fanOuts {
		side <- struct{}{}
		guard.Go(ctx, p.Log, &wg, func() {
			defer func() { <-side }()
			if stopwatch.Short(ctx, wrapUp) || p.claimed.Elapsed() > fanOutFor {
				return // its lease ends, and another run takes it up
			}
			if err := p.fanOutPage(ctx, s); err != nil {
				p.Log.WarnContext(ctx, "group message not fanned out, tried again", "group", s.Message.Group, "attempt", s.Attempts, "error", err)
			}
		})
	}
	wg.Wait()
}

// fanOutPage does one page, and has the next be due at once.
func (p *pass) fanOutPage(ctx context.Context, s notify.FanOut) error {
	members, next, err := p.members(ctx, s)
	if errors.Is(err, notify.ErrNoGroup) {
		return p.Store.Advance(ctx, s, "", true)
	}
	if err != nil {
		return err
	}
	if err := p.record(ctx, s.Message, members); err != nil {
		return err
	}
	return p.Store.Advance(ctx, s, next, next == "")
}

// members returns the members whom the message is for, one page of them.
func (p *pass) members(ctx context.Context, s notify.FanOut) (members []notify.Member, next string, err error) {
	m := s.Message
	if m.For == fact.GroupAll || m.AtAll {
		return p.Directory.Members(ctx, m.Group, m.Type, s.Page)
	}
	members, err = p.Directory.MembersAmong(ctx, m.Group, m.At)
	return members, "", err
}

// record records m for members, but for its sender and those who do not want to be told
// of it.
func (p *pass) record(ctx context.Context, m fact.GroupMessage, members []notify.Member) error {
	var facts []fact.Fact
	for _, member := range members {
		if !member.Muted && member.User != m.From && (!member.MentionsOnly || m.Mentions(member.User)) {
			facts = append(facts, fact.Fact{Message: m.ForMember(member.User)})
		}
	}
	for len(facts) > 0 {
		n := min(len(facts), fanOutRecords)
		recorded, err := p.Store.Record(ctx, p.Rules, facts[:n])
		for _, e := range recorded.Ended {
			p.ended(ctx, e.Ended, "user", e.User)
		}
		if errors.Is(err, notify.ErrUnreadable) { // the other members are told
			p.Log.ErrorContext(ctx, "some members are not told of a group message: what the store holds of them cannot be read",
				"alert", "unreadable", "group", m.Group, "error", err)
		} else if err != nil {
			return err
		}
		facts = facts[n:]
	}
	return nil
}
