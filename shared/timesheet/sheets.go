package timesheet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/signing"
	"adminassistant/shared/store"
)

// Sheets keeps the timesheets of all users.
//
// Items in the store:
//
//	USER#<user> / SHEET#<id>        a sheet
//	USER#<user> / SHEETS#<config>   which sheets of a config are approved and locked
//
// The lines of an approved sheet lie in blob storage, at timesheets/<config>/<id>/<hash>.
type Sheets struct {
	Table     store.Table
	Blobs     blob.Blob
	Ledger    *ledger.Ledger
	Configs   *archive.Configs
	Customers *customer.Customers
	Actions   *action.Actions
	Signing   *signing.Installed
	Outputs   Outputs
	// Post sends sheets; without a sender none is sent.
	Post Post
	// Sender is whoever makes a user's sheets, as they stand on them.
	Sender func(ctx context.Context, user string) (Party, error)
	Clock  func() time.Time
	NewID  func() string
}

const (
	// Prefix begins the sort keys of sheets.
	Prefix     = "SHEET#"
	bookPrefix = "SHEETS#"
)

func key(user, id string) store.Key { return store.OfUser(user, Prefix+id) }

func bookKey(user, config string) store.Key { return store.OfUser(user, bookPrefix+config) }

func blobKey(r *Record, hash string) string {
	return "timesheets/" + r.Config + "/" + r.ID + "/" + strings.TrimPrefix(hash, "sha256:")
}

func item(user string, r *Record) *store.Item {
	data, err := r.unknown.Encode(r)
	if err != nil {
		panic(fmt.Sprintf("timesheet: %v", err)) // plain data
	}
	return &store.Item{Key: key(user, r.ID), Data: data}
}

func decodeRecord(item store.Item) (*Record, error) {
	r := &Record{}
	unknown, err := store.Decode(item.Data, r)
	if err != nil {
		return nil, fault.New(fault.Malformed, "timesheet %s is unreadable: %v", item.SK, err)
	}
	r.Version, r.unknown = item.Version, unknown
	return r, nil
}

func bookOf(user, config string, found []store.Item) (*book, error) {
	b := &book{}
	for _, item := range found {
		if item.Key != bookKey(user, config) {
			continue
		}
		unknown, err := store.Decode(item.Data, b)
		if err != nil {
			return nil, fault.New(fault.Malformed, "the list of timesheets of config %s is unreadable: %v", config, err)
		}
		b.stored, b.unknown = item.Version, unknown
	}
	return b, nil
}

func (b *book) op(user, config string) store.Op {
	data, err := b.unknown.Encode(b)
	if err != nil {
		panic(fmt.Sprintf("timesheet: %v", err)) // plain data
	}
	cond := store.VersionIs(b.stored)
	if b.stored == 0 {
		cond = store.Absent()
	}
	return store.Op{Put: &store.Item{Key: bookKey(user, config), Data: data}, If: cond}
}

