package archive

import (
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// protectPrivacy makes personal appointments, those without category and travel, at least private in the archive.
func (p *planner) protectPrivacy() {
	for _, c := range p.open() {
		a := &c.Appointment
		if !personal(a) || secrecy(a.Sensitivity) >= secrecy(calendar.Private) {
			continue
		}
		c.Changes = append(c.Changes, ledger.Change{Field: "sensitivity", From: string(a.Sensitivity), To: string(calendar.Private), Reason: ReasonPersonal})
		a.Sensitivity = calendar.Private
	}
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
