package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/mastercategory"
)

const tagCategories = "categories"

// Categories is what keeps the categories of accounts: a Provider's other side. Errors: calendar.ErrNotFound, and the kinds of package fault.
type Categories interface {
	mastercategory.Lists
	RecolourCategory(ctx context.Context, account, id, colour string) error
	DeleteCategory(ctx context.Context, account, id string) error
}

// ofCategories says whose list of categories a request is about.
type ofCategories struct {
	Calendar string
	Config   string
}

// CategoryAccount names the account whose categories are meant.
type CategoryAccount struct {
	Calendar string `query:"calendar" doc:"URI of a calendar of the account." example:"msgraph://me/calendars/primary"`
	Config   string `query:"config" doc:"Id or name of an archive config whose source is of the account, in place of calendar."`
}

// categoryColour is the colour of a category in requests and answers.
type categoryColour string

// Schema implements huma.SchemaProvider.
func (categoryColour) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Description: "As Outlook names it: none, or preset0 to preset24."}
	for _, colour := range calendar.Colours {
		s.Enum = append(s.Enum, colour)
	}
	return s
}

// categoryView is a category of an account's list.
type categoryView struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Colour   categoryColour `json:"colour"`
	Customer string         `json:"customer,omitempty" doc:"Whom it names, by the name of the record if there is one."`
	Billing  string         `json:"billing_type,omitempty" doc:"billable or non-billable."`
	New      bool           `json:"new,omitempty" doc:"Nobody has recorded the customer."`
	Problem  string         `json:"problem,omitempty" doc:"Why it cannot be read."`
}

func viewCategory(c calendar.Category, book *customer.Book) categoryView {
	v := categoryView{ID: c.ID, Name: c.Name, Colour: categoryColour(c.Colour)}
	who, billing, err := category.Read(c.Name)
	switch {
	case err != nil:
		v.Problem = err.Error()
	case who != "":
		v.Customer, v.Billing, v.New = book.Named(who), string(billing), book.Find(who) == nil && !category.OwnTime(who, billing)
	}
	return v
}

type categoryAnswer struct{ Body categoryView }

func (s *server) categoryRoutes() {
	handle(s, route{
		pattern: "GET /v1/categories", access: byUsers, tag: tagCategories, summary: "List the categories that an account keeps",
	}, s.listCategories)
	handle(s, route{
		pattern: "POST /v1/categories", access: byUsers, class: limit.Writes, action: "category.create",
		tag: tagCategories, summary: "Add a category to an account's list", success: http.StatusCreated,
		description: "In Microsoft 365 that takes the permission MailboxSettings.ReadWrite.",
	}, s.createCategory)
	handle(s, route{
		pattern: "PUT /v1/categories/{id}", access: byUsers, class: limit.Writes, action: "category.recolour",
		tag: tagCategories, summary: "Give a category another colour", description: "Its name cannot change; see POST /v1/categories/rename.",
	}, s.recolourCategory)
	handle(s, route{
		pattern: "DELETE /v1/categories/{id}", access: byUsers, class: limit.Removals, action: "category.delete",
		tag: tagCategories, summary: "Remove a category from an account's list", description: "Events keep it.",
	}, s.deleteCategory)
	handle(s, route{
		pattern: "POST /v1/categories/rename", access: byUsers, class: limit.Writes, action: "category.rename",
		tag: tagCategories, summary: "Give a category another name",
		description: "The name of a category cannot change. So the new one is created with the colour of the old one, whose customer's name becomes an alias " +
			"of the new one's customer. The old one stays, and events are not rewritten: the answer says how many of the last and the next year still carry it.",
	}, s.renameCategory)
	handle(s, route{
		pattern: "GET /v1/categories/validate", access: byUsers, class: limit.Bulk,
		tag: tagCategories, summary: "Look at the categories of the events of a period",
		description: "Changes nothing. Counts events by customer and billing type, and names every event whose categories cannot be read as they are meant.",
	}, s.validateCategories)
}

// account returns who keeps the categories that a request is about, and a calendar of the account.
func (s *server) account(ctx context.Context, in ofCategories) (who string, p Provider, lists Categories, uri calendar.URI, err error) {
	if who, err = user(ctx); err != nil {
		return "", nil, nil, uri, err
	}
	switch {
	case in.Calendar != "" && in.Config != "":
		return "", nil, nil, uri, fault.Field("calendar", "says it all; leave config out")
	case in.Calendar != "":
		uri, err = parseURI("calendar", in.Calendar)
	default:
		c, missing := s.oneConfig(ctx, who, in.Config)
		uri, err = c.Source, missing
	}
	if err != nil {
		return "", nil, nil, uri, err
	}
	if p, err = s.providerOf(ctx, who, uri); err != nil {
		return "", nil, nil, uri, err
	}
	lists, ok := p.(Categories)
	if !ok {
		return "", nil, nil, uri, fault.New(fault.Conflict, "mailboxes are reached by runs alone on this server: see to categories in Outlook")
	}
	return who, p, lists, uri, nil
}