// Get returns a user's sheet. One that the user does not have is of kind fault.NotFound.
func (s *Sheets) Get(ctx context.Context, user, id string) (*Record, error) {
	item, err := s.Table.Get(ctx, key(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "there is no timesheet %.50q", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read timesheet %s: %w", id, err)
	}
	return decodeRecord(item)
}

// List returns a page of a user's sheets, the newest first.
func (s *Sheets) List(ctx context.Context, user string, limit int, cursor string) (records []*Record, next string, err error) {
	page, err := s.Table.Query(ctx, store.Query{PK: store.UserPartition(user), Prefix: Prefix, Limit: limit, Cursor: cursor, Desc: true})
	if err != nil {
		return nil, "", fmt.Errorf("list timesheets: %w", err)
	}
	for _, item := range page.Items {
		r, err := decodeRecord(item)
		if err != nil {
			return nil, "", err
		}
		records = append(records, r)
	}
	return records, page.Next, nil
}

// View is a sheet as it is now.
type View struct {
	Record   *Record
	Document *Document
	// Problems are what has to be acknowledged when the sheet is approved; of a draft alone.
	Problems []string
	// Open is how many actions of each kind are open that are among the problems.
	Open map[action.Kind]int
}

// Create keeps a new draft for a customer of a config, named as categories or the record have it, and shows it. Errors are of kind fault.Invalid and name
// the field, or fault.Conflict where the period has days of a sheet that is approved or locked.
func (s *Sheets) Create(ctx context.Context, user string, config archive.Config, customer string, p Period) (*View, error) {
	customer = strings.TrimSpace(customer)
	if customer == "" {
		return nil, fault.Field("customer", "is missing")
	}
	if err := checkText("customer", customer, 100); err != nil {
		return nil, err
	}
	now := s.Clock().UTC()
	r := &Record{ID: s.NewID(), Config: config.ID, Customer: customer, Zone: config.Timezone, Period: p, State: Draft, Made: now, Created: now}
	r.note(Change{At: now, By: user, State: Draft})
	v, _, err := s.draft(ctx, user, r)
	if err != nil {
		return nil, err
	}
	r.Customer = v.Document.To.Name
	put := store.Op{Put: item(user, r), If: store.Absent()}
	if err := s.Table.Transact(ctx, []store.Op{put}); err != nil {
		return nil, fmt.Errorf("store the timesheet: %w", err)
	}
	r.Version = 1
	return v, nil
}

// Show returns a sheet: a draft as it is computed now, another one as it was frozen.
func (s *Sheets) Show(ctx context.Context, user, id string) (*View, error) {
	r, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if r.State == Draft {
		v, _, err := s.draft(ctx, user, r)
		return v, err
	}
	f, err := s.frozen(ctx, r, r.Hash)
	if err != nil {
		return nil, err
	}
	zone, err := calendar.LoadZone(r.Zone)
	if err != nil {
		return nil, err
	}
	v := &View{Record: r, Document: r.document(&f.Sheet, r.Paper, zone)}
	v.Document.Issues = f.Issues
	return v, nil
}

// frozen reads the lines of an approved sheet.
func (s *Sheets) frozen(ctx context.Context, r *Record, hash string) (*frozen, error) {
	from, err := s.Blobs.Get(ctx, blobKey(r, hash))
	if err != nil {
		return nil, fmt.Errorf("read the lines of timesheet %s: %w", r.ID, err)
	}
	defer from.Close()
	data, err := io.ReadAll(from)
	if err != nil {
		return nil, fmt.Errorf("read the lines of timesheet %s: %w", r.ID, err)
	}
	f := &frozen{}
	if err := json.Unmarshal(data, f); err != nil || f.Sheet.Hash() != hash || len(f.Places) != len(f.Sheet.Lines) {
		return nil, fault.New(fault.Malformed, "the lines of timesheet %s are not what was approved", r.ID)
	}
	return f, nil
}

// basis is what a draft was computed from.
type basis struct {
	book   *book
	head   ledger.Head
	found  []store.Item     // head, book and the head of the audit log
	places []ledger.Version // of the lines
	paper  Paper
	names  []string           // of the customer, folded and sorted
	others map[string]*frozen // sheets of the customer that are approved or locked, by their hashes
}

// draft computes a sheet from what the ledger has now.
func (s *Sheets) draft(ctx context.Context, user string, r *Record) (*View, *basis, error) {
	zone, err := calendar.LoadZone(r.Zone)
	if err != nil {
		return nil, nil, err
	}
	window, err := calendar.NewWindow(r.Period.From, r.Period.To, zone)
	if err != nil {
		return nil, nil, err
	}
	b := &basis{}
	if err := s.begin(ctx, user, r.Config, b); err != nil {
		return nil, nil, err
	}
	customers, err := s.Customers.Book(ctx, user)
	if err != nil {
		return nil, nil, err
	}
	of := customers.Find(r.Customer)
	terms := Terms{Zone: zone, Period: r.Period, Customer: customers.Named(r.Customer), Named: customers.Named, LeaveOut: idle}
	terms.priced(of)
	if b.paper, err = s.paper(ctx, user, r, of, &terms); err != nil {
		return nil, nil, err
	}
	b.names = namesOf(r.Customer, of)
	bounds, err := s.lockedFor(ctx, r, b, &terms)
	if err != nil {
		return nil, nil, err
	}
	span := ledger.Span{From: window.Start(), To: window.End()}
	standing, err := s.standing(ctx, r.Config, span)
	if err != nil {
		return nil, nil, err
	}
	if len(bounds) > 0 {
		changed, err := s.changed(ctx, r.Config, b, bounds)
		if err != nil {
			return nil, nil, err
		}
		there := map[string]bool{}
		for i := range standing {
			there[standing[i].Key] = true
		}
		for key, e := range changed {
			if e != nil && !there[key] {
				standing = append(standing, *e)
			}
		}
		terms.Changed = func(key string) bool { _, ok := changed[key]; return ok }
	}
	entries := make([]Entry, len(standing))
	places := make(map[string]ledger.Version, len(standing))
	for i := range standing {
		e := &standing[i]
		entries[i] = Entry{Key: e.Key, Version: e.Version, Hash: e.Hash, Appointment: e.Appointment}
		places[lineName(e.Key, e.Version)] = e.Place()
	}
	sheet, issues, err := reckon(entries, &terms)
	if fault.FieldOf(err) == "period" {
		return nil, nil, fault.New(fault.Conflict, "%s", err)
	}
	if err != nil {
		return nil, nil, err
	}
	for i := range sheet.Lines {
		l := &sheet.Lines[i]
		place := places[lineName(l.Key, l.Version)]
		if l.Reverses() { // a version that stands no longer
			place = b.placeOf(l.Supplements)
		}
		b.places = append(b.places, place)
	}
	shown := *r
	d := shown.document(sheet, b.paper, zone)
	d.Issues = issues
	v := &View{Record: r, Document: d}
	if v.Problems, v.Open, err = s.problems(ctx, user, r, sheet, span); err != nil {
		return nil, nil, err
	}
	return v, b, nil
}

// begin reads what every change of a sheet depends on, in one request.
func (s *Sheets) begin(ctx context.Context, user, config string, b *basis) (err error) {
	if b.found, err = s.Table.GetMany(ctx, []store.Key{bookKey(user, config), ledger.HeadKey(config), audit.HeadKey(user)}); err != nil {
		return fmt.Errorf("read the timesheets: %w", err)
	}
	if b.book, err = bookOf(user, config, b.found); err != nil {
		return err
	}
	b.head, err = ledger.HeadOf(config, b.found)
	return err
}

// placeOf is where the ledger has the entry of a line of another sheet, named as in Line.Supplements.
func (b *basis) placeOf(name string) ledger.Version {
	hash, number, _ := strings.Cut(name, "#")
	n, err := strconv.Atoi(number)
	if f := b.others[hash]; f != nil && err == nil && n >= 1 && n <= len(f.Places) {
		return f.Places[n-1]
	}
	return ledger.Version{}
}

// paper is what the sheet says beside its lines, as it is known now.
func (s *Sheets) paper(ctx context.Context, user string, r *Record, c *customer.Customer, t *Terms) (p Paper, err error) {
	if p.From, err = s.Sender(ctx, user); err != nil {
		return p, err
	}
	p.To, p.Rounding = partyOf(r.Customer, c), t.Rounding
	if c != nil {
		p.Locale, p.BuyerReference, p.OrderNumber = c.Language(), c.BuyerReference, c.OrderNumber
	}
	return p, nil
}

// standing are the entries of a span that are archived.
func (s *Sheets) standing(ctx context.Context, config string, span ledger.Span) ([]ledger.Entry, error) {
	all, err := s.Ledger.AsOf(ctx, config, span, time.Time{})
	return slices.DeleteFunc(all, func(e ledger.Entry) bool { return e.Outcome != ledger.Archived }), err
}

// changed are the entries in the periods of other sheets that may be others than these have, by their keys; nil: one that stands no longer. They are those
// that links changed which the sheets do not know, and those of names that were not the customer's then, or are not any more. Bounds are in the order in
// which the sheets were approved.
func (s *Sheets) changed(ctx context.Context, config string, b *basis, bounds []boundWindow) (map[string]*ledger.Entry, error) {
	changed, err := s.Ledger.Now(ctx, config, bounds[0].through, func(start time.Time, seq int) bool {
		return slices.ContainsFunc(bounds, func(w boundWindow) bool { return w.has(start, seq, b.head.Longest) })
	})
	if err != nil {
		return nil, err
	}
	names := renamed(bounds, b.names)
	if len(names) == 0 {
		return changed, nil
	}
	span := ledger.Span{From: bounds[0].from, To: bounds[0].to}
	for _, w := range bounds {
		if w.from.Before(span.From) {
			span.From = w.from
		}
		span.To = later(span.To, w.to)
	}
	all, err := s.standing(ctx, config, span)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if e := &all[i]; names[calendar.Folded(e.Appointment.Customer)] {
			changed[e.Key] = e
		}
	}
	return changed, nil
}

