package archive

import (
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
)

// altered returns the fields in which a copy is not what was written of it. Of texts only what a reader sees counts, and times count by the second:
// services write HTML, spaces, zones and fractions of seconds in their own way. A text that was not read counts as it was written.
func altered(written *calendar.Draft, shown *calendar.Event, settings Settings) (fields []string) {
	was := calendar.Event{
		Subject: written.Subject, Start: written.Start, End: written.End, AllDay: written.AllDay, StartZone: written.Start.Zone, EndZone: written.End.Zone,
		Location: written.Location, Categories: written.Categories, ShowAs: written.ShowAs, Importance: written.Importance, Sensitivity: written.Sensitivity,
		Body: written.Body,
	}
	field := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}
	before, err := readAppointment(&was, settings)
	if err != nil { // it was not ours to begin with
		return []string{"start"}
	}
	after, err := readAppointment(shown, settings)
	if err != nil {
		return []string{"start"}
	}
	second := func(t time.Time) time.Time { return t.Truncate(time.Second) }
	field("subject", oneSpaced(before.Subject) != oneSpaced(after.Subject))
	field("all_day", before.AllDay != after.AllDay)
	if before.AllDay && after.AllDay {
		field("start", before.StartDate != after.StartDate)
		field("end", before.EndDate != after.EndDate)
	} else {
		field("start", !second(before.Start).Equal(second(after.Start)))
		field("end", !second(before.End).Equal(second(after.End)))
	}
	field("location", oneSpaced(before.Location) != oneSpaced(after.Location))
	field("categories", !slices.Equal(sortedTexts(before.Categories), sortedTexts(after.Categories)))
	field("show_as", before.ShowAs != after.ShowAs)
	field("importance", before.Importance != after.Importance)
	field("sensitivity", before.Sensitivity != after.Sensitivity)
	field("body", !shown.BodyUnread && seenText(written.Body) != seenText(shown.Body))
	return fields
}

// seenText is what a reader sees of a text, but for white space.
func seenText(b calendar.Body) string {
	if strings.EqualFold(b.ContentType, "html") {
		b.Content = ics.PlainText(b.Content)
	}
	return oneSpaced(b.Content)
}

func oneSpaced(s string) string { return strings.Join(strings.Fields(s), " ") }

func sortedTexts(texts []string) []string { return slices.Sorted(slices.Values(texts)) }
