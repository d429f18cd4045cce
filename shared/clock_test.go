package shared_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wxnotify/internal/testkit"
)

// machineTime are the files that may ask the machine for the time: wiring, which passes
// time.Now on, and stopwatches. Everybody else is given a clock.
var machineTime = []string{
	"shared/wire/wire.go", // the functions, as they are deployed
	"shared/stopwatch/stopwatch.go",
	"cmd/wxnotify/main.go",
	"cmd/wxnotify/internal/host/clock.go", // the platform's deadlines, which processes watch
	"simulator/clock.go",                  // RealClock
	"trust/instance/instance.go",          // deadlines, likewise
}

// One clock goes through everything that tells the time. What asks the machine, or starts a
// virtual clock near the day on which it was written, is right on some days only.
func TestOneClock(t *testing.T) {
	var files int
	used := map[string]bool{}
	walkGo(t, "..", func(name string, file *ast.File, at func(ast.Node) string) {
		files++
		for _, fault := range clockFaults(name, file, used) {
			t.Errorf("%s: %s", at(fault.node), fault.why)
		}
	})
	if files < 300 {
		t.Errorf("only %d files were looked at", files)
	}
	for _, pattern := range machineTime {
		if !used[pattern] {
			t.Errorf("%s asks nobody for the time: take it off the list", pattern)
		}
	}
	t.Logf("virtual clocks begin in %d (bubbles of testing/synctest), %d and %d", 2000, testkit.Past.Year(), testkit.Future.Year())
}

type clockFault struct {
	node ast.Node
	why  string
}

// clockFaults returns what is wrong in a file, and notes in used which patterns of machineTime
// allowed something.
func clockFaults(name string, file *ast.File, used map[string]bool) []clockFault {
	var faults []clockFault
	isTest := strings.HasSuffix(name, "_test.go")
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			asks := isTime(n, "Now") || isTime(n, "Since") || isTime(n, "Until")
			if !asks || isTest {
				break
			}
			i := slices.IndexFunc(machineTime, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok })
			if i < 0 {
				faults = append(faults, clockFault{n, "time." + n.Sel.Name + ": take a clock from the wiring, or measure with shared/stopwatch"})
				break
			}
			used[machineTime[i]] = true
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && isTime(f, "Date") && len(n.Args) > 0 && near(n.Args[0]) {
				faults = append(faults, clockFault{n, "a clock that begins near today: use testkit.Future or testkit.Past"})
			}
		}
		return true
	})
	return faults
}

func isTime(s *ast.SelectorExpr, name string) bool {
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "time" && s.Sel.Name == name
}

// near reports whether year is a number of the years in which this code is written and run.
func near(year ast.Expr) bool {
	lit, ok := year.(*ast.BasicLit)
	if !ok {
		return false
	}
	n, err := strconv.Atoi(lit.Value)
	return err == nil && n > testkit.Past.Year()+2 && n < testkit.Future.Year()
}

// The check must see what it is for.
func TestOneClockFindsFaults(t *testing.T) {
	for src, want := range map[string]int{
		"var x = time.Now": 1, "var x = time.Since(y)": 1, "var x = time.Until(y)": 1, "var x = time.Unix(1, 0)": 0,
		"var x = time.Date(2027, 1, 1, 0, 0, 0, 0, nil)": 1, "var x = time.Date(2031, 1, 1, 0, 0, 0, 0, nil)": 0, "var x = clock.Now()": 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package p\nimport \"time\"\n"+src, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := clockFaults("shared/p/x.go", file, map[string]bool{}); len(got) != want {
			t.Errorf("%s: %d faults, want %d", src, len(got), want)
		}
		if got := clockFaults("shared/wire/wire.go", file, map[string]bool{}); strings.Contains(src, "Now") && len(got) != 0 {
			t.Errorf("%s in the wiring: %d faults", src, len(got))
		}
	}
}

// walkGo parses the Go files below root, but for testdata and what is not ours, and hands each
// to visit by its path from there. at tells the place of a node.
func walkGo(t *testing.T, root string, visit func(name string, file *ast.File, at func(ast.Node) string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{"testdata", "build", "build-local", "dist", "tools", "node_modules", ".git"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(name), file, func(n ast.Node) string {
			return fmt.Sprintf("%s:%d", name, set.Position(n.Pos()).Line)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
