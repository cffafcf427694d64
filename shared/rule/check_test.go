package rule_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/fault"
	"adminassistant/shared/rule"
)

// one is a rule with a condition and an effect, as JSON.
func one(condition, effect string) string {
	return fmt.Sprintf(`[{"id": "a", "name": "A", "on": true, "all": [%s], "then": %s}]`, condition, effect)
}

const excludes = `{"exclude": true}`

func TestWhatIsWrongWithRulesIsSaidFieldByField(t *testing.T) {
	good := `{"field": "subject", "op": "contains", "any": ["x"]}`
	inner := strings.Trim(one(good, excludes), "[]")
	any := func(field, op, values string) string {
		return one(fmt.Sprintf(`{"field": %q, "op": %q, "any": [%s]}`, field, op, values), excludes)
	}
	for _, tt := range []struct {
		name, rules string
		fields      []string // that are named, in order
		says        string   // of the first one
	}{
		{"no list", `{}`, nil, "must be an array"},
		{"null", `null`, nil, "should be an array"},
		{"no JSON", `[{]`, nil, "not JSON"},
		{"an unknown member", `[{"id": "a", "nome": "A"}]`, []string{"rules[0].nome"}, "is not a known field"},
		{"an unknown member of a condition", one(`{"field": "subject", "op": "equals", "any": ["x"], "not": true}`, excludes), []string{"rules[0].all[0].not"}, ""},
		{"an unknown effect", one(good, `{"delete": true}`), []string{"rules[0].then.delete"}, ""},
		{"a value that is none", any("subject", "equals", `"x", {}`), []string{"rules[0].all[0].any[1]"}, "must be a text, a whole number, true or false"},
		{"half a minute", any("duration", "equals", `0.5`), []string{"rules[0].all[0].any[0]"}, "whole number"},
		{"a number of another world", any("duration", "equals", `1e300`), []string{"rules[0].all[0].any[0]"}, "whole number"},
		{"nothing", `[{}]`, []string{"rules[0].id", "rules[0].name", "rules[0].all", "rules[0].then"}, "must have 1 to 64 letters"},
		{"an id with a space", strings.Replace(one(good, excludes), `"a"`, `"a b"`, 1), []string{"rules[0].id"}, ""},
		{"an id that is too long", strings.Replace(one(good, excludes), `"a"`, `"`+strings.Repeat("a", 65)+`"`, 1), []string{"rules[0].id"}, ""},
		{
			"two ids alike", `[` + inner + `, {"id": "A", "name": "B", "all": [` + good + `], "then": {"travel": true}}]`,
			[]string{"rules[1].id"}, "is that of rules[0], too",
		},
		{"a name that is too long", strings.Replace(one(good, excludes), `"A"`, `"`+strings.Repeat("ü", 101)+`"`, 1), []string{"rules[0].name"}, ""},
		{"a name of two lines", strings.Replace(one(good, excludes), `"A"`, `"A\nB"`, 1), []string{"rules[0].name"}, ""},
		{"a version below zero", strings.Replace(one(good, excludes), `"on"`, `"version": -1, "on"`, 1), []string{"rules[0].version"}, ""},
		{"no effect", one(good, `{"exclude": false}`), []string{"rules[0].then"}, "is empty"},
		{"no condition", one(``, excludes), []string{"rules[0].all"}, "needs one condition"},
		{"too many conditions", one(strings.Repeat(good+",", 20)+good, excludes), []string{"rules[0].all"}, "has 21 conditions"},
		{"an unknown field", any("body", "equals", `"x"`), []string{"rules[0].all[0].field"}, "must be one of subject, organiser_domain"},
		{"an unknown comparison", any("subject", "like", `"x"`), []string{"rules[0].all[0].op"}, "must be one of equals, contains"},
		{"at least a subject", any("subject", "at_least", `"x"`), []string{"rules[0].all[0].op"}, "of subject must be one of equals, contains, word, regex"},
		{"the domain of a place", any("location", "domain", `"x"`), []string{"rules[0].all[0].op"}, ""},
		{"a word of a day", any("weekday", "word", `"Monday"`), []string{"rules[0].all[0].op"}, ""},
		{"nothing to compare with", any("subject", "equals", ``), []string{"rules[0].all[0].any"}, "is empty"},
		{"too much to compare with", any("subject", "equals", strings.Repeat(`"x",`, 100)+`"x"`), []string{"rules[0].all[0].any"}, "has 101 values"},
		{"an empty text", any("subject", "contains", `"x", ""`), []string{"rules[0].all[0].any[1]"}, "is empty"},
		{"white space alone", any("source_category", "equals", `"\u00a0 "`), []string{"rules[0].all[0].any[0]"}, "white space alone"},
		{"a text that is too long", any("subject", "equals", `"`+strings.Repeat("é", 1001)+`"`), []string{"rules[0].all[0].any[0]"}, "more than 1000 characters"},
		{"a word without letters", any("subject", "word", `"--"`), []string{"rules[0].all[0].any[0]"}, "neither a letter nor a digit"},
		{"an address for a domain", any("attendee_domain", "domain", `"ann@acme.example"`), []string{"rules[0].all[0].any[0]"}, "without @"},
		{"a domain with a dot before it", any("organiser_domain", "domain", `".acme.example"`), []string{"rules[0].all[0].any[0]"}, "must be a domain"},
		{"a pattern that is none", any("subject", "regex", `"a("`), []string{"rules[0].all[0].any[0]"}, "is no regular expression of RE2"},
		{"a pattern that is too long", any("subject", "regex", `"`+strings.Repeat("é", 101)+`"`), []string{"rules[0].all[0].any[0]"}, "has 202 bytes"},
		{"a pattern that becomes too large", any("subject", "regex", `"a{199}"`), []string{"rules[0].all[0].any[0]"}, "instructions, at most 200 are possible"},
		{"an empty pattern", any("subject", "regex", `""`), []string{"rules[0].all[0].any[0]"}, "is empty"},
		{"neither true nor false", any("all_day", "equals", `"yes"`), []string{"rules[0].all[0].any[0]"}, "must be true or false"},
		{"an unknown status", any("show_as", "equals", `"away"`), []string{"rules[0].all[0].any[0]"}, "workingElsewhere"},
		{"a German day", any("weekday", "equals", `"Montag"`), []string{"rules[0].all[0].any[0]"}, "as in Monday"},
		{"no time of day", any("start_time", "at_least", `"24:00"`), []string{"rules[0].all[0].any[0]"}, "as in 09:30"},
		{"a time of day with one digit", any("start_time", "equals", `"9:30"`), []string{"rules[0].all[0].any[0]"}, "as in 09:30"},
		{"fewer minutes than none", any("duration", "at_most", `-1`), []string{"rules[0].all[0].any[0]"}, "number of minutes"},
		{"too many minutes, as a text", any("duration", "at_most", `"1000001"`), []string{"rules[0].all[0].any[0]"}, "number of minutes"},
		{"minutes with a sign", any("duration", "at_most", `"+1"`), []string{"rules[0].all[0].any[0]"}, "number of minutes"},
		{"a category without billing type", one(good, `{"category": "Acme"}`), []string{"rules[0].then.category"}, "cannot be read"},
		{"a marker for a category", one(good, `{"category": "Online"}`), []string{"rules[0].then.category"}, "names no customer"},
		{"a category with space around it", one(good, `{"category": " Acme - billable"}`), []string{"rules[0].then.category"}, "space around"},
		{"privacy that hides nothing", one(good, `{"privacy": "normal"}`), []string{"rules[0].then.privacy"}, "must be one of personal, private, confidential"},
		{
			"several things", one(`{"field": "body", "op": "equals", "any": ["x"]}, {"field": "subject", "op": "regex", "any": ["a", "(", ")"]}`, `{"category": "x"}`),
			[]string{"rules[0].all[0].field", "rules[0].all[1].any[1]", "rules[0].all[1].any[2]", "rules[0].then.category"}, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules, err := rule.Read(strings.NewReader(tt.rules))
			if rules != nil || fault.Of(err) != fault.Invalid {
				t.Fatalf("%s is %v, %v", tt.rules, rules, err)
			}
			var problems rule.Problems
			var fields []string
			if errors.As(err, &problems) {
				for _, p := range problems {
					fields = append(fields, fault.FieldOf(p))
				}
			} else if f := fault.FieldOf(err); f != "" {
				fields = []string{f}
			}
			if !slices.Equal(fields, tt.fields) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the fields are %q, want %q, with %q: %v", fields, tt.fields, tt.says, err)
			}
		})
	}
	_, err := rule.Read(strings.NewReader("[" + strings.Repeat("{}, ", 20) + "{}]"))
	if problems := (rule.Problems)(nil); !errors.As(err, &problems) || len(problems) != 20 {
		t.Errorf("%d problems are told", len(problems))
	}
	var many []string
	for i := range 101 {
		many = append(many, strings.Trim(strings.Replace(one(good, excludes), `"a"`, fmt.Sprintf(`"a%d"`, i), 1), "[]"))
	}
	if _, err := rule.Read(strings.NewReader("[" + strings.Join(many, ",") + "]")); fault.FieldOf(err) != "rules" {
		t.Errorf("101 rules: %v", err)
	}
	if rules, err := rule.Read(strings.NewReader("[" + strings.Join(many[:100], ",") + "]")); err != nil || len(rules) != 100 {
		t.Errorf("100 rules: %v", err)
	}
	long := one(`{"field": "subject", "op": "equals", "any": [`+strings.Repeat(`"`+strings.Repeat("x", 999)+`",`, 99)+`"x"]}`, excludes)
	all := strings.Replace(long, `"a"`, `"b"`, 1)
	if _, err := rule.Read(strings.NewReader(long)); err != nil {
		t.Errorf("100 KB of rules: %v", err)
	}
	if _, err := rule.Read(strings.NewReader(long[:len(long)-1] + "," + all[1:])); fault.FieldOf(err) != "rules" {
		t.Errorf("200 KB of rules: %v", err)
	}
}

