package main

import (
	"path/filepath"
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
