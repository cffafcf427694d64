// Package shared_test enforces what the packages of the module may import and call.
package shared_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "adminassistant/"

// file is what the rules have to know of a Go file. Packages of the module are named without the module's name.
type file struct {
	dir     string // "shared/ledger"
	name    string
	pkg     string // the name after "package"
	imports []string
	calls   []string // what it uses of the watched: "time.Now"
	keys    []string // texts with which users' keys begin
	sets    []string // what it changes of other packages after the start: "browser.Stdout"
}

func (f *file) test() bool { return strings.HasSuffix(f.name, "_test.go") || contract(f.dir) }

// watched are the functions that read the clock and the environment, and what is needed to store something.
var watched = map[string][]string{
	"time":  {"Now", "Since", "Until"},
	"os":    {"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
	storing: {"Table", "Item", "Key", "Op", "Query", "All", "Clear", "Remove"},
}

const storing = module + "shared/store"

// parse reads a file's imports and calls.
func parse(dir, name string, source []byte) (file, error) {
	tree, err := parser.ParseFile(token.NewFileSet(), path.Join(dir, name), source, 0)
	if err != nil {
		return file{}, err
	}
	f := file{dir: dir, name: name, pkg: tree.Name.Name}
	names := map[string]string{} // package by the name that it has in the file
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, strings.TrimPrefix(imported, module))
		switch {
		case spec.Name == nil:
			names[path.Base(imported)] = imported
		case spec.Name.Name == "." && watched[imported] != nil:
			f.calls = append(f.calls, imported+".*") // whatever it calls cannot be told
		default:
			names[spec.Name.Name] = imported
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(watched[names[x.Name]], s.Sel.Name) {
				f.calls = append(f.calls, names[x.Name]+"."+s.Sel.Name)
			}
		}
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil && strings.HasPrefix(text, "USER#") {
				f.keys = append(f.keys, text)
			}
		}
		return true
	})
	for _, decl := range tree.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok && d.Body != nil && !(d.Recv == nil && d.Name.Name == "init") {
			f.sets = append(f.sets, sets(d.Body, names)...)
		}
	}
	return f, nil
}

// sets are the variables of other packages that a function sets, and the calls by which it changes what a package keeps for the whole process.
func sets(body ast.Node, names map[string]string) (told []string) {
	of := func(e ast.Expr) string {
		if s, ok := e.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Obj == nil && names[x.Name] != "" { // Obj: something of the file itself
				return x.Name + "." + s.Sel.Name
			}
		}
		return ""
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				if name := of(to); name != "" {
					told = append(told, name)
				}
			}
		case *ast.CallExpr:
			if name := of(n.Fun); strings.HasPrefix(name, "cobra.AddTemplateFunc") || name == "slog.SetDefault" {
				told = append(told, name)
			}
		}
		return true
	})
	return told
}

// within says whether a package is one of dirs or below it.
func within(dir string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return dir == d || strings.HasPrefix(dir, d+"/") })
}

// contract says whether a package holds what only tests need: the contract tests of a port, or what runs the real thing for them.
func contract(dir string) bool {
	return within(dir, "shared", "functions") && strings.HasSuffix(path.Base(dir), "test")
}

var (
	// programs may import all but each other.
	programs = []string{"functions", "cmd", "infra"}
	adapters = []string{
		"shared/store/sqlite", "shared/store/dynamo", "shared/queue/sqlite", "shared/queue/sqs", "shared/blob/folder", "shared/blob/s3",
		"shared/timesheet/pdf", "shared/timesheet/xlsx", "shared/secret/kms", "shared/secret/keyfile",
		"shared/mail/ses", "shared/mail/outbox", "shared/witness", "shared/stamp/authority",
		"shared/calendar/graph", "shared/calendar/local", "shared/calendar/graphsim", "shared/account/entrasim", "shared/account/webidentity",
	}
	// translators make calls of requests, and answers of what the calls return. They store nothing.
	translators = []string{"shared/httpapi", "shared/web"}
	// shelves hold what adapters share; nobody else needs them.
	shelves = []string{"shared/store/sqlitefile", "shared/awssdk", "shared/disk", "shared/mail/message"}
	// ground is what capabilities stand on.
	ground = []string{
		"shared/calendar", "shared/ledger", "shared/run", "shared/store", "shared/queue", "shared/blob", "shared/secret", "shared/mail",
		"shared/fault", "shared/pause", "shared/phrase", "shared/plaintext", "shared/strictjson", "shared/telemetry",
	}
	badNames = []string{"util", "utils", "common", "helper", "helpers", "base", "manager", "models", "types", "interfaces"}
)

