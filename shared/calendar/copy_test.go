package calendar

import (
	"testing"
	"time"
)

func TestCopyBody(t *testing.T) {
	meeting := Event{
		Organizer: Person{Name: "Olga", Address: "olga@example.com"},
		Attendees: []Attendee{
			{Person: Person{Address: "ann@example.com"}, Type: "required", Response: Accepted},
			{Person: Person{Name: "Room <3>", Address: "room@example.com"}, Type: "resource", Response: NoResponse},
			{},
		},
		OnlineURL: "https://teams.example.com/?a=1&b=2",
	}
	const lines = "Organizer: Olga <olga@example.com>\nAttendee: ann@example.com, accepted\n" +
		"Attendee: Room <3> <room@example.com>, resource\nOnline: https://teams.example.com/?a=1&b=2"
	const appendix = "<hr><p>Organizer: Olga &lt;olga@example.com&gt;<br>Attendee: ann@example.com, accepted<br>" +
		"Attendee: Room &lt;3&gt; &lt;room@example.com&gt;, resource<br>" +
		"Online: https://teams.example.com/?a=1&amp;b=2</p>"
	for _, tt := range []struct {
		name       string
		body, want Body
	}{
		{"text", Body{"text", "Agenda\n\n"}, Body{"text", "Agenda\n\n--\n" + lines}},
		{"no text", Body{}, Body{"text", lines}},
		{"a page", Body{"HTML", "<html><body>Agenda</BODY></html>"}, Body{"HTML", "<html><body>Agenda" + appendix + "</BODY></html>"}},
		{"a part of a page", Body{"html", "<p>Agenda</p>"}, Body{"html", "<p>Agenda</p>" + appendix}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := meeting
			e.Body = tt.body
			if got := CopyBody(&e); got != tt.want {
				t.Errorf("the copy says %+v, want %+v", got, tt.want)
			}
			if got := CopyBody(&Event{Body: tt.body}); got != tt.body {
				t.Errorf("the copy of an event with nobody says %+v", got)
			}
		})
	}
}

func TestInZone(t *testing.T) {
	at := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC) // 02:30 in Berlin, for the second time
	for _, tt := range []struct {
		name  string
		at    time.Time
		zones []string
		want  DateTime
	}{
		{"the first zone", at.Add(-time.Hour), []string{"Europe/Berlin", "UTC"}, DateTime{"2026-10-25T02:30:00", "Europe/Berlin"}},
		{"the first that is known", at.Add(-time.Hour), []string{"", "Office", "W. Europe Standard Time"},
			DateTime{"2026-10-25T02:30:00", "W. Europe Standard Time"}},
		{"one in which the time occurs once", at, []string{"Europe/Berlin", "Asia/Kolkata"}, DateTime{"2026-10-25T07:00:00", "Asia/Kolkata"}},
		{"none", at, []string{"Europe/Berlin"}, DateTime{"2026-10-25T01:30:00", "UTC"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := InZone(tt.at, tt.zones...); got != tt.want {
				t.Errorf("the time is %+v, want %+v", got, tt.want)
			}
		})
	}
}
