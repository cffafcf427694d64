package asked

import (
	"maps"
	"slices"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/decision"
)

// Effect is what verdicts about the participants make of the hours that customers have in the archive, before they are carried out: customers whose
// minutes become others, by name. What has no verdict stays as it is. All-day appointments have no hours.
func (q *Question) Effect(verdicts []decision.Verdict) []archive.HoursChange {
	of := map[string]*archive.HoursChange{}
	add := func(a *calendar.Appointment, to func(*archive.HoursChange) *int) {
		if a == nil || a.AllDay {
			return
		}
		if of[a.Customer] == nil {
			of[a.Customer] = &archive.HoursChange{Customer: a.Customer}
		}
		*to(of[a.Customer]) += int(a.Duration() / time.Minute)
	}
	before := func(h *archive.HoursChange) *int { return &h.Before }
	after := func(h *archive.HoursChange) *int { return &h.After }
	about := map[string]*decision.Verdict{}
	for i := range verdicts {
		v := &verdicts[i]
		if v.Word == decision.Create {
			add(amended(&calendar.Appointment{}, v.Fields), after)
			continue
		}
		about[v.Key] = v
	}
	for i := range q.Participants {
		p := &q.Participants[i]
		add(p.Archive, before)
		add(p.becomes(about[p.Key], verdicts), after)
	}
	var all []archive.HoursChange
	for _, customer := range slices.Sorted(maps.Keys(of)) {
		if h := of[customer]; h.Before != h.After {
			all = append(all, *h)
		}
	}
	return all
}

// becomes is what the archive has of a participant after a verdict; nil: nothing.
func (p *Participant) becomes(v *decision.Verdict, all []decision.Verdict) *calendar.Appointment {
	if v == nil {
		return p.Archive
	}
	switch v.Word {
	case decision.Keep, decision.Accept:
		return p.Stands()
	case decision.KeepAs:
		return amended(p.Stands(), v.Fields)
	case decision.KeepArchived:
		return p.Archive
	case decision.Merge:
		if v.Target() != p.Key {
			return nil
		}
		fields := v.Fields
		for i := range all {
			if o := &all[i]; o.Word == decision.Merge && o.Target() == p.Key && o.Fields != nil {
				fields = o.Fields
			}
		}
		return amended(p.Stands(), fields)
	}
	return nil
}

// amended is an appointment with other values.
func amended(a *calendar.Appointment, f *decision.Fields) *calendar.Appointment {
	if a == nil || f == nil {
		return a
	}
	b := *a
	if f.Start != nil {
		b.Start = *f.Start
	}
	if f.End != nil {
		b.End = *f.End
	}
	if f.Categories != nil {
		b.Customer, b.BillingType = "", ""
		for _, name := range *f.Categories {
			if customer, billing, err := category.Read(name); err == nil && customer != "" {
				b.Customer, b.BillingType = customer, billing
				break
			}
		}
	}
	return &b
}
