package console

import (
	"context"
	"net/http"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/explain"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// Bounds of an answer, so that it is less than 1 MiB whatever is kept.
const (
	mostRecipients = 20  // of a message
	mostSteps      = 200 // of one recipient; of several together as many as of 4
	mostMessages   = 3   // that a step or a letter names
	mostEnds       = 100 // messages of a recipient
)

// An explainAnswer is what is known of a user, a message, a card or an openid.
type explainAnswer struct {
	Recipients []recipientAnswer `json:"recipients"`
	More       int               `json:"more"` // recipients that are not shown
}

// A recipientAnswer tells of one recipient.
type recipientAnswer struct {
	User    fact.UserID    `json:"user"`
	OpenID  string         `json:"openid,omitempty"` // shortened
	Bound   bool           `json:"bound"`
	Message fact.MessageID `json:"message,omitempty"`
	Card    card.ID        `json:"card,omitempty"`
	State   fact.State     `json:"state"`
	Reason  fact.Reason    `json:"reason"`
	// Sentence is what to read to the user.
	Sentence  Words         `json:"sentence"`
	Presence  string        `json:"presence"` // as the last callback of IM said: online, offline, unknown
	Seen      *time.Time    `json:"presenceAt"`
	Waiting   int           `json:"waiting"`
	Due       *time.Time    `json:"due"`
	Steps     []stepAnswer  `json:"steps"`
	MoreSteps int           `json:"moreSteps"` // older ones
	Messages  []messageEnds `json:"messages,omitempty"`
	MoreEnds  int           `json:"moreMessages"`
}

type stepAnswer struct {
	At       time.Time       `json:"at"`
	Kind     notify.StepKind `json:"kind"`
	Words    Words           `json:"words"`
	Card     string          `json:"card,omitempty"`
	Messages []string        `json:"messages,omitempty"` // unless a message is asked about
	More     int             `json:"moreMessages,omitempty"`
}

type messageEnds struct {
	Message string     `json:"message"`
	State   fact.State `json:"state"`
	Words   Words      `json:"words"`
}

// explain makes a trip for a user or a card, and two for a message or an openid.
func (c *Console) explain(ctx context.Context, q *query) (any, error) {
	by, id := q.one("by", "user", "message", "card", "openid"), q.id("id")
	if q.err != nil {
		return nil, q.err
	}
	users, about, err := c.concerned(ctx, by, id)
	if err != nil {
		return nil, err
	}
	shown, more := firsts(users, mostRecipients)
	known, err := store.ReadRecipients(ctx, c.cfg.Store, shown)
	if err != nil {
		return nil, err
	}
	a := explainAnswer{Recipients: []recipientAnswer{}, More: more}
	steps := min(mostSteps, 4*mostSteps/max(len(known), 1))
	for _, k := range known {
		for _, m := range c.subjects(k, about) {
			if len(a.Recipients) == mostRecipients {
				a.More++
				continue
			}
			a.Recipients = append(a.Recipients, c.tell(k, m, steps))
		}
	}
	if len(a.Recipients) == 0 {
		a.Recipients = append(a.Recipients, c.tell(store.Known{}, about, steps))
	}
	return a, nil
}

// concerned returns whose timelines tell of what is asked for, and what that is.
func (c *Console) concerned(ctx context.Context, by, id string) (users []fact.UserID, about explain.Subject, err error) {
	switch by {
	case "user":
		return []fact.UserID{fact.UserID(id)}, about, nil
	case "card":
		about.Card = card.ID(id)
		user := about.Card.User()
		if user == "" {
			return nil, about, badInput("id", "the id of a card ends with a hyphen and its user", "提醒的 ID 以连字符和用户结尾")
		}
		return []fact.UserID{user}, about, nil
	case "message":
		about.Message = fact.Identity(id)
		users, err = c.cfg.Store.FindMessage(ctx, fact.MessageID(id))
		return users, about, err
	}
	sub, err := store.ReadSubscriber(ctx, c.cfg.Store, fact.OpenID(id))
	if err == nil && sub.User == "" {
		err = fault{http.StatusNotFound, "no_user", Words{"no user is bound to this openid", "没有用户绑定到这个 openid"}}
	}
	return []fact.UserID{sub.User}, about, err
}

// subjects returns what there is to tell of about in a timeline: a message and a call may have one id.
func (c *Console) subjects(k store.Known, about explain.Subject) []explain.Subject {
	about.User, about.Unbound = k.User, !k.Bound()
	if about.Message == "" {
		return []explain.Subject{about}
	}
	var out []explain.Subject
	for _, id := range notify.IdentitiesOf(k.Steps, fact.MessageID(about.Message)) {
		about.Message = id
		out = append(out, about)
	}
	if out == nil {
		out = append(out, about)
	}
	return out
}

// tell puts what is known of one recipient into words of both languages.
func (c *Console) tell(k store.Known, about explain.Subject, most int) recipientAnswer {
	zone := c.cfg.Conf.Rules.Zone
	en, zh := explain.Explain(k.Steps, about, "en", zone), explain.Explain(k.Steps, about, "zh", zone)
	a := recipientAnswer{User: k.User, OpenID: short(k.OpenID), Bound: k.Bound(), Message: fact.MessageID(clip(string(en.Message))), Card: card.ID(clip(string(en.Card))),
		State: en.State, Reason: en.Reason, Sentence: Words{en.Sentence, zh.Sentence}, Presence: k.Known.String(), Seen: at(k.KnownAt), Steps: []stepAnswer{},
		Waiting: len(k.Messages.Notices) + len(k.Calls.Notices), Due: at(earliest(k.Messages, k.Calls))}
	a.MoreSteps = max(len(en.Steps)-most, 0)
	for i := a.MoreSteps; i < len(en.Steps); i++ {
		s := en.Steps[i]
		step := stepAnswer{At: s.At, Kind: s.Kind, Words: Words{clip(s.Text), clip(zh.Steps[i].Text)}, Card: clip(string(s.Card))}
		if about.Message == "" {
			shown, more := firsts(s.Messages, mostMessages)
			step.Messages, step.More = texts(shown), more
		}
		a.Steps = append(a.Steps, step)
	}
	a.MoreEnds = max(len(en.Messages)-mostEnds, 0)
	for _, m := range en.Messages[a.MoreEnds:] {
		a.Messages = append(a.Messages, messageEnds{clip(string(m.Message)), m.State, labelOf(m.State)})
	}
	return a
}

// earliest returns when a run looks at what waits.
func earliest(queues ...notify.Waiting) (first time.Time) {
	for _, w := range queues {
		if !w.Due.IsZero() && (first.IsZero() || w.Due.Before(first)) {
			first = w.Due
		}
	}
	return first
}

// A ledgerAnswer is the permits of an openid, and its cards.
type ledgerAnswer struct {
	User    fact.UserID `json:"user"`
	OpenID  string      `json:"openid"` // shortened
	Bound   bool        `json:"bound"`  // both sides say so
	Since   *time.Time  `json:"boundSince"`
	Gone    bool        `json:"gone"` // WeChat does not know the openid
	Ledgers []ledger    `json:"ledgers"`
	Cards   []cardEnd   `json:"cards"` // newest first
}

// A ledger adds up: opening and the changes of entries are the balance.
type ledger struct {
	Template fact.TemplateID `json:"template"`
	Kinds    []fact.Kind     `json:"kinds"` // what notify.yml calls it
	LongTerm bool            `json:"longTerm"`
	Balance  int             `json:"balance"`
	Held     int             `json:"held"`
	Opening  int             `json:"opening"`
	Entries  []entry         `json:"entries"` // oldest first
	Expected float64         `json:"expectedAbsences"`
	Wanted   int             `json:"absencesSince"`
	Drift    int             `json:"drift"`
}

type entry struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Change  int       `json:"change"`
	Balance int       `json:"balance"` // after it
	Paired  bool      `json:"paired"`
}

