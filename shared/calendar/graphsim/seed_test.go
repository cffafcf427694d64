package graphsim

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

func TestSeededEventsComeOutAsTheyWere(t *testing.T) {
	sim, c := start(t, Options{})
	at := func(local string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: "Europe/Berlin"} }
	events := []calendar.Event{
		{ID: "standup", Type: calendar.Master, ICalUID: "standup", Subject: "Standup", Start: at("2026-10-19T09:00:00"), End: at("2026-10-19T09:15:00"),
			Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261027T075959Z"}}},
		{ID: "fair", Type: calendar.Master, Subject: "Fair", AllDay: true, Start: calendar.DateTime{Local: "2026-10-01"}, End: calendar.DateTime{Local: "2026-10-02"},
			Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=MONTHLY;BYDAY=1TH;UNTIL=20261231"}}},
		{ID: "call", Subject: "Call", Start: calendar.DateTime{Local: "2026-10-05T12:00:00Z"}, End: calendar.DateTime{Local: "2026-10-05T12:30:00Z"},
			OnlineURL: "https://meet.example/1", Location: "Online", Categories: []string{"Acme - billable"}, Sensitivity: calendar.Private,
			ShowAs: calendar.Tentative, Importance: calendar.High,
			Organizer: calendar.Person{Name: "Maria", Address: "maria@acme.example"}, Response: calendar.Accepted,
			Body:         calendar.Body{ContentType: "html", Content: "<p>Hello</p>"},
			Attendees:    []calendar.Attendee{{Person: calendar.Person{Address: user}, Type: "optional", Response: calendar.Accepted}},
			LastModified: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)},
		{ID: "twice", Subject: "The second 02:30", Start: at("2026-10-25T02:30:00+01:00"), End: at("2026-10-25T02:45:00+01:00")},
	}
	if err := sim.Seed(user, "", events); err != nil {
		t.Fatal(err)
	}
	c.do("GET", "/me/events?$filter=subject eq 'Standup'", "").is(200).has("value/0/recurrence/pattern/type", "weekly", "value/0/recurrence/range/endDate",
		"2026-10-26", "value/0/type", "seriesMaster")
	if got := c.do("GET", "/me/calendarView?$top=100&$filter=subject eq 'Standup'&"+october, "").is(200).all("start/dateTime"); got !=
		"2026-10-19T07:00:00.0000000 2026-10-20T07:00:00.0000000 2026-10-21T07:00:00.0000000 "+
			"2026-10-22T07:00:00.0000000 2026-10-23T07:00:00.0000000 2026-10-26T08:00:00.0000000" {
		t.Error(got)
	}
	c.do("GET", "/me/events?$filter=subject eq 'Fair'", "").has("value/0/recurrence/pattern/index", "first", "value/0/recurrence/range/endDate",
		"2026-12-31", "value/0/start/dateTime", "2026-10-01T00:00:00.0000000")
	stored, err := sim.Events(user, "")
	if err != nil {
		t.Fatal(err)
	}
	call := stored[2]
	if call.OnlineURL != "https://meet.example/1" || call.Location != "Online" || call.Categories[0] != "Acme - billable" ||
		call.Sensitivity != calendar.Private || call.ShowAs != calendar.Tentative ||
		call.Importance != calendar.High || call.Organizer.Address != "maria@acme.example" || call.IsOrganizer || call.Response != calendar.Accepted ||
		call.Body.Content != "<p>Hello</p>" ||
		call.Attendees[0].Type != "optional" || call.Attendees[0].Response != calendar.Accepted || !call.LastModified.Equal(events[2].LastModified) {
		t.Errorf("%+v", call)
	}
	c.do("GET", "/me/events?$filter=subject eq 'The second 02:30'", "").has("value/0/start/dateTime", "2026-10-25T01:30:00.0000000")
	if err := sim.Seed(user, "", events[2:3]); fault.Of(err) != fault.Invalid {
		t.Errorf("the same event twice: %v", err)
	}
	if err := sim.Seed("nobody@example.com", "", nil); fault.Of(err) != fault.NotFound {
		t.Error(err)
	}
}

