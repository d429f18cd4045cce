package zipped_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"wxnotify/tools/internal/zipped"
)

func TestModesAndBytesAreKept(t *testing.T) {
	dir, zips := t.TempDir(), filepath.Join(t.TempDir(), "new")
	files := map[string]fs.FileMode{"deliver": 0o755, "notify.yml": 0o644, "sub/file": 0o600}
	for name, mode := range files {
		p := filepath.Join(dir, name)
		for _, err := range []error{os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte("content of "+name), mode), os.Chmod(p, mode)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var packed [2][]byte
	for i, name := range []string{"1.zip", "2.zip"} {
		err := zipped.Dir(filepath.Join(zips, name), dir)
		if err == nil {
			packed[i], err = os.ReadFile(filepath.Join(zips, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("equal files made two different zips")
	}
	z, err := zip.NewReader(bytes.NewReader(packed[0]), int64(len(packed[0])))
	if err != nil || len(z.File) != len(files) {
		t.Fatalf("%v, want %d entries", err, len(files))
	}
	for _, f := range z.File {
		content, err := fs.ReadFile(z, f.Name)
		if f.Mode() != files[f.Name] || string(content) != "content of "+f.Name {
			t.Errorf("%s: mode %v, %q, %v", f.Name, f.Mode(), content, err)
		}
	}
}

func TestNothingToZip(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		name := filepath.Join(t.TempDir(), "x.zip")
		if err := zipped.Dir(name, dir); err == nil {
			t.Errorf("%s was packed", dir)
		}
		if _, err := os.Stat(name); err == nil {
			t.Errorf("packing %s failed, but left a zip", dir)
		}
	}
}
