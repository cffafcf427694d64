package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	isc = `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that
the above copyright notice and this permission notice appear in all copies.
THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY
DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION,
ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`
	wtfpl = `DO WHAT THE FUCK YOU WANT TO PUBLIC LICENSE
TERMS AND CONDITIONS FOR COPYING, DISTRIBUTION AND MODIFICATION
0. You just DO WHAT THE FUCK YOU WANT TO.
`
	rider = `Nobody who sells things, or who works for somebody who sells things, may use any of it for more than thirty days without writing a letter.
`
)

// build compiles this package's own program.
func build(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "supply")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func TestTheModulesOfAProgramAreListedWithTheirLicences(t *testing.T) {
	var out bytes.Buffer
	must(t, run(&out, "", "", "v1", []string{build(t)}))
	for _, line := range []string{
		`adminassistant +v1 +Apache-2\.0`,
		`github\.com/CycloneDX/cyclonedx-go +v\S+ +Apache-2\.0`,
		`github\.com/google/licensecheck +v\S+ +BSD-3-Clause`,
		`github\.com/package-url/packageurl-go +v\S+ +MIT`,
		`std +\d\S+ +BSD-3-Clause`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).Match(out.Bytes()) {
			t.Errorf("no line is like %s", line)
		}
	}
	if strings.Contains(out.String(), "go-cmp") {
		t.Error("lists what only tests need")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestTheSameProgramGivesTheSameBillOfMaterials(t *testing.T) {
	file := build(t)
	write := func() []byte {
		folder := filepath.Join(t.TempDir(), "sbom")
		var out bytes.Buffer
		must(t, run(&out, folder, "", "v1", []string{file}))
		if out.Len() > 0 {
			t.Errorf("says %q", out.String())
		}
		text, err := os.ReadFile(filepath.Join(folder, "supply.cdx.json"))
		must(t, err)
		return text
	}
	text := write()
	if !bytes.Equal(text, write()) {
		t.Error("the second is another")
	}
	var bom cyclonedx.BOM
	must(t, cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(&bom))
	if bom.SerialNumber != "" || bom.Metadata.Timestamp != "" {
		t.Error("tells when it was made")
	}
	own := bom.Metadata.Component
	p, err := open(file, "v1")
	must(t, err)
	if own.Name != "supply" || own.PackageURL != "pkg:golang/adminassistant@v1#infra/supply" || (*own.Hashes)[0].Value != p.sum {
		t.Errorf("describes %+v", own)
	}
	refs := []string{own.BOMRef}
	for _, c := range *bom.Components {
		refs = append(refs, c.BOMRef)
		if len(*c.Licenses) == 0 || c.Name != standard && len((*c.Hashes)[0].Value) != 64 {
			t.Errorf("%s has no licence or no checksum", c.Name)
		}
	}
	if len(refs) != len(p.modules) {
		t.Errorf("%d components, and %d modules", len(refs), len(p.modules))
	}
	reached := map[string]bool{own.BOMRef: true}
	for _, d := range *bom.Dependencies {
		if d.Dependencies == nil {
			continue
		}
		for _, to := range *d.Dependencies {
			if to == d.Ref {
				t.Errorf("%s needs itself", to)
			}
			reached[to] = true
		}
	}
	for _, ref := range refs {
		if !reached[ref] {
			t.Errorf("nothing needs %s", ref)
		}
		delete(reached, ref)
	}
	if len(reached) > 0 {
		t.Errorf("needs what it does not have: %v", reached)
	}
}

func TestALicenceThatIsNotTakenIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"taken":                             {map[string]string{"LICENSE": isc}, ""},
		"none":                              {map[string]string{"README": isc}, "has no licence"},
		"not on the list":                   {map[string]string{"LICENSE": wtfpl}, "is under WTFPL"},
		"not recognised":                    {map[string]string{"COPYING.txt": "All rights reserved."}, "in COPYING.txt "},
		"with a clause of their own":        {map[string]string{"LICENSE.md": isc + rider}, "not recognised"},
		"two, and one is not on the list":   {map[string]string{"LICENSE": isc, "LICENSE-PART": wtfpl}, "is under WTFPL"},
		"a linked package's own":            {map[string]string{"LICENSE": isc, "linked/licence": wtfpl}, "is under WTFPL"},
		"of the folder between":             {map[string]string{"LICENSE": isc, "linked/UNLICENSE": wtfpl, "linked/deep/a.go": ""}, "is under WTFPL"},
		"a package's that is not linked":    {map[string]string{"LICENSE": isc, "other/LICENSE": wtfpl}, ""},
		"naming where another can be read":  {map[string]string{"LICENSE": isc + "https://www.gnu.org/licenses/agpl.txt\n"}, ""},
		"source, by its name":               {map[string]string{"LICENSE": isc, "license_text.go": wtfpl}, ""},
		"another file that begins the same": {map[string]string{"LICENSE": isc, "licensed": wtfpl}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			must(t, os.MkdirAll(filepath.Join(folder, "linked", "deep"), 0o755))
			for name, text := range test.files {
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755))
				must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
			}
			found, texts, err := licences(folder, []string{folder, filepath.Join(folder, "linked", "deep")})
			must(t, err)
			for _, text := range texts {
				if test.files[text.name] != string(text.text) {
					t.Errorf("%s is told as %q", text.name, text.text)
				}
			}
			err = (&module{path: "example.com/a", version: "v1", licences: found}).check()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestTheTextsOfLicencesAreWrittenEachOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "LICENSES")
	var out bytes.Buffer
	must(t, run(&out, "", file, "v1", []string{build(t)}))
	text, err := os.ReadFile(file)
	must(t, err)
	if out.Len() > 0 {
		t.Errorf("it printed %s", out.String())
	}
	for _, part := range []string{
		`github\.com/google/licensecheck v\S+, LICENSE\n`, `\nstd 1\.\S+, LICENSE\n`, `Redistribution and use in source and binary forms`, `Apache License\n`,
	} {
		if !regexp.MustCompile(part).Match(text) {
			t.Errorf("nothing is like %s", part)
		}
	}
	if bytes.Contains(text, []byte("adminassistant v1")) {
		t.Error("our own licence is among those of others")
	}
	parts := strings.Split(string(text), strings.Repeat("=", 80)+"\n\n")[1:]
	for i, part := range parts {
		part, _, _ = strings.Cut(part, strings.Repeat("=", 80))
		if slices.ContainsFunc(parts[i+1:], func(other string) bool { return strings.HasPrefix(other, part) }) {
			t.Errorf("a text is there twice: %.80s", part)
		}
	}
	again := filepath.Join(t.TempDir(), "LICENSES")
	must(t, run(&out, "", again, "v1", []string{build(t)}))
	if other, err := os.ReadFile(again); err != nil || !bytes.Equal(text, other) {
		t.Errorf("a second time it is another file: %v", err)
	}
}

