// Package run knows what every kind of run shares: its states, progress and items, the lease that lets one run at a time touch
// an archive calendar, the queue messages that name a run, and the worker that carries runs out.
//
// Items in the store:
//
//	USER#<user> / RUN#<ulid>            a run; in the index as RUNS#<config> / <ulid>
//	RUN#<id> / ITEM#<page>              its items, a page each
//	ACTIVE#<config> / <see Run.same>    the run that is under way for a window
//	LEASE#<archive calendar> / LEASE    who may write the calendar now
//
// A run that belongs to no config has <user>#<SHA-256 of its calendar's URI> in the place of one.
package run

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/store"
)

// Kind says what a run does.
type Kind string

const (
	Archive Kind = "archive" // copies a window of the source calendar into the archive
	Backup  Kind = "backup"  // copies a calendar into files
	Restore Kind = "restore" // puts what a file holds into a calendar
	Decide  Kind = "decide"  // carries out what a user decided about appointments
	Undo    Kind = "undo"    // takes back what another run did
	Verify  Kind = "verify"  // compares the archive calendar with the ledger, and that with its chain
	Repair  Kind = "repair"  // brings archive calendar and ledger together where they differ
	Import  Kind = "import"  // puts a file into a local calendar, all of it or nothing
	Drill   Kind = "drill"   // restores the newest backup of a calendar beside it, compares, and removes what it made
)

// State of a run.
type State string

