package archive

import (
	"strings"
	"testing"

	"adminassistant/shared/calendar"
)

func TestWhatAFileSetsAsideIsExcluded(t *testing.T) {
	plan := NewPlan(Input{
		Events: []calendar.Event{busy("a", "09:00", "10:00", func(e *calendar.Event) { e.Issues = []string{"another zone"} })}, Window: monday, Settings: keeping,
		Aside: []calendar.Aside{
			{Line: 7, UID: "b", Subject: "Bad", Reason: calendar.Unreadable, Detail: "no content line"},
			{Line: 9, Reason: calendar.InvalidTime, Detail: "DTSTART is missing"},
		},
	})
	if plan.Counts.Fetched != 3 || plan.Counts.Excluded != 2 || plan.Counts.Archived != 1 || !plan.Balanced() {
		t.Fatalf("%+v", plan.Counts)
	}
	got := map[string]Item{}
	for _, it := range plan.Items {
		got[it.EventID] = it
	}
	if it := got["b"]; it.Reason != "unreadable" || strings.Join(it.Issues, "") != "line 7: no content line" || it.Appointment.Subject != "Bad" {
		t.Errorf("%+v", it)
	}
	if it := got["line 9"]; it.Reason != "invalid_time" {
		t.Errorf("%+v", it)
	}
	if it := got["a"]; strings.Join(it.Issues, "") != "another zone" {
		t.Errorf("%+v", it)
	}
}

func TestAnArchivedEventThatCannotBeReadAnyMoreHasNotVanished(t *testing.T) {
	held := heldAfter(t, newPlan([]calendar.Event{busy("a", "09:00", "10:00")}, monday, keeping, nil))
	plan := NewPlan(Input{Window: monday, Settings: keeping, Standing: held,
		Aside: []calendar.Aside{{Line: 7, UID: "uid-a", Subject: "a", Reason: calendar.Unreadable, Detail: "no content line"}}})
	if plan.Counts.Vanished != 0 || plan.Counts.Drifted != 1 || !plan.Balanced() {
		t.Errorf("%+v", plan.Counts)
	}
}
