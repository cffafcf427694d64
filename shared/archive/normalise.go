package archive

import (
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
)

// normalise turns events into candidates with UTC instants, and leaves out those without a usable time, those of other
// days, series masters and our own copies.
func (p *planner) normalise(events []calendar.Event) {
	candidates := make([]candidate, len(events))
	p.all = make([]*candidate, len(events))
	for i := range events {
		c := &candidates[i]
		p.all[i] = c
		c.Event, c.EventID = &events[i], events[i].ID
		p.read(c)
	}
	slices.SortFunc(p.all, compare)
}

// read fills a candidate from its event.
func (p *planner) read(c *candidate) {
	e := c.Event
	c.Appointment = calendar.Appointment{
		Subject: e.Subject, Location: e.Location, Categories: e.Categories, AllDay: e.AllDay,
		Sensitivity: orElse(e.Sensitivity, calendar.Normal), ShowAs: orElse(e.ShowAs, calendar.Unknown), Importance: orElse(e.Importance, calendar.NormalImportance),
		Cancelled: e.Cancelled, Declined: e.Declined(),
	}
	err := p.readTimes(c)
	a := &c.Appointment
	c.Key = sourceKey(e, a.Start)
	c.Hash = contentHash(c)
	switch {
	case e.Type == calendar.Master:
		c.exclude(ReasonSeriesMaster)
	case e.Mark != "" && (p.copies == nil || p.copies[e.ID]):
		c.exclude(ReasonOwnCopy)
	case err != nil:
		c.exclude(ReasonInvalidTime)
		c.Issues = append(c.Issues, err.Error())
	case !p.inWindow(a.Start):
		c.exclude(ReasonOutsideWindow)
	}
}

// readTimes sets the appointment's times. The text of an error is for the user, and says what is wrong with the times.
func (p *planner) readTimes(c *candidate) error {
	e, a := c.Event, &c.Appointment
	switch {
	case e.Start.Local == "" && e.End.Local == "":
		return fmt.Errorf("no start and no end")
	case e.Start.Local == "":
		return fmt.Errorf("no start")
	case e.End.Local == "":
		return fmt.Errorf("no end")
	}
	start, end, err := p.instants(e, a)
	if err != nil {
		return err
	}
	a.Start, a.End = start, end
	if end.Before(start) {
		return fmt.Errorf("ends before it starts")
	}
	return nil
}

// instants returns when an event starts and ends, and sets the dates of an all-day one. When both times are midnight the dates are those that
// the source wrote, else those of its instants in the zone where the event was made.
func (p *planner) instants(e *calendar.Event, a *calendar.Appointment) (start, end time.Time, err error) {
	midnights := false
	if e.AllDay {
		first, midnight := dateAsWritten(e.Start.Local)
		after, also := dateAsWritten(e.End.Local)
		a.StartDate, a.EndDate, midnights = first, after, midnight && also
	}
	if !midnights {
		if start, err = e.Start.Instant(p.Zone); err != nil {
			return start, end, fmt.Errorf("start: %w", err)
		}
		if end, err = e.End.Instant(p.Zone); err != nil {
			return start, end, fmt.Errorf("end: %w", err)
		}
	}
	if !e.AllDay {
		return start, end, nil
	}
	if !midnights {
		zone, err := calendar.LoadZone(e.StartZone)
		if err != nil {
			zone = p.Zone
		}
		a.StartDate, a.EndDate = calendar.DateOf(start, zone), calendar.DateOf(end, zone)
	}
	return calendar.StartOfDay(a.StartDate, p.Zone).UTC(), calendar.StartOfDay(a.EndDate, p.Zone).UTC(), nil
}

func orElse[T ~string](v, otherwise T) T {
	if v == "" {
		return otherwise
	}
	return v
}

// sourceKey returns the name that the source event keeps: its iCalUId with the start that its series gives it, or with its own start when it
// belongs to no series. Without an iCalUId it is the provider's id.
func sourceKey(e *calendar.Event, start time.Time) string {
	switch {
	case e.ICalUID == "" && decision.Created(e.ID):
		return e.ID + "#" // without it, it is the key of what a decision created
	case e.ICalUID == "":
		return e.ID
	case !e.OriginalStart.IsZero():
		return e.ICalUID + "@" + instant(e.OriginalStart)
	case start.IsZero():
		return e.ICalUID
	}
	return e.ICalUID + "@" + instant(start)
}

// dateAsWritten returns the date of a wall clock time, and whether that time is midnight.
func dateAsWritten(local string) (calendar.Date, bool) {
	w, err := calendar.DateTime{Local: local}.Wall()
	if err != nil {
		return calendar.Date{}, false
	}
	return w.Date, w == calendar.Wall{Date: w.Date}
}
