package ics

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

// ownZone is a VTIMEZONE of one part: 1 hour 37 minutes ahead of UTC.
func ownZone(id, line string) string {
	return strings.ReplaceAll("BEGIN:VTIMEZONE\r\nTZID:"+id+"\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0000\r\nTZOFFSETTO:+0137\r\n"+
		line+"\r\nEND:STANDARD\r\nEND:VTIMEZONE", "\r\n\r\n", "\r\n")
}

// What we write about a zone means what the zone is.
func TestZonesAreDefinedAsTheyAre(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "Europe/Istanbul", "America/New_York",
		"America/Los_Angeles", "America/Phoenix", "America/Sao_Paulo", "America/Santiago", "America/Nuuk", "America/St_Johns", "America/Havana",
		"America/Asuncion", "America/Caracas", "Africa/Cairo", "Africa/Casablanca", "Africa/Lagos", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo",
		"Asia/Jerusalem", "Asia/Gaza", "Asia/Beirut", "Asia/Tehran", "Asia/Pyongyang", "Australia/Sydney", "Australia/Lord_Howe", "Australia/Eucla",
		"Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Pacific/Kiritimati", "Antarctica/Troll", "Etc/GMT+12", "Etc/UTC", "UTC", "EST5EDT",
		"W. Europe Standard Time", "Tonga Standard Time"} {
		t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			loc, err := calendar.LoadZone(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, years := range [][2]int{{1985, 2100}, {2015, 2030}, {2024, 2026}, {2060, 2070}, {2095, 2099}} {
				z := define(name, loc, years[0], years[1])
				got, err := Location(z)
				if err != nil {
					t.Fatalf("%v\n%s", err, z.Definition)
				}
				for at := time.Date(years[0], 1, 2, 0, 30, 0, 0, time.UTC); at.Year() < years[1]; at = at.Add(7 * time.Hour) {
					_, want := at.In(loc).Zone()
					if _, offset := at.In(got).Zone(); offset != want {
						t.Fatalf("%v: at %v the offset is %d, not %d\n%s", years, at, offset, want, z.Definition)
					}
				}
				if lines := strings.Count(z.Definition, "\n") - strings.Count(z.Definition, "RDATE:"); lines > 150 {
					t.Errorf("%v: %d lines\n%s", years, lines, z.Definition)
				}
			}
		})
	}
}

