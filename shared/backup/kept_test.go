package backup

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
)

// randomKept draws an event, or a series with exceptions, of any content.
func randomKept(t *rapid.T, id string) calendar.Kept {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "Acme review", "=1+1", "'quoted'", "a,b;c\\d\ne", "Größe 日本語 🎉", "<p>&amp;</p>", "\\-",
		"\\n", " x "}), rapid.StringN(0, 30, 100))
	clean := rapid.Map(text, func(s string) string { return strings.ToValidUTF8(lineEnds.Replace(s), "?") })
	zone := rapid.SampledFrom([]string{"", "UTC", "Europe/Berlin", "W. Europe Standard Time", "Here"})
	instant := func(label string) time.Time {
		if rapid.Bool().Draw(t, label+"?") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 3_000_000_000).Draw(t, label), rapid.Int64Range(0, 999_999_999).Draw(t, label+" ns")).UTC()
	}
	local := func(label string) calendar.DateTime {
		at := time.Unix(rapid.Int64Range(0, 3_000_000_000).Draw(t, label), 0).UTC().Format("2006-01-02T15:04:05")
		return calendar.DateTime{Local: at + rapid.SampledFrom([]string{"", ".5", "Z"}).Draw(t, label+" fraction"), Zone: zone.Draw(t, label+" zone")}
	}
	event := func(id string) calendar.Event {
		e := calendar.Event{
			ID: id, ICalUID: clean.Draw(t, "uid"), Type: calendar.Single, Subject: clean.Draw(t, "subject"), Start: local("start"), End: local("end"),
			StartZone: zone.Draw(t, "made"), EndZone: zone.Draw(t, "made end"), AllDay: rapid.Bool().Draw(t, "all day"), Cancelled: rapid.Bool().Draw(t, "cancelled"),
			IsOrganizer: rapid.Bool().Draw(t, "organizer"), Response: rapid.SampledFrom([]calendar.Response{"", calendar.Accepted}).Draw(t, "response"),
			ShowAs: rapid.SampledFrom([]calendar.ShowAs{"", calendar.Busy, calendar.OutOfOffice}).Draw(t, "show as"), Importance: calendar.High,
			Sensitivity: calendar.Private,
			Location:    clean.Draw(t, "location"), Organizer: calendar.Person{Name: clean.Draw(t, "name"), Address: "a@example.com"}, OnlineURL: clean.Draw(t, "url"),
			Created: instant("created"), LastModified: instant("modified"), Body: calendar.Body{ContentType: "html", Content: clean.Draw(t, "body")},
		}
		e.Categories = rapid.SliceOfN(clean, 0, 3).Draw(t, "categories")
		for range rapid.IntRange(0, 2).Draw(t, "attendees") {
			e.Attendees = append(e.Attendees, calendar.Attendee{Person: calendar.Person{Name: clean.Draw(t, "attendee")}, Type: "optional", Response: calendar.Declined})
		}
		return e
	}
	k := calendar.Kept{Event: event(id)}
	if rapid.Bool().Draw(t, "series") {
		k.Event.Type, k.Event.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;BYDAY=MO"}}
		for i := range rapid.IntRange(0, 2).Draw(t, "dates") {
			k.Event.Recurrence.Dates = append(k.Event.Recurrence.Dates, local(fmt.Sprint("date ", i)))
			k.Event.Recurrence.Without = append(k.Event.Recurrence.Without, local(fmt.Sprint("without ", i)))
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "exceptions") {
			e := event(fmt.Sprintf("%s@%d", id, i))
			e.Type, e.SeriesMasterID, e.OriginalStart = calendar.Exception, id, time.Unix(int64(1_000_000*(i+1)), 0).UTC()
			k.Exceptions = append(k.Exceptions, e)
		}
	}
	if k.Event.Type == calendar.Single && rapid.Bool().Draw(t, "lone") {
		k.Event.Type, k.Event.OriginalStart = calendar.Exception, time.Unix(1_000_000, 0).UTC()
		named := []calendar.DateTime{{}, {Local: "1970-01-12"}, {Local: "1970-01-12T13:46:40", Zone: "Europe/Berlin"}}
		k.Event.RecurrenceID = rapid.SampledFrom(named).Draw(t, "named")
	}
	return k
}

func randomKepts(t *rapid.T) (all []calendar.Kept) {
	for i := range rapid.IntRange(0, 4).Draw(t, "events") {
		all = append(all, randomKept(t, fmt.Sprint("id", i)))
	}
	return all
}
