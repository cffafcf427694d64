package archive

import (
	"fmt"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
)

// categorise sets customer and billing type from the first category that has a customer. Invalid categories, and valid ones after the
// first, become issues of the item.
func (p *planner) categorise() {
	for _, c := range p.open() {
		c.Issues = append(c.Issues, readCategories(&c.Appointment)...)
	}
}

// readCategories sets the customer and billing type of one appointment, and returns what is wrong with its categories.
func readCategories(a *calendar.Appointment) (issues []string) {
	first, valid := "", 0
	for _, name := range a.Categories {
		customer, billing, err := category.Read(name)
		switch {
		case err != nil:
			issues = append(issues, fmt.Sprintf("invalid category %q: %v", name, err))
		case customer != "":
			if valid++; valid == 1 {
				first, a.Customer, a.BillingType = name, customer, billing
			}
		}
	}
	if valid > 1 {
		issues = append(issues, fmt.Sprintf("multiple valid categories, using %q", first))
	}
	return issues
}