// renamed are the names that the customer of sheets has won or lost since they were approved. The last of them has settled what its names changed for the
// others.
func renamed(bounds []boundWindow, now []string) map[string]bool {
	names := map[string]bool{}
	if slices.Equal(bounds[len(bounds)-1].names, now) {
		return names
	}
	for _, w := range bounds {
		for _, name := range slices.Concat(w.names, now) {
			if w.names != nil && (!slices.Contains(now, name) || !slices.Contains(w.names, name)) {
				names[name] = true
			}
		}
	}
	return names
}

// namesOf are all names of a customer, as calendar.Folded gives them, sorted.
func namesOf(name string, c *customer.Customer) []string {
	names := []string{name}
	if c != nil {
		names = c.Names()
	}
	for i := range names {
		names[i] = calendar.Folded(names[i])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// boundWindow is when the entries of a sheet that is approved start, the link up to which it has what changed, and the names of its customer then; nil: they
// are not known.
type boundWindow struct {
	from, to time.Time
	through  int
	names    []string
}

// has says whether a version that starts then, and was sealed by that link, may be one that the sheet does not know. Entries of whole days may begin before
// the period that they reach into.
func (w boundWindow) has(start time.Time, seq int, longest time.Duration) bool {
	return seq > w.through && !start.Before(w.from.Add(-longest)) && start.Before(w.to)
}

// lockedFor puts the other sheets of the record's customer that are approved or locked into the terms, in the order in which they were approved: what they
// settle is not settled again.
func (s *Sheets) lockedFor(ctx context.Context, r *Record, b *basis, t *Terms) (windows []boundWindow, err error) {
	b.others = map[string]*frozen{}
	for _, other := range b.book.Sheets {
		if other.ID == r.ID || !t.same(other.Customer, t.Customer) {
			continue
		}
		if other.Period.overlaps(t.Period) {
			return nil, fault.New(fault.Conflict, "timesheet %s is %s, and has days of the period: %s to %s", other.ID, other.State, other.Period.From,
				other.Period.To)
		}
		f, err := s.frozen(ctx, &Record{ID: other.ID, Config: r.Config}, other.Hash)
		if err != nil {
			return nil, err
		}
		b.others[other.Hash] = f
		rounding := f.Rounding
		if rounding == nil {
			rounding = []Rounding{}
		}
		t.Locked = append(t.Locked, Locked{Sheet: f.Sheet, Customer: other.Customer, Rounding: rounding})
		w := calendar.Window{From: other.Period.From, To: other.Period.To, Zone: t.Zone}
		windows = append(windows, boundWindow{w.Start(), w.End(), other.Through, f.Names})
	}
	return windows, nil
}

// asking are the kinds of actions that leave open what a day was.
var asking = []action.Kind{action.Overlap, action.Drift, action.OrphanModification, action.MissingCategory, action.StaleDecision}

// problems are what whoever approves a sheet has to know of, and how many actions of each kind are open among them.
func (s *Sheets) problems(
	ctx context.Context, user string, r *Record, sheet *Sheet, span ledger.Span,
) (problems []string, open map[action.Kind]int, err error) {
	if n := len(sheet.Overlaps); n > 0 {
		pairs := fmt.Sprintf("%d pairs of lines share", n)
		if n == 1 {
			pairs = "1 pair of lines shares"
		}
		problems = append(problems, pairs+" time, which is billed for both")
	}
	if n := len(sheet.Doubled()); n > 0 {
		days := fmt.Sprintf("%d days have", n)
		if n == 1 {
			days = "1 day has"
		}
		problems = append(problems, days+" a line of the whole day beside others, which are all billed")
	}
	counts := map[action.Kind]int{}
	for cursor := ""; ; {
		actions, next, err := s.Actions.List(ctx, user, action.Filter{State: action.Open, Config: r.Config, From: span.From, To: span.To}, 100, cursor)
		if err != nil {
			return nil, nil, err
		}
		for _, a := range actions {
			counts[a.Kind]++
		}
		if cursor = next; next == "" {
			break
		}
	}
	open = map[action.Kind]int{}
	for _, kind := range asking {
		if n := counts[kind]; n > 0 {
			open[kind] = n
			problems = append(problems, fmt.Sprintf("%d open action%s of kind %s", n, map[bool]string{true: "s"}[n > 1], kind))
		}
	}
	return problems, open, nil
}

// Approve freezes a draft as it is now. Where there are problems, the note says why that is right. A sheet that is no draft is of kind
// fault.Conflict, as is one while a run writes the ledger; a note that is missing is of kind fault.Invalid. When somebody else changed a sheet of the
// config or its ledger meanwhile, the error is store.ErrConflict.
func (s *Sheets) Approve(ctx context.Context, user, id, note string) (*Record, error) {
	return s.ApproveSeen(ctx, user, id, note, "")
}

// ErrChanged means that a draft is not any more what whoever approves it saw.
var ErrChanged = fault.New(fault.Conflict, "the timesheet has changed since you looked at it; look at it again")

// ApproveSeen is Approve by somebody who saw the draft when its Sheet.Hash was the given one; empty: whatever it is. When it is another one by now, the
// error is ErrChanged.
func (s *Sheets) ApproveSeen(ctx context.Context, user, id, note, hash string) (*Record, error) {
	if err := checkText("note", note, maxNote); err != nil {
		return nil, err
	}
	r, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if r.State != Draft {
		return nil, r.errState(Draft, "approved")
	}
	v, b, err := s.draft(ctx, user, r)
	if err != nil {
		return nil, err
	}
	switch {
	case hash != "" && v.Document.Sheet.Hash() != hash:
		return nil, ErrChanged
	case b.head.Open != "":
		return nil, fault.New(fault.Conflict, "run %s is writing the ledger; approve the timesheet when it has ended", b.head.Open)
	case len(v.Problems) > 0 && strings.TrimSpace(note) == "":
		return nil, fault.Field("note", "is needed to approve the timesheet: %s; say why that is right", strings.Join(v.Problems, ", "))
	}
	f := frozen{Sheet: *v.Document.Sheet, Places: b.places, Rounding: b.paper.Rounding, Issues: v.Document.Issues, Names: b.names}
	data, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("freeze the timesheet: %w", err)
	}
	now := s.Clock().UTC()
	next := *r
	next.State, next.Made, next.Paper, next.Hash, next.Through, next.Customer = Approved, now, b.paper, f.Sheet.Hash(), b.head.Seq, b.paper.To.Name
	next.note(Change{At: now, By: user, State: Approved, Note: note, Acknowledged: v.Problems})
	if err := s.Blobs.Put(ctx, blobKey(&next, next.Hash), bytes.NewReader(data)); err != nil {
		return nil, fmt.Errorf("store the lines of the timesheet: %w", err)
	}
	b.book.Sheets = append(b.book.Sheets, bound{next.ID, next.Customer, next.Period, Approved, next.Hash, next.Through})
	return s.store(ctx, user, &next, b.book, b.head.Unchanged(r.Config))
}

// store keeps a record that changed, with the book of its config, if other operations, too, are carried out.
func (s *Sheets) store(ctx context.Context, user string, r *Record, b *book, others ...store.Op) (*Record, error) {
	ops := append([]store.Op{{Put: item(user, r), If: store.VersionIs(r.Version)}}, others...)
	if b != nil {
		ops = append(ops, b.op(user, r.Config))
	}
	if err := s.Table.Transact(ctx, ops); err != nil {
		return nil, fmt.Errorf("store the timesheet: %w", err)
	}
	r.Version++
	return r, nil
}

// refersTo returns the sheet of a book whose lines supplement another one, by its hash; nil: none does.
func (s *Sheets) refersTo(ctx context.Context, config string, b *book, hash string) (*bound, error) {
	for i := range b.Sheets {
		other := &b.Sheets[i]
		if other.Hash == hash {
			continue
		}
		f, err := s.frozen(ctx, &Record{ID: other.ID, Config: config}, other.Hash)
		if err != nil {
			return nil, err
		}
		if f.Sheet.supplements(hash) {
			return other, nil
		}
	}
	return nil, nil
}

// supplements says whether a line of the sheet supplements the sheet of a hash.
func (s *Sheet) supplements(hash string) bool {
	return slices.ContainsFunc(s.Lines, func(l Line) bool { name, _, _ := strings.Cut(l.Supplements, "#"); return name == hash })
}

// Reopen makes an approved sheet a draft again. What its supplements had reserved is free. A sheet that is not approved, or that a later one
// supplements, is of kind fault.Conflict; a reason that is missing is of kind fault.Invalid.
func (s *Sheets) Reopen(ctx context.Context, user, id, reason string) (*Record, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, fault.Field("reason", "is missing: say why the timesheet becomes a draft again")
	}
	if err := checkText("reason", reason, maxNote); err != nil {
		return nil, err
	}
	r, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if r.State == Final {
		return nil, fault.New(fault.Conflict, "timesheet %s is locked, and stays as it is; what changes is settled by the customer's next timesheet", r.ID)
	}
	if r.State != Approved {
		return nil, r.errState(Approved, "reopened")
	}
	var b basis
	if err := s.begin(ctx, user, r.Config, &b); err != nil {
		return nil, err
	}
	later, err := s.refersTo(ctx, r.Config, b.book, r.Hash)
	if err != nil {
		return nil, err
	}
	if later != nil {
		return nil, fault.New(fault.Conflict, "timesheet %s supplements this one; reopen that one first", later.ID)
	}
	now := s.Clock().UTC()
	old := *r
	r.State, r.Made, r.Paper, r.Hash, r.Through = Draft, now, Paper{}, "", 0
	r.note(Change{At: now, By: user, State: Draft, Note: reason})
	b.book.Sheets = slices.DeleteFunc(b.book.Sheets, func(o bound) bool { return o.ID == r.ID })
	if r, err = s.store(ctx, user, r, b.book); err != nil {
		return nil, err
	}
	_ = s.Blobs.Delete(ctx, blobKey(&old, old.Hash)) // nothing refers to it any more; what stays goes with the user
	return r, nil
}

