// Package shared_test holds the module to the direction in which its imports point.
package shared_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "wxnotify/"

// A rule says what a package, and those below it, may import. Paths of the module are
// without its name; a path stands for what is below it too.
type rule struct {
	pkg string
	may []string // of this module
	// The modules of others that it may import; nil for any, because that is what an
	// adapter is for.
	others []string
	why    string
}

var none = []string{}

// domain is what the rules are made of. All of it is pure.
var domain = []string{"shared/card", "shared/fact", "shared/notify", "shared/permit"}

var rules = []rule{
	{"functions", []string{"shared/scf", "shared/wire"}, none,
		"a function is one line: what it is made of is in shared/wire, and no function knows another"},
	{"shared/guard", none, none,
		"what everything is wrapped in brings nothing along"},
	{"shared/fact", none, none,
		"what everybody speaks of knows nobody"},
	{"shared/card", []string{"shared/fact", "shared/keyword"}, []string{"github.com/rivo/uniseg"},
		"how a card reads does not depend on who is told, or when"},
	{"shared/permit", []string{"shared/card", "shared/fact"}, none,
		"permits are accounted for whatever the rules are by which they are spent"},
	{"shared/notify", []string{"shared/card", "shared/fact", "shared/keyword", "shared/permit"}, none,
		"the rules can be read and tested without HTTP, Redis or SCF"},
	{"shared/inbox", append([]string{"shared/stopwatch"}, domain...), none,
		"what takes facts in knows the rules and the time that it has"},
	{"shared/deliver", append([]string{"shared/guard", "shared/stopwatch"}, domain...), none,
		"the engine does what the rules say, through ports; adapters are put into them by the wiring"},
	{"shared/explain", domain, none,
		"sentences are made of a timeline alone"},
	{"shared/keyword", none, none,
		"it is WeChat's table and nothing else"},
	{"shared/secret", none, none,
		"everybody imports it, so it brings nobody along"},
	{"shared/outbound", none, none,
		"how connections are made is one rule, which no adapter may bend"},
	{"shared/stopwatch", none, none,
		"everybody imports it, so it brings nobody along"},
	{"shared/version", none, none,
		"everything that runs says it"},
	{"internal", none, none,
		"tests of every package import it"},
	{"shared/config", append([]string{"shared/outbound", "shared/secret"}, domain...), []string{"gopkg.in/yaml.v3"},
		"settings are read into domain types; adapters are built from them by the functions"},
	{"shared/api", append([]string{"shared/api", "shared/secret", "shared/store", "shared/wechat"}, domain...), none,
		"our own HTTP APIs branch on what the adapters report; no adapter knows of them"},
	{"shared/letter", []string{"shared/fact"}, none,
		"what a replay would do is said without a store"},
	{"shared/web", []string{"shared/web", "shared/outbound"}, none,
		"pages are served and guarded in one way, whatever they show"},
	{"shared/console", append([]string{"shared/config", "shared/explain", "shared/letter", "shared/secret", "shared/store", "shared/web"}, domain...), none,
		"the console reads the store and says what others have words for"},
	{"shared/im", append([]string{"shared/im", "shared/outbound", "shared/secret", "shared/stopwatch"}, domain...), nil, adapter},
	{"shared/wechat", append([]string{"shared/wechat", "shared/outbound", "shared/secret"}, domain...), nil, adapter},
	{"shared/store", append([]string{"shared/store", "shared/secret", "shared/stopwatch", "internal"}, domain...), nil, adapter},
	{"shared/wire", []string{"shared"}, none,
		"here a function's adapters meet its rules"},
	{"shared/scf", append([]string{"shared/guard", "shared/scf", "shared/outbound", "shared/secret", "shared/stopwatch", "shared/version"}, domain...), nil, adapter},
	{"simulator", []string{"simulator", "shared/keyword", "shared/secret", "shared/stopwatch"}, nil,
		"the simulated platforms are written from the vendors' pages; sharing our code they would share its mistakes. WeChat's table of keyword types is a page, and is read once"},
	{"trust", []string{"trust", "shared", "simulator", "internal"}, nil,
		"what holds us to the promises looks at everything"},
	{"miniprogram", []string{"trust/fixture", "shared", "simulator"}, nil,
		"it plays the world to the tests of the mini program"},
	{"cmd/trust", []string{"trust", "cmd/internal"}, nil,
		"it runs tests and reads what they say"},
	{"cmd", []string{"cmd", "shared", "simulator", "internal"}, nil,
		"the local program may use all but the functions, which it runs as SCF does"},
}

