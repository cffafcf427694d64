package phrase

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestAFailureIsSaidInTheReadersLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"timezone is an unknown time zone: \"Berlin\"":                                 "Diese Zeitzone gibt es nicht; schreiben Sie sie wie Europe/Berlin.",
		"schedule.every is \"* * * * *\", which comes more often than every 5 minutes": "Das käme öfter als alle 5 Minuten.",
		"has 7 lines: at most 6":                                                       "Das sind 7 Zeilen, höchstens 6 sind erlaubt.",
		"emails line 2 is no e-mail address":                                           "Zeile 2: Ist keine E-Mail-Adresse; schreiben Sie sie wie anna@example.com.",
		"line 7: the file is empty":                                                    "Zeile 7: Die Datei ist leer.",
		"dial tcp: no such host":                                                       "Auf Englisch gemeldet: „dial tcp: no such host“.",
		"":                                                                             "",
	} {
		if got := German.Failure(text); got != want {
			t.Errorf("%q is %q, should be %q", text, got, want)
		}
		if got := English.Failure(text); got != text {
			t.Errorf("%q is %q in English", text, got)
		}
	}
}

// TestAPatternTakesWhatStandsForItsStars matches texts by hand.
func TestAPatternTakesWhatStandsForItsStars(t *testing.T) {
	for _, c := range []struct {
		text, pattern string
		values        []string
		fits          bool
	}{
		{"a b c", "b", nil, true}, {"a b c", "d", nil, false}, {"a b c", "a * c", []string{"b"}, true}, {"a b c", "a *", []string{"b c"}, true},
		{"a b c", "*c", []string{"a b "}, true}, {"a b c", "c * a", nil, false}, {"a b c d", "* b * d", []string{"a", "c"}, true}, {"a b", "a * c", nil, false},
	} {
		if values, fits := match(c.text, c.pattern); fits != c.fits || fits && !slices.Equal(values, c.values) {
			t.Errorf("%q by %q: %q, %v", c.text, c.pattern, values, fits)
		}
	}
}

// unread are packages whose failures no page shows: their texts are of settings of an installation, of what programs send, of files that the command line
// reads, or of what an adapter says to its caller.
var unread = []string{
	"account/bearer", "account/microsoft", "account/msal", "account/webidentity", "account/entrasim", "app", "assistant", "awssdk", "blob", "calendar/graphsim",
	"calendar/reality", "datafolder", "disk", "flag", "idempotency", "mail/ses", "mail/outbox", "migration", "proof", "queue", "secret", "signing", "stamp",
	"store", "strictjson", "telemetry", "witness", "localkey", "asked", "ledger", "mail",
}

// unsaid are texts of other packages that no page shows.
var unsaid = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`\?`, `%[sw]`, `%[sw]: %w`, `%s %s`, `line %d %s`, `line %d: %w`, `line %d, column %d: %w`, `event %.200q: %w`, `exceptions\[%d\]: %w`,
	// of an API or the command line alone
	`the decisions are null, and should be an array`, `look_back and create_calendar are missing`, `to erase yourself, use DELETE /v1/me`,
	`must begin with https://.*`, `must have a secret, a certificate.*`, `needs exactly one way to sign in.*`, `the events (?:are|must).*`,
	`there is more text after the events.*`, `must be an array`, `must be your own object id.*`, `%s GET %s says which.*`, `has over %d bytes`,
	`has to be the path of a page here.*`, `is %.20q: there is %s alone`, `is a file of %s; an iCalendar.*`, `is for mode adopt`,
	`is of runs without a config; leave config out`, `is one of %s; only local.*`, `must be repair or adopt.*`, `names a calendar of %s; only local.*`,
	`names its account itself.*`, `or key must be given.*`, `are of actions about appointments.*`, `all of it takes longer.*`, `no authority is asked.*`,
	`run %s has no plan; it is %s`, `cannot be written: %v`, `there are two entries with the key.*`, `this is no timesheet as.*`,
	`has more seconds than there are`, `%q may be any of %d.*`,
	`belongs to no position of its sheet`, `has a start and end that are none.*`, `of an all-day appointment must be after.*`, `the end is before the start`,
	`must have two days, from and to.*`, `must be %s`, `is an %w`,
	// of decisions that pages make right
	`are given by another verdict.*`, `cannot be changed by a merge.*`, `cannot be merged into.*`, `does not stand itself.*`, `has a verdict already.*`,
	`is among what was seen.*`, `is created already.*`, `is no participant.*`, `is not among what was seen.*`, `is the id of an earlier decision.*`,
	`is the one that is dropped`, `must have one field at least.*`,
	// that another text says for them
	`series is there, but not as it was at %s: %w`, `the series is there, but not as it was at %s: %w`,
}, "|") + `)$`)

