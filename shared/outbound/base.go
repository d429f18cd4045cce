package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Base reads the base URL of an API: https, or http to this machine, because secrets travel there. The
// error does not repeat it: a mistyped one may hold a password.
func Base(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("is not a URL such as https://api.example.com")
	case u.Scheme != "https" && !(u.Scheme == "http" && Loopback(u.Hostname())):
		return nil, errors.New("must begin with https://; http is for addresses of this machine only")
	}
	return u, nil
}

// Loopback reports whether a host, given by name or address, is this machine.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
