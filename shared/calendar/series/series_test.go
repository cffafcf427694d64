package series

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// master is a series of timed events.
func master(start, end, zone string, rules ...string) calendar.Event {
	return calendar.Event{ID: "m", ICalUID: "uid", Type: calendar.Master, Subject: "Standup",
		Start: calendar.DateTime{Local: start, Zone: zone}, End: calendar.DateTime{Local: end, Zone: zone},
		Recurrence: &calendar.Recurrence{Rules: rules}}
}

func allDay(first, after string, rules ...string) calendar.Event {
	m := master(first+"T00:00:00", after+"T00:00:00", "", rules...)
	m.AllDay = true
	return m
}

func at(zone string, locals ...string) (times []calendar.DateTime) {
	for _, l := range locals {
		times = append(times, calendar.DateTime{Local: l, Zone: zone})
	}
	return times
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	t.Fatalf("not a time: %s", text)
	return time.Time{}
}

const berlin = "Europe/Berlin"

func TestExpand(t *testing.T) {
	with := func(m calendar.Event, change func(*calendar.Event)) calendar.Event { change(&m); return m }
	for _, test := range []struct {
		name     string
		master   calendar.Event
		from, to string
		want     string // local start/end of each, without what is common
	}{
		{"a meeting at nine stays at nine when the clocks go forward",
			master("2026-03-16T09:00:00", "2026-03-16T10:00:00", berlin, "FREQ=WEEKLY;BYDAY=MO"), "2026-03-16", "2026-04-07",
			"03-16T09:00 08:00Z, 03-23T09:00 08:00Z, 03-30T09:00 07:00Z, 04-06T09:00 07:00Z"},
		{"a meeting at nine stays at nine when the clocks go back",
			master("2026-10-19T09:00:00", "2026-10-19T10:00:00", "W. Europe Standard Time", "FREQ=WEEKLY"), "2026-10-19", "2026-11-03",
			"10-19T09:00 07:00Z, 10-26T09:00 08:00Z, 11-02T09:00 08:00Z"},
		{"a time that the clocks skip moves to the offset before, for that day only",
			master("2026-03-28T02:30:00", "2026-03-28T02:45:00", berlin, "FREQ=DAILY"), "2026-03-28", "2026-03-31",
			"03-28T02:30 01:30Z, 03-29T03:30 01:30Z, 03-30T02:30 00:30Z"},
		{"a series that begins at a time that the clocks skip goes on at the time that it says",
			master("2026-03-29T02:30:00", "2026-03-29T02:45:00", berlin, "FREQ=DAILY"), "2026-03-29", "2026-03-31",
			"03-29T03:30 01:30Z, 03-30T02:30 00:30Z"},
		{"of a time that occurs twice it is the first",
			master("2026-10-24T02:30:00", "2026-10-24T02:45:00", berlin, "FREQ=DAILY"), "2026-10-24", "2026-10-27",
			"10-24T02:30 00:30Z, 10-25T02:30 00:30Z, 10-26T02:30 01:30Z"},
		{"a series written in UTC repeats in the zone where it was made",
			with(master("2026-03-23T08:00:00", "2026-03-23T09:00:00", "UTC", "FREQ=WEEKLY;COUNT=2"), func(m *calendar.Event) { m.StartZone = berlin }),
			"2026-03-01", "2026-05-01", "03-23T08:00 08:00Z, 03-30T07:00 07:00Z"},
		{"a series of instants without a zone repeats in UTC",
			master("2026-03-23T08:00:00Z", "2026-03-23T09:00:00Z", "", "FREQ=WEEKLY;COUNT=2"), "2026-03-01", "2026-05-01",
			"03-23T08:00:00Z 08:00Z, 03-30T08:00:00Z 08:00Z"},
		{"south of the equator",
			master("2026-09-30T02:15:00", "2026-09-30T03:00:00", "Australia/Sydney", "FREQ=DAILY;COUNT=6"), "2026-10-02", "2026-10-10",
			"10-03T02:15 16:15Z, 10-04T03:15 16:15Z, 10-05T02:15 15:15Z"},
		{"what overlaps the beginning of the window counts, what ends there does not",
			master("2026-10-01T22:00:00", "2026-10-02T00:00:00", "UTC", "FREQ=DAILY"), "2026-10-05T23:00:00Z", "2026-10-06T22:00:00Z",
			"10-05T22:00 22:00Z"},
		{"what ends as the window begins is not in it",
			master("2026-10-01T22:00:00", "2026-10-02T00:00:00", "UTC", "FREQ=DAILY"), "2026-10-06", "2026-10-06T22:00:01Z", "10-06T22:00 22:00Z"},
		{"no length is in the window that it starts in",
			master("2026-10-01T09:00:00", "2026-10-01T09:00:00", "UTC", "FREQ=DAILY"), "2026-10-05T09:00:00Z", "2026-10-06T09:00:00Z", "10-05T09:00 09:00Z"},
		{"a local UNTIL is included", master("2026-10-05T09:00:00", "2026-10-05T10:00:00", berlin, "FREQ=DAILY;UNTIL=20261007T090000"), "2026-10-01", "2026-11-01",
			"10-05T09:00 07:00Z, 10-06T09:00 07:00Z, 10-07T09:00 07:00Z"},
		{"a UTC UNTIL is compared as an instant", master("2026-10-05T09:00:00", "2026-10-05T10:00:00", berlin, "FREQ=DAILY;UNTIL=20261007T065959Z"),
			"2026-10-01", "2026-11-01", "10-05T09:00 07:00Z, 10-06T09:00 07:00Z"},
		{"a date as UNTIL includes its day in the series' zone", master("2026-10-05T23:30:00", "2026-10-05T23:45:00", "America/New_York",
			"FREQ=DAILY;UNTIL=20261006"), "2026-10-01", "2026-11-01",
			"10-05T23:30 03:30Z, 10-06T23:30 03:30Z"},
		{"excluded instants in any zone, and whole days",
			with(master("2026-10-05T09:00:00", "2026-10-05T10:00:00", berlin, "FREQ=DAILY;COUNT=5"), func(m *calendar.Event) {
				m.Recurrence.Without = append(append(at("UTC", "2026-10-06T07:00:00"), at("", "2026-10-07T09:00:00", "2026-10-08")...),
					at("Asia/Tokyo", "2026-10-09T09:00:00")...)
			}), "2026-10-01", "2026-11-01", "10-05T09:00 07:00Z, 10-09T09:00 07:00Z"},
		{"further dates, each once",
			with(master("2026-10-05T09:00:00", "2026-10-05T10:00:00", berlin, "FREQ=DAILY;COUNT=2"), func(m *calendar.Event) {
				m.Recurrence.Dates = append(at(berlin, "2026-10-06T09:00:00", "2026-10-10T11:00:00"), at("UTC", "2026-10-10T09:00:00")...)
			}), "2026-10-01", "2026-11-01", "10-05T09:00 07:00Z, 10-06T09:00 07:00Z, 10-10T11:00 09:00Z"},
		{"several rules together", master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", "FREQ=WEEKLY;COUNT=2", "FREQ=MONTHLY;BYMONTHDAY=12;COUNT=2"),
			"2026-10-01", "2027-01-01", "10-05T09:00 09:00Z, 10-12T09:00 09:00Z"},
		{"the start counts even if the rule does not name it", master("2026-10-06T09:00:00", "2026-10-06T10:00:00", "UTC", "FREQ=WEEKLY;BYDAY=MO;COUNT=3"),
			"2026-10-01", "2027-01-01", "10-06T09:00 09:00Z, 10-12T09:00 09:00Z, 10-19T09:00 09:00Z"},
		{"the last working day of the month", master("2026-10-30T16:00:00", "2026-10-30T17:00:00", "UTC", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
			"2030-03-01", "2030-06-01", "03-29T16:00 16:00Z, 04-30T16:00 16:00Z, 05-31T16:00 16:00Z"},
		{"every other week counts from the week of the start, by its first day",
			master("1997-08-05T09:00:00", "1997-08-05T10:00:00", "UTC", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO"), "1997-08-01", "1998-01-01",
			"08-05T09:00 09:00Z, 08-10T09:00 09:00Z, 08-19T09:00 09:00Z, 08-24T09:00 09:00Z"},
		{"every other week counts from the week of the start, when that begins on Sunday",
			master("1997-08-05T09:00:00", "1997-08-05T10:00:00", "UTC", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU"), "1997-08-01", "1998-01-01",
			"08-05T09:00 09:00Z, 08-17T09:00 09:00Z, 08-19T09:00 09:00Z, 08-31T09:00 09:00Z"},
		{"far from the start the phase is kept", master("1997-08-05T09:00:00", "1997-08-05T10:00:00", "UTC", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU"),
			"2026-10-01", "2026-10-20", "10-04T09:00 09:00Z, 10-06T09:00 09:00Z, 10-18T09:00 09:00Z"},
		{"the thirty-first comes only where there is one", master("2026-01-31T09:00:00", "2026-01-31T10:00:00", "UTC", "FREQ=MONTHLY"), "2026-01-01", "2026-06-01",
			"01-31T09:00 09:00Z, 03-31T09:00 09:00Z, 05-31T09:00 09:00Z"},
		{"a birthday on a leap day", master("2000-02-29T09:00:00", "2000-02-29T10:00:00", "UTC", "FREQ=YEARLY"), "2026-01-01", "2033-01-01",
			"02-29T09:00 09:00Z, 02-29T09:00 09:00Z"},
		{"a week of the year falls on the day of the start", master("1997-05-12T09:00:00", "1997-05-12T10:00:00", "UTC", "FREQ=YEARLY;BYWEEKNO=20"),
			"1998-01-01", "2000-01-01", "05-11T09:00 09:00Z, 05-17T09:00 09:00Z"},
		{"the sixth Monday of a month never comes", master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", "FREQ=MONTHLY;BYDAY=6MO,-53MO"),
			"2026-01-01", "2030-01-01", "10-05T09:00 09:00Z"},
		{"the thirtieth of February never comes", master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
			"2026-01-01", "2030-01-01", "10-05T09:00 09:00Z"},
		{"every three hours until five", master("1997-09-02T09:00:00", "1997-09-02T09:30:00", "UTC", "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z"),
			"1997-09-01", "1997-10-01", "09-02T09:00 09:00Z, 09-02T12:00 12:00Z, 09-02T15:00 15:00Z"},
		{"every hour and a half, four times", master("1997-09-02T09:00:00", "1997-09-02T09:30:00", "UTC", "FREQ=MINUTELY;INTERVAL=90;COUNT=4"),
			"1997-09-01", "1997-10-01", "09-02T09:00 09:00Z, 09-02T10:30 10:30Z, 09-02T12:00 12:00Z, 09-02T13:30 13:30Z"},
		{"every forty minutes in two hours of the day", master("1997-09-02T09:00:00", "1997-09-02T09:10:00", "UTC", "FREQ=MINUTELY;INTERVAL=40;BYHOUR=9,10"),
			"2026-10-05", "2026-10-06", "10-05T09:00 09:00Z, 10-05T09:40 09:40Z, 10-05T10:20 10:20Z"},
		{"twice an hour on one day a year",
			master("1997-09-02T09:00:00", "1997-09-02T09:10:00", "UTC", "FREQ=HOURLY;INTERVAL=12;BYMINUTE=0,30;BYMONTH=5;BYMONTHDAY=1"), "2026-01-01", "2027-01-01",
			"05-01T09:00 09:00Z, 05-01T09:30 09:30Z, 05-01T21:00 21:00Z, 05-01T21:30 21:30Z"},
		{"hours that are never reached", master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", "FREQ=HOURLY;INTERVAL=24;BYHOUR=5"), "2026-01-01",
			"2030-01-01", "10-05T09:00 09:00Z"},
		{"a place that no second has", master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", "FREQ=SECONDLY;BYSETPOS=2"), "2026-01-01", "2030-01-01",
			"10-05T09:00 09:00Z"},
		{"every second, forty years later", master("1986-10-05T09:00:00", "1986-10-05T09:00:00", "UTC", "FREQ=SECONDLY"), "2026-10-05T12:00:00Z",
			"2026-10-05T12:00:03Z", "10-05T12:00 12:00Z, 10-05T12:00 12:00Z, 10-05T12:00 12:00Z"},
		{"as Apple and others write rules", master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", " RSCALE=GREGORIAN;freq=daily;Count=2;SKIP=OMIT;"),
			"2026-01-01", "2030-01-01", "10-05T09:00 09:00Z, 10-06T09:00 09:00Z"},
		{"all day", allDay("2026-03-28", "2026-03-30", "FREQ=WEEKLY;COUNT=2"), "2026-03-01", "2026-05-01", "03-28T00:00 00:00Z, 04-04T00:00 00:00Z"},
		{"all day until a date", allDay("2026-10-04", "2026-10-05", "FREQ=DAILY;UNTIL=20261006"), "2026-10-01", "2026-11-01",
			"10-04T00:00 00:00Z, 10-05T00:00 00:00Z, 10-06T00:00 00:00Z"},
		{"all day until midnight of the last day in Berlin", allDay("2026-10-04", "2026-10-05", "FREQ=DAILY;UNTIL=20261005T220000Z"), "2026-10-01",
			"2026-11-01", "10-04T00:00 00:00Z, 10-05T00:00 00:00Z, 10-06T00:00 00:00Z"},
		{"all day until the end of the last day in Berlin", allDay("2026-10-04", "2026-10-05", "FREQ=DAILY;UNTIL=20261006T215959Z"), "2026-10-01",
			"2026-11-01", "10-04T00:00 00:00Z, 10-05T00:00 00:00Z, 10-06T00:00 00:00Z"},
		{"all day until the end of the last day in New York", allDay("2026-10-04", "2026-10-05", "FREQ=DAILY;UNTIL=20261007T035959Z"), "2026-10-01",
			"2026-11-01", "10-04T00:00 00:00Z, 10-05T00:00 00:00Z, 10-06T00:00 00:00Z"},
		{"all day without a date", with(allDay("2026-10-04", "2026-10-05", "FREQ=DAILY;COUNT=3"), func(m *calendar.Event) {
			m.Recurrence.Without = at("", "2026-10-05T09:00:00")
		}), "2026-10-01", "2026-11-01", "10-04T00:00 00:00Z, 10-06T00:00 00:00Z"},
		{"all day in UTC, as Graph does", with(allDay("2026-10-04", "2026-10-05", "FREQ=DAILY;COUNT=2"), func(m *calendar.Event) {
			m.Start.Zone, m.End.Zone, m.StartZone = "UTC", "UTC", "Pacific Standard Time"
		}), "2026-10-01", "2026-11-01", "10-04T00:00 00:00Z, 10-05T00:00 00:00Z"},
		{"floating times are in the window if they are so anywhere", master("2026-10-01T11:00:00", "2026-10-01T12:00:00", "", "FREQ=DAILY"), "2026-10-05",
			"2026-10-06", "10-04T11:00 11:00Z, 10-05T11:00 11:00Z, 10-06T11:00 11:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			events, err := Expand(test.master, nil, instant(t, test.from), instant(t, test.to), calendar.LoadZone)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range events {
				local := strings.TrimSuffix(e.Start.Local[5:], ":00")
				if i := strings.LastIndex(local, ":"); i > 8 && !strings.HasSuffix(local, "Z") {
					local = local[:i]
				}
				got = append(got, local+" "+e.OriginalStart.Format("15:04Z"))
			}
			if text := strings.Join(got, ", "); text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}

func TestOccurrences(t *testing.T) {
	m := master("2026-10-24T22:00:00", "2026-10-25T06:00:00", berlin, "FREQ=DAILY;COUNT=2")
	m.Subject, m.Categories, m.ETag = "Night shift", []string{"Acme - billable"}, "e1"
	events, err := Expand(m, nil, instant(t, "2026-10-01"), instant(t, "2026-11-01"), calendar.LoadZone)
	if err != nil || len(events) != 2 {
		t.Fatal(events, err)
	}
	first := events[0]
	want := m
	want.ID, want.Type, want.SeriesMasterID, want.Recurrence = "m@20261024T200000Z", calendar.Occurrence, "m", nil
	want.OriginalStart = instant(t, "2026-10-24T20:00:00Z")
	if first.ID != want.ID || first.Type != want.Type || first.SeriesMasterID != "m" || first.Recurrence != nil || first.Subject != m.Subject ||
		!first.OriginalStart.Equal(want.OriginalStart) || first.Categories[0] != m.Categories[0] || first.ETag != "e1" || first.ICalUID != "uid" {
		t.Errorf("first is %+v", first)
	}
	// The master's own night is nine hours long, because the clocks went back in it; so is every other one.
	if events[0].End.Local != "2026-10-25T06:00:00" || events[1].End.Local != "2026-10-26T07:00:00" {
		t.Errorf("ends: %s, %s", events[0].End.Local, events[1].End.Local)
	}
	first.Categories[0] = "changed"
	if m.Categories[0] != "Acme - billable" {
		t.Error("an occurrence shares its categories with the master")
	}
}

func TestAnEndThatOccursTwiceCarriesItsOffset(t *testing.T) {
	m := master("2026-10-18T01:45:00", "2026-10-18T02:45:00", berlin, "FREQ=WEEKLY;COUNT=2")
	m.End.Local = "2026-10-18T03:15:00" // an hour and a half; on the 25th that is the second 02:15
	events, err := Expand(m, nil, instant(t, "2026-10-25"), instant(t, "2026-10-26"), calendar.LoadZone)
	if err != nil || len(events) != 1 {
		t.Fatal(events, err)
	}
	if got := events[0].End.Local; got != "2026-10-25T02:15:00+01:00" {
		t.Errorf("ends at %s", got)
	}
	end, err := events[0].End.Instant(nil)
	if start := events[0].OriginalStart; err != nil || end.Sub(start) != 90*time.Minute {
		t.Error(start, end, err)
	}
}

func TestExceptions(t *testing.T) {
	exception := func(id, original, start string) calendar.Event {
		return calendar.Event{ID: id, Type: calendar.Exception, SeriesMasterID: "m", OriginalStart: instant(t, original),
			Start: calendar.DateTime{Local: start, Zone: berlin}, End: calendar.DateTime{Local: start, Zone: berlin}}
	}
	m := master("2026-10-05T09:00:00", "2026-10-05T10:00:00", berlin, "FREQ=DAILY")
	m.Recurrence.Without = at(berlin, "2026-10-09T09:00:00")
	exceptions := []calendar.Event{
		exception("later", "2026-10-06T07:00:00Z", "2026-10-06T15:00:00"),
		exception("in", "2026-12-24T08:00:00Z", "2026-10-07T12:00:00"),
		exception("out", "2026-10-08T07:00:00Z", "2027-01-08T09:00:00"),
		exception("orphan", "2026-10-09T12:34:00Z", "2026-10-09T12:00:00"),
	}
	events, err := Expand(m, exceptions, instant(t, "2026-10-05T00:00:00+02:00"), instant(t, "2026-10-10T00:00:00+02:00"), calendar.LoadZone)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	if got, want := strings.Join(ids, " "), "m@20261005T070000Z later m@20261007T070000Z orphan in"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	t.Run("of an all-day series go by the day", func(t *testing.T) {
		e := exception("moved", "2026-10-06T05:00:00Z", "2026-10-06T00:00:00")
		events, err := Expand(allDay("2026-10-05", "2026-10-06", "FREQ=DAILY;COUNT=2"), []calendar.Event{e}, instant(t, "2026-10-01"), instant(t, "2026-11-01"),
			calendar.LoadZone)
		if err != nil || len(events) != 2 || events[1].ID != "moved" {
			t.Error(events, err)
		}
	})
}

func TestWhatCannotBeExpandedIsInvalid(t *testing.T) {
	day := func(rules ...string) calendar.Event {
		return master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", rules...)
	}
	for name, test := range map[string]struct {
		master calendar.Event
		text   string
	}{
		"every second for four days": {day("FREQ=SECONDLY"), "more than 250000 instances from 2026-10-05 to 2026-10-09"},
		"a count beyond reason":      {master("0001-02-01T00:00:00", "0001-02-01T00:00:01", "", "FREQ=SECONDLY;COUNT=999999999"), "takes too long"},
		"an unknown frequency":       {day("FREQ=FORTNIGHTLY"), "FORTNIGHTLY"},
		"no frequency":               {day("COUNT=3"), "FREQ"},
		"a part without value":       {day("FREQ=DAILY;BYDAY="), "BYDAY"},
		"an unknown part":            {day("FREQ=DAILY;BYMOON=1"), "BYMOON"},
		"count zero":                 {day("FREQ=DAILY;COUNT=0"), "COUNT"},
		"a negative count":           {day("FREQ=DAILY;COUNT=-3"), "COUNT"},
		"a huge interval":            {day("FREQ=YEARLY;INTERVAL=9223372036854775807"), "INTERVAL"},
		"a bad UNTIL":                {day("FREQ=DAILY;UNTIL=tomorrow"), "UNTIL"},
		"Easter":                     {day("FREQ=YEARLY;BYEASTER=0"), "BYEASTER"},
		"a long rule":                {day("FREQ=DAILY;BYHOUR=" + strings.Repeat("1,", 2000) + "1"), "longer than"},
		"every second by parts":      {day("FREQ=YEARLY;BYHOUR=1,2;BYMINUTE=" + upTo(60) + ";BYSECOND=" + upTo(60)), "times a day"},
		"a month thirteen":           {day("FREQ=YEARLY;BYMONTH=13"), "bymonth"},
		"a zone nobody knows":        {master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "Mars/Olympus", "FREQ=DAILY"), "Mars/Olympus"},
		"no start":                   {calendar.Event{ID: "m"}, "start"},
		"one end floating":           {func() calendar.Event { m := day("FREQ=DAILY"); m.End.Zone = ""; return m }(), "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			events, err := Expand(test.master, nil, instant(t, "2026-10-05"), instant(t, "2026-10-09"), calendar.LoadZone)
			if err == nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), test.text) || events != nil {
				t.Errorf("%d events, %v (%v)", len(events), err, fault.Of(err))
			}
			t.Log(time.Since(began))
		})
	}
}

// upTo is "0,1,2" for 3.
func upTo(n int) string {
	text := "0"
	for i := 1; i < n; i++ {
		text += "," + strconv.Itoa(i)
	}
	return text
}

// randomRule draws rules of every sort, sensible and not.
func randomRule(t *rapid.T) string {
	rule := "FREQ=" + rapid.SampledFrom([]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"}).Draw(t, "freq")
	part := func(key string, values ...string) {
		if rapid.IntRange(0, 4).Draw(t, key+" there") == 0 {
			rule += ";" + key + "=" + strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(values), 1, 3, rapid.ID).Draw(t, key), ",")
		}
	}
	if rapid.Bool().Draw(t, "interval there") {
		rule += ";INTERVAL=" + rapid.SampledFrom([]string{"1", "2", "3", "5", "7", "12", "13", "24", "90", "168"}).Draw(t, "interval")
	}
	part("BYDAY", "MO", "TU", "FR", "SU", "1MO", "-1FR", "3WE", "5SU", "-53MO")
	part("BYMONTH", "1", "2", "6", "10", "12")
	part("BYMONTHDAY", "1", "15", "29", "31", "-1", "-3")
	part("BYHOUR", "0", "2", "9", "23")
	part("BYMINUTE", "0", "15", "59")
	part("BYSETPOS", "1", "2", "-1")
	if rapid.Bool().Draw(t, "wkst there") {
		rule += ";WKST=SU"
	}
	return rule
}

