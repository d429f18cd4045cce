package faults_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
)

// Each alert that the code gives is in docs/operations.md, and none besides.
func TestAlertsAreWrittenDown(t *testing.T) {
	given := map[string]bool{}
	// Those whose name is a class of errors.
	for _, c := range []card.Class{card.ClassTemplate, card.ClassOperator, card.ClassDefect} {
		given[c.String()] = true
	}
	alert := regexp.MustCompile(`"alert", "(\w+)"`)
	for _, dir := range []string{"../../shared", "../../functions", "../../cmd/wxnotify/internal/server"} {
		testkit.Must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range alert.FindAllSubmatch(b, -1) {
				given[string(m[1])] = true
			}
			return err
		}))
	}
	section := operations(t, "Alerts")
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllSubmatch(section, -1) {
		for name := range strings.FieldsSeq(string(row[1])) {
			told[strings.Trim(name, "`")] = true
		}
	}
	if !maps.Equal(given, told) {
		t.Errorf("the code alerts of %q, docs/operations.md tells of %q", slices.Sorted(maps.Keys(given)), slices.Sorted(maps.Keys(told)))
	}
}

// operations returns a section of docs/operations.md.
func operations(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../docs/operations.md")
	testkit.Must(t, err)
	section := regexp.MustCompile(`(?s)\n## ` + name + `\n(.*?)\n## `).FindSubmatch(b)
	if section == nil {
		t.Fatalf("docs/operations.md has no section %s", name)
	}
	return section[1]
}
