package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// aRule is a rule as a request has it.
func aRule(id, subject string, then map[string]any) map[string]any {
	return map[string]any{
		"id": id, "name": "Rule " + id, "on": true, "then": then,
		"all": []any{map[string]any{"field": "subject", "op": "contains", "any": []any{subject}}},
	}
}

func rulesOf(list ...any) map[string]any { return map[string]any{"rules": append([]any{}, list...)} }

// versions are the ids of an answer's rules with their versions, as in "a1 b2".
func versions(a answer) string {
	var of struct {
		Rules []struct {
			ID      string
			Version int
		}
	}
	check(a.t, json.Unmarshal(a.body, &of))
	all := make([]string, len(of.Rules))
	for i, r := range of.Rules {
		all[i] = fmt.Sprint(r.ID, r.Version)
	}
	return strings.Join(all, " ")
}

func TestRulesOfAConfig(t *testing.T) {
	s := newService(t)
	_, config := s.seed("keep")
	path := "/v1/archive-configs/" + config
	none := s.do("GET", path+"/rules", nil).is(200)
	if none.str("rules") != "[]" || !strings.Contains(none.str("precedence"), "first matching rule") {
		t.Errorf("no rules: %s", none.body)
	}
	billable, out := map[string]any{"category": "Globex - billable", "privacy": "private"}, map[string]any{"exclude": true}
	first := s.do("PUT", path+"/rules", rulesOf(aRule("a", "Lunch", billable), aRule("b", "x", out)), "If-Match", none.Header.Get("ETag")).is(200)
	if first.Header.Get("ETag") == none.Header.Get("ETag") || versions(first) != "a1 b1" {
		t.Errorf("first: %s %s", first.Header.Get("ETag"), first.body)
	}
	s.do("PUT", path+"/rules", rulesOf(), "If-Match", none.Header.Get("ETag")).problem(412, codeMismatch, "If-Match")
	s.do("PUT", path+"/rules", rulesOf()).problem(428, codeNoPrecondition, "If-Match")

	// What is read can be written. Only what changed gets another version, and no version comes back.
	var read map[string]any
	check(t, json.Unmarshal(first.body, &read))
	again := s.do("PUT", path+"/rules", map[string]any{"rules": read["rules"]}, "If-Match", "*").is(200)
	if again.str("rules") != first.str("rules") {
		t.Errorf("again: %s", again.body)
	}
	changed := aRule("b", "y", out)
	second := s.do("PUT", path+"/rules", rulesOf(changed, aRule("a", "Lunch", billable)), "If-Match", "*").is(200)
	if versions(second) != "b2 a1" {
		t.Errorf("second: %s", second.body)
	}
	s.do("PUT", path+"/rules", rulesOf(changed), "If-Match", "*").is(200)
	third := s.do("PUT", path+"/rules", rulesOf(changed, aRule("a", "Lunch", billable)), "If-Match", "*").is(200)
	if versions(third) != "b2 a4" {
		t.Errorf("a rule that came back: %s", third.body)
	}

	// The config has them, and keeps them when it is replaced by one that says nothing of them.
	c := s.do("GET", path, nil).is(200)
	var of map[string]any
	check(t, json.Unmarshal(c.body, &of))
	if c.str("rules") != third.str("rules") || c.Header.Get("ETag") != third.Header.Get("ETag") {
		t.Errorf("the config: %s", c.body)
	}
	body := map[string]any{"look_back": 3}
	for _, name := range []string{"name", "source", "archive", "timezone"} {
		body[name] = of[name]
	}
	if put := s.do("PUT", path, body, "If-Match", "*").is(200); put.str("rules") != third.str("rules") {
		t.Errorf("a config that says nothing of rules: %s", put.body)
	}
	if off := s.do("POST", path+"/deactivate", nil).is(200); off.str("rules") != third.str("rules") {
		t.Errorf("deactivated: %s", off.body)
	}
	body["rules"] = []any{aRule("z", "z", out)}
	if put := s.do("PUT", path, body, "If-Match", "*").is(200); !strings.HasPrefix(versions(put), "z") {
		t.Errorf("a config with other rules: %s", put.body)
	}
	body["rules"] = []any{}
	if put := s.do("PUT", path, body, "If-Match", "*").is(200); put.str("rules") != "[]" {
		t.Errorf("a config without rules: %s", put.body)
	}
}

