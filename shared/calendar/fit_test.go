package calendar

import (
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

func TestLinesAreCutAtWhatOutlookKeeps(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		cut  string
	}{
		"nothing":                             {"", ""},
		"as long as may be":                   {strings.Repeat("x", 255), strings.Repeat("x", 255)},
		"one more":                            {strings.Repeat("x", 256), strings.Repeat("x", 252) + "..."},
		"letters of two units count twice":    {strings.Repeat("\U0001F600", 128), strings.Repeat("\U0001F600", 126) + "..."},
		"no half of a letter is left":         {strings.Repeat("x", 251) + strings.Repeat("\U0001F600", 3), strings.Repeat("x", 251) + "..."},
		"letters of many bytes count as one":  {strings.Repeat("ä", 255), strings.Repeat("ä", 255)},
		"a letter of two units at the end":    {strings.Repeat("x", 253) + "\U0001F600", strings.Repeat("x", 253) + "\U0001F600"},
		"a letter of two units over the edge": {strings.Repeat("x", 254) + "\U0001F600", strings.Repeat("x", 252) + "..."},
	} {
		t.Run(name, func(t *testing.T) {
			got, was := cutLine(tt.text)
			if got != tt.cut || was != (tt.text != tt.cut) || len(utf16.Encode([]rune(got))) > MaxLine {
				t.Errorf("%q, %t", got, was)
			}
			if again, was := cutLine(got); again != got || was {
				t.Errorf("it is cut again: %q", again)
			}
		})
	}
}

func TestDraftsAreFittedToOutlook(t *testing.T) {
	at := func(s string) DateTime { return DateTime{Local: s, Zone: "Europe/Berlin"} }
	categories := []string{"short", strings.Repeat("c", 300)}
	d := Draft{Subject: "Short", Categories: categories, Start: at("2026-10-05T09:00:30.5"), End: at("2026-10-05T10:00:59")}
	single := d
	if notes := single.FitOutlook(false); len(notes) != 1 || single.Start != d.Start || len(single.Categories[1]) != MaxLine || len(categories[1]) != 300 {
		t.Errorf("%q: %+v", notes, single)
	}
	for _, instance := range []bool{true, false} {
		series := d
		if !instance {
			series.Recurrence = &Recurrence{}
		}
		if notes := series.FitOutlook(instance); len(notes) != 2 || series.Start != at("2026-10-05T09:00:00") || series.End != at("2026-10-05T10:00:00") {
			t.Errorf("%q: %+v", notes, series)
		}
		if notes := series.FitOutlook(instance); len(notes) != 0 {
			t.Errorf("what was fitted is fitted again: %q", notes)
		}
	}
}

func TestWhatIsKeptIsFittedToOutlook(t *testing.T) {
	at := func(s string) DateTime { return DateTime{Local: s} }
	original := time.Date(2026, 10, 12, 9, 0, 30, 0, time.UTC)
	k := Kept{
		Event: Event{Type: Master, Subject: "Series", Start: at("2026-10-05T09:00:30Z"), End: at("2026-10-05T10:00:30+00:00"), Recurrence: &Recurrence{
			Rules: []string{"FREQ=WEEKLY"}, Without: []DateTime{at("2026-10-19T09:00:30")}, Dates: []DateTime{at("2026-10-20T09:00:30")},
		}},
		Exceptions: []Event{{Subject: strings.Repeat("s", 300), Start: at("2026-10-13T09:00:15"), End: at("2026-10-13T10:00:00"), OriginalStart: original}},
	}
	was := k.Event.Recurrence
	fitted := k
	notes := fitted.FitOutlook()
	x, r := fitted.Exceptions[0], fitted.Event.Recurrence
	if len(notes) != 2 || fitted.Event.Start != at("2026-10-05T09:00:00Z") || fitted.Event.End != at("2026-10-05T10:00:00+00:00") ||
		x.Start != at("2026-10-13T09:00:00") || !x.OriginalStart.Equal(original.Truncate(time.Minute)) || len(x.Subject) != MaxLine ||
		r.Without[0] != at("2026-10-19T09:00:00") || r.Dates[0] != at("2026-10-20T09:00:00") {
		t.Errorf("%q: %+v, %+v", notes, fitted, r)
	}
	if k.Exceptions[0].Start != at("2026-10-13T09:00:15") || was.Without[0] != at("2026-10-19T09:00:30") || k.Event.Start != at("2026-10-05T09:00:30Z") {
		t.Errorf("the original was changed: %+v", k)
	}
	alone := Kept{Event: Event{Type: Single, Start: at("2026-10-05T09:00:30"), End: at("2026-10-05T09:00:31")}}
	if notes := alone.FitOutlook(); len(notes) != 0 || alone.Event.Start != at("2026-10-05T09:00:30") {
		t.Errorf("an event by itself: %q, %+v", notes, alone)
	}
}
