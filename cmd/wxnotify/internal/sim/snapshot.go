package sim

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/simulator"
)

// maxCards is how many service notifications a phone shows.
const maxCards = 20

// A Snapshot is all that the page shows, but for the story.
type Snapshot struct {
	Ready    bool      `json:"ready"` // the opening exchange is over, or on its way
	Phones   []Phone   `json:"phones"`
	Messages []Message `json:"messages"`
	Group    string    `json:"group"` // of all people
	Rules    Rules     `json:"rules"`
	Usual    Rules     `json:"usual"`   // the defaults
	Leaving  Leaving   `json:"leaving"` // how fast IM notices
	// Adjustable: the rules can be changed. Stale: instances that still go by older ones.
	Adjustable bool   `json:"adjustable"`
	Stale      int    `json:"stale,omitempty"`
	Faults     Faults `json:"faults"`
	// StoreAway: what wxnotify believes is not known at the moment.
	StoreAway bool `json:"storeAway,omitempty"`
}

// Leaving is after how many seconds IM notices that somebody left.
type Leaving struct {
	Close      float64 `json:"close"`
	Background float64 `json:"background"`
	Network    float64 `json:"network"`
}

// A Phone is one person's.
type Phone struct {
	User   string    `json:"user"`
	Nick   string    `json:"nick"`
	OpenID string    `json:"openid"`
	Where  Where     `json:"where"`
	Since  time.Time `json:"since,omitzero"`
	// IM is what IM says of the person, Believes what wxnotify was told last.
	IM       simulator.Status `json:"im"`
	Believes Belief           `json:"believes"`
	Permits  []Permits        `json:"permits"`
	Setting  Setting          `json:"setting"`
	Cards    []Notification   `json:"cards"`
	Unread   map[string]int   `json:"unread"` // by conversation
}

// A Belief is what wxnotify has on record of a person.
type Belief struct {
	Known   bool      `json:"known"` // whether IM ever told
	Online  bool      `json:"online"`
	At      time.Time `json:"at,omitzero"`
	Told    bool      `json:"told"` // a card went out in this absence
	Waiting int       `json:"waiting"`
	Due     time.Time `json:"due,omitzero"`
}

// Permits are those of one template, by wxnotify's ledger and by WeChat.
type Permits struct {
	Title    string `json:"title"`
	Wxnotify int    `json:"wxnotify"`
	WeChat   int    `json:"wechat"`
}

// A Setting is what the person has set in WeChat.
type Setting struct {
	Main bool   `json:"main"`
	Kept string `json:"kept,omitempty"` // accept or reject, after "always keep"
}

// A Notification is a card as the phone shows it. Peer or Group is the conversation that a tap opens.
type Notification struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Title string    `json:"title"`
	Lines []Line    `json:"lines"`
	Page  string    `json:"page"`
	Peer  string    `json:"peer,omitempty"`
}

// A Line is one keyword of a card.
type Line struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Snapshot returns how things are.
func (s *Sim) Snapshot(ctx context.Context) Snapshot {
	leaving := s.world.Config().IM.Leaving
	out := Snapshot{Group: team, Usual: rulesOf(notify.DefaultRules()),
		Leaving: Leaving{leaving.Close.Seconds(), leaving.Background.Seconds(), leaving.Network.Seconds()}}
	users := make([]string, len(s.people))
	for i, p := range s.people {
		users[i] = string(p.user)
		phone, ok := s.phone(ctx, p)
		out.Phones, out.StoreAway = append(out.Phones, phone), out.StoreAway || !ok
	}
	var unread map[string]map[string]int
	out.Messages, unread = s.chats.all(users)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.people {
		phone := &out.Phones[i]
		phone.Nick, phone.Where, phone.Since, phone.Unread = p.nick, p.where, p.since, unread[phone.User]
	}
	out.Ready, out.Rules, out.Faults = s.base != "", rulesOf(s.rules), s.faults
	if s.functions != nil {
		out.Adjustable, out.Stale = true, s.functions.Stale()
	}
	return out
}

// phone returns what the platforms and the store know of p; ok is false if the store does not answer.
func (s *Sim) phone(ctx context.Context, p *person) (out Phone, ok bool) {
	openID, id := string(p.openID), s.settings["TEMPLATE_MESSAGE"]
	out = Phone{User: string(p.user), OpenID: openID, Cards: []Notification{}}
	out.IM, _ = s.world.IM.Status(out.User)
	setting := s.world.WeChat.SubscriptionsSetting(openID)
	out.Setting = Setting{setting.MainSwitch, setting.ItemSettings[id]}
	cards := s.world.WeChat.Cards(openID)
	for _, c := range cards[max(0, len(cards)-maxCards):] {
		out.Cards = append(out.Cards, notification(c))
	}
	out.Permits = []Permits{{Title: template.Title, WeChat: s.world.WeChat.Permits(openID, id)}}
	balances, err := s.store.Balances(ctx, p.openID, []fact.TemplateID{fact.TemplateID(id)})
	if err != nil {
		return out, false
	}
	out.Permits[0].Wxnotify = balances[fact.TemplateID(id)]
	b, err := store.Mailbox(ctx, s.store, p.user)
	out.Believes = belief(b)
	return out, err == nil
}

func belief(b notify.Mailbox) Belief {
	out := Belief{Known: !b.KnownAt.IsZero(), Online: b.Known == notify.StatusOnline, At: b.KnownAt, Told: b.Absence.Cards > 0}
	for _, w := range []notify.Waiting{b.Messages, b.Calls} {
		out.Waiting += len(w.Notices)
		if !w.Due.IsZero() && (out.Due.IsZero() || w.Due.Before(out.Due)) {
			out.Due = w.Due
		}
	}
	return out
}

func notification(c simulator.Card) Notification {
	n := Notification{ID: strconv.FormatInt(c.MsgID, 10), At: c.At, Title: c.Title, Page: c.Page}
	for _, l := range c.Lines {
		n.Lines = append(n.Lines, Line{l.Label, l.Value})
	}
	_, query, _ := strings.Cut(c.Page, "?")
	if q, err := url.ParseQuery(query); err == nil {
		n.Peer = q.Get("peer")
	}
	return n
}
