package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// states returns the words for states of messages and cards.
func states(t *testing.T) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	for _, file := range []string{"../fact/state.go", "../permit/protocol.go"} {
		source := string(must(os.ReadFile(file))(t))
		for _, m := range regexp.MustCompile(`State += "([^"]+)"`).FindAllStringSubmatch(source, -1) {
			words[m[1]] = true
		}
	}
	if !words[string(fact.StateDelivered)] || !words[string(permit.CardSending)] {
		t.Fatalf("only %d states are found", len(words))
	}
	return words
}

// Rules are Go: the scripts name no state and no template, hold no time, and are few and small.
func TestScriptsHoldNoRule(t *testing.T) {
	files, err := filepath.Glob("*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	if deeper, _ := filepath.Glob("*/*.lua"); len(files) > 15 || len(deeper) > 0 {
		t.Errorf("%d scripts, and %v: want 15 at most, all here", len(files), deeper)
	}
	lines, words := 0, states(t)
	for _, file := range files {
		source := string(must(os.ReadFile(file))(t))
		lines += strings.Count(source, "\n")
		for _, rule := range rulesIn(source, words) {
			t.Errorf("%s holds %s", file, rule)
		}
	}
	if lines > 600 {
		t.Errorf("the scripts have %d lines, want 600 at most", lines)
	}
}

var (
	luaComment = regexp.MustCompile(`--.*`)
	luaWord    = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	luaNumber  = regexp.MustCompile(`\b\d[\d.]*(e\d+)?\b`)
)

// rulesIn returns what looks like a rule in a script: a state or a template's id as a word, or a number
// above 1000, which is how many µs are in a ms.
func rulesIn(source string, states map[string]bool) (rules []string) {
	code := luaComment.ReplaceAllString(source, "")
	for _, quoted := range luaWord.FindAllString(code, -1) {
		word := strings.Trim(quoted, `'"`)
		if states[word] {
			rules = append(rules, "the state "+quoted)
		}
		if len(word) > 40 {
			rules = append(rules, "the id "+quoted)
		}
	}
	for _, number := range luaNumber.FindAllString(code, -1) {
		if n, err := strconv.ParseFloat(number, 64); err == nil && n > 1000 {
			rules = append(rules, "the number "+number)
		}
	}
	return rules
}

func TestRulesInScriptsAreFound(t *testing.T) {
	for source, want := range map[string]int{
		"redis.call('HINCRBY', KEYS[1], 'delivered', 1)":      1,
		"if state == \"not bound\" then return 86400000 end":  2,
		"local t = 1e6 -- 5000 'muted'":                       1,
		"return t[1] * 1000 + math.floor(t[2] / 1000)":        0,
		"return KEYS[1] == '" + string(tmpl) + "'":            1,
		"return string.match(s, '^(%d+) ?(.*)$') or {'stop'}": 0,
	} {
		if got := rulesIn(source, states(t)); len(got) != want {
			t.Errorf("%s: found %q, want %d", source, got, want)
		}
	}
}
