package graph

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"
	"unicode"

	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// payload is a draft as a microsoft.graph.event, and how many bytes of JSON it is. It is the same to the byte for the same draft. It has every property
// that a draft can have, so that an update leaves nothing of what was there, and none that notifies anybody.
// Errors are Invalid: a time that is none, an end before the start, an all-day event that is not of whole days, a recurrence that Microsoft
// 365 cannot keep, no mark, an event that is too large.
func payload(draft *calendar.Draft) (body graphcore.RequestBody, size int, err error) {
	fitted := *draft
	d := &fitted
	d.FitOutlook(false)
	if d.Mark == "" {
		return nil, 0, fault.Field("mark", "is missing: without one a copy cannot be distinguished from other events")
	}
	start, end, err := times(d)
	if err != nil {
		return nil, 0, err
	}
	contentType := "text"
	if strings.EqualFold(d.Body.ContentType, "html") {
		contentType = "html"
	}
	categories := make([]string, len(d.Categories))
	for i, c := range d.Categories {
		categories[i] = line(c)
	}
	body = graphcore.RequestBody{
		"subject":      line(d.Subject),
		"body":         map[string]string{"contentType": contentType, "content": text(d.Body.Content)},
		"start":        start,
		"end":          end,
		"isAllDay":     d.AllDay,
		"location":     map[string]string{"displayName": line(d.Location)},
		"categories":   categories,
		"showAs":       cmp.Or(d.ShowAs, calendar.Busy),
		"importance":   cmp.Or(d.Importance, calendar.NormalImportance),
		"sensitivity":  cmp.Or(d.Sensitivity, calendar.Normal),
		"isReminderOn": false,
		"singleValueExtendedProperties": []map[string]string{
			{"id": markProperty, "value": d.Mark},
		},
	}
	if d.Recurrence != nil {
		if body["recurrence"], err = recurrence(d, start); err != nil {
			return nil, 0, err
		}
	}
	if d.TransactionID != "" {
		body["transactionId"] = d.TransactionID
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, 0, fault.New(fault.Internal, "an event cannot be written as JSON: %v", err)
	}
	if len(encoded) > maxEvent {
		return nil, 0, fault.New(fault.Invalid,
			"the event is too large: Microsoft 365 accepts at most 4 MB, and it is %.1f MB, most of it probably pictures in its text", float64(len(encoded))/(1<<20))
	}
	return body, len(encoded), nil
}

// line is text for a single line: control characters, line breaks among them, are spaces, and what is not UTF-8 is replaced.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// text is text of any length: control characters other than tabs and line breaks, which Exchange refuses, are left out.
func text(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// times are the start and end of a draft as Graph wants them.
func times(d *calendar.Draft) (start, end calendar.DateTime, err error) {
	from, err := instant("start", d.Start)
	if err != nil {
		return start, end, err
	}
	to, err := instant("end", d.End)
	if err != nil {
		return start, end, err
	}
	if to.Before(from) {
		return start, end, fault.Field("end", "is before the start")
	}
	if !d.AllDay {
		return inZone(d.Start, from), inZone(d.End, to), nil
	}
	// An all-day event is days, the same in every zone; Graph wants both midnights in one zone.
	zone := inZone(d.Start, from).Zone
	for _, day := range []struct {
		name string
		t    calendar.DateTime
		to   *calendar.DateTime
	}{{"start", d.Start, &start}, {"end", d.End, &end}} {
		w, err := day.t.Wall()
		if err != nil {
			return start, end, err
		}
		if w != (calendar.Wall{Date: w.Date}) {
			return start, end, fault.Field(day.name, "of an all-day event must be midnight")
		}
		*day.to = calendar.DateTime{Local: w.Date.String() + "T00:00:00", Zone: zone}
	}
	if start.Local == end.Local {
		return start, end, fault.Field("end", "of an all-day event must be a day after its start")
	}
	return start, end, nil
}

func instant(field string, t calendar.DateTime) (time.Time, error) {
	if t.Local != "" && t.Zone == "" {
		t.Zone = "UTC"
	}
	at, err := t.Instant(time.UTC)
	if err != nil {
		return at, fault.Field(field, "cannot be written: %v", err)
	}
	return at, nil
}

// wallTime is how Graph writes a dateTime: seven digits of a second's fraction at most.
const wallTime = "2006-01-02T15:04:05.9999999"

// inZone writes at, which is the instant t, in t's zone under the name that Windows has for it: Graph knows few IANA names. In a zone that Windows has no
// name for, or none that means the same at that time, and where the clocks show a time twice, it is written in UTC.
func inZone(t calendar.DateTime, at time.Time) calendar.DateTime {
	if name, ok := calendar.WindowsName(t.Zone); ok {
		if zone, err := calendar.LoadZone(name); err == nil {
			written := calendar.DateTime{Local: at.In(zone).Format(wallTime), Zone: name}
			if back, err := written.Instant(zone); err == nil && back.Equal(at.Truncate(100*time.Nanosecond)) && sameOffset(t.Zone, zone, at) {
				return written
			}
		}
	}
	return calendar.DateTime{Local: at.UTC().Format(wallTime), Zone: "UTC"}
}

// sameOffset says whether the clocks of a zone by name and of another zone show the same time.
func sameOffset(name string, other *time.Location, at time.Time) bool {
	zone, err := calendar.LoadZone(name)
	if err != nil {
		return true
	}
	_, a := at.In(zone).Zone()
	_, b := at.In(other).Zone()
	return a == b
}
