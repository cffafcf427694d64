package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/fault"
)

type customerRate struct {
	From   string `json:"from"`
	Work   string `json:"work"`
	Travel string `json:"travel,omitempty"`
}

type customerRounding struct {
	From      string `json:"from"`
	Increment int    `json:"increment"`
	Mode      string `json:"mode,omitempty"`
	Scope     string `json:"scope,omitempty"`
	Least     int    `json:"least,omitempty"`
}

// customerBody is what a customer is made of and what can be edited.
type customerBody struct {
	Name           string             `json:"name"`
	Aliases        []string           `json:"aliases,omitempty"`
	Currency       string             `json:"currency,omitempty"`
	Rates          []customerRate     `json:"rates,omitempty"`
	Rounding       []customerRounding `json:"rounding,omitempty"`
	DayMinutes     int                `json:"day_minutes,omitempty"`
	Travel         string             `json:"travel_policy,omitempty"`
	Locale         string             `json:"locale,omitempty"`
	BuyerReference string             `json:"buyer_reference,omitempty"`
	OrderNumber    string             `json:"order_number,omitempty"`
	Address        []string           `json:"address,omitempty"`
	Emails         []string           `json:"emails,omitempty"`
}

// heldAddress is an address of a customer's to which no timesheets are sent.
type heldAddress struct {
	Address string    `json:"address"`
	Why     string    `json:"why"`
	Since   time.Time `json:"since"`
	Again   string    `json:"again"`
}

// againBy says what lets mail through to an address that is held back.
var againBy = map[string]string{
	"word": "if it is right after all: customer mail-again", "confirmation": "ask whoever reads it first, then: customer mail-again --confirm",
	"never": "give the customer another address",
}

type customerView struct {
	document
	ID string `json:"id"`
	customerBody
	Held    []heldAddress `json:"mail_returned,omitempty"`
	Created string        `json:"created"`
	Updated string        `json:"updated"`
}

// newCustomer is a customer that archived appointments name and nobody has recorded.
type newCustomer struct {
	document
	Name      string   `json:"name"`
	Spellings []string `json:"spellings"`
	Entries   int      `json:"entries"`
	Minutes   float64  `json:"minutes"`
	Last      string   `json:"last"`
}

// customerFlags are the parts of a customer as flags have them.
type customerFlags struct {
	body            customerBody
	rates, rounding []string
}

func (c *customerFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&c.body.Aliases, "alias", nil, "another name under which categories have the customer; may be given several times")
	f.StringVar(&c.body.Currency, "currency", "", "of the rates, as in EUR")
	f.StringArrayVar(&c.rates, "rate", nil, "FROM:WORK or FROM:WORK:TRAVEL, as in 2026-01-01:120.00:50%; several: each holds until the next one begins")
	f.StringArrayVar(&c.rounding, "rounding", nil, "FROM:MINUTES:MODE:SCOPE or with :LEAST, as in 2026-01-01:15:up:day; "+
		"MODE is nearest or up, SCOPE entry, day or position")
	f.IntVar(&c.body.DayMinutes, "day-minutes", 0, "how long each day of an all-day appointment counts; 0: not at all")
	f.StringVar(&c.body.Travel, "travel", "to", "which journeys between appointments are the customer's: to, both or none")
	f.StringVar(&c.body.Locale, "locale", "en", "language of the customer's timesheets: en or de")
	f.StringVar(&c.body.BuyerReference, "buyer-reference", "", "what the customer wants to read on invoices")
	f.StringVar(&c.body.OrderNumber, "order-number", "", "number of the customer's order")
	f.StringArrayVar(&c.body.Address, "address", nil, "a line of the postal address; may be given several times")
	f.StringArrayVar(&c.body.Emails, "email", nil, "an address that timesheets may be sent to; may be given several times")
}