const adapter = "an adapter knows one outside thing and the domain; two of them meet in a function's wiring"

// A pkg is what `go list -json` says of one package.
type pkg struct {
	ImportPath string
	Name       string
	Standard   bool
	GoFiles    []string
	Imports    []string
	Deps       []string
}

func TestImportsPointInwards(t *testing.T) {
	packages := list(t)
	for _, path := range []string{"shared/notify", "shared/config"} {
		if !slices.ContainsFunc(packages, func(p pkg) bool { return p.ImportPath == module+path }) {
			t.Fatalf("%s is not among the %d packages of go list", path, len(packages))
		}
	}
	for _, v := range violations(packages) {
		t.Error(v)
	}
}

// impure are packages of the standard library through which something happens, or waits. The rules
// do neither.
var impure = []string{"context", "log", "log/slog", "net", "net/http", "os", "io", "sync/atomic", "crypto/rand", "math/rand", "math/rand/v2"}

func TestRulesArePure(t *testing.T) {
	seen := 0
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if !slices.Contains(domain, path) {
			continue
		}
		seen++
		for _, to := range p.Imports {
			if slices.Contains(impure, to) {
				t.Errorf("%s imports %s: what happens belongs into shared/deliver or an adapter", path, to)
			}
		}
		heldPure(t, path)
	}
	if seen != len(domain) {
		t.Errorf("%d of %v are there", seen, domain)
	}
}

func heldPure(t *testing.T, folder string) {
	eachFile(t, folder, func(_ string, f *ast.File, at func(ast.Node) string) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt, *ast.SendStmt, *ast.SelectStmt, *ast.ChanType:
				t.Errorf("%s: rules wait for nobody", at(n))
			case *ast.SelectorExpr:
				if isSelector(n, "time", "Now", "Since", "Until", "After", "NewTimer", "Sleep", "Tick", "AfterFunc") {
					t.Errorf("%s: rules are told the time", at(n))
				}
			}
			return true
		})
	})
}

// What is meant for tests must not be linked into what is deployed.
func TestFunctionsShipNoTestCode(t *testing.T) {
	for _, v := range shipped(list(t)) {
		t.Error(v)
	}
}

