package timesheet_test

import (
	"slices"
	"testing"
	"time"

	"adminassistant/shared/timesheet"
)

// retained are the ids of the sheets that Ann wants to keep for years, and until when, as at an instant.
func (w *world) retained(at string, years int) (told []string, kept []timesheet.Retained) {
	w.t.Helper()
	now, err := time.Parse(time.RFC3339, at)
	must(w.t, err)
	w.Sheets.Clock = func() time.Time { return now }
	kept, err = w.Retained(w.t.Context(), ann, years)
	must(w.t, err)
	for _, k := range kept {
		told = append(told, k.Record.ID+" "+k.Until.String())
	}
	return told, kept
}

func TestALockedSheetIsKeptFromTheEndOfTheYearInWhichItWasLocked(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-09-05 09:00", 60), entry("b", 1, "2026-10-05 09:00", 60))
	first := w.locked(period("2026-09-01", "2026-09-30"))
	w.Sheets.Clock = func() time.Time { return time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC) } // 2027 in Berlin
	second := w.locked(october)
	must(t, discard(w.Approve(t.Context(), ann, w.create("Acme", november).Record.ID, "")))
	w.create("Acme", december)

	for _, c := range []struct {
		at    string
		years int
		want  []string
	}{
		{"2027-02-01T00:00:00Z", 10, []string{second.ID + " 2037-12-31", first.ID + " 2036-12-31"}},
		{"2027-02-01T00:00:00Z", 1, []string{second.ID + " 2028-12-31", first.ID + " 2027-12-31"}},
		{"2036-12-31T22:59:00Z", 10, []string{second.ID + " 2037-12-31", first.ID + " 2036-12-31"}}, // the last minute in Berlin
		{"2036-12-31T23:00:00Z", 10, []string{second.ID + " 2037-12-31"}},
		{"2037-12-31T23:00:00Z", 10, nil},
	} {
		if told, _ := w.retained(c.at, c.years); !slices.Equal(told, c.want) {
			t.Errorf("at %s, for %d years: %q", c.at, c.years, told)
		}
	}
}

func TestTheCodeOfWhatIsRetainedStandsForExactlyThat(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-09-05 09:00", 60), entry("b", 1, "2026-10-05 09:00", 60))
	w.locked(period("2026-09-01", "2026-09-30"))
	w.locked(october)
	_, kept := w.retained("2027-02-01T00:00:00Z", 10)
	_, longer := w.retained("2027-02-01T00:00:00Z", 11)
	both := timesheet.RetainedCode(kept)
	if len(both) != 12 || both != timesheet.RetainedCode([]timesheet.Retained{kept[1], kept[0]}) {
		t.Errorf("of both it is %q", both)
	}
	seen := map[string]bool{both: true}
	for _, other := range [][]timesheet.Retained{nil, kept[:1], kept[1:], longer} {
		if code := timesheet.RetainedCode(other); seen[code] || (code == "") != (len(other) == 0) {
			t.Errorf("of %d others it is %q", len(other), code)
		} else {
			seen[code] = true
		}
	}
}