// read makes rates and roundings of their flags. What is wrong in them the API says, but for what is no number.
func (c *customerFlags) read() error {
	c.body.Rates, c.body.Rounding = nil, nil
	for _, text := range c.rates {
		parts := strings.Split(text, ":")
		if text == "" {
			continue // no rates any more
		}
		if len(parts) != 2 && len(parts) != 3 {
			return usageError{fmt.Errorf("--rate %q is not FROM:WORK or FROM:WORK:TRAVEL, as in 2026-01-01:120.00:50%%", text)}
		}
		c.body.Rates = append(c.body.Rates, customerRate{From: parts[0], Work: parts[1], Travel: strings.Join(parts[2:], "")})
	}
	for _, text := range c.rounding {
		parts := append(strings.Split(text, ":"), "0")
		if text == "" {
			continue
		}
		if len(parts) != 5 && len(parts) != 6 {
			return usageError{fmt.Errorf("--rounding %q is not FROM:MINUTES:MODE:SCOPE or with :LEAST, as in 2026-01-01:15:up:day", text)}
		}
		increment, err := strconv.Atoi(parts[1])
		least, also := strconv.Atoi(parts[4])
		if err != nil || also != nil {
			return usageError{fmt.Errorf("--rounding %q has minutes that are no number", text)}
		}
		c.body.Rounding = append(c.body.Rounding, customerRounding{From: parts[0], Increment: increment, Mode: parts[2], Scope: parts[3], Least: least})
	}
	return nil
}

// into puts what was given into a customer as it is. An empty text clears a list.
func (c *customerFlags) into(cmd *cobra.Command, to *customerBody) error {
	list := func(given []string) []string { return slices.DeleteFunc(given, func(s string) bool { return s == "" }) }
	changed := false
	for name, take := range map[string]func(){
		"alias": func() { to.Aliases = list(c.body.Aliases) }, "currency": func() { to.Currency = c.body.Currency },
		"rate": func() { to.Rates = c.body.Rates }, "rounding": func() { to.Rounding = c.body.Rounding },
		"day-minutes": func() { to.DayMinutes = c.body.DayMinutes }, "travel": func() { to.Travel = c.body.Travel },
		"locale": func() { to.Locale = c.body.Locale }, "buyer-reference": func() { to.BuyerReference = c.body.BuyerReference },
		"order-number": func() { to.OrderNumber = c.body.OrderNumber }, "address": func() { to.Address = list(c.body.Address) },
		"email": func() { to.Emails = list(c.body.Emails) }, "name": func() { to.Name = c.body.Name },
	} {
		if cmd.Flags().Changed(name) {
			changed = true
			take()
		}
	}
	if !changed {
		return wrong(cmd, "nothing to change")
	}
	return nil
}

func (p *program) customerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "customer", Short: "Say what is known of customers: other names, rates, rounding, addresses"}
	cmd.AddCommand(p.customerList(), p.customerCreate(), p.customerShow(), p.customerEdit(), p.customerMerge(), p.customerMailAgain(), p.customerDelete())
	return cmd
}

func (p *program) customerList() *cobra.Command {
	var config, period string
	var onlyNew bool
	cmd := &cobra.Command{
		Use: "list", Short: "List customers, and as new those that only categories name", Args: cobra.NoArgs,
		Long: "List customers, and as new those that only categories of archived appointments name. For programs the list has those who are recorded, or with\n" +
			"--new the others.",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			if p.output == "json" && !onlyNew {
				known, err := all[customerView](ctx, c, "/v1/customers", nil, 0)
				return errors.Join(err, p.jsonUnless(err, known))
			}
			known, err := all[customerView](ctx, c, "/v1/customers", nil, 0)
			if err != nil {
				return err
			}
			found, err := p.newCustomers(ctx, c, config, period)
			if err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(found)
			}
			var rows []table.Row
			if onlyNew {
				known = nil
			}
			for _, v := range known {
				rows = append(rows, table.Row{v.Name, strings.Join(v.Aliases, ", "), v.newest(), v.rounded(), ""})
			}
			for _, v := range found {
				note := fmt.Sprintf("new: %s, last on %s; record it with: %s", clockTime(v.Minutes), v.Last, p.command("customer create "+quoted(v.Name)))
				others := slices.DeleteFunc(slices.Clone(v.Spellings), func(s string) bool { return s == v.Name })
				rows = append(rows, table.Row{v.Name, strings.Join(others, ", "), "", "", note})
			}
			p.printTable(table.Row{"Customer", less("Also"), "Rate", least("Rounding"), ""}, rows)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&onlyNew, "new", false, "only those whom nobody has recorded")
	cmd.Flags().StringVar(&config, "config", "", "look for new customers in the archive of this config alone")
	cmd.Flags().StringVar(&period, "period", "last 90 days", "look for new customers in these days")
	return cmd
}

