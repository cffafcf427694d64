package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// standard is the module that Go's standard library goes by.
const standard = "std"

// program is what a file that go built is made of.
type program struct {
	pkg      string            // "adminassistant/functions/api"
	sum      string            // SHA-256 of the file, in hexadecimal
	settings map[string]string // of its build: "GOARCH", "-tags"
	modules  []*module         // the first is the program's own
}

// name is what people call the program: "api".
func (p *program) name() string { return path.Base(p.pkg) }

// module is one that a program has packages of.
type module struct {
	path, version string
	sum           string // as go.sum has it; "" for the program's own and the standard library
	licences      []string
	texts         []legal  // that say so
	needs         []string // paths of the modules that its packages import, sorted
}

// listed is what go list tells of a package.
type listed struct {
	ImportPath, Dir, Root string
	Standard              bool
	Imports               []string
	ImportMap             map[string]string
	Module                *struct{ Path, Version, Dir string }
}

// of returns the module that a package is in, and the module's folder.
func (l *listed) of() (path, folder string) {
	if l.Standard {
		return standard, l.Root
	}
	return l.Module.Path, l.Module.Dir
}

// open reads a program and finds the source that it was built from. It fails when that is not at hand.
func open(file, version string) (*program, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(binary)
	p := &program{pkg: info.Path, sum: hex.EncodeToString(sum[:]), settings: map[string]string{}}
	for _, s := range info.Settings {
		p.settings[s.Key] = s.Value
	}
	packages, err := p.list()
	if err != nil {
		return nil, err
	}
	linked := append([]*debug.Module{{Path: standard, Version: strings.TrimPrefix(info.GoVersion, "go")}}, info.Deps...)
	if err := same(linked, info.Main.Path, packages); err != nil {
		return nil, err
	}
	p.modules = append(p.modules, &module{path: info.Main.Path, version: version})
	for _, m := range linked {
		p.modules = append(p.modules, &module{path: m.Path, version: m.Version, sum: m.Sum})
	}
	slices.SortFunc(p.modules[1:], func(a, b *module) int { return cmp.Compare(a.path, b.path) })
	return p, describe(p.modules, packages)
}

// list returns the packages that are linked into the program.
func (p *program) list() ([]*listed, error) {
	c := exec.Command("go", "list", "-deps", "-tags", p.settings["-tags"], "-json=ImportPath,Dir,Root,Standard,Imports,ImportMap,Module", p.pkg)
	for _, name := range []string{"GOOS", "GOARCH", "CGO_ENABLED"} {
		c.Env = append(c.Environ(), name+"="+p.settings[name])
	}
	var problem bytes.Buffer
	c.Stderr = &problem
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("list its packages: %w: %s", err, bytes.TrimSpace(problem.Bytes()))
	}
	var packages []*listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		switch err := d.Decode(&l); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("list its packages: %w", err)
		}
		packages = append(packages, &l)
	}
}

// same fails when the modules that are linked are not those that the source would be built with now. The standard library's version
// is left to go, which builds with the one that it lists.
func same(linked []*debug.Module, main string, packages []*listed) error {
	now := map[string]string{}
	for _, l := range packages {
		if l.Standard {
			now[standard] = ""
		} else if l.Module.Path != main {
			now[l.Module.Path] = l.Module.Version
		}
	}
	then := map[string]string{}
	for _, m := range linked {
		if m.Replace != nil {
			return fmt.Errorf("%s is replaced, and its name does not tell by what", m.Path)
		}
		then[m.Path] = m.Version
	}
	then[standard] = ""
	if !maps.Equal(then, now) {
		return errors.New("it was built from other modules than go.mod names now; build it again")
	}
	return nil
}

// describe finds the licences of modules, and which need which.
func describe(modules []*module, packages []*listed) error {
	home := map[string]string{} // module by package
	for _, l := range packages {
		home[l.ImportPath], _ = l.of()
	}
	for _, m := range modules {
		var folder string
		var folders []string
		for _, l := range packages {
			in, root := l.of()
			if in != m.path {
				continue
			}
			folder, folders = root, append(folders, l.Dir)
			for _, imported := range l.Imports {
				if to := home[cmp.Or(l.ImportMap[imported], imported)]; to != "" && to != m.path {
					m.needs = append(m.needs, to)
				}
			}
		}
		if m.path == standard {
			folders = []string{folder} // the texts below are of what only other builds have in them
		}
		m.needs = distinct(m.needs)
		var err error
		if m.licences, m.texts, err = licences(folder, folders); err != nil {
			return fmt.Errorf("look for the licences of %s: %w", m.path, err)
		}
	}
	return nil
}
