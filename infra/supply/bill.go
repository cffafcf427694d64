package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"
)

// address returns the package URL of a module, or of a package in it.
func address(m *module, pkg string) string {
	namespace, name := path.Split(m.path)
	return packageurl.NewPackageURL(packageurl.TypeGolang, strings.TrimSuffix(namespace, "/"), name, m.version, nil, pkg).ToString()
}

// bill returns a program's bill of materials as CycloneDX JSON. It says nothing of when and where it was made: the same program gives
// the same bytes.
func bill(p *program) ([]byte, error) {
	root := p.modules[0]
	refs := map[string]string{root.path: address(root, strings.TrimPrefix(p.pkg, root.path+"/"))}
	for _, m := range p.modules[1:] {
		refs[m.path] = address(m, "")
	}
	var components []cyclonedx.Component
	var dependencies []cyclonedx.Dependency
	for _, m := range p.modules {
		c := cyclonedx.Component{
			BOMRef: refs[m.path], Type: cyclonedx.ComponentTypeLibrary, Name: m.path, Version: m.version, PackageURL: refs[m.path], Licenses: &cyclonedx.Licenses{},
		}
		for _, licence := range m.licences {
			*c.Licenses = append(*c.Licenses, cyclonedx.LicenseChoice{License: &cyclonedx.License{ID: licence}})
		}
		if m.sum != "" {
			sum, err := contents(m.sum)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.path, err)
			}
			c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: sum}}
		}
		needs := []string{}
		for _, to := range m.needs {
			needs = append(needs, refs[to])
		}
		components = append(components, c)
		dependencies = append(dependencies, cyclonedx.Dependency{Ref: c.BOMRef, Dependencies: &needs})
	}
	own, others := components[0], components[1:]
	own.Type, own.Name, own.Hashes = cyclonedx.ComponentTypeApplication, p.name(), &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: p.sum}}
	own.Properties = &[]cyclonedx.Property{}
	for _, name := range []string{"GOOS", "GOARCH", "CGO_ENABLED"} {
		*own.Properties = append(*own.Properties, cyclonedx.Property{Name: "cdx:gomod:build:env:" + name, Value: p.settings[name]})
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &own}
	bom.Components, bom.Dependencies = &others, &dependencies
	var text bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
	return text.Bytes(), err
}

// contents returns a checksum of go.sum in hexadecimal: the SHA-256 of the list of the module's files, each with its SHA-256.
func contents(sum string) (string, error) {
	text, ok := strings.CutPrefix(sum, "h1:")
	if !ok {
		return "", fmt.Errorf("the checksum %q is of a kind that is not known", sum)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	return hex.EncodeToString(raw), err
}
