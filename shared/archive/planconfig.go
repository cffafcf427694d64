package archive

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/rule"
	"adminassistant/shared/strictjson"
)

// PlanConfig is the config file of a plan that is made from files alone.
type PlanConfig struct {
	ID       string
	Window   calendar.Window
	Settings Settings
	Rules    *rule.Set // nil: there are none
}

// ReadPlanConfig reads the JSON form
//
//	{"id": "work", "timezone": "Europe/Berlin", "purpose": "general", "overlaps": "resolve", "all_day_overlaps": false,
//	 "on_drift": "ask", "window": {"from": "2026-10-01", "to": "2026-10-31"}, "rules": []}
//
// with from and to as local days, both included, and rules as rule.Read has them. Purpose, overlaps and on_drift may be left out and are then "general", "ask"
// and "ask". Errors are of kind fault.Invalid and name the field.
func ReadPlanConfig(r io.Reader) (PlanConfig, error) {
	var file struct {
		ID             string  `json:"id"`
		Timezone       string  `json:"timezone"`
		Purpose        Purpose `json:"purpose"`
		Overlaps       Policy  `json:"overlaps"`
		AllDayOverlaps bool    `json:"all_day_overlaps"`
		OnDrift        OnDrift `json:"on_drift"`
		Window         *struct {
			From string `json:"from"`
			To   string `json:"to"`
		} `json:"window"`
		Rules []rule.Draft `json:"rules"`
	}
	if err := strictjson.Decode(r, &file); err != nil {
		return PlanConfig{}, fmt.Errorf("the config: %w", err)
	}
	window := file.Window
	if window == nil {
		return PlanConfig{}, fault.Field("window", `is missing; give it as {"from": "2026-10-01", "to": "2026-10-31"}`)
	}
	settings, err := NewSettings(file.Timezone, orElse(file.Purpose, General), orElse(file.Overlaps, Ask), file.AllDayOverlaps, orElse(file.OnDrift, AskOnDrift))
	if err != nil {
		return PlanConfig{}, err
	}
	rules, err := newRuleSet(file.Rules)
	if err != nil {
		return PlanConfig{}, err
	}
	from, err := calendar.ParseDate(window.From)
	if err != nil {
		return PlanConfig{}, fault.Field("window.from", "must be a day as in 2026-10-01, not %q", window.From)
	}
	to, err := calendar.ParseDate(window.To)
	if err != nil {
		return PlanConfig{}, fault.Field("window.to", "must be a day as in 2026-10-31, not %q", window.To)
	}
	w, err := calendar.NewWindow(from, to, settings.Zone)
	if err != nil {
		return PlanConfig{}, err
	}
	return PlanConfig{ID: file.ID, Window: w, Settings: settings, Rules: rules}, nil
}

// newRuleSet checks and compiles rules; nil: there are none. Errors are those of rule.Check.
func newRuleSet(drafts []rule.Draft) (*rule.Set, error) {
	if len(drafts) == 0 {
		return nil, nil
	}
	rules, err := rule.Check(drafts)
	if err != nil {
		return nil, err
	}
	return rule.Compile(rules)
}

// NewSettings checks the values of an archive config. Errors are of kind fault.Invalid and name the field.
func NewSettings(timezone string, purpose Purpose, overlaps Policy, allDay bool, onDrift OnDrift) (Settings, error) {
	if timezone == "" {
		return Settings{}, fault.Field("timezone", `is missing; give an IANA zone as in "Europe/Berlin"`)
	}
	zone, err := calendar.LoadZone(timezone)
	if err != nil {
		return Settings{}, fault.Field("timezone", `names no time zone that is known: %q; give an IANA zone as in "Europe/Berlin"`, timezone)
	}
	if err := oneOf("purpose", purpose, General, Timesheet); err != nil {
		return Settings{}, err
	}
	if err := oneOf("overlaps", overlaps, Keep, Ask, Resolve); err != nil {
		return Settings{}, err
	}
	if err := oneOf("on_drift", onDrift, AskOnDrift, AcceptOnDrift); err != nil {
		return Settings{}, err
	}
	return Settings{Zone: zone, Purpose: purpose, Overlaps: overlaps, AllDayOverlaps: allDay, OnDrift: onDrift}, nil
}

func oneOf[T ~string](field string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return fault.Field(field, "must be one of %s, not %q", strings.Join(words, ", "), value)
}
