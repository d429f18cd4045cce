package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// Permits tells a user's mini program how many cards their subscriptions still pay for, and
// what they want to be told of (GET), and takes in what they answered to the subscribe
// dialog, and what they want (POST). Both are signed with the user's own UserSig.
//
// WeChat sends no event for a choice that the user has kept ("always keep"), so the
// report is then the only source of their permits.
type Permits struct {
	Sigs        UserSigs
	Ledger      Ledger
	Preferences Preferences
	Limits      Limiter
	Accept      func(context.Context, []fact.Fact) error
	Templates   card.Templates
	Asking      permit.Asking // how users are asked for permits
	Log         *slog.Logger
	Now         func() time.Time
}

// Ledger reads the accounts of permits.
type Ledger interface {
	OpenIDOf(ctx context.Context, user fact.UserID) (fact.OpenID, error)
	Ledgers(ctx context.Context, openID fact.OpenID) (map[fact.TemplateID]*permit.Ledger, error)
}

func (p *Permits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handle(p.Log, p.serve)(w, r)
}

func (p *Permits) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return methodNotAllowed(w, "GET, POST")
	}
	user, err := bearer(r, p.Sigs, p.Now())
	if err := judge(r, p.Limits, "permits", err); err != nil {
		return err
	}
	ok, err := p.Limits.Allow(r.Context(), "calls:"+string(user), callsPerUser, callWindow)
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
		if err := p.take(w, r, user, openID); err != nil {
			return err
		}
	}
	advice, err := p.advice(r.Context(), openID)
	if err != nil {
		return unavailable(err)
	}
	if full := atMost(advice); r.Method == http.MethodPost && len(full) > 0 {
		p.Log.WarnContext(r.Context(), "reports of this user count no more permits", "user", user, "templates", full, "most", permit.MostByReport)
	}
	prefs, err := p.Preferences.Preferences(r.Context(), user)
	if err != nil {
		return unavailable(err)
	}
	if prefs.MutedPeers == nil {
		prefs.MutedPeers = []string{} // not null
	}
	return answer(w, struct {
		Templates   []permit.Advice    `json:"templates"`
		Preferences notify.Preferences `json:"preferences"`
	}{advice, prefs})
}

// atMost returns the templates of which a report counts no more permits.
func atMost(advice []permit.Advice) (full []fact.TemplateID) {
	for _, a := range advice {
		if a.Balance >= permit.MostByReport {
			full = append(full, a.ID)
		}
	}
	return full
}

// take takes in what a mini program sends. Everything is checked before anything is
// stored.
func (p *Permits) take(w http.ResponseWriter, r *http.Request, user fact.UserID, openID fact.OpenID) error {
	body, err := readBody(w, r, maxBody)
	if err != nil {
		return err
	}
	var req struct {
		report
		Preferences *wishes `json:"preferences"`
	}
	if err := decode(body, &req); err != nil {
		return err
	}
	var facts []fact.Fact
	if req.Preferences == nil || !req.report.empty() {
		if err := req.report.check(); err != nil {
			return err
		}
		facts = req.report.facts(user, openID, p.Templates, p.Now())
		if words := req.report.unknown(p.Templates); len(words) > 0 {
			p.Log.WarnContext(r.Context(), "report has words that are not known, which count as no answer", "words", words)
		}
	}
	var prefs notify.Preferences
	if req.Preferences != nil {
		if prefs, err = p.wanted(r.Context(), user, *req.Preferences); err != nil {
			return err
		}
	}
	if err := p.Accept(r.Context(), facts); err != nil {
		return unavailable(err)
	}
	if req.Preferences != nil {
		err := p.Preferences.SetPreferences(r.Context(), user, prefs)
		if errors.Is(err, store.ErrNotBound) { // erased meanwhile
			return unauthorized(err)
		}
		if err != nil {
			return unavailable(err)
		}
	}
	return nil
}
