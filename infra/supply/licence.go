package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// taken are the licences, by their SPDX identifiers, under which others' work may be part of a program of ours.
var taken = []string{
	"0BSD", "Apache-2.0", "blessing", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0",
	"Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "Zlib",
}

// studied are texts in which no licence is recognised, or not all, by their SHA-256, and what they say. A text that changes has to be
// read again.
var studied = map[string][]string{
	// github.com/aws/aws-lambda-go LICENSE-SUMMARY: what is written with it may be under MIT-0, it is under Apache-2.0
	"00c31061d11a7d289e3f5ac49f58b0d5cffdd9d1d24a9ee4c9848354356386bc": {"Apache-2.0", "MIT-0"},
	// go.yaml.in/yaml/v3 LICENSE: the files that come from libyaml are under MIT, all others are under Apache-2.0
	"d18f6323b71b0b768bb5e9616e36da390fbd39369a81807cca352de4e4e6aa0b": {"Apache-2.0", "MIT"},
	// modernc.org/libc LICENSE-3RD-PARTY.md: parts of Go, musl, go-netdb and nixpkgs
	"f597097efe3d97021f89170746bd3a0fb9a8b6fb26b82043ed68a4e0283bee6c": {"BSD-3-Clause", "MIT"},
	// modernc.org/memory LICENSE-LOGO: where the picture in its README is from
	"5ae5bee3072a841376451b48d8cfcec7188e10543926d5870828d36c8a750dc5": {},
	// modernc.org/sqlite LICENSE-3RD-PARTY.md: its first section tells of what is linked; MPL-2.0 is of what is not
	"4194f8e7119be72babd499db4f6f1f7547e36e8a7bffcb2b9c8df241b8f1576a": {"BSD-3-Clause", "MIT", "blessing"},
	// modernc.org/sqlite LICENSE-SQLITE: dedicated to the public domain
	"8438c9c89b849131ead81d5435cb97fcf052df5b0b286dda8a2d4c29e6cb3fd0": {"blessing"},
}

// covered is how much of a text has to be that of known licences, in percent. The rest is names and headings; a clause that
// somebody added would be more.
const covered = 90

// named are files that hold licences, by their names.
var named = regexp.MustCompile(`(?i)^(licen[cs]es?|unlicense|copying|copyright)([-._].*)?$`)

// unknown stands for a text that is not known for a licence, with the file's name and the text's SHA-256.
const unknown = "unknown: "

// recognise returns the licences that a text holds.
func recognise(name string, text []byte) []string {
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	if licences, ok := studied[digest]; ok {
		return licences
	}
	var licences []string
	scan := licensecheck.Scan(text)
	for _, match := range scan.Match {
		if !match.IsURL { // a text that names where a licence can be read
			licences = append(licences, match.ID)
		}
	}
	if len(licences) == 0 || scan.Percent < covered {
		return []string{unknown + name + " " + digest}
	}
	return licences
}

// legal is a text with licences: where it lies below its module's folder, and what it says.
type legal struct {
	name string
	text []byte
}

// licences returns the texts that apply to packages of a module, and what they say: those in a package's folder and in all above it up to the
// module's. Folders are absolute.
func licences(module string, packages []string) (found []string, texts []legal, err error) {
	seen := map[string]bool{}
	for _, folder := range packages {
		for ; !seen[folder]; folder = filepath.Dir(folder) {
			if folder != module && !strings.HasPrefix(folder, module+string(filepath.Separator)) {
				return nil, nil, fmt.Errorf("%s is not below %s", folder, module)
			}
			seen[folder] = true
			entries, err := os.ReadDir(folder)
			if err != nil {
				return nil, nil, err
			}
			for _, entry := range entries {
				if entry.IsDir() || !named.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
					continue
				}
				text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
				if err != nil {
					return nil, nil, err
				}
				found = append(found, recognise(entry.Name(), text)...)
				below, err := filepath.Rel(module, filepath.Join(folder, entry.Name()))
				if err != nil {
					return nil, nil, err
				}
				texts = append(texts, legal{filepath.ToSlash(below), text})
			}
			if folder == module {
				break
			}
		}
	}
	return distinct(found), texts, nil
}

// check fails when a module is under no licence, or under one that is not taken.
func (m *module) check() error {
	if len(m.licences) == 0 {
		return fmt.Errorf("%s %s has no licence", m.path, m.version)
	}
	for _, licence := range m.licences {
		if text, ok := strings.CutPrefix(licence, unknown); ok {
			return fmt.Errorf("%s %s has a licence that is not recognised, in %s; read it, and add it to infra/supply/licence.go", m.path, m.version, text)
		}
		if !slices.Contains(taken, licence) {
			return fmt.Errorf("%s %s is under %s, which is not a licence that is taken (infra/supply/licence.go)", m.path, m.version, licence)
		}
	}
	return nil
}
