package simulator

import (
	"slices"
	"strings"
)

// A fault in a value, in the words of errmsg.
const (
	valueEmpty   = " is empty"
	valueInvalid = " invalid"
)

// checkValue applies the rules of section "parameter value limits" to one value. It
// returns what follows "data.thing1.value" in errmsg, or nothing for a legal value.
// A value of blanks is empty.
func checkValue(p placeholder, value string) string {
	switch {
	case strings.TrimSpace(value) == "":
		return valueEmpty
	case !p.kind.Legal(value), p.kind.Enum && !slices.Contains(p.enum, value):
		return valueInvalid
	}
	return ""
}
