package card

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

	"wxnotify/shared/fact"
	"wxnotify/shared/keyword"
)

// A TemplateSpec is a template as notify.yml has it. Page and the values of Data
// are Go templates over .Sender, .Summary, .Count, .Group, .Time and .Peer.
type TemplateSpec struct {
	ID fact.TemplateID
	// LongTerm subscriptions are granted once and pay for any number of cards.
	LongTerm bool
	Page     string
	Data     map[string]string // keyword to value
	// Fault is why the entry of notify.yml cannot be read; nil if it can.
	Fault error
}

// A Template renders notices into cards. It is safe for concurrent use.
type Template struct {
	id       fact.TemplateID
	longTerm bool
	page     *template.Template
	data     []keywordTemplate // by keyword
	warnings []string
	disabled *DisabledError // instead of all else
}

type keywordTemplate struct {
	keyword string
	kind    keywordType
	text    *template.Template
	fields  []string // those that text shows, such as .Sender
}

// fields are what a template can show.
var fields = []string{".Sender", ".Summary", ".Count", ".Group", ".Time", ".Peer"}

// view is what a template can show: fields.
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
	if spec.Fault != nil {
		return nil, spec.Fault
	}
	var errs []error
	t := &Template{id: spec.ID, longTerm: spec.LongTerm}
	switch spec.ID {
	case "":
		errs = append(errs, errors.New("id is empty: copy the template's id from the WeChat console"))
	case exampleID:
		errs = append(errs, fmt.Errorf("id is still the example's %s: copy the template's id from the WeChat console", exampleID))
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
		if !k.kind.Known {
			t.warnings = append(t.warnings, fmt.Sprintf("data.%s: the type %s is not known here: what users and backends write there is cut to %d characters", keyword, k.kind.Name, k.kind.Limit))
		}
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
	k := keywordTemplate{keyword: keyword, kind: kind}
	for _, f := range fields {
		if strings.Contains(text, f) {
			k.fields = append(k.fields, f)
		}
	}
	switch dynamic := strings.Contains(text, "{{"); {
	case strings.TrimSpace(text) == "":
		return k, fmt.Errorf("data.%s is empty: WeChat refuses an empty value (47003)", keyword)
	case kind.Enum && dynamic:
		return k, fmt.Errorf("data.%s: an enum takes only the values listed in the template; write one of them", keyword)
	case !dynamic && !kind.accepts(text):
		return k, fmt.Errorf("data.%s: WeChat refuses %q for this type (47003): it takes %s", keyword, text, kind.Takes)
	}
	k.text, err = compile("data."+keyword, text)
	return k, err
}

// exampleID stands in the entries of notify.yml that are commented out.
const exampleID = "the-id-of-your-template"

var noSuchField = lazily(`can't evaluate field (\w+) in type`)

