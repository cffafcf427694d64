package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/action"
	"adminassistant/shared/audit"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Engine opens attempts at runs.
type Engine struct {
	Table store.Table
	Blobs blob.Blob
	// Signer signs the heads of ledgers.
	Signer Signer
	// Witness gets the head of a ledger after every run that added a link; nil: nobody does.
	Witness Witness
	// Provider returns a user's provider for a calendar URI.
	Provider func(ctx context.Context, user string, uri calendar.URI) (Provider, error)
	// Beside names what providers read of a user: Open reads it with the config, in one request, and hands it to those that are knowing. Nil: nothing.
	Beside func(user string) []store.Key
	// Approved returns the days of a config that are on timesheets which are approved, by customer; nil: there are none.
	Approved func(ctx context.Context, user, config string) (ledger.Locks, error)
	// Metrics count what becomes of runs; nil if nobody looks at them.
	Metrics *telemetry.Metrics
	Clock   func() time.Time
	NewID   func() string
	// LeaseFor is how long the archive calendar stays reserved after the attempt last renewed its lease.
	LeaseFor time.Duration
	// HandOn is how long before the context's deadline the attempt stops and leaves the rest to another worker.
	HandOn time.Duration
}

// Signer signs with a key that is kept in the table, and may be read with other items.
type Signer interface {
	ledger.Signer
	// Needs are the keys of the items that it would have to read; none if it has read them.
	Needs() []store.Key
	// Use takes them from items that were just read.
	Use(ctx context.Context, found []store.Item) error
}

// Witness keeps signed heads where who can write the table cannot reach them.
type Witness interface {
	// Keep keeps the head of a config's ledger unless it has one of that day.
	Keep(ctx context.Context, config string, day calendar.Date, checkpoint string) error
}

// Access is what an attempt may do.
type Access int

const (
	// ReadOnly is for dry runs. Such an attempt writes, settles and creates nothing, and reserves no calendar.
	ReadOnly Access = iota
	Writing
)

// Attempt is one worker's attempt at a run. Nothing else changes the ledger of the run's config, and its archive calendar, meanwhile.
type Attempt struct {
	*Engine
	run    *run.Run
	config Config
	access Access

	table    *store.Counter
	beside   []store.Item // what was read beside the config
	found    found        // the config's calendars, as earlier runs found them
	asks     store.Item   // whether earlier runs may have left questions open, see action.AsksKey; version 0: none
	also     []store.Op   // what else belongs to the end of the run
	patience run.Patience
	hold     *run.Hold

	source, archive place
	books           books
	wrote           map[string]Written   // by key: what became of this run's changes, also those of earlier attempts
	decided         map[string][]Decided // by run: earlier decisions, as far as they were read
	// elsewhere is, by key, the name of the calendar that has the copy which was to be changed. Somebody moved it there.
	elsewhere map[string]string
	// newest is where the newest link seemed to be.
	newest []store.Key
	// audit is where the user's audit log was when the attempt began.
	audit ledger.AuditHead
	// damaged is why nothing may be added to the ledger. Such an attempt writes nothing.
	damaged error
	// lost is how many appointments the ledger holds in an archive calendar that is gone. Such an attempt writes nothing.
	lost int
	// unsettled is how many entries another run left open, if this attempt may not settle them.
	unsettled int
	// resumed says that another attempt at this run came before.
	resumed bool
}

// Written is what became of one change.
type Written struct {
	// Outcome is what the ledger says after the change.
	Outcome ledger.Outcome
	// Replaced says that the copy existed before and was changed.
	Replaced bool
	// Adopted says that the copy was another ledger's before.
	Adopted bool
	// Removed says that there was a copy, which was taken out of the archive calendar.
	Removed bool
	// Noted says that the archive calendar was not written.
	Noted bool
	// Problem is why the change failed; nil if it is done.
	Problem *run.Problem
}

// adopted says whether the run made another ledger's copy its own.
func (w Written) adopted() bool { return w.Adopted && w.shown() }

func (w Written) failed() bool { return w.Problem != nil }