// newCustomers are those of the archive of a config, or of all.
func (p *program) newCustomers(ctx context.Context, c *client, config, period string) ([]newCustomer, error) {
	names := []string{config}
	if config == "" {
		configs, err := all[configView](ctx, c, "/v1/archive-configs", nil, 0)
		if err != nil {
			return nil, err
		}
		names = nil
		for _, v := range configs {
			names = append(names, v.ID)
		}
	}
	found := []newCustomer{}
	for _, name := range names {
		some, err := all[newCustomer](ctx, c, "/v1/customers/new", url.Values{"config": {name}, "period": {period}}, 0)
		if err != nil {
			return nil, err
		}
		for _, v := range some { // one that several archives name is told once
			if !slices.ContainsFunc(found, func(o newCustomer) bool { return strings.EqualFold(o.Name, v.Name) }) {
				found = append(found, v)
			}
		}
	}
	slices.SortFunc(found, func(a, b newCustomer) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return found, nil
}

// journeys say which of them are a customer's.
var journeys = map[string]string{"to": "to the customer", "both": "to the customer and back", "none": "none is the customer's"}

// newest is the newest rate: "120.00 EUR from 2026-01-01, travel 50%".
func (b *customerBody) newest() string {
	if len(b.Rates) == 0 {
		return ""
	}
	r := b.Rates[len(b.Rates)-1]
	text := fmt.Sprintf("%s %s from %s", r.Work, b.Currency, r.From)
	if r.Travel != "" {
		text += ", travel " + r.Travel
	}
	return text
}

// rounded is the newest rounding: "15 min up by day".
func (b *customerBody) rounded() string {
	if len(b.Rounding) == 0 {
		return ""
	}
	return b.Rounding[len(b.Rounding)-1].String()
}

func (r customerRounding) String() string {
	text := "none"
	if r.Increment > 0 {
		text = fmt.Sprintf("%d min %s by %s", r.Increment, r.Mode, r.Scope)
	}
	if r.Least > 0 {
		text += fmt.Sprintf(", at least %d min", r.Least)
	}
	return text
}

func (p *program) customerCreate() *cobra.Command {
	var given customerFlags
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Record a customer; the name alone is enough", Args: cobra.ExactArgs(1),
		Example: `  admin-assistant customer create Acme --alias "Acme GmbH" --currency EUR --rate 2026-01-01:120.00:50% --rounding 2026-01-01:15:up:day`,
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			given.body.Name = args[0]
			if err := given.read(); err != nil {
				return err
			}
			var made customerView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/customers", json: given.body}, &made); err != nil {
				return err
			}
			return p.showCustomer(made)
		}),
	}
	given.register(cmd)
	return cmd
}

func (p *program) showCustomer(v customerView) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	rows := []table.Row{{"Aliases", strings.Join(v.Aliases, ", ")}, {"Currency", v.Currency}}
	for _, r := range v.Rates {
		text := r.Work
		if r.Travel != "" {
			text += ", travel " + r.Travel
		}
		rows = append(rows, table.Row{"Rate from " + r.From, text})
	}
	for _, r := range v.Rounding {
		rows = append(rows, table.Row{"Rounding from " + r.From, r.String()})
	}
	day := "does not count"
	if v.DayMinutes > 0 {
		day = clockTime(float64(v.DayMinutes))
	}
	rows = append(rows, table.Row{"An all-day day", day}, table.Row{"Journeys", journeys[v.Travel]}, table.Row{"Language", v.Locale},
		table.Row{"Buyer reference", v.BuyerReference}, table.Row{"Order number", v.OrderNumber}, table.Row{"Address", strings.Join(v.Address, ", ")},
		table.Row{"E-mail", strings.Join(v.Emails, ", ")})
	for _, h := range v.Held {
		rows = append(rows, table.Row{"Mail came back", fmt.Sprintf("from %s: %s, %s", h.Address, h.Why, p.minute(h.Since))},
			table.Row{"", "no timesheets are sent there; " + againBy[h.Again]})
	}
	rows = append(rows, table.Row{"Id", v.ID})
	p.printTable(table.Row{"Customer", printable(v.Name)}, rows)
	return nil
}

