package asked

import (
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// Field is one thing that both sides of a participant say. A side that is not there says nothing of it.
type Field struct {
	Name            string // as in a plan: subject, start, ...; Beside for what has no field
	Archive, Source string // times in UTC, as in 2026-10-05T07:00:00Z
	Differs         bool
}

// Beside is the name of the field for what is in no other: it stands where the two sides differ and no field says in what.
const Beside = "text_or_people"

// Fields returns what the two sides say, in a fixed order; what neither says is left out. Fields differ only where there are two sides.
func (p *Participant) Fields() []Field {
	var in, from []named
	if p.Archive != nil {
		in = fieldsOf(p.Archive)
	}
	if p.Source != nil {
		from = fieldsOf(p.Source)
	}
	both, differ := in != nil && from != nil, false
	var fields []Field
	for i := range max(len(in), len(from)) {
		var f Field
		if in != nil {
			f.Name, f.Archive = in[i].name, in[i].value
		}
		if from != nil {
			f.Name, f.Source = from[i].name, from[i].value
		}
		if f.Differs = both && f.Archive != f.Source; f.Archive+f.Source != "" {
			fields = append(fields, f)
		}
		differ = differ || f.Differs
	}
	if both && !differ && p.from != p.Hash {
		fields = append(fields, Field{Name: Beside, Differs: true})
	}
	return fields
}

type named struct{ name, value string }

// fieldsOf are the fields of an appointment; it has all of them, so that two have the same.
func fieldsOf(a *calendar.Appointment) []named {
	yes := func(is bool) string {
		if is {
			return "yes"
		}
		return ""
	}
	start, end := instant(a.Start), instant(a.End)
	if a.AllDay {
		start, end = a.StartDate.String(), a.EndDate.AddDays(-1).String()
	}
	return []named{
		{"subject", a.Subject}, {"start", start}, {"end", end}, {"all_day", yes(a.AllDay)}, {"location", a.Location},
		{"categories", strings.Join(a.Categories, ", ")}, {"customer", a.Customer}, {"billing_type", string(a.BillingType)}, {"travel", yes(a.Travel)},
		{"sensitivity", string(a.Sensitivity)}, {"show_as", string(a.ShowAs)}, {"importance", string(a.Importance)}, {"cancelled", yes(a.Cancelled)},
		{"declined", yes(a.Declined)},
	}
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
