package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/timesheet"
)

const tagTimesheets = "timesheets"

func (s *server) timesheetRoutes() {
	handle(s, route{
		pattern: "GET /v1/timesheets", access: byUsers, tag: tagTimesheets, summary: "List timesheets, the newest first",
	}, s.listTimesheets)
	handle(s, route{
		pattern: "POST /v1/timesheets", access: byUsers, class: limit.Writes, action: "timesheet.create",
		tag: tagTimesheets, summary: "Make a timesheet of a customer and a period", success: http.StatusCreated,
		description: "A draft, which is computed from the ledger whenever it is looked at. What changed in days that are locked is on it as supplements: what was " +
			"billed is taken back, and what is true now added.",
	}, s.createTimesheet)
	handle(s, route{
		pattern: "GET /v1/timesheets/{id}", access: byUsers, tag: tagTimesheets, summary: "Show a timesheet",
	}, s.getTimesheet)
	handle(s, route{
		pattern: "DELETE /v1/timesheets/{id}", access: byUsers, class: limit.Removals, action: "timesheet.delete",
		tag: tagTimesheets, summary: "Delete a draft",
	}, s.deleteTimesheet)
	handle(s, route{
		pattern: "POST /v1/timesheets/{id}/approve", access: byUsers, class: limit.Writes, action: "timesheet.approve",
		tag: tagTimesheets, summary: "Freeze a draft as it is now",
		description: "What is in problems has to be acknowledged by a note. 409 while a run writes the ledger, and when another timesheet was approved meanwhile.",
	}, s.approveTimesheet)
	handle(s, route{
		pattern: "POST /v1/timesheets/{id}/reopen", access: byUsers, class: limit.Writes, action: "timesheet.reopen",
		tag: tagTimesheets, summary: "Make an approved timesheet a draft again",
	}, s.reopenTimesheet)
	handle(s, route{
		pattern: "POST /v1/timesheets/{id}/lock", access: byUsers, class: limit.Writes, action: "timesheet.lock",
		tag: tagTimesheets, summary: "Lock an approved timesheet for ever",
		description: "Its hash becomes a link of the ledger's chain, and its customer's days are locked. Nobody can take that back.",
	}, s.lockTimesheet)
	handle(s, route{
		pattern: "PUT /v1/timesheets/{id}/invoice", access: byUsers, class: limit.Writes, action: "timesheet.invoice",
		tag: tagTimesheets, summary: "Note the invoice of a locked timesheet, or take that back",
		description: "An empty invoice_ref takes it back.",
	}, s.invoiceTimesheet)
	handle(s, route{
		pattern: "POST /v1/timesheets/{id}/send", access: byUsers, class: limit.Writes, action: "timesheet.send",
		tag: tagTimesheets, summary: "Send an approved or locked timesheet to its customer",
		description: "A mail with the PDF, in the customer's language, to an address that the customer's record names. Answers go to the address of your " +
			"settings. With the same Idempotency-Key it is sent once, also a day later. 409 when it is not known whether an earlier mail left.",
	}, s.sendTimesheet)
	handle(s, route{
		pattern: "GET /v1/timesheets/{id}/export", access: byUsers, class: limit.Bulk,
		tag: tagTimesheets, summary: "Export a timesheet as a file", document: timesheetFile,
		description: "JSON and PDF of a locked timesheet hold what proves it: admin-assistant timesheet verify FILE checks them, without an account.",
	}, s.exportTimesheet)
}

func timesheetFile(op *huma.Operation) {
	content := map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}}
	for _, kind := range []string{
		"text/csv", "application/pdf", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	} {
		content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "The file.", Content: content}}
}

// sheetView is a timesheet with its lines.
type sheetView struct {
	TimesheetView
	Problems []string         `json:"problems" nullable:"false" doc:"Of a draft: what has to be acknowledged when it is approved."`
	Issues   []sheetIssueView `json:"issues" nullable:"false" doc:"What may be worth a look, and is no part of the sheet."`
	Sheet    sheetFormView    `json:"sheet"`
}