// Lock locks an approved sheet for ever, and the days of its customer in the ledger, which gets a link with the sheet's hash. A sheet that is not
// approved is of kind fault.Conflict, as is one whose supplements are of a sheet that is not locked, and one while a run writes the ledger. When
// something changed meanwhile, the error is store.ErrConflict.
func (s *Sheets) Lock(ctx context.Context, user, id string) (*Record, error) {
	r, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if r.State != Approved {
		return nil, r.errState(Approved, "locked")
	}
	var b basis
	if err := s.begin(ctx, user, r.Config, &b); err != nil {
		return nil, err
	}
	f, err := s.frozen(ctx, r, r.Hash)
	if err != nil {
		return nil, err
	}
	zone, err := s.traced(ctx, r, f)
	if err != nil {
		return nil, err
	}
	for _, other := range b.book.Sheets {
		if other.State != Final && other.ID != r.ID && f.Sheet.supplements(other.Hash) {
			return nil, fault.New(fault.Conflict, "the timesheet supplements timesheet %s; lock that one first", other.ID)
		}
	}
	customers, err := s.Customers.Book(ctx, user)
	if err != nil {
		return nil, err
	}
	names := []string{r.Customer}
	if c := customers.Find(r.Customer); c != nil {
		names = c.Names()
	}
	if err := s.Ledger.Check(ctx, r.Config, &b.head); err != nil {
		return nil, err
	}
	now := s.Clock().UTC()
	ending := ledger.Ending{Run: r.ID, Sheet: r.Hash, Time: now}
	if ending.Audit.Seq, ending.Audit.Hash, err = audit.HeadOf(user, b.found); err != nil {
		return nil, err
	}
	days := ledger.Days{From: r.Period.From, To: r.Period.To}
	err = s.Ledger.LockSheet(ctx, r.Config, &b.head, names, days, ending, func(link *ledger.Sealing) ([]store.Op, error) {
		r.State, r.Made, r.Link, r.Head = Final, now, link.Seq(), link.Hash()
		r.note(Change{At: now, By: user, State: Final})
		mine := b.book.find(r.ID)
		if mine == nil {
			return nil, fault.New(fault.Malformed, "the list of timesheets does not have %s", r.ID)
		}
		mine.State = Final
		return []store.Op{{Put: item(user, r), If: store.VersionIs(r.Version)}, b.book.op(user, r.Config)}, nil
	})
	if err != nil {
		return nil, err
	}
	r.Version++
	// What the paper says is sealed along with the lines. If that fails now, it is sealed when somebody asks for the file.
	_, _ = s.File(ctx, r, r.document(&f.Sheet, r.Paper, zone))
	return r, nil
}

