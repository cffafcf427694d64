package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/httpapi"
)

const setUpFile = `configs:
  - name: work
    source: local://me/calendars/Work
    archive: local://me/calendars/Archive
    timezone: Europe/Berlin
    overlaps: resolve
    rules:
      - id: lunch
        name: Lunch
        all: [{field: subject, op: word, any: [lunch]}]
        then: {privacy: private}
---
customers:
  - name: Acme
    aliases: [Acme GmbH]
    currency: EUR
    rates: [{from: 2026-01-01, work: "120.00", travel: 50%}]
jobs:
  - name: nightly
    config: work
    schedule: {repeat: daily, at: 23:59, zone: Europe/Berlin}
  - {kind: backup, config: work, schedule: {repeat: weekly, at: "04:00", weekdays: [monday], zone: Europe/Berlin}, retention: {last: 7}, state: paused}
`

func TestASetUpIsAppliedExportedAndAppliedAgain(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	file := m.file("setup.yaml", setUpFile)
	m.local("apply", "-f", file, "--dry-run").ok().says("Nothing was changed", "4 created, 0 changed, 0 unchanged")
	m.local("config", "list").ok().says("Nothing to show.")
	m.local("apply", "-f", file).ok().says("4 created, 0 changed, 0 unchanged")
	m.local("apply", "-f", file).ok().says("0 created, 0 changed, 4 unchanged")
	m.local("rule", "list", "--config", "work").ok().says("lunch: Lunch")
	m.local("job", "show", "nightly").ok().says("daily at 23:59", "active")
	m.local("job", "list", "--state", "paused").ok().says("backup")

	exported := m.local("export").ok().says("name: nightly", "- name: Acme", "state: paused", "privacy: private").out
	for _, form := range []string{"yaml", "json"} {
		again := m.file("exported."+form, m.local("export", "-o", form).ok().out)
		m.local("apply", "-f", again).ok().says("0 created, 0 changed, 4 unchanged")
	}
	other := newMachine(t)
	other.local("calendar", "create", work).ok()
	copied := other.file("copied.yaml", exported)
	other.local("apply", "-f", copied).ok().says("4 created")
	if twice := other.local("export").ok().out; twice != exported {
		t.Errorf("exported there:\n%s\nand here:\n%s", twice, exported)
	}

	changed := m.file("changed.yaml", strings.NewReplacer("overlaps: resolve", "overlaps: ask\n    active: false", "50%", "60%", "23:59", "22:30", "state: paused",
		"state: active").Replace(setUpFile))
	m.local("apply", "-f", changed, "--dry-run").ok().says("overlaps: resolve -> ask", "active: true -> false", "50%", "60%", "22:30",
		"0 created, 4 changed, 0 unchanged")
	var list []struct {
		Kind, Name, Outcome string
		Fields              []struct{ Field string }
	}
	m.local("apply", "-f", changed, "--dry-run", "-o", "json").ok().decode(&list)
	if len(list) != 4 || list[0].Outcome != "changed" || len(list[0].Fields) != 2 || list[0].Fields[0].Field != "overlaps" {
		t.Errorf("the differences are %+v", list)
	}
	m.local("config", "show", "work").ok().says("resolve")
	r := m.run(string(mustRead(t, changed)), append(m.flags(), "apply", "-f", "-")...)
	if r.code != exitFailed || !strings.Contains(r.err, "job") { // a job of a config that is not active does not go on
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	m.local("config", "show", "work").ok().says("ask", "false")
}

func TestASetUpIsCheckedBeforeAnythingChanges(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	for _, tt := range []struct {
		name, from, to string
		says           []string
	}{
		{"a field that is not known", "overlaps: resolve", "overlap: resolve", []string{`configs[0].overlap is not a known field; did you mean "overlaps"?`}},
		{"a value that is none", "overlaps: resolve", "overlaps: dice", []string{"configs[0].overlaps", "dice"}},
		{"a rule that is wrong", "op: word", "op: wood", []string{"configs[0].rules[0].all[0].op"}},
		{"a number for a text", `work: "120.00"`, "work: 120.00", []string{"customers[0].rates[0].work must be a string"}},
		{"a customer without a currency", "currency: EUR", "locale: en", []string{"customers[0].currency"}},
		{"a job of a config that is not there", "    config: work", "    config: play", []string{`jobs[0].config is "play"`}},
		{"a time that is none", "at: 23:59", "at: 25:59", []string{"jobs[0].schedule.at"}},
		{"a kind of jobs that is none", "kind: backup", "kind: dance", []string{`jobs[1].kind is "dance"`}},
		{"a state that is none", "state: paused", "state: asleep", []string{"jobs[1].state is asleep"}},
		{"the same twice", "customers:\n", "customers:\n  - name: ACME\n", []string{"customers[1].name", "twice"}},
		{"a name twice", "    overlaps: resolve", "    name: other", []string{"line ", "twice"}},
		{"no YAML", "configs:", "configs: [", []string{"neither YAML nor JSON"}},
		{"another file", setUpFile, "subject: Review\n", []string{"subject is not a known field"}},
		{"an empty file", setUpFile, "", []string{"there is nothing in it"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m.t = t
			text := strings.Replace(setUpFile, tt.from, tt.to, 1)
			if text == setUpFile {
				t.Fatal("nothing was replaced")
			}
			r := m.local("apply", "-f", m.file("wrong.yaml", text))
			if r.code != exitUsage || r.out != "" {
				t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
			}
			for _, say := range tt.says {
				if !strings.Contains(r.err, say) {
					t.Errorf("it does not say %q: %s", say, r.err)
				}
			}
		})
	}
	m.t = t
	m.local("customer", "create", "Globex").ok()
	m.local("export").ok().without("work", "Acme", "nightly")
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 'b'; i < 'j'; i++ {
		bomb += string(i) + ": &" + string(i) + " [" + strings.Repeat("*"+string(i-1)+", ", 10) + "]\n"
	}
	m.local("apply", "-f", m.file("bomb.yaml", bomb)).fails(exitUsage, "bomb.yaml")
}

// flags are those by which a command is told the stores of the machine.
func (m *machine) flags() []string {
	if m.token != "" {
		return nil
	}
	return []string{"--local"}
}

func TestApplyKnowsEveryFieldOfTheAPI(t *testing.T) {
	names := func(v any) (all []string) {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				all = append(all, name)
			}
		}
		return all
	}
	for _, tt := range []struct {
		of    *kindOfThing
		input any
	}{{&ofConfigs, httpapi.ConfigInput{}}, {&ofCustomers, httpapi.CustomerInput{}}, {&ofJobs, httpapi.JobSettings{}}} {
		for _, name := range names(tt.input) {
			if !slices.Contains(tt.of.fields, name) {
				t.Errorf("apply does not know %s of a %s", name, tt.of.word)
			}
		}
	}
	var settable []string
	f := (&program{}).root()
	edit, _, err := f.Find([]string{"config", "edit"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names(httpapi.ConfigInput{}) {
		if flag := edit.Flags().Lookup(strings.ReplaceAll(name, "_", "-")); flag == nil && name != "rules" { // which have commands of their own
			settable = append(settable, name)
		}
	}
	if settable != nil {
		t.Errorf("config edit has no flags for %q", settable)
	}
}

func TestSettings(t *testing.T) {
	m := newMachine(t)
	m.local("settings", "show").ok().says("Time zone", "UTC", "Told of problems", "app")
	m.local("settings", "set").fails(exitUsage, "nothing to change")
	m.local("settings", "set", "--notify", "digest=email").fails(exitUsage, "email")
	m.local("settings", "set", "--notify", "news=email").fails(exitUsage, "sign-in and digest")
	m.local("settings", "set", "--notify", "runs=pigeon").fails(exitUsage, "pigeon")
	m.local("settings", "set", "--timezone", "Mars/Base").fails(exitUsage, "Mars/Base")
	m.local("settings", "set", "--timezone", "Europe/Berlin", "--email", "me@example.com", "--notify", "digest=email", "--notify", "sign-in=app,email",
		"--notify", "runs=none", "--letterhead", "Ann Example", "--letterhead", "Berlin", "--digest-at", "07:30").ok().
		says("Europe/Berlin", "me@example.com", "Ann Example, Berlin", "07:30")
	m.local("settings", "set", "--locale", "de-DE", "--week-start", "sunday").ok()
	var s struct {
		Timezone, Email, Letterhead, Locale string
		WeekStart                           string `json:"week_start"`
		Notifications                       map[string]map[string]bool
	}
	m.local("settings", "show", "-o", "json").ok().decode(&s)
	if s.Timezone != "Europe/Berlin" || s.Letterhead != "Ann Example\nBerlin" || s.Locale != "de-DE" || s.WeekStart != "sunday" ||
		!s.Notifications["digest"]["email"] || s.Notifications["digest"]["in_app"] || s.Notifications["runs"]["in_app"] || !s.Notifications["sign_in"]["email"] {
		t.Errorf("settings %+v", s)
	}
}
