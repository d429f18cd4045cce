package notify

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// A TemplateSpec is a template as notify.yml has it. Page and the values of Data
// are Go templates over .Sender, .Summary, .Count, .Group, .Time and .Peer.
type TemplateSpec struct {
	ID TemplateID
	// LongTerm subscriptions are granted once and pay for any number of cards.
	LongTerm bool
	Page     string
	Data     map[string]string // keyword to value
}

// A Template renders notices into cards. It is safe for concurrent use.
type Template struct {
	id       TemplateID
	longTerm bool
	page     *template.Template
	data     []keywordTemplate // by keyword
}

type keywordTemplate struct {
	keyword string
	kind    keywordType
	text    *template.Template
}

// view is what a template can show.
type view struct {
	Sender  string
	Summary string
	Count   int
	Group   string
	Time    string
	Peer    string
}

// NewTemplate checks spec and compiles it. It returns every fault, joined: a
// template that it accepts never renders a value that WeChat is known to refuse.
func NewTemplate(spec TemplateSpec) (*Template, error) {
	var errs []error
	t := &Template{id: spec.ID, longTerm: spec.LongTerm}
	if spec.ID == "" {
		errs = append(errs, errors.New("id is empty: copy the template's id from the WeChat console"))
	}
	if len(spec.Data) == 0 {
		errs = append(errs, errors.New("data is empty: name every keyword of the template"))
	}
	var err error
	if t.page, err = compile("page", strings.TrimPrefix(spec.Page, "/")); err != nil {
		errs = append(errs, err)
	}
	for _, keyword := range slices.Sorted(maps.Keys(spec.Data)) {
		k, err := newKeywordTemplate(keyword, spec.Data[keyword])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		t.data = append(t.data, k)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

func newKeywordTemplate(keyword, text string) (keywordTemplate, error) {
	kind, err := typeOfKeyword(keyword)
	if err != nil {
		return keywordTemplate{}, err
	}
	if strings.TrimSpace(text) == "" {
		return keywordTemplate{}, fmt.Errorf("data.%s is empty: WeChat refuses an empty value (47003)", keyword)
	}
	if kind.fixed && strings.Contains(text, "{{") {
		return keywordTemplate{}, fmt.Errorf("data.%s: an enum takes only the values listed in the template; write one of them", keyword)
	}
	if !strings.Contains(text, "{{") && !kind.accepts(text) {
		return keywordTemplate{}, fmt.Errorf("data.%s: WeChat refuses %q for this type (47003)", keyword, text)
	}
	tmpl, err := compile("data."+keyword, text)
	return keywordTemplate{keyword, kind, tmpl}, err
}

// compile parses text and tries it, so that a misspelt field is found at the start.
func compile(name, text string) (*template.Template, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(text)
	for _, v := range samples {
		if err == nil {
			_, err = execute(t, v)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w (the fields are .Sender .Summary .Count .Group .Time .Peer)", name, err)
	}
	return t, nil
}

// samples are what templates are tried with: little and much.
var samples = func() []view {
	all := func(s string, n int) view { return view{s, s, n, s, formatTime(time.Unix(0, 0)), s} }
	return []view{all("x", 1), all(strings.Repeat("x ", 50), 100)}
}()

// maxTemplateOutput bounds what a template may print before it is made to fit.
const maxTemplateOutput = 8 << 10

var errTooLong = errors.New("prints more than 8 KiB")

func execute(t *template.Template, v view) (string, error) {
	var out boundedBuilder
	err := t.Execute(&out, v)
	return out.String(), err
}

type boundedBuilder struct{ strings.Builder }

func (b *boundedBuilder) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxTemplateOutput {
		return 0, errTooLong
	}
	return b.Builder.Write(p)
}

// ID returns the template's id.
func (t *Template) ID() TemplateID { return t.id }

// LongTerm reports whether one permit of the template pays for any number of cards.
func (t *Template) LongTerm() bool { return t.longTerm }

// Names are the names of users, by id, and of groups, by "@" and id, that a card may
// show. One that is missing is replaced by a neutral word.
type Names map[string]string

// Render makes the card that announces notices, oldest first and at least one, to
// openID. now is the time to show when a notice has none. With neutral the card
// shows no word that came from a user.
func (t *Template) Render(r Rules, id CardID, openID OpenID, notices []Notice, names Names, neutral bool, now time.Time) (Card, error) {
	if len(notices) == 0 {
		return Card{}, errors.New("notify: Render: no notices")
	}
	v := r.view(notices, names, neutral).clipped()
	card := Card{
		ID: id, To: openID, Template: t.id, Data: make(map[string]string, len(t.data)),
		MiniProgramState: r.MiniProgramState, Lang: r.Lang,
	}
	for _, k := range t.data {
		text, err := execute(k.text, v)
		if err != nil {
			return Card{}, fmt.Errorf("notify: Render: data.%s: %w", k.keyword, err)
		}
		card.Data[k.keyword] = k.kind.value(text, now, r.Lang)
	}
	page, err := execute(t.page, v.escaped())
	if err != nil {
		return Card{}, fmt.Errorf("notify: Render: page: %w", err)
	}
	card.Page = page
	return card, nil
}

// view is what a card may show of notices under the operator's preview rule: the
// newest, and how many there are.
func (r Rules) view(notices []Notice, names Names, neutral bool) view {
	last := notices[len(notices)-1]
	w := wordsFor(r.Lang)
	v := view{
		Sender: cmp.Or(names[string(last.From)], w.name), Group: w.noGroup, Count: len(notices),
		Time: formatTime(last.SentAt), Peer: last.Peer(),
	}
	if last.Group != "" {
		v.Group = cmp.Or(names[groupName(last.Group)], w.group)
	}
	if a := last.Announcement; a != nil {
		v.show(a.Fields, w)
		if neutral {
			v.Sender, v.Summary, v.Group = w.name, w.message, w.group
		}
		return v
	}
	if neutral || r.Preview == PreviewNone {
		v.Sender = w.name
		if last.Group != "" {
			v.Group = w.group
		}
	}
	switch {
	case !neutral && r.Preview == PreviewText && last.Summary != "":
		v.Summary = last.Summary
	case neutral || r.Preview == PreviewNone:
		v.Summary = w.neutral(last.Kind)
	default:
		v.Summary = w.summary(last.Kind, v.Count)
	}
	return v
}

// show takes over what the operator's backend wants the card to say.
func (v *view) show(fields map[string]string, w words) {
	v.Sender, v.Summary, v.Group = fields["sender"], cmp.Or(fields["summary"], w.message), fields["group"]
	v.Time = cmp.Or(fields["time"], v.Time)
	v.Peer = cmp.Or(fields["peer"], v.Peer)
	if n, err := strconv.Atoi(fields["count"]); err == nil {
		v.Count = n
	}
}

// groupName is the key of a group among Names. No user's id begins with "@".
func groupName(g GroupID) string { return "@" + string(g) }

// maxShown is how many characters of a text a template gets. A card shows 32 at most, and a
// page that is longer than 8 KiB would keep it from going out.
const maxShown = 100

// clipped returns v with texts of bounded length: people and their apps choose them.
func (v view) clipped() view {
	for _, s := range []*string{&v.Sender, &v.Summary, &v.Group, &v.Time} {
		*s = firstRunes(*s, maxShown)
	}
	return v
}

// escaped returns v for use in a page's query.
func (v view) escaped() view {
	for _, s := range []*string{&v.Sender, &v.Summary, &v.Group, &v.Time, &v.Peer} {
		*s = strings.ReplaceAll(url.QueryEscape(*s), "+", "%20")
	}
	return v
}