// traced says whether the lines of an approved sheet are what the ledger has of their entries, and add up. Those that do not are of kind fault.Malformed.
func (s *Sheets) traced(ctx context.Context, r *Record, f *frozen) (*time.Location, error) {
	zone, err := calendar.LoadZone(r.Zone)
	if err != nil {
		return nil, err
	}
	entries, err := s.Ledger.Pick(ctx, r.Config, f.Places)
	if err != nil {
		return nil, err
	}
	facts := make(map[string]*ledger.Facts, len(entries))
	for i := range entries {
		of := entries[i].Facts()
		facts[lineName(of.Key, of.Version)] = &of
	}
	if problem := f.Sheet.untrue(facts, zone, r.Paper.Rounding); problem != "" {
		return nil, fault.New(fault.Malformed, "the lines of timesheet %s are not what the ledger has: %s; reopen it", r.ID, problem)
	}
	return zone, nil
}

// Invoice sets the reference of the invoice for a locked sheet, or takes it back with an empty one. No line changes by that.
func (s *Sheets) Invoice(ctx context.Context, user, id, ref string) (*Record, error) {
	ref = strings.TrimSpace(ref)
	if err := checkText("invoice_ref", ref, maxInvoice); err != nil {
		return nil, err
	}
	if strings.Contains(ref, "\n") {
		return nil, fault.Field("invoice_ref", "must be one line")
	}
	r, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if r.State != Final {
		return nil, r.errState(Final, "given an invoice")
	}
	if r.InvoiceRef == ref {
		return r, nil
	}
	r.InvoiceRef = ref
	r.note(Change{At: s.Clock().UTC(), By: user, State: r.State, InvoiceRef: &ref})
	return s.store(ctx, user, r, nil)
}

