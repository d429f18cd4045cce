package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// A ban is something that deployed code may write in one package only.
type ban struct {
	what    string
	in      string // the package that may
	instead string
	found   func(ast.Node) bool
}

var bans = []ban{
	{"an HTTP client's connections", "shared/outbound", "use outbound.NewTransport: it keeps no idle connection over a freeze", func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			return isSelector(n.Type, "http", "Transport")
		case *ast.SelectorExpr:
			return isSelector(n, "http", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm")
		}
		return false
	}},
	{"a goroutine", "shared/guard", "start it with guard.Go or guard.Begin: a panic must end no more than its own work", func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			return true
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			return ok && (s.Sel.Name == "Go" || s.Sel.Name == "AfterFunc") && !isSelector(s, "guard", "Go")
		}
		return false
	}},
}

// What must be done in one way has one place, and everybody else uses that.
func TestOneRuleInOnePlace(t *testing.T) {
	files := 0
	for _, root := range []string{"shared", "functions"} {
		files += eachFile(t, root, func(name string, f *ast.File, at func(ast.Node) string) {
			for _, b := range bans {
				for _, n := range b.broken(path.Dir(name), f) {
					t.Errorf("%s: %s: %s", at(n), b.what, b.instead)
				}
			}
		})
	}
	if files < 100 {
		t.Fatalf("only %d files were looked at", files)
	}
}

func TestBansFindFaults(t *testing.T) {
	for source, want := range map[string]int{
		`var c = &http.Client{Transport: &http.Transport{}}`: 1,
		`var r, _ = http.Get("https://example.com")`:         1,
		`var c = http.DefaultClient`:                         1,
		`var c = http.StatusOK`:                              0,
		`func f() { go f() }`:                                1,
		`func f(wg *sync.WaitGroup) { wg.Go(g) }`:            1,
		`var t = time.AfterFunc(time.Second, f)`:             1,
		`func f() { guard.Go(ctx, log, &wg, g) }`:            0,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, b := range bans {
			got += len(b.broken("shared/x", f))
			if n := len(b.broken(b.in, f)); n != 0 {
				t.Errorf("%s: %d faults where it is allowed", source, n)
			}
		}
		if got != want {
			t.Errorf("%s: %d faults, want %d", source, got, want)
		}
	}
}

// broken returns what a file of a package must not write.
func (b ban) broken(pkg string, f *ast.File) (found []ast.Node) {
	if pkg == b.in {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if n != nil && b.found(n) {
			found = append(found, n)
		}
		return true
	})
	return found
}

func isSelector(n ast.Node, of string, names ...string) bool {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	if !ok || x.Name != of {
		return false
	}
	for _, name := range names {
		if s.Sel.Name == name {
			return true
		}
	}
	return false
}

// forTests are packages that are linked into no function, as TestFunctionsShipNoTestCode checks.
var forTests = []string{"shared/store/redistest"}

// eachFile has look see every file below root that is deployed, and returns how many.
func eachFile(t *testing.T, root string, look func(name string, f *ast.File, at func(ast.Node) string)) (files int) {
	t.Helper()
	walkGo(t, "..", func(name string, f *ast.File, at func(ast.Node) string) {
		in := func(dir string) bool { return strings.HasPrefix(name, dir+"/") }
		if !in(root) || slices.ContainsFunc(forTests, in) || strings.HasSuffix(name, "_test.go") {
			return
		}
		files++
		look(name, f, at)
	})
	return files
}
