package dotenv_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/dotenv"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     map[string]string
	}{
		{"empty", "", map[string]string{}},
		{"plain", "A=1\nB_2=two words\n", map[string]string{"A": "1", "B_2": "two words"}},
		{"blanks", "  A = 1 \n\n\t\n", map[string]string{"A": "1"}},
		{"comments", "# first\nA=1 # note\nB=#none\nC=a#b\n", map[string]string{"A": "1", "B": "", "C": "a#b"}},
		{"export", "export A=1\n", map[string]string{"A": "1"}},
		{"single quotes", `A='x # y \n "z"'`, map[string]string{"A": `x # y \n "z"`}},
		{"double quotes", `A="x # y \n \"z\" \\ \t" # note`, map[string]string{"A": "x # y \n \"z\" \\ \t"}},
		{"equals in a value", "A=b=c==\n", map[string]string{"A": "b=c=="}},
		{"no expansion", "A=$B${C}\n", map[string]string{"A": "$B${C}"}},
		{"windows", "\xef\xbb\xbfA=1\r\nB=\"2\"\r\n", map[string]string{"A": "1", "B": "2"}},
		{"no newline at the end", "A=1", map[string]string{"A": "1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := dotenv.Parse([]byte(c.in))
			if err != nil {
				t.Fatalf("Parse(%q): %v", c.in, err)
			}
			if d := cmp.Diff(c.want, got.Values); d != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", c.in, d)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	const value = "s3cretvalue"
	for _, c := range []struct {
		name, in string
		line     int
		says     string
	}{
		{"no equals sign", "A=1\n" + value, 2, "KEY=VALUE"},
		{"bad key", "A-B=" + value, 1, "KEY=VALUE"},
		{"key that starts with a digit", "\n1A=" + value, 2, "KEY=VALUE"},
		{"open single quote", "A='" + value, 1, "not closed"},
		{"open double quote", "A=\"" + value, 1, "not closed"},
		{"unknown escape", `A="` + value + `\x"`, 1, `\ stands before`},
		{"escape at the end", `A="` + value + `\`, 1, "not closed"},
		{"text after a quote", "A='" + value + "'b", 1, "after the closing quote"},
		{"UTF-16", "\xff\xfeA\x00=\x001\x00", 1, "save it as UTF-8"},
		{"GBK", "A=1\nB='\xc4\xe3" + value + "'", 2, "save the file as UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := dotenv.Parse([]byte(c.in))
			var se *dotenv.SyntaxError
			if !errors.As(err, &se) {
				t.Fatalf("Parse(%q) = %v, want a *SyntaxError", c.in, err)
			}
			if se.Line != c.line || !strings.Contains(se.Reason, c.says) {
				t.Errorf("got %q, want line %d and %q", se, c.line, c.says)
			}
			if strings.Contains(err.Error(), value) {
				t.Errorf("the error shows the value: %v", err)
			}
		})
	}
}

// The login of scf appends what it learnt to the file, below the empty lines of the example.
func TestSetTwice(t *testing.T) {
	got, err := dotenv.Parse([]byte("ID=\nTOKEN=first\nID=1\nTOKEN=second\nTOKEN=third\n"))
	want := dotenv.File{Values: map[string]string{"ID": "1", "TOKEN": "third"}, Lines: map[string]int{"ID": 3, "TOKEN": 5}, Again: []string{"TOKEN"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := dotenv.Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: got %v, want fs.ErrNotExist", err)
	}
	path := filepath.Join(dir, ".env")
	if err := os.WriteFile(path, []byte("A=1\n?\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dotenv.Load(path); err == nil || !strings.HasPrefix(err.Error(), ".env: line 2: ") {
		t.Errorf("got %v, want an error that starts with the file and the line", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"A=1", "A='b' # c", `A="\n\""`, "export A= b #c\n#\nB=", "A=\"\\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := dotenv.Parse(data)
		var se *dotenv.SyntaxError
		if err != nil && (!errors.As(err, &se) || se.Line < 1) {
			t.Fatalf("error %v is not a *SyntaxError with a line", err)
		}
		for k, v := range env.Values {
			if k == "" || strings.ContainsAny(k, " =\n#") {
				t.Errorf("key %q (value %q)", k, v)
			}
		}
	})
}
