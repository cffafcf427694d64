package archive

import (
	"slices"
	"testing"

	"adminassistant/shared/calendar"
)

func TestCategorise(t *testing.T) {
	for _, tt := range []struct {
		name       string
		categories []string
		customer   string
		billing    calendar.BillingType
		issues     []string
	}{
		{"none", nil, "", "", nil},
		{"one", []string{"Acme - billable"}, "Acme", calendar.Billable, nil},
		{"the marker is no issue and no customer", []string{"Online"}, "", "", nil},
		{"the marker does not stand before a customer", []string{"Online", "Acme - billable"}, "Acme", calendar.Billable, nil},
		{
			"the first of several counts",
			[]string{"Acme - billable", "Globex - non-billable"}, "Acme", calendar.Billable, []string{`multiple valid categories, using "Acme - billable"`},
		},
		{
			"the same customer twice is more than one, too",
			[]string{"Acme - billable", "billable - Acme", "Acme - billable"}, "Acme", calendar.Billable, []string{`multiple valid categories, using "Acme - billable"`},
		},
		{
			"an invalid one is passed over",
			[]string{"Lunch", "Acme - billable"},
			"Acme", calendar.Billable,
			[]string{`invalid category "Lunch": expected "<customer> - billable" or "<customer> - non-billable"`},
		},
		{
			"each invalid one is an issue",
			[]string{"A - B - billable", "Acme - billable", "billable - "},
			"Acme", calendar.Billable,
			[]string{`invalid category "A - B - billable": more than one " - "`, `invalid category "billable - ": the customer is missing`},
		},
		{
			"both sorts of issues",
			[]string{"billable - billable", "Acme - billable", "Break - non-billable"},
			"Acme", calendar.Billable,
			[]string{`invalid category "billable - billable": a billing type is no customer`, `multiple valid categories, using "Acme - billable"`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			it := itemOf(t, planOf(day(busy("a", "09:00", "10:00", categories(tt.categories...)))), "a")
			if it.Appointment.Customer != tt.customer || it.Appointment.BillingType != tt.billing || !slices.Equal(it.Issues, tt.issues) {
				t.Errorf("got %q %q %q; want %q %q %q", it.Appointment.Customer, it.Appointment.BillingType, it.Issues, tt.customer, tt.billing, tt.issues)
			}
			if !slices.Equal(it.Appointment.Categories, tt.categories) {
				t.Errorf("the categories became %q", it.Appointment.Categories)
			}
		})
	}
}
