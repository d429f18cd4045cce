package notify

import (
	"slices"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/keyword"
)

// A Filter says what counts of what is told, before anybody's state is known.
type Filter struct {
	Rules Rules
	// Admin is our own IM administrator: what they send is not announced.
	Admin fact.UserID
	// Templates are ours: permits of other templates are not kept. Nil: which are ours is
	// not known, and all are kept.
	Templates []fact.TemplateID
}

// Facts drops what the rules do not want to know, text first of all.
func (f Filter) Facts(facts []fact.Fact) []fact.Fact {
	out := make([]fact.Fact, 0, len(facts))
	for _, known := range facts {
		switch {
		case known.Message != nil:
			m := *known.Message
			m.Summary = f.preview(m.Summary)
			if m.OnlineOnly && m.FailedCode == 0 {
				continue // typing and the like: no message in anybody's conversation
			}
			m.Uncounted = f.uncounted(m)
			known.Message = &m
		case known.GroupMessage != nil:
			m := *known.GroupMessage
			m.Summary = f.preview(m.Summary)
			m.For = f.scope(m)
			known.GroupMessage = &m
		case known.Sent != nil:
			if len(f.ours([]fact.TemplateID{known.Sent.Template})) == 0 {
				continue
			}
		case known.Grant != nil:
			g := *known.Grant
			if g.Templates = f.ours(g.Templates); len(g.Templates) == 0 {
				continue
			}
			known.Grant = &g
		case known.Revoke != nil:
			r := *known.Revoke
			if r.Templates = f.ours(r.Templates); len(r.Templates) == 0 {
				continue
			}
			known.Revoke = &r
		case known.Refusal != nil:
			r := *known.Refusal
			if r.Templates = f.ours(r.Templates); len(r.Templates) == 0 {
				continue
			}
			known.Refusal = &r
		}
		out = append(out, known)
	}
	return out
}

// maxSummary is how much of a text is kept, in runes: no keyword shows more.
const maxSummary = 40

// preview returns what may be kept of a text.
func (f Filter) preview(text string) string {
	if f.Rules.Preview != card.PreviewText {
		return ""
	}
	return keyword.First(text, maxSummary)
}

// uncounted says why a message is not announced, or ReasonNone.
func (f Filter) uncounted(m fact.Message) fact.Reason {
	switch {
	case m.From == f.Admin:
		return fact.ReasonAdmin
	case m.From == m.To:
		return fact.ReasonSelf
	case m.Silent:
		return fact.ReasonSilent
	}
	return fact.ReasonNone
}

// scope says who is told of a group's message.
func (f Filter) scope(m fact.GroupMessage) fact.GroupRule {
	rule := f.Rules.Groups[m.Type]
	switch {
	case m.From == f.Admin, m.Silent, m.OnlineOnly, m.FailedCode != 0:
		return fact.GroupOff
	case rule == fact.GroupAll:
		return fact.GroupAll
	case rule == fact.GroupMentions && (m.AtAll || len(m.At) > 0):
		return fact.GroupMentions
	}
	return fact.GroupOff
}

func (f Filter) ours(ids []fact.TemplateID) []fact.TemplateID {
	var out []fact.TemplateID
	for _, id := range ids {
		if (f.Templates == nil || slices.Contains(f.Templates, id)) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