// shown says whether the run wrote the copy, so that the archive calendar has it.
func (w Written) shown() bool { return w.Outcome == ledger.Archived && w.Problem == nil && !w.Noted }

// find reads the config and finds its calendars.
func (e *Engine) find(ctx context.Context, rn *run.Run, access Access) (*Attempt, error) {
	a := &Attempt{
		Engine: e, run: rn, access: access, table: &store.Counter{Table: e.Table}, patience: run.Patience{Clock: e.Clock, HandOn: e.HandOn},
		wrote: map[string]Written{}, elsewhere: map[string]string{},
	}
	a.books = books{ledger: ledger.New(a.table, e.Blobs, e.Signer), newest: map[string]*ledger.Entry{}, failed: map[string]*ledger.Entry{},
		copied: map[string]bool{}}
	if err := a.readConfig(ctx); err != nil {
		return nil, err
	}
	return a, a.findCalendars(ctx)
}

// look is a ReadOnly attempt at a run that is not stored, for previews. Nothing ends it.
func (e *Engine) look(ctx context.Context, rn *run.Run) (*Attempt, error) {
	a, err := e.find(ctx, rn, ReadOnly)
	if err != nil {
		return nil, err
	}
	found, err := a.table.GetMany(ctx, append([]store.Key{ledger.HeadKey(a.config.ID)}, a.newest...))
	if err != nil {
		return nil, fmt.Errorf("read the head of the ledger: %w", err)
	}
	return a, a.readHead(ctx, found)
}

// Open finds the run's calendars, reads the head of the ledger, and reserves the archive calendar and settles what an earlier attempt, of this
// run or of another, left open. A ReadOnly attempt does neither of the last two. Open returns run.ErrBusy while another run has the calendar.
func (e *Engine) Open(ctx context.Context, rn *run.Run, access Access) (_ *Attempt, err error) {
	a, err := e.find(ctx, rn, access)
	if err != nil {
		return nil, err
	}
	if err := a.begin(ctx); err != nil {
		return nil, err
	}
	if err := a.resume(ctx); err != nil {
		a.Close(ctx)
		return nil, err
	}
	return a, nil
}

func (a *Attempt) configs() *Configs { return NewConfigs(a.table, a.books.ledger, a.NewID, a.Clock) }

// readConfig reads the config and, in the same request, what begin would else ask for by itself: the signing key and where the newest link is.
func (a *Attempt) readConfig(ctx context.Context) error {
	keys := append(a.Signer.Needs(), ledger.HeadKey(a.run.Config), foundKey(a.run.User, a.run.Config), action.AsksKey(a.run.User, a.run.Config))
	if a.Beside != nil {
		keys = append(keys, a.Beside(a.run.User)...)
	}
	config, found, err := a.configs().GetBeside(ctx, a.run.User, a.run.Config, keys)
	if err != nil {
		return err
	}
	if err := a.Signer.Use(ctx, found); err != nil {
		return err
	}
	a.config, a.beside = config, found
	a.found = foundAmong(ctx, foundKey(a.run.User, a.run.Config), found)
	if i := slices.IndexFunc(found, func(item store.Item) bool { return item.Key == action.AsksKey(a.run.User, a.run.Config) }); i >= 0 {
		a.asks = found[i]
	}
	a.books.config = a.run.Config
	if hint, err := ledger.HeadOf(a.run.Config, found); err == nil {
		a.newest = hint.LinkKey(a.run.Config)
	}
	return nil
}

// begin reserves the archive calendar and reads the heads of the ledger and of the user's audit log, and the newest link. It reads these and the
// lease in one request.
func (a *Attempt) begin(ctx context.Context) error {
	keys, name := append([]store.Key{ledger.HeadKey(a.config.ID), audit.HeadKey(a.run.User)}, a.newest...), ""
	if a.access == Writing {
		name = run.LeaseName(a.run.User, a.archive.unmade(), a.archive.info.ID)
		keys = append(keys, run.LeaseKey(name))
	}
	found, err := a.table.GetMany(ctx, keys)
	if err != nil {
		return fmt.Errorf("read the lease and the head of the ledger: %w", err)
	}
	// An audit log that is damaged keeps nobody from archiving. Its own verification says what is wrong, and that of the ledger that the link has none.
	if a.audit.Seq, a.audit.Hash, err = audit.HeadOf(a.run.User, found); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Msg("link made without the audit log's head")
	}
	if err := a.readHead(ctx, found); err != nil {
		return err
	}
	a.run.Progress, a.resumed = run.NewProgress("reading", 0, 0), a.run.State == run.Running
	a.hold, err = run.Begin(ctx, a.table, a.run, name, a.run.ID+"/"+a.NewID(), a.LeaseFor, a.Clock, found)
	return err
}