func TestReadKeepsWhatAPersonMeant(t *testing.T) {
	rules, err := rule.Read(strings.NewReader(`[
		{"id": "a", "name": "A", "all": [
			{"field": "all_day", "op": "equals", "any": [true, "FALSE"]}, {"field": "duration", "op": "at_least", "any": [90, "15"]},
			{"field": "weekday", "op": "equals", "any": ["monday"]}, {"field": "show_as", "op": "equals", "any": ["OOF", "workingelsewhere"]}
		], "then": {"category": "Acme – billable", "privacy": "private", "travel": true}},
		{"id": "b", "name": "B", "on": false, "version": 7, "all": [{"field": "subject", "op": "regex", "any": ["a{198}"]}], "then": {"exclude": true}}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []rule.Rule{
		{ID: "a", Name: "A", On: true, All: []rule.Condition{
			{Field: rule.AllDay, Op: rule.Equals, Any: []string{"true", "false"}}, {Field: rule.Duration, Op: rule.AtLeast, Any: []string{"90", "15"}},
			{Field: rule.Weekday, Op: rule.Equals, Any: []string{"Monday"}}, {Field: rule.ShowAs, Op: rule.Equals, Any: []string{"oof", "workingElsewhere"}},
		}, Then: rule.Effect{Category: "Acme – billable", Privacy: "private", Travel: true}},
		{ID: "b", Name: "B", Version: 7, All: []rule.Condition{{Field: rule.Subject, Op: rule.Regex, Any: []string{"a{198}"}}}, Then: rule.Effect{Exclude: true}},
	}
	if !reflect.DeepEqual(rules, want) {
		t.Errorf("got %+v", rules)
	}
}

// FuzzRead shows that no text is too much, and that what is let through compiles and is read the same way again.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		``, `[]`, one(`{"field": "subject", "op": "regex", "any": ["(a|b)+[^c]{3}"]}`, excludes), one(`{"field": "duration", "op": "at_most", "any": [3]}`, excludes),
		one(`{"field": "attendee_domain", "op": "domain", "any": ["acme.example"]}`, `{"category": "Acme - billable", "privacy": "private"}`),
		one(`{"field": "start_time", "op": "equals", "any": ["09:30"]}, {"field": "weekday", "op": "equals", "any": ["friday"]}`, `{"travel": true}`),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := rule.Read(bytes.NewReader(text))
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Errorf("%q: %v is %s", text, err, fault.Of(err))
			}
			return
		}
		if _, err := rule.Compile(rules); err != nil {
			t.Errorf("%q does not compile: %v", text, err)
		}
		again, err := json.Marshal(rules)
		if err != nil {
			t.Fatal(err)
		}
		reread, err := rule.Read(bytes.NewReader(again))
		if err != nil || !slices.EqualFunc(rules, reread, func(a, b rule.Rule) bool { return reflect.DeepEqual(a, b) }) {
			t.Errorf("%q becomes %s, and that %v, %v", text, again, reread, err)
		}
	})
}
