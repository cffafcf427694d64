package calendar

import (
	"encoding/json"
	"time"

	"adminassistant/shared/fault"
)

// BillingType says whether a customer pays for the time.
type BillingType string

const (
	Billable    BillingType = "billable"
	NonBillable BillingType = "non-billable"
)

// Appointment is one event instance with a real start and end, normalised: times are UTC instants, a missing word has
// its default, the categories are understood.
type Appointment struct {
	Subject string
	Start   time.Time // UTC
	End     time.Time // UTC, never before Start
	// AllDay appointments are spans of dates; Start and End are then the local midnights of the config's zone.
	AllDay             bool
	StartDate, EndDate Date // of an AllDay appointment; EndDate is exclusive

	Location    string
	Categories  []string
	Customer    string // empty: none
	BillingType BillingType
	Travel      bool

	Sensitivity Sensitivity
	ShowAs      ShowAs
	Importance  Importance
	Cancelled   bool
	Declined    bool // the user answered no
}

// Duration is how long the appointment lasts.
func (a *Appointment) Duration() time.Duration { return a.End.Sub(a.Start) }

// Day is the local day to which the appointment belongs as a whole: that of its start.
func (a *Appointment) Day(zone *time.Location) Date {
	if a.AllDay {
		return a.StartDate
	}
	return DateOf(a.Start, zone)
}

// Overlaps says whether two appointments share time: each begins before the other ends.
func (a *Appointment) Overlaps(b *Appointment) bool {
	return a.Start.Before(b.End) && b.Start.Before(a.End)
}

// AppointmentForm is the stable form of an appointment in plans, in the ledger and in the API. Times are in UTC as in "2026-10-05T07:00:00Z".
type AppointmentForm struct {
	Subject     string      `json:"subject"`
	Start       string      `json:"start"` // UTC; empty when the event has none
	End         string      `json:"end"`
	AllDay      bool        `json:"all_day"`
	StartDate   string      `json:"start_date"` // of an all-day one
	EndDate     string      `json:"end_date"`   // exclusive
	Location    string      `json:"location"`
	Categories  []string    `json:"categories"`
	Customer    string      `json:"customer"`
	BillingType BillingType `json:"billing_type"`
	Travel      bool        `json:"travel"`
	Sensitivity Sensitivity `json:"sensitivity"`
	ShowAs      ShowAs      `json:"show_as"`
	Importance  Importance  `json:"importance"`
	Cancelled   bool        `json:"cancelled,omitempty"`
	Declined    bool        `json:"declined,omitempty"`
}

// MarshalJSON writes the stable form.
func (a Appointment) MarshalJSON() ([]byte, error) { return json.Marshal(a.Form()) }

// Form is the stable form, with dates only of an all-day appointment.
func (a *Appointment) Form() AppointmentForm {
	j := AppointmentForm{
		Subject: a.Subject, AllDay: a.AllDay, Location: a.Location, Categories: a.Categories, Customer: a.Customer, BillingType: a.BillingType,
		Travel: a.Travel, Sensitivity: a.Sensitivity, ShowAs: a.ShowAs, Importance: a.Importance, Cancelled: a.Cancelled, Declined: a.Declined,
	}
	if j.Categories == nil {
		j.Categories = []string{}
	}
	if !a.Start.IsZero() {
		j.Start, j.End = a.Start.UTC().Format(time.RFC3339Nano), a.End.UTC().Format(time.RFC3339Nano)
	}
	if a.AllDay && a.StartDate != (Date{}) {
		j.StartDate, j.EndDate = a.StartDate.String(), a.EndDate.String()
	}
	return j
}

// JSONForm shows which members the JSON of an appointment has.
func (Appointment) JSONForm() any { return AppointmentForm{} }

// UnmarshalJSON reads what MarshalJSON writes. Errors are of kind fault.Invalid and name the field.
func (a *Appointment) UnmarshalJSON(data []byte) error {
	var j AppointmentForm
	err := json.Unmarshal(data, &j)
	if err != nil {
		return fault.New(fault.Invalid, "not an appointment: %v", err)
	}
	*a = Appointment{
		Subject: j.Subject, AllDay: j.AllDay, Location: j.Location, Categories: j.Categories, Customer: j.Customer, BillingType: j.BillingType,
		Travel: j.Travel, Sensitivity: j.Sensitivity, ShowAs: j.ShowAs, Importance: j.Importance, Cancelled: j.Cancelled, Declined: j.Declined,
	}
	if j.Start == "" {
		return nil
	}
	if a.Start, err = time.Parse(time.RFC3339Nano, j.Start); err != nil {
		return fault.Field("appointment.start", "must be a time as in 2026-10-05T07:00:00Z, not %q", j.Start)
	}
	if a.End, err = time.Parse(time.RFC3339Nano, j.End); err != nil {
		return fault.Field("appointment.end", "must be a time as in 2026-10-05T08:00:00Z, not %q", j.End)
	}
	a.Start, a.End = a.Start.UTC(), a.End.UTC()
	if !a.AllDay {
		return nil
	}
	if a.StartDate, err = ParseDate(j.StartDate); err != nil {
		return fault.Field("appointment.start_date", "of an all-day appointment must be a day as in 2026-10-05, not %q", j.StartDate)
	}
	if a.EndDate, err = ParseDate(j.EndDate); err != nil {
		return fault.Field("appointment.end_date", "of an all-day appointment must be a day as in 2026-10-06, not %q", j.EndDate)
	}
	return nil
}
