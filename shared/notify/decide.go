package notify

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

const (
	askAgain = 5 * time.Second // how soon to ask again when IM did not answer, or while it rings
	askUntil = 2 * time.Minute // and for how long, before the last fact decides
)

// A Look is what a run knows of the world when it decides about a recipient.
type Look struct {
	Now    time.Time
	Status Status // what IM says of them
	Quota  bool   // WeChat takes no more cards today
}

// A Plan is what to do about one recipient, now.
type Plan struct {
	Send       []card.Notice   // announce these in one card
	Kind       fact.Kind       // what the card is: it names the template
	Digest     bool            // not the first card of the absence: it leaves permits for coming ones
	Final      []Final         // these are done
	Unanswered []fact.Identity // these calls went unanswered
	Again      time.Time       // look at what is left then; zero if nothing is left but Send
	Why        fact.Reason     // why something is put off
	Absence    AbsenceStep     // how it goes on
	Carried                    // into the next look
}

// A Final is the end of one or more messages.
type Final struct {
	State    fact.State
	Reason   fact.Reason
	Messages []fact.Identity
}

// Decide applies the rules to a recipient:
//
//	past its time to live           expired; or quota, if that was the reason
//	IM does not answer              ask again; after two minutes the last fact decides
//	online, within the blind window look again when the window is over
//	online, window over             came online: IM itself reached them
//	reachable by phone push         as the rules say: skip or send
//	quiet hours                     look again at their end
//	told in this absence already    look again at the next digest step
//	else                            send, all in one card
//
// Announcements go one to a card. What is in the queue of calls has rules of its own.
func (r Rules) Decide(look Look, rec Recipient) Plan {
	p := Plan{Carried: rec.Carried}
	p.AskedSince = time.Time{}
	if rec.Queue == card.QueueCalls {
		r.decideCalls(&p, look, rec)
		return p
	}
	live := p.expire(look, rec.Notices)
	if len(live) == 0 {
		return p
	}
	sortNotices(live)
	quiet := r.quietUntil(look.Now, rec)
	insistent, live := anyway(live)
	switch {
	case len(insistent) > 0 && quiet.IsZero():
		p.Send, p.Kind = insistent[:1], insistent[0].Kind
		return p
	case len(live) > 0:
		r.decideMessages(&p, look, rec, live, quiet)
	}
	if len(insistent) > 0 && (p.Again.IsZero() || quiet.Before(p.Again)) {
		p.Again, p.Why = quiet, fact.ReasonQuietHours
	}
	return p
}

// decideMessages applies the rules to what waits for somebody who may be there.
func (r Rules) decideMessages(p *Plan, look Look, rec Recipient, live []card.Notice, quiet time.Time) {
	status := p.status(look, rec, askUntil)
	switch {
	case status == StatusUnknown:
	case status == StatusOnline:
		p.waitForWindow(look.Now, live)
		if rec.Absence != (Absence{}) { // they are back, so this one is over
			p.Absence = AbsenceSeen
		}
	case status == StatusPushOnline && r.PushOnline == PushOnlineSkip:
		p.End(fact.StateCameOnline, fact.ReasonPushOnline, live)
	case !quiet.IsZero():
		p.Again, p.Why = quiet, fact.ReasonQuietHours
	default:
		r.announce(p, look.Now, rec.Absence, live)
	}
}

// announce chooses what the next card to somebody who is away carries.
func (r Rules) announce(p *Plan, now time.Time, absence Absence, live []card.Notice) {
	digest := absence.Cards > 0
	var merged []card.Notice
	for _, n := range live {
		if n.Announcement != nil && (digest || len(merged) == 0) { // it does not wait behind a digest
			p.Send, p.Kind = []card.Notice{n}, n.Kind
			return
		}
		if n.Announcement == nil && len(merged) < r.DigestMax {
			merged = append(merged, n)
		}
	}
	if due := r.digestDue(absence); now.Before(due) {
		p.Again, p.Why = due, fact.ReasonDigest
		return
	}
	p.Send, p.Digest, p.Kind = merged, digest, fact.KindDigest
	if !digest {
		p.Kind = kindOf(merged)
	}
}

// digestDue returns from when on the next card of an absence may go.
func (r Rules) digestDue(a Absence) time.Time {
	if a.Cards == 0 {
		return time.Time{}
	}
	return a.Last.Add(r.DigestSteps[min(a.Cards-1+a.Kept, len(r.DigestSteps)-1)])
}

// kindOf returns what a card with notices is: their kind, or of mixed ones a message.
func kindOf(notices []card.Notice) fact.Kind {
	kind := notices[0].Kind
	for _, n := range notices {
		if n.Kind != kind {
			return fact.KindMessage
		}
	}
	return kind
}

