package archive

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
)

// normalise turns events into candidates with UTC instants, and leaves out those without a usable time, those of other
// days, series masters and our own copies, and what could not be read.
func (p *planner) normalise(events []calendar.Event, aside []calendar.Aside) {
	candidates := make([]candidate, len(events))
	p.all, p.items = make([]*candidate, len(events)), make([]Item, len(events), len(events)+len(aside)) // candidates point to their items
	for i := range events {
		c := &candidates[i]
		p.all[i] = c
		c.Item, c.at = &p.items[i], i
		c.Event, c.EventID = &events[i], events[i].ID
		p.read(c)
	}
	for _, a := range aside {
		p.setAside(a)
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
	c.Issues = append(c.Issues, e.Issues...)
	err := p.readTimes(c)
	a := &c.Appointment
	if c.Key = sourceKey(e, a.Start); strings.HasPrefix(c.Key, e.ICalUID) {
		e.ICalUID = c.Key[:len(e.ICalUID)] // one text for both
	}
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

// instants returns when an event starts and ends, and sets the dates of an all-day one.
func (p *planner) instants(e *calendar.Event, a *calendar.Appointment) (start, end time.Time, err error) {
	if e.AllDay {
		if a.StartDate, a.EndDate, err = e.Days(p.Zone); err == nil {
			return calendar.StartOfDay(a.StartDate, p.Zone).UTC(), calendar.StartOfDay(a.EndDate, p.Zone).UTC(), nil
		}
	}
	if start, err = e.Start.Instant(p.Zone); err != nil {
		return start, end, fmt.Errorf("start: %w", err)
	}
	if end, err = e.End.Instant(p.Zone); err != nil {
		return start, end, fmt.Errorf("end: %w", err)
	}
	return start, end, nil
}

// setAside makes a candidate of what of a file could not be read, which is left out for that reason.
func (p *planner) setAside(a calendar.Aside) {
	e := &calendar.Event{ID: a.UID, ICalUID: a.UID, Subject: a.Subject}
	if e.ID == "" {
		e.ID = fmt.Sprintf("line %d", a.Line)
	}
	p.items = append(p.items, Item{Event: e, EventID: e.ID})
	c := &candidate{Item: &p.items[len(p.items)-1], at: len(p.items) - 1}
	p.read(c)
	c.exclude(a.Reason)
	c.Issues = []string{a.Detail}
	if a.Line > 0 {
		c.Issues[0] = fmt.Sprintf("line %d: %s", a.Line, a.Detail)
	}
	p.all = append(p.all, c)
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
