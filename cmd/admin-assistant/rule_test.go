package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesAreWrittenTriedAndFollowed(t *testing.T) {
	m := seeded(t)
	of := func(args ...string) []string { return append(args, "--config", "work") }
	m.local(of("rule", "list")...).ok().says("first matching rule", "Privacy only rises")
	m.local(of("rule", "add", "lunch", "--name", "Lunch", "--when", "subject word lunch | dentist", "--exclude")...).ok().says("lunch: Lunch", "left out")
	m.local(of("rule", "add", "gym", "--when", "subject regex ^(gym|sauna)$", "--when", "start_time at_least 11:30", "--privacy", "confidential", "--at", "1")...).
		ok().says("subject regex ^(gym|sauna)$ and start_time at least 11:30", "at least confidential")
	type rules struct {
		Rules []struct {
			ID      string
			On      bool
			Version int
			Then    struct{ Category string }
		}
	}
	list := func() (text string) {
		var r rules
		m.local(of("rule", "list", "--output", "json")...).ok().decode(&r)
		for _, one := range r.Rules {
			text += one.ID + strings.Repeat("!", one.Version) + map[bool]string{true: " ", false: " (off) "}[one.On]
		}
		return text
	}
	if got := list(); got != "gym!! lunch! " {
		t.Errorf("the rules are %s", got)
	}
	m.local(of("rule", "move", "lunch", "1")...).ok()
	m.local(of("rule", "edit", "GYM", "--off")...).ok().says("off")
	if got := list(); got != "lunch! gym!!!! (off) " {
		t.Errorf("the rules are %s", got)
	}

	// A file has the rules as they are printed.
	file := m.file("rules.json", m.local(of("rule", "list", "--output", "json")...).ok().out)
	m.local(of("rule", "delete", "gym", "--yes")...).ok()
	m.local(of("rule", "delete", "lunch", "--yes")...).ok()
	if got := list(); got != "" {
		t.Errorf("the rules are %s", got)
	}
	m.local("archive", "run", "--config", "work", "--period", october).ok()
	tried := m.local(of("rule", "try", "--period", october, "--file", file)...).ok()
	tried.says("Dentist", "excluded rule:lunch", "Nothing was saved", "Minutes before", "off")
	var v tryView
	m.local(of("rule", "try", "--period", october, "--file", file, "--output", "json")...).ok().decode(&v)
	if v.ChangedCount != 10 || v.After.Excluded != 10 || len(v.Rules) != 2 || v.Rules[0].State != "acts" || v.Rules[1].State != "off" || v.From != "2026-10-01" {
		t.Errorf("tried %+v", v)
	}
	if got := list(); got != "" {
		t.Errorf("trying saved %s", got)
	}
	m.local(of("rule", "edit", "--file", file)...).ok()
	m.local(of("rule", "try", "--period", october)...).ok().says("excluded rule:lunch")

	suggested := filepath.Join(m.files, "suggested.json")
	m.local(of("rule", "suggest", "--period", october, "--file", suggested)...).ok().says("None of them is applied", "events with the word")
	if text, err := os.ReadFile(suggested); err != nil || !strings.Contains(string(text), `"category"`) {
		t.Errorf("suggested %s, %v", text, err)
	}
	m.local(of("rule", "try", "--period", october, "--file", suggested)...).ok()
	m.local(of("rule", "add", "--file", suggested)...).ok()
}

