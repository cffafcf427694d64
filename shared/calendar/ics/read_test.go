package ics

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// file wraps lines in a VCALENDAR; event wraps them in a VEVENT with a UID and a DTSTAMP too.
func file(lines ...string) string {
	return strings.Join(append(append([]string{"BEGIN:VCALENDAR", "VERSION:2.0"}, lines...), "END:VCALENDAR", ""), "\r\n")
}

func event(lines ...string) string {
	return strings.Join(append(append([]string{"BEGIN:VEVENT", "UID:u1", "DTSTAMP:20260101T000000Z"}, lines...), "END:VEVENT"), "\r\n")
}

func mustRead(t testing.TB, text string) File {
	t.Helper()
	f, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// instances lists what a file has in a span of days: start, end, zone, subject, and what else there is to say.
func instances(t *testing.T, f File, from, to string) string {
	t.Helper()
	var days [2]time.Time
	for i, text := range []string{from, to} {
		var err error
		if days[i], err = time.Parse(time.DateOnly, text); err != nil {
			t.Fatal(err)
		}
	}
	events, err := Expand(f, days[0], days[1])
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range events {
		start, err := e.Start.Instant(time.UTC)
		if loc, failed := Lookup(f.Zones)(e.Start.Zone); failed == nil {
			start, err = calendar.DateTime{Local: e.Start.Local}.Instant(loc)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s-%s %s %s: %s %s %s", e.Start.Local[5:16], e.End.Local[5:16], e.Start.Zone, start.UTC().Format("15:04Z"), e.Subject, e.ShowAs,
			e.Sensitivity)
		if e.AllDay {
			b.WriteString(" all-day")
		}
		if e.Cancelled {
			b.WriteString(" cancelled")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestDialects(t *testing.T) {
	for name, test := range map[string]struct{ calendar, from, to, want string }{
		"outlook": {"Calendar of Robin, Example GmbH", "2026-10-01", "2026-12-01", `
10-05T09:00-10-05T10:00 W. Europe Standard Time 07:00Z: Acme Statusrunde busy normal
10-19T15:00-10-19T16:00 W. Europe Standard Time 13:00Z: Acme Statusrunde (verschoben) tentative normal cancelled
10-26T09:00-10-26T10:00 W. Europe Standard Time 08:00Z: Acme Statusrunde busy normal
11-02T09:00-11-02T10:00 W. Europe Standard Time 08:00Z: Acme Statusrunde busy normal
11-09T09:00-11-09T10:00 W. Europe Standard Time 08:00Z: Acme Statusrunde busy normal
11-16T09:00-11-16T10:00 W. Europe Standard Time 08:00Z: Acme Statusrunde busy normal
11-23T09:00-11-23T10:00 W. Europe Standard Time 08:00Z: Acme Statusrunde busy normal
11-30T09:00-11-30T10:00 W. Europe Standard Time 08:00Z: Acme Statusrunde busy normal
10-24T00:00-10-26T00:00  00:00Z: Away oof personal all-day
11-02T15:00-11-02T16:00 UTC 15:00Z: Call overseas workingElsewhere confidential
11-10T00:00-11-11T00:00  00:00Z: Fair free normal all-day
`},
		"google": {"sam@example.com", "2026-02-01", "2028-03-01", `
10-05T07:00-10-05T07:45 UTC 07:00Z: Größenabstimmung – 日本語 🎉 tentative normal
03-02T10:00-03-02T10:30 America/New_York 15:00Z: Sync free normal
03-09T10:00-03-09T10:30 America/New_York 14:00Z: Sync free normal
03-24T15:30-03-24T16:00 America/New_York 19:30Z: Sync (Tuesday) busy normal
03-30T10:00-03-30T10:30 America/New_York 14:00Z: Sync free normal
02-29T00:00-03-01T00:00  00:00Z: Leap day busy private all-day
`},
		"apple": {"Home", "2026-10-01", "2027-01-01", `
10-20T17:45-10-20T19:15 Europe/Berlin 15:45Z: Training busy normal
11-03T17:45-11-03T19:15 Europe/Berlin 16:45Z: Training busy normal
11-17T17:45-11-17T19:15 Europe/Berlin 16:45Z: Training busy normal
10-21T12:00-10-21T12:45  12:00Z: Lunch, wherever I am busy normal
10-25T00:00-10-26T00:30 Europe/Berlin 22:00Z: Night train busy normal
12-24T00:00-12-25T00:00  00:00Z: Heiligabend busy normal all-day
`},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + name + ".ics")
			if err != nil {
				t.Fatal(err)
			}
			f := mustRead(t, string(text))
			if got := "\n" + instances(t, f, test.from, test.to); got != test.want || f.Name != test.calendar {
				t.Errorf("calendar %q:%s\nwant:%s", f.Name, got, test.want)
			}
			reread := mustRead(t, written(t, f))
			if d := differ(f, reread); d != "" {
				t.Errorf("written and read again:\n%s", d)
			}
		})
	}
}

func TestOutlooksFields(t *testing.T) {
	text, err := os.ReadFile("testdata/outlook.ics")
	if err != nil {
		t.Fatal(err)
	}
	e := mustRead(t, string(text)).Events[0]
	want := calendar.Event{
		ID:      "040000008200E00074C5B7101A82E00800000000A0B1C2D3E4F50001000000000000000010000000ABCDEF0123456789ABCDEF0123456789",
		ICalUID: "040000008200E00074C5B7101A82E00800000000A0B1C2D3E4F50001000000000000000010000000ABCDEF0123456789ABCDEF0123456789",
		Type:    calendar.Master, Subject: "Acme Statusrunde", Location: "Blue Room",
		Body:      calendar.Body{ContentType: "html", Content: "<html><body><p>Agenda:<br>1. Status<br>2. Risks; costs, dates</p></body></html>"},
		Start:     calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "W. Europe Standard Time"},
		End:       calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "W. Europe Standard Time"},
		StartZone: "W. Europe Standard Time", EndZone: "W. Europe Standard Time",
		Response: calendar.NoResponse, ShowAs: calendar.Busy, Importance: calendar.High, Sensitivity: calendar.Normal,
		Categories: []string{"Acme - billable", "Online"},
		Organizer:  calendar.Person{Name: "Robin Example", Address: "robin@example.com"},
		Attendees: []calendar.Attendee{
			{Person: calendar.Person{Name: "Kim Muster", Address: "kim@example.com"}, Type: "required", Response: calendar.NoResponse},
			{Person: calendar.Person{Name: "Blue Room", Address: "blue.room@example.com"}, Type: "resource", Response: calendar.NoResponse},
			{Person: calendar.Person{Name: "alex@example.org", Address: "alex@example.org"}, Type: "optional", Response: calendar.TentativelyAccepted},
		},
		OnlineURL: "https://teams.example.com/l/meetup-join/19",
		Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;UNTIL=20261228T080000Z;BYDAY=MO;WKST=SU"}, Without: []calendar.DateTime{
			{Local: "2026-10-12T09:00:00", Zone: "W. Europe Standard Time"}, {Local: "2026-12-21T09:00:00", Zone: "W. Europe Standard Time"}}},
		Created: time.Date(2026, 9, 1, 8, 15, 0, 0, time.UTC), LastModified: time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC),
		Sequence: 2, Stamp: time.Date(2026, 9, 1, 8, 15, 0, 0, time.UTC),
	}
	if d := differ(File{Events: []calendar.Event{want}}, File{Events: []calendar.Event{e}}); d != "" {
		t.Error(d)
	}
}

