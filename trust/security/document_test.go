package security_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestThreatModelNamesRealTests reads docs/security.md: every test that it names is in the
// module, every row of its tables names one, and every test of this folder is named.
func TestThreatModelNamesRealTests(t *testing.T) {
	b, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	doc, real := string(b), testsOf(t, "../..")
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]*)`")
	for _, m := range named.FindAllStringSubmatch(doc, -1) {
		if real[m[1]] == "" {
			t.Errorf("there is no %s", m[1])
		}
	}
	rows, numbers := 0, []string{}
	for line := range strings.Lines(doc) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| T") || len(cells) != 4 {
			continue
		}
		if slices.Contains(numbers, cells[0]) {
			t.Errorf("two threats are%s", cells[0])
		}
		numbers = append(numbers, cells[0])
		if rows++; !named.MatchString(cells[3]) {
			t.Errorf("no test shows it: %.120s", line)
		}
	}
	if rows < 30 {
		t.Errorf("%d threats were found: the tables have another shape", rows)
	}
	for name, dir := range real {
		if strings.HasSuffix(dir, "trust/security") && strings.HasPrefix(name, "Test") && name != "TestMain" && !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("%s is not named", name)
		}
	}
}

// testsOf returns the tests and fuzz targets of a module, and where each is.
func testsOf(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && fn.Recv == nil && (strings.HasPrefix(fn.Name.Name, "Test") || strings.HasPrefix(fn.Name.Name, "Fuzz")) {
				found[fn.Name.Name] = filepath.ToSlash(filepath.Dir(path))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
