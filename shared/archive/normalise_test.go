package archive

import (
	"strings"
	"testing"

	"adminassistant/shared/calendar"
)

func TestNormaliseTimes(t *testing.T) {
	at := func(local, zone string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: zone} }
	for _, tt := range []struct {
		name       string
		from, to   calendar.DateTime
		start, end string
	}{
		{"an IANA zone", at("2026-10-05T09:00:00", "Europe/Berlin"), at("2026-10-05T10:00:00", "Europe/Berlin"), "2026-10-05T07:00:00Z", "2026-10-05T08:00:00Z"},
		{
			"a Windows zone",
			at("2026-10-05T09:00:00", "W. Europe Standard Time"), at("2026-10-05T10:00:00", "w. europe standard time"), "2026-10-05T07:00:00Z", "2026-10-05T08:00:00Z",
		},
		{
			"two zones in one event",
			at("2026-10-05T09:00:00", "Europe/Berlin"), at("2026-10-05T06:00:00", "America/New_York"), "2026-10-05T07:00:00Z", "2026-10-05T10:00:00Z",
		},
		{
			"seven fractional digits, as Graph sends them",
			at("2026-10-05T07:00:00.0000000", "UTC"), at("2026-10-05T07:00:00.5000000", "UTC"), "2026-10-05T07:00:00Z", "2026-10-05T07:00:00.5Z",
		},
		{
			"an offset is taken at its word",
			at("2026-10-05T09:00:00+05:30", "Europe/Berlin"), at("2026-10-05T09:00:00Z", "Europe/Berlin"), "2026-10-05T03:30:00Z", "2026-10-05T09:00:00Z",
		},
		{"a floating time is in the config's zone", at("2026-10-05T09:00:00", ""), at("2026-10-05T10:00:00", ""), "2026-10-05T07:00:00Z", "2026-10-05T08:00:00Z"},
		{"zero length is fine", at("2026-10-05T09:00:00", "UTC"), at("2026-10-05T09:00:00", "UTC"), "2026-10-05T09:00:00Z", "2026-10-05T09:00:00Z"},
		{
			"over midnight out of the window belongs to the day of its start",
			at("2026-10-05T23:00:00", "Europe/Berlin"), at("2026-10-06T01:00:00", "Europe/Berlin"), "2026-10-05T21:00:00Z", "2026-10-05T23:00:00Z",
		},
		{
			"the window's first instant belongs to it",
			at("2026-10-05T00:00:00", "Europe/Berlin"), at("2026-10-05T01:00:00", "Europe/Berlin"), "2026-10-04T22:00:00Z", "2026-10-04T23:00:00Z",
		},
		{
			"the window's last moment belongs to it",
			at("2026-10-05T23:59:59.999999999", "Europe/Berlin"), at("2026-10-06T01:00:00", "Europe/Berlin"), "2026-10-05T21:59:59.999999999Z", "2026-10-05T23:00:00Z",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			it := itemOf(t, planOf(day(busy("a", "09:00", "10:00", times(tt.from, tt.to)))), "a")
			if it.Outcome != Archived || instant(it.Appointment.Start) != tt.start || instant(it.Appointment.End) != tt.end {
				t.Errorf("%s %s from %s to %s; want %s to %s", it.Outcome, it.Issues, instant(it.Appointment.Start), instant(it.Appointment.End), tt.start, tt.end)
			}
			if it.Event.StartZone != "Europe/Berlin" {
				t.Errorf("the original zone is lost: %q", it.Event.StartZone)
			}
		})
	}
}

