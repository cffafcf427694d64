package calendar

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/fault"
)

func TestWindow(t *testing.T) {
	w, err := NewWindow(Date{2026, time.October, 1}, Date{2026, time.October, 31}, zoneNamed(t, "Europe/Berlin"))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Start().Format(time.RFC3339); got != "2026-10-01T00:00:00+02:00" {
		t.Errorf("it starts %s", got)
	}
	if got := w.End().Format(time.RFC3339); got != "2026-11-01T00:00:00+01:00" {
		t.Errorf("it ends %s", got)
	}
	if w.Days() != 31 {
		t.Errorf("it has %d days", w.Days())
	}
	for offset, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour: true} {
		if w.Contains(w.Start().Add(offset)) != want {
			t.Errorf("start and %v: contained is %v", offset, !want)
		}
	}
	if w.Contains(w.End()) || !w.Contains(w.End().Add(-1)) {
		t.Error("the end is not excluded")
	}
}

func TestNewWindowNamesTheFieldThatIsWrong(t *testing.T) {
	day := Date{2026, time.October, 5}
	for _, c := range []struct {
		name     string
		from, to Date
		field    string
	}{
		{"the end before the start", day, day.AddDays(-1), "window.to"},
		{"no start", Date{}, day, "window.from"},
		{"no end", day, Date{}, "window.to"},
		{"a start that does not exist", Date{2026, time.February, 30}, day, "window.from"},
		{"an end that does not exist", day, Date{2027, 13, 1}, "window.to"},
		{"the first day of all", Date{1, time.January, 1}, day, "window.from"},
		{"the last day of all", day, Date{9999, time.December, 31}, "window.to"},
	} {
		if _, err := NewWindow(c.from, c.to, time.UTC); fault.FieldOf(err) != c.field || fault.Of(err) != fault.Invalid {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	if _, err := NewWindow(day, day, time.UTC); err != nil {
		t.Errorf("one day: %v", err)
	}
}

func TestWindowsThatFollowEachOtherShareNoInstantAndLeaveNoneOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := drawZone(t)
		from := drawWall(t, zone).Date
		first, err := NewWindow(from, from.AddDays(rapid.IntRange(0, 40).Draw(t, "days")), zone)
		if err != nil {
			t.Fatal(err)
		}
		second, err := NewWindow(first.To.AddDays(1), first.To.AddDays(7), zone)
		if err != nil {
			t.Fatal(err)
		}
		if !first.End().Equal(second.Start()) || second.Days() != 7 {
			t.Fatalf("%v ends %v, %v starts %v", first, first.End(), second, second.Start())
		}
	})
}
