package notify

import (
	"time"
)

const (
	askAgain = 5 * time.Second // how soon to ask again when IM did not answer
	askUntil = 2 * time.Minute // and for how long, before the last fact decides
)

// A Plan is what to do about one recipient, now.
type Plan struct {
	Send    []Notice  // announce these in one card
	Final   []Final   // these are done
	Again   time.Time // look at what is left then; zero if nothing is left but Send
	Why     Reason    // why something is put off
	Carried           // into the next look
}

// A Final is the end of one or more messages.
type Final struct {
	State    State
	Reason   Reason
	Messages []MessageID
}

// Decide applies the rules to a recipient of whom IM just said status:
//
//	past its time to live           expired
//	offline                         send
//	online, within the blind window look again when the window is over
//	online, window over             came online: IM itself reached him
//	reachable by phone push         as the rules say: skip or send
//	IM does not answer              ask again; after two minutes the last fact decides
func (r Rules) Decide(now time.Time, rec Recipient, status Status) Plan {
	p := Plan{Carried: rec.Carried}
	p.AskedSince = time.Time{}
	var live []Notice
	var expired []MessageID
	for _, n := range rec.Notices {
		if !now.Before(n.SentAt.Add(r.TTL)) {
			expired = append(expired, n.ID)
		} else {
			live = append(live, n)
		}
	}
	p.end(StateExpired, ReasonNone, expired)
	if len(live) == 0 {
		return p
	}
	sortNotices(live)

	if status == StatusUnknown {
		p.AskedSince = rec.AskedSince
		if p.AskedSince.IsZero() {
			p.AskedSince = now
		}
		if now.Sub(p.AskedSince) < askUntil {
			p.Again, p.Why = now.Add(askAgain), ReasonIMSilent
			return p
		}
		status = rec.Known
	}

	switch status {
	case StatusPushOnline:
		if r.PushOnline == PushOnlineSkip {
			p.end(StateCameOnline, ReasonPushOnline, ids(live))
			return p
		}
	case StatusOnline:
		var over []MessageID
		for _, n := range live {
			switch {
			case !n.WindowEnd.After(now):
				over = append(over, n.ID)
			case p.Again.IsZero() || n.WindowEnd.Before(p.Again):
				p.Again, p.Why = n.WindowEnd, ReasonWindow
			}
		}
		p.end(StateCameOnline, ReasonOnline, over)
		return p
	}

	p.Send = live
	if len(live) > r.DigestMax {
		p.Send = live[:r.DigestMax]
	}
	return p
}

func (p *Plan) end(s State, why Reason, messages []MessageID) {
	if len(messages) > 0 {
		p.Final = append(p.Final, Final{s, why, messages})
	}
}
