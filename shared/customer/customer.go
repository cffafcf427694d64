// Package customer knows the customers of a user: their names and aliases, what their time costs and how it is rounded, and where sheets go.
//
// A customer exists by being named in a category; the record says what is known of it. Names are compared as calendar.Folded has them, so that every
// spelling of a name or alias is the same customer.
//
// Items in the store:
//
//	USER#<user> / CUSTOMER#<id>   a customer
//	USER#<user> / CUSTOMERS       changes whenever one of them does, so that no two get the same name
package customer

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/currency"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/store"
)

// Customer is what is known of a customer.
type Customer struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"` // other names under which categories have it
	Terms
	Address
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`

	// Version counts the changes of the record, for optimistic concurrency.
	Version int64 `json:"-"`
	// Unknown is what the stored record has that this program does not know.
	Unknown store.Unknown `json:"-"`
}

// Terms are what time costs and how it is counted.
type Terms struct {
	Currency string     `json:"currency,omitempty"` // ISO 4217; empty: hours only
	Rates    []Rate     `json:"rates,omitempty"`    // by From
	Rounding []Rounding `json:"rounding,omitempty"` // by From
	// DayMinutes is how long an all-day appointment counts for each of its days; 0: not at all.
	DayMinutes int    `json:"day_minutes,omitempty"`
	Travel     Policy `json:"travel_policy,omitempty"`
}

// Address is where sheets go, and what they have to say of the customer.
type Address struct {
	Locale         string   `json:"locale,omitempty"` // a language of Locales; empty: the first
	BuyerReference string   `json:"buyer_reference,omitempty"`
	OrderNumber    string   `json:"order_number,omitempty"`
	Lines          []string `json:"address,omitempty"`
	Emails         []string `json:"emails,omitempty"` // to which sheets may be sent
}

// Rate is what an hour costs from a local day on, until the next rate begins.
type Rate struct {
	From calendar.Date `json:"from"`
	Work string        `json:"work"` // decimal, as in "120.00"
	// Travel is the rate of an hour of travel: a decimal, or a share of Work as in "50%". Empty: travel has no rate, and counts hours only.
	Travel string `json:"travel,omitempty"`
}

// Rounding is how minutes are rounded from a local day on, until the next rounding begins.
type Rounding struct {
	From      calendar.Date `json:"from"`
	Increment int           `json:"increment"` // minutes, a divisor of 60; 0: nothing is rounded
	Mode      Mode          `json:"mode,omitempty"`
	Scope     Scope         `json:"scope,omitempty"`
	Least     int           `json:"least,omitempty"` // minutes that what is rounded counts at least, if it is more than nothing
}

// Mode is which way minutes are rounded.
type Mode string

const (
	Nearest Mode = "nearest" // ties go up
	Up      Mode = "up"
)

// Scope is what is rounded.
type Scope string

const (
	Entry    Scope = "entry"    // each entry
	Day      Scope = "day"      // the sum of a position's entries of one day
	Position Scope = "position" // the sum of a position
)

// Policy says which journeys between appointments are a customer's.
type Policy string

const (
	TravelTo   Policy = "to"   // those to an appointment of the customer's; what an empty one means
	TravelBoth Policy = "both" // also those from one to an appointment without a customer
	NoTravel   Policy = "none"
)

// Locales are the languages of sheets.
var Locales = []string{"en", "de"}

const (
	maxName      = 100 // characters, as those of a category
	maxAliases   = 50
	maxRates     = 200
	maxRoundings = 100
	maxLines     = 10
	maxLine      = 200
	maxReference = 100
	maxEmails    = 10
	dayMinutes   = 24 * 60
	// maxWhole is how many digits a rate has before its point, maxPlaces how many behind it.
	maxWhole  = 9
	maxPlaces = 4
)

// Names are the name and the aliases.
func (c *Customer) Names() []string { return append([]string{c.Name}, c.Aliases...) }

// Validate checks a customer by itself; errors are of kind fault.Invalid and name the field, as in "rates[1].from".
func (c *Customer) Validate() error {
	if err := checkName("name", c.Name); err != nil {
		return err
	}
	if len(c.Aliases) > maxAliases {
		return fault.Field("aliases", "has %d names: at most %d", len(c.Aliases), maxAliases)
	}
	seen := map[string]bool{calendar.Folded(c.Name): true}
	for i, alias := range c.Aliases {
		field := fmt.Sprintf("aliases[%d]", i)
		if err := checkName(field, alias); err != nil {
			return err
		}
		folded := calendar.Folded(alias)
		if seen[folded] {
			return fault.Field(field, "is a name that the customer has already")
		}
		seen[folded] = true
	}
	if err := c.Terms.check(); err != nil {
		return err
	}
	return c.Address.check()
}

func checkName(field, name string) error {
	if err := checkText(field, name, maxName); err != nil {
		return err
	}
	for _, billing := range []calendar.BillingType{calendar.Billable, calendar.NonBillable} {
		if read, _, err := category.Read(name + " - " + string(billing)); err != nil || calendar.Folded(read) != calendar.Folded(name) {
			return fault.Field(field, "must be one that a category can name: \"%s - billable\" is not read as that customer's", name)
		}
	}
	return nil
}

// checkText checks one line of text.
func checkText(field, text string, most int) error {
	switch {
	case text == "":
		return fault.Field(field, "is missing")
	case text != strings.TrimSpace(text):
		return fault.Field(field, "must not begin or end with a space")
	case !utf8.ValidString(text) || utf8.RuneCountInString(text) > most:
		return fault.Field(field, "must have 1 to %d characters", most)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }):
		return fault.Field(field, "must be one line without control characters")
	}
	return nil
}

func (t *Terms) check() error {
	if _, ok := currency.Places(t.Currency); t.Currency != "" && !ok {
		return fault.Field("currency", "is %.10q, which is no currency of ISO 4217; write it as in EUR", t.Currency)
	}
	if t.Currency == "" && len(t.Rates) > 0 {
		return fault.Field("currency", "is missing: there are rates")
	}
	if err := checkRates(t.Rates); err != nil {
		return err
	}
	if len(t.Rounding) > maxRoundings {
		return fault.Field("rounding", "has %d roundings: at most %d", len(t.Rounding), maxRoundings)
	}
	if err := CheckRounding(t.Rounding); err != nil {
		return err
	}
	switch {
	case t.DayMinutes < 0 || t.DayMinutes > dayMinutes:
		return fault.Field("day_minutes", "must be 0 to %d", dayMinutes)
	case !slices.Contains([]Policy{"", TravelTo, TravelBoth, NoTravel}, t.Travel):
		return fault.Field("travel_policy", "must be to, both or none, not %.20q", string(t.Travel))
	}
	return nil
}

// checkRates says what is wrong with rates, in whatever order; errors are of kind fault.Invalid and name the field.
func checkRates(rates []Rate) error {
	if len(rates) > maxRates {
		return fault.Field("rates", "has %d rates: at most %d", len(rates), maxRates)
	}
	seen := map[calendar.Date]bool{}
	for i, r := range rates {
		field := func(name string) string { return fmt.Sprintf("rates[%d].%s", i, name) }
		switch {
		case !r.From.Valid():
			return fault.Field(field("from"), "is missing: the first day on which the rate holds, as in 2026-01-01")
		case seen[r.From]:
			return fault.Field(field("from"), "is %s, a day from which there is another rate", r.From)
		case !decimal(r.Work):
			return fault.Field(field("work"), "must be a decimal as in 120.00, with at most %d digits before and %d behind the point, not %.30q",
				maxWhole, maxPlaces, r.Work)
		}
		if share, ok := strings.CutSuffix(r.Travel, "%"); r.Travel != "" && !decimal(share) {
			if ok {
				return fault.Field(field("travel"), "must be a share as in 50%%, with at most %d digits behind the point, not %.30q", maxPlaces, r.Travel)
			}
			return fault.Field(field("travel"), "must be a decimal as in 60.00 or a share as in 50%%, with at most %d digits behind the point, not %.30q",
				maxPlaces, r.Travel)
		} else if ok && tooMuch(r.Work, share) {
			return fault.Field(field("travel"), "comes to more than a rate may be, with at most %d digits before the point: %s of %s", maxWhole, r.Travel, r.Work)
		}
		seen[r.From] = true
	}
	return nil
}

// tooMuch says whether a share in percent of a rate, rounded to maxPlaces, has more digits than a rate.
func tooMuch(work, share string) bool {
	product, _ := new(big.Rat).SetString(work)
	percent, _ := new(big.Rat).SetString(share)
	return product.Mul(product, percent).Cmp(big.NewRat(99_999_999_999_995, 1000)) >= 0 // a hundred times 999,999,999.99995
}

// decimal says whether a text is a number that is not negative, written with digits and at most one point between them.
func decimal(text string) bool {
	whole, places, point := strings.Cut(text, ".")
	digits := func(s string, most int) bool {
		return s != "" && len(s) <= most && strings.Trim(s, "0123456789") == ""
	}
	return digits(whole, maxWhole) && (!point || digits(places, maxPlaces))
}

// CheckRounding says what is wrong with roundings, in whatever order; errors are of kind fault.Invalid and name the field.
func CheckRounding(roundings []Rounding) error {
	seen := map[calendar.Date]bool{}
	for i, r := range roundings {
		field := func(name string) string { return fmt.Sprintf("rounding[%d].%s", i, name) }
		switch {
		case !r.From.Valid():
			return fault.Field(field("from"), "is missing: the first day on which the rounding holds, as in 2026-01-01")
		case seen[r.From]:
			return fault.Field(field("from"), "is %s, a day from which there is another rounding", r.From)
		case r.Increment < 0 || r.Increment > 60 || r.Increment > 0 && 60%r.Increment != 0:
			return fault.Field(field("increment"), "must be 0, for none, or a number of minutes that divides an hour, as 6, 15 or 30; not %d", r.Increment)
		case !slices.Contains([]Mode{Nearest, Up}, r.Mode) && (r.Mode != "" || r.Increment > 0):
			return fault.Field(field("mode"), "must be nearest or up, not %.20q", string(r.Mode))
		case !slices.Contains([]Scope{Entry, Day, Position}, r.Scope) && (r.Scope != "" || r.Increment > 0 || r.Least > 0):
			return fault.Field(field("scope"), "must be entry, day or position, not %.20q", string(r.Scope))
		case r.Least < 0 || r.Least > dayMinutes:
			return fault.Field(field("least"), "must be 0 to %d minutes, not %d", dayMinutes, r.Least)
		}
		seen[r.From] = true
	}
	return nil
}

func (a *Address) check() error {
	if a.Locale != "" && !slices.Contains(Locales, a.Locale) {
		return fault.Field("locale", "must be %s, not %.20q", strings.Join(Locales, " or "), a.Locale)
	}
	for field, text := range map[string]string{"buyer_reference": a.BuyerReference, "order_number": a.OrderNumber} {
		if text != "" {
			if err := checkText(field, text, maxReference); err != nil {
				return err
			}
		}
	}
	if len(a.Lines) > maxLines {
		return fault.Field("address", "has %d lines: at most %d", len(a.Lines), maxLines)
	}
	for i, line := range a.Lines {
		if err := checkText(fmt.Sprintf("address[%d]", i), line, maxLine); err != nil {
			return err
		}
	}
	if len(a.Emails) > maxEmails {
		return fault.Field("emails", "has %d addresses: at most %d", len(a.Emails), maxEmails)
	}
	for i, text := range a.Emails {
		field := fmt.Sprintf("emails[%d]", i)
		address, err := mail.Address(field, text)
		switch {
		case err != nil:
			return err
		case slices.ContainsFunc(a.Emails[:i], func(other string) bool { return strings.EqualFold(other, text) }):
			return fault.Field(field, "is there twice")
		case address.Address != text:
			return fault.Field(field, "must be the address alone, as in anna@example.com")
		}
	}
	return nil
}

// sort puts rates and roundings into the order of their days.
func (t *Terms) sort() {
	slices.SortFunc(t.Rates, func(a, b Rate) int { return a.From.Compare(b.From) })
	slices.SortFunc(t.Rounding, func(a, b Rounding) int { return a.From.Compare(b.From) })
}

// Policy is Travel with its default.
func (t *Terms) Policy() Policy { return cmp.Or(t.Travel, TravelTo) }

// Language is Locale with its default.
func (a *Address) Language() string { return cmp.Or(a.Locale, Locales[0]) }
