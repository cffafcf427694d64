// Package mastercategory knows the lists of categories that accounts keep (Outlook's "master categories"), and what events make of them. Nothing here
// changes an event.
package mastercategory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
)

// Lists is what keeps the categories of accounts.
type Lists interface {
	Categories(ctx context.Context, account string) ([]calendar.Category, error)
	CreateCategory(ctx context.Context, account string, c calendar.Category) (calendar.Category, error)
}

// Events is what has the events of calendars.
type Events interface {
	Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	Walk(ctx context.Context, account, calendarID string, from, to, since time.Time, each func(calendar.Event) (until time.Time, err error)) error
}

// Customers are those of users.
type Customers interface {
	Book(ctx context.Context, user string) (*customer.Book, error)
	Create(ctx context.Context, user string, c customer.Customer) (customer.Customer, error)
	Merge(ctx context.Context, user, id string, version int64, name string) (customer.Customer, error)
}

// Named returns the category of a name in a list, as calendar.Folded compares names; ok is false if there is none.
func Named(list []calendar.Category, name string) (c calendar.Category, ok bool) {
	i := slices.IndexFunc(list, func(one calendar.Category) bool { return calendar.Folded(one.Name) == calendar.Folded(name) })
	if i < 0 {
		return c, false
	}
	return list[i], true
}

// Create adds a category that can be read; the error of any other is of kind fault.Invalid.
func Create(ctx context.Context, lists Lists, account, name, colour string) (calendar.Category, error) {
	if _, _, err := category.Read(name); err != nil {
		return calendar.Category{}, fault.Field("name", "is no category that could be read: %w", err)
	}
	return lists.CreateCategory(ctx, account, calendar.Category{Name: name, Colour: colour})
}

// Renamed is what a renaming did.
type Renamed struct {
	Category calendar.Category // of the new name
	Created  bool              // it was not there before
	// Customer has the customer of the old name as Alias from now on; both are empty where the two names are the same customer's.
	Customer, Alias string
	// Carrying is how many source events still carry the old name.
	Carrying int
}

// Renaming is a category that is to be called otherwise. Since the name of a category cannot change, it becomes another category.
type Renaming struct {
	User      string
	Account   string
	From, To  string
	Lists     Lists
	Customers Customers
	// Events has the Sources, whose events in [Since, Until) are counted.
	Events       Events
	Sources      []calendar.URI
	Since, Until time.Time
}

// Rename creates the category of the new name with the colour of the old one, unless it is there, and makes the customer of the old name an alias of the
// new one's. The old category stays, and so do all events. Doing it again changes nothing. Errors: calendar.ErrNotFound for an old name that is not in the
// list; of kind fault.Invalid for a new name that cannot be read, fault.Conflict where the old name's customer has a record of its own.
func (r *Renaming) Rename(ctx context.Context) (Renamed, error) {
	to, _, err := category.Read(r.To)
	if err != nil {
		return Renamed{}, fault.Field("to", "is no category that could be read: %w", err)
	}
	list, err := r.Lists.Categories(ctx, r.Account)
	if err != nil {
		return Renamed{}, err
	}
	old, there := Named(list, r.From)
	if !there {
		return Renamed{}, fault.New(fault.NotFound, "there is no category %.100q in the list of %s", r.From, r.Account)
	}
	if calendar.Folded(r.From) == calendar.Folded(r.To) {
		return Renamed{}, fault.Field("to", "differs from the old name in case and spaces alone, which no list of categories tells apart")
	}
	out := Renamed{}
	if from, _, err := category.Read(r.From); err == nil && from != "" && to != "" && calendar.Folded(from) != calendar.Folded(to) {
		if out.Customer, out.Alias, err = r.alias(ctx, from, to); err != nil {
			return Renamed{}, err
		}
	}
	if out.Category, there = Named(list, r.To); !there {
		if out.Category, err = r.Lists.CreateCategory(ctx, r.Account, calendar.Category{Name: r.To, Colour: old.Colour}); err != nil {
			return Renamed{}, err
		}
		out.Created = true
	}
	out.Carrying, err = r.carrying(ctx)
	return out, err
}

