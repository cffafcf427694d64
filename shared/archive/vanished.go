package archive

import (
	"fmt"

	"adminassistant/shared/calendar"
)

// many is how many events are too many to be missing, or new, because somebody deleted or made them one by one. A run stops only if they also are more
// than half of those in the ledger.
const many = 10

// findVanished finds what is held of the window and is no longer in the source. Nobody asked to remove it: Outlook moves old events away by itself. So
// many that are missing at once, or all that are older than anything that is left, are one action. Otherwise the user is asked about each.
func (p *planner) findVanished(in *Input) {
	for _, h := range p.held {
		start := h.Appointment.Start
		if p.matched[h] == nil && p.inWindow(start) && !in.Hidden[h.EventID] && (in.Unread == nil || !in.Unread.Has(start)) && !p.decided.isGone(h) {
			p.vanished = append(p.vanished, h)
		}
	}
	if old := p.oldest(); len(p.vanished) < 2 || len(p.vanished) < many && !old {
		for _, h := range p.vanished {
			p.ask(ActionDrift, RuleVanished, "archived, and no longer in the source", h)
		}
		return
	}
	about, last := make([]party, len(p.vanished)), p.vanished[0].Appointment.Start
	for i, h := range p.vanished {
		about[i], last = h, later(last, h.Appointment.Start)
	}
	detail := fmt.Sprintf("%d appointments that were archived, up to %s, are no longer in the source; probably a retention policy or AutoArchive of "+
		"Outlook has moved them away, and then there is nothing to do: the archive keeps them", len(p.vanished), calendar.DateOf(last, p.Zone))
	p.ask(ActionRetention, RuleManyVanished, detail, about...)
}

// oldest says whether all that vanished is older than all that is there in the window.
func (p *planner) oldest() bool {
	for _, c := range p.all { // in order of start
		start := c.Appointment.Start
		if c.Event.Type == calendar.Master || !p.inWindow(start) {
			continue
		}
		for _, h := range p.vanished {
			if !h.Appointment.Start.Before(start) {
				return false
			}
		}
		return true
	}
	return false // nothing is there: the window as a whole is told elsewhere
}
