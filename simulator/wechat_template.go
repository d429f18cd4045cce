package simulator

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"wxnotify/shared/keyword"
)

// A Template is one of the mini program's subscribe-message templates.
type Template struct {
	ID    string // priTmplId
	Title string
	// Content has one line per keyword, as gettemplate prints it:
	// "发送人:{{thing1.DATA}}\n内容:{{thing2.DATA}}\n".
	Content string
	// LongTerm templates are accepted once; others are paid for with one permit a send.
	LongTerm bool
	// Enums lists the values of enum keywords, such as enum_string2.
	Enums map[string][]string
}

// A template is a Template taken apart.
type template struct {
	Template
	keywords []placeholder
	banned   bool
}

// A placeholder is a keyword in a template's content.
type placeholder struct {
	label string
	name  string // thing1
	kind  keyword.Type
	enum  []string // of enum keywords
}

var contentLine = regexp.MustCompile(`^(.*?)\s*[:：]\s*\{\{(\w+)\.DATA\}\}$`)

// AddTemplate adds t, or replaces the one with its ID. It is an error if the content
// names no keyword. One of a kind that is not known takes short texts, see [keyword.Of].
func (x *WeChat) AddTemplate(t Template) error {
	parsed, err := parseTemplate(t)
	if err != nil {
		return fmt.Errorf("simulator: template %q: %w", t.ID, err)
	}
	x.w.lock()
	defer x.w.unlock()
	if _, ok := x.templates[t.ID]; !ok {
		x.order = append(x.order, t.ID)
	}
	x.templates[t.ID] = parsed
	return nil
}

func parseTemplate(t Template) (*template, error) {
	if t.ID == "" || t.Title == "" {
		return nil, fmt.Errorf("ID or Title is empty")
	}
	parsed := &template{Template: t}
	for line := range strings.Lines(t.Content) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		m := contentLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("content line %q is not of the form label:{{thing1.DATA}}", line)
		}
		kind, err := keyword.Of(m[2])
		if err != nil {
			return nil, err
		}
		p := placeholder{label: m[1], name: m[2], kind: kind, enum: t.Enums[m[2]]}
		if kind.Enum && len(p.enum) == 0 {
			return nil, fmt.Errorf("keyword %q has no values in Enums", p.name)
		}
		parsed.keywords = append(parsed.keywords, p)
	}
	if len(parsed.keywords) == 0 {
		return nil, fmt.Errorf("content names no keyword")
	}
	return parsed, nil
}

// BanTemplate forbids a template, or allows it again: sends get 43107, dialogs "ban".
func (x *WeChat) BanTemplate(id string, banned bool) error {
	x.w.lock()
	defer x.w.unlock()
	t, ok := x.templates[id]
	if !ok {
		return fmt.Errorf("simulator: BanTemplate: there is no template %q", id)
	}
	t.banned = banned
	return nil
}

// getTemplates is GET /wxaapi/newtmpl/gettemplate.
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_getwxapubnewtemplate
func (x *WeChat) getTemplates(r *request) answer {
	if r.method != http.MethodGet {
		return x.fail(43001)
	}
	if code := x.checkToken(r); code != 0 {
		return x.fail(code)
	}
	type enum struct {
		Values []string `json:"enumValueList"`
		Code   string   `json:"keywordCode"`
	}
	type item struct {
		ID      string `json:"priTmplId"`
		Title   string `json:"title"`
		Content string `json:"content"`
		Example string `json:"example"`
		Enums   []enum `json:"keywordEnumValueList,omitempty"`
		Type    int    `json:"type"` // 2 one-time, 3 long-term
	}
	x.w.lock()
	defer x.w.unlock()
	if code := x.spend(pathTemplates); code != 0 {
		return x.fail(code)
	}
	items := []item{}
	for _, id := range x.order {
		t := x.templates[id]
		it := item{ID: t.ID, Title: t.Title, Content: t.Content, Example: t.example(), Type: 2}
		if t.LongTerm {
			it.Type = 3
		}
		for _, k := range t.keywords {
			if len(k.enum) > 0 {
				it.Enums = append(it.Enums, enum{k.enum, k.name + ".DATA"})
			}
		}
		items = append(items, it)
	}
	return x.say(0, struct {
		Code int    `json:"errcode"`
		Msg  string `json:"errmsg"`
		Data []item `json:"data"`
	}{0, "ok", items})
}

func (t *template) example() string {
	var b strings.Builder
	for _, k := range t.keywords {
		value := k.kind.Example
		if len(k.enum) > 0 {
			value = k.enum[0]
		}
		fmt.Fprintf(&b, "%s:%s\n", k.label, value)
	}
	return b.String()
}
