package check

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// callbackURLs are the settings that hold an address which is pasted into a console, if it is not the function's own.
var callbackURLs = []string{"IM_CALLBACK_URL", "WECHAT_PUSH_URL"}

// Rules of IM's console: letters, digits and single hyphens inside, in labels of the domain and in segments of the path.
// Source: https://trtc.io/document/34354
const maxDomain = 63

var plainPart = regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$`)

// reserved names are nobody's on the internet. Source: https://www.rfc-editor.org/rfc/rfc6761
var reserved = []string{"localhost", "local", "test", "invalid", "example", "internal", "lan"}

// checkURLs holds the addresses of receivers against what IM's and WeChat's consoles take, and what can be reached from there.
func (c *checker) checkURLs() {
	for _, name := range callbackURLs {
		if v := c.filled(name); v != "" {
			if what, cure := c.wrongURL(name, v); what != "" {
				c.fault(c.at(name), what, cure)
			}
		}
	}
}

func (c *checker) wrongURL(name, value string) (what, cure string) {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return "is no URL", "https://callback.your-domain.com/path"
	}
	host := u.Hostname()
	labels := strings.Split(host, ".")
	_, noIP := netip.ParseAddr(host)
	switch {
	case u.Scheme != "https":
		return "must begin with https://: who sees one request may send others for a minute", "use a domain with a certificate of a public CA"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(value, "?"):
		return "has more than a domain and a path: IM adds a query of its own, and its console takes none", "leave out what is before @ and behind ?"
	case noIP == nil:
		return "is an address: WeChat wants a domain, and so does a certificate", "use a domain of yours"
	case len(labels) < 2 || slices.Contains(reserved, strings.ToLower(labels[len(labels)-1])):
		return "has a domain that is not public", "use a domain of yours; in the mainland it needs an ICP filing"
	case name == "WECHAT_PUSH_URL" && u.Port() != "" && u.Port() != "443":
		return "has port " + u.Port() + ": WeChat takes https on 443 only", "leave the port out"
	case name == "IM_CALLBACK_URL":
		return wrongForIM(u, labels)
	}
	return "", ""
}

func wrongForIM(u *url.URL, labels []string) (what, cure string) {
	if len(u.Hostname()) > maxDomain {
		return "has a domain of more than 63 characters, which IM's console does not take", "use a shorter one"
	}
	for _, part := range append(labels, strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")...) {
		if part != "" && !plainPart.MatchString(part) {
			return "holds what IM's console does not take: in " + part, "letters, digits, and single hyphens inside"
		}
	}
	return "", ""
}
