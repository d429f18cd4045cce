package notify

import "slices"

// A Filter says what counts of what is told, before anybody's state is known.
type Filter struct {
	Rules Rules
	// Admin is our own IM administrator: what they send is not announced.
	Admin UserID
	// Templates are ours: permits of other templates are not kept. Nil: which are ours is
	// not known, and all are kept.
	Templates []TemplateID
}

// Facts drops what the rules do not want to know, text first of all.
func (f Filter) Facts(facts []Fact) []Fact {
	out := make([]Fact, 0, len(facts))
	for _, fact := range facts {
		switch {
		case fact.Message != nil:
			m := *fact.Message
			m.Summary = f.preview(m.Summary)
			if m.OnlineOnly && m.FailedCode == 0 {
				continue // typing and the like: no message in anybody's conversation
			}
			m.Uncounted = f.uncounted(m)
			fact.Message = &m
		case fact.GroupMessage != nil:
			m := *fact.GroupMessage
			m.Summary = f.preview(m.Summary)
			m.For = f.scope(m)
			fact.GroupMessage = &m
		case fact.Sent != nil:
			if len(f.ours([]TemplateID{fact.Sent.Template})) == 0 {
				continue
			}
		case fact.Grant != nil:
			g := *fact.Grant
			if g.Templates = f.ours(g.Templates); len(g.Templates) == 0 {
				continue
			}
			fact.Grant = &g
		case fact.Revoke != nil:
			r := *fact.Revoke
			if r.Templates = f.ours(r.Templates); len(r.Templates) == 0 {
				continue
			}
			fact.Revoke = &r
		}
		out = append(out, fact)
	}
	return out
}

// maxSummary is how much of a text is kept, in runes: no keyword shows more.
const maxSummary = 40

// preview returns what may be kept of a text.
func (f Filter) preview(text string) string {
	if f.Rules.Preview != PreviewText {
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
func (f Filter) uncounted(m Message) Reason {
	switch {
	case m.From == f.Admin:
		return ReasonAdmin
	case m.From == m.To:
		return ReasonSelf
	case m.Silent:
		return ReasonSilent
	}
	return ReasonNone
}

// scope says who is told of a group's message.
func (f Filter) scope(m GroupMessage) GroupRule {
	rule := f.Rules.Groups[m.Type]
	switch {
	case m.From == f.Admin, m.Silent, m.OnlineOnly, m.FailedCode != 0:
		return GroupOff
	case rule == GroupAll:
		return GroupAll
	case rule == GroupMentions && (m.AtAll || len(m.At) > 0):
		return GroupMentions
	}
	return GroupOff
}

func (f Filter) ours(ids []TemplateID) []TemplateID {
	var out []TemplateID
	for _, id := range ids {
		if (f.Templates == nil || slices.Contains(f.Templates, id)) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
