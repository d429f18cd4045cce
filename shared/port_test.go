package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"testing"
)

// A port that was only looked at may be somebody else's before the server listens, and then a
// test fails now and then: internal/port keeps one.
func TestPortsAreHeld(t *testing.T) {
	files := 0
	walkGo(t, "..", func(name string, f *ast.File, at func(ast.Node) string) {
		files++
		if path.Dir(name) == "internal/port" {
			return
		}
		for _, n := range lookedAt(f) {
			t.Errorf("%s: a port of which only a look was taken: use internal/port", at(n))
		}
	})
	if files < 300 {
		t.Errorf("only %d files were looked at", files)
	}
}

// lookedAt returns where a listener is made and closed in one block, its address kept.
func lookedAt(f *ast.File) (found []ast.Node) {
	ast.Inspect(f, func(n ast.Node) bool {
		block, ok := n.(*ast.BlockStmt)
		if !ok {
			return true
		}
		made := map[string]bool{}
		for _, s := range block.List {
			switch s := s.(type) {
			case *ast.AssignStmt:
				if call, ok := s.Rhs[0].(*ast.CallExpr); ok && isSelector(call.Fun, "net", "Listen") {
					if name, ok := s.Lhs[0].(*ast.Ident); ok {
						made[name.Name] = true
					}
				}
			case *ast.ExprStmt:
				call, ok := s.X.(*ast.CallExpr)
				if !ok {
					continue
				}
				for name := range made {
					if isSelector(call.Fun, name, "Close") {
						found = append(found, call)
					}
				}
			}
		}
		return true
	})
	return found
}

func TestPortsAreHeldFindsFaults(t *testing.T) {
	for source, want := range map[string]int{
		`l, err := net.Listen("tcp", "127.0.0.1:0"); l.Close(); use(l.Addr())`:     1,
		`l, err := net.Listen("tcp", "127.0.0.1:0"); defer l.Close(); use(l)`:      0,
		`l, err := net.Listen("tcp", "127.0.0.1:0"); go func() { l.Close() }()`:    0,
		`for { l, err := net.Listen("tcp", "127.0.0.1:0"); l.Close(); other(l) }`:  1,
		`l := httptest.NewServer(nil); l.Close()`:                                  0,
		`l, err := net.Listen("tcp", "127.0.0.1:0"); other.Close(); use(l.Addr())`: 0,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() {\n"+source+"\n}", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(lookedAt(f)); got != want {
			t.Errorf("%s: %d faults, want %d", source, got, want)
		}
	}
}