func TestATextThatSomebodyReadCountsUntilItChanges(t *testing.T) {
	const logo = "https://commons.wikimedia.org/wiki/File:Memory_infra_logo.png\n"
	if got := recognise("LICENSE-LOGO", []byte(logo)); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	if got := recognise("LICENSE-LOGO", []byte(logo+"\n")); len(got) != 1 || !strings.HasPrefix(got[0], unknown+"LICENSE-LOGO ") {
		t.Errorf("got %q", got)
	}
}

func TestAProgramOfOtherModulesIsRefused(t *testing.T) {
	var packages []*listed
	must(t, json.Unmarshal([]byte(`[{"Standard": true}, {"Module": {"Path": "main"}}, {"Module": {"Path": "a", "Version": "v1"}}]`), &packages))
	for name, test := range map[string]struct {
		linked []*debug.Module
		want   string
	}{
		"the same":          {[]*debug.Module{{Path: standard, Version: "1"}, {Path: "a", Version: "v1"}}, ""},
		"another version":   {[]*debug.Module{{Path: standard, Version: "1"}, {Path: "a", Version: "v2"}}, "build it again"},
		"one less":          {[]*debug.Module{{Path: standard, Version: "1"}}, "build it again"},
		"one more":          {[]*debug.Module{{Path: standard, Version: "1"}, {Path: "a", Version: "v1"}, {Path: "b", Version: "v1"}}, "build it again"},
		"one that replaces": {[]*debug.Module{{Path: standard, Version: "1"}, {Path: "a", Version: "v1", Replace: &debug.Module{Path: "b"}}}, "a is replaced"},
	} {
		err := same(test.linked, "main", packages)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// lockfile is what npm installs by.
type lockfile struct {
	Packages map[string]struct{ Version, Resolved, Integrity string }
}

// loose tells what of a lock file could be another thing than it was, or comes from a place that the file names.
func loose(name string, text []byte) (problems []string) {
	if filepath.Base(name) == "package-lock.json" {
		var lock lockfile
		if err := json.Unmarshal(text, &lock); err != nil {
			return []string{err.Error()}
		}
		for of, p := range lock.Packages {
			if of != "" && (p.Version == "" || !strings.HasPrefix(p.Integrity, "sha512-") || p.Resolved != "") {
				problems = append(problems, of)
			}
		}
		return problems
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\\\n", ""), "\n")
	for _, line := range lines {
		pinned := regexp.MustCompile(`^[a-z0-9-]+==\S+( ; [^-]*)?(\s+--hash=sha256:[0-9a-f]{64})+$`)
		if line != "" && !strings.HasPrefix(line, "#") && !pinned.MatchString(strings.TrimSpace(line)) {
			problems = append(problems, line)
		}
	}
	return problems
}

func TestEveryPackageOfALockFileHasAChecksum(t *testing.T) {
	var files []string
	must(t, filepath.WalkDir(filepath.Join("..", ".."), func(name string, entry fs.DirEntry, err error) error {
		base := entry.Name()
		if err == nil && entry.IsDir() && (strings.HasPrefix(base, ".") && base != ".." || base == "node_modules" || base == "dist") {
			return filepath.SkipDir
		}
		if base == "requirements.txt" || base == "package-lock.json" {
			files = append(files, name)
		}
		return err
	}))
	if len(files) < 3 {
		t.Errorf("found only %q", files)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		must(t, err)
		for _, problem := range loose(name, text) {
			t.Errorf("%s: %s", name, problem)
		}
	}
	sum := strings.Repeat("0a", 32)
	for name, want := range map[string][]string{
		"requirements.txt": {"a>=1 --hash=sha256:" + sum, "b==1", "--index-url x"},
	} {
		if diff := cmp.Diff(want, loose(name, []byte("# made\nok==1 \\\n    --hash=sha256:"+sum+"\n"+strings.Join(want, "\n")+"\n"))); diff != "" {
			t.Error(diff)
		}
	}
	got := loose("package-lock.json", []byte(`{"packages": {"": {}, "a": {"version": "1", "integrity": "sha512-x"}, "b": {"version": "1"},
		"c": {"version": "1", "integrity": "sha512-x", "resolved": "y"}, "d": {"version": "1", "integrity": "sha1-x"}}}`))
	slices.Sort(got)
	if diff := cmp.Diff([]string{"b", "c", "d"}, got); diff != "" {
		t.Error(diff)
	}
}
