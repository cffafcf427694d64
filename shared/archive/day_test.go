package archive

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

// The tests write a calendar as day(busy("a", "09:00", "10:00"), ...): clock times are those of Monday 5 October 2026 in Berlin, which is two
// hours ahead of UTC then, and the plan is of that day. "2026-10-06T09:00:00" is a time of another day.

var berlin = zoneNamed("Europe/Berlin")

func zoneNamed(name string) *time.Location {
	zone, err := calendar.LoadZone(name)
	if err != nil {
		panic(err)
	}
	return zone
}

func date(text string) calendar.Date {
	d, err := calendar.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

func day(events ...calendar.Event) []calendar.Event { return events }

// with changes an event.
type with func(*calendar.Event)

// busy returns an appointment whose subject is its id.
func busy(id, from, to string, more ...with) calendar.Event {
	e := calendar.Event{
		ID: id, ICalUID: "uid-" + id, Type: calendar.Single, Subject: id, StartZone: "Europe/Berlin", EndZone: "Europe/Berlin",
		Start: clock(from), End: clock(to), ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
		Response: calendar.Accepted,
	}
	for _, change := range more {
		change(&e)
	}
	return e
}

func clock(text string) calendar.DateTime {
	if len(text) == len("09:00") {
		text = "2026-10-05T" + text + ":00"
	}
	return calendar.DateTime{Local: text, Zone: "Europe/Berlin"}
}

func free(id, from, to string, more ...with) calendar.Event {
	return busy(id, from, to, append([]with{shown(calendar.Free)}, more...)...)
}

func tentative(id, from, to string, more ...with) calendar.Event {
	return busy(id, from, to, append([]with{shown(calendar.Tentative)}, more...)...)
}

// wholeDays is an all-day event from a date up to, and without, another one.
func wholeDays(id, from, to string, more ...with) calendar.Event {
	return busy(id, from+"T00:00:00", to+"T00:00:00", append([]with{allDay}, more...)...)
}

func shown(as calendar.ShowAs) with         { return func(e *calendar.Event) { e.ShowAs = as } }
func important(i calendar.Importance) with  { return func(e *calendar.Event) { e.Importance = i } }
func sensitive(s calendar.Sensitivity) with { return func(e *calendar.Event) { e.Sensitivity = s } }
func subject(text string) with              { return func(e *calendar.Event) { e.Subject = text } }
func categories(names ...string) with       { return func(e *calendar.Event) { e.Categories = names } }
func uid(text string) with                  { return func(e *calendar.Event) { e.ICalUID = text } }
func typed(as calendar.Type) with           { return func(e *calendar.Event) { e.Type = as } }
func inZoneOf(name string) with {
	return func(e *calendar.Event) { e.Start.Zone, e.End.Zone = name, name }
}
func madeIn(zone string) with { return func(e *calendar.Event) { e.StartZone, e.EndZone = zone, zone } }
func modified(at string) with { return func(e *calendar.Event) { e.LastModified = utc(at) } }
func originally(at string) with {
	return func(e *calendar.Event) { e.OriginalStart, e.Type = utc(at), calendar.Occurrence }
}
func allDay(e *calendar.Event)    { e.AllDay = true }
func cancelled(e *calendar.Event) { e.Cancelled = true }
func declined(e *calendar.Event)  { e.Response = calendar.Declined }
func organized(e *calendar.Event) { e.IsOrganizer = true }
func high(e *calendar.Event)      { e.Importance = calendar.High }
func low(e *calendar.Event)       { e.Importance = calendar.Low }
func billed(e *calendar.Event)    { e.Categories = []string{"Acme - billable"} }
func times(from, to calendar.DateTime) with {
	return func(e *calendar.Event) { e.Start, e.End = from, to }
}
func setting(change func(*Settings)) Settings { s := settings; change(&s); return s }

func utc(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

var (
	settings = Settings{Zone: berlin, Purpose: General, Overlaps: Resolve, OnDrift: AskOnDrift}
	monday   = calendar.Window{From: date("2026-10-05"), To: date("2026-10-05"), Zone: berlin}

	keeping   = setting(func(s *Settings) { s.Overlaps = Keep })
	asking    = setting(func(s *Settings) { s.Overlaps = Ask })
	timesheet = setting(func(s *Settings) { s.Purpose = Timesheet })
	accepting = setting(func(s *Settings) { s.OnDrift = AcceptOnDrift })
	wholeDay  = setting(func(s *Settings) { s.AllDayOverlaps = true })
)

func planOf(events []calendar.Event) Plan { return newPlan(events, monday, settings, nil) }

// outcomes has in words what became of each event, as in "superseded by b" or "excluded: declined".
type outcomes map[string]string

func outcomesOf(p Plan) outcomes {
	o := outcomes{}
	for i := range p.Items {
		it := &p.Items[i]
		text := string(it.Outcome)
		switch {
		case it.Outcome == Merged || it.Outcome == Absorbed:
			text += " into " + it.By
		case it.By != "":
			text += " by " + it.By
		case it.Reason != "":
			text += ": " + it.Reason
		}
		if before, ok := o[it.EventID]; ok {
			text = before + ", " + text
		}
		o[it.EventID] = text
	}
	return o
}

// actionsOf returns what the user is asked, as in "overlap a b".
func actionsOf(p Plan) []string {
	actions := []string{}
	for _, a := range p.Actions {
		actions = append(actions, a.Kind+" "+strings.Join(a.EventIDs, " "))
	}
	return actions
}

// groupsOf returns the overlaps, as in "a b: conflict".
func groupsOf(p Plan) []string {
	groups := []string{}
	for _, o := range p.Overlaps {
		groups = append(groups, strings.Join(o.EventIDs, " ")+": "+o.Outcome)
	}
	return groups
}

// itemOf returns the only item of that event.
func itemOf(t testing.TB, p Plan, id string) *Item {
	t.Helper()
	i := slices.IndexFunc(p.Items, func(it Item) bool { return it.EventID == id })
	if i < 0 {
		t.Fatalf("the plan has no item %q", id)
	}
	return &p.Items[i]
}

// hours returns an appointment's time in Berlin, as in "09:00-10:00".
func hours(a *calendar.Appointment) string {
	return a.Start.In(berlin).Format("15:04") + "-" + a.End.In(berlin).Format("15:04")
}

// heldAfter returns what the ledger holds after the plan was carried out.
func heldAfter(t fataler, p Plan) []Standing {
	held, err := ReadStanding(strings.NewReader(asJSON(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func asJSON(t fataler, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fataler is a test of either package, testing or rapid.
type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// testOutcomes checks what becomes of each event and what the user is asked. Without wanted actions there must be none.
type testOutcomes []struct {
	name     string
	settings Settings // zero: settings
	held     []calendar.Event
	events   []calendar.Event
	want     outcomes
	actions  []string
}

func (rows testOutcomes) run(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := row.settings
			if s.Zone == nil {
				s = settings
			}
			var held []Standing
			if row.held != nil {
				// What is held was archived without being asked about.
				before := s
				before.Overlaps, before.Purpose = Keep, General
				held = heldAfter(t, newPlan(row.held, monday, before, nil))
			}
			plan := newPlan(row.events, monday, s, held)
			if got := outcomesOf(plan); !maps.Equal(got, row.want) {
				t.Errorf("got  %v\nwant %v", got, row.want)
			}
			if got := actionsOf(plan); !slices.Equal(got, row.actions) {
				t.Errorf("got actions %q, want %q", got, row.actions)
			}
			if !plan.Balanced() || plan.Counts.Fetched != len(row.events) {
				t.Errorf("not balanced: %v", plan.Counts)
			}
		})
	}
}
