package archive

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/ledger"
)

// version is an appointment as a decision leaves it.
type version struct {
	calendar.Appointment
	changes []ledger.Change
	issues  []string
	body    *calendar.Body // nil: that of the source
}

// become gives the version other values. What follows from them is found anew: customer, travel, and privacy unless the sensitivity is the user's.
func (v *version) become(a calendar.Appointment, sensitivity bool) {
	was := v.Appointment
	v.changes = slices.Clone(v.changes)
	if i := slices.IndexFunc(v.changes, func(c ledger.Change) bool { return c.Reason == ReasonPersonal }); i >= 0 && !sensitivity {
		was.Sensitivity = calendar.Sensitivity(v.changes[i].From)
		a.Sensitivity = was.Sensitivity
		v.changes = slices.Delete(v.changes, i, i+1)
	}
	was.Travel = travelByRule(v.changes)
	a.Travel = was.Travel
	before, after := readAnew(&was), readAnew(&a)
	if !slices.Equal(before, after) {
		v.issues = slices.DeleteFunc(slices.Clone(v.issues), func(issue string) bool { return slices.Contains(before, issue) })
		v.issues = append(v.issues, after...)
	}
	v.changes = append(v.changes, differences(&was, &a)...)
	if !sensitivity {
		if c, changed := protect(&a); changed {
			v.changes = append(v.changes, c)
		}
	}
	v.Appointment = a
}

// readAnew finds what follows from categories and subject. Travel says whether it is travel whatever the subject is.
func readAnew(a *calendar.Appointment) (issues []string) {
	a.Customer, a.BillingType = "", ""
	return append(readCategories(a), readTravel(a)...)
}

// amend gives the version the fields of a verdict. It says whether the times that they leave can be.
func (v *version) amend(f *decision.Fields) bool {
	a := v.Appointment
	if f == nil {
		f = &decision.Fields{}
	}
	if f.Start != nil || f.End != nil {
		a.AllDay, a.StartDate, a.EndDate = false, calendar.Date{}, calendar.Date{}
		if f.Start != nil {
			a.Start = f.Start.UTC()
		}
		if f.End != nil {
			a.End = f.End.UTC()
		}
		if a.Start.IsZero() || a.End.Sub(a.Start) < decision.AtLeast {
			return false
		}
	}
	set(&a.Subject, f.Subject)
	set(&a.Location, f.Location)
	if f.Categories != nil {
		a.Categories = slices.Clone(*f.Categories)
	}
	set(&a.Sensitivity, f.Sensitivity)
	set(&a.ShowAs, f.ShowAs)
	v.become(a, f.Sensitivity != nil)
	if f.Body != nil {
		v.body = &calendar.Body{ContentType: "text", Content: *f.Body}
	}
	return v.timed()
}

// timed says whether the version has times that can be.
func (v *version) timed() bool { return !v.Start.IsZero() && !v.End.Before(v.Start) }

func set[T ~string](field *T, value *string) {
	if value != nil {
		*field = T(*value)
	}
}

// take returns the appointment with those fields of another that are named.
func take(a, from calendar.Appointment, fields []decision.Field) calendar.Appointment {
	for _, f := range fields {
		switch f {
		case decision.Start, decision.End:
			if a.AllDay || from.AllDay { // days are days from the first to the last
				a.AllDay, a.StartDate, a.EndDate, a.Start, a.End = from.AllDay, from.StartDate, from.EndDate, from.Start, from.End
			} else if f == decision.Start {
				a.Start = from.Start
			} else {
				a.End = from.End
			}
		case decision.Subject:
			a.Subject = from.Subject
		case decision.Location:
			a.Location = from.Location
		case decision.Categories:
			a.Categories = from.Categories
		case decision.Sensitivity:
			a.Sensitivity = from.Sensitivity
		case decision.ShowAs:
			a.ShowAs = from.ShowAs
		}
	}
	return a
}

// stretch returns the appointment from its own start, or the other's if that is earlier, to the later end. Days are not stretched by hours, nor hours by days.
func stretch(a, other calendar.Appointment) calendar.Appointment {
	if a.AllDay != other.AllDay || other.Start.IsZero() || other.End.Before(other.Start) {
		return a
	}
	if a.Start.IsZero() || other.Start.Before(a.Start) {
		a.Start, a.StartDate = other.Start, other.StartDate
	}
	if other.End.After(a.End) {
		a.End, a.EndDate = other.End, other.EndDate
	}
	return a
}

// differences lists what differs between two appointments, as changes that a decision made.
func differences(a, b *calendar.Appointment) (changes []ledger.Change) {
	add := func(field, from, to string) {
		if from != to {
			changes = append(changes, ledger.Change{Field: field, From: from, To: to, Reason: ReasonDecision})
		}
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return instant(t)
	}
	add("subject", a.Subject, b.Subject)
	add("start", at(a.Start), at(b.Start))
	add("end", at(a.End), at(b.End))
	add("all_day", strconv.FormatBool(a.AllDay), strconv.FormatBool(b.AllDay))
	add("location", a.Location, b.Location)
	add("categories", strings.Join(a.Categories, ", "), strings.Join(b.Categories, ", "))
	add("sensitivity", string(a.Sensitivity), string(b.Sensitivity))
	add("show_as", string(a.ShowAs), string(b.ShowAs))
	add("importance", string(a.Importance), string(b.Importance))
	add("cancelled", strconv.FormatBool(a.Cancelled), strconv.FormatBool(b.Cancelled))
	add("declined", strconv.FormatBool(a.Declined), strconv.FormatBool(b.Declined))
	return changes
}