func TestRulesThatAreNoneAreRefusedFieldByField(t *testing.T) {
	s := newService(t)
	_, config := s.seed("keep")
	path := "/v1/archive-configs/" + config + "/rules"
	kept := s.do("PUT", path, rulesOf(aRule("a", "Lunch", map[string]any{"exclude": true})), "If-Match", "*").is(200)
	condition := func(field, op string, values ...any) map[string]any {
		return map[string]any{"field": field, "op": op, "any": values}
	}
	nonsense := aRule("a", "x", map[string]any{"category": "Acme"})
	nonsense["all"] = []any{condition("body", "equals", "x"), condition("subject", "regex", "ok", "a{500}")}
	got := s.do("PUT", path, rulesOf(aRule("A", "x", map[string]any{"travel": true}), nonsense), "If-Match", "*").
		problem(422, "invalid", "rules[1].all[0].field")
	var p problemDetails
	check(t, json.Unmarshal(got.body, &p))
	var fields []string
	for _, e := range p.Errors {
		fields = append(fields, e.Field)
		if e.Detail == "" || strings.HasPrefix(e.Detail, "rules") {
			t.Errorf("%s %q", e.Field, e.Detail)
		}
	}
	if want := []string{"rules[1].all[0].field", "rules[1].all[1].any[1]", "rules[1].then.category", "rules[1].id"}; !slices.Equal(fields, want) || p.ErrorCount != 4 {
		t.Errorf("%d fields: %q", p.ErrorCount, fields)
	}
	for _, tt := range []struct {
		of    any
		field string
	}{
		{map[string]any{"id": "a", "all": []any{}, "then": map[string]any{"exclude": true}}, "rules[0].name"},
		{func() any { r := aRule("a", "x", map[string]any{"exclude": true}); r["when"] = 1; return r }(), "rules[0].when"},
		{aRule("a", "x", map[string]any{"delete": true}), "rules[0].then.delete"},
		{aRule("a", "x", map[string]any{}), "rules[0].then"},
		{aRule("a b", "x", map[string]any{"exclude": true}), "rules[0].id"},
		{func() any {
			r := aRule("a", "x", map[string]any{"exclude": true})
			r["all"] = []any{condition("subject", "equals", 1.5)}
			return r
		}(),
			"rules[0].all[0].any[0]"},
		{func() any { r := aRule("a", "x", map[string]any{"exclude": true}); r["all"] = nil; return r }(), "rules[0].all"},
	} {
		s.do("PUT", path, rulesOf(tt.of), "If-Match", "*").problem(422, "invalid", tt.field)
	}
	if now := s.do("GET", path, nil).is(200); string(now.body) != string(kept.body) || now.Header.Get("ETag") != kept.Header.Get("ETag") {
		t.Errorf("something was saved: %s", now.body)
	}
}

func TestRunsFollowTheRulesOfTheirConfig(t *testing.T) {
	s := newService(t)
	calendar, config := s.seed("keep")
	text := file("f@example.com|Lunch with Globex|20261016T100000Z|20261016T110000Z|Online", "g@example.com|Gym|20261016T150000Z|20261016T160000Z|Online")
	s.do("POST", "/v1/calendars/"+calendar+"/import", text, "Content-Type", "text/calendar").is(200)
	path, lastWeek := "/v1/archive-configs/"+config, map[string]any{"kind": "archive", "config": "work", "period": "last week"}
	// run carries a run out, and returns what its items say of these two.
	run := func(start map[string]any) (said []string) {
		id := s.do("POST", "/v1/runs", start).is(202).str("id")
		s.work()
		for _, item := range s.all("/v1/runs/"+id+"/items", 50) {
			var it struct {
				Plan struct {
					Outcome, Reason string
					Appointment     struct{ Subject, Customer string }
					Changes         []struct {
						Reason  string
						Version int
					}
				}
			}
			check(t, json.Unmarshal([]byte(item), &it))
			if p := it.Plan; strings.Contains(p.Appointment.Subject, "Lunch") || p.Appointment.Subject == "Gym" {
				said = append(said, strings.TrimSpace(fmt.Sprint(p.Outcome, " ", p.Reason, p.Appointment.Customer, " ", p.Changes)))
			}
		}
		return said
	}
	s.do("PUT", path+"/rules", rulesOf(aRule("gym", "gym", map[string]any{"exclude": true})), "If-Match", "*").is(200)
	if got, want := run(lastWeek), []string{"archived  []", "excluded rule:gym []"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	globex := aRule("globex", "globex", map[string]any{"category": "Globex - billable"})
	s.do("PUT", path+"/rules", rulesOf(aRule("gym", "gym", map[string]any{"exclude": true}), globex), "If-Match", "*").is(200)
	shown := func() string {
		var day struct {
			Items []struct {
				Appointment struct {
					Customer   string
					Categories []string
				}
			}
		}
		check(t, json.Unmarshal(s.do("GET", "/v1/ledger/work/days/2026-10-16", nil).is(200).body, &day))
		return fmt.Sprint(day.Items)
	}
	if run(lastWeek); shown() != "[{{ [Online]}}]" {
		t.Errorf("a changed rule touched what is archived: %s", shown())
	}
	lastWeek["replace"] = true
	if got, want := run(lastWeek), []string{"drifted Globex [{rule:globex 2}]", "excluded rule:gym []"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if shown() != "[{{Globex [Online Globex - billable]}}]" {
		t.Errorf("replaced: %s", shown())
	}
}
