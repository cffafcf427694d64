package archive

import "adminassistant/shared/calendar"

// selectByPurpose excludes what does not belong into this kind of archive.
func (p *planner) selectByPurpose() {
	if p.Purpose != Timesheet {
		return
	}
	for _, c := range p.open() {
		if reason := notForTimesheet(&c.Appointment); reason != "" {
			c.exclude(reason)
		}
	}
}

// notForTimesheet returns the first reason why an appointment does not belong into a timesheet, or "".
func notForTimesheet(a *calendar.Appointment) string {
	switch {
	case a.Cancelled:
		return ReasonCancelled
	case a.Declined:
		return ReasonDeclined
	case a.ShowAs == calendar.Free:
		return ReasonFree
	case personal(a):
		return ReasonPersonal
	case a.Customer == "" && !a.Travel:
		return ReasonInvalidCategory
	}
	return ""
}
