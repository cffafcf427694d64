package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/limit"
)

const tagCustomers = "customers"

// CustomerInput is a customer as a request has it; what is left out is empty.
type CustomerInput struct {
	Name           string          `json:"name" doc:"As categories have it; unique among all names and aliases, in any case."`
	Aliases        []string        `json:"aliases,omitempty" nullable:"false" doc:"Other names under which categories have the customer."`
	Currency       string          `json:"currency,omitempty" example:"EUR" doc:"Of ISO 4217; needed where there are rates."`
	Rates          []customerRate  `json:"rates,omitempty" nullable:"false" doc:"One holds until the next one begins. Before the first: hours only."`
	Rounding       []customerRound `json:"rounding,omitempty" nullable:"false" doc:"One holds until the next one begins. Before the first: none."`
	DayMinutes     int             `json:"day_minutes,omitempty" doc:"How long each day of an all-day appointment counts; 0: not at all."`
	Travel         travelPolicy    `json:"travel_policy,omitempty" default:"to"`
	Locale         string          `json:"locale,omitempty" enum:"en,de" default:"en" doc:"Language of the customer's timesheets."`
	BuyerReference string          `json:"buyer_reference,omitempty"`
	OrderNumber    string          `json:"order_number,omitempty"`
	Address        []string        `json:"address,omitempty" nullable:"false" doc:"Lines of the postal address."`
	Emails         []string        `json:"emails,omitempty" nullable:"false" doc:"Addresses that timesheets may be sent to."`
}

// travelPolicy is customer.Policy in a request.
type travelPolicy string

// Schema implements huma.SchemaProvider.
func (travelPolicy) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Enum: []any{string(customer.TravelTo), string(customer.TravelBoth), string(customer.NoTravel)},
		Description: "Which journeys between appointments are the customer's. to: those to one of theirs. both: also those from one of theirs to an " +
			"appointment without a customer. none: none.",
	}
}

// customerRate is customer.Rate in requests and answers.
type customerRate struct {
	From   string `json:"from" format:"date" doc:"First local day."`
	Work   string `json:"work" example:"120.00" doc:"Price of an hour: a decimal with at most 4 places."`
	Travel string `json:"travel,omitempty" example:"50%" doc:"Price of an hour of travel, or its share of the other one. Left out: no price."`
}

// customerRound is customer.Rounding in requests and answers.
type customerRound struct {
	From      string `json:"from" format:"date" doc:"First local day."`
	Increment int    `json:"increment" doc:"Minutes, a divisor of 60; 0: nothing is rounded."`
	Mode      string `json:"mode,omitempty" example:"up" doc:"nearest, where ties go up, or up."`
	Scope     string `json:"scope,omitempty" example:"day" doc:"What is rounded: each entry, the sum of a day, or of a position."`
	Least     int    `json:"least,omitempty" doc:"Minutes that what is rounded counts at least, if it is more than nothing."`
}

// customerView is a customer as a response has it.
type customerView struct {
	ID string `json:"id"`
	CustomerInput
	Held    []heldView `json:"mail_returned,omitempty" doc:"Addresses to which no timesheets are sent, since a mail came back; of one customer."`
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"`
}

// heldView is an address to which no timesheets are sent.
type heldView struct {
	Address string    `json:"address"`
	Why     string    `json:"why" enum:"bounced,complained,rejected" doc:"Not taken by its server; called unwanted; not sent on."`
	Since   time.Time `json:"since"`
	Again   string    `json:"again" enum:"word,confirmation,never" doc:"What lets mail through: your word; with the address to confirm it; nothing."`
}

type customerAnswer struct {
	ETag     string `header:"ETag" doc:"Goes into If-Match when the customer is changed or deleted."`
	Location string `header:"Location" doc:"Of a customer that was created."`
	Body     customerView
}

// Check says what is wrong with an input, without asking for what there is. Errors are of kind fault.Invalid and name the field.
func (in *CustomerInput) Check() error {
	var c customer.Customer
	if err := in.apply(&c); err != nil {
		return err
	}
	return c.Validate()
}

