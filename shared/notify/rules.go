package notify

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// Rules are the operator's choices of when a recipient is told. DefaultRules has
// the values that suit most.
type Rules struct {
	// Lead is how long a message for somebody who is away waits, so that a burst
	// becomes one card.
	Lead time.Duration
	// BlindWindow is how long IM may call a user online who has already left: a
	// mini program that lost its network is noticed after about 60 s.
	// Source: https://cloud.tencent.com/document/product/269/2570
	BlindWindow time.Duration
	// Grace is how long a user who was seen leaving may take to come back.
	Grace time.Duration
	// DigestSteps are the times between the cards of one absence: the second card goes
	// DigestSteps[0] after the first; the last step repeats. Notices wait meanwhile.
	DigestSteps []time.Duration
	// DigestMax is how many notices one card carries at most.
	DigestMax int
	// KeepForFirst is how many permits a digest leaves at least: for the first cards of
	// coming absences, and for calls.
	KeepForFirst int
	// KeepLearning: it leaves as many as the user's own history says that they will need
	// before they grant again.
	KeepLearning bool
	// FallbackToMessage: a digest, a mention, a call or a missed call whose own template has no
	// permit goes out on that of KindMessage. Announcements do not: their fields are their own.
	FallbackToMessage bool
	// Calls says what a call may spend in an absence in which the user was told already.
	Calls Calls
	// QuietHours put cards off to their end, calls excepted; in Zone.
	QuietHours QuietHours
	Zone       *time.Location
	// Groups says who is told of a group's messages, by type. Types that are not in it
	// are off.
	Groups map[fact.GroupType]fact.GroupRule
	// MissedCalls: calls that went unanswered are told. It follows from a template being
	// there for them.
	MissedCalls bool
	// UnknownAfter is how long WeChat's own report of a card is waited for, when the
	// answer to its send was lost.
	UnknownAfter time.Duration
	// PushOnline says what to do for users whose phone app IM can wake.
	PushOnline PushOnline
	// TTL is how long after it was sent a message may still be announced.
	TTL time.Duration
	// Style is how cards look.
	card.Style
	// Retry spaces the attempts after a send that surely did not happen.
	Retry Retry
	// Workers is how many cards one run sends at a time.
	Workers int
	// SendsPerSecond bounds the cards of all instances together.
	SendsPerSecond int
	// UserSendsPerHour bounds the cards to one user, calls included.
	UserSendsPerHour int
	// Ask bounds how users are asked for permits.
	Ask permit.Asking
}

// PushOnline is what to do for a user whom IM calls PushOnline.
type PushOnline string

// The choices for PushOnline.
const (
	PushOnlineSkip PushOnline = "skip" // their phone app rings already
	PushOnlineSend PushOnline = "send" // tell them on WeChat too
)

// Calls is what a call may spend in an absence in which the user was told already that
// something waits. The first card of an absence may be a call's in any case.
type Calls string

// The choices for Calls.
const (
	CallsKeep   Calls = "keep"   // what a digest may: it leaves permits for coming absences
	CallsAlways Calls = "always" // the last permit
)

// Retry spaces attempts: First, then Factor times longer each time up to Max, and
// no more than Attempts in all.
type Retry struct {
	First    time.Duration
	Factor   float64
	Max      time.Duration
	Attempts int
}

// DefaultRules returns the defaults in docs/configuration.md.
func DefaultRules() Rules {
	return Rules{
		Lead:         3 * time.Second,
		BlindWindow:  65 * time.Second,
		Grace:        5 * time.Second,
		DigestSteps:  []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour},
		DigestMax:    100,
		KeepForFirst: 1,
		KeepLearning: true,

		FallbackToMessage: true,

		Calls: CallsKeep,
		Zone:  fact.Beijing,
		Groups: map[fact.GroupType]fact.GroupRule{
			fact.GroupPrivate: fact.GroupMentions, fact.GroupPublic: fact.GroupMentions, fact.GroupChatRoom: fact.GroupMentions, fact.GroupCommunity: fact.GroupMentions,
		},
		UnknownAfter:     2 * time.Minute,
		PushOnline:       PushOnlineSkip,
		TTL:              24 * time.Hour,
		Style:            card.Style{Preview: card.PreviewSender, Lang: "zh_CN", MiniProgramState: "formal"},
		Retry:            Retry{First: 2 * time.Second, Factor: 3, Max: 10 * time.Minute, Attempts: 8},
		Workers:          64,
		SendsPerSecond:   2000,
		UserSendsPerHour: 30,
		Ask:              permit.Asking{Below: 3, Every: 10 * time.Minute, AgainAfter: 7 * 24 * time.Hour, Stock: 30},
	}
}

