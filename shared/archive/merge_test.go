package archive

import (
	"testing"

	"golang.org/x/text/cases"

	"adminassistant/shared/calendar"
)

func TestMergeDuplicates(t *testing.T) {
	testOutcomes{
		{
			name:     "the same iCalUId and start",
			settings: keeping,
			events:   day(busy("a", "09:00", "10:00", uid("u")), busy("b", "09:00", "11:00", uid("u"))),
			want:     outcomes{"a": "archived", "b": "merged into a"},
		}, {
			name:     "the same iCalUId at another start is another instance",
			settings: keeping,
			events:   day(busy("a", "09:00", "10:00", uid("u")), busy("b", "09:01", "10:00", uid("u"))),
			want:     outcomes{"a": "archived", "b": "archived"},
		}, {
			name:     "no iCalUId is nobody's iCalUId",
			settings: keeping,
			events:   day(busy("a", "09:00", "10:00", uid("")), busy("b", "09:00", "10:00", uid(""))),
			want:     outcomes{"a": "archived", "b": "archived"},
		}, {
			name:     "the same subject but for space and case, and the same times",
			settings: keeping,
			events:   day(busy("a", "09:00", "10:00", subject("Straße ")), busy("b", "09:00", "10:00", subject("\tSTRASSE"))),
			want:     outcomes{"a": "archived", "b": "merged into a"},
		}, {
			name:     "space inside a subject counts",
			settings: keeping,
			events:   day(busy("a", "09:00", "10:00", subject("x y")), busy("b", "09:00", "10:00", subject("x  y"))),
			want:     outcomes{"a": "archived", "b": "archived"},
		}, {
			name:     "no subject is nobody's subject",
			settings: keeping,
			events:   day(busy("a", "09:00", "10:00", subject("")), busy("b", "09:00", "10:00", subject("  ")), busy("c", "09:00", "10:00", subject(""))),
			want:     outcomes{"a": "archived", "b": "archived", "c": "archived"},
		}, {
			name:     "the same subject and start with another end",
			settings: keeping,
			events:   day(busy("a", "09:00", "10:00", subject("x")), busy("b", "09:00", "10:01", subject("x"))),
			want:     outcomes{"a": "archived", "b": "archived"},
		}, {
			name:     "the same times written in different zones",
			settings: keeping,
			events:   day(busy("a", "09:00", "10:00", subject("x")), busy("b", "2026-10-05T07:00:00", "2026-10-05T08:00:00", subject("x"), inZoneOf("UTC"))),
			want:     outcomes{"a": "archived", "b": "merged into a"},
		}, {
			name:     "an all-day event is no duplicate of a timed one",
			settings: keeping,
			events:   day(wholeDays("a", "2026-10-05", "2026-10-06", subject("x")), busy("b", "2026-10-05T00:00:00", "2026-10-06T00:00:00", subject("x"))),
			want:     outcomes{"a": "archived", "b": "archived"},
		}, {
			name:     "but it is with the same iCalUId",
			settings: keeping,
			events:   day(wholeDays("a", "2026-10-05", "2026-10-06", uid("u")), busy("b", "2026-10-05T00:00:00", "2026-10-05T01:00:00", uid("u"))),
			want:     outcomes{"a": "archived", "b": "merged into a"},
		}, {
			name:     "the relation is transitive",
			settings: keeping,
			events: day(
				busy("c", "09:00", "10:00", uid("u"), subject("x")),
				busy("b", "09:00", "10:00", uid("v"), subject("x")),
				busy("a", "09:00", "11:00", uid("v"), subject("y")),
				busy("d", "09:00", "11:00", uid("w"), subject("y")),
			),
			want: outcomes{"a": "archived", "b": "merged into a", "c": "merged into a", "d": "merged into a"},
		}, {
			name:   "the same id at two times",
			events: day(busy("a", "09:00", "10:00"), busy("a", "11:00", "12:00", uid("another"), modified("2026-10-01T00:00:00Z"))),
			want:   outcomes{"a": "merged into a, archived"},
		}, {
			name:   "the same id listed twice",
			events: day(busy("a", "09:00", "10:00"), busy("a", "09:00", "10:00")),
			want:   outcomes{"a": "archived, merged into a"},
		},
	}.run(t)
}

func TestMergeKeepsTheBest(t *testing.T) {
	twin := subject("x")
	testOutcomes{
		{
			name:   "one that is not cancelled before one the user organises",
			events: day(busy("a", "09:00", "10:00", twin, cancelled, organized, modified("2026-10-09T00:00:00Z")), busy("b", "09:00", "10:00", twin)),
			want:   outcomes{"a": "merged into b", "b": "archived"},
		}, {
			name:   "one the user organises before one that was modified later",
			events: day(busy("a", "09:00", "10:00", twin, modified("2026-10-09T00:00:00Z")), busy("b", "09:00", "10:00", twin, organized)),
			want:   outcomes{"a": "merged into b", "b": "archived"},
		}, {
			name:   "one that was modified later before one with a smaller id",
			events: day(busy("a", "09:00", "10:00", twin, modified("2026-10-01T00:00:00Z")), busy("b", "09:00", "10:00", twin, modified("2026-10-01T00:00:00.001Z"))),
			want:   outcomes{"a": "merged into b", "b": "archived"},
		}, {
			name:   "one that was never modified is the oldest",
			events: day(busy("a", "09:00", "10:00", twin), busy("b", "09:00", "10:00", twin, modified("2026-10-01T00:00:00Z"))),
			want:   outcomes{"a": "merged into b", "b": "archived"},
		}, {
			name:   "else the smallest id, by bytes",
			events: day(busy("a", "09:00", "10:00", twin), busy("B", "09:00", "10:00", twin), busy("a0", "09:00", "10:00", twin)),
			want:   outcomes{"a": "merged into B", "a0": "merged into B", "B": "archived"},
		}, {
			name:   "of cancelled ones only, too",
			events: day(busy("a", "09:00", "10:00", twin, cancelled), busy("b", "09:00", "10:00", twin, cancelled, organized)),
			want:   outcomes{"a": "merged into b", "b": "archived"},
		},
	}.run(t)
}

func TestFoldSubjectDoesNotMindWhereItIsASCII(t *testing.T) {
	fold := cases.Fold()
	for _, same := range [][]string{{"Kick-off", " KICK-OFF "}, {"STRASSE", "Straße"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"\u212Aelvin", "kelvin"}} {
		if a, b := foldSubject(fold, same[0]), foldSubject(fold, same[1]); a != b {
			t.Errorf("%q and %q are %q and %q", same[0], same[1], a, b)
		}
	}
	if foldSubject(fold, " \u00a0\t") != "" {
		t.Error("space alone is a subject")
	}
}

func TestMergeLosesNothingOfTheKeptOne(t *testing.T) {
	plan := planOf(day(
		busy("b", "09:00", "10:00", uid("u"), categories("Acme - billable")),
		busy("a", "09:00", "10:00", uid("u"), cancelled, sensitive(calendar.Private)),
	))
	it := itemOf(t, plan, "b")
	if it.Outcome != Archived || it.Appointment.Customer != "Acme" || it.Appointment.Sensitivity != calendar.Normal || len(it.Changes) != 0 {
		t.Errorf("%+v", it)
	}
}