// anyway parts the announcements that go out wherever their recipient is from the rest.
func anyway(live []card.Notice) (insistent, rest []card.Notice) {
	for _, n := range live {
		if n.Announcement != nil && n.Announcement.Anyway {
			insistent = append(insistent, n)
		} else {
			rest = append(rest, n)
		}
	}
	return insistent, rest
}

// decideCalls applies the rules for calls, which are about now:
//
//	the ring time is over   missed
//	offline                 send at once, quiet hours or not; in an absence in which they were
//	                        told already, only if permits are plenty, or if the rules say so
//	online                  ask again every five seconds while it rings
//	IM does not answer      the last fact decides at once
func (r Rules) decideCalls(p *Plan, look Look, rec Recipient) {
	var ringing []card.Notice
	for _, n := range rec.Notices {
		if look.Now.Before(n.Expires) {
			ringing = append(ringing, n)
		} else {
			p.Unanswered = append(p.Unanswered, n.ID)
		}
	}
	if len(ringing) == 0 {
		return
	}
	sortNotices(ringing)
	switch status := p.status(look, rec, 0); {
	case status == StatusOnline:
		p.Again, p.Why = look.Now.Add(askAgain), fact.ReasonRinging
		for _, n := range ringing {
			p.Again = fact.Earlier(p.Again, n.Expires)
		}
	case status == StatusPushOnline && r.PushOnline == PushOnlineSkip:
		p.End(fact.StateCameOnline, fact.ReasonPushOnline, ringing)
	default:
		p.Send, p.Kind = ringing, fact.KindCall
		p.Digest = rec.Absence.Cards > 0 && r.Calls == CallsKeep
	}
}

// expire ends what is too old, and returns the rest.
func (p *Plan) expire(look Look, notices []card.Notice) (live []card.Notice) {
	var expired []card.Notice
	for _, n := range notices {
		if look.Now.Before(n.Expires) {
			live = append(live, n)
		} else {
			expired = append(expired, n)
		}
	}
	if look.Quota {
		p.End(fact.StateQuota, fact.ReasonQuotaDay, expired)
	} else {
		p.End(fact.StateExpired, fact.ReasonNone, expired)
	}
	return live
}

// status returns where the recipient is. While IM does not answer, for up to patience,
// it is StatusUnknown and the plan is to ask again; then the last fact decides, and
// without one they are taken for offline.
func (p *Plan) status(look Look, rec Recipient, patience time.Duration) Status {
	if look.Status != StatusUnknown {
		return look.Status
	}
	p.AskedSince = rec.AskedSince
	if p.AskedSince.IsZero() {
		p.AskedSince = look.Now
	}
	if look.Now.Sub(p.AskedSince) < patience {
		p.Again, p.Why = look.Now.Add(askAgain), fact.ReasonIMSilent
		return StatusUnknown
	}
	if rec.Known == StatusUnknown {
		return StatusOffline
	}
	return rec.Known
}

// waitForWindow ends what IM itself has reached somebody with who is online, and has
// the rest wait until IM's word can be relied on.
func (p *Plan) waitForWindow(now time.Time, live []card.Notice) {
	var over []card.Notice
	for _, n := range live {
		if !n.WindowEnd.After(now) {
			over = append(over, n)
			continue
		}
		if p.Again.IsZero() || n.WindowEnd.Before(p.Again) {
			p.Again, p.Why = n.WindowEnd, fact.ReasonWindow
		}
	}
	p.End(fact.StateCameOnline, fact.ReasonOnline, over)
}

// quietUntil returns when the quiet hours of the rules or of the recipient end; the
// zero time if it is neither's.
func (r Rules) quietUntil(now time.Time, rec Recipient) time.Time {
	return fact.Later(r.QuietHours.End(now, r.Zone), rec.Quiet.End(now, r.Zone))
}

// End ends notices, if there are any.
func (p *Plan) End(s fact.State, why fact.Reason, notices []card.Notice) {
	if len(notices) > 0 {
		p.Final = append(p.Final, Final{s, why, identities(notices)})
	}
}

// turnAway ends those calls of a recipient that are of groups they are not in.
func (p *Plan) turnAway(groups map[fact.GroupID]bool) {
	var rest, away []card.Notice
	for _, n := range p.Send {
		if n.Group != "" && groups[n.Group] {
			away = append(away, n)
		} else {
			rest = append(rest, n)
		}
	}
	p.Send = rest
	p.End(fact.StateNotCounted, fact.ReasonNotMember, away)
}
