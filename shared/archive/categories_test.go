package archive

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
)

func TestParseCategory(t *testing.T) {
	for _, tt := range []struct {
		name, category string
		customer       string
		billing        calendar.BillingType
		err            error
	}{
		{"customer first", "Acme - billable", "Acme", calendar.Billable, nil},
		{"billing type first", "billable - Acme", "Acme", calendar.Billable, nil},
		{"non-billable", "Acme - non-billable", "Acme", calendar.NonBillable, nil},
		{"non-billable first", "non-billable - Acme", "Acme", calendar.NonBillable, nil},
		{"any case", "ACME - BillABLE", "ACME", calendar.Billable, nil},
		{"any case of the longer one", "NON-Billable - acme", "acme", calendar.NonBillable, nil},
		{"space around the parts", "  Acme  -  billable ", "Acme", calendar.Billable, nil},
		{"a customer with hyphens and spaces", "Meyer-Smith & Sons -x - billable", "Meyer-Smith & Sons -x", calendar.Billable, nil},
		{"Admin is a customer", "Admin - non-billable", "Admin", calendar.NonBillable, nil},
		{"Break is a customer", "Break - non-billable", "Break", calendar.NonBillable, nil},
		{"Admin in any case and order is the same customer", "non-billable - ADMIN", "Admin", calendar.NonBillable, nil},
		{"a billable Admin is somebody of that name", "ADMIN - billable", "ADMIN", calendar.Billable, nil},
		{"Online is a marker", "Online", "", "", nil},
		{"Online in any case", " ONLINE ", "", "", nil},
		{"a customer called Online", "Online - billable", "Online", calendar.Billable, nil},

		{"empty", "", "", "", errNoBillingType},
		{"space", "   ", "", "", errNoBillingType},
		{"a customer alone", "Acme", "", "", errNoBillingType},
		{"a billing type alone", "billable", "", "", errNoBillingType},
		{"another billing type", "Acme - chargeable", "", "", errNoBillingType},
		{"a billing type with something after it", "Acme - billable!", "", "", errNoBillingType},
		{"no space around the hyphen", "Acme-billable", "", "", errNoBillingType},
		{"a space on one side only", "Acme -billable", "", "", errNoBillingType},
		{"another dash", "Acme – billable", "", "", errNoBillingType},
		{"two customers", "Acme - Globex", "", "", errNoBillingType},
		{"two separators", "Acme - Berlin - billable", "", "", errSeparators},
		{"three separators", "Acme - a - b - billable", "", "", errSeparators},
		{"two separators that share a space", "billable - - Acme", "", "", errSeparators},
		{"no customer before the billing type", " - billable", "", "", errNoCustomer},
		{"no customer after the billing type", "billable - ", "", "", errNoCustomer},
		{"a billing type as the customer", "billable - non-billable", "", "", errTwoTypes},
		{"the same billing type twice", "Billable - billable", "", "", errTwoTypes},
		{"the separator alone", " - ", "", "", errNoBillingType},
	} {
		t.Run(tt.name, func(t *testing.T) {
			customer, billing, err := parseCategory(tt.category)
			if customer != tt.customer || billing != tt.billing || !errors.Is(err, tt.err) {
				t.Errorf("%q is %q, %q, %v; want %q, %q, %v", tt.category, customer, billing, err, tt.customer, tt.billing, tt.err)
			}
		})
	}
}

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

func TestParseCategoryReadsBothOrdersAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		customer := rapid.StringMatching(`[A-Za-z]([A-Za-z0-9 &.-]{0,12}[a-z])?`).Draw(t, "customer")
		billing := rapid.SampledFrom([]string{"billable", "non-billable", "Billable", "NON-BILLABLE"}).Draw(t, "billing")
		c1, b1, err1 := parseCategory(customer + " - " + billing)
		c2, b2, err2 := parseCategory(billing + " - " + customer)
		if c1 != c2 || b1 != b2 || !errors.Is(err1, err2) {
			t.Fatalf("%q with %q: %q %q %v, and the other way round %q %q %v", customer, billing, c1, b1, err1, c2, b2, err2)
		}
	})
}

func FuzzParseCategory(f *testing.F) {
	for _, seed := range []string{
		"", "Online", "Acme - billable", "non-billable - Acme", " - ", " - billable", "a - b - c", "billable - non-billable",
		"\xff - billable", "Admin - non-billable", "x - - billable", "billable - - x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, category string) {
		customer, billing, err := parseCategory(category)
		switch {
		case err != nil:
			if customer != "" || billing != "" {
				t.Errorf("%q is an error and yet %q, %q", category, customer, billing)
			}
		case customer == "":
			if !strings.EqualFold(strings.TrimSpace(category), "online") || billing != "" {
				t.Errorf("%q is valid without a customer", category)
			}
		default:
			if _, is := billingType(customer); is || billing != calendar.Billable && billing != calendar.NonBillable || strings.TrimSpace(customer) != customer {
				t.Errorf("%q is %q, %q", category, customer, billing)
			}
			if first := strings.Index(category, " - "); first < 0 || first != strings.LastIndex(category, " - ") {
				t.Errorf("%q has not exactly one separator", category)
			}
		}
	})
}
