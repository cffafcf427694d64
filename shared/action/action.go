// Package action keeps what needs the user: each thing once, open until it is resolved or dismissed, with the history of that.
//
// Items in the store:
//
//	USER#<user> / ACTION#<ulid>                            an action; in the index as ACTIONS#<user>#<state> / <ulid>
//	USER#<user> / ACTIONOF#<kind>#<SHA-256 of the cause>   which action a cause raised last, and up to when it is known
//	USER#<user> / ACTIONOPEN#<config>#<kind>#<the same>    an open question about appointments of a config, see Settle
//	USER#<user> / ACTIONCOPY#<config>#<kind>#<the same>    an open question about a copy in the config's archive calendar
//	USER#<user> / ACTIONASKS#<config>                      there may be questions of the former kind
//
// An action and the note of its cause change in one transaction, so that of all processes that see the same cause one raises it. The note
// outlives the action's end: a message that comes late and reports its cause once more does not raise it anew.
package action

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Kind is what happened that needs the user.
type Kind string

const (
	Overlap            Kind = "overlap"              // appointments share time, and no rule decides
	Drift              Kind = "drift"                // an appointment changed after it was archived
	OrphanModification Kind = "orphan_modification"  // a modification has no original
	MissingCategory    Kind = "missing_category"     // an appointment has no customer
	MissingTravel      Kind = "missing_travel"       // a journey between two appointments is not recorded
	StaleDecision      Kind = "stale_decision"       // the source changed since the decision about it
	Retention          Kind = "retention"            // many appointments are missing from the source at once
	Altered            Kind = "altered"              // a copy in the archive calendar is not what was written
	ArchiveMissing     Kind = "archive_missing"      // the archive calendar does not show what was archived
	LedgerDamaged      Kind = "ledger_damaged"       // the ledger is not what was written
	ShrunkWindow       Kind = "shrunk_window"        // the source shows far fewer events than the ledger holds
	KeysChanged        Kind = "keys_changed"         // the source shows its events under other ids than the ledger
	UnreadableDays     Kind = "unreadable_days"      // days of the source cannot be read
	MailboxOutOfReach  Kind = "mailbox_out_of_reach" // for days
	SignInNeeded       Kind = "sign_in_needed"       // access to Microsoft 365 has ended
	Blocked            Kind = "blocked"              // the organisation does not let us act for the user
	NotSeen            Kind = "not_seen"             // the user has made no request for long
	RunFailed          Kind = "run_failed"           // a run failed, wholly or in part
	JobStuck           Kind = "job_stuck"            // a job cannot be started, by a defect of the program
)

// ends says what resolves an action of a kind for which the user's word is not enough.
var ends = map[Kind]string{
	Overlap:           "it is resolved by a decision about its appointments",
	Drift:             "it is resolved by a decision about its versions",
	StaleDecision:     "it is resolved by another decision about its appointments",
	Altered:           "it is resolved by putting the copy right, or by taking over what it shows; see: admin-assistant action resolve --help",
	ArchiveMissing:    "it is resolved by the next run that finds the archive calendar as it was left",
	LedgerDamaged:     "it is resolved by the next run that finds the ledger as it was written",
	ShrunkWindow:      "it is resolved by the next run that succeeds; run again with force if the events are gone indeed",
	KeysChanged:       "it is resolved by the next run that succeeds; run again with force if these are other events indeed",
	MailboxOutOfReach: "it is resolved by the next run that reaches the mailbox",
	UnreadableDays:    "it is resolved by the next run that reads all days",
	SignInNeeded:      "it is resolved by signing in again",
	JobStuck:          "it is resolved when the job starts a run; pause or remove the job if it is not needed",
	Blocked:           "it is resolved by the next run that reaches the mailbox, or by signing in again",
	NotSeen:           "it is resolved by your next request or sign-in",
}

// State of an action.
type State string

const (
	Open      State = "open"
	Resolved  State = "resolved"  // what it was about is done
	Dismissed State = "dismissed" // the user does not care
)