// compile parses text and tries it, so that a misspelt field is found at the start.
func compile(name, text string) (*template.Template, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(text)
	for _, v := range samples {
		if err == nil {
			_, err = execute(t, v)
		}
	}
	if err == nil {
		return t, nil
	}
	if m := noSuchField().FindStringSubmatch(err.Error()); m != nil {
		err = fmt.Errorf("there is no field .%s", m[1])
	}
	return nil, fmt.Errorf("%s: %w (the fields are %s)", name, err, strings.Join(fields, " "))
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
func (t *Template) ID() fact.TemplateID { return t.id }

// LongTerm reports whether one permit of the template pays for any number of cards.
func (t *Template) LongTerm() bool { return t.longTerm }

// Names are the names of users, by id, and of groups, by "@" and id, that a card may
// show. One that is missing is replaced by a neutral word.
type Names map[string]string

// Render makes the card that announces notices, oldest first and at least one, to
// openID. now is the time to show when a notice has none. With neutral the card
// shows no word that came from a user.
//
// What a backend announced is shown as it is: a value that WeChat does not take is an
// UnfitError. A Template of a kind that is disabled returns its DisabledError.
func (t *Template) Render(s Style, id ID, openID fact.OpenID, notices []Notice, names Names, neutral bool, now time.Time) (Card, error) {
	if len(notices) == 0 {
		return Card{}, errors.New("card: Render: no notices")
	}
	if t.disabled != nil {
		return Card{}, t.disabled
	}
	v := s.view(notices, names, neutral)
	card := Card{
		ID: id, To: openID, Template: t.id, Data: make(map[string]string, len(t.data)),
		MiniProgramState: s.MiniProgramState, Lang: s.Lang,
	}
	for _, k := range t.data {
		of := v
		if neutral && !k.kind.words() { // WeChat objects to words, not to a time
			of = s.view(notices, names, false)
		}
		value, err := k.value(of, notices[0].Announcement != nil, neutral, wordsFor(s.Lang), now)
		if err != nil {
			return Card{}, fmt.Errorf("card: Render: %w", err)
		}
		card.Data[k.keyword] = value
	}
	page, err := execute(t.page, v.escaped())
	if err != nil {
		return Card{}, fmt.Errorf("card: Render: page: %w", err)
	}
	card.Page = withoutEmpty(page)
	return card, nil
}

// value returns what the keyword shows of v. Words of ours, which stand in a neutral one, may
// be made to fit.
func (k keywordTemplate) value(v view, announced, neutral bool, w words, now time.Time) (string, error) {
	text, err := execute(k.text, v)
	if err != nil {
		return "", fmt.Errorf("data.%s: %w", k.keyword, err)
	}
	if k.kind.Enum || len(k.fields) == 0 && k.kind.accepts(text) {
		return text, nil
	}
	text = clean(text)
	if !announced || len(k.fields) == 0 || k.kind.words() && (neutral || text == "") {
		return k.kind.fitted(text, k.word(w, announced), now), nil
	}
	if exact := k.kind.exact(text); exact != "" {
		return exact, nil
	}
	return "", &UnfitError{Keyword: k.keyword, Fields: k.fields, Takes: k.kind.Takes}
}

// word stands for a text of which nothing is left, by the field that should have been there.
func (k keywordTemplate) word(w words, announced bool) string {
	field := ""
	if len(k.fields) > 0 {
		field = k.fields[0]
	}
	switch sender := field == ".Sender" || k.kind.Name == "name"; {
	case sender && announced:
		return w.service
	case sender:
		return w.name
	case field == ".Group":
		return w.noGroup
	}
	return w.message
}

// An UnfitError says that WeChat does not take what a backend announced where the template
// shows it. It does not repeat the value.
type UnfitError struct {
	Keyword string
	Fields  []string // those that the keyword shows, such as .Summary
	Takes   string   // what WeChat takes there
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("data.%s shows %s, which does not fit: WeChat takes %s there", e.Keyword, strings.Join(e.Fields, " "), e.Takes)
}

// view is what a card may show of notices under the operator's preview rule: the
// newest, and how many there are.
func (s Style) view(notices []Notice, names Names, neutral bool) view {
	last := notices[len(notices)-1]
	w := wordsFor(s.Lang)
	v := view{
		Sender: cmp.Or(visible(names[string(last.From)]), w.name), Group: w.noGroup, Count: len(notices),
		Time: formatTime(last.SentAt), Peer: last.Peer(),
	}
	if last.Group != "" {
		v.Group = cmp.Or(visible(names[fact.GroupPeer(last.Group)]), w.group)
	}
	if a := last.Announcement; a != nil {
		v.show(a.Fields, w)
		if neutral {
			v.Sender, v.Summary, v.Group = w.service, w.message, w.group
		}
		return v
	}
	if neutral || s.Preview == PreviewNone {
		v.Sender = w.name
		if last.Group != "" {
			v.Group = w.group
		}
	}
	text := ""
	if !neutral && s.Preview == PreviewText {
		text = visible(last.Summary)
	}
	switch {
	case text != "":
		v.Summary = text
	case neutral || s.Preview == PreviewNone:
		v.Summary = w.neutral(last.Kind)
	default:
		v.Summary = w.summary(last.Kind, v.Count)
	}
	return v
}

// show takes over what the operator's backend wants the card to say.
func (v *view) show(fields map[string]string, w words) {
	v.Sender, v.Summary, v.Group = visible(fields["sender"]), cmp.Or(visible(fields["summary"]), w.message), visible(fields["group"])
	v.Time = cmp.Or(keyword.First(fields["time"], maxShown), v.Time)
	v.Peer = cmp.Or(fields["peer"], v.Peer)
	if n, err := strconv.Atoi(fields["count"]); err == nil {
		v.Count = n
	}
}

// maxShown is how many characters of a text a template gets. A card shows 32 at most, and a
// page that is longer than 8 KiB would keep it from going out.
const maxShown = 100

// visible is what a template gets of s, which people and their apps chose.
func visible(s string) string { return clean(keyword.First(s, maxShown)) }

// escaped returns v for use in a page's query.
func (v view) escaped() view {
	for _, s := range []*string{&v.Sender, &v.Summary, &v.Group, &v.Time, &v.Peer} {
		*s = strings.ReplaceAll(url.QueryEscape(*s), "+", "%20")
	}
	return v
}

// withoutEmpty returns a page without the parameters that have no value: what is not there,
// such as the peer of an announcement, is not to be opened.
func withoutEmpty(page string) string {
	path, query, _ := strings.Cut(page, "?")
	params := slices.DeleteFunc(strings.Split(query, "&"), func(p string) bool {
		_, value, assigned := strings.Cut(p, "=")
		return p == "" || assigned && value == ""
	})
	if len(params) == 0 {
		return path
	}
	return path + "?" + strings.Join(params, "&")
}
