// Package templates writes a template of the account into notify.yml: which field goes into which keyword,
// and where in the file that stands. All else in the file stays as it is.
package templates

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"wxnotify/shared/keyword"
	"wxnotify/shared/wechat"
)

// A Value is what a keyword is to show: a Go template of notify.yml, or a text.
type Value struct {
	Keyword, Label string
	Text           string // empty: nothing that wxnotify knows would do
}

// What labels speak of, in the words of WeChat's public templates.
var labels = []struct {
	words *regexp.Regexp
	text  string
}{
	{regexp.MustCompile(`群|会话|房间|会议`), "{{.Group}}"},
	{regexp.MustCompile(`内容|留言|消息|摘要|备注|提示|说明|详情|主题|事项|回复(?:$|[^人者])`), "{{.Summary}}"},
	{regexp.MustCompile(`人|者|姓名|昵称|好友|用户|对方|来自|客服`), "{{.Sender}}"},
	{regexp.MustCompile(`数|条`), "{{.Count}}"},
}

// Map says what each keyword of a template is to show, by its type and its label. A field is used once, as
// long as there are others.
func Map(t wechat.Template) []Value {
	values := make([]Value, len(t.Keywords))
	var used []string
	for i, k := range t.Keywords {
		values[i] = Value{k.Name, k.Label, byType(k)}
		if values[i].Text == "" && takesWords(k) {
			values[i].Text = byLabel(k.Label, used)
		}
		used = append(used, values[i].Text)
	}
	for i, k := range t.Keywords { // what no label says
		if values[i].Text == "" && takesWords(k) {
			values[i].Text = "{{.Summary}}"
			for _, field := range []string{"{{.Sender}}", "{{.Summary}}", "{{.Group}}"} {
				if !slices.Contains(used, field) {
					values[i].Text = field
					break
				}
			}
			used = append(used, values[i].Text)
		}
	}
	return values
}

// takesWords reports whether a keyword may show what people write.
func takesWords(k wechat.Keyword) bool { return strings.HasPrefix(k.Name, "thing") }

// byType returns what alone would do for a type.
func byType(k wechat.Keyword) string {
	kind, err := keyword.Of(k.Name)
	if err != nil {
		return ""
	}
	switch {
	case len(k.Enum) > 0:
		return k.Enum[0]
	case kind.Name == "number":
		return "{{.Count}}"
	case kind.Name == "time", kind.Name == "date":
		return "{{.Time}}"
	case kind.Name == "name":
		return "{{.Sender}}"
	case kind.Name == "character_string":
		return "{{.Count}}"
	case kind.Name == "phrase", kind.Name == "short_thing":
		return "新消息"
	}
	return ""
}

func byLabel(label string, used []string) string {
	for _, l := range labels {
		if l.words.MatchString(label) && !slices.Contains(used, l.text) {
			return l.text
		}
	}
	return ""
}

// Missing returns an error that names the keywords for which there is nothing to show.
func Missing(values []Value) error {
	var names []string
	for _, v := range values {
		if v.Text == "" {
			names = append(names, fmt.Sprintf("%s (%s)", v.Keyword, v.Label))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("there is nothing to show as %s: choose another template, or other keywords when you take it from the library", strings.Join(names, ", "))
}
