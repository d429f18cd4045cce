package api

import (
	"encoding/json"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/wechat"
)

// A report is what the user answered to the subscribe dialog, as the mini program tells
// it.
type report struct {
	ReportID   string  `json:"reportId"`
	AgeSeconds float64 `json:"ageSeconds"`
	// Results is the object that the dialog returned. Newer base libraries put members
	// into it that are not answers, such as a numeric errno.
	Results map[string]json.RawMessage `json:"results"`
}

// Bounds of a report's age. An older tap's permits are found out by asking. A phone whose
// clock was set back while the dialog was open reports an age below 0, which is taken for 0.
const (
	maxAge    = 24 * time.Hour
	clockStep = 5 * time.Minute
)

// empty reports whether nothing of a report was sent.
func (rep report) empty() bool {
	return rep.ReportID == "" && rep.AgeSeconds == 0 && rep.Results == nil
}

func (rep report) check() error {
	switch {
	case len(rep.ReportID) < 8 || len(rep.ReportID) > 64:
		return badRequest("reportId", "reportId must have 8 to 64 bytes, new for each tap")
	case !(rep.AgeSeconds >= -clockStep.Seconds() && rep.AgeSeconds <= maxAge.Seconds()):
		return badRequest("ageSeconds", "ageSeconds must be 0 to 86400 (down to -300 is taken for 0): how long ago the user tapped")
	case len(rep.answers()) == 0 || len(rep.Results) > 20:
		return badRequest("results", "results must hold 1 to 20 templates: send what requestSubscribeMessage returned")
	}
	return nil
}

// answers returns the members of Results that are strings.
func (rep report) answers() map[string]string {
	out := make(map[string]string, len(rep.Results))
	for name, raw := range rep.Results {
		var answer *string
		if json.Unmarshal(raw, &answer) == nil && answer != nil {
			out[name] = *answer
		}
	}
	return out
}

// facts returns what the report says of our templates.
func (rep report) facts(user fact.UserID, openID fact.OpenID, templates card.Templates, now time.Time) []fact.Fact {
	grant := fact.Grant{
		ID: string(user) + "\n" + rep.ReportID, OpenID: openID, Source: fact.GrantReport,
		At: now.Add(-time.Duration(max(rep.AgeSeconds, 0) * float64(time.Second))).UTC(),
	}
	answers := rep.answers()
	banned := fact.Revoke{ID: grant.ID, OpenID: openID, At: grant.At, Banned: true}
	refused := fact.Refusal{ID: grant.ID, OpenID: openID, At: grant.At}
	for _, id := range templates.IDs() {
		switch result := answers[string(id)]; {
		case wechat.Accepts(result):
			grant.Templates = append(grant.Templates, id)
		case result == "ban":
			banned.Templates = append(banned.Templates, id)
		case result == "reject":
			refused.Templates = append(refused.Templates, id)
		}
	}
	var facts []fact.Fact
	if len(grant.Templates) > 0 {
		facts = append(facts, fact.Fact{Grant: &grant})
	}
	if len(banned.Templates) > 0 {
		facts = append(facts, fact.Fact{Revoke: &banned})
	}
	if len(refused.Templates) > 0 {
		facts = append(facts, fact.Fact{Refusal: &refused})
	}
	return facts
}

// unknown returns answers about our templates that no rule knows.
func (rep report) unknown(templates card.Templates) []string {
	var answers []string
	all := rep.answers()
	for _, id := range templates.IDs() {
		if answer, ok := all[string(id)]; ok {
			answers = append(answers, answer)
		}
	}
	return wechat.UnknownAnswers(answers)
}
