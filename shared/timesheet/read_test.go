package timesheet

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/fault"
)

const goodTerms = `{"timezone": "Europe/Berlin", "period": {"from": "2026-10-01", "to": "2026-10-31"}, "customer": "Acme", "day_minutes": 480,
 "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "120.00", "travel": "60.00"}],
 "rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "day", "least": 0}],
 "locked": []}`

const goodPlan = `{"window": {"start": "2026-10-01T00:00:00+02:00", "end": "2026-11-01T00:00:00+01:00"}, "counts": {"fetched": 2}, "balanced": true,
 "items": [{"event_id": "AAMk1", "key": "a", "outcome": "archived", "reason": "", "by": "", "hash": "sha256:9f2c",
   "appointment": {"subject": "Acme review", "start": "2026-10-05T07:00:00Z", "end": "2026-10-05T08:10:00Z", "all_day": false,
     "start_date": "", "end_date": "", "location": "", "categories": ["Acme - billable"], "customer": "Acme", "billing_type": "billable",
     "travel": false,
     "sensitivity": "normal", "show_as": "busy", "importance": "normal"}, "changes": [], "issues": []},
  {"event_id": "AAMk2", "key": "b", "outcome": "excluded", "reason": "cancelled", "by": "", "hash": "sha256:9f2d", "appointment": {"subject": "x"},
   "changes": [], "issues": []}],
 "overlaps": [], "actions": []}`

