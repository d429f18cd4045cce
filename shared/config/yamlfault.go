package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

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
		if unknownKey().MatchString(l) {
			unknown = append(unknown, l)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return plainYAML(&yaml.TypeError{Errors: unknown})
}

// unknownTemplateKeys is unknownKeys for one template.
func unknownTemplateKeys(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	var errs []error
	if n.Kind == yaml.MappingNode {
		for key := range pairs(n) {
			if !slices.Contains([]string{"id", "long_term", "page", "data", "<<"}, key.Value) {
				errs = append(errs, fmt.Errorf("line %d: there is no key %s", key.Line, key.Value))
			}
		}
	}
	return errors.Join(errs...)
}

// The patterns are made when something is wrong.
var (
	unknownKey = once(`(?s)field (\S+) not found in type .+$`)
	wrongType  = once("(?s)cannot unmarshal !\\S+ (?:`.*` )?into (.+)$")
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
		l = unknownKey().ReplaceAllString(l, "there is no key $1")
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