// Cause is what raises an action. While one is open, the same cause raises no other.
type Cause struct {
	Kind Kind `json:"kind"`
	// Of distinguishes causes of one kind, such as by the id of a config.
	Of string `json:"of,omitempty"`
}

// Subject is what an action is about.
type Subject struct {
	Kind string `json:"kind"` // run, config, job or user
	ID   string `json:"id"`
}

// Action is one thing that needs the user.
type Action struct {
	ID   string `json:"id"`
	User string `json:"user"` // account.Principal.Key
	Cause
	Subject Subject `json:"subject"`
	Detail  string  `json:"detail"` // what happened and what to do, for the user
	// Says is Detail, to be put into the language of whoever reads it; empty: there is nothing but Detail.
	Says phrase.Text `json:"says,omitempty"`
	// Config is the archive config that the action is about; empty: of none, or it was raised when that was not noted.
	Config string `json:"config,omitempty"`
	Question
	Deciding string    `json:"deciding,omitempty"` // id of the run that is about to answer it
	Claimed  time.Time `json:"claimed,omitzero"`   // when that run claimed it
	State    State     `json:"state"`
	At       time.Time `json:"at"` // when the cause was there last
	History  []Change  `json:"history"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`

	stored  int64
	unknown store.Unknown
}

// Change is one entry of an action's history.
type Change struct {
	At    time.Time `json:"at"`
	State State     `json:"state"`         // from then on
	By    string    `json:"by,omitempty"`  // who did it: Principal.Key; empty: nobody, it came about
	Why   string    `json:"why,omitempty"` // id of what brought it about, such as a run
}

const (
	// maxHistory bounds an action's history. The first entry and the newest ones stay.
	maxHistory = 50
	// maxDetail is the largest size of a detail in bytes.
	maxDetail = 4 << 10
	// keep is how long an action is kept after its end: for longer than a message that repeats its cause can be under way.
	keep = 90 * 24 * time.Hour
	// attempts is how often a change is tried when others change the same at that moment.
	attempts = 8
	// listPages bounds how many pages of the store one page of a list looks through.
	listPages = 10
)

const (
	prefixAction = "ACTION#"
	prefixCause  = "ACTIONOF#"
)

func actionKey(user, id string) store.Key {
	return store.OfUser(user, prefixAction+id)
}

func causeKey(user string, c Cause) store.Key {
	return store.OfUser(user, fmt.Sprintf("%s%s#%x", prefixCause, c.Kind, sha256.Sum256([]byte(c.Of))))
}

func indexOf(user string, s State) string { return "ACTIONS#" + user + "#" + string(s) }

// expires is when an action may go that is of state s since at.
func expires(s State, at time.Time) time.Time {
	if s == Open {
		return time.Time{}
	}
	return at.Add(keep)
}

func (a *Action) op() store.Op {
	op := store.Op{Put: &store.Item{
		Key: actionKey(a.User, a.ID), IndexPK: indexOf(a.User, a.State), IndexSK: a.ID, Expires: expires(a.State, a.Updated), Data: encode(a.unknown, a),
	}, If: store.VersionIs(a.stored)}
	if a.stored == 0 {
		op.If = store.Absent()
	}
	return op
}

// encode makes the document of a record, with what is unknown of the one that was read.
func encode(unknown store.Unknown, v any) []byte {
	data, err := unknown.Encode(v)
	if err != nil {
		panic(fmt.Sprintf("action: %v", err)) // plain data
	}
	return data
}

// changed notes a change in the history.
func (a *Action) changed(c Change) {
	a.State, a.Updated = c.State, c.At
	if a.History = append(a.History, c); len(a.History) > maxHistory {
		a.History = slices.Delete(a.History, 1, len(a.History)-maxHistory+1)
	}
}

