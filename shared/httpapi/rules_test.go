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
	want := []string{"rules[1].all[0].field", "rules[1].all[1].any[1]", "rules[1].then.category", "rules[1].id"}
	if !slices.Equal(fields, want) || p.ErrorCount != 4 {
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

func TestRulesAreTried(t *testing.T) {
	s := newService(t)
	calendar, config := s.seed("keep")
	text := file("f@example.com|Lunch with Globex|20261016T100000Z|20261016T110000Z|Online")
	s.do("POST", "/v1/calendars/"+calendar+"/import", text, "Content-Type", "text/calendar").is(200)
	path := "/v1/archive-configs/" + config + "/rules"
	s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": "work", "period": "last week"}).is(202)
	s.work()
	globex := aRule("globex", "globex", map[string]any{"category": "Globex - billable"})
	try := func(body map[string]any) (v tryView) {
		check(t, json.Unmarshal(s.do("POST", path+"/try", body).is(200).body, &v))
		return v
	}
	v := try(map[string]any{"period": "last week", "rules": []any{globex, aRule("none", "nothing", map[string]any{"exclude": true})}})
	if v.From != "2026-10-12" || v.To != "2026-10-18" || v.Before.Archived != 6 || v.After.Archived != 6 || v.ChangedCount != 1 {
		t.Errorf("got %+v", v)
	}
	if i := slices.IndexFunc(v.Minutes, func(m minutesView) bool { return m.Customer == "Globex" }); i < 0 ||
		v.Minutes[i] != (minutesView{Customer: "Globex", BillingType: "billable", After: 60, Difference: 60}) {
		t.Errorf("minutes %+v", v.Minutes)
	}
	if c := v.Changed[0]; !slices.Equal(c.Rules, []string{"globex"}) || c.Before.Appointment.Customer != "" || c.After.Appointment.Customer != "Globex" {
		t.Errorf("changed %+v", c)
	}
	if r := v.Rules; len(r) != 2 || r[0].State != "acts" || r[0].Acted != 1 || r[1].State != "dead" {
		t.Errorf("rules %+v", v.Rules)
	}
	if saved := s.do("GET", path, nil).is(200); saved.str("rules") != "[]" {
		t.Errorf("rules were saved: %s", saved.body)
	}
	s.do("PUT", path, rulesOf(globex), "If-Match", "*").is(200)
	if v := try(map[string]any{"from": "2026-10-16", "to": "2026-10-16"}); v.ChangedCount != 1 || v.Before.Fetched != 1 {
		t.Errorf("the config's own: %+v", v)
	}
	if v := try(map[string]any{"period": "last week", "rules": []any{globex}}); v.ChangedCount != 0 {
		t.Errorf("the same: %+v", v)
	}
	if v := try(map[string]any{"period": "last week", "rules": []any{}}); v.ChangedCount != 1 || v.Changed[0].After.Appointment.Customer != "" {
		t.Errorf("none: %+v", v)
	}
	s.do("POST", path+"/try", map[string]any{}).problem(422, "invalid", "period")
	s.do("POST", path+"/try", map[string]any{"from": "2025-01-01", "to": "2026-10-16"}).problem(422, "invalid", "period")
	s.do("POST", path+"/try", map[string]any{"period": "today", "rules": []any{aRule("a b", "x", map[string]any{"exclude": true})}}).
		problem(422, "invalid", "rules[0].id")
}

func TestRulesAreSuggested(t *testing.T) {
	s := newService(t)
	calendar, config := s.seed("keep")
	text := file("f@example.com|Acme kick-off|20261016T100000Z|20261016T110000Z|Acme - billable",
		"g@example.com|Acme call|20261016T150000Z|20261016T160000Z|Online")
	s.do("POST", "/v1/calendars/"+calendar+"/import", text, "Content-Type", "text/calendar").is(200)
	s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": "work", "period": "last week"}).is(202)
	s.work()
	path := "/v1/archive-configs/" + config + "/rules"
	var v suggestionsView
	check(t, json.Unmarshal(s.do("GET", path+"/suggestions", nil).is(200).body, &v))
	if len(v.Suggestions) != 1 || v.Suggestions[0].Support != 3 || v.Suggestions[0].Of != 3 || v.Suggestions[0].Gets != 1 ||
		v.Suggestions[0].Why != `3 of 3 events with the word "acme" in 90 days were Acme - billable. 1 more without a category would be met.` {
		t.Fatalf("got %+v", v)
	}
	if now := s.do("GET", path, nil).is(200); now.str("rules") != "[]" {
		t.Errorf("a suggestion was applied: %s", now.body)
	}
	// A suggestion can be put among the rules as it is. Then it is suggested no more.
	s.do("PUT", path, rulesOf(v.Suggestions[0].Rule), "If-Match", "*").is(200)
	if again := s.do("GET", path+"/suggestions?period=last+90+days", nil).is(200); again.str("suggestions") != "[]" {
		t.Errorf("again: %s", again.body)
	}
	s.do("GET", path+"/suggestions?period=last+500+days", nil).problem(422, "invalid", "period")
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