// The levels of the module; imports point down, or stay on a level.
const (
	level0 = iota // ground
	level1        // capabilities
	level2        // httpapi
	level3        // app
	level4        // programs
)

func level(dir string) int {
	switch {
	case within(dir, programs...):
		return level4
	case within(dir, "shared/app"):
		return level3
	case within(dir, "shared/httpapi", "shared/web"):
		return level2
	case within(dir, ground...):
		return level0
	}
	return level1
}

// violations tells what is wrong with the files, each as "<dir>/<name>: <what>".
func violations(files []file) []string {
	var told []string
	for i := range files {
		f := &files[i]
		say := func(format string, args ...any) {
			told = append(told, path.Join(f.dir, f.name)+": "+fmt.Sprintf(format, args...))
		}
		adapter, app, program := within(f.dir, adapters...), within(f.dir, "shared/app"), within(f.dir, programs...)
		for _, part := range append(strings.Split(f.dir, "/"), strings.TrimSuffix(f.pkg, "_test")) {
			if slices.Contains(badNames, part) {
				say("%s says nothing about what the package knows", part)
				break
			}
		}
		for _, to := range f.imports {
			own := within(to, f.dir) || within(f.dir, to) || f.dir == "cmd/graphsim" && to == "shared/calendar/graphsim" // its own program
			switch {
			case within(to, programs...) && strings.Split(to, "/")[0] != strings.Split(f.dir, "/")[0] && !(f.test() && contract(to)):
				say("imports the program %s", to)
			case within(to, "github.com/microsoftgraph", "github.com/microsoft/kiota") && !within(f.dir, "shared/calendar/graph"):
				say("imports %s, which only shared/calendar/graph may", to)
			case f.test():
			case contract(to):
				say("imports %s, which only tests may", to)
			case !strings.HasPrefix(to, "shared/"):
			case within(to, adapters...) && !app && !own:
				say("imports the adapter %s", to)
			case within(to, "shared/web") && within(f.dir, "shared/httpapi"):
				say("imports the pages, which are handed to it")
			case within(to, shelves...) && !adapter && !app && !own:
				say("imports %s, which only adapters may", to)
			case level(to) > level(f.dir) && !(adapter && level(to) == level1): // an adapter knows whom it serves
				say("imports %s, which stands above it", to)
			}
		}
		for _, call := range f.calls {
			clock := strings.HasPrefix(call, "time.")
			switch {
			case strings.HasPrefix(call, storing):
				if within(f.dir, translators...) && !f.test() {
					say("uses %s, and is to translate alone", strings.TrimPrefix(call, module))
				}
			case f.test(), app, adapter, within(f.dir, shelves...), within(f.dir, "cmd"):
			case program && !clock && within(f.dir, "infra"): // has its settings from there, and no app
			default:
				say("uses %s", call)
			}
		}
		for _, name := range f.sets {
			if !f.test() {
				say("sets %s after the start, and others may be at it", name)
			}
		}
		for _, key := range f.keys {
			if !f.test() && f.dir != "shared/store" {
				say("writes %q, which store.OfUser does", key)
			}
		}
	}
	return told
}

func TestHouseRules(t *testing.T) {
	var files []file
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != ".." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" || base == "dist") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel("..", filepath.Dir(name))
		if err != nil {
			return err
		}
		f, err := parse(filepath.ToSlash(dir), base, source)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"shared", "shared/archive", "shared/ledger", "shared/store/sqlite"} {
		if !slices.ContainsFunc(files, func(f file) bool { return f.dir == dir }) {
			t.Errorf("no file of %s was looked at", dir)
		}
	}
	for _, v := range violations(files) {
		t.Error(v)
	}
}

