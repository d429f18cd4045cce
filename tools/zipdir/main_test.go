package main

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestPackKeepsModesAndBytes(t *testing.T) {
	dir := t.TempDir()
	files := map[string]fs.FileMode{"deliver": 0o755, "notify.yml": 0o644, "sub/file": 0o600}
	for name, mode := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("content of "+name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}

	zips := filepath.Join(t.TempDir(), "new")
	first, second := filepath.Join(zips, "1.zip"), filepath.Join(zips, "2.zip")
	for _, name := range []string{first, second} {
		if err := pack(dir, name); err != nil {
			t.Fatal(err)
		}
	}

	z, err := zip.OpenReader(first)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if len(z.File) != len(files) {
		t.Errorf("%d entries, want %d", len(z.File), len(files))
	}
	for _, f := range z.File {
		if got, want := f.Mode(), files[f.Name]; got != want {
			t.Errorf("%s: mode %v, want %v", f.Name, got, want)
		}
		if got, want := content(t, f), "content of "+f.Name; got != want {
			t.Errorf("%s: %q, want %q", f.Name, got, want)
		}
	}
	if !bytes.Equal(read(t, first), read(t, second)) {
		t.Error("equal files made two different zips")
	}
}

func TestPackRefusesNothing(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		name := filepath.Join(t.TempDir(), "x.zip")
		if err := pack(dir, name); err == nil {
			t.Errorf("%s was packed", dir)
		}
		if _, err := os.Stat(name); err == nil {
			t.Errorf("packing %s failed, but left a zip", dir)
		}
	}
}

func content(t *testing.T, f *zip.File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