func (s *server) listCategories(ctx context.Context, in *struct {
	Paging
	CategoryAccount
}) (*page[categoryView], error) {
	who, _, lists, uri, err := s.account(ctx, ofCategories(in.CategoryAccount))
	if err != nil {
		return nil, err
	}
	list, err := lists.Categories(ctx, uri.Account)
	if err != nil {
		return nil, err
	}
	book, err := s.Customers.Book(ctx, who)
	if err != nil {
		return nil, err
	}
	p, err := cut(in.Paging, list, func(c calendar.Category) string { return calendar.Folded(c.Name) + "\x00" + c.ID })
	if err != nil {
		return nil, err
	}
	return onePage(p.Body.Items, p.Body.Next, func(c calendar.Category) categoryView { return viewCategory(c, book) }), nil
}

func (s *server) answerCategory(ctx context.Context, who string, c calendar.Category) (*categoryAnswer, error) {
	book, err := s.Customers.Book(ctx, who)
	if err != nil {
		return nil, err
	}
	return &categoryAnswer{viewCategory(c, book)}, nil
}

func (s *server) createCategory(ctx context.Context, in *struct {
	Body struct {
		Calendar string         `json:"calendar,omitempty" doc:"URI of a calendar of the account."`
		Config   string         `json:"config,omitempty" doc:"An archive config whose source is of the account, in place of calendar."`
		Name     string         `json:"name" example:"Contoso - billable"`
		Colour   categoryColour `json:"colour,omitempty" default:"none"`
	}
}) (*categoryAnswer, error) {
	who, _, lists, uri, err := s.account(ctx, ofCategories{in.Body.Calendar, in.Body.Config})
	if err != nil {
		return nil, err
	}
	made, err := mastercategory.Create(ctx, lists, uri.Account, in.Body.Name, string(in.Body.Colour))
	if err != nil {
		return nil, err
	}
	return s.answerCategory(ctx, who, made)
}

func (s *server) recolourCategory(ctx context.Context, in *struct {
	ByIDOrName
	CategoryAccount
	Body struct {
		Colour categoryColour `json:"colour"`
	}
}) (*categoryAnswer, error) {
	who, _, lists, uri, err := s.account(ctx, ofCategories(in.CategoryAccount))
	if err != nil {
		return nil, err
	}
	if err := lists.RecolourCategory(ctx, uri.Account, in.ID, string(in.Body.Colour)); err != nil {
		return nil, err
	}
	list, err := lists.Categories(ctx, uri.Account)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(list, func(c calendar.Category) bool { return c.ID == in.ID })
	if at < 0 { // somebody deleted it at that moment
		return nil, fault.New(fault.NotFound, "there is no such category")
	}
	return s.answerCategory(ctx, who, list[at])
}

func (s *server) deleteCategory(ctx context.Context, in *struct {
	ByIDOrName
	CategoryAccount
}) (*struct{}, error) {
	_, _, lists, uri, err := s.account(ctx, ofCategories(in.CategoryAccount))
	if err != nil {
		return nil, err
	}
	return &struct{}{}, lists.DeleteCategory(ctx, uri.Account, in.ID)
}

// renamedView is mastercategory.Renamed in an answer.
type renamedView struct {
	Category categoryView `json:"category" doc:"Of the new name."`
	Created  bool         `json:"created" doc:"It was not there before."`
	Customer string       `json:"customer,omitempty" doc:"Has alias as an alias from now on."`
	Alias    string       `json:"alias,omitempty"`
	Carrying int          `json:"events" doc:"Source events of the last and the next year that still carry the old name."`
}

// carriedDays is how far back and ahead events are looked at that carry a category's old name.
const carriedDays = 365