// apply puts the input into a customer. Errors are of kind fault.Invalid and name the field.
func (in *CustomerInput) apply(c *customer.Customer) (err error) {
	c.Name, c.Aliases = in.Name, in.Aliases
	c.Terms = customer.Terms{Currency: in.Currency, DayMinutes: in.DayMinutes, Travel: customer.Policy(in.Travel)}
	for i, r := range in.Rates {
		rate := customer.Rate{Work: r.Work, Travel: r.Travel}
		if rate.From, err = archive.ReadDay(fmt.Sprintf("rates[%d].from", i), r.From); err != nil {
			return err
		}
		c.Rates = append(c.Rates, rate)
	}
	for i, r := range in.Rounding {
		rounding := customer.Rounding{Increment: r.Increment, Mode: customer.Mode(r.Mode), Scope: customer.Scope(r.Scope), Least: r.Least}
		if rounding.From, err = archive.ReadDay(fmt.Sprintf("rounding[%d].from", i), r.From); err != nil {
			return err
		}
		c.Rounding = append(c.Rounding, rounding)
	}
	c.Address = customer.Address{
		Locale: in.Locale, BuyerReference: in.BuyerReference, OrderNumber: in.OrderNumber, Lines: in.Address, Emails: in.Emails,
	}
	return nil
}

func viewCustomer(c customer.Customer) customerView {
	v := customerView{ID: c.ID, Created: c.Created, Updated: c.Updated, CustomerInput: CustomerInput{
		Name: c.Name, Aliases: c.Aliases, Currency: c.Currency, DayMinutes: c.DayMinutes, Travel: travelPolicy(c.Policy()), Locale: c.Language(),
		BuyerReference: c.BuyerReference, OrderNumber: c.OrderNumber, Address: c.Lines, Emails: c.Emails,
	}}
	for _, r := range c.Rates {
		v.Rates = append(v.Rates, customerRate{From: r.From.String(), Work: r.Work, Travel: r.Travel})
	}
	for _, r := range c.Rounding {
		v.Rounding = append(v.Rounding, customerRound{
			From: r.From.String(), Increment: r.Increment, Mode: string(r.Mode), Scope: string(r.Scope), Least: r.Least,
		})
	}
	return v
}

func answerCustomer(c customer.Customer) *customerAnswer {
	return &customerAnswer{ETag: etag(c.Version), Body: viewCustomer(c)}
}

func (s *server) customerRoutes() {
	handle(s, route{
		pattern: "GET /v1/customers", access: byUsers, tag: tagCustomers, summary: "List customers",
	}, s.listCustomers)
	handle(s, route{
		pattern: "POST /v1/customers", access: byUsers, class: limit.Writes, action: "customer.create",
		tag: tagCustomers, summary: "Record what is known of a customer", success: http.StatusCreated,
	}, s.createCustomer)
	handle(s, route{
		pattern: "GET /v1/customers/new", access: byUsers, class: limit.Bulk, tag: tagCustomers,
		summary: "List the customers that archived appointments name and nobody has recorded",
	}, s.newCustomers)
	handle(s, route{pattern: "GET /v1/customers/{id}", access: byUsers, tag: tagCustomers, summary: "Show a customer"}, s.getCustomer)
	handle(s, route{
		pattern: "PUT /v1/customers/{id}", access: byUsers, class: limit.Writes, action: "customer.replace", needs: headerIfMatch,
		tag: tagCustomers, summary: "Replace what is known of a customer",
		description: "What is left out becomes empty, or gets its default. What is archived, and timesheets that were approved, stay as they are.",
	}, s.putCustomer)
	handle(s, route{
		pattern: "DELETE /v1/customers/{id}", access: byUsers, class: limit.Removals, action: "customer.delete", needs: headerIfMatch,
		tag: tagCustomers, summary: "Forget what is known of a customer",
		description: "What is archived stays, and names the customer as before.",
	}, s.deleteCustomer)
	handle(s, route{
		pattern: "POST /v1/customers/{id}/merge", access: byUsers, class: limit.Writes, action: "customer.merge", needs: headerIfMatch,
		tag: tagCustomers, summary: "Make a name an alias of a customer",
		description: "If it is the name of another customer, that one's aliases become this one's, too, and its record goes with its rates. Nothing that " +
			"is archived is rewritten.",
	}, s.mergeCustomers)
	handle(s, route{
		pattern: "POST /v1/customers/{id}/mail-again", access: byUsers, class: limit.Writes, action: "customer.mail_again",
		tag: tagCustomers, summary: "Have timesheets go to an address of a customer again",
		description: "After a mail came back, no timesheets are sent to the address; the customer says so. Where somebody called one unwanted, ask them first, " +
			"and give the address once more. Where nothing came back, nothing happens. After the fourth time only another address helps.",
	}, s.mailCustomerAgain)
}