// TestHouseRulesCanBeBroken shows the rules files that were made up.
func TestHouseRulesCanBeBroken(t *testing.T) {
	for _, c := range []struct {
		file string // where it is
		text string
		want string // part of what is wrong; empty when nothing is
	}{
		{"shared/ledger/a.go", `package ledger; import "adminassistant/shared/store"`, ""},
		{"shared/archive/a.go", `package archive; import ("adminassistant/shared/ledger"; "adminassistant/shared/rule")`, ""},
		{"shared/httpapi/a.go", `package httpapi; import ("adminassistant/shared/archive"; "adminassistant/shared/run")`, ""},
		{"shared/archive/a.go", `package archive; import "adminassistant/shared/decision"`, ""},
		{"shared/httpapi/web/a.go", `package web; import "adminassistant/shared/httpapi"`, ""},
		{"shared/web/a.go", `package web; import ("adminassistant/shared/httpapi"; "adminassistant/shared/archive")`, ""},
		{"shared/httpapi/a.go", `package httpapi; import "adminassistant/shared/web"`, "the pages"},
		{"shared/archive/a.go", `package archive; import "adminassistant/shared/web"`, "above"},
		{"functions/api/main.go", `package main; import ("adminassistant/shared/app"; "adminassistant/shared/httpapi"; "adminassistant/shared/archive")`, ""},
		{"cmd/admin-assistant/main.go", `package main; import "adminassistant/cmd/admin-assistant/table"`, ""},

		{"shared/ledger/a.go", `package ledger; import "adminassistant/shared/archive"`, "above"},
		{"shared/run/a_b.go", `package run; import "adminassistant/shared/account"`, "above"},
		{"shared/calendar/ics/a.go", `package ics; import "adminassistant/shared/backup"`, "above"},
		{"shared/archive/a.go", `package archive; import "adminassistant/shared/httpapi"`, "above"},
		{"shared/archive/a.go", `package archive; import "adminassistant/shared/app"`, "above"},
		{"shared/decision/a.go", `package decision; import "adminassistant/shared/httpapi"`, "above"},
		{"shared/httpapi/a.go", `package httpapi; import "adminassistant/shared/app"`, "above"},
		{"shared/store/sqlite/a.go", `package sqlite; import "adminassistant/shared/app"`, "above"},
		{"shared/mail/ses/a.go", `package ses; import "adminassistant/shared/httpapi"`, "above"},
		{"shared/mail/ses/a.go", `package ses; import "adminassistant/shared/notify"`, ""},

		{"shared/archive/a.go", `package archive; import "adminassistant/cmd/admin-assistant"`, "program"},
		{"shared/app/a.go", `package app; import "adminassistant/functions/api"`, "program"},
		{"cmd/admin-assistant/main.go", `package main; import "adminassistant/functions/api"`, "program"},
		{"cmd/admin-assistant/main_test.go", `package main; import "adminassistant/functions/api"`, "program"},

		{"shared/app/a.go", `package app; import ("adminassistant/shared/store/dynamo"; "adminassistant/shared/calendar/graph")`, ""},
		{"shared/ledger/a_test.go", `package ledger; import "adminassistant/shared/store/sqlite"`, ""},
		{"shared/ledger/a.go", `package ledger; import "adminassistant/shared/store/sqlite"`, "adapter"},
		{"shared/httpapi/a.go", `package httpapi; import "adminassistant/shared/mail/outbox"`, "adapter"},
		{"cmd/admin-assistant/main.go", `package main; import "adminassistant/shared/calendar/graphsim"`, "adapter"},
		{"cmd/graphsim/main.go", `package main; import "adminassistant/shared/calendar/graph"`, "adapter"},
		{"cmd/graphsim/main.go", `package main; import "adminassistant/shared/calendar/graphsim"`, ""},
		{"functions/api/main.go", `package main; import "adminassistant/shared/secret/kms"`, "adapter"},
		{"shared/archive/a.go", `package archive; import "adminassistant/shared/witness"`, "adapter"},
		{"infra/data/a.go", `package data; import "adminassistant/shared/store/dynamo"`, "adapter"},
		{"shared/calendar/graph/a.go", `package graph; import "adminassistant/shared/calendar/graphsim"`, "adapter"},
		{"shared/calendar/graph/a.go", `package graph; import "adminassistant/shared/calendar/graph/batch"`, ""},
		{"shared/calendar/local/a.go",
			`package local; import ("adminassistant/shared/calendar/ics"; "adminassistant/shared/calendar/series"; "adminassistant/shared/store")`, ""},
		{"shared/queue/sqlite/a.go", `package sqlite; import "adminassistant/shared/store/sqlite"`, "adapter"},
		{"shared/queue/sqlite/a.go", `package sqlite; import "adminassistant/shared/store/sqlitefile"`, ""},
		{"shared/archive/a.go", `package archive; import "adminassistant/shared/store/sqlitefile"`, "only adapters"},

		{"shared/store/sqlite/a_test.go", `package sqlite; import "adminassistant/shared/store/storetest"`, ""},
		{"shared/store/sqlite/a.go", `package sqlite; import "adminassistant/shared/store/storetest"`, "only tests"},
		{"shared/app/a.go", `package app; import "adminassistant/shared/calendar/providertest"`, "only tests"},

		{"functions/api/main.go", `package main; import "adminassistant/functions/lambdatest"`, "only tests"},

		{"shared/calendar/graph/a.go", `package graph; import "github.com/microsoftgraph/msgraph-sdk-go/users"`, ""},
		{"shared/calendar/graph/auth/a.go", `package auth; import "github.com/microsoftgraph/msgraph-sdk-go-core"`, ""},
		{"shared/calendar/graphsim/a.go", `package graphsim; import "github.com/microsoftgraph/msgraph-sdk-go/models"`, "only shared/calendar/graph"},
		{"shared/calendar/graphsim/a_test.go", `package graphsim; import "github.com/microsoftgraph/msgraph-sdk-go"`, "only shared/calendar/graph"},
		{"shared/app/a.go", `package app; import "github.com/microsoftgraph/msgraph-sdk-go"`, "only shared/calendar/graph"},

		{"shared/app/a.go", `package app; import "time"; var clock = time.Now`, ""},
		{"shared/store/dynamo/a.go", `package dynamo; import "time"; var started = time.Now()`, ""},
		{"cmd/admin-assistant/main.go", `package main; import ("os"; "time"); func main() { _, _ = os.Getenv("HOME"), time.Now() }`, ""},
		{"shared/archive/a_test.go", `package archive; import "time"; var now = time.Now()`, ""},
		{"shared/blob/blobtest/a.go", `package blobtest; import "time"; var now = time.Now()`, ""},
		{"functions/lambdatest/a.go", `package lambdatest; import ("os"; "time"); var all, now = os.Environ(), time.Now()`, ""},
		{"functions/archive/a_test.go", `package main; import "adminassistant/functions/lambdatest"`, ""},
		{"cmd/admin-assistant/a_test.go", `package main; import "adminassistant/functions/lambdatest"`, ""},
		{"cmd/admin-assistant/a.go", `package main; import "adminassistant/functions/lambdatest"`, "imports the program"},
		{"infra/settings.go", `package main; import "os"; var account = os.Getenv("CDK_DEFAULT_ACCOUNT")`, ""},
		{"infra/settings.go", `package main; import "time"; var now = time.Now()`, "time.Now"},
		{"functions/api/main.go", `package main; import "os"; var stage = os.Getenv("STAGE")`, "os.Getenv"},
		{"shared/archive/a.go", `package archive; import "time"; func f() time.Time { return time.Now() }`, "time.Now"},
		{"shared/archive/a.go", `package archive; import "time"; var clock = time.Now`, "time.Now"},
		{"shared/archive/a.go", `package archive; import clock "time"; var now = clock.Now()`, "time.Now"},
		{"shared/archive/a.go", `package archive; import . "time"; var now = Now()`, "time.*"},
		{"shared/run/a.go", `package run; import "time"; func f(t time.Time) time.Duration { return time.Since(t) }`, "time.Since"},
		{"shared/httpapi/a.go", `package httpapi; import "os"; var home, ok = os.LookupEnv("HOME")`, "os.LookupEnv"},
		{"shared/ledger/a.go", `package ledger; import "os"; var all = os.Environ()`, "os.Environ"},
		{"shared/archive/a.go", `package archive; type c struct{ Now func() int }; func f(time c) int { return time.Now() }`, ""},
		{"shared/archive/a.go", `package archive; import "time"; func f() { time.Sleep(time.Second) }`, ""},

		{"cmd/x/a.go", `package main; import "github.com/pkg/browser"; func init() { browser.Stdout = nil }`, ""},
		{"cmd/x/a.go", `package main; import "github.com/pkg/browser"; func main() { browser.Stdout = nil }`, "sets browser.Stdout"},
		{"cmd/x/a.go", `package main; import b "github.com/pkg/browser"; func f() { _, b.Stdout = 1, nil }`, "sets b.Stdout"},
		{"cmd/x/a_test.go", `package main; import "github.com/pkg/browser"; func f() { browser.Stdout = nil }`, ""},
		{"cmd/x/a.go", `package main; import "github.com/pkg/browser"; func f(browser *T) { browser.Stdout = nil }`, ""},
		{"cmd/x/a.go", `package main; import "github.com/spf13/cobra"; func (T) init() { cobra.AddTemplateFuncs(nil) }`, "sets cobra.AddTemplateFuncs"},

		{"shared/job/a.go", `package job; func f(user string) string { return "USER#" + user }`, "store.OfUser"},
		{"cmd/admin-assistant/a.go", "package main; const user = `USER#%s`", "store.OfUser"},
		{"shared/job/a_test.go", `package job; func f(user string) string { return "USER#" + user }`, ""},
		{"shared/store/a.go", `package store; func f(user string) string { return "USER#" + user }`, ""},
		{"shared/store/dynamo/a.go", `package dynamo; func f(user string) string { return "USER#" + user }`, "store.OfUser"},
		{"shared/job/a.go", `package job; func f(user string) string { return "SUPERUSER#" + user } // "USER#"`, ""},
		{"shared/httpapi/a.go", `package httpapi; import "adminassistant/shared/store"; var x = store.ErrConflict`, ""},
		{"shared/httpapi/a.go", `package httpapi; import "adminassistant/shared/store"; type s struct{ t store.Table }`, "translate alone"},
		{"shared/web/a.go", `package web; import "adminassistant/shared/store"; var k = store.Key{}`, "translate alone"},
		{"shared/httpapi/a_test.go", `package httpapi; import "adminassistant/shared/store"; type s struct{ t store.Table }`, ""},
		{"shared/idempotency/a.go", `package idempotency; import "adminassistant/shared/store"; type s struct{ t store.Table }`, ""},

		{"shared/util/a.go", `package util`, "util"},
		{"shared/archive/helpers/a.go", `package fine`, "helpers"},
		{"shared/archive/fine/a.go", `package types`, "types"},
		{"shared/common/a_test.go", `package common_test`, "common"},
		{"shared/database/a.go", `package database`, ""},
	} {
		t.Run(c.file+" "+c.text, func(t *testing.T) {
			f, err := parse(path.Dir(c.file), path.Base(c.file), []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			got := violations([]file{f})
			want := 1
			if c.want == "" {
				want = 0
			}
			if len(got) != want || !strings.Contains(strings.Join(got, ""), c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("each file is named with what is wrong with it", func(t *testing.T) {
		got := violations([]file{
			{dir: "shared/ledger", name: "good.go", pkg: "ledger", imports: []string{"fmt"}},
			{dir: "shared/ledger", name: "bad.go", pkg: "ledger", imports: []string{"shared/archive", "shared/store/sqlite"}, calls: []string{"time.Now"}},
		})
		want := []string{
			"shared/ledger/bad.go: imports shared/archive, which stands above it",
			"shared/ledger/bad.go: imports the adapter shared/store/sqlite",
			"shared/ledger/bad.go: uses time.Now",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
