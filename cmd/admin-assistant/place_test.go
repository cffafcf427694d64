package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestPlacesAndMissingJourneys(t *testing.T) {
	m := newMachine(t)
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n")
	event := func(day, from, to, subject, location, category string) {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%s-%s\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:%s\r\nDTSTART:%sT%s00Z\r\nDTEND:%sT%s00Z\r\nLOCATION:%s\r\n"+
			"CATEGORIES:%s\r\nEND:VEVENT\r\n", day, from, subject, day, from, day, to, location, category)
	}
	for _, day := range []string{"20261001", "20261002", "20261005", "20261006"} {
		event(day, "0700", "0800", "Planning", "Office", "Admin - non-billable")
		if day < "20261005" {
			event(day, "0810", "0850", "Travel to Acme", "Train", "Acme - billable")
		}
		event(day, "0900", "1000", "Review", "Acme HQ\\, Room 4", "Acme - billable")
	}
	event("20261007", "0700", "0800", "Planning", "Office", "Admin - non-billable")
	event("20261007", "0810", "0900", "Review", "Acme HQ\\, Room 4", "Acme - billable")
	event("20261007", "1000", "1100", "Review", "Globex", "Globex - billable")
	b.WriteString("END:VCALENDAR\r\n")
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, m.file("days.ics", b.String())).ok()
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin").ok()
	m.local("archive", "run", "--config", "work", "--period", "2026-10-01 to 2026-10-31").ok()

	const october = "2026-10-01 to 2026-10-31"
	m.local("place", "list", "--period", october).ok().says("Acme HQ, Room 4", "Acme", "Globex", "Office").without("Train")
	m.local("place", "alias", "acme hq, room 4", "Acme HQ").ok()
	m.local("place", "list", "--period", october).ok().says("Acme HQ", "Acme HQ, Room 4")
	m.local("place", "alias", "Acme HQ").fails(exitUsage, "--remove")
	m.local("place", "alias", "https://example.com", "Acme HQ").fails(exitUsage, "no place")
	m.local("place", "alias", "Nowhere", "--remove").fails(exitFailed, "no other name")

	m.local("travel", "gaps", "--period", october).ok().says("Mon 2026-10-05 10:00-11:00", "40 min", "10:20-11:00", "Acme - billable",
		"NOT TO BE REACHED IN TIME", "no such journeys are known").without("2026-10-01", "to decide")
	m.local("action", "list").ok().without("missing_travel")
	m.local("travel", "gaps", "--period", october, "--ask").ok().says("2 to decide")
	m.local("action", "resolve", "--all", "--kind", "missing_travel", "--suggestion", "1").ok()
	m.local("travel", "gaps", "--period", october).ok().without("2026-10-05", "2026-10-06").says("2026-10-07")
	m.local("hours", "--period", october).ok().says("Travel", "2:40")
	m.local("travel", "gaps").fails(exitUsage, "--period is missing")
	m.local("place", "alias", "Acme HQ, Room 4", "--remove").ok()
}