func decode(item store.Item) (*Action, error) {
	a := &Action{}
	unknown, err := store.Decode(item.Data, a)
	if err != nil || actionKey(a.User, a.ID) != item.Key {
		return nil, fault.New(fault.Malformed, "action %s is unreadable: %v", strings.TrimPrefix(item.SK, prefixAction), err)
	}
	a.stored, a.unknown = item.Version, unknown
	return a, nil
}

// note is what is known of a cause.
type note struct {
	Action string    `json:"action"` // the one that it raised last
	Open   bool      `json:"open"`
	At     time.Time `json:"at"` // what happened up to then is resolved, or described by the action
	// Quiet says that the user has spoken about this very cause, so that it raises nothing more.
	Quiet bool `json:"quiet,omitempty"`

	stored  int64
	unknown store.Unknown
}

func (n *note) op(user string, c Cause, now time.Time) store.Op {
	return n.opAt(causeKey(user, c), now)
}

func (n *note) opAt(key store.Key, now time.Time) store.Op {
	item := &store.Item{Key: key, Data: encode(n.unknown, n)}
	if !n.Open && !n.Quiet {
		item.Expires = expires(Resolved, now)
	}
	if n.stored == 0 {
		return store.Op{Put: item, If: store.Absent()}
	}
	return store.Op{Put: item, If: store.VersionIs(n.stored)}
}

// decodeNote reads a note. One that is unreadable counts as empty: whoever reports its cause must not be stopped by that.
func decodeNote(ctx context.Context, item store.Item) *note {
	n := &note{}
	unknown, err := store.Decode(item.Data, n)
	if err != nil {
		n = &note{}
		zerolog.Ctx(ctx).Error().Str("note", item.SK).Msg("unreadable note of an action begun anew")
	}
	n.stored, n.unknown = item.Version, unknown
	return n
}

// Actions keeps the actions of all users. Errors that are not described are the store's.
type Actions struct {
	table store.Table
	newID func() string
	clock func() time.Time
}

// New returns the actions kept in table. Ids of newID sort by time.
func New(table store.Table, newID func() string, clock func() time.Time) *Actions {
	return &Actions{table: table, newID: newID, clock: clock}
}

