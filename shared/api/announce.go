package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
)

// Announce lets the operator's backend tell users something of its own: that an order
// was shipped, or what went out with batchsendmsg, of which IM tells nobody. Requests
// are signed with Key and the word announce.
//
// An id is told to a user once, however often it is sent. So a backend that got no
// answer asks again, signed anew; a request whose very signature was seen before is a
// replay, and refused.
type Announce struct {
	Key       secret.String // ANNOUNCE_KEY
	Store     Announcer
	Limits    Limiter
	Invoker   Waker
	Rules     notify.Rules
	Templates card.Templates // which an announcement has to fit
	Log       *slog.Logger
	Now       func() time.Time
}

// Announcer records announcements.
type Announcer interface {
	// Announce records messages, and returns what became of each, in their order. A
	// message that its recipient was told of, or that waits for them, changes nothing. What cannot
	// be read of one recipient is no error but the Err of their result.
	// wake is true when something falls due soon and no run of deliver is watching. On
	// an error any part may have been recorded; doing it again is safe.
	Announce(ctx context.Context, rules notify.Rules, messages []fact.Message) (results []notify.Accepted, wake bool, err error)
}

// Waker starts deliver.
type Waker interface {
	Wake(ctx context.Context) error
}

// wakeBudget bounds how long an answer waits for deliver to be started.
const wakeBudget = 2 * time.Second

func (a *Announce) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handle(a.Log, a.serve)(w, r)
}

func (a *Announce) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return methodNotAllowed(w, "POST")
	}
	body, err := readBody(w, r, maxAnnouncement)
	if err != nil {
		return err
	}
	now := a.Now()
	if err := judge(r, a.Limits, "announce", verifySigned(r.Header, a.Key, "announce", body, now)); err != nil {
		return err
	}
	messages, err := announcements(body, now.UTC())
	if err != nil {
		return err
	}
	if err := a.fits(messages[0]); err != nil {
		return err
	}
	if err := a.once(r.Context(), r.Header); err != nil {
		return err
	}
	results, err := a.record(r.Context(), messages)
	if err != nil {
		return unavailable(err)
	}
	return answer(w, struct {
		Results []announced `json:"results"`
	}{results})
}

// fits refuses an announcement of which no card can be made as it is.
func (a *Announce) fits(m fact.Message) error {
	notice := card.Notice{ID: m.Identity(), Kind: m.Kind, SentAt: m.SentAt, Announcement: m.Announcement}
	_, err := a.Templates.For(m.Kind).Render(a.Rules.Style, "", "", []card.Notice{notice}, nil, false, m.SentAt)
	if err == nil {
		return nil
	}
	if d, ok := errors.AsType[*card.DisabledError](err); ok {
		return badRequest("kind", fmt.Sprintf("kind %s cannot be announced until notify.yml is mended: %v", d.Kind, d))
	}
	if u, ok := errors.AsType[*card.UnfitError](err); ok {
		return badRequest("fields", unfit(u, m.Announcement.Fields))
	}
	return badRequest("fields", "the template of notify.yml cannot show these fields: "+err.Error())
}

// unfit says which of fields does not fit, and what would.
func unfit(u *card.UnfitError, fields map[string]string) string {
	names := make([]string, len(u.Fields))
	what := "has to be sent"
	for i, f := range u.Fields {
		name := strings.ToLower(strings.TrimPrefix(f, "."))
		if names[i] = "fields." + name; fields[name] != "" {
			what = "does not fit"
		}
	}
	return fmt.Sprintf("%s %s: the card shows it as %s, which takes %s; no value is changed into another",
		strings.Join(names, " with "), what, u.Keyword, u.Takes)
}

// signatureKept is for how long a signature is remembered: longer than it can be good,
// because the clocks of instances differ.
const signatureKept = 2*maxSkew + time.Minute

// once refuses a signature that was seen before. Upper and lower case are one.
func (a *Announce) once(ctx context.Context, h http.Header) error {
	fresh, err := a.Limits.Allow(ctx, "signed:"+strings.ToLower(h.Get(HeaderSignature)), 1, signatureKept)
	if err != nil {
		return unavailable(err)
	}
	if !fresh {
		return &fault{status: http.StatusForbidden, code: "replayed",
			message: "this very request was taken before: to repeat it, sign it anew with a later timestamp; nobody is told twice"}
	}
	return nil
}

// announced is what became of an announcement, for one recipient.
type announced struct {
	To     fact.UserID `json:"to"`
	State  fact.State  `json:"state"`
	Reason fact.Reason `json:"reason"`
}

// What is said of an announcement that has no state: that it waits; and that something stored of
// its recipient cannot be read.
const (
	stateAccepted    fact.State = "accepted"
	stateUnavailable fact.State = "unavailable"
)

func (a *Announce) record(ctx context.Context, messages []fact.Message) ([]announced, error) {
	accepted, wake, err := a.Store.Announce(ctx, a.Rules, messages)
	if err != nil {
		return nil, err
	}
	if len(accepted) != len(messages) {
		return nil, errors.New("the store did not answer for every recipient")
	}
	results, waiting := make([]announced, len(messages)), 0
	for i, m := range messages {
		results[i] = announced{m.To, accepted[i].State, accepted[i].Reason}
		switch {
		case accepted[i].Err != nil:
			results[i].State = stateUnavailable
			a.Log.ErrorContext(ctx, "an announcement is not taken: what the store holds of its recipient cannot be read", "alert", "unreadable",
				"message_id", m.ID, "error", accepted[i].Err)
		case accepted[i].State == "":
			results[i].State = stateAccepted
			waiting++
		case accepted[i].State != fact.StateNotBound:
			a.Log.InfoContext(ctx, "messages ended", "user", m.To, "messages", 1, "state", accepted[i].State, "reason", accepted[i].Reason)
		}
	}
	a.Log.InfoContext(ctx, "announced", "message_id", messages[0].ID, "kind", messages[0].Kind, "recipients", len(messages), "accepted", waiting)
	if wake {
		a.wake(ctx)
	}
	return results, nil
}

// wake starts deliver. If that fails the timer does the work.
func (a *Announce) wake(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, wakeBudget)
	defer cancel()
	if err := a.Invoker.Wake(ctx); err != nil {
		a.Log.WarnContext(ctx, "wake failed, the timer will do the work", "error", err)
	}
}