func TestRulesThatMakeNoSenseAreRefused(t *testing.T) {
	m := seeded(t)
	of := func(args ...string) []string { return append(args, "--config", "work") }
	m.local(of("rule", "add", "a", "--when", "subject contains x", "--exclude")...).ok()
	before := m.local(of("rule", "list", "--output", "json")...).ok().out
	bad := m.file("bad.json", `[{"id": "b", "name": "B", "all": [{"field": "body", "op": "equals", "any": ["x"]}], "then": {"category": "Acme"}}]`)
	for _, tt := range []struct {
		args []string
		code int
		says []string
	}{
		{of("rule", "add", "--file", bad), exitUsage, []string{"bad.json", "rules[0].all[0].field", "rules[0].then.category"}},
		{of("rule", "try", "--period", october, "--file", bad), exitUsage, []string{"rules[0].all[0].field"}},
		{of("rule", "add", "A", "--when", "subject contains x", "--exclude"), exitFailed, []string{`there is a rule "A" already`}},
		{of("rule", "add", "c", "--when", "subject"), exitUsage, []string{"FIELD OP VALUE"}},
		{of("rule", "add", "c", "--when", "subject regex (", "--exclude"), exitUsage, []string{"--when: the value is no regular expression"}},
		{of("rule", "add"), exitUsage, []string{"give the id"}},
		{of("rule", "edit", "none", "--exclude"), exitFailed, []string{`no rule "none"`}},
		{of("rule", "move", "a", "3"), exitUsage, []string{"no place 3"}},
		{of("rule", "move", "a", "first"), exitUsage, []string{"no place in a list"}},
		{of("rule", "delete", "a"), exitUsage, nil},
	} {
		m.local(tt.args...).fails(tt.code, tt.says...)
	}
	if after := m.local(of("rule", "list", "--output", "json")...).ok().out; after != before {
		t.Errorf("something was saved: %s", after)
	}
}

func TestPlanFromFilesWithRules(t *testing.T) {
	m := newMachine(t)
	events := m.file("events.json", `{"value": [
		{"id": "1", "iCalUId": "u1", "subject": "Review", "type": "singleInstance", "start": {"dateTime": "2026-10-05T09:00:00", "timeZone": "Europe/Berlin"},
		 "end": {"dateTime": "2026-10-05T10:00:00", "timeZone": "Europe/Berlin"}, "showAs": "busy",
		 "attendees": [{"emailAddress": {"address": "ann@mail.acme.example"}, "type": "required"}]},
		{"id": "2", "iCalUId": "u2", "subject": "Gym", "type": "singleInstance", "start": {"dateTime": "2026-10-05T12:00:00", "timeZone": "Europe/Berlin"},
		 "end": {"dateTime": "2026-10-05T13:00:00", "timeZone": "Europe/Berlin"}, "showAs": "busy"}]}`)
	config := func(rules string) string {
		return m.file("config.json", `{"id": "work", "timezone": "Europe/Berlin", "window": {"from": "2026-10-01", "to": "2026-10-31"}, "rules": `+rules+`}`)
	}
	rules := `[{"id": "acme", "name": "Acme by domain", "on": true, "all": [{"field": "attendee_domain", "op": "domain", "any": ["acme.example"]}],
		"then": {"category": "Acme - billable"}},
		{"id": "gym", "name": "Gym", "on": true, "all": [{"field": "subject", "op": "word", "any": ["gym"]}], "then": {"exclude": true}}]`
	plan := m.run("", "archive", "plan", "--events", events, "--config", config(rules), "--output", "json").ok()
	var v struct {
		Items []struct {
			EventID     string `json:"event_id"`
			Outcome     string
			Reason      string
			Appointment struct{ Customer string }
			Changes     []map[string]any
		}
	}
	plan.decode(&v)
	if len(v.Items) != 2 || v.Items[0].Appointment.Customer != "Acme" || len(v.Items[0].Changes) != 1 || v.Items[1].Reason != "rule:gym" {
		t.Fatalf("the plan is %s", plan.out)
	}
	for name, want := range map[string]any{"field": "categories", "from": "", "to": "Acme - billable", "reason": "rule:acme"} {
		if v.Items[0].Changes[0][name] != want || len(v.Items[0].Changes[0]) != 4 {
			t.Errorf("the change is %v", v.Items[0].Changes[0])
		}
	}
	m.run("", "archive", "plan", "--events", events, "--config", config(strings.Replace(rules, `"word"`, `"like"`, 1))).
		fails(exitUsage, "rules[1].all[0].op", "must be one of equals")
}
