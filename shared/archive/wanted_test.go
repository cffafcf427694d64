package archive_test

import (
	"errors"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

func TestWhatAUserWantsArchived(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	first := day("2024-01-01")
	span := func(days int) (from, to string) { return first.String(), first.AddDays(days - 1).String() }
	from, most := span(limit.RunDays)
	_, more := span(limit.RunDays + 1)
	for _, tt := range []struct {
		name  string
		want  archive.Wanted
		days  string
		field string
	}{
		{"a period", archive.Wanted{Period: "last week"}, "2026-10-19 to 2026-10-25", ""},
		{"two days", archive.Wanted{From: "2026-10-01", To: "2026-10-02"}, "2026-10-01 to 2026-10-02", ""},
		{"what is new", archive.Wanted{}, "2026-10-02 to 2026-10-31", ""},
		{"as many days as there may be", archive.Wanted{From: from, To: most}, from + " to " + most, ""},
		{"a day too many", archive.Wanted{From: from, To: more}, "", "to"},
		{"a day too many, as a period", archive.Wanted{Period: from + " to " + more}, "", "period"},
		{"no such words", archive.Wanted{Period: "some day"}, "", "period"},
		{"a period twice", archive.Wanted{Period: "today", From: "2026-10-01"}, "", "period"},
		{"no last day", archive.Wanted{From: "2026-10-01"}, "", "to"},
		{"no first day", archive.Wanted{To: "2026-10-01"}, "", "from"},
		{"a last day before the first", archive.Wanted{From: "2026-10-02", To: "2026-10-01"}, "", "to"},
		{"anew, of no days", archive.Wanted{Options: run.Options{Replace: true}}, "", "period"},
	} {
		r, err := w.configs(w.Table).NewRun(t.Context(), &c, tt.want, w.Now(), time.Monday)
		switch {
		case tt.field != "":
			if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field {
				t.Errorf("%s: %v, of the field %q", tt.name, err, fault.FieldOf(err))
			}
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case r.Days() != tt.days || r.Kind != run.Archive || r.Config != c.ID || r.Options != tt.want.Options:
			t.Errorf("%s: %s, %+v", tt.name, r.Days(), r)
		}
	}
	c.Active = false
	for name, want := range map[string]archive.Wanted{"a period": {Period: "last week"}, "what is new": {}} {
		_, err := w.configs(w.Table).NewRun(t.Context(), &c, want, w.Now(), time.Monday)
		if !errors.Is(err, archive.ErrInactive) || fault.Of(err) != fault.Conflict {
			t.Errorf("%s of a config that is not active: %v", name, err)
		}
	}
}
