package main

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// A site is a place where code can be broken in one way: the bytes from at to end become text.
type site struct {
	file    string // below the root
	line    int
	at, end int
	text    string
}

func (s site) String() string { return fmt.Sprintf("%s:%d %s", s.file, s.line, oneLine(s.text)) }

func oneLine(s string) string {
	if s == "" {
		return "(left out)"
	}
	return strings.Join(strings.Fields(s), " ")
}

// swaps are operators, each with the one that stands in for it.
var swaps = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.LAND: "||", token.LOR: "&&", token.ADD: "-", token.SUB: "+",
}

// sites returns all places in the Go files of a folder that are no tests, in their order.
func sites(root, dir string) ([]site, error) {
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var found []site
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		in, err := sitesOf(filepath.Join(dir, filepath.Base(name)), src)
		if err != nil {
			return nil, err
		}
		found = append(found, in...)
	}
	return found, nil
}

// sitesOf returns the places in one file.
func sitesOf(file string, src []byte) (found []site, err error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	add := func(from, to token.Pos, text string) {
		p := fset.Position(from)
		found = append(found, site{file, p.Line, p.Offset, fset.Position(to).Offset, text})
	}
	source := func(n ast.Node) string {
		return string(src[fset.Position(n.Pos()).Offset:fset.Position(n.End()).Offset])
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.IMPORT && n.Tok != token.CONST
		case *ast.BinaryExpr:
			if to, ok := swaps[n.Op]; ok {
				add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), to)
			}
		case *ast.IfStmt:
			add(n.Cond.Pos(), n.Cond.End(), "!("+source(n.Cond)+")")
		case *ast.ExprStmt:
			add(n.Pos(), n.End(), "")
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				add(n.Pos(), n.End(), "")
			}
		case *ast.BranchStmt:
			if to, ok := map[token.Token]string{token.BREAK: "continue", token.CONTINUE: "break"}[n.Tok]; ok && n.Label == nil {
				add(n.Pos(), n.End(), to)
			}
		case *ast.Ident:
			if to, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
				add(n.Pos(), n.End(), to)
			}
		case *ast.BasicLit:
			if i, err := strconv.Atoi(n.Value); err == nil && n.Kind == token.INT {
				add(n.Pos(), n.End(), strconv.Itoa(i+1))
			}
		}
		return true
	})
	return found, nil
}

// random breaks n places in dirs, the same for the same seed while the code is the same, and prints
// for each whether tests notice. What does not compile is not counted.
func random(ctx context.Context, root string, dirs []string, n int, seed uint64, tests string, out io.Writer) error {
	var all []site
	for _, dir := range dirs {
		in, err := sites(root, dir)
		if err != nil {
			return err
		}
		all = append(all, in...)
	}
	rnd := rand.New(rand.NewPCG(seed, seed))
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var mu sync.Mutex
	next, tried, survived := 0, 0, 0
	take := func() (site, bool) {
		mu.Lock()
		defer mu.Unlock()
		if tried >= n || next == len(all) || ctx.Err() != nil {
			return site{}, false
		}
		next++
		return all[next-1], true
	}
	folders, remove, err := copies(ctx, root)
	defer remove()
	if err != nil {
		return err
	}
	var errs []error
	var wg sync.WaitGroup
	for _, dir := range folders {
		wg.Go(func() {
			for s, ok := take(); ok; s, ok = take() {
				line, err := s.try(ctx, dir, tests)
				mu.Lock()
				switch {
				case err != nil:
					errs = append(errs, err)
				case line != "" && tried < n:
					tried++
					if strings.HasPrefix(line, "SURVIVED") {
						survived++
					}
					fmt.Fprintln(out, line)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fmt.Fprintf(out, "mutants %d, killed %d, survived %d\n", tried, tried-survived, survived)
	if len(errs) > 0 {
		return errs[0]
	}
	return ctx.Err()
}

// try breaks a copy at s and returns what came of it; "" if the code does not compile.
func (s site) try(ctx context.Context, dir, tests string) (string, error) {
	file := filepath.Join(dir, s.file)
	src, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	defer os.WriteFile(file, src, 0o644)
	broken := string(src[:s.at]) + s.text + string(src[s.end:])
	if err := os.WriteFile(file, []byte(broken), 0o644); err != nil {
		return "", err
	}
	if tests == "" {
		tests = testsOf(filepath.Dir(s.file))
	}
	by, compiles, err := goTest(ctx, dir, tests)
	switch {
	case err != nil || !compiles:
		return "", err
	case by == "":
		return "SURVIVED " + s.String(), nil
	}
	return "killed   " + s.String() + ": " + by, nil
}

// testsOf returns the tests that are to notice what is broken in a folder: its own, and those of the
// engine for the rules that it lives by.
func testsOf(dir string) string {
	switch dir {
	case "shared/fact", "shared/card", "shared/permit", "shared/notify":
		return "./" + dir + " ./shared/notify ./shared/permit ./shared/deliver ./shared/inbox ./shared/explain"
	}
	return "./" + dir
}