func TestARegularZoneIsTwoRules(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:20251026T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20260329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
`, "\n", "\r\n")
	if got := define("Europe/Berlin", loc, 2026, 2028).Definition; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAZoneOnlyTheFileKnows(t *testing.T) {
	// Clocks that changed by other rules until 2020, with dates of their own in 2021, and never again.
	const id = "(UTC+01:00) Hilltop, Valley"
	zone := strings.Join([]string{"BEGIN:VTIMEZONE", `TZID:(UTC+01:00) Hilltop\, Valley`, "X-LIC-LOCATION:none",
		"BEGIN:STANDARD", "DTSTART:16010101T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=9;UNTIL=20200930T000000Z",
		"END:STANDARD", "BEGIN:DAYLIGHT", "DTSTART:16010101T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200",
		"RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=4;UNTIL=20200410T000000Z", "END:DAYLIGHT", "BEGIN:DAYLIGHT", "DTSTART:20210501T020000", "TZOFFSETFROM:+0100",
		"TZOFFSETTO:+023015", "TZNAME:Very long name of a summer time", "END:DAYLIGHT", "BEGIN:STANDARD", "DTSTART:20210701T020000", "RDATE:20210801T020000",
		"TZOFFSETFROM:+023015", "TZOFFSETTO:-0500", "END:STANDARD", "END:VTIMEZONE"}, "\r\n")
	f := mustRead(t, file(event(fmt.Sprintf(`DTSTART;TZID="%s":20200706T090000`, id), fmt.Sprintf(`DTEND;TZID="%s":20200706T100000`, id)), zone))
	if e := f.Events[0]; e.Start.Zone != id || len(f.Zones) != 1 || f.Zones[0].ID != id || f.Zones[0].Definition != zone+"\r\n" {
		t.Fatalf("%+v", f)
	}
	loc, err := Lookup(f.Zones)(id)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]int{"1950-01-01T00:00:00Z": 3600, "1950-07-01T00:00:00Z": 7200, "2020-04-05T00:59:59Z": 3600, "2020-04-05T01:00:00Z": 7200,
		"2020-09-27T00:59:59Z": 7200, "2020-09-27T01:00:00Z": 3600, "2021-04-15T00:00:00Z": 3600, "2021-06-01T00:00:00Z": 9015, "2021-07-15T00:00:00Z": -18000,
		"2090-07-01T00:00:00Z": -18000} {
		when, _ := time.Parse(time.RFC3339, at)
		if _, offset := when.In(loc).Zone(); offset != want {
			t.Errorf("%s: %d, not %d", at, offset, want)
		}
	}
	if d := differ(f, mustRead(t, written(t, f))); d != "" {
		t.Error(d)
	}
	if _, err := Lookup(f.Zones)("Mars/Olympus"); err == nil {
		t.Error("an unknown zone was found")
	}
}

// A definition that nobody needs is not kept, nor one of a zone that is known by name and has the same clocks while it is used.
func TestZonesThatNobodyNeeds(t *testing.T) {
	summer := strings.NewReplacer("+0000", "+0200", "+0137", "+0200").Replace(ownZone("Europe/Berlin", ""))
	f := mustRead(t, file(ownZone("Own", ""), summer, event("DTSTART;TZID=Europe/Berlin:20261005T090000")))
	if len(f.Zones) != 0 || f.Events[0].Start.Zone != "Europe/Berlin" || len(f.Events[0].Issues) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestAZoneThatTheFileDefinesOtherwiseIsTheFiles(t *testing.T) {
	fixed := func(id string) string {
		return strings.NewReplacer("+0000", "+0200", "+0137", "+0200").Replace(ownZone(id, ""))
	}
	at := func(name, rule string) string { return "DTSTART;TZID=" + name + ":20261005T090000" + rule }
	for name, test := range map[string]struct {
		text string
		zone string
	}{
		"an instance in summer alone":     {file(fixed("Europe/Berlin"), event(at("Europe/Berlin", ""))), "Europe/Berlin"},
		"a series that goes on in winter": {file(fixed("Europe/Berlin"), event(at("Europe/Berlin", "\r\nRRULE:FREQ=WEEKLY"))), "Europe/Berlin (file)"},
		"a series that ends in summer": {file(fixed("Europe/Berlin"),
			event(at("Europe/Berlin", "\r\nRRULE:FREQ=DAILY;UNTIL=20261010T000000Z"))), "Europe/Berlin"},
		"a series that ends in winter": {file(fixed("Europe/Berlin"),
			event(at("Europe/Berlin", "\r\nRRULE:FREQ=DAILY;UNTIL=20261101"))), "Europe/Berlin (file)"},
		"a name that IANA and file have":     {file(fixed("EST"), event(at("EST", ""))), "EST (file)"},
		"a globally unique name":             {file(fixed("/x.org/EST"), event(at("/x.org/EST", ""))), "EST"},
		"the definition of another calendar": {file(fixed("EST")) + file(event(at("EST", ""))), "EST"},
		"a definition that cannot be read":   {file(strings.ReplaceAll(fixed("EST"), "+0200", "2"), event(at("EST", ""))), "EST"},
		"a name that means several, per file": {file(ownZone("Own", ""), event(at("Own", ""))) +
			file(fixed("Own"), strings.Replace(event(at("Own", "")), "UID:u1", "UID:u2", 1)), "Own"},
	} {
		t.Run(name, func(t *testing.T) {
			f := mustRead(t, test.text)
			e := f.Events[0]
			if e.Start.Zone != test.zone || (len(e.Issues) == 1) != strings.HasSuffix(test.zone, "(file)") || len(f.Aside) > 0 {
				t.Errorf("%q, %v, %v", e.Start.Zone, e.Issues, f.Aside)
			}
			if len(f.Events) > 1 && f.Events[1].Start.Zone != "Own (2)" {
				t.Errorf("%q", f.Events[1].Start.Zone)
			}
			if d := differ(File{Zones: f.Zones, Events: clean(f.Events)}, mustRead(t, written(t, f))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestADefinitionThatIsNotStrictIsWrittenAnew(t *testing.T) {
	good := ownZone("Own", "RRULE:FREQ=YEARLY;BYMONTH=3;UNTIL=20300101T000000Z") + "\r\n"
	if !strict(calendar.Zone{ID: "Own", Definition: good}) {
		t.Fatal("a good definition")
	}
	for _, change := range [][2]string{{"UNTIL=20300101T000000Z", "UNTIL=20300101T000000"}, {"UNTIL=20300101T000000Z", "UNTIL=20300101"}, {"DTSTART:", "dtstart:"},
		{"DTSTART:", "DTSTART;VALUE=DATE-TIME:"}, {"+0137", "137"}, {"TZOFFSETTO", "LOCATION:here\r\nTZOFFSETTO"}, {"FREQ=YEARLY", "RSCALE=GREGORIAN;FREQ=YEARLY"},
		{"TZOFFSETTO", "TZNAME:a,b\r\nTZOFFSETTO"}, {"19700101T000000", "19700101T000000Z"}} {
		text := strings.Replace(good, change[0], change[1], 1)
		if strict(calendar.Zone{ID: "Own", Definition: text}) {
			t.Errorf("%q", text)
		}
		f := mustRead(t, file(strings.TrimSuffix(text, "\r\n"), event("DTSTART;TZID=Own:20261005T090000")))
		if len(f.Aside) > 0 {
			continue // nobody can read that one
		}
		if again := mustRead(t, written(t, f)); len(again.Zones) != 1 || !strict(again.Zones[0]) {
			t.Errorf("%q is written as %+v", text, again.Zones)
		}
	}
}

// clean is events without issues.
func clean(events []calendar.Event) []calendar.Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].Issues = nil
	}
	return events
}

func FuzzZone(f *testing.F) {
	f.Add(ownZone("Own", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"))
	f.Add(ownZone("Own", "RDATE:20260101T000000,20270101T000000"))
	f.Fuzz(func(t *testing.T, definition string) {
		if loc, err := Location(calendar.Zone{ID: "Own", Definition: definition}); err == nil {
			time.Date(2026, 1, 1, 0, 0, 0, 0, loc).ZoneBounds()
		}
	})
}
