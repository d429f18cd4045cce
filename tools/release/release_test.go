package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The same commit makes the same bytes in whatever folder, and what is made knows its version. One function and one
// system stand for all, without the flags that a test of the build need not wait for.
func TestReproducible(t *testing.T) {
	if err := exec.Command("git", "-C", "..", "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("this is no git checkout: ", err)
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	var made [2]string
	for i := range made {
		checkout := filepath.Join(t.TempDir(), strings.Repeat("deep/", i), "wxnotify")
		run(t, "", "git", "clone", "--quiet", "--shared", "../..", checkout)
		run(t, checkout, "git", "-c", "tag.gpgSign=false", "tag", "v0.9.9")
		run(t, checkout, "make", "release", "PLATFORMS="+platform, "FUNCTIONS=announce", "SMALL=-trimpath")
		made[i] = filepath.Join(checkout, "dist", "release")
	}
	program := "wxnotify-" + runtime.GOOS + "-" + runtime.GOARCH
	want := []string{"SHA256SUMS", "announce.zip", program, "wxnotify.cdx.json"}
	for i, dir := range made {
		var names []string
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
			if i == 1 && !bytes.Equal(content(t, made[0], e.Name()), content(t, dir, e.Name())) {
				t.Errorf("%s differs from folder to folder", e.Name())
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("made %q, want %q", names, want)
		}
	}
	if said := run(t, made[0], "./"+program, "--version"); said != "v0.9.9\n" {
		t.Errorf("the program says it is %q", said)
	}
	sums := ""
	for _, name := range want[1:] {
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(content(t, made[0], name)), name)
	}
	if got := string(content(t, made[0], "SHA256SUMS")); got != sums {
		t.Errorf("the checksums are\n%s, want\n%s", got, sums)
	}
	checkSBOM(t, content(t, made[0], "wxnotify.cdx.json"))

	// A tree with changes is no version.
	checkout := filepath.Join(made[0], "..", "..")
	if err := os.WriteFile(filepath.Join(checkout, "notify.yml"), []byte("templates: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("make", "release", "PLATFORMS=", "FUNCTIONS=announce", "SMALL=-trimpath")
	cmd.Dir = checkout
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "commit them") {
		t.Errorf("a tree with changes: %v\n%s", err, out)
	}
}

// checkSBOM looks at what of a bill of materials others rely on.
func checkSBOM(t *testing.T, text []byte) {
	t.Helper()
	var bom struct {
		BOMFormat, SpecVersion string
		Metadata               struct {
			Timestamp string
			Component struct{ Name, Version string }
		}
		Components []struct {
			PURL   string
			Hashes []struct{ Alg, Content string }
		}
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	if bom.BOMFormat != "CycloneDX" || bom.SpecVersion != "1.6" || bom.Metadata.Component.Name != "wxnotify" || bom.Metadata.Component.Version != "v0.9.9" {
		t.Errorf("the bill begins %.300s", text)
	}
	found := map[string]bool{}
	for _, c := range bom.Components {
		name, _, _ := strings.Cut(c.PURL, "@")
		found[name] = len(c.Hashes) == 1 && len(c.Hashes[0].Content) == 64
	}
	for module, hashed := range map[string]bool{"github.com/gomodule/redigo": true, "github.com/tencentyun/scf-go-lib": true, "github.com/alecthomas/kong": true, "std": false} {
		if got, listed := found["pkg:golang/"+module]; !listed || got != hashed {
			t.Errorf("%s is listed: %t, with a hash: %t", module, listed, got)
		}
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func content(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
