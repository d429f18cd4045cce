package doctor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wxnotify/shared/card"
	"wxnotify/shared/config"
	"wxnotify/shared/fact"
	"wxnotify/shared/wechat"
)

// compareTemplates compares notify.yml with the templates of the account.
func (d *doctor) compareTemplates(ctx context.Context, c *wechat.Client, p *part) error {
	file := filepath.Base(d.Check.Notify)
	b, err := os.ReadFile(d.Check.Notify)
	var conf config.Notify
	if err == nil {
		conf, err = config.ParseNotify(b, d.getenv)
	}
	if err != nil || d.lacks("TEMPLATE_MESSAGE") != "" && strings.Contains(string(b), "${TEMPLATE_MESSAGE}") {
		p.skip("WeChat: its templates, beside "+file, "the file, or what it takes from the settings, has a fault")
		return nil
	}
	list, err := c.GetTemplates(ctx)
	if err != nil {
		return err
	}
	account := map[fact.TemplateID]wechat.Template{}
	for _, t := range list {
		account[t.ID] = t
	}
	for _, kind := range conf.Templates.Kinds() {
		spec := conf.Specs[kind]
		where := fmt.Sprintf("%s, templates.%s", file, kind)
		t, there := account[spec.ID]
		if !there {
			p.fault(where, fmt.Sprintf("the account has no template %s", spec.ID), "wxnotify templates lists those that it has")
			continue
		}
		if wrong := differences(spec, t); len(wrong) > 0 {
			p.fault(where, strings.Join(wrong, "; "), fmt.Sprintf("wxnotify templates --use %s --as %s writes them as WeChat has them", spec.ID, kind))
		}
		if want := t.Type == wechat.LongTerm; want != spec.LongTerm && (want || t.Type == wechat.OneTime) {
			p.fault(where, fmt.Sprintf("long_term is %t, and WeChat says %t", spec.LongTerm, want), fmt.Sprintf("set long_term: %t", want))
		}
	}
	return nil
}

// differences says in which keywords an entry of notify.yml is not as its template: WeChat refuses cards with one too
// many, one too few, or a value of an enum that is not listed.
func differences(spec card.TemplateSpec, t wechat.Template) (wrong []string) {
	other := map[string]string{} // a keyword of the account by its number
	has := map[string]wechat.Keyword{}
	for _, k := range t.Keywords {
		has[k.Name], other[numberOf(k.Name)] = k, k.Name
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Data)) {
		k, there := has[name]
		is := other[numberOf(name)]
		switch {
		case !there && is != "" && spec.Data[is] == "":
			wrong = append(wrong, fmt.Sprintf("%s is %s at WeChat", name, is))
			delete(has, is)
		case !there:
			wrong = append(wrong, "the template has no keyword "+name)
		case len(k.Enum) > 0 && !slices.Contains(k.Enum, spec.Data[name]):
			wrong = append(wrong, fmt.Sprintf("%s takes only %s", name, strings.Join(k.Enum, ", ")))
		}
	}
	for _, k := range t.Keywords {
		if _, open := has[k.Name]; open && spec.Data[k.Name] == "" {
			wrong = append(wrong, fmt.Sprintf("%s (%s) is not filled in", k.Name, k.Label))
		}
	}
	return wrong
}

// numberOf returns what stands behind the letters of a keyword: 1 of thing1.
func numberOf(keyword string) string {
	return strings.TrimLeft(keyword, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
}
