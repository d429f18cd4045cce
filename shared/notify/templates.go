package notify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Templates are the templates of notify.yml, by the kind that they announce. There is
// always one for KindMessage.
type Templates struct{ of map[Kind]*Template }

// NewTemplates checks specs and compiles them. It returns every fault, joined, each
// naming its template.
func NewTemplates(specs map[Kind]TemplateSpec) (Templates, error) {
	ts := Templates{of: make(map[Kind]*Template, len(specs))}
	var errs []error
	if _, ok := specs[KindMessage]; !ok {
		errs = append(errs, errors.New("templates.message is missing: it is the one template that must be there"))
	}
	longTerm := map[TemplateID]bool{}
	for _, kind := range slices.Sorted(maps.Keys(specs)) {
		spec := specs[kind]
		t, err := NewTemplate(spec)
		if err != nil {
			errs = append(errs, fmt.Errorf("templates.%s: %w", kind, err))
			continue
		}
		if before, ok := longTerm[spec.ID]; ok && before != spec.LongTerm {
			errs = append(errs, fmt.Errorf("templates.%s: long_term: two entries with this id do not agree on it", kind))
		}
		longTerm[spec.ID] = spec.LongTerm
		ts.of[kind] = t
	}
	return ts, errors.Join(errs...)
}

// For returns the template that announces kind: its own, or that of KindMessage.
func (ts Templates) For(kind Kind) *Template {
	if t, ok := ts.of[kind]; ok {
		return t
	}
	return ts.of[KindMessage]
}

// Has reports whether kind has a template of its own.
func (ts Templates) Has(kind Kind) bool { return ts.of[kind] != nil }

// Kinds returns the kinds that have a template of their own, in order.
func (ts Templates) Kinds() []Kind { return slices.Sorted(maps.Keys(ts.of)) }

// IDs returns the ids of all templates, each once.
func (ts Templates) IDs() []TemplateID {
	var ids []TemplateID
	for _, kind := range ts.Kinds() {
		if id := ts.of[kind].ID(); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
