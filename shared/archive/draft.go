package archive

import (
	"fmt"
	"html"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// newDraft returns the copy of an appointment as the archive calendar gets it: the original's text, then organiser, attendees and
// online link as text, because a copy that named them as such would invite them; times in the original's zone. allDayZone is the
// zone in which an all-day copy has its midnights.
func newDraft(e *ledger.Entry, allDayZone string) *calendar.Draft {
	a := &e.Appointment
	d := &calendar.Draft{
		Mark: e.Mark(), TransactionID: e.TransactionID(),
		Subject: a.Subject, Body: draftBody(&e.Source), AllDay: a.AllDay, Location: a.Location, Categories: a.Categories,
		ShowAs: a.ShowAs, Importance: a.Importance, Sensitivity: a.Sensitivity,
	}
	if a.AllDay {
		d.Start = calendar.DateTime{Local: a.StartDate.String() + "T00:00:00", Zone: allDayZone}
		d.End = calendar.DateTime{Local: a.EndDate.String() + "T00:00:00", Zone: allDayZone}
		return d
	}
	d.Start = inZone(a.Start, e.Source.StartZone, e.Source.Start.Zone)
	d.End = inZone(a.End, e.Source.EndZone, e.Source.StartZone, e.Source.End.Zone)
	return d
}

// inZone tells an instant as a wall clock time in the first of the zones that is known, and that tells it unmistakably; UTC otherwise.
func inZone(t time.Time, zones ...string) calendar.DateTime {
	const wall = "2006-01-02T15:04:05.999999999"
	for _, name := range zones {
		zone, err := calendar.LoadZone(name)
		if err != nil {
			continue
		}
		d := calendar.DateTime{Local: t.In(zone).Format(wall), Zone: name}
		if back, err := d.Instant(zone); err == nil && back.Equal(t) {
			return d
		}
	}
	return calendar.DateTime{Local: t.UTC().Format(wall), Zone: "UTC"}
}

// draftBody returns the event's body with the people and the link after it.
func draftBody(e *calendar.Event) calendar.Body {
	var lines []string
	if p := person(e.Organizer); p != "" {
		lines = append(lines, "Organizer: "+p)
	}
	for _, at := range e.Attendees {
		if p := person(at.Person); p != "" {
			line := "Attendee: " + p
			if at.Type != "" && at.Type != "required" {
				line += ", " + at.Type
			}
			if at.Response != "" && at.Response != calendar.NoResponse {
				line += ", " + string(at.Response)
			}
			lines = append(lines, line)
		}
	}
	if e.OnlineURL != "" {
		lines = append(lines, "Online: "+e.OnlineURL)
	}
	body := e.Body
	if len(lines) == 0 {
		return body
	}
	if strings.EqualFold(body.ContentType, "html") {
		for i, line := range lines {
			lines[i] = html.EscapeString(line)
		}
		appendix := "<hr><p>" + strings.Join(lines, "<br>") + "</p>"
		if i := strings.LastIndex(strings.ToLower(body.Content), "</body>"); i >= 0 {
			body.Content = body.Content[:i] + appendix + body.Content[i:]
		} else {
			body.Content += appendix
		}
		return body
	}
	body.ContentType = "text"
	if body.Content != "" {
		body.Content = strings.TrimRight(body.Content, "\n") + "\n\n--\n"
	}
	body.Content += strings.Join(lines, "\n")
	return body
}

func person(p calendar.Person) string {
	switch {
	case p.Address == "":
		return p.Name
	case p.Name == "" || p.Name == p.Address:
		return p.Address
	}
	return fmt.Sprintf("%s <%s>", p.Name, p.Address)
}
