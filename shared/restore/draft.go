package restore

import (
	"cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// drafting turns events of a file into drafts for a calendar. The same event gives the same draft.
type drafting struct {
	reading
	zone string // name of the zone in which floating times are read
	// explains says that the calendar keeps floating times as they are, and times in zones that only a calendar explains.
	explains bool
	renamed  map[string]string // zones of the file that have another name in the calendar
}

// draft returns the copy of an event as the calendar gets it: without attendees and reminder, with people and link as text in its body,
// times in the zone in which the event was made. Errors are Invalid.
func (g *drafting) draft(e *calendar.Event, mark string) (calendar.Draft, error) {
	d := calendar.Draft{
		Mark: mark, Subject: e.Subject, Body: copyBody(e), AllDay: e.AllDay, Location: e.Location, Categories: e.Categories,
		ShowAs: cmp.Or(e.ShowAs, calendar.Unknown), Importance: cmp.Or(e.Importance, calendar.NormalImportance), Sensitivity: cmp.Or(e.Sensitivity, calendar.Normal),
	}
	if _, _, err := g.span(e); err != nil {
		return d, err
	}
	if err := g.checkClocks(e); err != nil {
		return d, err
	}
	if e.AllDay {
		d.Start, d.End = g.day(e.Start, e.StartZone), g.day(e.End, e.StartZone)
	} else {
		var err error
		if d.Start, err = g.time(e, e.Start, e.StartZone); err != nil {
			return d, err
		}
		if d.End, err = g.time(e, e.End, cmp.Or(e.EndZone, e.StartZone)); err != nil {
			return d, err
		}
	}
	if e.Type == calendar.Master && e.Recurrence != nil {
		d.Recurrence = &calendar.Recurrence{Rules: e.Recurrence.Rules}
		for _, at := range e.Recurrence.Dates {
			d.Recurrence.Dates = append(d.Recurrence.Dates, g.named(at))
		}
		for _, at := range e.Recurrence.Without {
			d.Recurrence.Without = append(d.Recurrence.Without, g.named(at))
		}
	}
	return d, nil
}

// checkClocks says whether the calendar can keep the clocks on which a series repeats. On others it would be an hour off for half of the year.
// Errors are Invalid.
func (g *drafting) checkClocks(e *calendar.Event) error {
	zone, known := series.Clocks(e, g.zones)
	if !known {
		return fault.New(fault.Invalid, "the series repeats on the clocks of a time zone that nobody explains, %.80q: in Outlook give it one of the time zones "+
			"that Outlook lists, and make a new backup; or write its zone into originalStartTimeZone in the backup's JSONL file, and restore that file", zone)
	}
	if _, ok := calendar.WindowsName(zone); zone != "" && !ok && !g.explains {
		return fault.New(fault.Invalid, "the series repeats on the clocks of %.80q, a time zone that Microsoft 365 does not have; "+
			"restore the series into a local calendar, or its instances as events by themselves", zone)
	}
	return nil
}

// copyBody is the text of a copy. The organiser of an event without other guests is left out: it is the
// calendar's owner, as Microsoft 365 says of every event, and each restore of a restored calendar would add a line.
func copyBody(e *calendar.Event) calendar.Body {
	if e.IsOrganizer && len(e.Attendees) == 0 {
		own := *e
		own.Organizer = calendar.Person{}
		e = &own
	}
	return calendar.CopyBody(e)
}

// day is a time of an all-day event: midnight in a zone that everybody knows, or in none.
func (g *drafting) day(d calendar.DateTime, made string) calendar.DateTime {
	zone := ""
	for _, name := range []string{made, d.Zone} {
		if _, err := calendar.LoadZone(name); err == nil && zone == "" {
			zone = name
		}
	}
	if zone == "" && !g.explains {
		zone = g.zone
	}
	w, _ := d.Wall() // span has read it
	return calendar.DateTime{Local: w.Date.String() + "T00:00:00", Zone: zone}
}

// time writes a time in the zone in which it was made. A series repeats on the clocks of that zone, whatever they show when it begins.
func (g *drafting) time(e *calendar.Event, d calendar.DateTime, made string) (calendar.DateTime, error) {
	if d.Floats() {
		return g.named(d), nil
	}
	at, err := g.instant(d)
	if err != nil {
		return d, err
	}
	for _, name := range []string{made, d.Zone} {
		if name == "" {
			continue
		}
		loc, err := g.zones(name)
		if err != nil {
			continue
		}
		_, unknown := calendar.LoadZone(name)
		switch {
		case unknown == nil && e.Type != calendar.Master:
			return calendar.InZone(at, name), nil
		case unknown == nil, g.explains, e.Type == calendar.Master:
			return calendar.DateTime{Local: series.Local(at, loc), Zone: cmp.Or(g.renamed[name], name)}, nil
		}
	}
	return calendar.InZone(at), nil
}

// named is a time as it is, under the name that its zone has in the calendar.
func (g *drafting) named(d calendar.DateTime) calendar.DateTime {
	if d.Floats() && !g.explains {
		d.Zone = g.zone
	}
	d.Zone = cmp.Or(g.renamed[d.Zone], d.Zone)
	return d
}