func TestFilesBecomeASheet(t *testing.T) {
	terms, err := ReadTerms(strings.NewReader(goodTerms))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := ReadEntries(strings.NewReader(goodPlan))
	if err != nil {
		t.Fatal(err)
	}
	sheet := compute(t, entries, terms)
	want := `{"period":{"from":"2026-10-01","to":"2026-10-31"},` +
		`"positions":[{"customer":"Acme","billing_type":"billable","kind":"work","rate":"120.00","currency":"EUR","seconds":4200,"billed_seconds":4500,` +
		`"amount":"150.00"}],` +
		`"lines":[{"key":"a","version":1,"hash":"sha256:9f2c","date":"2026-10-05","start":"2026-10-05T07:00:00Z","end":"2026-10-05T08:10:00Z","customer":"Acme",` +
		`"billing_type":"billable","kind":"work","rate":"120.00","subject":"Acme review","seconds":4200,"billed_seconds":4200,"flags":[],"supplements":""}],` +
		`"totals":[{"currency":"EUR","amount":"150.00"}],"billed_seconds":4500,"worked_seconds":4200,"left_out":[],"overlaps":[]}`
	if got := string(sheet.JSON()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// a sheet is read again as a locked one, and hashes to the same
	locked := strings.Replace(goodTerms, `"locked": []`, `"locked": [`+want+`]`, 1)
	locked = strings.NewReplacer(`"period": {"from": "2026-10-01", "to": "2026-10-31"}`, `"period": {"from": "2026-11-01", "to": "2026-11-30"}`).Replace(locked)
	later, err := ReadTerms(strings.NewReader(locked))
	if err != nil {
		t.Fatal(err)
	}
	if later.Locked[0].Sheet.Hash() != sheet.Hash() || len(compute(t, entries, later).Lines) != 0 {
		t.Errorf("read again it is another sheet: %s", later.Locked[0].Sheet.JSON())
	}
	if got := compute(t, nil, later); len(got.Lines) != 1 || got.Lines[0].Supplements != sheet.Hash()+"#1" || got.Totals[0].Amount != "-150.00" {
		t.Errorf("withdrawn: got %s", got.JSON())
	}
}

func TestTermsThatCannotBeAreRefusedByName(t *testing.T) {
	sheet := func(change string) string {
		return `"locked": [{"period": {"from": "2026-09-01", "to": "2026-09-30"},
			"positions": [{"customer": "Acme", "billing_type": "billable", "kind": "work", "rate": "1",
			"currency": "EUR", "seconds": 60, "billed_seconds": 60, "amount": "0.02"}], "lines": [{"key": "a", "version": 1, "hash": "h", "date": "2026-09-05",
			"start": "2026-09-05T07:00:00Z", "end": "2026-09-05T07:01:00Z", "customer": "Acme", "billing_type": "billable", "kind": "work", "rate": "1", "subject": "",
			"seconds": 60, "billed_seconds": 60, "flags": [], "supplements": ""}], "totals": [], "billed_seconds": 60, "worked_seconds": 60, "left_out": [],
			"overlaps": []` + change + `}]`
	}
	if _, err := ReadTerms(strings.NewReader(strings.Replace(goodTerms, `"locked": []`, sheet(""), 1))); err != nil {
		t.Fatal(err)
	}
	in := func(old, new string) string {
		text := strings.Replace(goodTerms, `"locked": []`, sheet(""), 1)
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in the terms", old)
		}
		return strings.Replace(text, old, new, 1)
	}
	for _, tt := range []struct{ name, text, field string }{
		{"no zone", in(`"timezone": "Europe/Berlin", `, ""), "timezone"},
		{"a zone that nobody knows", in("Europe/Berlin", "Europe/Nowhere"), "timezone"},
		{"no period", in(`"period": {"from": "2026-10-01", "to": "2026-10-31"}, `, ""), "period"},
		{"a day that is none", in("2026-10-31", "2026-10-32"), "period.to"},
		{"a period without a beginning", in(`"from": "2026-10-01", `, ""), "period.from"},
		{"a period that is reversed", in("2026-10-31", "2026-09-30"), "period.to"},
		{"a period across a locked one", in("2026-10-01", "2026-09-30"), "period"},
		{"a field that is not known", in(`"day_minutes"`, `"day_minuts"`), "day_minuts"},
		{"one in a rate", in(`"work"`, `"wrk"`), "rates[0].wrk"},
		{"one in a locked sheet", in(`"kind": "work", "rate": "1",`, `"kind": "work", "rte": "1",`), "locked[0].positions[0].rte"},
		{"a day of 25 hours", in("480", "1500"), "day_minutes"},
		{"a negative day", in("480", "-1"), "day_minutes"},
		{"a currency that nobody knows", in(`"EUR"`, `"EUX"`), "currency"},
		{"a currency in another case", in(`"EUR"`, `"eur"`), "currency"},
		{"rates without a currency", in(`"currency": "EUR", "rates"`, `"rates"`), "currency"},
		{"two rates for one day", in(`"travel": "60.00"}`, `"travel": "60.00"}, {"from": "2026-01-01", "work": "1"}`), "rates[1].from"},
		{"a rate without a day", in(`{"from": "2026-01-01", "work"`, `{"work"`), "rates[0].from"},
		{"a rate with five places", in("120.00", "120.00001"), "rates[0].work"},
		{"a rate with a comma", in("120.00", "120,00"), "rates[0].work"},
		{"a negative rate", in("120.00", "-120.00"), "rates[0].work"},
		{"a rate without digits", in("120.00", "."), "rates[0].work"},
		{"a rate that ends with a point", in("120.00", "120."), "rates[0].work"},
		{"a rate of ten digits", in("120.00", "1234567890"), "rates[0].work"},
		{"a rate as a number", in(`"120.00"`, "120"), "rates[0].work"},
		{"no rate of work", in(`"work": "120.00", `, ""), "rates[0].work"},
		{"a rate of travel that is none", in("60.00", "6o"), "rates[0].travel"},
		{"a share that is none", in("60.00", "x%"), "rates[0].travel"},
		{"rounding that is no divisor of 60", in(`"increment": 15`, `"increment": 7`), "rounding[0].increment"},
		{"rounding to more than an hour", in(`"increment": 15`, `"increment": 120`), "rounding[0].increment"},
		{"a mode that is none", in(`"up"`, `"down"`), "rounding[0].mode"},
		{"a scope that is none", in(`"scope": "day"`, `"scope": "week"`), "rounding[0].scope"},
		{"no scope for the least", in(`"increment": 15, "mode": "up", "scope": "day", "least": 0`, `"least": 5`), "rounding[0].scope"},
		{"a negative least", in(`"least": 0`, `"least": -1`), "rounding[0].least"},
		{"two roundings for one day", in(`"least": 0}`, `"least": 0}, {"from": "2026-01-01", "increment": 0}`), "rounding[1].from"},
		{"half a minute", in(`"increment": 15`, `"increment": 7.5`), "rounding[0].increment"},
		{"a locked sheet whose period is reversed", in("2026-09-30", "2026-08-30"), "locked[0].period"},
		{"a locked line without a key", in(`"key": "a"`, `"key": ""`), "locked[0].lines[0].key"},
		{"one without a day", in(`"date": "2026-09-05"`, `"date": ""`), "locked[0].lines[0].date"},
		{"one that ends before it starts", in("2026-09-05T07:01:00Z", "2026-09-05T06:01:00Z"), "locked[0].lines[0]"},
		{"one of a kind that is none", in(`"kind": "work", "rate": "1", "subject"`, `"kind": "play", "rate": "1", "subject"`), "locked[0].lines[0].kind"},
		{"one at a rate that is none", in(`"rate": "1", "subject"`, `"rate": "1x", "subject"`), "locked[0].lines[0].rate"},
		{"one without a position", in(`"rate": "1", "subject"`, `"rate": "2", "subject"`), "locked[0].lines[0]"},
		{"one with more time than there is", in(`"billed_seconds": 60, "flags"`, `"billed_seconds": 400000000001, "flags"`), "locked[0].lines[0]"},
		{"the smallest number", in(`"billed_seconds": 60, "flags"`, `"billed_seconds": -9223372036854775808, "flags"`), "locked[0].lines[0]"},
		{"one in a currency that is none", in(`"rate": "1",
			"currency": "EUR"`, `"rate": "1",
			"currency": "EUX"`), "locked[0].lines[0]"},
	} {
		if _, err := ReadTerms(strings.NewReader(tt.text)); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field {
			t.Errorf("%s: got %v, naming %q, want %q", tt.name, err, fault.FieldOf(err), tt.field)
		}
	}
}