// A window far from the start sees what one over the whole series sees there.
func TestJumpingToAWindowFindsWhatWalkingThereFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := randomRule(t)
		start := time.Date(2019, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"),
			30, 0, 0, time.UTC)
		m := master(start.Format("2006-01-02T15:04:05"), start.Add(time.Hour).Format("2006-01-02T15:04:05"), berlin, text)
		from := start.AddDate(0, 0, rapid.IntRange(-30, 1200).Draw(t, "days"))
		to := from.AddDate(0, 0, rapid.IntRange(1, 40).Draw(t, "length"))
		near, err := Expand(m, nil, from, to, calendar.LoadZone)
		if err != nil {
			t.Skip(err)
		}
		whole, err := Expand(m, nil, start.AddDate(0, 0, -2), to, calendar.LoadZone)
		if err != nil {
			t.Skip(err)
		}
		seen := map[string]bool{}
		for i, e := range near {
			seen[e.ID] = true
			if s, _ := e.Start.Instant(nil); !s.Equal(e.OriginalStart) || i > 0 && !near[i-1].OriginalStart.Before(e.OriginalStart) {
				t.Fatalf("%s: %+v", text, e)
			}
		}
		first, _ := m.Start.Instant(nil)
		last, _ := m.End.Instant(nil)
		for _, e := range whole {
			in := e.OriginalStart.Before(to) && e.OriginalStart.Add(last.Sub(first)).After(from)
			if in != seen[e.ID] {
				t.Fatalf("%s from %s: in the window %v, found %v: %s", text, m.Start.Local, in, seen[e.ID], e.ID)
			}
		}
	})
}

