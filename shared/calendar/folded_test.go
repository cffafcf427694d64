package calendar_test

import (
	"testing"

	"adminassistant/shared/calendar"
)

func TestNamesAreComparedWithoutCaseSpacesAndEncoding(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"  Acme\u00a0\t GmbH ":    "acme gmbh",
		"Cafe\u0301 Mu\u0308ller": "café müller",
		"STRASSE":                 "strasse",
		"Straße":                  "strasse",
		"\u01f0":                  "ǰ", // its folded form is two characters, and composes again
	} {
		if got := calendar.Folded(text); got != want {
			t.Errorf("%q folds to %q, not %q", text, got, want)
		}
		if again := calendar.Folded(calendar.Folded(text)); again != calendar.Folded(text) {
			t.Errorf("%q folds to %q, and that again to %q", text, calendar.Folded(text), again)
		}
	}
}