func TestWhenAnEventIs(t *testing.T) {
	const zone = ";TZID=Europe/Berlin:"
	for name, test := range map[string]struct {
		lines []string
		want  string
	}{
		"with a zone": {[]string{"DTSTART" + zone + "20261005T090000", "DTEND" + zone + "20261005T100000"},
			"2026-10-05T09:00:00 Europe/Berlin - 2026-10-05T10:00:00 Europe/Berlin"},
		"two zones": {[]string{"DTSTART" + zone + "20261005T090000", "DTEND;TZID=America/New_York:20261005T100000"},
			"2026-10-05T09:00:00 Europe/Berlin - 2026-10-05T10:00:00 America/New_York"},
		"instants": {[]string{"DTSTART:20261005T090000Z", "DTEND:20261005T100000Z"},
			"2026-10-05T09:00:00 UTC - 2026-10-05T10:00:00 UTC"},
		"floating": {[]string{"DTSTART:20261005T090000", "DTEND:20261005T100000"},
			"2026-10-05T09:00:00  - 2026-10-05T10:00:00 "},
		"no end": {[]string{"DTSTART:20261005T090000Z"}, "2026-10-05T09:00:00 UTC - 2026-10-05T09:00:00 UTC"},
		"days": {[]string{"DTSTART;VALUE=DATE:20261005", "DTEND;VALUE=DATE:20261007"},
			"2026-10-05T00:00:00  - 2026-10-07T00:00:00  all-day"},
		"a day without end": {[]string{"DTSTART;VALUE=DATE:20261005"}, "2026-10-05T00:00:00  - 2026-10-06T00:00:00  all-day"},
		"a day that ends as it begins": {[]string{"DTSTART;VALUE=DATE:20261005", "DTEND;VALUE=DATE:20261005"},
			"2026-10-05T00:00:00  - 2026-10-06T00:00:00  all-day"},
		"a date that does not say so": {[]string{"DTSTART:20261005"}, "2026-10-05T00:00:00  - 2026-10-06T00:00:00  all-day"},
		"a date with a time": {[]string{"DTSTART;VALUE=DATE:20261005T000000", "DTEND;VALUE=DATE:20261006T000000"},
			"2026-10-05T00:00:00  - 2026-10-06T00:00:00  all-day"},
		"days as a duration": {[]string{"DTSTART;VALUE=DATE:20261005", "DURATION:P1W"},
			"2026-10-05T00:00:00  - 2026-10-12T00:00:00  all-day"},
		"a day with an end in time": {[]string{"DTSTART;VALUE=DATE:20261005", "DTEND:20261006T120000"},
			"2026-10-05T00:00:00  - 2026-10-07T00:00:00  all-day"},
		"a time that ends with a day": {[]string{"DTSTART" + zone + "20261005T090000", "DTEND;VALUE=DATE:20261006"},
			"2026-10-05T09:00:00 Europe/Berlin - 2026-10-06T00:00:00 Europe/Berlin"},
		"a duration in time passes": {[]string{"DTSTART" + zone + "20261024T120000", "DURATION:PT24H"},
			"2026-10-24T12:00:00 Europe/Berlin - 2026-10-25T11:00:00 Europe/Berlin"},
		"a duration in days goes by the calendar": {[]string{"DTSTART" + zone + "20261024T120000", "DURATION:P1D"},
			"2026-10-24T12:00:00 Europe/Berlin - 2026-10-25T12:00:00 Europe/Berlin"},
		"a duration to a time that occurs twice": {[]string{"DTSTART" + zone + "20261025T013000", "DURATION:PT2H"},
			"2026-10-25T01:30:00 Europe/Berlin - 2026-10-25T02:30:00+01:00 Europe/Berlin"},
		"a floating duration": {[]string{"DTSTART:20261024T120000", "DURATION:P1DT1H30M15S"}, "2026-10-24T12:00:00  - 2026-10-25T13:30:15 "},
		"a Windows zone": {[]string{"DTSTART;TZID=\"Pacific Standard Time\":20261005T090000"},
			"2026-10-05T09:00:00 Pacific Standard Time - 2026-10-05T09:00:00 Pacific Standard Time"},
		"a prefixed zone": {[]string{"DTSTART;TZID=/mozilla.org/20050126_1/America/Argentina/Ushuaia:20261005T090000"},
			"2026-10-05T09:00:00 America/Argentina/Ushuaia - 2026-10-05T09:00:00 America/Argentina/Ushuaia"},
		"an end without a zone": {[]string{"DTSTART" + zone + "20261005T090000", "DTEND:20261005T100000"},
			"2026-10-05T09:00:00 Europe/Berlin - 2026-10-05T10:00:00 Europe/Berlin"},
		"a start without a zone": {[]string{"DTSTART:20261005T090000", "DTEND" + zone + "20261005T100000"},
			"2026-10-05T09:00:00  - 2026-10-05T10:00:00 "},
		"an end before the start is the caller's to see": {[]string{"DTSTART:20261005T090000Z", "DTEND:20261005T080000Z"},
			"2026-10-05T09:00:00 UTC - 2026-10-05T08:00:00 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			e := mustRead(t, file(event(test.lines...))).Events[0]
			got := fmt.Sprintf("%s %s - %s %s", e.Start.Local, e.Start.Zone, e.End.Local, e.End.Zone)
			if e.AllDay {
				got += " all-day"
			}
			if got != test.want || e.StartZone != e.Start.Zone || e.EndZone != e.End.Zone {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestWhatAnEventSays(t *testing.T) {
	for name, test := range map[string]struct {
		lines string
		got   func(e calendar.Event) any
		want  any
	}{
		"escapes":                {`SUMMARY:a\, b\; c\\d\ne\Nf`, func(e calendar.Event) any { return e.Subject }, "a, b; c\\d\ne\nf"},
		"careless escapes":       {`SUMMARY:C:\temp a, b; c\`, func(e calendar.Event) any { return e.Subject }, `C:\temp a, b; c\`},
		"folded within a letter": {"SUMMARY:Gr\xC3\r\n \xB6\xC3\r\n\t\x9Fe", func(e calendar.Event) any { return e.Subject }, "Größe"},
		"lower case":             {"summary;language=en:Hello", func(e calendar.Event) any { return e.Subject }, "Hello"},
		"a quoted colon":         {`SUMMARY;X-NOTE="a:b;c,d":Hello`, func(e calendar.Event) any { return e.Subject }, "Hello"},
		"a page in a parameter": {`DESCRIPTION;ALTREP="data:text/html,` + strings.Repeat("x", 20_000) + `":Hello`,
			func(e calendar.Event) any { return e.Body.Content }, "Hello"},
		"plain text": {"DESCRIPTION:Hello", func(e calendar.Event) any { return e.Body }, calendar.Body{ContentType: "text", Content: "Hello"}},
		"categories in two lines": {"CATEGORIES:A,B\\, C\r\nCATEGORIES:D, ,E", func(e calendar.Event) any { return strings.Join(e.Categories, "|") },
			"A|B, C|D|E"},
		"a class nobody knows": {"CLASS:X-SECRET", func(e calendar.Event) any { return e.Sensitivity }, calendar.Private},
		"free by transparency": {"TRANSP:TRANSPARENT", func(e calendar.Event) any { return e.ShowAs }, calendar.Free},
		"Outlook's word goes first": {"TRANSP:TRANSPARENT\r\nX-MICROSOFT-CDO-BUSYSTATUS:oof", func(e calendar.Event) any { return e.ShowAs },
			calendar.OutOfOffice},
		"tentative by status":  {"STATUS:TENTATIVE", func(e calendar.Event) any { return e.ShowAs }, calendar.Tentative},
		"low priority":         {"PRIORITY:9", func(e calendar.Event) any { return e.Importance }, calendar.Low},
		"Outlook's importance": {"X-MICROSOFT-CDO-IMPORTANCE:2", func(e calendar.Event) any { return e.Importance }, calendar.High},
		"middle priority": {"PRIORITY:5\r\nX-MICROSOFT-CDO-IMPORTANCE:2", func(e calendar.Event) any { return e.Importance },
			calendar.NormalImportance},
		"an organiser without address": {"ORGANIZER;CN=Kim:invalid:nomail", func(e calendar.Event) any { return e.Organizer }, calendar.Person{Name: "Kim"}},
		"an organiser by Apple's path": {`ORGANIZER;CN="Kim";EMAIL=kim@example.com:/aMT/principal/`, func(e calendar.Event) any { return e.Organizer },
			calendar.Person{Name: "Kim", Address: "kim@example.com"}},
		"a quote in a name": {`ORGANIZER;CN=Kim ^'K^' ^^ M:MAILTO:kim@example.com`, func(e calendar.Event) any { return e.Organizer },
			calendar.Person{Name: `Kim "K" ^ M`, Address: "kim@example.com"}},
		"a room": {"ATTENDEE;CUTYPE=ROOM;PARTSTAT=ACCEPTED:mailto:r@example.com", func(e calendar.Event) any { return e.Attendees[0] },
			calendar.Attendee{Person: calendar.Person{Address: "r@example.com"}, Type: "resource", Response: calendar.Accepted}},
		"an answer that is awaited": {"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:r@example.com", func(e calendar.Event) any { return e.Attendees[0].Response },
			calendar.NotResponded},
		"our mark":                    {`X-ADMIN-ASSISTANT-MARK:a\,b`, func(e calendar.Event) any { return e.Mark }, "a,b"},
		"Google's made-up date":       {"CREATED:00001231T000000Z", func(e calendar.Event) any { return e.Created.IsZero() }, true},
		"DTSTAMP as the last change":  {"SUMMARY:x", func(e calendar.Event) any { return e.LastModified }, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		"the sequence":                {"SEQUENCE:7", func(e calendar.Event) any { return e.Sequence }, 7},
		"an empty page beside a text": {"X-ALT-DESC:<html></html>\r\nDESCRIPTION:Hello", func(e calendar.Event) any { return e.Body.Content }, "Hello"},
		"quoted-printable": {"SUMMARY;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Gr=FC=\r\n=DFe=0D=0Ab", func(e calendar.Event) any { return e.Subject },
			"Grüße\nb"},
		"quoted-printable, named so alone": {"SUMMARY;QUOTED-PRINTABLE:Gr=C3=BC", func(e calendar.Event) any { return e.Subject }, "Grü"},
		"an address for online meeting":    {"URL:https://example.com/a?b=c;d,e", func(e calendar.Event) any { return e.OnlineURL }, "https://example.com/a?b=c;d,e"},
		"a blank line":                     {"\r\nSUMMARY:x", func(e calendar.Event) any { return e.Subject }, "x"},
		"an attachment, long and folded": {"ATTACH;VALUE=BINARY;X-\r\n NAME=a;ENCODING=BASE64:\r\n" + strings.Repeat(" "+strings.Repeat("QUJD", 18)+"\r\n",
			100_000) + "SUMMARY:x",
			func(e calendar.Event) any { return e.Subject }, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.got(mustRead(t, file(event("DTSTART:20261005T090000Z", test.lines))).Events[0]); got != test.want {
				t.Errorf("got  %#v\nwant %#v", got, test.want)
			}
		})
	}
}

func TestSeries(t *testing.T) {
	const daily = "DTSTART;TZID=Europe/Berlin:20261005T090000\r\nDTEND;TZID=Europe/Berlin:20261005T100000\r\nRRULE:FREQ=DAILY;COUNT=4"
	const days = "DTSTART;VALUE=DATE:20261005\r\nRRULE:FREQ=DAILY;COUNT=4"
	for name, test := range map[string]struct {
		events []string
		want   string // starts, and subjects where there are some, by original start
	}{
		"lists of dates": {[]string{event(daily, "RDATE;TZID=Europe/Berlin:20261020T090000,20261021T110000", "EXDATE:20261006T070000Z",
			"EXDATE;TZID=Europe/Berlin:20261007T090000,20261008T090000")},
			"10-05T09:00 10-20T09:00 10-21T11:00"},
		"dates without a time": {[]string{event(daily, "RDATE;VALUE=DATE:20261020", "EXDATE;VALUE=DATE:20261006,20261007")},
			"10-05T09:00 10-08T09:00 10-20T09:00"},
		"further dates alone": {[]string{event("DTSTART:20261005T090000Z", "RDATE:20261007T090000Z")}, "10-05T09:00 10-07T09:00"},
		"periods": {[]string{event(daily, "RDATE;VALUE=PERIOD:20261020T070000Z/PT3H,20261021T070000Z/20261021T113000Z")},
			"10-05T09:00 10-06T09:00 10-07T09:00 10-08T09:00 10-20T07:00-10-20T10:00 10-21T07:00-10-21T11:30"},
		"an exception before its series": {[]string{event("RECURRENCE-ID;TZID=Europe/Berlin:20261006T090000",
			"DTSTART;TZID=Europe/Berlin:20261006T120000", "SUMMARY:moved"), event(daily)}, "10-05T09:00 10-06T12:00:moved 10-07T09:00 10-08T09:00"},
		"an exception named by the instant": {[]string{event(daily),
			event("RECURRENCE-ID:20261006T070000Z", "DTSTART;TZID=Europe/Berlin:20261006T120000", "SUMMARY:moved")},
			"10-05T09:00 10-06T12:00:moved 10-07T09:00 10-08T09:00"},
		"an exception named by the day": {[]string{event(daily),
			event("RECURRENCE-ID;VALUE=DATE:20261006", "DTSTART;TZID=Europe/Berlin:20261006T120000", "SUMMARY:moved")},
			"10-05T09:00 10-06T12:00:moved 10-07T09:00 10-08T09:00"},
		"an exception named without a zone": {[]string{event(daily),
			event("RECURRENCE-ID:20261006T090000", "DTSTART;TZID=Europe/Berlin:20261006T120000", "SUMMARY:moved")},
			"10-05T09:00 10-06T12:00:moved 10-07T09:00 10-08T09:00"},
		"an all-day exception named by a time": {[]string{event(days),
			event("RECURRENCE-ID;TZID=Europe/Berlin:20261006T000000", "DTSTART;VALUE=DATE:20261106", "SUMMARY:moved")},
			"10-05T00:00 11-06T00:00:moved 10-07T00:00 10-08T00:00"},
		"an all-day exception named by its midnight": {[]string{event(days), event("RECURRENCE-ID:20261005T220000Z", "DTSTART;VALUE=DATE:20261106",
			"SUMMARY:moved")}, "10-05T00:00 11-06T00:00:moved 10-07T00:00 10-08T00:00"},
		"all-day without a day, named by its midnight": {[]string{event(days, "EXDATE:20261005T220000Z")}, "10-05T00:00 10-07T00:00 10-08T00:00"},
		"an exception without a series": {[]string{event("RECURRENCE-ID:20261006T070000Z", "DTSTART:20261006T120000Z", "SUMMARY:alone")},
			"10-06T12:00:alone"},
		"this and future": {[]string{event(daily), event("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261007T090000",
			"DTSTART;TZID=Europe/Berlin:20261007T110000", "DTEND;TZID=Europe/Berlin:20261007T113000", "SUMMARY:later")},
			"10-05T09:00 10-06T09:00 10-07T11:00:later 10-08T11:00:later"},
		"this and future, to other days": {[]string{event("DTSTART:20261005T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=6", "EXDATE:20261014T090000Z"),
			event("RECURRENCE-ID;RANGE=THISANDFUTURE:20261012T090000Z", "DTSTART:20261013T100000Z", "SUMMARY:later"),
			event("RECURRENCE-ID:20261019T090000Z", "DTSTART:20261019T180000Z", "SUMMARY:alone")},
			"10-05T09:00 10-07T09:00 10-13T10:00:later 10-19T18:00:alone 10-22T10:00:later"},
		"this and future, twice": {[]string{event(daily),
			event("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261008T090000", "DTSTART;TZID=Europe/Berlin:20261008T080000", "SUMMARY:b"),
			event("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261006T090000", "DTSTART;TZID=Europe/Berlin:20261006T110000", "SUMMARY:a")},
			"10-05T09:00 10-08T08:00:b 10-06T11:00:a 10-07T11:00:a"},
		"this and future from the first": {[]string{event(days), event("RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20261005", "DTSTART;VALUE=DATE:20261007",
			"SUMMARY:a")}, "10-07T00:00:a 10-08T00:00:a 10-09T00:00:a 10-10T00:00:a"},
		"this and future, that no rule says": {[]string{event("DTSTART:20261030T090000Z", "RRULE:FREQ=DAILY;BYMONTHDAY=30,31;COUNT=3"),
			event("RECURRENCE-ID;RANGE=THISANDFUTURE:20261031T090000Z", "DTSTART:20261101T090000Z", "SUMMARY:a")}, "10-30T09:00 11-01T09:00:a"},
		"skipped backward": {[]string{event("DTSTART:20260831T090000Z", "RRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4")}, "10-31T09:00 11-30T09:00"},
		"skipped forward": {[]string{event("DTSTART:20260831T090000Z", "RRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=FORWARD;COUNT=4")},
			"10-01T09:00 10-31T09:00"},
		"a newer revision":     {[]string{event("DTSTART:20261006T120000Z", "SUMMARY:new", "SEQUENCE:1"), event(daily, "SUMMARY:old")}, "10-06T12:00:new"},
		"the same event twice": {[]string{event(daily), event(daily)}, "10-05T09:00 10-06T09:00 10-07T09:00 10-08T09:00"},
	} {
		t.Run(name, func(t *testing.T) {
			f := mustRead(t, file(test.events...))
			for _, f := range []File{f, mustRead(t, written(t, f))} {
				events, err := Expand(f, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, e := range events {
					text := e.Start.Local[5:16]
					if strings.Contains(test.want, text+"-") {
						text += "-" + e.End.Local[5:16]
					}
					if e.Subject != "" {
						text += ":" + e.Subject
					}
					got = append(got, text)
				}
				if strings.Join(got, " ") != test.want {
					t.Errorf("got  %s\nwant %s", strings.Join(got, " "), test.want)
				}
			}
		})
	}
}

func TestSeveralCalendarsAreOne(t *testing.T) {
	a := file("X-WR-CALNAME:First", event("DTSTART:20261005T090000Z"))
	b := file("METHOD:CANCEL", "X-WR-CALNAME:Second", strings.Replace(event("DTSTART:20261005T090000Z"), "UID:u1", "UID:u2", 1))
	f := mustRead(t, "\xEF\xBB\xBF"+strings.ReplaceAll(a, "\r\n", "\n")+"\n"+b)
	if f.Name != "First" || len(f.Events) != 2 || f.Events[0].Cancelled || !f.Events[1].Cancelled {
		t.Errorf("%+v", f)
	}
}

func TestAnEventWithoutUIDHasOneOfItsContent(t *testing.T) {
	text := strings.Replace(file(event("DTSTART:20261005T090000Z")), "UID:u1\r\n", "", 1)
	a, b := mustRead(t, text).Events[0], mustRead(t, text).Events[0]
	if a.ID == "" || a.ID != b.ID || a.ICalUID != a.ID {
		t.Errorf("%q, %q, %q", a.ID, b.ID, a.ICalUID)
	}
}

func TestWhatCannotBeReadIsInvalid(t *testing.T) {
	start := "DTSTART:20261005T090000Z"
	deep := strings.Repeat("BEGIN:X-A\r\n", 20)
	for name, test := range map[string]struct{ text, want string }{
		"nothing":               {"", "line 1: the file is empty"},
		"blank lines":           {"\r\n\r\n", "line 1: the file is empty"},
		"another sort of file":  {"subject,start\r\n", "line 1: this is not an iCalendar file"},
		"a page":                {"<!DOCTYPE html>\n<html>", "line 1: this is not an iCalendar file"},
		"binary":                {"PK\x03\x04\x00\x00\x08", "line 1: the file is binary"},
		"binary further on":     {file("X-A:\x00"), "line 3: the file is binary"},
		"UTF-16":                {"\xFF\xFEB\x00E\x00", "line 1: the text is UTF-16"},
		"UTF-16 without a mark": {"\x00B\x00E\x00G", "line 1: the text is UTF-16"},
		"Latin-1":               {file(event(start, "SUMMARY:Gr\xF6\xDFe")), "line 7: event \"u1\": the text is not UTF-8"},
		"no end": {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u1\r\n",
			"line 3: the file ends inside the VEVENT of line 2: END:VEVENT is missing"},
		"no calendar":                   {event(start), "line 1: BEGIN:VEVENT outside of a VCALENDAR"},
		"something before the calendar": {"VERSION:2.0\r\n" + file(), "line 1: this is not an iCalendar file"},
		"a missing END": {file(strings.TrimSuffix(event(start), "\r\nEND:VEVENT")),
			"line 7: event \"u1\": END:VEVENT is missing before it: the VEVENT of line 3 goes on"},
		"a calendar in an event": {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
			"line 3: END:VEVENT is missing before it: the VEVENT of line 2 goes on"},
		"too deep":                      {"BEGIN:VCALENDAR\r\n" + deep, "line 9: components are nested more than 8 deep"},
		"no content line":               {file(event(start, "and so on")), `line 7: event "u1": "and so on" is no content line`},
		"a quote that is not closed":    {file(event(start, `SUMMARY;X="a:b`)), "line 7: event \"u1\": SUMMARY has no colon, or a quote that is not closed"},
		"parameters that are malformed": {file(event(start, `SUMMARY;X="a"b:c`)), "line 7: event \"u1\": SUMMARY cannot be read"},
		"a parameter without value":     {file(event(start, `SUMMARY;X:c`)), "line 7: event \"u1\": SUMMARY cannot be read: malformed"},
		"long parameters": {file(event(start, "ATTENDEE;CN="+strings.Repeat("x", 2000)+":mailto:a@example.com")),
			"line 7: event \"u1\": the parameters of ATTENDEE are longer than 1024 bytes"},
		"no start": {file(event("SUMMARY:x")), `line 3: event "u1": DTSTART is missing`},
		"a bad start": {file(event("SUMMARY:x", "DTSTART:20261305T090000Z")),
			`line 7: event "u1": DTSTART: "20261305T090000Z" is no date or time`},
		"a start that is a word":          {file(event("DTSTART:soon")), `line 6: event "u1": DTSTART: "soon" is no date or time`},
		"a start that wants to be a date": {file(event("DTSTART;VALUE=DATE:20261005T090000")), `line 6: event "u1": DTSTART`},
		"the year nought":                 {file(event("DTSTART:00000101T000000Z")), `line 6: event "u1": DTSTART`},
		"a bad end":                       {file(event(start, "DTEND:x")), `line 7: event "u1": DTEND`},
		"a bad duration":                  {file(event(start, "DURATION:1 hour")), `line 7: event "u1": DURATION: "1 hour" is no duration`},
		"a duration without end":          {file(event(start, "DURATION:P99999999999999999W")), `line 7: event "u1": DURATION`},
		"a duration that adds up":         {file(event(start, "DURATION:P36000DT800000H800000H")), `line 7: event "u1": DURATION`},
		"a bad rule":                      {file(event(start, "RRULE:FREQ=FORTNIGHTLY")), `line 7: event "u1": recurrence rule "FREQ=FORTNIGHTLY"`},
		"a bad date of a series":          {file(event(start, "RRULE:FREQ=DAILY", "EXDATE:20261006T090000Z,x")), `line 8: event "u1": EXDATE: "x" is no date`},
		"a bad period":                    {file(event(start, "RDATE;VALUE=PERIOD:20261006T090000Z/Pfoo")), `line 7: event "u1": RDATE`},
		"an excluding rule":               {file(event(start, "RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY")), `line 8: event "u1": EXRULE is not supported`},
		"this and past": {file(event(start, "RECURRENCE-ID;RANGE=THISANDPRIOR:20261006T090000Z")),
			`line 7: event "u1": RECURRENCE-ID with RANGE=THISANDPRIOR is not supported`},
		"a bad original start": {file(event(start, "RECURRENCE-ID:x")), `line 7: event "u1": RECURRENCE-ID`},
		"an unknown zone": {file(event("DTSTART;TZID=Mars/Olympus:20261005T090000")),
			`line 3: event "u1": the time zone "Mars/Olympus" is unknown, and the file has no VTIMEZONE for it`},
		"one UID, two events": {file(event(start), event("DTSTART:20261006T090000Z")), `line 8: event "u1": "u1" is in line 3 too`},
		"one instance, twice": {file(event(start, "RECURRENCE-ID:20261006T090000Z"), event(start, "RECURRENCE-ID:20261006T090000Z", "SUMMARY:x")),
			`in line 3 too`},
		"a zone without parts": {file("BEGIN:VTIMEZONE", "TZID:Own", "END:VTIMEZONE", event("DTSTART;TZID=Own:20261005T090000")),
			`line 3: event "u1": time zone "Own": the VTIMEZONE has no STANDARD`},
		"a zone with a daily rule": {file(ownZone("Own", "RRULE:FREQ=DAILY"), event("DTSTART;TZID=Own:20261005T090000")), "must be yearly"},
		"a zone with a bad offset": {file(strings.Replace(ownZone("Own", ""), "+0137", "+25", 1), event("DTSTART;TZID=Own:20261005T090000")),
			`TZOFFSETTO "+25" is no offset`},
		"a zone defined twice": {file(ownZone("Own", ""), strings.ReplaceAll(ownZone("Own", ""), "+0137", "+0138"),
			event("DTSTART;TZID=Own:20261005T090000")), `the time zone "Own" is defined otherwise in line 3`},
		"a large event": {file(event(start, strings.Repeat("COMMENT:"+strings.Repeat("x", 1<<19)+"\r\n", 9))),
			"the VEVENT of line 3 is larger than 4194304 bytes"},
		"an event of many lines": {file(event(start, strings.Repeat("A:\r\n", 60_000))), "the VEVENT of line 3 has more than 50000 lines"},
		"a long line, folded": {file(event(start, "SUMMARY:x"+strings.Repeat("\r\n "+strings.Repeat("x", 70), 20_000))),
			"line 7: event \"u1\": the line is longer than 1048576 bytes"},
		"categories without end": {file(strings.Repeat(event(start, "CATEGORIES:"+strings.Repeat(",", 1_000_000)+"x")+"\r\n", 3)),
			"more than 2000000 categories, attendees and dates"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Read(strings.NewReader(test.text))
			if err == nil && len(f.Aside) > 0 {
				if got := f.Aside[0].String(); !strings.Contains(got, test.want) {
					t.Errorf("got  %s\nwant %s", got, test.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.Of(err) != fault.Invalid {
				t.Errorf("got  %v (%v)\nwant %s", err, fault.Of(err), test.want)
			}
			if f.Events != nil || f.Zones != nil || f.Name != "" {
				t.Error("something was returned beside the error")
			}
		})
	}
}

func TestErrorsOfTheStreamAreHandedOn(t *testing.T) {
	broken := errors.New("connection reset")
	_, err := Read(io.MultiReader(strings.NewReader("BEGIN:VCALENDAR\r\n"), errReader{broken}))
	if !errors.Is(err, broken) || fault.Of(err) == fault.Invalid {
		t.Errorf("%v (%v)", err, fault.Of(err))
	}
}

type errReader struct{ error }

func (r errReader) Read([]byte) (int, error) { return 0, r.error }

// endless makes a stream on the fly and watches what is held meanwhile.
type endless struct {
	head  string
	next  func(i int) string
	n     int
	left  string
	i     int
	read  int
	check int
	held  uint64 // bytes, most
}

func (r *endless) Read(p []byte) (int, error) {
	if r.left == "" {
		if r.left, r.head = r.head, ""; r.left == "" {
			if r.i == r.n {
				return 0, io.EOF
			}
			r.left = r.next(r.i)
			r.i++
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	if r.read += n; r.read > r.check {
		r.check += 8 << 20
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		r.held = max(r.held, m.HeapAlloc)
	}
	return n, nil
}

func TestHostileStreamsEndInBoundedTimeAndMemory(t *testing.T) {
	for name, test := range map[string]struct {
		stream  endless
		want    string
		mostMB  int // read
		holdsMB uint64
	}{
		"a million events": {endless{head: "BEGIN:VCALENDAR\r\n", n: 1_000_000, next: func(i int) string {
			return fmt.Sprintf("BEGIN:VEVENT\r\nUID:%d@example.com\r\nDTSTAMP:20260101T000000Z\r\n"+
				"DTSTART:20261005T090000Z\r\nDTEND:20261005T100000Z\r\nSUMMARY:Meeting %d\r\nEND:VEVENT\r\n", i, i)
		}}, "line 1400002: the file has more than 200000 events", 40, 200},
		"a line of 100 MB": {endless{head: "BEGIN:VCALENDAR\r\nX-A:", n: 100, next: func(int) string { return strings.Repeat("x", 1<<20) }},
			"line 2: the line is longer than 1048576 bytes", 2, 20},
		"a folded line of 100 MB": {endless{head: "BEGIN:VCALENDAR\r\nX-A:", n: 1_500_000,
			next: func(int) string { return "\r\n " + strings.Repeat("x", 70) }}, "line 2: the line is longer than 1048576 bytes", 2, 20},
		"an attachment without end": {endless{head: "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nATTACH:", n: 3_000_000,
			next: func(int) string { return "\r\n " + strings.Repeat("x", 70) }}, "the file is larger than 134217728 bytes", 130, 20},
		"alarms without end": {endless{head: "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", n: 9_000_000,
			next: func(int) string { return "BEGIN:VALARM\r\nEND:VALARM\r\n" }}, "the file is larger than 134217728 bytes", 130, 20},
		"zones without end": {endless{head: "BEGIN:VCALENDAR\r\n", n: 9_000_000,
			next: func(i int) string { return fmt.Sprintf("BEGIN:VTIMEZONE\r\nTZID:Z %d\r\nEND:VTIMEZONE\r\n", i) }}, "more than 200 time zones", 2, 20},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && test.mostMB > 100 {
				t.Skip("reads 128 MB")
			}
			_, err := Read(&test.stream)
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.Of(err) != fault.Invalid {
				t.Errorf("got %v (%v), want %s", err, fault.Of(err), test.want)
			}
			if test.stream.read > test.mostMB<<20 || test.stream.held > test.holdsMB<<20 {
				t.Errorf("read %d MB, held %d MB", test.stream.read>>20, test.stream.held>>20)
			}
			t.Logf("read %d MB, held %d MB", test.stream.read>>20, test.stream.held>>20)
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"outlook", "google", "apple"} {
		text, err := os.ReadFile("testdata/" + name + ".ics")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(file(ownZone("Own", "RDATE:20260101T000000"), event("DTSTART;TZID=Own:20261005T090000", "RDATE;VALUE=PERIOD:20261020T070000Z/PT3H",
		"X;A=\"b\":c"))))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := Read(bytes.NewReader(text))
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		// What was read can be written. Once its control characters and the like are gone, it stays as it is.
		second := mustRead(t, written(t, first))
		if len(second.Events) != len(first.Events) {
			t.Fatalf("%d events became %d", len(first.Events), len(second.Events))
		}
		if d := differ(second, mustRead(t, written(t, second))); d != "" {
			t.Fatal(d)
		}
		if _, err := Expand(second, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC)); err != nil &&
			fault.Of(err) != fault.Invalid {
			t.Fatal(err)
		}
	})
}

func TestAFileMayHaveSoManyBytesOfEvents(t *testing.T) {
	long := "DESCRIPTION:" + strings.Repeat("a", 900)
	start := "DTSTART:20261005T090000Z"
	events := strings.TrimSuffix(strings.Repeat(event(start, long)+"\r\n", 600), "\r\n")
	aside := strings.TrimSuffix(strings.Repeat(event("DTSTART:never", "SUMMARY:"+strings.Repeat("a", 1900))+"\r\n", 600), "\r\n")
	for name, test := range map[string]struct {
		text string
		most int64
		bad  bool
	}{
		"more of them":                {file(events), 1 << 19, true},
		"less of them":                {file(events), 1 << 21, false},
		"any number":                  {file(events), 0, false},
		"more of what cannot be read": {file(aside), 1 << 20, true},
		"less of what cannot be read": {file(aside), 1 << 21, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadUpTo(strings.NewReader(test.text), test.most)
			if !test.bad {
				if err != nil {
					t.Error(err)
				}
			} else if fault.Of(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), "MB of events, more than can be read at once here") {
				t.Errorf("%v (%v)", err, fault.Of(err))
			}
		})
	}
}
