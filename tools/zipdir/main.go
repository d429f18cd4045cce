// Command zipdir packs a folder's files into a zip, for an upload by hand.
//
//	zipdir FOLDER FILE.zip
//
// Modes are kept, because SCF starts only what is executable. Times are left out, so equal
// files make equal zips.
package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: zipdir FOLDER FILE.zip")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "zipdir:", err)
		os.Exit(1)
	}
}

// pack writes the files of dir into a new zip. A folder without files is an error,
// and after an error there is no zip.
func pack(dir, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f, os.DirFS(dir)), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

func write(w io.Writer, files fs.FS) error {
	z := zip.NewWriter(w)
	n := 0
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		return add(z, files, path, d)
	})
	if err == nil && n == 0 {
		err = errors.New("the folder has no files")
	}
	return errors.Join(err, z.Close())
}

func add(z *zip.Writer, files fs.FS, path string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	h := &zip.FileHeader{Name: path, Method: zip.Deflate}
	h.SetMode(info.Mode())
	out, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	in, err := files.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}
