package fact_test

import (
	"strings"
	"testing"

	"wxnotify/shared/fact"
)

func TestLegalKinds(t *testing.T) {
	for kind, want := range map[string]bool{
		"message": true, "a": true, "order_2": true, "a" + strings.Repeat("b", 31): true, "a" + strings.Repeat("b", 32): false,
		"": false, "2a": false, "_a": false, "A": false, "a-b": false, "ä": false, "aé": false, "a b": false,
	} {
		if got := fact.Kind(kind).Legal(); got != want {
			t.Errorf("%q: %t", kind, got)
		}
	}
}
