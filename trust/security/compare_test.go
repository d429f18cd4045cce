package security_test

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxnotify/trust"
)

// allowed are comparisons of secret things that tell nobody anything, each with its reason.
var allowed = map[string]string{
	"im/adminsig.go: a.sig.Reveal() == sig.Reveal()":                    "both are our own UserSig, made in this process",
	"im/verify.go: strings.TrimSpace(token.Reveal()) != token.Reveal()": "a setting with itself, once at the start",
	"im/usersig.go: strings.TrimSpace(key.Reveal()) != key.Reveal()":    "a setting with itself, once at the start",
	"wechat/cache.go: m.token == token":                                 "both are WeChat's access token; nobody outside names one",
	"wechat/token.go: text != s.held.value.Reveal()":                    "both are WeChat's access token; nobody outside names one",
	"wechat/token.go: s.refused == bad.value.Reveal()":                  "both are WeChat's access token; nobody outside names one",
}

// TestComparesInConstantTime reads the source: wherever a signature, MAC, token or secret
// meets another value, it meets it in crypto/subtle or crypto/hmac.
func TestComparesInConstantTime(t *testing.T) {
	found, constant := map[string]bool{}, map[string]int{}
	for _, dir := range []string{"im", "wechat", "api", "scf"} {
		files, err := filepath.Glob(filepath.Join("../../shared", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, files, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			trust.Count(t, trust.Scanned, 1)
			name := dir + "/" + filepath.Base(file)
			compares, safe := compares(t, file, nil)
			for _, c := range compares {
				found[name+": "+c] = true
			}
			constant[name] = safe
		}
	}
	for _, c := range slices.Sorted(maps.Keys(found)) {
		if allowed[c] == "" {
			trust.Broken(t, trust.Violated, "%s: use hmac.Equal or subtle.ConstantTimeCompare", c)
		}
	}
	for c := range allowed {
		if !found[c] {
			t.Errorf("%s is allowed, and is not there any more", c)
		}
	}
	for _, file := range []string{"im/verify.go", "im/usersig_verify.go", "wechat/crypto.go", "api/auth.go"} {
		if constant[file] == 0 {
			t.Errorf("%s compares nothing in constant time", file)
		}
	}
}

// The look at the source sees what it is for, and nothing else.
func TestComparesAreSeen(t *testing.T) {
	for code, want := range map[string]int{
		`return sign == want`:                                                1,
		`return q.signature != other`:                                        1,
		`return p["sign"] == Sign(t, at)`:                                    1,
		`return r.Header.Get(HeaderSignature) == x`:                          1,
		`x := mac.Sum(nil); return string(x) == y`:                           1,
		`a := key.Reveal(); b := a; return b == y`:                           1,
		`return bytes.Equal(h.Sum(nil), got)`:                                1,
		`return strings.EqualFold(usersig, y)`:                               1,
		`return slices.Contains(list, token)`:                                1,
		`return strings.HasPrefix(Sign(k, t), got)`:                          1,
		`switch signature { case want: }; return true`:                       1,
		`return seen[signature]`:                                             1,
		`return bytes.Compare(c.Sig, m) == 0`:                                1,
		`return reflect.DeepEqual(mac, m)`:                                   1,
		`if sign == "" { return false }; return true`:                        0,
		`return len(sign) == 64`:                                             0,
		`return token.Empty() == false`:                                      0,
		`return hmac.Equal(h.Sum(nil), got)`:                                 0,
		`return subtle.ConstantTimeCompare([]byte(sign), []byte(want)) == 1`: 0,
		`return user == other && name != ""`:                                 0,
		`tok, err := dec.Token(); return tok == nil && err == nil`:           0,
		`switch { case signature == "": }; return true`:                      0,
		`return signedBy(tokens, sign, ts)`:                                  0,
		`m["sign"] = sign; return true`:                                      0,
	} {
		got, _ := compares(t, "code.go", "package p\nfunc f() bool {\n"+code+"\n}")
		if len(got) != want {
			t.Errorf("%s: seen %q, want %d", code, got, want)
		}
	}
}

var (
	secretNames = regexp.MustCompile(`(?i)^(sig|sign|signature|msgsignature|mac|hmac|token|tokens|secret|password|usersig|x-wxnotify-signature)$|(Sig|Sign|Signature|MAC|Mac|Token|Secret|Password|SecretKey)$|^(sign|msg_signature)$`)
	// constants are names of codes and calls.
	constants = regexp.MustCompile(`^(class|op|Code)[A-Z]`)
	// makers return what must not be guessed.
	makers = regexp.MustCompile(`^(Reveal|Sum|Sum1|Sum256|Sum512|Sign|signature|mac)$`)
	// blind tell nothing of their arguments, or compare them in constant time.
	blind = regexp.MustCompile(`^(len|cap|Empty|IsZero|hmac\.Equal|subtle\.ConstantTimeCompare|signedBy|errors\.\w+|fmt\.\w+|make|new)$`)
	// telling compare, or search, as fast as they can.
	telling = regexp.MustCompile(`^(bytes\.(Equal|EqualFold|Compare|Contains|HasPrefix|HasSuffix|Index)|strings\.(EqualFold|Compare|Contains|HasPrefix|HasSuffix|Index|Count)|slices\.(Equal|Contains|Index|Compare)|reflect\.DeepEqual|cmp\.Compare)$`)
)

// A reader follows secret things through one function.
type reader struct {
	t      *testing.T
	fset   *token.FileSet
	secret map[string]bool // variables
	found  []string
	safe   int
}

// compares returns the comparisons of secret things in a file that take no constant time,
// and how many take it. src is nil, or the file's text.
func compares(t *testing.T, file string, src any) (found []string, safe int) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		r := &reader{t: t, fset: fset, secret: map[string]bool{}}
		for range 3 { // what is assigned later may be used earlier in a loop
			ast.Inspect(fn.Body, r.follow)
		}
		ast.Inspect(fn.Body, r.judge)
		found, safe = append(found, r.found...), safe+r.safe
	}
	return found, safe
}