// The checks themselves must see what they are for.
func TestChecksFindFaults(t *testing.T) {
	const other = "example.com/other/sub"
	for name, c := range map[string]struct {
		from, to string
		bad      bool
	}{
		"function to adapter":      {"functions/deliver", "wxnotify/shared/store", true},
		"function to wiring":       {"functions/deliver", "wxnotify/shared/wire", false},
		"function to function":     {"functions/deliver", "wxnotify/functions/session", true},
		"function to cmd":          {"functions/deliver", "wxnotify/cmd/wxnotify/internal/host", true},
		"function to simulator":    {"functions/deliver", "wxnotify/simulator", true},
		"function to other":        {"functions/deliver", other, true},
		"adapter to adapter":       {"shared/im", "wxnotify/shared/wechat", true},
		"adapter's helper to it":   {"shared/store/redistest", "wxnotify/shared/store", false},
		"adapter to config":        {"shared/store", "wxnotify/shared/config", true},
		"adapter to domain":        {"shared/scf", "wxnotify/shared/notify", false},
		"adapter to other":         {"shared/scf", other, false},
		"adapter to simulator":     {"shared/wechat", "wxnotify/simulator", true},
		"domain to standard":       {"shared/notify", "strings", false},
		"domain to uniseg":         {"shared/card", "github.com/rivo/uniseg", false},
		"domain to engine":         {"shared/notify", "wxnotify/shared/deliver", true},
		"engine to adapter":        {"shared/deliver", "wxnotify/shared/store", true},
		"domain to secret":         {"shared/notify", "wxnotify/shared/secret", true},
		"domain to other":          {"shared/notify", other, true},
		"secret to domain":         {"shared/secret", "wxnotify/shared/notify", true},
		"config to cmd":            {"shared/config", "wxnotify/cmd/wxnotify/internal/dotenv", true},
		"adapter to api":           {"shared/store", "wxnotify/shared/api", true},
		"simulator to store":       {"simulator", "wxnotify/shared/store", true},
		"simulator to secret":      {"simulator/part", "wxnotify/shared/secret", false},
		"cmd to simulator":         {"cmd/wxnotify", "wxnotify/simulator", false},
		"cmd to function":          {"cmd/wxnotify", "wxnotify/functions/deliver", true},
		"a package without a rule": {"shared/util", "strings", true},
		"a name that only begins":  {"shared/image", "strings", true},
	} {
		t.Run(name, func(t *testing.T) {
			got := violations([]pkg{
				{ImportPath: "strings", Standard: true},
				{ImportPath: module + c.from, GoFiles: []string{"x.go"}, Imports: []string{c.to}},
			})
			if (len(got) > 0) != c.bad {
				t.Errorf("%s importing %s: %q, want a violation: %v", c.from, c.to, got, c.bad)
			}
		})
	}
	if got := shipped([]pkg{{ImportPath: "wxnotify/functions/x", Name: "main", Deps: []string{"errors", "testing"}}}); len(got) != 1 {
		t.Errorf("a function linked with testing: %q, want one fault", got)
	}
}

// violations returns a sentence for each import that no rule allows.
func violations(packages []pkg) []string {
	standard := map[string]bool{"C": true}
	for _, p := range packages {
		standard[p.ImportPath] = p.Standard
	}
	var found []string
	for _, p := range packages {
		path, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours || len(p.GoFiles) == 0 { // tests may import what they like
			continue
		}
		r := ruleOf(path)
		if r == nil {
			found = append(found, fmt.Sprintf("%s: no rule says what it may import; add one", path))
			continue
		}
		for _, to := range p.Imports {
			if !standard[to] && !r.allows(to) {
				found = append(found, fmt.Sprintf("%s must not import %s: %s", path, to, r.why))
			}
		}
	}
	return found
}

func ruleOf(path string) *rule {
	i := slices.IndexFunc(rules, func(r rule) bool { return within(path, r.pkg) })
	if i < 0 {
		return nil
	}
	return &rules[i]
}

func (r *rule) allows(path string) bool {
	path, ours := strings.CutPrefix(path, module)
	if !ours && r.others == nil {
		return true
	}
	list := r.may
	if !ours {
		list = r.others
	}
	return slices.ContainsFunc(list, func(root string) bool { return within(path, root) })
}

func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// shipped returns a sentence for each package that a function is linked with and that
// only tests should need.
func shipped(packages []pkg) []string {
	var found []string
	for _, p := range packages {
		if p.Name != "main" || !strings.HasPrefix(p.ImportPath, module+"functions/") {
			continue
		}
		for _, dep := range p.Deps {
			if within(dep, "testing") || within(dep, "github.com/google/go-cmp") || within(dep, "github.com/alicebob/miniredis") || within(dep, module+"internal/testkit") {
				found = append(found, fmt.Sprintf("%s is linked with %s", p.ImportPath, dep))
			}
		}
	}
	return found
}

// list asks the go command for every package of the module and all they depend on.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Name,Standard,GoFiles,Imports,Deps", "./...")
	cmd.Dir = ".." // of the module
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	touch(t, cmd.Dir)
	var packages []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// touch looks at every Go file below root. The go command keeps a passed test until a
// file changes that the test looked at, and cannot see what go list looked at.
func touch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".go" {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
