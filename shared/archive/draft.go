package archive

import (
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// newDraft returns the copy that the archive calendar gets of an entry's appointment. Its text is that of calendar.CopyBody, and its times are
// in the zone of the original. An all-day copy begins and ends at midnight in allDayZone.
func newDraft(e *ledger.Entry, allDayZone string) *calendar.Draft {
	a := &e.Appointment
	d := &calendar.Draft{
		Mark: e.Mark(), TransactionID: e.TransactionID(),
		Subject: a.Subject, Body: calendar.CopyBody(&e.Source), AllDay: a.AllDay, Location: a.Location, Categories: a.Categories,
		ShowAs: a.ShowAs, Importance: a.Importance, Sensitivity: a.Sensitivity,
	}
	if a.AllDay {
		d.Start = calendar.DateTime{Local: a.StartDate.String() + "T00:00:00", Zone: allDayZone}
		d.End = calendar.DateTime{Local: a.EndDate.String() + "T00:00:00", Zone: allDayZone}
		return d
	}
	d.Start = calendar.InZone(a.Start, e.Source.StartZone, e.Source.Start.Zone)
	d.End = calendar.InZone(a.End, e.Source.EndZone, e.Source.StartZone, e.Source.End.Zone)
	return d
}
