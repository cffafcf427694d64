package calendar

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/fault"
)

func TestInstant(t *testing.T) {
	berlin := zoneNamed(t, "Europe/Berlin")
	for _, c := range []struct{ name, local, zone, want string }{
		{"an IANA zone", "2026-10-05T09:00:00", "Europe/Berlin", "2026-10-05T07:00:00Z"},
		{"a Windows zone", "2026-10-05T09:00:00", "Eastern Standard Time", "2026-10-05T13:00:00Z"},
		{"no zone is the floating one", "2026-10-05T09:00:00", "", "2026-10-05T07:00:00Z"},
		{"Graph's seven digits", "2026-10-05T07:00:00.1234567", "UTC", "2026-10-05T07:00:00.1234567Z"},
		{"one digit", "2026-10-05T07:00:00.5", "UTC", "2026-10-05T07:00:00.5Z"},
		{"nine digits", "2026-10-05T07:00:00.000000001", "UTC", "2026-10-05T07:00:00.000000001Z"},
		{"Z", "2026-10-05T09:00:00Z", "Europe/Berlin", "2026-10-05T09:00:00Z"},
		{"an offset", "2026-10-05T09:00:00.0000000-05:30", "Europe/Berlin", "2026-10-05T14:30:00Z"},
		{"an offset needs no zone that is known", "2026-10-05T09:00:00+02:00", "Nowhere", "2026-10-05T07:00:00Z"},
		{"small letters", "2026-10-05t09:00:00z", "", "2026-10-05T09:00:00Z"},
		{"a date is its midnight", "2026-10-05", "Europe/Berlin", "2026-10-04T22:00:00Z"},
		{"before the zone had an offset in whole minutes", "1850-01-01T00:00:00", "Europe/Berlin", "1849-12-31T23:06:32Z"},
		{"far in the future", "2150-07-01T12:00:00", "Europe/Berlin", "2150-07-01T10:00:00Z"},
		{"a time that is skipped has the offset before", "2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T01:30:00Z"},
		{"the first time after one that is skipped", "2026-03-29T03:00:00", "Europe/Berlin", "2026-03-29T01:00:00Z"},
		{"a time that occurs twice is the first", "2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00Z"},
		{"the first time that occurs twice", "2026-10-25T02:00:00", "Europe/Berlin", "2026-10-25T00:00:00Z"},
		{"the first time that occurs once again", "2026-10-25T03:00:00", "Europe/Berlin", "2026-10-25T02:00:00Z"},
		{"skipped in New York", "2026-03-08T02:30:00", "America/New_York", "2026-03-08T07:30:00Z"},
		{"twice in New York", "2026-11-01T01:30:00", "America/New_York", "2026-11-01T05:30:00Z"},
		{"half an hour twice", "2026-04-05T01:45:00", "Australia/Lord_Howe", "2026-04-04T14:45:00Z"},
		{"in a day that was skipped", "2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T22:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := DateTime{c.local, c.zone}.Instant(berlin)
			if err != nil || got.Format(time.RFC3339Nano) != c.want || got.Location() != time.UTC {
				t.Fatalf("got %v, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestInstantRefusesWhatIsNoTime(t *testing.T) {
	for _, local := range []string{
		"", "x", "2026-10-05T", "2026-10-05T09:00", "2026-10-05 09:00:00", "2026-02-30T09:00:00", "2026-10-05T24:00:00", "2026-10-05T09:60:00", "2026-10-05T09:00:60",
		"2026-10-05T09:00:00.", "2026-10-05T09:00:00.1234567890", "2026-10-05T09:00:00+02", "2026-10-05T09:00:00+0200", "2026-10-05T09:00:00+24:00",
		"2026-10-05T09:00:00+02:60", "2026-10-05T09:00:00ZZ", "2026-10-05T09:00:00 ", "2026-10-05Z", "2026-1a-05", "2026-10-05T0a:00:00", "20261005T090000",
		"0000-01-01T00:00:00", "0001-01-01T00:00:00", "9999-12-31T00:00:00", "0001-01-02T00:00:00+00:01", "9999-12-30T23:59:59-00:01",
	} {
		if got, err := (DateTime{local, "UTC"}).Instant(time.UTC); err == nil || fault.Of(err) != fault.Invalid {
			t.Errorf("%q is %v, %v", local, got, err)
		}
	}
	if _, err := (DateTime{"2026-10-05T09:00:00", "Customized Time Zone"}).Instant(time.UTC); !errors.Is(err, ErrUnknownZone) {
		t.Errorf("an unknown zone is %v", err)
	}
}

func TestWallIsWhatIsWritten(t *testing.T) {
	want := Wall{Date{2026, time.October, 5}, 9, 8, 7, 500_000_000}
	for _, local := range []string{"2026-10-05T09:08:07.5", "2026-10-05T09:08:07.5000000Z", "2026-10-05T09:08:07.5+02:00"} {
		if got, err := (DateTime{local, "Nowhere"}).Wall(); err != nil || got != want {
			t.Errorf("%q is %v, %v", local, got, err)
		}
	}
	if _, err := (DateTime{Local: "noon"}).Wall(); fault.Of(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestStartOfDay(t *testing.T) {
	for _, c := range []struct{ name, zone, day, want string }{
		{"midnight", "Europe/Berlin", "2026-10-05", "2026-10-05T00:00:00+02:00"},
		{"of a day that is shorter", "Europe/Berlin", "2026-03-29", "2026-03-29T00:00:00+01:00"},
		{"midnight is skipped", "America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00"},
		{"midnight is skipped", "Asia/Beirut", "2022-03-27", "2022-03-27T01:00:00+03:00"},
		{"midnight is skipped", "Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00"},
		{"midnight is skipped", "Asia/Gaza", "2016-03-26", "2016-03-26T00:00:00+02:00"},
		{"midnight is skipped", "Asia/Gaza", "2012-03-30", "2012-03-30T01:00:00+03:00"},
		{"the change that skips midnight begins before it", "America/Toronto", "1919-03-31", "1919-03-31T00:30:00-04:00"},
		{"midnight occurs twice", "America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00"},
		{"midnight occurs twice", "Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z"},
		{"the day before it is an hour longer", "America/Sao_Paulo", "2018-02-18", "2018-02-18T00:00:00-03:00"},
		{"the day is skipped", "Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"},
		{"a zone without changes", "UTC", "2026-10-05", "2026-10-05T00:00:00Z"},
	} {
		t.Run(c.name+" in "+c.zone, func(t *testing.T) {
			day, err := ParseDate(c.day)
			if err != nil {
				t.Fatal(err)
			}
			if got := StartOfDay(day, zoneNamed(t, c.zone)).Format(time.RFC3339); got != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
		})
	}
}

// ruleZone is a zone that has a rule for all time in place of a list of changes, as small time zone databases have for all years to come.
func ruleZone(t testing.TB, rule string) *time.Location {
	t.Helper()
	part := append([]byte("TZif2"), make([]byte, 15+6*4+6)...) // RFC 9636, section 3: one type, at UTC, with the name "X"
	part[39], part[43] = 1, 2
	part = append(part, "X\x00"...)
	zone, err := time.LoadLocationFromTZData(rule, slices.Concat(part, part, []byte("\n"+rule+"\n")))
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestAZoneThatGoesByARule(t *testing.T) {
	for _, rule := range []string{"CET-1CEST,M3.5.0,M10.5.0/3", "AEST-10AEDT,M10.1.0,M4.1.0/3", "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1"} {
		zone := ruleZone(t, rule)
		for day := (Date{2027, time.December, 25}); day.Year < 2030; day = day.AddDays(1) {
			start := StartOfDay(day, zone)
			if DateOf(start, zone) != day || DateOf(start.Add(-1), zone) != day.AddDays(-1) {
				t.Errorf("%s: %v starts %v", rule, day, start)
			}
			for hour := 4; hour < 22; hour++ { // no rule skips these
				w := Wall{Date: day, Hour: hour}
				if got := InstantOf(w, zone); wallOf(got) != w {
					t.Errorf("%s: %v is %v", rule, w, got)
				}
			}
		}
	}
}

// drawZone draws a zone with something of interest.
func drawZone(t *rapid.T) *time.Location {
	zone, err := LoadZone(rapid.SampledFrom([]string{
		"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Atlantic/Azores", "Asia/Beirut", "Asia/Gaza", "Africa/Cairo",
		"Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns", "Antarctica/Troll", "Asia/Kathmandu", "UTC",
	}).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// drawWall draws a wall time, half the time within a few hours of a change of zone's clocks.
func drawWall(t *rapid.T, zone *time.Location) Wall {
	at := time.Unix(rapid.Int64Range(-2e9, 5e9).Draw(t, "seconds"), 0).In(zone)
	if _, end := at.ZoneBounds(); !end.IsZero() && rapid.Bool().Draw(t, "near a change") {
		at = end.Add(time.Duration(rapid.IntRange(-26*3600, 26*3600).Draw(t, "away")) * time.Second)
	}
	hour, minute, second := at.Clock()
	return Wall{DateOf(at, zone), hour, minute, second, 0}
}

func wallOf(t time.Time) Wall {
	hour, minute, second := t.Clock()
	return Wall{DateOf(t, t.Location()), hour, minute, second, t.Nanosecond()}
}

func TestTheInstantOfAWallTimeIsTheFirstThatShowsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := drawZone(t)
		w := drawWall(t, zone)
		got := InstantOf(w, zone)
		if shown := wallOf(got); shown != w {
			t.Fatalf("%v, which occurs, is %v", w, got)
		}
		for _, earlier := range []time.Duration{20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 24 * time.Hour} {
			if wallOf(got.Add(-earlier)) == w {
				t.Fatalf("%v is %v and was %v before that", w, got, earlier)
			}
		}
	})
}

func TestASkippedWallTimeHasTheOffsetBeforeTheChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := drawZone(t)
		w := drawWall(t, zone)
		w.Hour, w.Minute = rapid.IntRange(0, 23).Draw(t, "hour"), rapid.SampledFrom([]int{0, 1, 15, 30, 45}).Draw(t, "minute")
		got := InstantOf(w, zone)
		if wallOf(got) == w {
			return
		}
		change, _ := got.ZoneBounds()
		_, before := change.Add(-1).Zone()
		if want := w.utc() - int64(before); got.Unix() != want {
			t.Fatalf("%v, which is skipped, is %v; want %v", w, got, time.Unix(want, 0).In(zone))
		}
	})
}

func TestNoInstantOfADayIsBeforeItsStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := drawZone(t)
		day := drawWall(t, zone).Date
		start, next := StartOfDay(day, zone), StartOfDay(day.AddDays(1), zone)
		if DateOf(start, zone) != day && !start.Equal(next) {
			t.Fatalf("%v starts at %v", day, start)
		}
		if got := DateOf(start.Add(-1), zone); !got.Before(day) {
			t.Fatalf("just before the start of %v it is %v", day, got)
		}
		if length := next.Sub(start); length < 0 || length > 26*time.Hour {
			t.Fatalf("%v lasts %v", day, length)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{
		"2026-10-05T09:00:00", "2026-10-05T09:00:00.1234567", "2026-10-05T09:00:00Z", "2026-10-05T09:00:00.5+02:00", "2026-10-05", "0001-01-01T00:00:00Z", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, offset, fixed, ok := parseTime(text)
		if !ok {
			return
		}
		if len(text) == len("2026-10-05") {
			text += "T00:00:00"
		}
		if !fixed {
			text += "Z"
		}
		want, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
		if got := time.Unix(w.utc()-offset, int64(w.Nanosecond)); err != nil || !got.Equal(want) {
			t.Fatalf("%q is %v, want %v, %v", text, got, want, err)
		}
	})
}

func BenchmarkInstant(b *testing.B) {
	for _, c := range []struct {
		name string
		DateTime
	}{
		{"utc", DateTime{"2026-10-05T09:00:00.0000000", "UTC"}},
		{"iana", DateTime{"2026-10-05T09:00:00.0000000", "Europe/Berlin"}},
		{"windows", DateTime{"2040-10-05T09:00:00.0000000", "W. Europe Standard Time"}},
		{"floating", DateTime{"2026-10-05T09:00:00", ""}},
		{"offset", DateTime{"2026-10-05T09:00:00+02:00", ""}},
	} {
		b.Run(c.name, func(b *testing.B) {
			floating := zoneNamed(b, "America/New_York")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Instant(floating); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestFloats(t *testing.T) {
	for d, want := range map[DateTime]bool{
		{Local: "2026-10-05T09:00:00"}: true, {Local: "2026-10-05"}: true, {Local: "2026-10-05T09:00:00Z"}: false, {Local: "2026-10-05T09:00:00+02:00"}: false,
		{Local: "2026-10-05T09:00:00", Zone: "Europe/Berlin"}: false, {}: false, {Local: "soon"}: false,
	} {
		if got := d.Floats(); got != want {
			t.Errorf("%+v: %v", d, got)
		}
	}
}
