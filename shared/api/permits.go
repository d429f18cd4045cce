package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// Permits tells a user's mini program how many cards his subscriptions still pay for
// (GET), and takes in what he answered to the subscribe dialog (POST). Both are signed
// with the user's own UserSig.
//
// WeChat sends no event for a choice that the user has kept ("always keep"), so the
// report is then the only source of his permits.
type Permits struct {
	Sigs      UserSigs
	Ledger    Ledger
	Limits    Limiter
	Accept    func(context.Context, []notify.Fact) error
	Templates []Kind
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}

// A Kind is a template by its name in notify.yml.
type Kind struct {
	Name string
	ID   notify.TemplateID
}

// Ledger reads the accounts of permits.
type Ledger interface {
	OpenIDOf(ctx context.Context, user notify.UserID) (notify.OpenID, error)
	Balances(ctx context.Context, openID notify.OpenID, templates []notify.TemplateID) (map[notify.TemplateID]int, error)
}

func (p *Permits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handle(p.Log, func(w http.ResponseWriter, r *http.Request) error {
		return limited(r.Context(), p.Limits, r, func() error { return p.serve(w, r) })
	})(w, r)
}

func (p *Permits) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return methodNotAllowed(w, "GET, POST")
	}
	user, err := bearer(r, p.Sigs, p.now())
	if err != nil {
		return err
	}
	ok, err := p.Limits.Allow(r.Context(), "user:"+string(user), callsPerUser, callWindow)
	if err != nil {
		return unavailable(err)
	}
	if !ok {
		return errTooMany
	}
	openID, err := p.Ledger.OpenIDOf(r.Context(), user)
	if errors.Is(err, store.ErrNotBound) {
		return unauthorized(err)
	}
	if err != nil {
		return unavailable(err)
	}
	if r.Method == http.MethodPost {
		if err := p.report(w, r, user, openID); err != nil {
			return err
		}
	}
	advice, err := p.advice(r.Context(), openID)
	if err != nil {
		return unavailable(err)
	}
	return answer(w, struct {
		Templates []notify.Advice `json:"templates"`
	}{advice})
}

type report struct {
	ReportID   string            `json:"reportId"`
	AgeSeconds float64           `json:"ageSeconds"`
	Results    map[string]string `json:"results"`
}

// maxAge is how old a report may be. An older tap's permits are found out by asking.
const maxAge = 24 * time.Hour

func (p *Permits) report(w http.ResponseWriter, r *http.Request, user notify.UserID, openID notify.OpenID) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var rep report
	if err := decode(body, &rep); err != nil {
		return err
	}
	switch {
	case len(rep.ReportID) < 8 || len(rep.ReportID) > 64:
		return badRequest("reportId", "reportId must have 8 to 64 bytes, new for each tap")
	case !(rep.AgeSeconds >= 0 && rep.AgeSeconds <= maxAge.Seconds()):
		return badRequest("ageSeconds", "ageSeconds must be 0 to 86400: how long ago the user tapped")
	case len(rep.Results) == 0 || len(rep.Results) > 20:
		return badRequest("results", "results must hold 1 to 20 templates: send what requestSubscribeMessage returned")
	}
	grant := notify.Grant{
		ID: string(user) + "\n" + rep.ReportID, OpenID: openID, Source: notify.GrantReport,
		At: p.now().Add(-time.Duration(rep.AgeSeconds * float64(time.Second))).UTC(),
	}
	banned := notify.Revoke{ID: grant.ID, OpenID: openID, At: grant.At}
	for _, t := range p.Templates {
		switch result := rep.Results[string(t.ID)]; {
		case accepted(result):
			grant.Templates = append(grant.Templates, t.ID)
		case result == "ban":
			banned.Templates = append(banned.Templates, t.ID)
		}
	}
	var facts []notify.Fact
	if len(grant.Templates) > 0 {
		facts = append(facts, notify.Fact{Grant: &grant})
	}
	if len(banned.Templates) > 0 {
		facts = append(facts, notify.Fact{Revoke: &banned})
	}
	if err := p.Accept(r.Context(), facts); err != nil {
		return unavailable(err)
	}
	return nil
}

// accepted reports whether an answer of the dialog is a permit.
// Source: https://developers.weixin.qq.com/miniprogram/dev/api/open-api/subscribe-message/wx.requestSubscribeMessage.html
func accepted(result string) bool {
	return result == "accept" || result == "acceptWithAudio" || result == "acceptWithAlert"
}

func (p *Permits) advice(ctx context.Context, openID notify.OpenID) ([]notify.Advice, error) {
	ids := make([]notify.TemplateID, len(p.Templates))
	for i, t := range p.Templates {
		ids[i] = t.ID
	}
	balances, err := p.Ledger.Balances(ctx, openID, ids)
	if err != nil {
		return nil, err
	}
	advice := make([]notify.Advice, len(p.Templates))
	for i, t := range p.Templates {
		advice[i] = notify.Advise(t.ID, t.Name, balances[t.ID])
	}
	return advice, nil
}

func (p *Permits) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}