func TestEntriesThatCannotBeAreRefusedByName(t *testing.T) {
	for _, tt := range []struct{ name, old, new, field string }{
		{"a member that no plan has", `"balanced"`, `"balance"`, "balance"},
		{"one of an item that none has", `"hash": "sha256:9f2c"`, `"hsh": "sha256:9f2c"`, "items[0].hsh"},
		{"one of an appointment that none has", `"travel"`, `"travl"`, "items[0].appointment.travl"},
		{"a switch that is a text", `"travel": false`, `"travel": "no"`, "items[0].appointment.travel"},
		{"an outcome twice", `"key": "b", "outcome": "excluded"`, `"key": "a", "outcome": "archived"`, "items[1]"},
		{"a time that is none", "2026-10-05T07:00:00Z", "2026-10-05 07:00", "appointment.start"},
		{"an end before the start", "2026-10-05T08:10:00Z", "2026-10-05T06:10:00Z", "items[0].appointment"},
		{"a sensitivity that nobody knows", `"sensitivity": "normal"`, `"sensitivity": "secret"`, "appointment.sensitivity"},
		{"a billing type that nobody knows", `"billing_type": "billable"`, `"billing_type": "free"`, "appointment.billing_type"},
		{"no days of a whole day", `"all_day": false`, `"all_day": true`, "appointment.start_date"},
		{"no item", `"items"`, `"things"`, "things"},
	} {
		if !strings.Contains(goodPlan, tt.old) {
			t.Fatalf("%q is not in the plan", tt.old)
		}
		if _, err := ReadEntries(strings.NewReader(strings.Replace(goodPlan, tt.old, tt.new, 1))); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field {
			t.Errorf("%s: got %v, naming %q", tt.name, err, fault.FieldOf(err))
		}
	}
	for _, text := range []string{"", "[]", "{}", `{"items": []} {}`, `{"items": [], "Items": []}`} {
		if _, err := ReadEntries(strings.NewReader(text)); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzTerms(f *testing.F) {
	f.Add(goodTerms)
	entries, err := ReadEntries(strings.NewReader(goodPlan))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms, err := ReadTerms(strings.NewReader(text))
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		s, err := Compute(entries, terms)
		if err != nil {
			t.Fatalf("terms that were read are refused: %v", err)
		}
		again, err := Compute(entries, terms)
		if err != nil || again.Hash() != s.Hash() {
			t.Fatalf("a second time it is another sheet: %v", err)
		}
		var read Sheet
		if err := json.Unmarshal(s.JSON(), &read); err != nil || read.Hash() != s.Hash() {
			t.Fatalf("read again it is another sheet: %v\n%s\n%s", err, s.JSON(), read.JSON())
		}
	})
}

