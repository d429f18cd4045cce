package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// writeSBOM lists the modules that are linked into any of builds, and Go's standard library, in CycloneDX.
// Source: https://cyclonedx.org/docs/1.6/json/
func writeSBOM(name, version string, builds []*buildinfo.BuildInfo) error {
	components := map[string]cyclonedx.Component{}
	for _, b := range builds {
		for _, m := range append(b.Deps, &debug.Module{Path: "std", Version: strings.TrimPrefix(b.GoVersion, "go")}) {
			if m.Replace != nil {
				m = m.Replace
			}
			c := component(cyclonedx.ComponentTypeLibrary, m)
			components[c.BOMRef] = c
		}
	}
	refs := slices.Sorted(maps.Keys(components))
	ours := component(cyclonedx.ComponentTypeApplication, &debug.Module{Path: "wxnotify", Version: version})
	bom := cyclonedx.NewBOM()
	bom.SpecVersion, bom.JSONSchema = cyclonedx.SpecVersion1_6, "http://cyclonedx.org/schema/bom-1.6.schema.json"
	bom.Metadata = &cyclonedx.Metadata{Component: &ours}
	bom.Components = &[]cyclonedx.Component{}
	for _, ref := range refs {
		*bom.Components = append(*bom.Components, components[ref])
	}
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: ours.BOMRef, Dependencies: &refs}}
	var out bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return os.WriteFile(name, out.Bytes(), 0o644)
}

// component is a module of Go. Its hash is that of go.sum: of the list of its files and their hashes.
// Source: https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash
func component(of cyclonedx.ComponentType, m *debug.Module) cyclonedx.Component {
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := cyclonedx.Component{Type: of, BOMRef: purl, Name: m.Path, Version: m.Version, PackageURL: purl}
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) > 0 {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return c
}