// readHead takes the head of the ledger from what was read, and notes where it is damaged.
func (a *Attempt) readHead(ctx context.Context, found []store.Item) (err error) {
	a.books.head, err = ledger.HeadOf(a.config.ID, found)
	if err == nil {
		err = a.books.ledger.Check(ctx, a.config.ID, &a.books.head, found...)
	}
	if errors.Is(err, ledger.ErrDamaged) || fault.Of(err) == fault.Malformed {
		a.damaged, err = err, nil
	}
	return err
}

// resume counts what the ledger holds if the archive calendar is gone, and settles what was left open, or counts it where that may not be.
func (a *Attempt) resume(ctx context.Context) (err error) {
	if a.damaged != nil {
		return nil
	}
	head := &a.books.head
	if a.archive.missing && (head.Seq > 0 || head.Open != "") {
		if a.lost, err = a.books.ledger.Shown(ctx, a.config.ID); err != nil {
			return err
		}
	}
	if a.resumed && a.access == Writing && head.Open != a.run.ID {
		if err := a.noteSealed(ctx); err != nil {
			return err
		}
	}
	switch {
	case head.Open == "":
		return nil
	case a.access == ReadOnly || a.lost > 0:
		return a.countUnsettled(ctx)
	}
	return a.settle(ctx)
}

// noteSealed remembers what earlier attempts at this run wrote and another run sealed, which came in between.
func (a *Attempt) noteSealed(ctx context.Context) error {
	entries, _, err := a.books.ledger.OfRun(ctx, a.config.ID, a.run.ID, a.run.Created)
	if err != nil {
		return fmt.Errorf("read what was written before: %w", err)
	}
	for i := range entries {
		a.note(&entries[i])
	}
	return nil
}

// Close releases the archive calendar if the run has not ended, so that the next attempt need not wait.
func (a *Attempt) Close(ctx context.Context) { a.hold.Release(ctx) }

// count is how many of this run's changes are so.
func (a *Attempt) count(so func(Written) bool) (n int) {
	for _, w := range a.wrote {
		if so(w) {
			n++
		}
	}
	return n
}

// reached records that the days up to this one, included, are archived.
func (a *Attempt) reached(day calendar.Date) {
	if a.books.head.Through.Before(day) {
		a.books.head.Through = day
	}
}

// report is the result of a kind of run. End completes it.
type report interface {
	sealed(link string, cost run.Cost)
}

// End stores the run's items and result, seals what the run wrote, and releases the archive calendar: all but the items in one transaction.
//
// A run that carried out its plan has a link even when it changed nothing: the link proves that the run looked at the window.
func (a *Attempt) End(ctx context.Context, state run.State, result report, items []run.Item) (err error) {
	if err := run.NewStore(a.table).PutItems(ctx, a.run, items); err != nil {
		return err
	}
	now := a.Clock()
	a.run.Failed = a.count(Written.failed)
	a.run.Progress.Total = len(items)
	a.hold.Ends(state)
	cost := run.CostOf(a.table, &a.patience, a.source.provider, a.archive.provider)
	var sealing *ledger.Sealing
	link := ""
	if a.access == Writing && a.damaged == nil && a.lost == 0 && (state != run.Failed || a.books.head.Open == a.run.ID) {
		if sealing, err = a.seal(ctx, result, cost, now); err != nil {
			return err
		}
		link = sealing.Hash()
	}
	result.sealed(link, cost)
	if a.run.Result, err = json.Marshal(result); err != nil {
		return fmt.Errorf("store the result: %w", err)
	}
	ops := slices.Concat(a.hold.Ending(), a.noting(), a.also)
	if sealing != nil {
		err = a.books.ledger.Seal(ctx, &a.books.head, sealing, ops...)
	} else {
		err = a.table.Transact(ctx, ops)
	}
	if err != nil {
		return fmt.Errorf("end the run: %w", err)
	}
	a.hold.Done()
	if sealing != nil {
		a.showHead(ctx, sealing.Checkpoint())
	}
	return nil
}

