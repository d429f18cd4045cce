package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// unknownKeys returns a fault for every key below n that a value of type t cannot have. The decoder would find them too, if
// it read the file a second time, strictly.
func unknownKeys(n *yaml.Node, t reflect.Type) error {
	return errors.Join(unknownIn(n, t, mostMerges)...)
}

// mostMerges is how deep "<<" may lead: one may lead to itself.
const mostMerges = 8

func unknownIn(n *yaml.Node, t reflect.Type, merges int) (errs []error) {
	for n.Kind == yaml.DocumentNode || n.Kind == yaml.AliasNode {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		} else {
			n = n.Content[0]
		}
	}
	if n.Kind != yaml.MappingNode || t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]()) {
		return nil
	}
	for key, value := range pairs(n) {
		field, known := fieldOf(t, key.Value)
		switch {
		case known:
			errs = append(errs, unknownIn(value, field.Type, merges)...)
		case key.Value != "<<":
			errs = append(errs, fmt.Errorf("line %d: there is no key %s", key.Line, key.Value))
		case merges > 0 && value.Kind == yaml.SequenceNode:
			for _, each := range value.Content {
				errs = append(errs, unknownIn(each, t, merges-1)...)
			}
		case merges > 0:
			errs = append(errs, unknownIn(value, t, merges-1)...)
		}
	}
	return errs
}

// fieldOf returns the field that a key is decoded into.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if f.Tag.Get("yaml") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// The patterns are made when something is wrong.
var (
	wrongType = once("(?s)cannot unmarshal !\\S+ (?:`.*` )?into (.+)$")
)

// wanted says what stands where Go has a type.
var wanted = map[string]string{
	"int": "a whole number", "float64": "a number", "bool": "true or false", "string": "a text",
	"[]config.duration": "a list of durations such as [5m, 15m]",
}

// plainYAML words the decoder's errors for somebody who does not read Go. A value that
// was taken from the environment does not show.
func plainYAML(err error) error {
	var lines []string
	var te *yaml.TypeError
	if errors.As(err, &te) {
		lines = te.Errors
	} else {
		lines = []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	for i, l := range lines {
		lines[i] = wrongType().ReplaceAllStringFunc(l, func(m string) string {
			w, ok := wanted[wrongType().FindStringSubmatch(m)[1]]
			if !ok {
				w = "keys with values"
			}
			return "write " + w + " here"
		})
	}
	return errors.New(strings.Join(lines, "; "))
}
