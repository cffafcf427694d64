package archive

import (
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

const config = `{"id": "work", "timezone": "Europe/Berlin", "purpose": "timesheet", "overlaps": "resolve", "all_day_overlaps": true,
 "on_drift": "accept", "window": {"from": "2026-10-01", "to": "2026-10-31"}, "rules": []}`

func TestReadPlanConfig(t *testing.T) {
	c, err := ReadPlanConfig(strings.NewReader(config))
	if err != nil {
		t.Fatal(err)
	}
	want := PlanConfig{
		ID: "work", Window: calendar.Window{From: date("2026-10-01"), To: date("2026-10-31"), Zone: berlin},
		Settings: Settings{Zone: berlin, Purpose: Timesheet, Overlaps: Resolve, AllDayOverlaps: true, OnDrift: AcceptOnDrift},
	}
	if c.Settings.Zone.String() != "Europe/Berlin" || c.Window.Zone.String() != "Europe/Berlin" {
		t.Errorf("zones %v and %v", c.Settings.Zone, c.Window.Zone)
	}
	c.Settings.Zone, c.Window.Zone = berlin, berlin
	if c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

func TestReadPlanConfigPassesOverAByteOrderMark(t *testing.T) {
	if c, err := ReadPlanConfig(strings.NewReader("\ufeff" + config)); err != nil || c.ID != "work" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestReadPlanConfigHasDefaults(t *testing.T) {
	c, err := ReadPlanConfig(strings.NewReader(`{"timezone": "W. Europe Standard Time", "window": {"from": "2026-10-01", "to": "2026-10-01"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Settings.Purpose != General || c.Settings.Overlaps != Ask || c.Settings.AllDayOverlaps || c.Settings.OnDrift != AskOnDrift {
		t.Errorf("got %+v", c.Settings)
	}
	if got := c.Window.End().Sub(c.Window.Start()).Hours(); got != 24 || c.Window.Zone.String() != "Europe/Berlin" {
		t.Errorf("the window is %v hours in %v", got, c.Window.Zone)
	}
}

func TestReadPlanConfigNamesTheFieldAtFault(t *testing.T) {
	for _, tt := range []struct{ name, old, new, field string }{
		{"no zone", `"timezone": "Europe/Berlin"`, `"timezone": ""`, "timezone"},
		{"an unknown zone", `"Europe/Berlin"`, `"Europe/Atlantis"`, "timezone"},
		{"the machine's zone", `"Europe/Berlin"`, `"Local"`, "timezone"},
		{"an unknown purpose", `"timesheet"`, `"fun"`, "purpose"},
		{"a purpose in another case", `"timesheet"`, `"Timesheet"`, "purpose"},
		{"an unknown policy", `"resolve"`, `"drop"`, "overlaps"},
		{"an unknown way with drift", `"accept"`, `"ignore"`, "on_drift"},
		{"a number for a flag", `"all_day_overlaps": true`, `"all_day_overlaps": 1`, "all_day_overlaps"},
		{"a list for a text", `"id": "work"`, `"id": ["work"]`, "id"},
		{"an unknown field", `"id"`, `"ids"`, "ids"},
		{"a field in another case", `"id"`, `"ID"`, "ID"},
		{"a field twice", `"id"`, `"purpose": "general", "id"`, "purpose"},
		{"a field in two cases", `"id"`, `"Purpose": "general", "id"`, "purpose"},
		{"a field of the window twice", `"from"`, `"From": "2026-09-01", "from"`, "window.from"},
		{"an unknown field of the window", `"from"`, `"since"`, "window.since"},
		{"no window", `"window": {"from": "2026-10-01", "to": "2026-10-31"}, `, ``, "window"},
		{"a null window", `{"from": "2026-10-01", "to": "2026-10-31"}`, `null`, "window"},
		{"no from", `"from": "2026-10-01", `, ``, "window.from"},
		{"no to", `, "to": "2026-10-31"`, ``, "window.to"},
		{"a day that is none", `"2026-10-31"`, `"2026-10-32"`, "window.to"},
		{"a time for a day", `"2026-10-01"`, `"2026-10-01T00:00:00Z"`, "window.from"},
		{"a number for a day", `"2026-10-01"`, `20261001`, "window.from"},
		{"to before from", `"2026-10-31"`, `"2026-09-30"`, "window.to"},
		{"the first day of the first year", `"2026-10-01"`, `"0001-01-01"`, "window.from"},
		{"an unknown field of a rule", `"rules": []`, `"rules": [{"match": "x"}]`, "rules[0].match"},
		{"a rule that is none", `"rules": []`, `"rules": [{"id": "a b"}]`, "rules[0].id"},
		{
			"a pattern that is none", `"rules": []`,
			`"rules": [{"id": "a", "name": "A", "all": [{"field": "subject", "op": "regex", "any": ["x", "("]}], "then": {"exclude": true}}]`,
			"rules[0].all[0].any[1]",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(config, tt.old, tt.new, 1)
			if text == config {
				t.Fatal("the case changes nothing")
			}
			_, err := ReadPlanConfig(strings.NewReader(text))
			if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field || !strings.Contains(err.Error(), tt.field) {
				t.Errorf("got %v (%v, field %q), want field %q", err, fault.Of(err), fault.FieldOf(err), tt.field)
			}
		})
	}
}

func TestReadPlanConfigRefusesWhatIsNoConfig(t *testing.T) {
	for _, text := range []string{"", "null", "[]", `"work"`, "{", config + "{}", config + "x", "\xff\xfe{\x00", `{"window": 1, "timezone": "UTC"}`} {
		if _, err := ReadPlanConfig(strings.NewReader(text)); err == nil || fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ReadPlanConfig(failing{}); err == nil {
		t.Error("a read that failed is a config")
	}
}

func FuzzReadPlanConfig(f *testing.F) {
	f.Add(config)
	f.Add(`{"timezone": "UTC", "window": {"from": "0001-01-02", "to": "9999-12-30"}}`)
	f.Add(`{"timezone": "W. Europe Standard Time", "window": {"from": "2026-10-25", "to": "2026-10-25"}, "rules": null}`)
	f.Add(`{"window": []}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadPlanConfig(strings.NewReader(text))
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Errorf("%v is %v", err, fault.Of(err))
			}
			return
		}
		if c.Settings.Zone == nil || c.Window.Zone == nil || c.Window.To.Before(c.Window.From) || c.Window.End().Before(c.Window.Start()) {
			t.Errorf("%+v", c)
		}
		plan := newPlan(day(busy("a", "09:00", "10:00")), c.Window, c.Settings, nil)
		heldAfter(t, plan)
	})
}