func FuzzExpand(f *testing.F) {
	for _, rule := range []string{"FREQ=DAILY", "FREQ=MONTHLY;BYDAY=53MO", "FREQ=YEARLY;BYWEEKNO=53,-53,1;BYDAY=SU;WKST=WE",
		"FREQ=SECONDLY;INTERVAL=86399;BYHOUR=5", "FREQ=YEARLY;BYYEARDAY=366,-366;BYMONTH=12", "FREQ=WEEKLY;BYWEEKNO=-1;BYMONTHDAY=-31",
		"FREQ=MINUTELY;BYSETPOS=-366;BYSECOND=59", "FREQ=YEARLY;BYDAY=-53SU;BYSETPOS=366"} {
		f.Add(rule, int64(1_790_000_000), false)
		f.Add(rule, int64(-60_000_000_000), true)
	}
	f.Fuzz(func(t *testing.T, rule string, start int64, dates bool) {
		at := time.Unix(start, 0).UTC()
		local := at.Format("2006-01-02T15:04:05")
		m := master(local, local, berlin, rule)
		m.AllDay = dates
		events, err := Expand(m, nil, at, at.AddDate(0, 0, 3), calendar.LoadZone)
		if err != nil && fault.Of(err) != fault.Invalid {
			t.Error(err)
		}
		for _, e := range events {
			if _, err := e.Start.Instant(time.UTC); err != nil && at.Year() < 9999 {
				t.Error(err)
			}
		}
	})
}

