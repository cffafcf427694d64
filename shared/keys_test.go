package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A text that fmt makes of a struct changes with the struct's fields. Where such a text is a stored key, nothing that was stored before is found
// any more. So no text but an error's is made of a struct, and keys are written out value by value.

var (
	// formatting are the functions of fmt that make texts; those that make errors are not among them.
	formatting = []string{"Sprintf", "Appendf", "Fprintf", "Sprint", "Sprintln", "Append", "Appendln", "Fprint", "Fprintln"}
	// ofStruct are verbs that write a struct with its fields.
	ofStruct = regexp.MustCompile(`%[+#][0-9.*]*v`)
	// ofAny are verbs that write whatever they are given.
	ofAny = regexp.MustCompile(`%[-+# 0]*[0-9.*]*v`)
	// keyFunction are names of functions that make keys, or parts of them.
	keyFunction = regexp.MustCompile(`(?i)(key|keys|scope|partition|cause|lease|same|shard)$`)
	// keyField are what holds keys in an item and in a query of the store.
	keyField = []string{"PK", "SK", "IndexPK", "IndexSK"}
)

// makesKeys says whether a function makes stored keys: by its name, or by what it fills in.
func makesKeys(f *ast.FuncDecl) bool {
	if keyFunction.MatchString(f.Name.Name) {
		return true
	}
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			name, ok := n.Key.(*ast.Ident)
			found = found || ok && slices.Contains(keyField, name.Name)
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				s, ok := to.(*ast.SelectorExpr)
				found = found || ok && slices.Contains(keyField, s.Sel.Name)
			}
		}
		return !found
	})
	return found
}

// looseTexts tells of texts in a file that change with the fields of a struct, and of keys that may.
func looseTexts(name string, source []byte) (told []string, err error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, decl := range tree.Decls {
		f, isFunc := decl.(*ast.FuncDecl)
		keys := isFunc && makesKeys(f)
		ast.Inspect(decl, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if of, ok := call.Fun.(*ast.Ident); ok && of.Name == "panic" {
				return false // its text is nobody's key
			}
			called, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(formatting, called.Sel.Name) {
				return true
			}
			if of, ok := called.X.(*ast.Ident); !ok || of.Name != "fmt" {
				return true
			}
			say := func(what string) { told = append(told, files.Position(call.Pos()).String()+": "+what) }
			format := ""
			for _, arg := range call.Args {
				if text, ok := arg.(*ast.BasicLit); ok && text.Kind == token.STRING && strings.HasSuffix(called.Sel.Name, "f") {
					format, _ = strconv.Unquote(text.Value) // the parser took it
					format = strings.ReplaceAll(format, "%%", "")
					break
				}
			}
			switch {
			case ofStruct.MatchString(format):
				say("writes a struct with its fields; write its values one by one")
			case keys && !strings.HasSuffix(called.Sel.Name, "f"):
				say("makes a key of whatever it is given; name each value's verb")
			case keys && ofAny.MatchString(format):
				say("makes a key by %v; name the verb of the value")
			}
			return true
		})
	}
	return told, nil
}

func TestKeysAreWrittenOut(t *testing.T) {
	looked := 0
	for _, root := range []string{".", "../cmd", "../functions"} {
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && (entry.Name() == "testdata" || contract("shared/"+filepath.ToSlash(name))) {
				return filepath.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			source, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			told, err := looseTexts(name, source)
			for _, what := range told {
				t.Error(what)
			}
			looked++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 200 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// TestKeysThatAreNotWrittenOutAreFound shows the rule functions that were made up.
func TestKeysThatAreNotWrittenOutAreFound(t *testing.T) {
	for text, want := range map[string]string{
		`func f(o options) string { return fmt.Sprintf("%+v", o) }`:                                       "with its fields",
		`func f(o options) string { return fmt.Sprintf("%#v#%s", o, "a") }`:                               "with its fields",
		`func f(h hash.Hash, o options) { fmt.Fprintf(h, "%+v", o) }`:                                     "with its fields",
		`var text = func(o options) []byte { return fmt.Appendf(nil, "%+v", o) }`:                         "with its fields",
		`func userKey(o options) string { return fmt.Sprintf("%v", o) }`:                                  "%v",
		`func userKey(o options) string { return fmt.Sprint(o) }`:                                         "whatever",
		`func (r *Run) scope() string { return fmt.Sprintf("A#%-5v", r.options) }`:                        "%v",
		`func f(o options) store.Item { return store.Item{Key: store.Key{PK: fmt.Sprintf("U#%v", o)}} }`:  "%v",
		`func f(o options, q *store.Query) { q.PK = fmt.Sprint("U#", o) }`:                                "whatever",
		`func f(o options, i *store.Item) { i.IndexSK = fmt.Sprintf("%s#%03v", "a", o) }`:                 "%v",
		`func userKey(id string, n int) string { return fmt.Sprintf("U#%s#%03d#%x#%t", id, n, n, true) }`: "",
		`func userKey(id string) (string, error) { return "", fmt.Errorf("%+v", id) }`:                    "",
		`func f(err error) string { return fmt.Sprintf("no calendar: %v", err) }`:                         "",
		`func userKey(err error) string { panic(fmt.Sprintf("users: %v", err)) }`:                         "",
		`func f() string { return fmt.Sprintf("100%%+v") }`:                                               "",
		`func f(o options) string { return other.Sprintf("%+v", o) }`:                                     "",
	} {
		got, err := looseTexts("made_up.go", []byte("package p\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		if wrong := strings.Join(got, ""); len(got) > 1 || (wrong == "") != (want == "") || !strings.Contains(wrong, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
