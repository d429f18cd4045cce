// Package zipped makes zips of what is deployed.
package zipped

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir writes all files of a folder into a new zip, as Files does.
func Dir(name, dir string) error {
	files := os.DirFS(dir)
	var paths []string
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	return Files(name, files, paths...)
}

// Files writes files into a new zip, in the order of paths. No file is an error, and after an error there is no zip.
//
// Modes are kept, because SCF starts only what is executable. Times are left out, so equal files make equal zips.
func Files(name string, files fs.FS, paths ...string) error {
	if len(paths) == 0 {
		return errors.New("there are no files to zip")
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f, files, paths), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

func write(w io.Writer, files fs.FS, paths []string) error {
	z := zip.NewWriter(w)
	for _, path := range paths {
		if err := add(z, files, path); err != nil {
			return err
		}
	}
	return z.Close()
}

func add(z *zip.Writer, files fs.FS, path string) error {
	in, err := files.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	h := &zip.FileHeader{Name: path, Method: zip.Deflate}
	h.SetMode(info.Mode())
	out, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return err
}