// Check returns every rule that makes no sense, joined, each named as in notify.yml.
func (r Rules) Check() error {
	var errs []error
	wrong := func(bad bool, name, cure string) {
		if bad {
			errs = append(errs, fmt.Errorf("%s: %s", name, cure))
		}
	}
	wrong(r.Lead < 0 || r.Lead > time.Minute, "rules.lead", "use 0s to 1m")
	wrong(r.BlindWindow < 0 || r.BlindWindow > 10*time.Minute, "rules.blind_window", "use 0s to 10m")
	wrong(r.Grace < 0 || r.Grace > time.Minute, "rules.grace", "use 0s to 1m")
	wrong(len(r.DigestSteps) == 0 || len(r.DigestSteps) > 20, "rules.digest_steps", "write 1 to 20 durations")
	for i, d := range r.DigestSteps {
		wrong(d < time.Second || d > 7*24*time.Hour, fmt.Sprintf("rules.digest_steps[%d]", i), "use 1s to 168h")
	}
	wrong(r.KeepForFirst < 0 || r.KeepForFirst > 1000, "rules.keep_for_first", "use 0 to 1000")
	wrong(r.Calls != CallsKeep && r.Calls != CallsAlways, "rules.calls", "use keep or always")
	if err := r.QuietHours.Check(); err != nil {
		errs = append(errs, fmt.Errorf("rules.quiet_hours: %w", err))
	}
	wrong(r.Zone == nil, "rules.zone", "use a name such as Asia/Shanghai")
	for t, g := range r.Groups {
		wrong(!slices.Contains([]fact.GroupType{fact.GroupPrivate, fact.GroupPublic, fact.GroupChatRoom, fact.GroupCommunity}, t), "rules.groups."+string(t), "use Private, Public, ChatRoom and Community")
		wrong(g != fact.GroupMentions && g != fact.GroupAll && g != fact.GroupOff, "rules.groups."+string(t), "use mentions, all or off")
	}
	wrong(r.UnknownAfter < 0 || r.UnknownAfter > time.Hour, "rules.unknown_after", "use 0s to 1h")
	wrong(r.SendsPerSecond < 1 || r.SendsPerSecond > 10000, "limits.sends_per_second", "use 1 to 10000")
	wrong(r.UserSendsPerHour < 1 || r.UserSendsPerHour > 1000, "limits.user_sends_per_hour", "use 1 to 1000")
	wrong(r.DigestMax < 1 || r.DigestMax > 1000, "rules.digest_max", "use 1 to 1000")
	wrong(r.PushOnline != PushOnlineSkip && r.PushOnline != PushOnlineSend, "rules.push_online", "use skip or send")
	wrong(r.TTL < time.Minute || r.TTL > 7*24*time.Hour, "rules.ttl", "use 1m to 168h")
	wrong(r.Preview != card.PreviewNone && r.Preview != card.PreviewSender && r.Preview != card.PreviewText, "rules.preview", "use none, sender or text")
	wrong(r.Retry.First <= 0 || r.Retry.First > r.Retry.Max, "rules.retry.first", "use more than 0s and at most retry.max")
	wrong(!(r.Retry.Factor >= 1 && r.Retry.Factor <= 10), "rules.retry.factor", "use 1 to 10")
	wrong(r.Retry.Max > 6*time.Hour, "rules.retry.max", "use at most 6h")
	wrong(r.Retry.Attempts < 1 || r.Retry.Attempts > 100, "rules.retry.attempts", "use 1 to 100")
	wrong(!slices.Contains([]string{"zh_CN", "en_US", "zh_HK", "zh_TW"}, r.Lang), "rules.lang", "use zh_CN, en_US, zh_HK or zh_TW")
	wrong(!slices.Contains([]string{"formal", "trial", "developer"}, r.MiniProgramState), "rules.miniprogram_state", "use formal, trial or developer")
	wrong(r.Ask.Below < 1 || r.Ask.Below > permit.MostByReport, "rules.ask.below", fmt.Sprintf("use 1 to %d", permit.MostByReport))
	wrong(r.Ask.Every < 0 || r.Ask.Every > 30*24*time.Hour, "rules.ask.every", "use 0s to 720h")
	wrong(r.Ask.AgainAfter < 24*time.Hour || r.Ask.AgainAfter > 365*24*time.Hour, "rules.ask.again_after", "use 24h to 8760h: WeChat punishes apps that press users to subscribe")
	wrong(r.Ask.Stock < r.Ask.Below || r.Ask.Stock > permit.MostByReport, "rules.ask.stock", fmt.Sprintf("use rules.ask.below to %d, above which no report counts", permit.MostByReport))
	wrong(r.Workers < 1 || r.Workers > 256, "limits.workers", "use 1 to 256")
	return errors.Join(errs...)
}

// Delay returns how long to wait before attempt n+1, n counting from 1, for a
// random number jitter in [0,1): between half and the whole of the step, so that
// many who failed together do not come back together.
func (r Retry) Delay(n int, jitter float64) time.Duration {
	d := float64(r.First)
	for i := 1; i < n && d < float64(r.Max); i++ {
		d *= r.Factor
	}
	d = min(d, float64(r.Max))
	return time.Duration(d/2 + jitter*d/2)
}