func TestSeedsBringZonesThatNobodyCanWrite(t *testing.T) {
	for _, asWritten := range []bool{false, true} {
		sim, c := start(t, Options{ZonesAsWritten: asWritten})
		const event = `{"subject":"Utc","start":{"dateTime":"2026-10-05T09:00:00","timeZone":"tzone://Microsoft/Utc"},` +
			`"end":{"dateTime":"2026-10-05T10:00:00","timeZone":"tzone://Microsoft/Utc"}}`
		id, err := sim.PutEvent(user, "", []byte(event))
		if err != nil {
			t.Fatal(err)
		}
		c.do("GET", "/me/events/"+id, "").is(200).has("originalStartTimeZone", "tzone://Microsoft/Utc", "originalEndTimeZone", "tzone://Microsoft/Utc",
			"start/dateTime", "2026-10-05T09:00:00.0000000", "start/timeZone", "UTC")
		c.do("PATCH", "/me/events/"+id, `{"start":{"dateTime":"2026-10-05T09:30:00","timeZone":"tzone://Microsoft/Utc"}}`).
			is(400, "TimeZoneNotSupportedException")

		file := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:Site time\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n" +
			"TZOFFSETFROM:+0245\r\nTZOFFSETTO:+0245\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:daily\r\nDTSTAMP:20260901T000000Z\r\n" +
			"DTSTART;TZID=Site time:20261006T090000\r\nDTEND;TZID=Site time:20261006T100000\r\nSUMMARY:Daily\r\n" +
			"RRULE:FREQ=DAILY;COUNT=3\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		if err := sim.LoadICS(user, "", strings.NewReader(file)); err != nil {
			t.Fatal(err)
		}
		c.do("GET", "/me/events?$filter=subject eq 'Daily'", "").is(200).has("value/0/type", "seriesMaster",
			"value/0/originalStartTimeZone", "tzone://Microsoft/Custom", "value/0/recurrence/range/recurrenceTimeZone", "tzone://Microsoft/Custom",
			"value/0/start/dateTime", "2026-10-06T06:15:00.0000000")
	}
}

func TestTheStateIsKeptInAFile(t *testing.T) {
	sim, c := start(t, Options{})
	path := filepath.Join(t.TempDir(), "state.json")
	ctx, cancel := context.WithCancel(t.Context())
	wait := sim.KeepFile(ctx, path, time.Hour)
	c.post(draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
	cancel()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	second, c2 := start(t, Options{})
	if err := second.LoadFile(path); err != nil {
		t.Fatal(err)
	}
	c2.do("GET", "/me/events", "").has("value/0/subject", "x")

	ctx, cancel = context.WithCancel(t.Context())
	wait = sim.KeepFile(ctx, filepath.Join(path, "no folder"), time.Hour)
	cancel()
	if err := wait(); err == nil {
		t.Error("a state that cannot be saved is no error")
	}
}

func TestWhatARuleSaysThatNoPatternCanBecomesSingleEvents(t *testing.T) {
	sim, c := start(t, Options{})
	for _, rule := range []string{
		"FREQ=MONTHLY;BYMONTHDAY=31;COUNT=2", "FREQ=MONTHLY;BYDAY=MO,2TU;COUNT=2", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=1", "FREQ=HOURLY;COUNT=2",
		"FREQ=WEEKLY;BYDAY=MO;BYHOUR=9,10;COUNT=2", "FREQ=WEEKLY;BYDAY=TU;COUNT=2",
	} {
		event := calendar.Event{ID: rule, Type: calendar.Master, Subject: rule, Start: calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "UTC"},
			End:        calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "UTC"},
			Recurrence: &calendar.Recurrence{Rules: []string{rule}}}
		if err := sim.Seed(user, "", []calendar.Event{event}); err != nil {
			t.Fatal(err)
		}
	}
	a := c.do("GET", "/me/events?$top=100", "").is(200)
	if got := a.all("type"); strings.Contains(got, "seriesMaster") || !strings.Contains(got, "singleInstance") {
		t.Error(got)
	}
	starts := c.do("GET", "/me/events?$filter=subject eq 'FREQ=MONTHLY;BYMONTHDAY=31;COUNT=2'&$orderby=start/dateTime", "").all("start/dateTime")
	if starts != "2026-10-05T09:00:00.0000000 2026-10-31T09:00:00.0000000" {
		t.Error(starts)
	}
}
