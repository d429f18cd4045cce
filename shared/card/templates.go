package card

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"wxnotify/shared/fact"
)

// Templates are the templates of notify.yml, by the kind that they announce. There is
// always one for KindMessage, unless it is the zero Templates, which has none.
type Templates struct {
	of       map[fact.Kind]*Template
	disabled map[fact.Kind]*DisabledError
}

// A DisabledError says why a kind has no template though notify.yml has one for it.
type DisabledError struct {
	Kind  fact.Kind
	Fault error
}

func (e *DisabledError) Error() string {
	return fmt.Sprintf("templates.%s is disabled: %v", e.Kind, e.Fault)
}

func (e *DisabledError) Unwrap() error { return e.Fault }

// fallsBack reports whether what has no template of its own, or a disabled one, is
// announced with that of KindMessage. The fields of an announcement mean what its backend
// says, so no other template may show them.
func fallsBack(k fact.Kind) bool {
	return slices.Contains([]fact.Kind{fact.KindMention, fact.KindCall, fact.KindMissedCall, fact.KindDigest}, k)
}

// NewTemplates checks specs and compiles them. It is an error, with every fault joined, if
// the template of KindMessage is missing or faulty; another that is faulty is disabled.
func NewTemplates(specs map[fact.Kind]TemplateSpec) (Templates, error) {
	ts := Templates{of: make(map[fact.Kind]*Template, len(specs)), disabled: map[fact.Kind]*DisabledError{}}
	var faults []error // if there is no template of KindMessage
	message, ok := specs[fact.KindMessage]
	if !ok {
		faults = append(faults, errors.New("templates.message is missing: it is the one template that must be there"))
	} else if t, err := NewTemplate(message); err != nil {
		faults = append(faults, fmt.Errorf("templates.%s: %w", fact.KindMessage, err))
	} else {
		ts.of[fact.KindMessage] = t
	}
	longTerm := map[fact.TemplateID]bool{}
	if t := ts.of[fact.KindMessage]; t != nil {
		longTerm[t.id] = t.longTerm
	}
	for _, kind := range slices.Sorted(maps.Keys(specs)) {
		if kind == fact.KindMessage {
			continue
		}
		t, err := NewTemplate(specs[kind])
		if err == nil {
			if before, ok := longTerm[t.id]; ok && before != t.longTerm {
				err = errors.New("long_term: another entry with this id does not agree on it")
			}
		}
		if err != nil {
			ts.disabled[kind] = &DisabledError{kind, err}
			continue
		}
		longTerm[t.id] = t.longTerm
		ts.of[kind] = t
	}
	if len(faults) == 0 {
		return ts, nil
	}
	for _, d := range ts.Disabled() {
		faults = append(faults, d)
	}
	return Templates{}, errors.Join(faults...)
}

// For returns the template that announces kind: its own, or that of KindMessage. Of a kind
// of announcement whose template is disabled it returns one that renders nothing.
func (ts Templates) For(kind fact.Kind) *Template {
	if t, ok := ts.of[kind]; ok {
		return t
	}
	if d := ts.disabled[kind]; d != nil && !fallsBack(kind) {
		return &Template{disabled: d}
	}
	return ts.of[fact.KindMessage]
}

// Disabled returns the faults of the templates that are not used, by kind.
func (ts Templates) Disabled() []*DisabledError {
	var out []*DisabledError
	for _, kind := range slices.Sorted(maps.Keys(ts.disabled)) {
		out = append(out, ts.disabled[kind])
	}
	return out
}

// Warnings returns what the operator should look at though it is no fault.
func (ts Templates) Warnings() []string {
	var out []string
	for _, kind := range ts.Kinds() {
		for _, w := range ts.of[kind].warnings {
			out = append(out, fmt.Sprintf("templates.%s: %s", kind, w))
		}
	}
	return out
}

// Has reports whether kind has a template of its own.
func (ts Templates) Has(kind fact.Kind) bool { return ts.of[kind] != nil }

// Kinds returns the kinds that have a template of their own, in order.
func (ts Templates) Kinds() []fact.Kind { return slices.Sorted(maps.Keys(ts.of)) }

// IDs returns the ids of all templates, each once.
func (ts Templates) IDs() []fact.TemplateID {
	var ids []fact.TemplateID
	for _, kind := range ts.Kinds() {
		if id := ts.of[kind].ID(); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