// Delete forgets a draft. Others are of kind fault.Conflict.
func (s *Sheets) Delete(ctx context.Context, user, id string) error {
	r, err := s.Get(ctx, user, id)
	if err != nil {
		return err
	}
	if r.State != Draft {
		return r.errState(Draft, "deleted")
	}
	gone := key(user, id)
	if err := s.Table.Transact(ctx, []store.Op{{Delete: &gone, If: store.VersionIs(r.Version)}}); err != nil {
		return fmt.Errorf("delete the timesheet: %w", err)
	}
	return nil
}

// Hashes returns those of a config's locked sheets by their ids.
func (s *Sheets) Hashes(ctx context.Context, user, config string) (map[string]string, error) {
	items, err := store.All(ctx, s.Table, store.Query{PK: store.UserPartition(user), Prefix: Prefix})
	if err != nil {
		return nil, fmt.Errorf("list timesheets: %w", err)
	}
	hashes := map[string]string{}
	for _, item := range items {
		r, err := decodeRecord(item)
		if err != nil || r.Config != config || r.State != Final {
			continue // one that is unreadable is missing
		}
		if _, err := s.frozen(ctx, r, r.Hash); err != nil {
			hashes[r.ID] = "" // not what the link has
			continue
		}
		hashes[r.ID] = r.Hash
	}
	return hashes, nil
}

