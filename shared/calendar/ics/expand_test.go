package ics

import (
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

func TestExpandTellsTimesSoThatEverybodyUnderstandsThem(t *testing.T) {
	file, err := Read(strings.NewReader(strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
BEGIN:VTIMEZONE
TZID:Our office
BEGIN:STANDARD
DTSTART:20000101T000000
TZOFFSETFROM:+0530
TZOFFSETTO:+0530
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:single
DTSTAMP:20260101T000000Z
DTSTART;TZID=Our office:20261005T090000
DTEND;TZID=Our office:20261005T100000
END:VEVENT
BEGIN:VEVENT
UID:series
DTSTAMP:20260101T000000Z
DTSTART;TZID=Our office:20261006T090000
DTEND;TZID=Our office:20261006T100000
RRULE:FREQ=DAILY;COUNT=2
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	events, err := Expand(file, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || len(events) != 3 {
		t.Fatalf("%d events, error %v", len(events), err)
	}
	for i, e := range events {
		want := calendar.DateTime{Local: time.Date(2026, 10, 5+i, 3, 30, 0, 0, time.UTC).Format("2006-01-02T15:04:05"), Zone: "UTC"}
		if e.Start != want || e.StartZone != "Our office" {
			t.Errorf("start %v, made in %q, want %v", e.Start, e.StartZone, want)
		}
	}
}
