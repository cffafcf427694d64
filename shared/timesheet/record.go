package timesheet

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/store"
)

// Record is what is kept of a sheet beside its lines.
type Record struct {
	ID       string    `json:"id"`
	Config   string    `json:"config"`
	Customer string    `json:"customer"` // name, as it was when the sheet was made, or approved
	Zone     string    `json:"timezone"` // IANA
	Period   Period    `json:"period"`
	State    State     `json:"state"`
	Made     time.Time `json:"made"` // when it got its state

	// All that follows is set when the sheet is approved, and empty while it is a draft.
	Paper   Paper  `json:"paper,omitzero"`
	Hash    string `json:"hash,omitempty"`    // of the frozen sheet
	Through int    `json:"through,omitempty"` // number of the newest link of the ledger of which the sheet has what it changed
	Link    int    `json:"link,omitempty"`    // that locks the sheet
	Head    string `json:"head,omitempty"`    // hash of that link

	InvoiceRef string    `json:"invoice_ref,omitempty"`
	History    []Change  `json:"history"`
	Created    time.Time `json:"created"`

	// Version counts the changes of the record, for optimistic concurrency.
	Version int64 `json:"-"`
	unknown store.Unknown
}

// Paper is what a sheet says beside its lines, as it was when the sheet was approved.
type Paper struct {
	From           Party      `json:"from"`
	To             Party      `json:"to"`
	Locale         string     `json:"locale,omitempty"`
	BuyerReference string     `json:"buyer_reference,omitempty"`
	OrderNumber    string     `json:"order_number,omitempty"`
	Rounding       []Rounding `json:"rounding,omitempty"`
}

// Change is one entry of a sheet's history.
type Change struct {
	At    time.Time `json:"at"`
	By    string    `json:"by"`    // Principal.Key
	State State     `json:"state"` // from then on
	Note  string    `json:"note,omitempty"`
	// Acknowledged is what whoever approved the sheet knew of.
	Acknowledged []string `json:"acknowledged,omitempty"`
	InvoiceRef   *string  `json:"invoice_ref,omitempty"` // set to, or taken back
	Sent         *Sent    `json:"sent,omitempty"`
}

const (
	maxNote    = 500
	maxInvoice = 64
	maxHistory = 200
)

// note adds to the history. The first entry and the newest ones stay.
func (r *Record) note(c Change) {
	r.History = append(r.History, c)
	if n := len(r.History); n > maxHistory {
		r.History = slices.Delete(r.History, 1, 1+n-maxHistory)
	}
}

// checkText checks a note or a reference: one line, or with lines of its own.
func checkText(field, text string, most int) error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > most {
		return fault.Field(field, "must have at most %d characters", most)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
		return fault.Field(field, "must have no control characters")
	}
	return nil
}

// frozen are the lines of an approved sheet, as they lie in blob storage.
type frozen struct {
	Sheet Sheet `json:"sheet"`
	// Places are where the ledger has the entries of the lines, in their order.
	Places   []ledger.Version `json:"places"`
	Rounding []Rounding       `json:"rounding,omitempty"`
	Issues   []Issue          `json:"issues,omitempty"`
	// Names are those that the customer had, as calendar.Folded gives them, sorted: entries of other names were another customer's.
	Names []string `json:"names,omitempty"`
}

// book lists the sheets of a config that are approved or locked. It changes with each of them, so that no two change at once.
type book struct {
	Sheets []bound `json:"sheets"`

	stored  int64
	unknown store.Unknown
}

// bound is what a book has of a sheet.
type bound struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Period   Period `json:"period"`
	State    State  `json:"state"`
	Hash     string `json:"hash"`
	Through  int    `json:"through"`
}

func (b *book) find(id string) *bound {
	if i := slices.IndexFunc(b.Sheets, func(s bound) bool { return s.ID == id }); i >= 0 {
		return &b.Sheets[i]
	}
	return nil
}

// partyOf is a customer as a paper has it.
func partyOf(name string, c *customer.Customer) Party {
	if c == nil {
		return Party{Name: name}
	}
	p := Party{Name: c.Name, Lines: c.Lines}
	if len(c.Emails) > 0 {
		p.Email = c.Emails[0]
	}
	return p
}

// priced puts what a customer pays into terms.
func (t *Terms) priced(c *customer.Customer) {
	if c == nil {
		return
	}
	t.Currency, t.DayMinutes = c.Currency, c.DayMinutes
	for _, r := range c.Rates {
		t.Rates = append(t.Rates, Rate(r))
	}
	for _, r := range c.Rounding {
		t.Rounding = append(t.Rounding, Rounding(r))
	}
}

// Document is what a sheet's outputs are made of.
func (r *Record) document(sheet *Sheet, p Paper, zone *time.Location) *Document {
	d := &Document{
		Sheet: sheet, ID: r.ID, State: r.State, Zone: zone, Locale: p.Locale, From: p.From, To: p.To, Made: r.Made, BuyerReference: p.BuyerReference,
		OrderNumber: p.OrderNumber, InvoiceRef: r.InvoiceRef, Rounding: p.Rounding,
	}
	if r.State != Draft {
		d.Seal = Seal{Hash: r.Hash, Link: r.Link, Head: r.Head}
	}
	return d
}

// errState says that a sheet is not in the state that something needs.
func (r *Record) errState(needs State, what string) error {
	return fault.New(fault.Conflict, "timesheet %s is %s; only one that is %s can be %s", r.ID, r.State, needs, what)
}
