package serverless

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var reference = regexp.MustCompile(`\$\{([^{}]*)\}`)

// expander resolves the ${...} that the deploy tool resolves, and collects those that
// cannot be.
//
// The deploy tool turns an unset ${env:X} into the text "undefined" and deploys that;
// here it is an error.
type expander struct {
	app, stage, name string
	lookup           func(string) (string, bool)

	unset []unset
	errs  []error
}

// unset are the variables that one part of the file needs and nobody has set.
type unset struct {
	where string
	names []string
}

func (e *expander) fail(format string, args ...any) {
	e.errs = append(e.errs, fmt.Errorf(format, args...))
}

// text resolves every reference in s, which is the given field of where.
func (e *expander) text(where, field, s string) string {
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		switch name := ref[2 : len(ref)-1]; name {
		case "app":
			return e.app
		case "stage":
			return e.stage
		case "name":
			return e.name
		default:
			variable, ok := strings.CutPrefix(name, "env:")
			if !ok {
				e.fail("%s: %s: %s cannot be resolved here: use ${env:NAME}, ${app}, ${stage} or ${name}", where, field, ref)
				return ""
			}
			v, ok := e.lookup(variable)
			if !ok {
				e.missing(where, variable)
			}
			return v
		}
	})
}

// optional is text for what only the cloud needs: what is not set is empty.
func (e *expander) optional(where, field, s string) string {
	lookup := e.lookup
	defer func() { e.lookup = lookup }()
	e.lookup = func(name string) (string, bool) { v, _ := lookup(name); return v, true }
	return e.text(where, field, s)
}

func (e *expander) missing(where, variable string) {
	i := slices.IndexFunc(e.unset, func(u unset) bool { return u.where == where })
	if i < 0 {
		i = len(e.unset)
		e.unset = append(e.unset, unset{where: where})
	}
	if !slices.Contains(e.unset[i].names, variable) {
		e.unset[i].names = append(e.unset[i].names, variable)
	}
}

// errors returns all that is wrong.
func (e *expander) errors() []error {
	errs := slices.Clone(e.errs)
	for _, u := range e.unset {
		errs = append(errs, fmt.Errorf("%s needs variables that are not set: %s: put them into .env, empty if need be",
			u.where, strings.Join(u.names, ", ")))
	}
	return errs
}