// seal prepares the run's link, which covers the run as it ends, with this result.
func (a *Attempt) seal(ctx context.Context, result report, cost run.Cost, at time.Time) (*ledger.Sealing, error) {
	result.sealed("", cost)
	var err error
	if a.run.Result, err = json.Marshal(result); err != nil {
		return nil, fmt.Errorf("store the result: %w", err)
	}
	digest, err := a.run.Digest()
	if err != nil {
		return nil, err
	}
	ending := ledger.Ending{Run: a.run.ID, RunDigest: digest, Audit: a.audit, Time: at}
	return a.books.ledger.Prepare(ctx, a.config.ID, a.books.head, ending, a.books.added)
}

// showHead hands the new head to the witness. What fails is in the log: the next run's head covers this one.
func (a *Attempt) showHead(ctx context.Context, checkpoint string) {
	if a.Witness == nil {
		return
	}
	if err := a.Witness.Keep(ctx, a.config.ID, calendar.DateOf(a.Clock(), time.UTC), checkpoint); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Msg("head of the ledger not kept by its witness")
	}
}

// countUnsettled counts what another run left open, for an attempt that may not settle it.
func (a *Attempt) countUnsettled(ctx context.Context) error {
	_, open, err := a.books.leftOpen(ctx)
	if errors.Is(err, ledger.ErrDamaged) {
		a.damaged = err
		return nil
	}
	a.unsettled = len(open)
	return err
}

// settle finishes what an earlier attempt, of this run or of another, left open: entries of which it is unknown whether the archive calendar
// shows them. Those of another run are sealed as that run's.
func (a *Attempt) settle(ctx context.Context) error {
	all, open, err := a.books.leftOpen(ctx)
	if errors.Is(err, ledger.ErrDamaged) {
		a.damaged = err
		return nil
	}
	if err != nil {
		return err
	}
	if len(open) > 0 {
		if err := a.readyArchive(ctx); err != nil {
			return err
		}
	}
	if err := a.carryOn(ctx, open); err != nil {
		return err
	}
	if a.books.head.Open == a.run.ID {
		a.books.added = all
		for _, e := range all {
			a.note(e)
		}
		return nil
	}
	left := a.books.head.Open
	ending := ledger.Ending{Run: left, Audit: a.audit, Time: a.Clock()}
	sealing, err := a.books.ledger.Prepare(ctx, a.config.ID, a.books.head, ending, all)
	if err != nil {
		return err
	}
	if err := a.books.ledger.Seal(ctx, &a.books.head, sealing, a.hold.Guard()...); err != nil {
		return err
	}
	a.hold.Done()
	zerolog.Ctx(ctx).Info().Str("of", left).Int("entries", len(all)).Int("unknown", len(open)).Msg("run left open was settled")
	return nil
}

// note remembers what became of an entry, if it is this run's.
func (a *Attempt) note(e *ledger.Entry) {
	switch {
	case e.Run != a.run.ID || e.Outcome == ledger.Moved:
	case e.State == ledger.Failed:
		a.wrote[e.Key] = Written{Outcome: e.Outcome, Problem: &run.Problem{Code: fault.Invalid.String(), Detail: e.Failure}}
	case e.Reason == reasonRenamed:
	case e.State == ledger.Done && (e.Outcome == ledger.Archived || e.Reason == ReasonDecision || e.Reverses != "" || e.Removes()):
		a.wrote[e.Key] = Written{
			Outcome: e.Outcome, Replaced: e.Replaces != "" && !e.Removes(), Adopted: e.Reason == reasonAdopted, Removed: e.Removes(),
			Noted: e.Kept || e.CopyID == "" && !e.Removes(),
		}
	}
}
