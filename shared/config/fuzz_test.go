package config_test

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"wxnotify/shared/config"
	"wxnotify/shared/fact"
)

// FuzzReferences: rules and templates of a notify.yml can be used, or are not there. Every variable
// that it asks for and that is missing is named, and a fault says where it is, in words for people.
func FuzzReferences(f *testing.F) {
	for _, s := range []string{"templates: {message: {id: \"${TEMPLATE_MESSAGE}\", data: {thing1: \"{{.Sender}}\"}}}",
		"rules: {digest_max: ${MOST}}", "limits: {workers: [${A}]}", "templates: ${A}", "rules: {retry: ${A}, keep_learning: ${B}}",
		"a: ${", "${A}: 1", "rules: {${A}: 1}", "rules: {lead: &x ${A}, grace: *x}",
		minimal, "rules: {retry: {first: 1s, factor: .nan}}", "a: &a [*a]",
		minimal + "  ~: {}\nrules: {zone: UTC, groups: {Private: all}, digest_steps: [1s, ~]}\n",
		"templates: {messaga: {id: \"${TEMPLATE_MESSAGE}\", data: {thing1: \"{{.Sender}}\"}}}", minimal + "  a_1: {id: T, long_term: true, data: {number1: \"1\"}}\n"} {
		f.Add([]byte(s), "value")
		f.Add([]byte(s), "")
	}
	place := regexp.MustCompile(`line \d+|templates\.|rules\.|limits\.`)
	f.Fuzz(func(t *testing.T, b []byte, value string) {
		missing := map[string]bool{}
		n, err := config.ParseNotify(b, func(name string) string {
			if value == "" {
				missing[name] = true
			}
			return value
		})
		if n.Rules.Check() != nil {
			t.Error("rules that make no sense were accepted")
		}
		if err == nil && (!n.Templates.Has(fact.KindMessage) || len(n.Specs) != len(n.Templates.Kinds())+len(n.Templates.Disabled())) {
			t.Errorf("of %d templates %v can be used", len(n.Specs), n.Templates.Kinds())
		}
		for _, d := range n.Templates.Disabled() {
			err = errors.Join(err, d)
		}
		if err == nil {
			if len(missing) > 0 {
				t.Errorf("accepted though %v is not set", missing)
			}
			return
		}
		// Of what is not YAML the library does not always know the line.
		if !place.MatchString(err.Error()) && yaml.Unmarshal(b, new(yaml.Node)) == nil {
			t.Errorf("a fault that names no place: %v", err)
		}
		for name := range missing {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%s is not named in: %v", name, err)
			}
		}
		if strings.Contains(err.Error(), "unmarshal") || strings.Contains(err.Error(), "config.") {
			t.Errorf("a fault for those who read Go: %v", err)
		}
	})
}

// FuzzURL: the base of an API is https, or leads to this machine by its address or its
// name; a refusal does not repeat it, because a password may be in it.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://api.weixin.qq.com", "http://127.0.0.1:9000/x", "http://localhost", "http://[::1]:1", "http://localhost.evil.example", "http://127.0.0.1@evil.example",
		"http://evil.example#@127.0.0.1", "https://user:hunter22@host", "http://169.254.169.254/latest", "//host", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "http://0x7f.1", "http://127.1",
		"http://2130706433", "http://[::ffff:10.0.0.1]", "HTTP://127.0.0.1", "http://127.0.0.1%00.evil.example", "http://LOCALHOST", "https://\r\nhost", "https://host?key=hunter22", "http:127.0.0.1", "${"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		env := config.From(func(string) string { return s })
		got := env.URL("IM_API_BASE", "")
		if err := env.Err(); err != nil {
			if !strings.HasPrefix(err.Error(), "IM_API_BASE: ") || len(err.Error()) > 120 {
				t.Errorf("a fault that is not about the name alone: %v", err)
			}
			return
		}
		if got == "" && s == "" {
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
			t.Fatalf("accepted %q: %v", s, err)
		}
		ip := net.ParseIP(u.Hostname())
		if here := ip != nil && ip.IsLoopback() || u.Hostname() == "localhost"; u.Scheme != "https" && (u.Scheme != "http" || !here) {
			t.Errorf("accepted %q, which goes over a network in clear", s)
		}
	})
}
