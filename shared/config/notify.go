package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"wxnotify/shared/notify"
)

// Notify is what notify.yml says.
type Notify struct {
	Rules   notify.Rules
	Message notify.TemplateSpec // templates.message
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

// notifyFile is the shape of notify.yml.
type notifyFile struct {
	Templates struct {
		Message *templateFile `yaml:"message"`
	} `yaml:"templates"`
	Rules struct {
		Lead             *duration `yaml:"lead"`
		BlindWindow      *duration `yaml:"blind_window"`
		Grace            *duration `yaml:"grace"`
		DigestMax        *int      `yaml:"digest_max"`
		PushOnline       *string   `yaml:"push_online"`
		TTL              *duration `yaml:"ttl"`
		Preview          *string   `yaml:"preview"`
		Lang             *string   `yaml:"lang"`
		MiniProgramState *string   `yaml:"miniprogram_state"`
		Retry            struct {
			First    *duration `yaml:"first"`
			Factor   *float64  `yaml:"factor"`
			Max      *duration `yaml:"max"`
			Attempts *int      `yaml:"attempts"`
		} `yaml:"retry"`
	} `yaml:"rules"`
	Limits struct {
		Workers *int `yaml:"workers"`
	} `yaml:"limits"`
}

type templateFile struct {
	ID   string            `yaml:"id"`
	Page string            `yaml:"page"`
	Data map[string]string `yaml:"data"`
}

// duration reads what time.ParseDuration reads, such as 65s or 1h30m.
type duration time.Duration

func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		// A TypeError, because the decoder goes on to the next fault after one.
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is not a duration such as 65s or 10m", n.Line, n.Value)}}
	}
	*d = duration(v)
	return nil
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
	var f notifyFile
	if err := unknownKeys(b); err != nil {
		errs = append(errs, err)
	}
	if err := root.Decode(&f); root.Kind != 0 && err != nil {
		return Notify{}, errors.Join(append(errs, plainYAML(err))...)
	}

	n := Notify{Rules: f.rules()}
	if t := f.Templates.Message; t == nil {
		errs = append(errs, errors.New("templates.message is missing: it is the one template that must be there"))
	} else {
		n.Message = notify.TemplateSpec{ID: notify.TemplateID(t.ID), Page: t.Page, Data: t.Data}
		if len(errs) == 0 {
			if _, err := notify.NewTemplate(n.Message); err != nil {
				errs = append(errs, fmt.Errorf("templates.message: %w", err))
			}
		}
	}
	if err := n.Rules.Check(); err != nil {
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

func (f *notifyFile) rules() notify.Rules {
	r := notify.DefaultRules()
	set(&r.Lead, (*time.Duration)(f.Rules.Lead))
	set(&r.BlindWindow, (*time.Duration)(f.Rules.BlindWindow))
	set(&r.Grace, (*time.Duration)(f.Rules.Grace))
	set(&r.DigestMax, f.Rules.DigestMax)
	set(&r.PushOnline, (*notify.PushOnline)(f.Rules.PushOnline))
	set(&r.TTL, (*time.Duration)(f.Rules.TTL))
	set(&r.Preview, (*notify.Preview)(f.Rules.Preview))
	set(&r.Lang, f.Rules.Lang)
	set(&r.MiniProgramState, f.Rules.MiniProgramState)
	set(&r.Retry.First, (*time.Duration)(f.Rules.Retry.First))
	set(&r.Retry.Factor, f.Rules.Retry.Factor)
	set(&r.Retry.Max, (*time.Duration)(f.Rules.Retry.Max))
	set(&r.Retry.Attempts, f.Rules.Retry.Attempts)
	set(&r.Workers, f.Limits.Workers)
	return r
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
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

// unknownKeys returns a fault for every key of source that the file cannot have.
func unknownKeys(source []byte) error {
	strict := yaml.NewDecoder(bytes.NewReader(source))
	strict.KnownFields(true)
	var te *yaml.TypeError
	if err := strict.Decode(new(notifyFile)); !errors.As(err, &te) {
		return nil // an empty file, or faults of another kind, which decoding the node finds
	}
	var unknown []string
	for _, l := range te.Errors {
		if unknownKey.MatchString(l) {
			unknown = append(unknown, l)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return plainYAML(&yaml.TypeError{Errors: unknown})
}

var unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)

// plainYAML words the decoder's errors for somebody who does not read Go.
func plainYAML(err error) error {
	var lines []string
	var te *yaml.TypeError
	if errors.As(err, &te) {
		lines = te.Errors
	} else {
		lines = []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	for i, l := range lines {
		lines[i] = unknownKey.ReplaceAllString(l, "there is no key $1")
	}
	return errors.New(strings.Join(lines, "; "))
}
