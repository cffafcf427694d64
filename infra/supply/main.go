// Command supply tells what programs are made of: every module that is linked into them, and the licences of what is linked of it.
// It fails when a licence is not one of those that are taken, or a text is not known for a licence. What it reads is the program
// itself and, below the folder that it is run in, the source that the program was built from.
//
//	supply PROGRAM...                             list modules with versions and licences
//	supply -sbom FOLDER -version V PROGRAM...     write a bill of materials (CycloneDX) for each program into FOLDER
//	supply -texts FILE PROGRAM...                 write the texts of the licences of others' modules into FILE
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	folder := flag.String("sbom", "", "write bills of materials into this `folder`, in place of the list")
	texts := flag.String("texts", "", "write the texts of licences into this `file`, in place of the list")
	version := flag.String("version", "dev", "of the programs")
	flag.Parse()
	if err := run(os.Stdout, *folder, *texts, *version, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer, folder, texts, version string, files []string) error {
	if len(files) == 0 {
		return errors.New("name the programs")
	}
	var all []*program
	var refused []error
	for _, file := range files {
		p, err := open(file, version)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		all = append(all, p)
		for _, m := range p.modules {
			if err := m.check(); err != nil {
				refused = append(refused, err)
			}
		}
	}
	if folder == "" && texts == "" {
		list(out, all)
	}
	if len(refused) > 0 {
		slices.SortFunc(refused, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return errors.Join(slices.CompactFunc(refused, func(a, b error) bool { return a.Error() == b.Error() })...)
	}
	if texts != "" {
		if err := os.WriteFile(texts, said(all), 0o644); err != nil {
			return err
		}
	}
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, p := range all {
		text, err := bill(p)
		if err != nil {
			return fmt.Errorf("describe %s: %w", p.name(), err)
		}
		if err := os.WriteFile(filepath.Join(folder, p.name()+".cdx.json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// said are the texts of the licences of others' modules, each once, below the modules that it is of.
func said(programs []*program) []byte {
	of := map[string][]string{} // modules by text
	for _, p := range programs {
		for _, m := range p.modules[1:] {
			for _, t := range m.texts {
				of[string(t.text)] = append(of[string(t.text)], m.path+" "+m.version+", "+t.name)
			}
		}
	}
	type part struct {
		modules []string
		text    string
	}
	var parts []part
	for text, modules := range of {
		parts = append(parts, part{distinct(modules), text})
	}
	slices.SortFunc(parts, func(a, b part) int { return slices.Compare(a.modules, b.modules) })
	var b strings.Builder
	line := strings.Repeat("=", 80) + "\n"
	for _, p := range parts {
		b.WriteString(line + strings.Join(p.modules, "\n") + "\n" + line + "\n" + strings.TrimSpace(p.text) + "\n\n")
	}
	return []byte(b.String())
}

// list writes a line for each module of any of the programs.
func list(out io.Writer, programs []*program) {
	licences := map[[2]string][]string{} // by path and version
	for _, p := range programs {
		for _, m := range p.modules {
			key := [2]string{m.path, m.version}
			licences[key] = append(licences[key], m.licences...)
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, key := range slices.SortedFunc(maps.Keys(licences), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		fmt.Fprintf(table, "%s\t%s\t%s\n", key[0], key[1], strings.Join(distinct(licences[key]), ", "))
	}
	table.Flush()
}

// distinct sorts names and leaves out what is there twice.
func distinct(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
