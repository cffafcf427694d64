package archive

import (
	"errors"
	"fmt"
	"strings"

	"adminassistant/shared/calendar"
)

// onlineMarker is a category that says where an appointment was; it is valid and sets no customer.
const onlineMarker = "Online"

// ownTime are the customers of time that nobody pays for. They get this spelling, whatever the category's is.
var ownTime = []string{"Admin", "Break"}

var (
	errNoBillingType = errors.New(`expected "<customer> - billable" or "<customer> - non-billable"`)
	errSeparators    = errors.New(`more than one " - "`)
	errNoCustomer    = errors.New("the customer is missing")
	errTwoTypes      = errors.New("a billing type is no customer")
)

// parseCategory reads an Outlook category: "<customer> - <billing type>" or the other way round, any case. The marker
// "Online" gives an empty customer and no error.
func parseCategory(category string) (customer string, billing calendar.BillingType, err error) {
	if strings.EqualFold(strings.TrimSpace(category), onlineMarker) {
		return "", "", nil
	}
	left, right, found := strings.Cut(category, " - ")
	switch {
	case !found:
		return "", "", errNoBillingType
	case strings.Contains(" "+right, " - "): // two separators may share a space
		return "", "", errSeparators
	}
	left, right = strings.TrimSpace(left), strings.TrimSpace(right)
	leftType, leftIs := billingType(left)
	rightType, rightIs := billingType(right)
	switch {
	case leftIs && rightIs:
		return "", "", errTwoTypes
	case rightIs:
		customer, billing = left, rightType
	case leftIs:
		customer, billing = right, leftType
	default:
		return "", "", errNoBillingType
	}
	if customer == "" {
		return "", "", errNoCustomer
	}
	if billing == calendar.NonBillable {
		for _, own := range ownTime {
			if strings.EqualFold(customer, own) {
				customer = own
			}
		}
	}
	return customer, billing, nil
}

func billingType(s string) (calendar.BillingType, bool) {
	switch {
	case strings.EqualFold(s, string(calendar.Billable)):
		return calendar.Billable, true
	case strings.EqualFold(s, string(calendar.NonBillable)):
		return calendar.NonBillable, true
	}
	return "", false
}

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
	for _, category := range a.Categories {
		customer, billing, err := parseCategory(category)
		switch {
		case err != nil:
			issues = append(issues, fmt.Sprintf("invalid category %q: %v", category, err))
		case customer != "":
			if valid++; valid == 1 {
				first, a.Customer, a.BillingType = category, customer, billing
			}
		}
	}
	if valid > 1 {
		issues = append(issues, fmt.Sprintf("multiple valid categories, using %q", first))
	}
	return issues
}