// follow marks what secret things are assigned to.
func (r *reader) follow(n ast.Node) bool {
	mark := func(left, right ast.Expr) {
		if id, ok := left.(*ast.Ident); ok && r.isSecret(right) {
			r.secret[id.Name] = true
		}
	}
	switch s := n.(type) {
	case *ast.AssignStmt:
		for i, right := range s.Rhs { // of a call that answers more, what comes first: an error or a bool is beside it
			mark(s.Lhs[i], right)
		}
	case *ast.RangeStmt:
		mark(s.Value, s.X)
	}
	return true
}

// isSecret reports whether e holds, or is made of, something secret.
func (r *reader) isSecret(e ast.Expr) (is bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.Ident:
			is = is || (r.secret[x.Name] || secretNames.MatchString(x.Name)) && !constants.MatchString(x.Name)
		case *ast.SelectorExpr:
			is = is || secretNames.MatchString(x.Sel.Name) // of a UserSig that was decoded not all is secret
			return false
		case *ast.IndexExpr:
			name, ok := x.Index.(*ast.BasicLit)
			is = is || ok && secretNames.MatchString(strings.Trim(name.Value, `"`)) || r.isSecret(x.X)
			return false
		case *ast.CallExpr:
			name := r.text(x.Fun)
			last := name[strings.LastIndexByte(name, '.')+1:]
			is = is || !blind.MatchString(name) && !blind.MatchString(last) && (makers.MatchString(last) || slices.ContainsFunc(x.Args, r.isSecret))
			return false
		case *ast.BinaryExpr:
			return x.Op == token.ADD
		case *ast.FuncLit, *ast.CompositeLit:
			return false
		}
		return true
	})
	return is
}

// judge notes comparisons.
func (r *reader) judge(n ast.Node) bool {
	note := func(e ast.Expr, is bool) {
		if is {
			r.found = append(r.found, r.text(e))
		}
	}
	switch x := n.(type) {
	case *ast.BinaryExpr:
		note(x, (x.Op == token.EQL || x.Op == token.NEQ) && !r.public(x.X) && !r.public(x.Y) && (r.isSecret(x.X) || r.isSecret(x.Y)))
	case *ast.SwitchStmt:
		note(x.Tag, x.Tag != nil && r.isSecret(x.Tag))
	case *ast.AssignStmt:
		for _, right := range x.Rhs {
			ast.Inspect(right, r.judge)
		}
		return false // m[k] = v looks nothing up
	case *ast.IndexExpr:
		note(x, r.isSecret(x.Index))
	case *ast.CallExpr:
		name := r.text(x.Fun)
		note(x, telling.MatchString(name) && slices.ContainsFunc(x.Args, r.isSecret))
		if name == "hmac.Equal" || name == "subtle.ConstantTimeCompare" {
			r.safe++
		}
	}
	return true
}

// publicThings are no secret to be: empty, nil, or as good as a small number.
var publicThings = regexp.MustCompile(`^(""|\d+|nil|true|false|(len|cap)\(.*\))$`)

func (r *reader) public(e ast.Expr) bool { return publicThings.MatchString(r.text(e)) }

func (r *reader) text(e ast.Expr) string {
	var b strings.Builder
	if err := printer.Fprint(&b, r.fset, e); err != nil {
		r.t.Fatal(err)
	}
	return b.String()
}