// findCustomer returns a customer by name, alias or id, with its ETag.
func (p *program) findCustomer(ctx context.Context, c *client, name string) (v customerView, etag string, err error) {
	id := name
	found, err := all[customerView](ctx, c, "/v1/customers", url.Values{"name": {name}}, 1)
	if err != nil {
		return v, "", err
	}
	if len(found) == 1 {
		id = found[0].ID
	}
	none := fault.New(fault.NotFound, "there is no customer %q; see: admin-assistant customer list", name)
	if id == "new" { // what the API has there is no customer
		return v, "", none
	}
	header, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/customers/" + url.PathEscape(id)}, &v)
	var answer *apiError
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		return v, "", none
	}
	if err != nil {
		return v, "", err
	}
	return v, header.Get("ETag"), nil
}

func (p *program) customerShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show what is known of a customer", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, _, err := p.findCustomer(ctx, c, args[0])
			if err != nil {
				return err
			}
			return p.showCustomer(v)
		}),
	}
}

func (p *program) customerEdit() *cobra.Command {
	var given customerFlags
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use: "edit NAME", Short: "Change what the flags name, and leave the rest as it is", Args: cobra.ExactArgs(1),
		Long: "Change what the flags name, and leave the rest as it is. A flag that may be given several times replaces the whole list; with an empty " +
			"text it clears it.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, etag, err := p.findCustomer(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := errors.Join(given.read(), given.into(cmd, &v.customerBody)); err != nil {
				return err
			}
			var now customerView
			if _, err := c.do(ctx, request{method: http.MethodPut, path: "/v1/customers/" + v.ID, json: v.customerBody, ifMatch: etag}, &now); err != nil {
				return err
			}
			return p.showCustomer(now)
		}),
	}
	given.register(cmd)
	cmd.Flags().StringVar(&given.body.Name, "name", "", "another name; give the old one as an alias to keep finding it")
	return cmd
}

func (p *program) customerMerge() *cobra.Command {
	return &cobra.Command{
		Use: "merge NAME INTO", Short: "Make a name an alias of a customer", Args: cobra.ExactArgs(2),
		Long: "Make a name an alias of a customer. The name may be that of another customer, whose aliases come with it and whose record goes, or one that " +
			"only categories have. Nothing that is archived is rewritten.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			into, etag, err := p.findCustomer(ctx, c, args[1])
			if err != nil {
				return err
			}
			other, err := all[customerView](ctx, c, "/v1/customers", url.Values{"name": {args[0]}}, 1)
			if err != nil {
				return err
			}
			if len(other) == 1 && other[0].ID != into.ID {
				if err := p.confirm(fmt.Sprintf("Customer %q becomes an alias of %q; its rates, rounding and address go.", other[0].Name, into.Name)); err != nil {
					return err
				}
			}
			var now customerView
			if _, err := c.do(ctx, request{
				method: http.MethodPost, path: "/v1/customers/" + into.ID + "/merge", json: map[string]string{"name": args[0]}, ifMatch: etag,
			}, &now); err != nil {
				return err
			}
			return p.showCustomer(now)
		}),
	}
}

func (p *program) customerMailAgain() *cobra.Command {
	asked := false
	cmd := &cobra.Command{
		Use: "mail-again NAME ADDRESS", Short: "Have timesheets go to an address of a customer again, after a mail came back", Args: cobra.ExactArgs(2),
		Long: "Have timesheets go to an address of a customer again. After a mail came back, none is sent to the address; customer show says so. If\n" +
			"somebody called one unwanted, ask whoever reads it, and say so with --confirm. What came back four times stays so: give the customer another address.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, _, err := p.findCustomer(ctx, c, args[0])
			if err != nil {
				return err
			}
			body := map[string]string{"address": args[1]}
			if asked {
				body["confirm"] = args[1]
			}
			var now customerView
			path := "/v1/customers/" + v.ID + "/mail-again"
			if _, err := c.do(ctx, request{method: http.MethodPost, path: path, json: body}, &now); err != nil {
				return err
			}
			return p.showCustomer(now)
		}),
	}
	cmd.Flags().BoolVar(&asked, "confirm", false, "I have asked whoever reads it, and they want such mails")
	return cmd
}

func (p *program) customerDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Forget what is known of a customer; what is archived stays", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, etag, err := p.findCustomer(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := p.confirm(fmt.Sprintf("This forgets the rates, rounding and addresses of customer %q.", v.Name)); err != nil {
				return err
			}
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: "/v1/customers/" + v.ID, ifMatch: etag}, nil); err != nil {
				return err
			}
			return p.say("deleted customer %s", printable(v.Name))
		}),
	}
}
