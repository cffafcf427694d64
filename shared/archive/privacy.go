package archive

import (
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// protectPrivacy makes appointments as private in the archive as rules ask for, and personal ones, those without category and travel, at least private.
func (p *planner) protectPrivacy() {
	for _, c := range p.open() {
		p.hideByRule(c)
		if change, changed := protect(&c.Appointment); changed {
			c.Changes = append(c.Changes, change)
		}
	}
}

// protect makes a personal appointment at least private, and says whether that changed it.
func protect(a *calendar.Appointment) (change ledger.Change, changed bool) {
	if !personal(a) || secrecy(a.Sensitivity) >= secrecy(calendar.Private) {
		return ledger.Change{}, false
	}
	change = ledger.Change{Field: "sensitivity", From: string(a.Sensitivity), To: string(calendar.Private), Reason: ReasonPersonal}
	a.Sensitivity = calendar.Private
	return change, true
}

func personal(a *calendar.Appointment) bool { return len(a.Categories) == 0 && !a.Travel }

// secrecy orders sensitivities by how much they hide.
func secrecy(s calendar.Sensitivity) int {
	switch s {
	case calendar.Normal:
		return 0
	case calendar.Personal:
		return 1
	case calendar.Private:
		return 2
	}
	return 3
}