type sheetIssueView struct {
	Kind  string    `json:"kind" enum:"gap,reaches_in" doc:"Time without any appointment between the lines of a day; an entry that began before the period."`
	Date  string    `json:"date" format:"date"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Key   string    `json:"key,omitempty" doc:"Of the entry."`
}

// TimesheetView is a timesheet without its lines.
type TimesheetView struct {
	ID         string                `json:"id"`
	Config     string                `json:"config" doc:"Id of the archive config of whose ledger it is."`
	Customer   string                `json:"customer"`
	Timezone   string                `json:"timezone"`
	From       string                `json:"from" format:"date"`
	To         string                `json:"to" format:"date" doc:"Included."`
	State      string                `json:"state" enum:"draft,approved,locked"`
	Hash       string                `json:"hash,omitempty" doc:"SHA-256 of the sheet in its canonical form; of one that is approved."`
	Link       int                   `json:"link,omitempty" doc:"Number of the link of the ledger that locks it."`
	Head       string                `json:"head,omitempty" doc:"Hash of that link."`
	InvoiceRef string                `json:"invoice_ref,omitempty"`
	History    []timesheetChangeView `json:"history" nullable:"false"`
	Created    time.Time             `json:"created"`
}

type timesheetChangeView struct {
	At           time.Time `json:"at"`
	By           string    `json:"by"`
	State        string    `json:"state" enum:"draft,approved,locked"`
	Note         string    `json:"note,omitempty"`
	Acknowledged []string  `json:"acknowledged,omitempty" nullable:"false"`
	InvoiceRef   *string   `json:"invoice_ref,omitempty"`
	Sent         *sentView `json:"sent,omitempty" doc:"A mail with the timesheet."`
}

type sentView struct {
	To       string `json:"to"`
	Hash     string `json:"hash" doc:"Of the timesheet as it was sent."`
	Done     bool   `json:"done" doc:"The mail service took it. If not, nobody knows whether it did."`
	Returned string `json:"returned,omitempty" enum:"bounced,complained,rejected" doc:"It came back: not taken by its server; called unwanted; not sent on."`
}

// sheetFormView is timesheet.Sheet.
type sheetFormView struct {
	Period struct {
		From string `json:"from" format:"date"`
		To   string `json:"to" format:"date" doc:"Included."`
	} `json:"period"`
	Positions []sheetPositionView `json:"positions" nullable:"false"`
	Lines     []sheetLineView     `json:"lines" nullable:"false"`
	Totals    []sheetTotalView    `json:"totals" nullable:"false"`
	Billed    int64               `json:"billed_seconds"`
	Worked    int64               `json:"worked_seconds" doc:"How long the lines last together: time that they share counts once."`
	LeftOut   []sheetLeftOutView  `json:"left_out" nullable:"false"`
	Overlaps  [][]string          `json:"overlaps" nullable:"false" doc:"Pairs of keys of lines that share time."`
}

type sheetPositionView struct {
	Customer    string `json:"customer"`
	BillingType string `json:"billing_type"`
	Kind        string `json:"kind" enum:"work,travel"`
	Rate        string `json:"rate" doc:"Of an hour; empty: none."`
	Currency    string `json:"currency"`
	Seconds     int64  `json:"seconds"`
	Billed      int64  `json:"billed_seconds"`
	Amount      string `json:"amount" doc:"Empty where there is no rate."`
}

type sheetLineView struct {
	Key         string   `json:"key"`
	Version     int      `json:"version"`
	Hash        string   `json:"hash"`
	Date        string   `json:"date" format:"date"`
	Start       string   `json:"start" doc:"UTC; empty for a whole day."`
	End         string   `json:"end"`
	Customer    string   `json:"customer"`
	BillingType string   `json:"billing_type"`
	Kind        string   `json:"kind" enum:"work,travel"`
	Rate        string   `json:"rate"`
	Subject     string   `json:"subject"`
	Seconds     int64    `json:"seconds"`
	Billed      int64    `json:"billed_seconds"`
	Flags       []string `json:"flags" nullable:"false"`
	Supplements string   `json:"supplements" doc:"Line of a locked timesheet that this one takes back, or takes the place of: its hash, # and the line's number."`
}

type sheetTotalView struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

type sheetLeftOutView struct {
	Key    string `json:"key"`
	Reason string `json:"reason" enum:"private,cancelled,declined,free,all_day,no_customer"`
}

func viewTimesheet(r *timesheet.Record) TimesheetView {
	v := TimesheetView{
		ID: r.ID, Config: r.Config, Customer: r.Customer, Timezone: r.Zone, From: r.Period.From.String(), To: r.Period.To.String(), State: string(r.State),
		Hash: r.Hash, Link: r.Link, Head: r.Head, InvoiceRef: r.InvoiceRef, Created: r.Created, History: make([]timesheetChangeView, len(r.History)),
	}
	for i, c := range r.History {
		v.History[i] = timesheetChangeView{At: c.At, By: c.By, State: string(c.State), Note: c.Note, Acknowledged: c.Acknowledged, InvoiceRef: c.InvoiceRef}
		if m := c.Sent; m != nil {
			v.History[i].Sent = &sentView{m.To, m.Hash, m.Done, string(m.Returned)}
		}
	}
	return v
}

func viewSheet(s *timesheet.Sheet) (v sheetFormView) {
	v.Period.From, v.Period.To = s.Period.From.String(), s.Period.To.String()
	v.Billed, v.Worked = s.Billed, s.Worked
	v.Positions, v.Lines = make([]sheetPositionView, len(s.Positions)), make([]sheetLineView, len(s.Lines))
	v.Totals, v.LeftOut, v.Overlaps = make([]sheetTotalView, len(s.Totals)), make([]sheetLeftOutView, len(s.LeftOut)), make([][]string, len(s.Overlaps))
	for i, p := range s.Positions {
		v.Positions[i] = sheetPositionView{p.Customer, string(p.BillingType), string(p.Kind), p.Rate, p.Currency, p.Seconds, p.Billed, p.Amount}
	}
	for i, l := range s.Lines {
		flags := make([]string, len(l.Flags))
		for n, f := range l.Flags {
			flags[n] = string(f)
		}
		v.Lines[i] = sheetLineView{
			l.Key, l.Version, l.Hash, l.Date.String(), l.Start, l.End, l.Customer, string(l.BillingType), string(l.Kind), l.Rate, l.Subject, l.Seconds, l.Billed,
			flags, l.Supplements,
		}
	}
	for i, t := range s.Totals {
		v.Totals[i] = sheetTotalView(t)
	}
	for i, o := range s.LeftOut {
		v.LeftOut[i] = sheetLeftOutView{o.Key, string(o.Reason)}
	}
	for i, o := range s.Overlaps {
		v.Overlaps[i] = o[:]
	}
	return v
}

type sheetAnswer struct {
	Location string `header:"Location" doc:"Of a timesheet that was made."`
	Body     sheetView
}

func answerSheet(v *timesheet.View) *sheetAnswer {
	problems := v.Problems
	if problems == nil {
		problems = []string{}
	}
	issues := make([]sheetIssueView, len(v.Document.Issues))
	for i, o := range v.Document.Issues {
		issues[i] = sheetIssueView{string(o.Kind), o.Date.String(), o.Start, o.End, o.Key}
	}
	return &sheetAnswer{Body: sheetView{viewTimesheet(v.Record), problems, issues, viewSheet(v.Document.Sheet)}}
}

type timesheetAnswer struct{ Body TimesheetView }

func (s *server) listTimesheets(ctx context.Context, in *Paging) (*page[TimesheetView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	records, next, err := s.Timesheets.List(ctx, who, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return onePage(records, next, viewTimesheet), nil
}

func (s *server) createTimesheet(ctx context.Context, in *struct {
	Body struct {
		Config   string `json:"config,omitempty" doc:"Archive config, by id or name; may be left out where there is only one."`
		Customer string `json:"customer" maxLength:"100" doc:"Name or alias."`
		Period   string `json:"period" doc:"Days in the config's zone: last month, 2026-10-01 to 2026-10-31."`
	}
}) (*sheetAnswer, error) {
	c, err := s.onlyConfig(ctx, in.Body.Config)
	if err != nil {
		return nil, err
	}
	chosen, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	zone, err := calendar.LoadZone(c.Timezone)
	if err != nil {
		return nil, err
	}
	if in.Body.Period == "" {
		return nil, fault.Field("period", "is missing; give it as in last month, or 2026-10-01 to 2026-10-31")
	}
	w, err := window(in.Body.Period, "", "", zone, s.Clock(), chosen.Weekday())
	if err != nil {
		return nil, err
	}
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.Timesheets.Create(ctx, who, c, in.Body.Customer, timesheet.Period{From: w.From, To: w.To})
	if err != nil {
		return nil, err
	}
	out := answerSheet(v)
	out.Location = "/v1/timesheets/" + v.Record.ID
	return out, nil
}

// onlyConfig returns the config of a name or id, or the caller's only one.
func (s *server) onlyConfig(ctx context.Context, idOrName string) (c archive.Config, err error) {
	if idOrName != "" {
		return s.config(ctx, idOrName)
	}
	who, err := user(ctx)
	if err != nil {
		return c, err
	}
	all, _, err := s.Configs.List(ctx, who, 2, "")
	switch {
	case err != nil:
		return c, err
	case len(all) == 0:
		return c, fault.Field("config", "is missing, and there is no archive config; create one first")
	case len(all) > 1:
		return c, fault.Field("config", "is missing: there are several archive configs")
	}
	return all[0], nil
}

func (s *server) getTimesheet(ctx context.Context, in *ByID) (*sheetAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.Timesheets.Show(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return answerSheet(v), nil
}

func (s *server) deleteTimesheet(ctx context.Context, in *ByID) (*struct{}, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Timesheets.Delete(ctx, who, in.ID)
}

// changeTimesheet makes an answer of what a change returns.
func changeTimesheet(ctx context.Context, change func(who string) (*timesheet.Record, error)) (*timesheetAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	r, err := change(who)
	if err != nil {
		return nil, err
	}
	return &timesheetAnswer{viewTimesheet(r)}, nil
}

func (s *server) approveTimesheet(ctx context.Context, in *struct {
	ByID
	Body *struct {
		Note string `json:"note,omitempty" maxLength:"500" doc:"Why it is right to approve it although there are problems."`
	}
}) (*timesheetAnswer, error) {
	note := ""
	if in.Body != nil {
		note = in.Body.Note
	}
	return changeTimesheet(ctx, func(who string) (*timesheet.Record, error) { return s.Timesheets.Approve(ctx, who, in.ID, note) })
}

func (s *server) reopenTimesheet(ctx context.Context, in *struct {
	ByID
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}) (*timesheetAnswer, error) {
	return changeTimesheet(ctx, func(who string) (*timesheet.Record, error) {
		return s.Timesheets.Reopen(ctx, who, in.ID, in.Body.Reason)
	})
}

func (s *server) lockTimesheet(ctx context.Context, in *ByID) (*timesheetAnswer, error) {
	return changeTimesheet(ctx, func(who string) (*timesheet.Record, error) { return s.Timesheets.Lock(ctx, who, in.ID) })
}

func (s *server) invoiceTimesheet(ctx context.Context, in *struct {
	ByID
	Body struct {
		InvoiceRef string `json:"invoice_ref" maxLength:"64" doc:"Empty: there is none."`
	}
}) (*timesheetAnswer, error) {
	return changeTimesheet(ctx, func(who string) (*timesheet.Record, error) {
		return s.Timesheets.Invoice(ctx, who, in.ID, in.Body.InvoiceRef)
	})
}

func (s *server) sendTimesheet(ctx context.Context, in *struct {
	ByID
	Body struct {
		To string `json:"to" minLength:"1" maxLength:"254" doc:"One of the customer's emails." example:"billing@acme.example"`
	}
}) (*timesheetAnswer, error) {
	return changeTimesheet(ctx, func(who string) (*timesheet.Record, error) {
		return s.Timesheets.Send(ctx, who, in.ID, in.Body.To, requestKey(ctx))
	})
}

func (s *server) exportTimesheet(ctx context.Context, in *struct {
	ByID
	Format  string `query:"format" enum:"json,csv,xero,invoice-data,pdf,xlsx" default:"pdf"`
	Number  string `query:"number" maxLength:"64" doc:"For Xero: number of the invoice." example:"2026-117"`
	Date    string `query:"date" doc:"For Xero: day of the invoice; today without it." example:"2026-11-02"`
	Due     string `query:"due" doc:"For Xero: day on which it is due." example:"2026-11-16"`
	Account string `query:"account" maxLength:"64" doc:"For Xero: code of the account." example:"200"`
	Tax     string `query:"tax" maxLength:"64" doc:"For Xero: name of the tax rate." example:"20% (VAT on Income)"`
}) (*fileAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	x := timesheet.Xero{InvoiceNumber: in.Number, Account: in.Account, Tax: in.Tax}
	if in.Date != "" {
		if x.Date, err = archive.ReadDay("date", in.Date); err != nil {
			return nil, err
		}
	}
	if in.Due != "" {
		if x.Due, err = archive.ReadDay("due", in.Due); err != nil {
			return nil, err
		}
	}
	file, err := s.Timesheets.Export(ctx, who, in.ID, timesheet.Format(in.Format), x)
	if err != nil {
		return nil, err
	}
	text := s.newWhole()
	if _, err := text.Write(file.Content); err != nil {
		return nil, err
	}
	return &fileAnswer{ContentType: file.Type, Disposition: attachment(file.Name), Body: text.bytes()}, nil
}
