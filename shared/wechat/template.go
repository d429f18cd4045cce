package wechat

import (
	"context"
	"regexp"
	"strings"

	"wxnotify/shared/fact"
)

// A TemplateType says what an accept is worth.
type TemplateType int

// The types. One accept of a OneTime template pays for one card; a LongTerm one needs
// no further accepts.
const (
	OneTime  TemplateType = 2
	LongTerm TemplateType = 3
)

// A Template is one of the account's subscribe-message templates.
type Template struct {
	ID       fact.TemplateID
	Title    string
	Type     TemplateType
	Keywords []Keyword // in the order of the card
	Example  string    // the card, filled in by WeChat
}

// A Keyword is a placeholder of a template.
type Keyword struct {
	Name  string // such as thing1; its letters are the type
	Label string // what the card prints before the value
	// Enum lists the only values that pass; nil: not an enumeration.
	Enum []string
}

type templatesReply struct {
	Code *number `json:"errcode"`
	Data []struct {
		ID      fact.TemplateID `json:"priTmplId"`
		Title   string          `json:"title"`
		Content string          `json:"content"`
		Example string          `json:"example"`
		Type    number          `json:"type"`
		Enums   []struct {
			Keyword string   `json:"keywordCode"` // enum_string2.DATA
			Values  []string `json:"enumValueList"`
		} `json:"keywordEnumValueList"`
	} `json:"data"`
}

func (r *templatesReply) complete() bool { return r.Code != nil || r.Data != nil }

// GetTemplates lists the account's templates. Its daily quota is small: call it on a
// deploy or by the hour, never per send.
//
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_getwxapubnewtemplate
func (c *Client) GetTemplates(ctx context.Context) ([]Template, error) {
	var out templatesReply
	if err := c.withToken(ctx, request{op: opGetTemplates, path: "/wxaapi/newtmpl/gettemplate"}, &out); err != nil {
		return nil, err
	}
	list := make([]Template, len(out.Data))
	for i, d := range out.Data {
		enums := make(map[string][]string, len(d.Enums))
		for _, e := range d.Enums {
			enums[strings.TrimSuffix(e.Keyword, ".DATA")] = e.Values
		}
		list[i] = Template{
			ID: d.ID, Title: d.Title, Type: TemplateType(d.Type), Example: d.Example,
			Keywords: keywords(d.Content, enums),
		}
	}
	return list, nil
}

// A line of content reads 会议地点:{{thing1.DATA}}
var contentLine = regexp.MustCompile(`(?m)^(.*?)[:：]?\s*\{\{\s*([A-Za-z_]+[0-9]+)\.DATA\s*\}\}`)

func keywords(content string, enums map[string][]string) []Keyword {
	var out []Keyword
	for _, m := range contentLine.FindAllStringSubmatch(content, -1) {
		out = append(out, Keyword{Name: m[2], Label: strings.TrimSpace(m[1]), Enum: enums[m[2]]})
	}
	return out
}