// shown are the kinds of failures whose texts are about what a person did. Of the others the page says in general what is wrong.
var shown = []string{"Field", "Invalid", "NotFound", "Conflict", "Forbidden", "Unauthenticated", "Throttled", "Locked"}

var verb = regexp.MustCompile(`%[.\d]*[a-z]`)

// TestEveryFailureThatAPageMayShowIsThereInGerman reads the texts of failures out of the module's source.
func TestEveryFailureThatAPageMayShowIsThereInGerman(t *testing.T) {
	n := 0
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "../")
		ast.Inspect(tree, func(node ast.Node) bool {
			kind, text := failureOf(node)
			within := func(d string) bool { return dir == d || strings.HasPrefix(dir, d+"/") }
			if !slices.Contains(shown, kind) || unsaid.MatchString(text) || slices.ContainsFunc(unread, within) {
				return true
			}
			n++
			if _, known := german(verb.ReplaceAllString(text, "17")); !known {
				t.Errorf("%s: %q has no German", dir, text)
			}
			return true
		})
		return nil
	})
	if err != nil || n < 300 {
		t.Errorf("%d texts, %v", n, err)
	}
}

// signInCodes are the codes of problems that a page of a sign-in shows.
var signInCodes = []string{"codeSignIn", "codeCSRF"}

// codedOf is the text of a problem with one of these codes; empty: it is none.
func codedOf(node ast.Node) (text string) {
	of := func(code ast.Expr, detail ast.Expr) string {
		if name, ok := code.(*ast.Ident); ok && slices.Contains(signInCodes, name.Name) {
			return literal(detail)
		}
		return ""
	}
	switch x := node.(type) {
	case *ast.CallExpr:
		if f, ok := x.Fun.(*ast.Ident); ok && f.Name == "withCode" && len(x.Args) > 1 {
			return of(x.Args[0], x.Args[1])
		}
	case *ast.CompositeLit:
		f, ok := x.Type.(*ast.Ident)
		if !ok || f.Name != "coded" || len(x.Elts) == 0 {
			return ""
		}
		first, last := x.Elts[0], x.Elts[len(x.Elts)-1]
		if named, ok := first.(*ast.KeyValueExpr); ok {
			first = named.Value
		}
		if named, ok := last.(*ast.KeyValueExpr); ok {
			last = named.Value
		}
		return of(first, last)
	}
	return ""
}

// failureOf is the kind and the text of a failure that a call makes; empty: it makes none.
func failureOf(node ast.Node) (kind, text string) {
	if text := codedOf(node); text != "" {
		return "Unauthenticated", text
	}
	call, ok := node.(*ast.CallExpr)
	if !ok || len(call.Args) < 2 {
		return "", ""
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if of, ok := f.X.(*ast.Ident); !ok || of.Name != "fault" {
		return "", ""
	}
	switch f.Sel.Name {
	case "Field":
		return "Field", literal(call.Args[1])
	case "New":
		if k, ok := call.Args[0].(*ast.SelectorExpr); ok {
			return k.Sel.Name, literal(call.Args[1])
		}
	}
	return "", ""
}

// literal is a text that stands in the source, in one piece or several; "?": it is none.
func literal(of ast.Expr) string {
	switch e := of.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return text
		}
	case *ast.BinaryExpr:
		if a, b := literal(e.X), literal(e.Y); a != "?" && b != "?" {
			return a + b
		}
	}
	return "?"
}

// TestNoFailureHidesAnother finds patterns that are never reached, since an earlier one fits whatever they fit.
func TestNoFailureHidesAnother(t *testing.T) {
	english := regexp.MustCompile(`\b(the|is|are|has|must|there)\b`)
	for i, f := range failures {
		for _, earlier := range failures[:i] {
			if _, hides := match(strings.ReplaceAll(f.has, "*", "17"), earlier.has); hides {
				t.Errorf("%q is never reached, because of %q", f.has, earlier.has)
			}
		}
		if f.de == "" || !strings.HasSuffix(f.de, ".") && !strings.HasSuffix(f.de, "?") && !strings.HasSuffix(f.de, "admin-assistant browser") &&
			!strings.HasSuffix(f.de, "* * 1-5.") && !strings.HasSuffix(f.de, "verify") && !strings.HasSuffix(f.de, ": $1") || english.MatchString(f.de) {
			t.Errorf("%q is %q", f.has, f.de)
		}
		for n := 1; strings.Contains(f.de, "$"+strconv.Itoa(n)); n++ {
			if strings.Count(f.has, "*") < n {
				t.Errorf("%q has no $%d", f.has, n)
			}
		}
	}
}