type cardEnd struct {
	ID       string          `json:"id"`
	At       time.Time       `json:"at"`
	State    string          `json:"state"`
	Template fact.TemplateID `json:"template"`
	Detail   string          `json:"detail,omitempty"`
	Waits    *time.Time      `json:"waitsUntil"` // for WeChat's report
}

// ledger makes a trip for an openid, and two for a user.
func (c *Console) ledger(ctx context.Context, q *query) (any, error) {
	by, id := q.one("by", "user", "openid"), q.id("id")
	if q.err != nil {
		return nil, q.err
	}
	user, openID := fact.UserID(id), fact.OpenID(id)
	if by == "user" {
		b, err := store.Mailbox(ctx, c.cfg.Store, user)
		if err != nil {
			return nil, err
		}
		if openID = b.OpenID; openID == "" {
			return nil, fault{http.StatusNotFound, "not_bound", Words{"the user is not logged in through the mini program: there are no permits", "用户目前没有登录小程序：没有授权次数"}}
		}
	}
	sub, err := store.ReadSubscriber(ctx, c.cfg.Store, openID)
	if err != nil {
		return nil, err
	}
	if by == "openid" {
		user = sub.User
	}
	a := ledgerAnswer{User: user, OpenID: short(openID), Bound: user != "" && sub.User == user, Since: at(sub.Since), Gone: sub.Gone, Ledgers: []ledger{}, Cards: []cardEnd{}}
	kinds := c.kinds()
	for template, l := range sub.Ledgers {
		account := l.Account()
		one := ledger{Template: template, Kinds: kinds[template], LongTerm: c.longTerm(template), Balance: account.Balance, Held: account.Held, Opening: account.Opening,
			Entries: []entry{}, Expected: account.Expected, Wanted: account.Wanted, Drift: account.Drift}
		balance := account.Opening
		for _, e := range account.Entries {
			balance += e.Change
			one.Entries = append(one.Entries, entry{e.At, e.Kind, e.Change, balance, e.Paired})
		}
		a.Ledgers = append(a.Ledgers, one)
	}
	sortBy(a.Ledgers, func(l ledger) string { return string(l.Template) })
	for id, rec := range sub.Cards.All() {
		if rec.Unreadable != nil {
			rec.State = "unreadable"
		}
		a.Cards = append(a.Cards, cardEnd{clip(string(id)), rec.At, string(rec.State), rec.Template, clip(rec.Detail), at(rec.Waits)})
	}
	sortBy(a.Cards, func(c cardEnd) int64 { return -c.At.UnixNano() })
	return a, nil
}