// mailCustomerAgain lets timesheets to an address of a customer through again.
func (s *server) mailCustomerAgain(ctx context.Context, in *struct {
	ByIDOrName
	Body struct {
		Address string `json:"address" doc:"One that the customer's record names."`
		Confirm string `json:"confirm,omitempty" doc:"The address once more, after a complaint: you have asked whoever reads it."`
	}
}) (*customerAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Timesheets.MailAgain(ctx, who, in.ID, in.Body.Address, in.Body.Confirm); err != nil {
		return nil, err
	}
	return s.getCustomer(ctx, &in.ByIDOrName)
}

func (s *server) listCustomers(ctx context.Context, in *struct {
	Paging
	Name string `query:"name" doc:"Only the customer of this name or alias, any case."`
}) (*page[customerView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	book, err := s.Customers.Book(ctx, who)
	if err != nil {
		return nil, err
	}
	all := book.All()
	if in.Name != "" {
		all = nil
		if c := book.Find(in.Name); c != nil {
			all = []customer.Customer{*c}
		}
	}
	p, err := cut(in.Paging, all, func(c customer.Customer) string { return calendar.Folded(c.Name) })
	if err != nil {
		return nil, err
	}
	return onePage(p.Body.Items, p.Body.Next, viewCustomer), nil
}

func (s *server) createCustomer(ctx context.Context, in *struct{ Body CustomerInput }) (*customerAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	var c customer.Customer
	if err := in.Body.apply(&c); err != nil {
		return nil, err
	}
	if c, err = s.Customers.Create(ctx, who, c); err != nil {
		return nil, err
	}
	out := answerCustomer(c)
	out.Location = "/v1/customers/" + c.ID
	return out, nil
}

func (s *server) getCustomer(ctx context.Context, in *ByIDOrName) (*customerAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Customers.Get(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	held, err := s.Timesheets.HeldOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	out := answerCustomer(c)
	for _, h := range held {
		out.Body.Held = append(out.Body.Held, heldView{Address: h.Address, Why: string(h.Why), Since: h.Since, Again: string(h.Again)})
	}
	return out, nil
}

// customer returns who is to be changed, if it is what the request has seen.
func (s *server) customer(ctx context.Context, id string, seen IfMatch) (who string, c customer.Customer, err error) {
	if who, err = user(ctx); err != nil {
		return "", c, err
	}
	if c, err = s.Customers.Get(ctx, who, id); err != nil {
		return "", c, err
	}
	return who, c, seen.check(c.Version)
}

func (s *server) putCustomer(ctx context.Context, in *struct {
	ByIDOrName
	IfMatch
	Body CustomerInput
}) (*customerAnswer, error) {
	who, was, err := s.customer(ctx, in.ID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	c := customer.Customer{ID: was.ID, Version: was.Version}
	if err := in.Body.apply(&c); err != nil {
		return nil, err
	}
	if c, err = s.Customers.Update(ctx, who, c); err != nil {
		return nil, ifChanged(err)
	}
	return answerCustomer(c), nil
}

func (s *server) deleteCustomer(ctx context.Context, in *struct {
	ByIDOrName
	IfMatch
}) (*struct{}, error) {
	who, c, err := s.customer(ctx, in.ID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := s.Customers.Delete(ctx, who, c.ID, c.Version); err != nil {
		return nil, ifChanged(err)
	}
	return &struct{}{}, nil
}

func (s *server) mergeCustomers(ctx context.Context, in *struct {
	ByIDOrName
	IfMatch
	Body struct {
		Name string `json:"name" doc:"Name or alias of another customer, or a name that nobody has recorded."`
	}
}) (*customerAnswer, error) {
	who, c, err := s.customer(ctx, in.ID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	if c, err = s.Customers.Merge(ctx, who, c.ID, c.Version, in.Body.Name); err != nil {
		return nil, ifChanged(err)
	}
	return answerCustomer(c), nil
}
