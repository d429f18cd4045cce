package shared_test

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// otherwise are identifiers in which a word of the right column means something else.
var otherwise = map[string][]string{
	"trip":  {"RoundTrip", "RoundTripper", "roundTrip", "roundTripper", "roundTrips"}, // and a store's trip to its server
	"probe": {"Probe", "KindProbe", "isProbe", "probeAction", "maxProbe"},             // what WeChat and IM send to try a URL
}

// spoken are those of the words that are no ordinary English in a comment.
var spoken = []string{"lane", "crew", "courier", "retake", "in vain", "he", "his", "him", "himself"}

// One thing has one word: what the glossary names as another word for it is in no identifier, and, where
// it has no other meaning, in no comment.
func TestGlossary(t *testing.T) {
	refused := refusedWords(t)
	for _, word := range []string{"lane", "courier", "in vain", "he"} {
		if !slices.Contains(refused, word) {
			t.Fatalf("the glossary of docs/design.md does not refuse %q: %q", word, refused)
		}
	}
	for _, root := range []string{"shared", "functions"} {
		eachFile(t, root, func(name string, f *ast.File, at func(ast.Node) string) {
			for _, fault := range wordFaults(name, f, refused) {
				t.Errorf("%s: %s: see the glossary in docs/design.md", at(fault.node), fault.why)
			}
		})
	}
}

// refusedWords returns the last column of the glossary.
func refusedWords(t *testing.T) (words []string) {
	t.Helper()
	b, err := os.ReadFile("../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "## 2. Words")
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || strings.Contains(line, "---") || strings.TrimSpace(cells[3]) == "not" {
			continue
		}
		for word := range strings.SplitSeq(cells[3], ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
	}
	return words
}

type wordFault struct {
	node ast.Node
	why  string
}

func wordFaults(name string, f *ast.File, refused []string) (faults []wordFault) {
	ast.Inspect(f, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		for _, part := range wordsOf(id.Name) {
			if slices.Contains(refused, part) && !slices.Contains(otherwise[part], id.Name) && !(part == "trip" && strings.HasPrefix(name, "shared/store/")) {
				faults = append(faults, wordFault{id, "the identifier " + id.Name})
			}
		}
		return true
	})
	for _, group := range f.Comments {
		for _, c := range group.List {
			for _, word := range spoken {
				if regexp.MustCompile(`(?i)\b` + word + `s?\b`).MatchString(c.Text) {
					faults = append(faults, wordFault{c, "the word " + word})
				}
			}
		}
	}
	return faults
}

// wordsOf parts a name into words of small letters, in the singular.
func wordsOf(name string) (words []string) {
	runes, from := []rune(strings.ReplaceAll(name, "IDs", "Ids")), 0
	for i := 1; i <= len(runes); i++ {
		if i == len(runes) || unicode.IsUpper(runes[i]) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			words = append(words, strings.TrimSuffix(strings.ToLower(string(runes[from:i])), "s"))
			from = i
		}
	}
	return words
}

func TestWordsOf(t *testing.T) {
	for name, want := range map[string][]string{"laneOf": {"lane", "of"}, "QueueCalls": {"queue", "call"}, "OpenIDs": {"open", "id"}, "x": {"x"}, "HTTPClient": {"http", "client"}} {
		if got := wordsOf(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A comment above a function begins with its name, or with no name at all: what was renamed takes its
// comment along.
func TestCommentsNameWhatTheyDescribe(t *testing.T) {
	files := eachFile(t, "shared", func(_ string, f *ast.File, at func(ast.Node) string) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Doc == nil {
				continue
			}
			word := firstName(fn.Doc.Text())
			if word != "" && word != fn.Name.Name && word != "Source" {
				t.Errorf("%s: the comment of %s begins with %s", at(fn), fn.Name.Name, word)
			}
		}
	})
	if files < 100 || firstName("keptBack returns it") != "keptBack" || firstName("RoundTrip goes") != "RoundTrip" || firstName("It goes") != "" {
		t.Errorf("%d files are looked at", files)
	}
}

// firstName returns the word with which a text begins, if it looks like the name of something in code.
func firstName(text string) string {
	word := text[:strings.IndexFunc(text+" ", func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })]
	small := strings.IndexFunc(word, unicode.IsLower) == 0
	inner := word != "" && strings.IndexFunc(word[1:], unicode.IsUpper) >= 0 && strings.ToUpper(word) != word
	if small || inner && word != "WeChat" && word != "OpenID" {
		return word
	}
	return ""
}