// alias makes a name an alias of a customer, who is recorded if nobody has done so. What is so already stays.
func (r *Renaming) alias(ctx context.Context, name, of string) (owner, alias string, err error) {
	book, err := r.Customers.Book(ctx, r.User)
	if err != nil {
		return "", "", err
	}
	other, c := book.Find(name), book.Find(of)
	switch {
	case other != nil && c != nil && other.ID == c.ID:
		return "", "", nil
	case other != nil:
		return "", "", fault.New(fault.Conflict, "%q is customer %q, who has a record; merge the two first: admin-assistant customer merge %q %q",
			name, other.Name, other.Name, of)
	case c == nil:
		made, err := r.Customers.Create(ctx, r.User, customer.Customer{Name: of, Aliases: []string{name}})
		return made.Name, name, err
	}
	merged, err := r.Customers.Merge(ctx, r.User, c.ID, c.Version, name)
	return merged.Name, name, err
}

// carrying counts the source events that carry the old name.
func (r *Renaming) carrying(ctx context.Context) (n int, err error) {
	seen, old := map[string]bool{}, calendar.Folded(r.From)
	for _, uri := range r.Sources {
		info, err := r.Events.Calendar(ctx, uri)
		if errors.Is(err, calendar.ErrNotFound) {
			continue // a source that is gone carries nothing
		}
		if err != nil {
			return 0, err
		}
		err = r.Events.Walk(ctx, uri.Account, info.ID, r.Since, r.Until, time.Time{}, func(e calendar.Event) (time.Time, error) {
			if slices.ContainsFunc(e.Categories, func(name string) bool { return calendar.Folded(name) == old }) && !seen[e.ID] {
				seen[e.ID] = true
				n++
			}
			return time.Time{}, nil
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// Row is what events say of one customer and billing type.
type Row struct {
	Customer string
	New      bool // nobody recorded the customer
	Billing  calendar.BillingType
	Events   int
	Long     time.Duration // of those that are not all-day
}

// Issue is what is wrong with the categories of an event.
type Issue struct {
	Date    calendar.Date
	Subject string
	EventID string
	Problem string
}

// Unlisted is a category that events carry and the account's list does not have.
type Unlisted struct {
	Name   string
	Events int
}

// maxIssues is how many issues are told.
const maxIssues = 1000

// Report is what the categories of a period's events come to.
type Report struct {
	Events     int // that were looked at: those that are neither cancelled nor declined
	Without    int // that have no category
	Rows       []Row
	Issues     []Issue // by date; the first maxIssues
	IssueCount int
	Unlisted   []Unlisted // by name
}

// Validate looks at the categories of a calendar's events that start in a window, and changes nothing.
func Validate(ctx context.Context, events Events, account, calendarID string, w calendar.Window, list []calendar.Category,
	book *customer.Book) (Report, error) {
	v := validation{
		window: w, book: book, rows: map[rowKey]*Row{}, spelled: map[string]int{}, listed: map[string]bool{}, unlisted: map[string]*Unlisted{},
		seen: map[string]bool{},
	}
	for _, c := range list {
		v.listed[calendar.Folded(c.Name)] = true
	}
	err := events.Walk(ctx, account, calendarID, w.Start(), w.End(), time.Time{}, func(e calendar.Event) (time.Time, error) {
		v.look(&e)
		return time.Time{}, nil
	})
	if err != nil {
		return Report{}, err
	}
	return v.done(), nil
}

type rowKey struct {
	customer string
	billing  calendar.BillingType
}

// validation is the looking through one period.
type validation struct {
	window   calendar.Window
	book     *customer.Book
	rows     map[rowKey]*Row
	spelled  map[string]int // how many events write a customer so
	listed   map[string]bool
	unlisted map[string]*Unlisted
	seen     map[string]bool // ids of events: pages may repeat one
	report   Report
}

func (v *validation) look(e *calendar.Event) {
	day, long, ok := v.when(e)
	if !ok || v.seen[e.ID] || e.Cancelled || e.Declined() {
		return
	}
	v.seen[e.ID] = true
	v.report.Events++
	if len(e.Categories) == 0 {
		v.report.Without++
	}
	first := ""
	several := false
	for _, name := range e.Categories {
		v.list(name)
		who, billing, err := category.Read(name)
		switch {
		case err != nil:
			v.issue(e, day, fmt.Sprintf("invalid category %q: %v", name, err))
		case who == "":
		case first == "":
			first = name
			v.count(who, billing, long)
		default:
			several = true
		}
	}
	if several {
		v.issue(e, day, fmt.Sprintf("multiple valid categories, using %q", first))
	}
}

// when returns the local day on which an event starts and how long it is, if the window has it.
func (v *validation) when(e *calendar.Event) (day calendar.Date, long time.Duration, ok bool) {
	if e.AllDay {
		from, _, err := e.Days(v.window.Zone)
		return from, 0, err == nil && !from.Before(v.window.From) && !v.window.To.Before(from)
	}
	start, err := e.Start.Instant(v.window.Zone)
	if err != nil || !v.window.Contains(start) {
		return day, 0, false
	}
	if end, err := e.End.Instant(v.window.Zone); err == nil && end.After(start) {
		long = end.Sub(start)
	}
	return calendar.DateOf(start, v.window.Zone), long, true
}

// list notes a category that the account's list does not have.
func (v *validation) list(name string) {
	folded := calendar.Folded(name)
	if v.listed[folded] {
		return
	}
	u := v.unlisted[folded]
	if u == nil {
		u = &Unlisted{Name: name}
		v.unlisted[folded] = u
	}
	u.Name = min(u.Name, name) // the same whatever the order of events
	u.Events++
}

func (v *validation) issue(e *calendar.Event, day calendar.Date, problem string) {
	v.report.Issues = append(v.report.Issues, Issue{Date: day, Subject: e.Subject, EventID: e.ID, Problem: problem})
}

func (v *validation) count(who string, billing calendar.BillingType, long time.Duration) {
	key := rowKey{calendar.Folded(v.book.Named(who)), billing}
	row := v.rows[key]
	if row == nil {
		row = &Row{New: v.book.Find(who) == nil && !category.OwnTime(who, billing), Billing: billing}
		v.rows[key] = row
	}
	v.spelled[v.book.Named(who)]++
	row.Events++
	row.Long += long
}

func (v *validation) done() Report {
	r := v.report
	names := customer.Spellings(v.spelled)
	r.Rows = []Row{}
	for key, row := range v.rows {
		row.Customer = names[key.customer]
		r.Rows = append(r.Rows, *row)
	}
	slices.SortFunc(r.Rows, func(a, b Row) int {
		return slices.Compare([]string{calendar.Folded(a.Customer), string(a.Billing)}, []string{calendar.Folded(b.Customer), string(b.Billing)})
	})
	slices.SortFunc(r.Issues, func(a, b Issue) int {
		return slices.Compare([]string{a.Date.String(), a.EventID, a.Problem}, []string{b.Date.String(), b.EventID, b.Problem})
	})
	if r.IssueCount = len(r.Issues); r.IssueCount > maxIssues {
		r.Issues = r.Issues[:maxIssues]
	}
	r.Unlisted = []Unlisted{}
	for _, u := range v.unlisted {
		r.Unlisted = append(r.Unlisted, *u)
	}
	slices.SortFunc(r.Unlisted, func(a, b Unlisted) int { return strings.Compare(a.Name, b.Name) })
	return r
}
