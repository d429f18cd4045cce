package templates

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"wxnotify/shared/wechat"
)

// Write returns notify.yml with t as the template of a kind. An entry that is there keeps its page, its
// comments, and an id that names a variable, which is returned. A new one stands behind the others.
func Write(file []byte, kind string, t wechat.Template, values []Value) (edited []byte, variable string, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return nil, "", err
	}
	all := child(&doc, "templates")
	if all == nil || all.Kind != yaml.MappingNode || len(all.Content) == 0 {
		return nil, "", errors.New("there is no list of templates: start with the notify.yml of the project")
	}
	e := editor{lines: strings.SplitAfter(string(file), "\n")}
	if entry := child(all, kind); entry != nil && entry.Kind == yaml.MappingNode && entry.Style&yaml.FlowStyle == 0 {
		variable = e.replace(entry, t, values)
	} else if entry != nil {
		return nil, "", fmt.Errorf("templates.%s stands on one line: write its fields on lines of their own", kind)
	} else {
		e.add(all, kind, t, values)
	}
	return []byte(e.text()), variable, nil
}

// child returns the value of a key; nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	_, value := pair(n, key)
	return value
}

// pair returns a key and its value.
func pair(n *yaml.Node, key string) (name, value *yaml.Node) {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// last returns the last line of a node.
func last(n *yaml.Node) int {
	line := n.Line
	for _, c := range n.Content {
		line = max(line, last(c))
	}
	return line
}

// An editor changes lines of a file. Each change is of the file as it was.
type editor struct {
	lines   []string
	changes []change
}

// A change puts lines in the place of those from, to but not with, to: counted from 0.
type change struct {
	from, to int
	lines    []string
}

func (e *editor) change(from, to int, lines ...string) {
	e.changes = append(e.changes, change{from, to, lines})
}

// text returns the file with all changes.
func (e *editor) text() string {
	slices.SortStableFunc(e.changes, func(a, b change) int { return b.from - a.from }) // those behind first
	for _, c := range e.changes {
		e.lines = slices.Replace(e.lines, c.from, c.to, c.lines...)
	}
	return strings.Join(e.lines, "")
}

func (e *editor) replace(entry *yaml.Node, t wechat.Template, values []Value) (variable string) {
	indent, begin := strings.Repeat(" ", entry.Column-1), entry.Line-1
	if key, data := pair(entry, "data"); data != nil {
		e.change(key.Line-1, last(data), dataOf(values, indent)...)
	} else {
		e.change(last(entry), last(entry), dataOf(values, indent)...)
	}
	if long := child(entry, "long_term"); long != nil {
		e.scalar(long, fmt.Sprint(t.Type == wechat.LongTerm))
	} else if t.Type == wechat.LongTerm {
		e.change(begin, begin, indent+"long_term: true\n")
	}
	switch id := child(entry, "id"); {
	case id == nil:
		e.change(begin, begin, fmt.Sprintf("%sid: %s\n", indent, t.ID))
	case strings.HasPrefix(id.Value, "${"):
		variable = strings.Trim(id.Value, "${}")
	default:
		e.scalar(id, string(t.ID))
	}
	return variable
}

// scalar writes another value where one stands.
func (e *editor) scalar(n *yaml.Node, value string) {
	line, at := e.lines[n.Line-1], n.Column-1
	length := len(n.Value)
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		length += 2
	}
	e.change(n.Line-1, n.Line, line[:at]+value+line[at+length:])
}

func (e *editor) add(all *yaml.Node, kind string, t wechat.Template, values []Value) {
	indent, end := strings.Repeat(" ", all.Column-1), last(all)
	entry := []string{indent + kind + ":\n", fmt.Sprintf("%s  id: %s\n", indent, t.ID)}
	if t.Type == wechat.LongTerm {
		entry = append(entry, indent+"  long_term: true\n")
	}
	if page := child(all.Content[1], "page"); page != nil {
		entry = append(entry, fmt.Sprintf("%s  page: %q\n", indent, page.Value))
	}
	if !strings.HasSuffix(e.lines[end-1], "\n") {
		e.lines[end-1] += "\n"
	}
	e.change(end, end, append(entry, dataOf(values, indent+"  ")...)...)
}

func dataOf(values []Value, indent string) []string {
	lines := []string{indent + "data:\n"}
	for _, v := range values {
		lines = append(lines, fmt.Sprintf("%s  %s: %q # %s\n", indent, v.Keyword, v.Text, v.Label))
	}
	return lines
}