// note reads what is known of a cause; of an unknown one all is zero.
func (s *Actions) note(ctx context.Context, user string, c Cause) (*note, error) {
	item, err := s.table.Get(ctx, causeKey(user, c))
	if errors.Is(err, store.ErrNotFound) {
		return &note{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what raised an action: %w", err)
	}
	return decodeNote(ctx, item), nil
}

// In is what happened and what to do, in the reader's language as far as it is known in that.
func (a *Action) In(r phrase.Reader) string {
	if text, known := a.Says.In(r); known && len(a.Says) > 0 {
		return text
	}
	return a.Detail
}

// Raise opens an action for a's user, cause, subject and detail, and returns it. Without a detail, it is what a says in English.
// If one of the cause is open, that one is returned;
// when its cause was there again since, it has the newer subject and detail. a.At is when the cause was there: what was known
// of up to then raises nothing, and the action that it raised is returned, whatever became of it. So it may be called any number of times.
func (s *Actions) Raise(ctx context.Context, a Action) (*Action, error) {
	at := a.At.UTC().Round(0)
	a.Detail = cmp.Or(a.Detail, a.Says.String())
	if len(a.Detail) > maxDetail {
		return nil, fault.New(fault.Internal, "the detail of an action has %d bytes", len(a.Detail))
	}
	for range attempts {
		n, err := s.note(ctx, a.User, a.Cause)
		if err != nil {
			return nil, err
		}
		var known *Action
		if n.Action != "" {
			if known, err = s.Get(ctx, a.User, n.Action); err != nil && !lost(err) {
				return nil, err
			}
		}
		if known != nil && !at.After(n.At) {
			return known, nil
		}
		now := s.clock().UTC()
		if known == nil || known.State != Open {
			known = &Action{ID: s.newID(), User: a.User, Cause: a.Cause, Created: now}
		}
		known.Subject, known.Detail, known.Says, known.Config, known.At = a.Subject, a.Detail, a.Says, a.Config, at
		known.changed(Change{At: now, State: Open, Why: a.Subject.ID})
		n.Action, n.Open, n.At = known.ID, true, at
		err = s.table.Transact(ctx, []store.Op{known.op(), n.op(a.User, a.Cause, now)})
		if err == nil {
			known.stored++
			return known, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("store an action: %w", err)
		}
	}
	return nil, errBusy
}

// lost says whether err means that nothing can be done about an action: it is gone, or unreadable.
func lost(err error) bool {
	kind := fault.Of(err)
	return kind == fault.NotFound || kind == fault.Malformed
}

var errBusy = fault.New(fault.Unavailable, "the action is changed by others at the same time; try again")

// ResolveGone resolves the open actions of causes that are gone since at, and returns them. A cause that was seen after at stays open.
// why is the id of what removed them. If there is nothing to resolve, it makes one request for all causes together.
func (s *Actions) ResolveGone(ctx context.Context, user string, at time.Time, why string, causes ...Cause) ([]*Action, error) {
	keys := make([]store.Key, len(causes))
	for i, c := range causes {
		keys[i] = causeKey(user, c)
	}
	items, err := s.table.GetMany(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read what raised actions: %w", err)
	}
	var resolved []*Action
	for _, item := range items {
		n := decodeNote(ctx, item)
		if !n.Open {
			continue
		}
		a, err := s.end(ctx, user, n.Action, Change{State: Resolved, Why: why}, at)
		switch {
		case err == nil:
			resolved = append(resolved, a)
		case errors.Is(err, errStays) || fault.Of(err) == fault.Conflict || lost(err): // there again, or ended meanwhile
		default:
			return resolved, err
		}
	}
	return resolved, nil
}

// errStays means that an action's cause was there after the time up to which it is resolved.
var errStays = errors.New("action: its cause is there")

// end resolves or dismisses an open action. With gone, its cause has to be older than that.
func (s *Actions) end(ctx context.Context, user, id string, c Change, gone time.Time) (*Action, error) {
	for range attempts {
		a, err := s.Get(ctx, user, id)
		switch {
		case err != nil:
			return nil, err
		case a.State == c.State:
			return a, nil
		case a.State != Open:
			return nil, fault.New(fault.Conflict, "action %s is %s already", id, a.State)
		case !gone.IsZero() && !gone.After(a.At):
			return nil, errStays
		}
		n, err := s.note(ctx, user, a.Cause)
		if err != nil {
			return nil, err
		}
		c.At = s.clock().UTC()
		a.changed(c)
		ops := []store.Op{a.op()}
		if n.Action == a.ID {
			n.Open, n.Quiet = false, a.asks() && c.By != "" && c.Why == ""
			if gone.After(n.At) {
				n.At = gone.UTC().Round(0)
			}
			ops = append(ops, n.op(user, a.Cause, c.At))
			if a.asks() {
				row := openKey(user, a.Config, a.Cause)
				ops = append(ops, store.Op{Delete: &row})
			}
		}
		err = s.table.Transact(ctx, ops)
		if err == nil {
			a.stored++
			return a, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("store action %s: %w", id, err)
		}
	}
	return nil, errBusy
}

// Resolve resolves an action on its user's word; one that is resolved stays so. One that was dismissed is of kind fault.Conflict, as is
// one of a kind for which a word is not enough; the error says what is needed.
func (s *Actions) Resolve(ctx context.Context, user, id string) (*Action, error) {
	a, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if needed := ends[a.Kind]; needed != "" && a.State == Open {
		switch a.Kind {
		case Overlap, Drift, StaleDecision:
			needed += "; see what there is to choose: admin-assistant action show " + id
		}
		return nil, fault.New(fault.Conflict, "action %s cannot be resolved like that: %s", id, needed)
	}
	return s.end(ctx, user, id, Change{State: Resolved, By: user}, time.Time{})
}

// Dismiss dismisses an action that its user does not care for; one that is dismissed stays so, one that was resolved is of kind fault.Conflict.
// What it is about raises another one when it is there again; a question about appointments is asked again only when one of them has changed.
func (s *Actions) Dismiss(ctx context.Context, user, id string) (*Action, error) {
	return s.end(ctx, user, id, Change{State: Dismissed, By: user}, time.Time{})
}

// Get returns a user's action; one that is not there is of kind fault.NotFound.
func (s *Actions) Get(ctx context.Context, user, id string) (*Action, error) {
	item, err := s.table.Get(ctx, actionKey(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "there is no action %s", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read action %s: %w", id, err)
	}
	return decode(item)
}

// Last returns the action that a cause raised last, whatever became of it; nil if there is none.
func (s *Actions) Last(ctx context.Context, user string, c Cause) (*Action, error) {
	n, err := s.note(ctx, user, c)
	if err != nil || n.Action == "" {
		return nil, err
	}
	a, err := s.Get(ctx, user, n.Action)
	if lost(err) {
		return nil, nil
	}
	return a, err
}

// Filter says which actions a list has; the zero Filter means all.
type Filter struct {
	State  State
	Kind   Kind
	Config string // id of a config
	// From and To limit the list to actions about appointments that touch the time from From to To, which is not included; zero: at any time.
	From, To time.Time
}

func (f *Filter) has(a *Action) bool {
	switch {
	case f.Kind != "" && a.Kind != f.Kind, f.Config != "" && a.Config != f.Config:
		return false
	case f.From.IsZero() && f.To.IsZero():
		return true
	}
	return a.asks() && a.Span.touches(f.From, f.To)
}

// List returns a page of a user's actions, the newest first. Unreadable ones are left out. A page may be short, or empty, and still have a next one.
func (s *Actions) List(ctx context.Context, user string, f Filter, limit int, cursor string) (actions []*Action, next string, err error) {
	q := store.Query{PK: store.UserPartition(user), Prefix: prefixAction, Desc: true, Cursor: cursor}
	if f.State != "" {
		q.Index, q.PK, q.Prefix = true, indexOf(user, f.State), ""
	}
	for range listPages {
		q.Limit = limit - len(actions)
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, "", fmt.Errorf("list actions: %w", err)
		}
		for _, a := range readable(ctx, page.Items) {
			if f.has(a) {
				actions = append(actions, a)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" || len(actions) >= limit {
			break
		}
	}
	return actions, q.Cursor, nil
}

// Waiting returns how many of a user's actions are open, by kind, the oldest of them, at most so many, and the ids of the configs that they are about,
// in the order in which they come up.
func (s *Actions) Waiting(ctx context.Context, user string, most int) (counts map[Kind]int, oldest []*Action, configs []string, err error) {
	counts = map[Kind]int{}
	q := store.Query{Index: true, PK: indexOf(user, Open)}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("count open actions: %w", err)
		}
		for _, a := range readable(ctx, page.Items) {
			counts[a.Kind]++
			if len(oldest) < most {
				oldest = append(oldest, a)
			}
			if a.Config != "" && !slices.Contains(configs, a.Config) {
				configs = append(configs, a.Config)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return counts, oldest, configs, nil
		}
	}
}

func readable(ctx context.Context, items []store.Item) (actions []*Action) {
	for _, item := range items {
		a, err := decode(item)
		if err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("action", strings.TrimPrefix(item.SK, prefixAction)).Msg("unreadable action left out")
			continue
		}
		actions = append(actions, a)
	}
	return actions
}

// Erase removes all that is kept of a user's actions, readable or not.
func Erase(ctx context.Context, table store.Table, user string) error {
	if err := store.Clear(ctx, table, store.Query{PK: store.UserPartition(user), Prefix: "ACTION"}); err != nil {
		return fmt.Errorf("erase actions: %w", err)
	}
	return nil
}
