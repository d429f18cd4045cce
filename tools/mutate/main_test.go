package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// A mutation whose text is gone from the code shows nothing.
func TestMutationsApply(t *testing.T) {
	for _, m := range mutations {
		dir := t.TempDir()
		for _, e := range m.edits {
			if err := copyFile(filepath.Join("../..", e.file), filepath.Join(dir, e.file)); err != nil {
				t.Fatal(err)
			}
		}
		for _, e := range m.edits {
			if _, err := e.apply(dir); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
	}
}

func TestSites(t *testing.T) {
	src := `package p
const c = 1
func f(a, b int) bool {
	if a == b && true {
		g(a)
		a = 3
		return a > b
	}
	for { break }
	return false
}
`
	found, err := sitesOf("p.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range found {
		got = append(got, s.String())
	}
	want := []string{"p.go:4 !(a == b && true)", "p.go:4 ||", "p.go:4 !=", "p.go:4 false", "p.go:5 (left out)", "p.go:6 (left out)", "p.go:6 4",
		"p.go:7 >=", "p.go:9 continue", "p.go:10 true"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