func TestNormaliseAcrossTheChangeOfTheClocks(t *testing.T) {
	window := calendar.Window{From: date("2026-10-25"), To: date("2026-10-25"), Zone: berlin} // 25 hours
	plan := newPlan(day(
		busy("before", "2026-10-24T23:59:59", "2026-10-25T01:00:00"),
		busy("first", "2026-10-25T00:00:00", "2026-10-25T01:00:00"),
		busy("twice", "2026-10-25T02:30:00", "2026-10-25T03:30:00"),
		busy("last", "2026-10-25T23:30:00", "2026-10-26T00:30:00"),
		busy("after", "2026-10-26T00:00:00", "2026-10-26T01:00:00"),
		wholeDays("holiday", "2026-10-25", "2026-10-26"),
	), window, settings, nil)
	for id, want := range map[string]string{
		"before":  "excluded 2026-10-24T21:59:59Z 2026-10-24T23:00:00Z",
		"first":   "archived 2026-10-24T22:00:00Z 2026-10-24T23:00:00Z",
		"twice":   "archived 2026-10-25T00:30:00Z 2026-10-25T02:30:00Z", // the first 02:30 of the two
		"last":    "archived 2026-10-25T22:30:00Z 2026-10-25T23:30:00Z",
		"after":   "excluded 2026-10-25T23:00:00Z 2026-10-26T00:00:00Z",
		"holiday": "archived 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z",
	} {
		it := itemOf(t, plan, id)
		if got := string(it.Outcome) + " " + instant(it.Appointment.Start) + " " + instant(it.Appointment.End); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

func TestNormaliseAllDay(t *testing.T) {
	for _, tt := range []struct {
		name     string
		event    calendar.Event
		zone     string // of the config
		days     string
		from, to string
	}{
		{
			"the dates as written when both times are midnight, in whatever zone they are",
			wholeDays("a", "2026-10-05", "2026-10-07", inZoneOf("UTC")), "Europe/Berlin",
			"2026-10-05 2026-10-07", "2026-10-04T22:00:00Z", "2026-10-06T22:00:00Z",
		}, {
			"midnights need no zone that is known",
			wholeDays("a", "2026-10-05", "2026-10-06", inZoneOf("Nowhere/At_All"), madeIn("")), "Europe/Berlin",
			"2026-10-05 2026-10-06", "2026-10-04T22:00:00Z", "2026-10-05T22:00:00Z",
		}, {
			"a date alone is its midnight",
			busy("a", "2026-10-05", "2026-10-06", allDay, inZoneOf("")), "Europe/Berlin",
			"2026-10-05 2026-10-06", "2026-10-04T22:00:00Z", "2026-10-05T22:00:00Z",
		}, {
			"not at midnight: the dates in the zone where it was made",
			busy("a", "2026-10-04T22:00:00", "2026-10-05T22:00:00", allDay, inZoneOf("UTC"), madeIn("W. Europe Standard Time")), "America/New_York",
			"2026-10-05 2026-10-06", "2026-10-05T04:00:00Z", "2026-10-06T04:00:00Z",
		}, {
			"one midnight is not enough",
			busy("a", "2026-10-05T00:00:00", "2026-10-05T15:00:00", allDay, inZoneOf("UTC"), madeIn("Asia/Tokyo")), "Europe/Berlin",
			"2026-10-05 2026-10-06", "2026-10-04T22:00:00Z", "2026-10-05T22:00:00Z",
		}, {
			"not at midnight, and made nobody knows where: the dates in the config's zone",
			busy("a", "2026-10-04T22:00:00", "2026-10-05T22:00:00", allDay, inZoneOf("UTC"), madeIn("Nowhere/At_All")), "Europe/Berlin",
			"2026-10-05 2026-10-06", "2026-10-04T22:00:00Z", "2026-10-05T22:00:00Z",
		}, {
			"local midnight that the clocks skip is the first instant of the day",
			wholeDays("a", "2018-11-04", "2018-11-05", inZoneOf("UTC")), "America/Sao_Paulo",
			"2018-11-04 2018-11-05", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z",
		}, {
			"no days at all are fine",
			wholeDays("a", "2026-10-05", "2026-10-05"), "Europe/Berlin",
			"2026-10-05 2026-10-05", "2026-10-04T22:00:00Z", "2026-10-04T22:00:00Z",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := setting(func(s *Settings) { s.Zone = zoneNamed(tt.zone) })
			from := date(strings.Fields(tt.days)[0])
			it := itemOf(t, newPlan(day(tt.event), calendar.Window{From: from, To: from, Zone: s.Zone}, s, nil), "a")
			a := &it.Appointment
			if it.Outcome != Archived || !a.AllDay {
				t.Fatalf("%s %s %v", it.Outcome, it.Reason, it.Issues)
			}
			if got := a.StartDate.String() + " " + a.EndDate.String(); got != tt.days {
				t.Errorf("got the days %s, want %s", got, tt.days)
			}
			if instant(a.Start) != tt.from || instant(a.End) != tt.to {
				t.Errorf("got %s to %s, want %s to %s", instant(a.Start), instant(a.End), tt.from, tt.to)
			}
		})
	}
}

func TestNormaliseLeavesOut(t *testing.T) {
	none := calendar.DateTime{}
	testOutcomes{
		{
			name:   "no start",
			events: day(busy("a", "09:00", "10:00", times(none, clock("10:00")))),
			want:   outcomes{"a": "excluded: invalid_time"},
		}, {
			name:   "no end",
			events: day(busy("a", "09:00", "10:00", times(clock("09:00"), none))),
			want:   outcomes{"a": "excluded: invalid_time"},
		}, {
			name:   "neither",
			events: day(busy("a", "09:00", "10:00", times(none, none))),
			want:   outcomes{"a": "excluded: invalid_time"},
		}, {
			name:   "an end before the start",
			events: day(busy("a", "10:00", "09:59")),
			want:   outcomes{"a": "excluded: invalid_time"},
		}, {
			name:   "an end that is later on the clock and earlier in fact",
			events: day(busy("a", "09:00", "10:00", times(clock("09:00"), calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "Asia/Tokyo"}))),
			want:   outcomes{"a": "excluded: invalid_time"},
		}, {
			name:   "all-day dates the wrong way round",
			events: day(wholeDays("a", "2026-10-05", "2026-10-04")),
			want:   outcomes{"a": "excluded: invalid_time"},
		}, {
			name:   "a time that is none",
			events: day(busy("a", "nine o'clock", "10:00"), busy("b", "2026-02-30T09:00:00", "10:00"), busy("c", "09:00", "2026-10-05T24:00:00")),
			want:   outcomes{"a": "excluded: invalid_time", "b": "excluded: invalid_time", "c": "excluded: invalid_time"},
		}, {
			name:   "a zone that nobody knows, or that depends on the machine",
			events: day(busy("a", "09:00", "10:00", inZoneOf("Nowhere/At_All")), busy("b", "09:00", "10:00", inZoneOf("Local"))),
			want:   outcomes{"a": "excluded: invalid_time", "b": "excluded: invalid_time"},
		}, {
			name:   "another day, even when it reaches into this one",
			events: day(busy("a", "2026-10-04T23:00:00", "2026-10-05T08:00:00"), busy("b", "2026-10-06T00:00:00", "2026-10-06T01:00:00")),
			want:   outcomes{"a": "excluded: outside_window", "b": "excluded: outside_window"},
		}, {
			name:   "an all-day event that began on another day",
			events: day(wholeDays("a", "2026-10-04", "2026-10-08")),
			want:   outcomes{"a": "excluded: outside_window"},
		}, {
			name: "a series master, whatever its times",
			events: day(
				busy("a", "09:00", "10:00", typed(calendar.Master)), busy("b", "10:00", "09:00", typed(calendar.Master)),
				busy("c", "2026-10-04T09:00:00", "10:00", typed(calendar.Master)),
			),
			want: outcomes{"a": "excluded: series_master", "b": "excluded: series_master", "c": "excluded: series_master"},
		}, {
			name:   "a copy that we wrote ourselves",
			events: day(busy("a", "09:00", "10:00", func(e *calendar.Event) { e.Mark = "1 key sha256:00" })),
			want:   outcomes{"a": "excluded: own_copy"},
		}, {
			name: "what is left out neither merges nor collides nor is modified",
			events: day(
				busy("a", "09:00", "10:00", typed(calendar.Master), subject("x")), busy("b", "09:00", "10:00", subject("x")), busy("c", "11:00", "10:00"),
				busy("m", "10:00", "10:10", subject("Extended")),
			),
			want: outcomes{"a": "excluded: series_master", "b": "archived", "c": "excluded: invalid_time", "m": "absorbed into b"},
		},
	}.run(t)
}

