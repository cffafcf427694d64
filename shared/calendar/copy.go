package calendar

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// CopyBody returns the text that a copy of the event gets: the event's body, then organiser, attendees and online link as text, because a
// copy that named them as such would invite them.
func CopyBody(e *Event) Body {
	var lines []string
	if p := e.Organizer.text(); p != "" {
		lines = append(lines, "Organizer: "+p)
	}
	for _, at := range e.Attendees {
		if p := at.text(); p != "" {
			line := "Attendee: " + p
			if at.Type != "" && at.Type != "required" {
				line += ", " + at.Type
			}
			if at.Response != "" && at.Response != NoResponse {
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

// text is how a copy names somebody.
func (p Person) text() string {
	switch {
	case p.Address == "":
		return p.Name
	case p.Name == "" || p.Name == p.Address:
		return p.Address
	}
	return fmt.Sprintf("%s <%s>", p.Name, p.Address)
}

// InZone writes an instant as a wall-clock time in the first of the zones that LoadZone knows and in which that time occurs once; else in UTC.
func InZone(t time.Time, zones ...string) DateTime {
	const wall = "2006-01-02T15:04:05.999999999"
	for _, name := range zones {
		zone, err := LoadZone(name)
		if err != nil {
			continue
		}
		d := DateTime{Local: t.In(zone).Format(wall), Zone: name}
		if back, err := d.Instant(zone); err == nil && back.Equal(t) {
			return d
		}
	}
	return DateTime{Local: t.UTC().Format(wall), Zone: "UTC"}
}
