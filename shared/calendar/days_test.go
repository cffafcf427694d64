package calendar

import (
	"testing"
	"time"
)

func TestDaysOfAnAllDayEvent(t *testing.T) {
	const berlin, york = "Europe/Berlin", "America/New_York"
	at := func(local, zone string) DateTime { return DateTime{Local: local, Zone: zone} }
	for name, test := range map[string]struct {
		start, end DateTime
		made, read string
		want       string
	}{
		"midnights":                    {at("2026-10-05T00:00:00", "UTC"), at("2026-10-06T00:00:00", "UTC"), berlin, berlin, "2026-10-05 2026-10-06"},
		"midnights, read elsewhere":    {at("2026-10-05T00:00:00", "UTC"), at("2026-10-06T00:00:00", "UTC"), "UTC", "Pacific/Auckland", "2026-10-05 2026-10-06"},
		"dates":                        {at("2026-10-05", ""), at("2026-10-07", ""), "", "UTC", "2026-10-05 2026-10-07"},
		"the last second":              {at("2026-10-05T00:00:00", "UTC"), at("2026-10-05T23:59:59", "UTC"), "", berlin, "2026-10-05 2026-10-06"},
		"the last moment":              {at("2026-10-05T00:00:00", "UTC"), at("2026-10-05T23:59:59.9999999", "UTC"), "", berlin, "2026-10-05 2026-10-06"},
		"the last second, of days":     {at("2026-10-05T00:00:00", "UTC"), at("2026-10-07T23:59:59", "UTC"), "", berlin, "2026-10-05 2026-10-08"},
		"midnights of where it's made": {at("2026-10-04T22:00:00", "UTC"), at("2026-10-05T22:00:00", "UTC"), berlin, york, "2026-10-05 2026-10-06"},
		"midnights of where it's read": {at("2026-10-04T22:00:00", "UTC"), at("2026-10-05T22:00:00", "UTC"), "UTC", berlin, "2026-10-05 2026-10-06"},
		"midnights of a zone far east": {at("2026-10-04T11:00:00", "UTC"), at("2026-10-05T11:00:00", "UTC"), "Pacific/Auckland", berlin, "2026-10-05 2026-10-06"},
		"midnights of a zone far west": {at("2026-10-05T11:00:00", "UTC"), at("2026-10-06T11:00:00", "UTC"), "Pacific/Pago_Pago", berlin, "2026-10-05 2026-10-06"},
		"midnights of nobody's zone":   {at("2026-10-04T18:30:00", "UTC"), at("2026-10-05T18:30:00", "UTC"), "UTC", berlin, "2026-10-05 2026-10-06"},
		"midnights over a change":      {at("2026-10-24T22:00:00", "UTC"), at("2026-10-25T23:00:00", "UTC"), "UTC", berlin, "2026-10-25 2026-10-26"},
		"a second before midnight":     {at("2026-10-04T22:00:00", "UTC"), at("2026-10-05T21:59:59", "UTC"), "UTC", berlin, "2026-10-05 2026-10-06"},
		"hours of a day":               {at("2026-10-05T09:00:00", "UTC"), at("2026-10-05T10:00:00", "UTC"), "UTC", berlin, "2026-10-05 2026-10-06"},
		"hours of two days":            {at("2026-10-05T22:30:00", "UTC"), at("2026-10-06T01:00:00", "UTC"), "UTC", berlin, "2026-10-05 2026-10-07"},
		"an end before the start":      {at("2026-10-05T00:00:00", "UTC"), at("2026-10-03T00:00:00", "UTC"), "", berlin, "2026-10-05 2026-10-03"},
	} {
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(test.read)
			if err != nil {
				t.Fatal(err)
			}
			e := Event{AllDay: true, Start: test.start, End: test.end, StartZone: test.made, EndZone: test.made}
			from, to, err := e.Days(zone)
			if got := from.String() + " " + to.String(); err != nil || got != test.want {
				t.Errorf("got %s, %v, want %s", got, err, test.want)
			}
		})
	}
	if _, _, err := (&Event{AllDay: true, Start: at("soon", ""), End: at("2026-10-05", "")}).Days(time.UTC); err == nil {
		t.Error("a start that cannot be read")
	}
}

func TestAWindowHoldsWhatIsInItsDays(t *testing.T) {
	auckland, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	day := Date{2026, time.October, 31}
	w := Window{From: day, To: day, Zone: auckland}
	allDay := func(from, to string) Event {
		return Event{AllDay: true, Start: DateTime{Local: from}, End: DateTime{Local: to}}
	}
	timed := func(from, to, zone string) Event {
		return Event{Start: DateTime{Local: from, Zone: zone}, End: DateTime{Local: to, Zone: zone}}
	}
	for name, test := range map[string]struct {
		event Event
		want  bool
	}{
		"the day before":                 {allDay("2026-10-30", "2026-10-31"), false},
		"the day":                        {allDay("2026-10-31", "2026-11-01"), true},
		"the day after":                  {allDay("2026-11-01", "2026-11-02"), false},
		"a week around":                  {allDay("2026-10-28", "2026-11-03"), true},
		"floating, in it":                {timed("2026-10-31T00:00:00", "2026-10-31T01:00:00", ""), true},
		"floating, before":               {timed("2026-10-30T23:00:00", "2026-10-31T00:00:00", ""), false},
		"floating, after":                {timed("2026-11-01T00:00:00", "2026-11-01T00:00:00", ""), false},
		"an instant in it":               {timed("2026-10-30T11:00:00", "2026-10-30T12:00:00", "UTC"), true},
		"an instant before":              {timed("2026-10-30T10:00:00", "2026-10-30T11:00:00", "UTC"), false},
		"a moment as it begins":          {timed("2026-10-30T11:00:00", "2026-10-30T11:00:00", "UTC"), true},
		"times that nobody can read":     {timed("soon", "later", ""), true},
		"a start that is good, no end":   {timed("2026-10-30T11:00:00", "later", "UTC"), true},
		"all-day that nobody can read":   {allDay("soon", "later"), true},
		"no days, where the window is":   {allDay("2026-10-31", "2026-10-31"), true},
		"no days, before the window":     {allDay("2026-10-30", "2026-10-30"), false},
		"days that end before the start": {allDay("2026-11-03", "2026-10-01"), false},
	} {
		if got := w.Holds(&test.event); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
