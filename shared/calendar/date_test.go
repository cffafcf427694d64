package calendar

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/fault"
)

func TestParseDate(t *testing.T) {
	for text, want := range map[string]Date{
		"2026-10-05": {2026, time.October, 5},
		"2024-02-29": {2024, time.February, 29},
		"0001-01-01": {1, time.January, 1},
		"9999-12-31": {9999, time.December, 31},
	} {
		if got, err := ParseDate(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "2026-02-30", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "0000-01-01", "2026-1-5", "2026-10-05 ", "2026/10/05",
		"05-10-2026", "-026-10-05", "20a6-10-05",
	} {
		if got, err := ParseDate(text); fault.Of(err) != fault.Invalid || err == nil {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

func TestDateIsAStringInJSON(t *testing.T) {
	type doc struct {
		Day, None Date
		Left      Date `json:",omitzero"`
	}
	in := doc{Day: Date{2026, time.October, 5}}
	text, err := json.Marshal(in)
	if want := `{"Day":"2026-10-05","None":""}`; err != nil || string(text) != want {
		t.Fatalf("got %s, %v; want %s", text, err, want)
	}
	var out doc
	if err := json.Unmarshal(text, &out); err != nil || out != in {
		t.Fatalf("got %v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"Day":"2026-02-30"}`), &out); err == nil {
		t.Fatal("30 February was accepted")
	}
}

func TestDaysAreInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Date{1, time.January, 1}.AddDays(rapid.IntRange(0, 3_652_058).Draw(t, "day"))
		if parsed, err := ParseDate(d.String()); err != nil || parsed != d {
			t.Fatalf("%v is read as %v, %v", d, parsed, err)
		}
		n := rapid.IntRange(1, 4000).Draw(t, "n")
		later := d.AddDays(n)
		if !d.Before(later) || later.Before(d) || d.Compare(later) != -1 || later.Compare(d) != 1 || d.Compare(d) != 0 || later.AddDays(-n) != d {
			t.Fatalf("%v and %v are out of order", d, later)
		}
		if want := time.Weekday((int(d.Weekday()) + n) % 7); later.Weekday() != want {
			t.Fatalf("%v is a %v, want %v", later, later.Weekday(), want)
		}
	})
}

func TestDateOfIsTheDayInTheZone(t *testing.T) {
	at := time.Date(2026, time.October, 5, 23, 0, 0, 0, time.UTC)
	if got := DateOf(at, zoneNamed(t, "Europe/Berlin")); got != (Date{2026, time.October, 6}) {
		t.Errorf("in Berlin it is %v", got)
	}
	if got := DateOf(at, zoneNamed(t, "America/New_York")); got != (Date{2026, time.October, 5}) {
		t.Errorf("in New York it is %v", got)
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("2026-10-05")
	f.Add("2026-02-30")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDate(text)
		_, want := time.Parse(time.DateOnly, text)
		if valid := want == nil && text[:4] != "0000"; (err == nil) != valid || err == nil && d.String() != text {
			t.Fatalf("%q is %v, %v", text, d, err)
		}
	})
}