func (s *server) renameCategory(ctx context.Context, in *struct {
	Body struct {
		Calendar string `json:"calendar,omitempty" doc:"URI of a calendar of the account."`
		Config   string `json:"config,omitempty" doc:"An archive config whose source is of the account, in place of calendar."`
		From     string `json:"from" example:"Contoso GmbH - billable"`
		To       string `json:"to" example:"Contoso - billable"`
	}
}) (*struct{ Body renamedView }, error) {
	who, p, lists, uri, err := s.account(ctx, ofCategories{in.Body.Calendar, in.Body.Config})
	if err != nil {
		return nil, err
	}
	configs, _, err := s.Configs.List(ctx, who, limit.Configs, "")
	if err != nil {
		return nil, err
	}
	now := s.Clock()
	r := mastercategory.Renaming{
		User: who, Account: uri.Account, From: in.Body.From, To: in.Body.To, Lists: lists, Customers: s.Customers, Events: p,
		Since: now.AddDate(0, 0, -carriedDays), Until: now.AddDate(0, 0, carriedDays),
	}
	if in.Body.Calendar != "" {
		r.Sources = append(r.Sources, uri)
	}
	for _, c := range configs {
		if c.Source.Provider == uri.Provider && calendar.Folded(c.Source.Account) == calendar.Folded(uri.Account) && !slices.Contains(r.Sources, c.Source) {
			r.Sources = append(r.Sources, c.Source)
		}
	}
	done, err := r.Rename(ctx)
	if err != nil {
		return nil, err
	}
	view, err := s.answerCategory(ctx, who, done.Category)
	if err != nil {
		return nil, err
	}
	return &struct{ Body renamedView }{renamedView{
		Category: view.Body, Created: done.Created, Customer: done.Customer, Alias: done.Alias, Carrying: done.Carrying,
	}}, nil
}

// validationView is mastercategory.Report in an answer.
type validationView struct {
	Calendar   string          `json:"calendar" doc:"URI of the calendar that was looked at."`
	From       string          `json:"from" format:"date"`
	To         string          `json:"to" format:"date" doc:"Last day, included."`
	Events     int             `json:"events" doc:"That were looked at: those that are neither cancelled nor declined."`
	Without    int             `json:"without_category"`
	Rows       []validatedRow  `json:"rows" nullable:"false"`
	Issues     []categoryIssue `json:"issues" nullable:"false" doc:"The first thousand."`
	IssueCount int             `json:"issue_count"`
	Unlisted   []unlistedView  `json:"unlisted" nullable:"false" doc:"Categories that events carry and the account's list does not have."`
}

type validatedRow struct {
	Customer string  `json:"customer"`
	New      bool    `json:"new,omitempty" doc:"Nobody has recorded the customer."`
	Billing  string  `json:"billing_type" enum:"billable,non-billable"`
	Events   int     `json:"events"`
	Minutes  float64 `json:"minutes" doc:"Of those that are not all-day."`
}

type categoryIssue struct {
	Date    string `json:"date" format:"date"`
	Subject string `json:"subject"`
	EventID string `json:"event_id"`
	Problem string `json:"problem"`
}

type unlistedView struct {
	Name   string `json:"name"`
	Events int    `json:"events"`
}

func (s *server) validateCategories(ctx context.Context, in *struct {
	CategoryAccount
	Period
}) (*struct{ Body validationView }, error) {
	who, p, lists, uri, err := s.account(ctx, ofCategories(in.CategoryAccount))
	if err != nil {
		return nil, err
	}
	_, profile, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	w, err := in.window(s.Clock(), profile.Settings)
	if err != nil {
		return nil, err
	}
	if w.Days() > limit.RunDays {
		return nil, fault.Field(cmp.Or(map[bool]string{true: "period"}[in.Period.Period != ""], "to"), "makes it %d days; at most %d are looked at", w.Days(),
			limit.RunDays)
	}
	info, err := p.Calendar(ctx, uri)
	if err != nil {
		return nil, err
	}
	list, err := lists.Categories(ctx, uri.Account)
	if err != nil {
		return nil, err
	}
	book, err := s.Customers.Book(ctx, who)
	if err != nil {
		return nil, err
	}
	r, err := mastercategory.Validate(ctx, p, uri.Account, info.ID, w, list, book)
	if err != nil {
		return nil, err
	}
	v := validationView{
		Calendar: uri.String(), From: w.From.String(), To: w.To.String(), Events: r.Events, Without: r.Without, Rows: []validatedRow{},
		Issues: []categoryIssue{}, IssueCount: r.IssueCount, Unlisted: []unlistedView{},
	}
	for _, row := range r.Rows {
		v.Rows = append(v.Rows, validatedRow{
			Customer: row.Customer, New: row.New, Billing: string(row.Billing), Events: row.Events, Minutes: row.Long.Minutes(),
		})
	}
	for _, i := range r.Issues {
		v.Issues = append(v.Issues, categoryIssue{Date: i.Date.String(), Subject: i.Subject, EventID: i.EventID, Problem: i.Problem})
	}
	for _, u := range r.Unlisted {
		v.Unlisted = append(v.Unlisted, unlistedView(u))
	}
	return &struct{ Body validationView }{v}, nil
}
