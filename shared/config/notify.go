package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"gopkg.in/yaml.v3"

	"wxnotify/shared/notify"
)

// Notify is what notify.yml says.
type Notify struct {
	Rules notify.Rules
	// Templates compile: notify.NewTemplates was tried.
	Templates map[notify.Kind]notify.TemplateSpec
}

// Notify reads the file that NOTIFY_FILE names, or notify.yml beside the binary.
// Its faults join those of the environment.
func (e *Env) Notify() Notify {
	file := e.getenv("NOTIFY_FILE")
	if file == "" {
		exe, err := os.Executable()
		if err != nil {
			e.fail("NOTIFY_FILE", "is not set, and where the binary is cannot be told: %v", err)
			return Notify{}
		}
		file = filepath.Join(filepath.Dir(exe), "notify.yml")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		e.fail("NOTIFY_FILE", "cannot be read: %v", err)
		return Notify{}
	}
	n, err := ParseNotify(b, e.getenv)
	if err != nil {
		e.Fail(fmt.Errorf("%s: %w", filepath.Base(file), err))
	}
	return n
}

// ParseNotify reads a notify.yml. ${NAME} in a value is taken from getenv. What is
// left out has the default of notify.DefaultRules; a key that does not exist is a
// fault that names its line. All faults are returned, joined.
func ParseNotify(b []byte, getenv func(string) string) (Notify, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return Notify{}, plainYAML(err)
	}
	var errs []error
	expand(&root, getenv, &errs)
	complete := len(errs) == 0
	var f notifyFile
	if err := unknownKeys(b); err != nil {
		errs = append(errs, err)
	}
	if err := root.Decode(&f); root.Kind != 0 && err != nil {
		return Notify{}, errors.Join(append(errs, plainYAML(err))...)
	}

	n := Notify{Rules: f.rules(), Templates: f.templates()}
	if complete {
		_, err := notify.NewTemplates(n.Templates)
		errs = append(errs, err)
	}
	errs = append(errs, n.Rules.Check())
	return n, errors.Join(errs...)
}

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand replaces ${NAME} in the values below n.
func expand(n *yaml.Node, getenv func(string) string, errs *[]error) {
	if n.Kind == yaml.ScalarNode {
		n.Value = reference.ReplaceAllStringFunc(n.Value, func(ref string) string {
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