func FuzzEntries(f *testing.F) {
	f.Add(goodPlan)
	terms, err := ReadTerms(strings.NewReader(goodTerms))
	if err != nil {
		f.Fatal(err)
	}
	terms.Customer = ""
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ReadEntries(strings.NewReader(text))
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		s, err := Compute(entries, terms)
		if err != nil {
			t.Fatalf("entries that were read are refused: %v", err)
		}
		later := terms.next(s)
		if s, err = Compute(entries, later); err != nil {
			t.Fatal(err)
		}
		for _, l := range s.Lines {
			if l.Supplements != "" {
				t.Fatalf("nothing changed, and it is supplemented: %s", s.JSON())
			}
		}
	})
}

func TestTheFormIsReadAsItIsWritten(t *testing.T) {
	s := compute(t, minutes(5, 7), october("EUR", "60.00"))
	var read Sheet
	if err := json.Unmarshal(s.JSON(), &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, &read); diff != "" {
		t.Error(diff)
	}
}

// TestNoFloatTouchesMoney looks at all that computes; floats may place text on a page, and nothing else.
func TestNoFloatTouchesMoney(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		looked++
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range floats(tree) {
			t.Errorf("%s: %s", file.Name(), what)
		}
	}
	if looked < 5 {
		t.Errorf("%d files were looked at", looked)
	}
	for _, text := range []string{
		`var x float64`, `var x = 1.5`, `var x = 1e3`, `import "math"`, `var x = new(big.Float)`, `var x, _ = r.Float64()`, `var x = strconv.ParseFloat`,
		`var x = d.Hours()`, `var x = d.Minutes()`, `var x = complex(1, 2)`, `var x = r.FloatString(2)`,
	} {
		tree, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, 0)
		if err != nil || len(floats(tree)) == 0 {
			t.Errorf("%s is not noticed: %v", text, err)
		}
	}
}

// floats lists what of a file has to do with floating point numbers.
func floats(tree *ast.File) (found []string) {
	for _, spec := range tree.Imports {
		if spec.Path.Value == `"math"` || spec.Path.Value == `"math/cmplx"` {
			found = append(found, "imports "+spec.Path.Value)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if n.Kind == token.FLOAT || n.Kind == token.IMAG {
				found = append(found, "has the number "+n.Value)
			}
		case *ast.Ident:
			if n.Name == "float32" || n.Name == "float64" || n.Name == "complex" {
				found = append(found, "uses "+n.Name)
			}
		case *ast.SelectorExpr:
			if name := n.Sel.Name; strings.Contains(name, "Float") || name == "Hours" || name == "Minutes" || name == "Seconds" && isCall(tree, n) {
				found = append(found, "uses "+name)
			}
		}
		return true
	})
	return found
}

// isCall says whether a selector is called, as a Duration's Seconds is, and not a field of ours.
func isCall(tree *ast.File, s *ast.SelectorExpr) (called bool) {
	ast.Inspect(tree, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && call.Fun == s {
			called = true
		}
		return true
	})
	return called
}