// ApprovedDays returns the days of a config that are on sheets which are approved and not locked, by all names of their customers.
func (s *Sheets) ApprovedDays(ctx context.Context, user, config string) (ledger.Locks, error) {
	found, err := s.Table.GetMany(ctx, []store.Key{bookKey(user, config)})
	if err != nil {
		return nil, fmt.Errorf("read the timesheets: %w", err)
	}
	b, err := bookOf(user, config, found)
	if err != nil || len(b.Sheets) == 0 {
		return nil, err
	}
	customers, err := s.Customers.Book(ctx, user)
	if err != nil {
		return nil, err
	}
	days := ledger.Locks{}
	for _, sheet := range b.Sheets {
		if sheet.State != Approved {
			continue
		}
		names := []string{sheet.Customer}
		if c := customers.Find(sheet.Customer); c != nil {
			names = c.Names()
		}
		for _, name := range names {
			name = calendar.Folded(name)
			days[name] = append(days[name], ledger.Days{From: sheet.Period.From, To: sheet.Period.To})
		}
	}
	return days, nil
}

// Erase removes the sheets of a user, readable or not.
func Erase(ctx context.Context, table store.Table, blobs blob.Blob, user string) error {
	all := store.Query{PK: store.UserPartition(user), Prefix: strings.TrimSuffix(Prefix, "#")} // and the lists of them
	items, err := store.All(ctx, table, all)
	if err != nil {
		return fmt.Errorf("erase timesheets: %w", err)
	}
	configs := map[string]bool{}
	for _, item := range items {
		if config, ok := strings.CutPrefix(item.SK, bookPrefix); ok {
			configs[config] = true
		} else if r, err := decodeRecord(item); err == nil {
			configs[r.Config] = true
		}
	}
	for config := range configs {
		objects, err := blobs.List(ctx, "timesheets/"+config+"/")
		if err != nil {
			return fmt.Errorf("erase timesheets: %w", err)
		}
		for _, o := range objects {
			if err := blobs.Delete(ctx, o.Key); err != nil {
				return fmt.Errorf("erase timesheets: %w", err)
			}
		}
	}
	if err := store.Clear(ctx, table, all); err != nil {
		return fmt.Errorf("erase timesheets: %w", err)
	}
	return nil
}
