// Package category reads the categories that people give their appointments: "<customer> - <billing type>".
package category

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/calendar"
)

// marker is a category that says where an appointment was; it is valid and sets no customer.
const marker = "Online"

// Break is the customer of breaks that are in the calendar, if its billing type is non-billable.
const Break = "Break"

// ownTime are the customers of time that nobody pays for. They get this spelling, whatever the category's is.
var ownTime = []string{"Admin", Break}

// Why a category cannot be read.
var (
	ErrNoBillingType = errors.New(`expected "<customer> - billable" or "<customer> - non-billable"`)
	ErrSeparators    = errors.New(`more than one " - "`)
	ErrNoCustomer    = errors.New("the customer is missing")
	ErrTwoTypes      = errors.New("a billing type is no customer")
)

// Read reads "<customer> - <billing type>", or the other way round, in any case. The separator is a dash of any kind with white space of any kind on both
// sides; an en dash or em dash may also stand without. The customer is spelled as in the category. The marker "Online" gives an empty customer and no error.
// Errors are those of this package.
func Read(category string) (customer string, billing calendar.BillingType, err error) {
	if strings.EqualFold(strings.TrimSpace(category), marker) {
		return "", "", nil
	}
	// A plain " - " goes before the other dashes, so that a customer may have one of those in its name.
	if left, right, found := strings.Cut(category, " - "); found && !strings.Contains(" "+right, " - ") { // two separators may share a space
		if customer, billing, err = pair(left, right); err == nil {
			return customer, billing, nil
		}
	}
	left, right, separators := cut(category, spaced)
	switch {
	case separators == 1:
		return pair(left, right)
	case separators > 1:
		return "", "", ErrSeparators
	}
	if _, alone := billingType(strings.TrimSpace(category)); alone {
		return "", "", ErrNoBillingType // the dash is that of "non-billable"
	}
	if left, right, separators = cut(category, long); separators == 1 {
		if customer, billing, err = pair(left, right); err == nil {
			return customer, billing, nil
		}
	}
	return "", "", ErrNoBillingType
}

// cut splits a text at the only dash that separates, and says how many do.
func cut(text string, separates func(text string, at, size int) bool) (left, right string, separators int) {
	for at, r := range text {
		if size := utf8.RuneLen(r); Dash(r) && separates(text, at, size) {
			separators++
			left, right = text[:at], text[at+size:]
		}
	}
	return left, right, separators
}

// spaced says whether there is white space on both sides of what begins at a byte of text.
func spaced(text string, at, size int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at+size:])
	return unicode.IsSpace(before) && unicode.IsSpace(after)
}

// long says whether an en dash or em dash begins at a byte of text: those are no part of a word, as hyphens are.
func long(text string, at, size int) bool {
	return text[at:at+size] == "–" || text[at:at+size] == "—"
}

// Dash says whether r is one of the signs that people write as a dash: hyphens, dashes and the minus sign.
func Dash(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '-'
	}
	return unicode.Is(unicode.Pd, r) || r == '−'
}

// pair reads the two sides of a separator.
func pair(left, right string) (customer string, billing calendar.BillingType, err error) {
	left, right = strings.TrimSpace(left), strings.TrimSpace(right)
	leftType, leftIs := billingType(left)
	rightType, rightIs := billingType(right)
	switch {
	case leftIs && rightIs:
		return "", "", ErrTwoTypes
	case rightIs:
		customer, billing = left, rightType
	case leftIs:
		customer, billing = right, leftType
	default:
		return "", "", ErrNoBillingType
	}
	if customer == "" {
		return "", "", ErrNoCustomer
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

// OwnTime says whether a customer with a billing type, as Read gives them, is time that nobody pays for: Admin or Break.
func OwnTime(customer string, billing calendar.BillingType) bool {
	return billing == calendar.NonBillable && slices.Contains(ownTime, customer)
}

// billingType reads a billing type, in any case and with any dash.
func billingType(s string) (calendar.BillingType, bool) {
	const non = "non"
	switch {
	case strings.EqualFold(s, string(calendar.Billable)):
		return calendar.Billable, true
	case len(s) <= len(non) || !strings.EqualFold(s[:len(non)], non):
		return "", false
	}
	dash, size := utf8.DecodeRuneInString(s[len(non):])
	if Dash(dash) && strings.EqualFold(s[len(non)+size:], string(calendar.Billable)) {
		return calendar.NonBillable, true
	}
	return "", false
}