func BenchmarkAWeeklySeriesOfTenYears(b *testing.B) {
	m := master("2016-10-03T09:00:00", "2016-10-03T10:00:00", berlin, "FREQ=WEEKLY;BYDAY=MO,WE")
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		if _, err := Expand(m, nil, from, from.AddDate(0, 1, 0), calendar.LoadZone); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAChangeOfAnInstanceThatDoesNotHappenIsNoEvent(t *testing.T) {
	at := func(local string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: "Europe/Berlin"} }
	master := calendar.Event{ID: "m", Type: calendar.Master, Start: at("2026-10-05T09:00:00"), End: at("2026-10-05T10:00:00"),
		Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=3"}, Without: []calendar.DateTime{at("2026-10-06T09:00:00"), {Local: "2026-10-07"}}}}
	var exceptions []calendar.Event
	for day := 6; day <= 7; day++ {
		e := master
		e.Type, e.Recurrence, e.OriginalStart = calendar.Exception, nil, time.Date(2026, 10, day, 7, 0, 0, 0, time.UTC)
		exceptions = append(exceptions, e)
	}
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	events, err := Expand(master, exceptions, from, from.AddDate(0, 1, 0), calendar.LoadZone)
	if err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	later := time.Date(2026, 10, 6, 0, 0, 0, 0, time.UTC)
	if happens, err := NewExpander(later, later.AddDate(0, 0, 5), calendar.LoadZone).Happens(master, exceptions); err != nil || happens {
		t.Errorf("%v, %v", happens, err)
	}
}