const (
	Queued    State = "queued"
	Running   State = "running"
	Succeeded State = "succeeded"
	Partial   State = "partial" // ended; some items failed
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Ended says whether nothing more will happen to the run.
func (s State) Ended() bool { return s != Queued && s != Running }

// Progress says how far a run is.
type Progress struct {
	Phase   string `json:"phase" doc:"What the run is doing: waiting (for another), reading, planning, writing, comparing, sealing, or done."`
	Done    int    `json:"done"`
	Total   int    `json:"total"`
	Percent int    `json:"percent" minimum:"0" maximum:"100"`
}

// NewProgress computes the percentage; a phase without a total counts as not begun.
func NewProgress(phase string, done, total int) Progress {
	p := Progress{Phase: phase, Done: done, Total: total}
	if total > 0 {
		p.Percent = 100 * done / total
	}
	return p
}

// Options of a run.
type Options struct {
	DryRun bool `json:"dry_run,omitempty" doc:"Make the plan and write nothing."`
	Force  bool `json:"force,omitempty" doc:"Go on although the window shrank against the ledger."`
	// Replace says that an archive run writes what differs from what is archived, although the archive else stays as it is.
	Replace bool `json:"replace,omitempty" doc:"Archive the period anew: what differs is replaced, but for what was decided and what is locked."`
	Adopt   bool `json:"adopt,omitempty" doc:"Use an archive calendar that holds other events, and take copies of another ledger over into this one."`
}

// Problem is why a run or an item failed, in words for the user.
type Problem struct {
	Code   string `json:"code" doc:"Kind of failure, a stable word."`
	Detail string `json:"detail"`
}

// OutOfReach is the code of the problem of a run that could not reach a mailbox.
const OutOfReach = "mailbox_out_of_reach"

// NewProblem describes err for the user. The text of an internal error is not for users.
func NewProblem(err error) *Problem {
	kind := fault.Of(err)
	if !kind.Public() {
		return &Problem{Code: kind.String(), Detail: "something went wrong on our side; the log has the details"}
	}
	if errors.Is(err, calendar.ErrOutOfReach) {
		return &Problem{Code: OutOfReach, Detail: err.Error()}
	}
	return &Problem{Code: kind.String(), Detail: err.Error()}
}

// ours says whether a run that failed with the problem did so for no fault of its user. One without a problem was stopped for what it found.
func (p *Problem) ours() bool {
	return p != nil && slices.Contains([]string{
		fault.Internal.String(), fault.Malformed.String(), fault.Throttled.String(), fault.Unavailable.String(),
	}, p.Code)
}

// Run is one execution.
type Run struct {
	ID     string `json:"id"`
	User   string `json:"user"` // account.Principal.Key
	Kind   Kind   `json:"kind"`
	Config string `json:"config"` // id of the archive config; empty: of none
	// Calendar is the URI of the calendar that a run of another kind than Archive is about.
	Calendar string        `json:"calendar,omitempty"`
	From     calendar.Date `json:"from"` // first day of the window; with To, zero: all there is
	To       calendar.Date `json:"to"`   // last day, included
	Options  Options       `json:"options"`
	// Input is what else the kind of run needs to know; see backup.Input.
	Input     json.RawMessage `json:"input,omitempty"`
	AttemptOf string          `json:"attempt_of,omitempty"` // the run whose failed items this one retries
	Job       string          `json:"job,omitempty"`        // the job that started it
	Lease     string          `json:"lease,omitempty"`      // name of the lease that it took last
	// FormerLeases are the names of the others that it took.
	FormerLeases []string `json:"former_leases,omitempty"`
	// Active is the sort key of the note that the run is under way, as it was made. It is stored so that code which does not know an option of
	// the run finds its note all the same.
	Active string `json:"active,omitempty"`

	// Flags are the values of flags that the run started with, which it keeps until it ends; of a flag that is not in it, the program's own.
	Flags map[string]bool `json:"flags,omitempty"`

	State    State           `json:"state"`
	Progress Progress        `json:"progress"`
	Result   json.RawMessage `json:"result,omitempty"` // what the kind of run reports; see archive.Result
	Problem  *Problem        `json:"problem,omitempty"`
	Failed   int             `json:"failed"` // items that failed
	Pages    int             `json:"pages"`  // of items
	// ItemsDigest is that of the pages of items; see Digest.
	ItemsDigest string `json:"items_digest,omitempty"`

	Correlation string    `json:"correlation_id"`
	Created     time.Time `json:"created"`
	Started     time.Time `json:"started,omitzero"`
	Ended       time.Time `json:"ended,omitzero"`

	stored  int64
	unknown store.Unknown
}

// Item is the outcome of one event in a run.
type Item struct {
	Key string `json:"key"`
	// Plan is what was decided about the event, in the words of the kind of run.
	Plan    json.RawMessage `json:"plan"`
	Written bool            `json:"written"` // the archive calendar has it through this run
	Problem *Problem        `json:"problem,omitempty"`
}

func runKey(user, id string) store.Key {
	return store.OfUser(user, "RUN#"+id)
}

// Scope is what runs are listed by, and within which only one of the same runs is under way: its config, else its user's calendar.
func (r *Run) Scope() string {
	if r.Config != "" {
		return r.Config
	}
	return CalendarScope(r.User, r.Calendar)
}

// CalendarScope stands in the place of a config's id for runs that belong to none.
func CalendarScope(user, uri string) string {
	return fmt.Sprintf("%s#%x", user, sha256.Sum256([]byte(uri)))
}

// same is equal for two runs of one scope that do the same. It is part of a stored key, and runs are under way while the program is replaced
// by a newer or an older one: it never changes. An option that is new adds to it where it is set, and nothing where it is not.
func (r *Run) same() string {
	o := r.Options
	same := fmt.Sprintf("%s#%s#%s#{DryRun:%t Force:%t Adopt:%t}#%s", r.Kind, r.From, r.To, o.DryRun, o.Force, o.Adopt, r.AttemptOf)
	if o.Replace {
		same += "#replace"
	}
	if r.Calendar != "" || len(r.Input) > 0 {
		same += fmt.Sprintf("#%x", sha256.Sum256(append([]byte(r.Calendar+"\x00"), r.Input...)))
	}
	return same
}

// activeKey is where it is noted that a run which does the same as r is under way.
func (r *Run) activeKey() store.Key { return store.Key{PK: "ACTIVE#" + r.Scope(), SK: r.same()} }

// noteKey is where it was noted that r is under way.
func (r *Run) noteKey() store.Key {
	key := r.activeKey()
	key.SK = cmp.Or(r.Active, key.SK) // runs of earlier versions do not have theirs
	return key
}

// Store keeps runs.
type Store struct{ table store.Table }

// NewStore returns the runs kept in table.
func NewStore(table store.Table) *Store { return &Store{table: table} }

func (r *Run) item() *store.Item {
	data, err := r.unknown.Encode(r)
	if err != nil {
		panic(fmt.Sprintf("run: %v", err)) // plain data; only a malformed Result could do it
	}
	return &store.Item{Key: runKey(r.User, r.ID), IndexPK: "RUNS#" + r.Scope(), IndexSK: r.ID, Data: data}
}

// createAttempts is how often Create looks again when the run under way ended between two of its looks.
const createAttempts = 3

// Create stores a new run, unless one of the same kind, config, window and options is under way: then that one is returned, and
// created is false.
func (s *Store) Create(ctx context.Context, r *Run) (underWay *Run, created bool, err error) {
	free := store.Absent()
	for range createAttempts {
		err = s.table.Transact(ctx, r.Creation(free))
		if err == nil {
			r.stored = 1
			return r, true, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, false, fmt.Errorf("store the run: %w", err)
		}
		if underWay, free, err = s.UnderWay(ctx, r); err != nil || underWay != nil {
			return underWay, false, err
		}
	}
	return nil, false, fault.New(fault.Unavailable, "another run of the window began or ended at the same moment; try again")
}

// Creation is the operations that store a new run and note that it is under way for its window. free is what must hold for the note:
// store.Absent(), or what UnderWay returned. They conflict when the run exists, or another one is under way.
func (r *Run) Creation(free store.Condition) []store.Op {
	key := r.activeKey()
	r.Active = key.SK
	return []store.Op{
		{Put: r.item(), If: store.Absent()},
		{Put: &store.Item{Key: key, Data: fmt.Appendf(nil, "%q", r.ID)}, If: free},
	}
}

// UnderWay returns the run of the same kind, config, window and options as r that is under way. If there is none it is nil, and free
// is the condition for r's Creation.
func (s *Store) UnderWay(ctx context.Context, r *Run) (underWay *Run, free store.Condition, err error) {
	item, err := s.table.Get(ctx, r.activeKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil, store.Absent(), nil
	}
	if err != nil {
		return nil, free, fmt.Errorf("find the run under way: %w", err)
	}
	var id string
	if err := json.Unmarshal(item.Data, &id); err != nil {
		return nil, free, fault.New(fault.Malformed, "the note of the run under way is unreadable: %v", err)
	}
	underWay, err = s.Get(ctx, r.User, id)
	if err != nil && fault.Of(err) != fault.NotFound {
		return nil, free, err
	}
	if err == nil && !underWay.State.Ended() {
		return underWay, free, nil
	}
	return nil, store.VersionIs(item.Version), nil // the note outlived its run
}

// Send sends the message that names the run. A second one does no harm.
func (r *Run) Send(ctx context.Context, q queue.Queue) error { return send(ctx, q, r, 0) }

// Get returns a user's run; one that is not there is of kind fault.NotFound.
func (s *Store) Get(ctx context.Context, user, id string) (*Run, error) {
	item, err := s.table.Get(ctx, runKey(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "there is no run %s", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	return decode(item)
}

// GetBeside is Get that reads other items in the same request, and returns those of them that there are.
func (s *Store) GetBeside(ctx context.Context, user, id string, others []store.Key) (*Run, []store.Item, error) {
	if len(others) == 0 {
		r, err := s.Get(ctx, user, id)
		return r, nil, err
	}
	items, err := s.table.GetMany(ctx, append([]store.Key{runKey(user, id)}, others...))
	if err != nil {
		return nil, nil, fmt.Errorf("read run %s: %w", id, err)
	}
	at := slices.IndexFunc(items, func(item store.Item) bool { return item.Key == runKey(user, id) })
	if at < 0 {
		return nil, nil, fault.New(fault.NotFound, "there is no run %s", id)
	}
	r, err := decode(items[at])
	return r, slices.Delete(items, at, at+1), err
}

// GetMany returns those of a user's runs that are there, by id, in one request.
func (s *Store) GetMany(ctx context.Context, user string, ids []string) ([]*Run, error) {
	keys := make([]store.Key, len(ids))
	for i, id := range ids {
		keys[i] = runKey(user, id)
	}
	items, err := s.table.GetMany(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	runs := make([]*Run, len(items))
	for i := range items {
		if runs[i], err = decode(items[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(runs, func(a, b *Run) int { return strings.Compare(a.ID, b.ID) })
	return runs, nil
}

func decode(item store.Item) (*Run, error) {
	r := &Run{}
	unknown, err := store.Decode(item.Data, r)
	if err != nil {
		return nil, fault.New(fault.Malformed, "run %s is unreadable: %v", item.SK, err)
	}
	r.stored, r.unknown = item.Version, unknown
	return r, nil
}

// List returns a page of a user's runs, the newest first; config "" means all, and a CalendarScope those of a calendar.
func (s *Store) List(ctx context.Context, user, config string, limit int, cursor string) (runs []*Run, next string, err error) {
	q := store.Query{PK: store.UserPartition(user), Prefix: "RUN#", Desc: true, Limit: limit, Cursor: cursor}
	if config != "" {
		q.Index, q.PK, q.Prefix = true, "RUNS#"+config, ""
	}
	page, err := s.table.Query(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("list runs: %w", err)
	}
	for _, item := range page.Items {
		r, err := decode(item)
		if err != nil {
			return nil, "", err
		}
		if r.User == user {
			runs = append(runs, r)
		}
	}
	return runs, page.Next, nil
}

// Each shows all runs of a user. One that is unreadable is shown with its id and nothing else.
func (s *Store) Each(ctx context.Context, user string, each func(*Run) error) error {
	q := store.Query{PK: store.UserPartition(user), Prefix: "RUN#"}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("list runs: %w", err)
		}
		for _, item := range page.Items {
			r, err := decode(item)
			if err != nil || r.User != user || item.Key != runKey(user, r.ID) {
				r = &Run{ID: strings.TrimPrefix(item.SK, "RUN#"), User: user}
			}
			if err := each(r); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

// Put is the operation that stores the run's present state if nobody else stored another; call Stored after it went through.
func (r *Run) Put() store.Op { return store.Op{Put: r.item(), If: store.VersionIs(r.stored)} }

// Stored notes that the operation of Put went through.
func (r *Run) Stored() { r.stored++ }

// Update stores the run's present state; store.ErrConflict if somebody else stored another.
func (s *Store) Update(ctx context.Context, r *Run) error {
	if _, err := s.table.Put(ctx, *r.item(), store.VersionIs(r.stored)); err != nil {
		return fmt.Errorf("store run %s: %w", r.ID, err)
	}
	r.stored++
	return nil
}

// Ends sets the final state.
func (r *Run) Ends(state State, at time.Time) {
	r.State, r.Ended = state, at.UTC()
	r.Progress.Phase = "done"
	if state == Succeeded || state == Partial {
		r.Progress.Done, r.Progress.Percent = r.Progress.Total, 100
	}
}

// End sets the final state, and returns the operations that store it and make room for the next run of the window.
func (r *Run) End(state State, at time.Time) []store.Op {
	r.Ends(state, at)
	return r.ending()
}

func (r *Run) ending() []store.Op {
	note := r.noteKey()
	return []store.Op{r.Put(), {Delete: &note}}
}

// Finish stores the final state by itself.
func (s *Store) Finish(ctx context.Context, r *Run, state State, at time.Time) error {
	if err := s.table.Transact(ctx, r.End(state, at)); err != nil {
		return fmt.Errorf("end run %s: %w", r.ID, err)
	}
	r.Stored()
	return nil
}

// A page of items has at most itemsPerPage of them, and ends after pageBytes of JSON, far below the largest size of a store item.
const (
	itemsPerPage = 400
	pageBytes    = 256 << 10
)

// PutItems stores the run's items and sets its number of pages; the run itself is stored by the caller.
func (s *Store) PutItems(ctx context.Context, r *Run, items []Item) error {
	var pages []store.Item
	for len(items) > 0 {
		n, data := 0, []byte{'['}
		for n < min(itemsPerPage, len(items)) && len(data) < pageBytes {
			item, err := json.Marshal(items[n])
			if err != nil {
				return fmt.Errorf("store items of run %s: %w", r.ID, err)
			}
			data = append(append(data, item...), ',')
			n++
		}
		data[len(data)-1] = ']'
		pages = append(pages, store.Item{Key: itemKey(r.ID, len(pages)), Data: data})
		items = items[n:]
	}
	r.Pages, r.ItemsDigest = len(pages), ""
	for i := range pages {
		r.ItemsDigest = addPage(r.ItemsDigest, pages[i].Data)
	}
	if len(pages) == 0 {
		return nil
	}
	if err := s.table.BatchPut(ctx, pages); err != nil {
		return fmt.Errorf("store items of run %s: %w", r.ID, err)
	}
	return nil
}

// AddPage returns the operation that stores one more page of the run's items. It belongs into the transaction of a Put that is made
// after it, which guards it. A page is one item of the store.
func (r *Run) AddPage(items []Item) (store.Op, error) {
	data, err := json.Marshal(items)
	if err != nil {
		return store.Op{}, fmt.Errorf("store items of run %s: %w", r.ID, err)
	}
	r.Pages++
	r.ItemsDigest = addPage(r.ItemsDigest, data)
	return store.Op{Put: &store.Item{Key: itemKey(r.ID, r.Pages-1), Data: data}}, nil
}

func itemKey(run string, page int) store.Key {
	return store.Key{PK: "RUN#" + run, SK: fmt.Sprintf("ITEM#%06d", page)}
}

// Items returns one page of a run's items, from 0.
func (s *Store) Items(ctx context.Context, r *Run, page int) ([]Item, error) {
	if page < 0 || page >= r.Pages {
		return nil, nil
	}
	stored, err := s.table.Get(ctx, itemKey(r.ID, page))
	if err != nil {
		return nil, fmt.Errorf("read items of run %s: %w", r.ID, err)
	}
	var items []Item
	if err := json.Unmarshal(stored.Data, &items); err != nil {
		return nil, fault.New(fault.Malformed, "items of run %s are unreadable: %v", r.ID, err)
	}
	return items, nil
}

// FailedKeys returns the keys of those items of a user's run that failed: what a retry of it is about.
func (s *Store) FailedKeys(ctx context.Context, user, id string) (map[string]bool, error) {
	r, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for page := range r.Pages {
		items, err := s.Items(ctx, r, page)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			if it.Problem != nil {
				keys[it.Key] = true
			}
		}
	}
	return keys, nil
}
