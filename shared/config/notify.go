package config

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// Notify is what notify.yml says.
type Notify struct {
	Rules notify.Rules
	// Specs are the templates as the file has them.
	Specs map[fact.Kind]card.TemplateSpec
	// Templates are those that can be used; none if templates.message cannot.
	Templates card.Templates
	// Fault is why NotifyOrDefaults went by defaults, in part at least: no card may be sent
	// then. Nil: it did not.
	Fault error
}

// Ours returns the ids of the templates whose permits are to be kept, or nil for all,
// because what the ids of those are that cannot be used is not always known.
func (n Notify) Ours() []fact.TemplateID {
	if len(n.Templates.Disabled()) > 0 {
		return nil
	}
	return n.Templates.IDs()
}

// Notify reads the file that NOTIFY_FILE names, or notify.yml beside the binary. Its faults
// join those of the environment, but one in an optional template disables that template.
// log gets what the operator has to mend though the function runs.
func (e *Env) Notify(log *slog.Logger) Notify {
	n, err := e.notify()
	e.Fail(err)
	e.report(n, log)
	return n
}

// NotifyOrDefaults is Notify for functions that must not stand still for the sake of
// notify.yml: those that record what is told once only, or let users in. Where the file has
// a fault they go by the default rules, or have no templates, and log gets an alert. Take it
// last: if a setting is missing, the file's faults are told with it.
func (e *Env) NotifyOrDefaults(log *slog.Logger) Notify {
	n, err := e.notify()
	switch {
	case e.Err() != nil:
		e.Fail(err)
	case err != nil:
		n.Fault = err
		log.Error("notify.yml cannot be used, and no card is sent: correct it and deploy again; until then this function goes on with what it needs",
			"alert", "misconfigured", "error", oneLine(err))
	}
	e.report(n, log)
	return n
}

// report says once that the function is wired what is not as the operator wants it.
func (e *Env) report(n Notify, log *slog.Logger) {
	if e.Err() != nil {
		return // it is not, and the next attempt says it
	}
	for _, d := range n.Templates.Disabled() {
		log.Error("a template of notify.yml is not used: correct it and deploy again", "alert", "template", "kind", d.Kind, "error", oneLine(d))
	}
	for _, w := range n.Templates.Warnings() {
		log.Warn("notify.yml: compare this with the template in the WeChat console; if it is right, nothing needs doing", "what", w)
	}
}

func (e *Env) notify() (Notify, error) {
	nothing := Notify{Rules: notify.DefaultRules()}
	file := e.get("NOTIFY_FILE")
	if file == "" {
		exe, err := os.Executable()
		if err != nil {
			return nothing, fmt.Errorf("NOTIFY_FILE: is not set, and where the binary is cannot be told: %w", err)
		}
		file = filepath.Join(filepath.Dir(exe), "notify.yml")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nothing, fmt.Errorf("NOTIFY_FILE: cannot be read: %w", err)
	}
	n, err := ParseNotify(b, e.filled)
	if err != nil {
		err = fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return n, err
}

// ParseNotify reads a notify.yml. ${NAME} in a value is taken from getenv. What is
// left out has the default of notify.DefaultRules; a key that does not exist is a
// fault that names its line. All faults are returned, joined, but those of optional
// templates, which are in Templates.Disabled.
//
// With an error it returns what can be used all the same: the default rules, if the
// file's are not to be read or make no sense, and no templates, if message has none.
func ParseNotify(b []byte, getenv func(string) string) (Notify, error) {
	n := Notify{Rules: notify.DefaultRules()}
	if err := checkEncoding(b); err != nil {
		return n, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return n, plainYAML(err)
	}
	var f notifyFile
	unknown := unknownKeys(&root, reflect.TypeFor[notifyFile]())
	faults := expandAll(&root, getenv)
	errs := append([]error{unknown}, faults.others...)
	err := root.Decode(&f)
	_, goesOn := errors.AsType[*yaml.TypeError](err)
	if root.Kind != 0 && err != nil && !goesOn {
		return n, errors.Join(append(errs, plainYAML(err))...)
	} else if goesOn {
		errs = append(errs, plainYAML(err))
	}

	rules, readable := f.rules(), errors.Join(errs...) == nil
	if err := rules.Check(); err != nil {
		errs = append(errs, err)
	} else if readable {
		n.Rules = rules
	}
	n.Specs = f.specs(faults.templates)
	n.Templates, err = card.NewTemplates(n.Specs)
	if !goesOn || f.Templates != nil { // else what could not be read would be called missing
		errs = append(errs, err)
	}
	n.Rules.MissedCalls = n.Templates.Has(fact.KindMissedCall)
	return n, errors.Join(errs...)
}

// checkEncoding refuses what is no UTF-8 with a cure: a file in GBK looks right in the
// editor that wrote it. UTF-16 begins with a mark, by which YAML knows it.
func checkEncoding(b []byte) error {
	if bytes.HasPrefix(b, []byte{0xFF, 0xFE}) || bytes.HasPrefix(b, []byte{0xFE, 0xFF}) {
		return nil
	}
	line := 1
	for rest := b; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("line %d: the file is not in UTF-8 (in GBK or ANSI, perhaps): save it as UTF-8", line)
		}
		if r == '\n' {
			line++
		}
		rest = rest[size:]
	}
	return nil
}

var reference = once(`\$\{([^}]*)\}`)

// once returns what compiles pattern when it is first used: each line before main costs a
// cold start.
func once(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// expansion are the faults of expanding a file.
type expansion struct {
	templates map[string]error // by the template's name
	others    []error
}

// expandAll replaces ${NAME} in the values of the file.
func expandAll(root *yaml.Node, getenv func(string) string) expansion {
	e := expansion{templates: map[string]error{}}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		expand(root, getenv, &e.others)
		return e
	}
	for key, value := range pairs(root.Content[0]) {
		if key.Value != "templates" || value.Kind != yaml.MappingNode {
			expand(value, getenv, &e.others)
			continue
		}
		var kept []*yaml.Node
		lines := map[string]int{}
		for name, t := range pairs(value) {
			if first, ok := lines[name.Value]; ok {
				e.templates[name.Value] = errors.Join(e.templates[name.Value],
					fmt.Errorf("line %d: there is a template of this name in line %d already: keep one of them", name.Line, first))
				continue
			}
			lines[name.Value] = name.Line
			kept = append(kept, name, t)
			var errs []error
			expand(t, getenv, &errs)
			e.templates[name.Value] = errors.Join(errs...)
		}
		value.Content = kept // the decoder would read none of them
	}
	return e
}

// pairs returns the keys and values of a map.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// expand replaces ${NAME} in the values below n.
func expand(n *yaml.Node, getenv func(string) string, errs *[]error) {
	if n.Kind == yaml.ScalarNode {
		n.Value = reference().ReplaceAllStringFunc(n.Value, func(ref string) string {
			name := ref[2 : len(ref)-1]
			v := getenv(name)
			if v == "" {
				*errs = append(*errs, fmt.Errorf("line %d: %s is not set", n.Line, name))
			}
			if n.Style == 0 { // not quoted: what it is, a number say, shows only now
				n.Tag = ""
			}
			return v
		})
	}
	for _, c := range n.Content {
		expand(c, getenv, errs)
	}
}

// oneLine prints a joined error as one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
