// Command release makes of built binaries what is published.
//
//	release FOLDER
//
// The folder holds wxnotify-OS-ARCH for each system, and in functions/ the functions and notify.yml, all built of one
// commit. Then it holds a zip for each function in place of functions/, wxnotify.cdx.json, which lists what they are
// built of, and SHA256SUMS. Nothing in it tells a time or a path of the machine, so the same commit makes the same bytes.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"wxnotify/tools/internal/zipped"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: release FOLDER")
		os.Exit(2)
	}
	version, err := release(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	fmt.Printf("%s is in %s\n", version, os.Args[1])
}

func release(dir string) (version string, err error) {
	binaries, err := filepath.Glob(filepath.Join(dir, "wxnotify-*"))
	if err != nil {
		return "", err
	}
	functions, err := named(filepath.Join(dir, "functions"))
	if err != nil {
		return "", err
	}
	for _, name := range functions {
		binaries = append(binaries, filepath.Join(dir, "functions", name))
	}
	builds, version, err := read(binaries)
	if err != nil {
		return "", err
	}
	for _, name := range functions {
		if err := zipped.Files(filepath.Join(dir, name+".zip"), os.DirFS(filepath.Join(dir, "functions")), name, notifyFile); err != nil {
			return "", err
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "functions")); err != nil {
		return "", err
	}
	if err := writeSBOM(filepath.Join(dir, "wxnotify.cdx.json"), version, builds); err != nil {
		return "", err
	}
	return version, writeSums(dir)
}

const notifyFile = "notify.yml"

// named returns the functions in a folder.
func named(dir string) (functions []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() != notifyFile {
			functions = append(functions, e.Name())
		}
	}
	return functions, nil
}

// read returns what binaries say of how they were built. They must all be of one commit, without changes beside it.
func read(binaries []string) (builds []*buildinfo.BuildInfo, version string, err error) {
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return nil, "", err
		}
		switch v := info.Main.Version; {
		case v == "" || v == "(devel)":
			return nil, "", fmt.Errorf("%s has no version: build it in a git checkout, with -buildvcs=true", binary)
		case strings.HasSuffix(v, "+dirty"):
			return nil, "", fmt.Errorf("%s is built of a tree with changes (%s): commit them", binary, v)
		case version != "" && v != version:
			return nil, "", fmt.Errorf("%s is %s, another is %s: build them anew", binary, v, version)
		default:
			version = v
		}
		builds = append(builds, info)
	}
	if version == "" {
		return nil, "", errors.New("there are no binaries")
	}
	return builds, version, nil
}

// writeSums writes the SHA-256 of each file, in the form that sha256sum -c reads.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir) // in order of name
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", h.Sum(nil), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
