// Package config reads settings: the environment of a function, and notify.yml.
//
// It collects every fault instead of stopping at the first, and names each by the
// setting's own name, with the cure. Values of secrets never appear in a fault.
package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wxnotify/shared/outbound"
	"wxnotify/shared/secret"
)

// Env reads one function's environment. Take every setting from it, then ask Err. A value that
// is a placeholder, whatever the setting, is a fault and reads as if nothing was set.
type Env struct {
	getenv func(string) string
	fetch  func(Reference) (secret.String, error) // nil: references are faults
	errs   []error
	faulty map[string]bool // settings that have a fault already
}

// From returns an Env over getenv.
func From(getenv func(string) string) *Env { return &Env{getenv: getenv, faulty: map[string]bool{}} }

// Fetching has secrets that are references fetched by fetch, and returns e.
func (e *Env) Fetching(fetch func(Reference) (secret.String, error)) *Env {
	e.fetch = fetch
	return e
}

// Err returns every fault found so far, joined, or nil.
func (e *Env) Err() error { return errors.Join(e.errs...) }

// Fail adds the faults that somebody else found, a line each. One about a setting that has a
// fault already is what comes of that, and is left out.
func (e *Env) Fail(err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		if !slices.ContainsFunc(names(line), func(name string) bool { return e.faulty[name] }) {
			e.errs = append(e.errs, errors.New(strings.TrimSuffix(line, "\n")))
		}
	}
}

// names returns the words of a line that may be the names of settings.
func names(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
}

// fail adds a fault of a setting, unless it has one already.
func (e *Env) fail(name, cure string, args ...any) {
	if !e.faulty[name] {
		e.faulty[name] = true
		e.errs = append(e.errs, fmt.Errorf("%s: %s", name, fmt.Sprintf(cure, args...)))
	}
}

// get returns a setting that is no secret, or "" if it is not set.
func (e *Env) get(name string) string {
	v := e.raw(name)
	if IsReference(v) {
		e.fail(name, "is a reference to a secret, and is none: write the value itself")
		return ""
	}
	return v
}

// raw returns a setting as it is written, or "" if it is not set.
func (e *Env) raw(name string) string {
	v := e.filled(name)
	if v == "" && e.getenv(name) != "" {
		e.fail(name, "holds a placeholder: give it a value in the .env that is deployed, or none if it is optional; deploy again")
	}
	return v
}

// filled is get for what names the setting in a fault of its own.
func (e *Env) filled(name string) string {
	if v := e.getenv(name); !Placeholder(v) {
		return v
	}
	return ""
}

// exampleStore is how .env.example shows what a store's URL looks like.
const exampleStore = "redis://user:password@host"

// Placeholder reports whether a value stands for one that was never filled in. The deploy
// tool makes the text "undefined" of a variable that is not set, and knows no other template
// than ${env:NAME}; what it does not resolve arrives as it is written.
// Source: https://cloud.tencent.com/document/product/1154/43228
func Placeholder(v string) bool {
	v = strings.TrimSpace(v)
	return strings.EqualFold(v, "undefined") || strings.Contains(v, "${") ||
		strings.HasPrefix(v, "<") && strings.HasSuffix(v, ">") || strings.HasPrefix(v, exampleStore)
}

// String returns a setting that may be missing, or def.
func (e *Env) String(name, def string) string {
	if v := e.get(name); v != "" {
		return v
	}
	return def
}

// Need returns a setting that must be there.
func (e *Env) Need(name string) string { return e.there(name, e.get(name)) }

// there is v, which must not be empty.
func (e *Env) there(name, v string) string {
	if v == "" {
		e.fail(name, "is not set")
	}
	return v
}

// Secret returns a value that must be there and must not be printed: as it is written, or what its Reference leads to.
func (e *Env) Secret(name string) secret.String {
	e.there(name, e.raw(name))
	return e.OptionalSecret(name)
}

// OptionalSecret is a Secret that may be missing; it is then empty.
func (e *Env) OptionalSecret(name string) secret.String {
	v := e.raw(name)
	if !IsReference(v) {
		return secret.New(v)
	}
	ref, err := ParseReference(v)
	var s secret.String
	switch {
	case err != nil:
	case e.fetch == nil:
		err = fmt.Errorf("%v leads to a secret in the cloud, which only the functions there can read: set the value itself here", ref)
	default:
		s, err = e.fetch(ref)
	}
	if err != nil {
		e.fail(name, "%v", err)
	}
	return s
}

// minKey is how long a key of our own must be.
const minKey = 32

// Key is Secret for a key of our own, which must have 32 bytes at least.
func (e *Env) Key(name string) secret.String {
	s := e.Secret(name)
	if n := len(s.Reveal()); n > 0 && n < minKey {
		e.fail(name, "has %d bytes, use at least %d: openssl rand -hex 32 makes one", n, minKey)
	}
	return s
}

// Number returns a whole number above 0, or 0 if the setting is missing: whoever
// needs it says so.
func (e *Env) Number(name string) int {
	v := e.get(name)
	if v == "" {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		e.fail(name, "%q is not a whole number above 0", v)
	}
	return n
}

// Int returns a whole number between least and most, or def if it is missing.
func (e *Env) Int(name string, def, least, most int) int {
	v := e.get(name)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		e.fail(name, "%q is not a whole number from %d to %d", v, least, most)
		return def
	}
	return n
}

// Flag returns whether a setting is 1. Anything but 1, 0 and nothing is a fault.
func (e *Env) Flag(name string) bool {
	v := e.get(name)
	if v != "" && v != "0" && v != "1" {
		e.fail(name, "%q is neither 1 nor 0", v)
	}
	return v == "1"
}

// OneOf returns a setting that must be one of list; the first is the default.
func (e *Env) OneOf(name string, list ...string) string {
	v := e.String(name, list[0])
	if slices.Contains(list, v) {
		return v
	}
	e.fail(name, "%q is none of %v", v, list)
	return list[0]
}

// URL returns the base URL of an API, or def. It must be https, unless it leads to
// this machine.
func (e *Env) URL(name, def string) string {
	v := e.String(name, def)
	if v == "" {
		return ""
	}
	if _, err := outbound.Base(v); err != nil {
		e.fail(name, "%v", err)
		return def
	}
	return v
}