func TestNormaliseSaysWhatIsWrongWithATime(t *testing.T) {
	for want, event := range map[string]calendar.Event{
		"no start and no end":   busy("a", "", ""),
		"no start":              busy("a", "", "10:00"),
		"no end":                busy("a", "09:00", ""),
		"ends before it starts": busy("a", "10:00", "09:00"),
		`start: "09h" is not`:   busy("a", "09h", "10:00"),
		"end: unknown time":     busy("a", "09:00", "10:00", func(e *calendar.Event) { e.End.Zone = "Nowhere/At_All" }),
	} {
		it := itemOf(t, planOf(day(event)), "a")
		if len(it.Issues) != 1 || !strings.HasPrefix(it.Issues[0], want) {
			t.Errorf("got %q, want %q", it.Issues, want)
		}
	}
}

func TestNormaliseGivesMissingWordsTheirDefaults(t *testing.T) {
	a := &itemOf(t, planOf(day(busy("a", "09:00", "10:00", shown(""), important(""), sensitive(""), billed))), "a").Appointment
	if a.ShowAs != calendar.Unknown || a.Importance != calendar.NormalImportance || a.Sensitivity != calendar.Normal {
		t.Errorf("got %q %q %q", a.ShowAs, a.Importance, a.Sensitivity)
	}
}

func TestSourceKey(t *testing.T) {
	start := utc("2026-10-05T07:00:00Z")
	for _, tt := range []struct {
		name  string
		event calendar.Event
		want  string
	}{
		{"iCalUId and original start", calendar.Event{ID: "a", ICalUID: "u", OriginalStart: utc("2026-10-04T07:00:00Z")}, "u@2026-10-04T07:00:00Z"},
		{"its own start when it belongs to no series", calendar.Event{ID: "a", ICalUID: "u"}, "u@2026-10-05T07:00:00Z"},
		{"the id when there is no iCalUId", calendar.Event{ID: "a", OriginalStart: utc("2026-10-04T07:00:00Z")}, "a"},
	} {
		if got := sourceKey(&tt.event, start); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
