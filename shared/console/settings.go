package console

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

type settingsAnswer struct {
	Environment []Setting        `json:"environment"`
	Rules       []Setting        `json:"rules"` // by their names in notify.yml
	Templates   []templateAnswer `json:"templates"`
}

type templateAnswer struct {
	Kind     fact.Kind       `json:"kind"`
	ID       fact.TemplateID `json:"id"`
	LongTerm bool            `json:"longTerm"`
	Page     string          `json:"page"`
	Fault    string          `json:"fault,omitempty"`
}

// settings makes no trip.
func (c *Console) settings(_ context.Context, q *query) (any, error) {
	if q.err != nil {
		return nil, q.err
	}
	templates := []templateAnswer{}
	for _, kind := range kindsOf(c.cfg.Conf.Specs) {
		spec := c.cfg.Conf.Specs[kind]
		t := templateAnswer{Kind: kind, ID: spec.ID, LongTerm: spec.LongTerm, Page: spec.Page}
		if spec.Fault != nil {
			t.Fault = spec.Fault.Error()
		}
		templates = append(templates, t)
	}
	return settingsAnswer{append([]Setting{}, c.cfg.Settings...), rulesOf(c.cfg.Conf.Rules), templates}, nil
}

func kindsOf[V any](specs map[fact.Kind]V) []fact.Kind {
	kinds := make([]fact.Kind, 0, len(specs))
	for kind := range specs {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// rulesOf returns the rules in effect, by their names in notify.yml.
func rulesOf(r notify.Rules) (out []Setting) {
	add := func(name string, value any) { out = append(out, Setting{name, fmt.Sprint(value)}) }
	var steps []string
	for _, d := range r.DigestSteps {
		steps = append(steps, d.String())
	}
	add("rules.lead", r.Lead)
	add("rules.blind_window", r.BlindWindow)
	add("rules.grace", r.Grace)
	add("rules.digest_steps", strings.Join(steps, ", "))
	add("rules.digest_max", r.DigestMax)
	add("rules.keep_for_first", r.KeepForFirst)
	add("rules.keep_learning", r.KeepLearning)
	add("rules.fallback_to_message", r.FallbackToMessage)
	add("rules.calls", r.Calls)
	add("rules.push_online", r.PushOnline)
	add("rules.quiet_hours", r.QuietHours)
	add("rules.zone", r.Zone)
	add("rules.ttl", r.TTL)
	add("rules.preview", r.Preview)
	for _, group := range []fact.GroupType{fact.GroupPrivate, fact.GroupPublic, fact.GroupChatRoom, fact.GroupCommunity} {
		add("rules.groups."+string(group), r.Groups[group])
	}
	add("rules.unknown_after", r.UnknownAfter)
	add("rules.lang", r.Lang)
	add("rules.miniprogram_state", r.MiniProgramState)
	add("rules.retry.first", r.Retry.First)
	add("rules.retry.factor", r.Retry.Factor)
	add("rules.retry.max", r.Retry.Max)
	add("rules.retry.attempts", r.Retry.Attempts)
	add("limits.sends_per_second", r.SendsPerSecond)
	add("limits.user_sends_per_hour", r.UserSendsPerHour)
	add("limits.workers", r.Workers)
	return out
}
