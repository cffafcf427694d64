package archive_test

import (
	"testing"

	"adminassistant/shared/run"
)

// september is a run of that month.
func september(r *run.Run) { r.From, r.To = day("2026-09-01"), day("2026-09-30") }

func TestANightShiftOfTheMonthBeforeStandsInTheWayOfACall(t *testing.T) {
	w := newWorld(t)
	w.add("Night shift", "2026-09-30T22:00", "2026-10-01T06:00")
	c := w.config()
	w.archive(c, september)
	w.add("Call", "2026-10-01T01:00", "2026-10-01T02:00")
	w.add("Lunch", "2026-10-01T12:00", "2026-10-01T13:00")
	for _, night := range []string{"first", "second"} {
		_, result := w.archive(c)
		if n := result.Counts; n.Conflicted != 1 || n.Archived+n.Unchanged != 1 || n.Excluded != 1 || result.Overlaps != 1 || result.Actions != 1 {
			t.Errorf("the %s night: %+v", night, result)
		}
	}
	expect(t, "copies", w.copies(), "Lunch 2026-10-01T10:00", "Night shift 2026-09-30T20:00")
}

func TestAShortNightDoesNotForgetHowLongAShiftMayBe(t *testing.T) {
	w := newWorld(t)
	w.add("Night shift", "2026-09-30T22:00", "2026-10-01T06:00")
	w.add("Lunch", "2026-10-02T12:00", "2026-10-02T13:00")
	c := w.config()
	w.archive(c, september)
	w.archive(c) // its longest appointment is of an hour
	w.add("Call", "2026-10-01T01:00", "2026-10-01T02:00")
	if _, result := w.archive(c); result.Counts.Conflicted != 1 || result.Counts.Archived != 0 {
		t.Errorf("%+v", result)
	}
}
