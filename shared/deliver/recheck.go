package deliver

import (
	"context"
	"slices"
	"sync"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/guard"
	"wxnotify/shared/notify"
)

// checkUnread asks IM what the recipients of digests have not read, and drops what they
// have: they may have read it on a device that reports nothing. IM counts one-to-one
// conversations only.
func (p *pass) checkUnread(ctx context.Context, cards []*delivery) {
	var wg sync.WaitGroup
	for _, c := range cards {
		if c.Plan.Digest && c.Recipient.Queue == card.QueueMessages {
			guard.Go(ctx, p.Log, &wg, func() { c.dropRead(ctx) })
		}
	}
	wg.Wait()
}

// dropRead ends those notices of a digest that IM no longer counts as unread.
func (c *delivery) dropRead(ctx context.Context) {
	var peers []fact.UserID
	counted := false
	for _, n := range c.Plan.Send {
		if n.Kind == fact.KindMessage && n.Group == "" {
			counted = true
			if n.From != "" && !slices.Contains(peers, n.From) { // empty: they were erased
				peers = append(peers, n.From)
			}
		}
	}
	if !counted {
		return
	}
	total, by, err := c.IM.Unread(ctx, c.Recipient.User, peers)
	if err != nil {
		c.Log.WarnContext(ctx, "IM did not say what is unread", "error", err)
		return
	}
	var unread, read []card.Notice
	for _, n := range c.Plan.Send {
		left, told := by[n.From]
		if n.Kind == fact.KindMessage && n.Group == "" && (total == 0 || told && left == 0) {
			read = append(read, n)
		} else {
			unread = append(unread, n)
		}
	}
	c.Plan.Send = unread
	c.Plan.End(fact.StateRead, fact.ReasonUnreadNone, read)
}

// recalled returns which of the group messages on cards were taken back: a recall is
// kept with the group, not with each member. known is false if the store did not say.
func (p *pass) recalled(ctx context.Context, cards []*delivery) (recalled map[fact.MessageID]bool, known bool) {
	var refs []notify.GroupMessageRef
	for _, c := range cards {
		for _, n := range c.Plan.Send {
			if n.OfGroup() {
				refs = append(refs, notify.GroupMessageRef{Group: n.Group, Seq: n.Seq})
			}
		}
	}
	if len(refs) == 0 {
		return nil, true
	}
	recalled, err := p.Store.Recalled(ctx, refs)
	if err != nil {
		p.Log.WarnContext(ctx, "it is not known which group messages were recalled, their cards wait", "error", err)
	}
	return recalled, err == nil
}

// recalledAgain is after how long the store is asked again what was recalled.
const recalledAgain = 3 * time.Second

// ofGroups reports whether the card tells of messages of groups.
func (c *delivery) ofGroups() bool { return slices.ContainsFunc(c.Plan.Send, card.Notice.OfGroup) }
