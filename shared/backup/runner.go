package backup

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/flag"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Result is what a backup run reports.
type Result struct {
	ID      string `json:"id" doc:"Of the backup."`
	Counts  Counts `json:"counts"`
	Bytes   int64  `json:"bytes" doc:"Size of the files as they are stored."`
	LeftOut int    `json:"left_out" doc:"Events that iCalendar cannot hold; the JSONL file has them all."`
	// Unread is what Manifest.Unread is.
	Unread []time.Time `json:"unread,omitempty" doc:"When events start that could not be read, to the minute. They are in none of the files."`
	// OwnClocks counts what Record.OwnClocks names.
	OwnClocks int `json:"own_clocks,omitempty" doc:"Series that cannot be restored to Microsoft 365, which does not accept their time zone."`
	// Otherwise is what calendar.Named.Otherwise says.
	Otherwise string   `json:"found_otherwise,omitempty" doc:"By what else the calendar was found than by what the run names it by."`
	Content   string   `json:"content" doc:"The same for the same events: two backups with the same content hold the same."`
	Manifest  string   `json:"manifest" doc:"SHA-256 of the manifest, in hex."`
	Cost      run.Cost `json:"cost"`
}

// Provider is what a backup needs of a calendar's provider. Kept returns a calendar.Unread when it handed over all but what is broken.
type Provider interface {
	Calendars(ctx context.Context, account string) ([]calendar.Info, error)
	Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	Zones(ctx context.Context, account, calendarID string) ([]calendar.Zone, error)
	Kept(ctx context.Context, account, calendarID string, each func(calendar.Kept) error) error
}

// patient is a provider that reads a calendar with very many requests, of which each may be made again by itself.
type patient interface {
	Patiently(again func() func(ctx context.Context, failure error) error) calendar.Provider
}

// Runner carries backup runs out.
type Runner struct {
	Table store.Table
	Blobs blob.Blob
	// Provider returns the provider of a calendar URI for a user.
	Provider func(ctx context.Context, user string, uri calendar.URI) (Provider, error)
	// Known returns a calendar with what it was known by when it was found before; nil: nothing is known of any.
	Known func(ctx context.Context, user string, uri calendar.URI) (calendar.Named, error)
	// Zone returns the time zone of a user's archive config.
	Zone     func(ctx context.Context, user, config string) (*time.Location, error)
	Clock    func() time.Time
	NewID    func() string
	Software string // its version
	// Deleted is called for every backup that the retention has deleted. It may be nil.
	Deleted func(ctx context.Context, r *run.Run, backup string) error
	// Head returns the signed head of the ledger of a config, which manifests hold; empty: it has none. It may be nil.
	Head func(ctx context.Context, config string) (checkpoint string, err error)
	// HandOn is how long before the context's deadline the run stops and hands the rest on.
	HandOn time.Duration
}

var _ run.Handler = (*Runner)(nil)

// execution is one worker's attempt at a run. Whatever it makes is its own, so that another one of the same run cannot spoil it; that of the
// one who ends the run counts.
type execution struct {
	*Runner
	table    *store.Counter
	runs     *run.Store
	backups  *Backups
	patience run.Patience

	run      *run.Run
	input    Input
	uri      calendar.URI
	provider Provider
	zone     *time.Location // of the run's days, and of the retention's

	draft draft
	saved time.Time // when the progress was stored last
}

// draft is what an attempt has made so far: what is handed on to the next worker.
type draft struct {
	Attempt  string     `json:"attempt"`
	Manifest Manifest   `json:"manifest"`
	LeftOut  []run.Item `json:"left_out,omitempty"` // of the iCalendar file, the first ones
	// OwnClocks is nil if there are none.
	OwnClocks *OwnClocks `json:"own_clocks,omitempty"`
	// Otherwise is Result.Otherwise.
	Otherwise string `json:"found_otherwise,omitempty"`
}

const (
	draftName = "draft.json"
	maxDraft  = 1 << 20
)

// saveEvery is how often the progress is stored.
const saveEvery = 3 * time.Second

// maxItems is how many of the events that were left out are named.
const maxItems = 200

var (
	// errEnded means that the run has ended meanwhile: it was cancelled, or another worker was faster.
	errEnded = errors.New("backup: the run has ended")
	// errLate means that the calendar was not read to its end in time.
	errLate = errors.New("backup: out of time")
)

// Run makes a backup: it reads the calendar into the JSONL file, makes the other files of that, which proves it, proves those, and writes the
// manifest. A calendar that cannot be read to its end in the time of one worker would be begun anew for ever: then the run fails and says so. See
// run.Handler for the errors.
func (r *Runner) Run(ctx context.Context, rn *run.Run) error {
	table := &store.Counter{Table: r.Table}
	x := &execution{
		Runner: r, table: table, runs: run.NewStore(table), backups: New(table, r.Blobs), patience: run.Patience{Clock: r.Clock, HandOn: r.HandOn},
		run: rn,
	}
	err := x.backUp(ctx)
	if err == nil || errors.Is(err, run.ErrHandOn) {
		return err
	}
	if !errors.Is(err, errEnded) && !errors.Is(x.reread(ctx), errEnded) { // whoever ended it has removed what this attempt was at
		return err
	}
	return x.leave(ctx)
}

func (x *execution) backUp(ctx context.Context) error {
	if err := x.prepare(ctx); err != nil {
		return err
	}
	if err := x.backups.tidy(ctx, x.run.User, x.runs); err != nil { // of others: no reason to make no backup
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("left over files of backups not removed")
	}
	if err := x.resume(ctx); err != nil {
		return err
	}
	if len(x.draft.Manifest.Files) == 0 {
		if err := x.read(ctx); err != nil {
			return err
		}
	}
	if err := x.complete(ctx); err != nil {
		if errors.Is(err, run.ErrHandOn) {
			if err := x.keepDraft(ctx); err != nil {
				return err
			}
		}
		return err
	}
	if err := x.end(ctx); err != nil {
		return err
	}
	x.retain(ctx)
	return nil
}

// prepare finds out what is to be done, and stores that the run goes on.
func (x *execution) prepare(ctx context.Context) (err error) {
	rn := x.run
	if len(rn.Input) > 0 {
		if err := json.Unmarshal(rn.Input, &x.input); err != nil {
			return fault.New(fault.Malformed, "the input of run %s is unreadable: %v", rn.ID, err)
		}
	}
	if x.uri, err = calendar.ParseURI(rn.Calendar); err != nil {
		return err
	}
	switch {
	case x.input.Timezone != "":
		x.zone, err = calendar.LoadZone(x.input.Timezone)
	case rn.Config != "":
		x.zone, err = x.Zone(ctx, rn.User, rn.Config)
	default:
		x.zone = time.UTC
	}
	if err != nil {
		return err
	}
	if x.provider, err = x.Provider(ctx, rn.User, x.uri); err != nil {
		return err
	}
	if p, ok := x.provider.(patient); ok {
		x.provider = p.Patiently(func() func(context.Context, error) error { return x.patience.Trial().Again })
	}
	if rn.State == run.Queued {
		rn.State, rn.Started = run.Running, x.Clock().UTC()
	}
	return x.save(ctx, run.NewProgress("reading", 0, 0))
}

// resume goes on with what a worker handed on, or begins an attempt.
func (x *execution) resume(ctx context.Context) error {
	stored, err := run.Retry(ctx, &x.patience, func() (io.ReadCloser, error) {
		stored, err := x.Blobs.Get(ctx, folderOf(x.run.User, x.run.ID)+draftName)
		if errors.Is(err, blob.ErrNotFound) {
			return nil, nil
		}
		return stored, err
	})
	if err != nil {
		return fmt.Errorf("find out what was handed on: %w", err)
	}
	x.draft = draft{Attempt: x.NewID()}
	if stored == nil {
		return nil
	}
	defer stored.Close()
	data, err := io.ReadAll(io.LimitReader(stored, maxDraft))
	if err != nil {
		return fmt.Errorf("find out what was handed on: %w", err)
	}
	var handed draft
	if err := json.Unmarshal(data, &handed); err != nil {
		return fault.New(fault.Malformed, "what was handed on of backup %s is unreadable: %v", x.run.ID, err)
	}
	x.draft = handed
	return nil
}

func (x *execution) keepDraft(ctx context.Context) error {
	data, err := json.Marshal(x.draft)
	if err != nil {
		return fmt.Errorf("hand the backup on: %w", err)
	}
	if err := x.Blobs.Put(ctx, folderOf(x.run.User, x.run.ID)+draftName, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("hand the backup on: %w", err)
	}
	return nil
}

func (x *execution) key(name string) string { return key(x.run.User, x.run.ID, x.draft.Attempt, name) }

// read reads the calendar into the JSONL file. A reading that failed half way begins anew.
func (x *execution) read(ctx context.Context) error {
	m, err := run.Retry(ctx, &x.patience, func() (Manifest, error) { return x.readOnce(ctx) })
	if errors.Is(err, errLate) {
		return fault.New(fault.Conflict, "the calendar has so many events that they cannot be read in the time that a backup has here; nothing was stored. "+
			"Move old events to a calendar of their own, or back it up on a machine of yours: admin-assistant --local backup run")
	}
	x.draft.Manifest = m
	return err
}

// find finds the calendar. One that is not there under its URI is found by what it was known by besides.
func (x *execution) find(ctx context.Context) (calendar.Info, error) {
	info, err := x.provider.Calendar(ctx, x.uri)
	if x.Known == nil || !errors.Is(err, calendar.ErrNotFound) {
		return info, err
	}
	named, e := x.Known(ctx, x.run.User, x.uri)
	if e != nil {
		return info, e
	}
	list, e := x.provider.Calendars(ctx, x.uri.Account)
	if e != nil {
		return info, e
	}
	info, err = named.Pick(list)
	if err == nil {
		x.draft.Otherwise = named.Otherwise(info)
	}
	return info, err
}

func (x *execution) readOnce(ctx context.Context) (Manifest, error) {
	info, err := x.find(ctx)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{
		Format: formatName, Version: manifestVersion, ID: x.run.ID, Job: x.input.Job, Software: x.Software, Made: x.Clock().UTC().Truncate(time.Second),
		Calendar: Calendar{URI: x.uri, ID: info.ID, Name: info.Name},
	}
	if x.run.Config != "" && x.Head != nil {
		if m.LedgerHead, err = x.Head(ctx, x.run.Config); err != nil {
			return Manifest{}, err
		}
	}
	zones, err := x.provider.Zones(ctx, x.uri.Account, info.ID)
	if err != nil {
		return Manifest{}, fmt.Errorf("read the calendar's time zones: %w", err)
	}
	lookup, ownClocks := ics.Lookup(zones), OwnClocks{}
	in := func(*calendar.Kept) bool { return true }
	if x.run.From != (calendar.Date{}) {
		m.Window = &Window{From: x.run.From, To: x.run.To, Timezone: x.zone.String()}
		w, err := calendar.NewWindow(x.run.From, x.run.To, x.zone)
		if err != nil {
			return Manifest{}, err
		}
		in = func(k *calendar.Kept) bool { return within(k, w, lookup) }
	}
	f, err := x.put(ctx, JSONL, func(w io.Writer) error {
		lines, err := newLineWriter(w, header{Format: formatName, Version: formatVersion, Calendar: m.Calendar, Window: m.Window, Zones: zones})
		if err != nil {
			return err
		}
		err = x.provider.Kept(ctx, x.uri.Account, info.ID, func(k calendar.Kept) error {
			if x.patience.Late(ctx) {
				return errLate
			}
			if !in(&k) {
				return nil
			}
			if err := lines.add(k); err != nil {
				return err
			}
			ownClocks.add(&k, lookup)
			return x.saveProgress(ctx, run.NewProgress("reading", lines.counts.Events, 0))
		})
		if unread := new(calendar.Unread); errors.As(err, &unread) {
			for _, s := range unread.Spans {
				m.Unread = append(m.Unread, s.From.UTC())
			}
			err = nil
		}
		m.Counts, m.Content = lines.counts, lines.digest.String()
		return err
	})
	m.Files = []File{f}
	if err == nil && ownClocks.Series > 0 {
		x.draft.OwnClocks = &ownClocks
	}
	return m, err
}

// within says whether something of what is kept is in the window: it starts there or overlaps it. What cannot be understood counts as in it, so
// that nothing is lost.
func within(k *calendar.Kept, w calendar.Window, zones series.Zones) bool {
	start, end := w.Start(), w.End()
	in := func(e *calendar.Event) bool {
		from, err := at(e.Start, e.AllDay, w.Zone, zones)
		to, err2 := at(e.End, e.AllDay, w.Zone, zones)
		return err != nil || err2 != nil || from.Before(end) && (to.After(start) || !from.Before(start))
	}
	if k.Event.Type != calendar.Master {
		return in(&k.Event)
	}
	var replaced []time.Time
	for i := range k.Exceptions {
		if replaced = append(replaced, k.Exceptions[i].OriginalStart); in(&k.Exceptions[i]) {
			return true
		}
	}
	err := series.NewExpander(start, end, zones).Each(k.Event, replaced, func(e calendar.Event) error {
		if in(&e) {
			return errInWindow
		}
		return nil
	})
	return err != nil // an error of the series itself, too
}

// errInWindow ends the walk through a series at the first instance that is in the window.
var errInWindow = errors.New("in the window")

// at reads a time; a date, and one without a zone, in the zone floating.
func at(d calendar.DateTime, date bool, floating *time.Location, zones series.Zones) (time.Time, error) {
	if date {
		wall, err := d.Wall()
		return calendar.StartOfDay(wall.Date, floating), err
	}
	loc := floating
	if d.Zone != "" {
		var err error
		if loc, err = zones(d.Zone); err != nil {
			return time.Time{}, err
		}
	}
	return calendar.DateTime{Local: d.Local}.Instant(loc)
}

// put lets write write a file of the backup, compressed, into blob storage, with memory that does not grow with it.
func (x *execution) put(ctx context.Context, format Format, write func(io.Writer) error) (File, error) {
	from, to := io.Pipe()
	put := make(chan error, 1)
	go func() {
		err := x.Blobs.Put(ctx, x.key(fileNames[format]), from)
		_ = from.CloseWithError(cmp.Or(err, io.ErrClosedPipe)) // whoever still writes need not
		put <- err
	}()
	f := File{Name: fileNames[format], Format: format}
	packed := newPacker(to)
	written := errors.New("the file was not written to its end") // by a panic
	func() {
		defer func() { _ = to.CloseWithError(written) }() // nil is the end of the file
		buffered := bufio.NewWriterSize(packed, 64<<10)
		if written = write(buffered); written == nil {
			written = buffered.Flush()
		}
		if e := packed.Close(); written == nil {
			written = e
		}
	}()
	stored := <-put
	f.Size, f.Compressed = packed.raw.size(), packed.packed.size()
	switch {
	case written != nil && !errors.Is(written, stored): // stored may be what became of it
		return f, written
	case stored != nil:
		return f, fmt.Errorf("store %s: %w", f.Name, stored)
	}
	return f, nil
}

// complete makes the files that the JSONL file is the source of, reads everything back, and compares it with what was written.
func (x *execution) complete(ctx context.Context) error {
	m := &x.draft.Manifest
	c := &Content{Record: &Record{ID: x.run.ID, User: x.run.User, Attempt: x.draft.Attempt}, Manifest: m, blobs: x.Blobs}
	steps := 2 * (len(Formats) - 1)
	each := func(step int, each func(calendar.Kept) error) func(calendar.Kept) error {
		done := 0
		return func(k calendar.Kept) error {
			if x.patience.Late(ctx) {
				return run.ErrHandOn
			}
			if err := each(k); err != nil {
				return err
			}
			done += 1 + len(k.Exceptions)
			return x.saveProgress(ctx, run.NewProgress("writing", step*m.Counts.Events+done, steps*m.Counts.Events))
		}
	}
	if m.File(CSV) == nil || m.File(ICS) == nil {
		made, err := run.Retry(ctx, &x.patience, func() ([]File, error) { return x.make(ctx, c, each) })
		if err != nil {
			return err
		}
		m.Files = append(m.Files[:1], made...)
	}
	for _, format := range []Format{ICS, CSV} {
		if x.patience.Late(ctx) {
			return run.ErrHandOn
		}
		_, err := run.Retry(ctx, &x.patience, func() (any, error) { return nil, c.verify(ctx, format) })
		if err != nil {
			return err
		}
	}
	data, _, err := m.encode()
	if err != nil {
		return err
	}
	if _, err := ParseManifest(bytes.NewReader(data)); err != nil {
		return fmt.Errorf("the manifest is not one: %v", err)
	}
	_, err = run.Retry(ctx, &x.patience, func() (any, error) { return nil, x.Blobs.Put(ctx, x.key(manifestName), bytes.NewReader(data)) })
	return err
}

// make makes the iCalendar and the CSV file of the JSONL file. Reading that one is its proof.
func (x *execution) make(ctx context.Context, c *Content, each func(step int, each func(calendar.Kept) error) func(calendar.Kept) error) ([]File, error) {
	zones, err := c.Zones(ctx)
	if err != nil {
		return nil, err
	}
	survey := ics.NewSurvey(zones, c.Manifest.Made)
	x.draft.LeftOut = nil
	left := 0
	table, err := x.put(ctx, CSV, func(w io.Writer) error {
		rows, err := newCSVWriter(w, zones)
		if err != nil {
			return err
		}
		err = c.Each(ctx, each(0, func(k calendar.Kept) error {
			if err := survey.Add(&k); err != nil {
				left += 1 + len(k.Exceptions)
				if len(x.draft.LeftOut) < maxItems {
					x.draft.LeftOut = append(x.draft.LeftOut, run.Item{Key: k.Event.ID, Plan: json.RawMessage(`{}`), Problem: run.NewProblem(err)})
				}
			}
			return rows.add(&k)
		}))
		if err != nil {
			return err
		}
		return rows.Close()
	})
	if err != nil {
		return nil, err
	}
	file, err := x.put(ctx, ICS, func(w io.Writer) error {
		return survey.Write(w, c.Manifest.Calendar.Name, func(write func(calendar.Kept) error) error { return c.Each(ctx, each(2, write)) })
	})
	file.LeftOut = left
	return []File{file, table}, err
}

// saveProgress stores the progress if that was not done for a while.
func (x *execution) saveProgress(ctx context.Context, p run.Progress) error {
	if x.Clock().Sub(x.saved) < saveEvery {
		return nil
	}
	return x.save(ctx, p)
}

// save stores the run with its progress. Another worker of the same run may do so, too. errEnded means that the run has ended.
func (x *execution) save(ctx context.Context, p run.Progress) error {
	x.run.Progress = p
	x.saved = x.Clock()
	err := x.runs.Update(ctx, x.run)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	return x.reread(ctx)
}

// reread reads the run, which somebody else stored. errEnded means that it has ended.
func (x *execution) reread(ctx context.Context) error {
	newer, err := x.runs.Get(ctx, x.run.User, x.run.ID)
	if err != nil {
		return err
	}
	*x.run = *newer
	if newer.State.Ended() {
		return errEnded
	}
	return nil
}

// endAttempts is how often end tries again when others store the run at the same time.
const endAttempts = 10

// end stores the backup and the end of the run, in one transaction, and removes what other attempts left. When the transaction took effect without
// this worker learning so, the run turns out to have ended: errEnded.
func (x *execution) end(ctx context.Context) error {
	m, rn := &x.draft.Manifest, x.run
	record := &Record{
		ID: rn.ID, User: rn.User, Config: rn.Config, Job: x.input.Job, Calendar: m.Calendar, From: rn.From, To: rn.To, Made: m.Made, Counts: m.Counts,
		Bytes: m.bytes(), OwnClocks: x.draft.OwnClocks, Attempt: x.draft.Attempt,
	}
	var err error
	if _, record.Manifest, err = m.encode(); err != nil {
		return err
	}
	left := m.File(ICS).LeftOut
	items := x.draft.LeftOut
	for _, start := range m.Unread {
		items = append(items, run.Item{Key: start.Format(time.RFC3339), Plan: json.RawMessage(`{}`), Problem: run.NewProblem(fault.New(fault.Malformed,
			"an event that starts then cannot be read and is not in the backup; look for it in Outlook, and delete it or save it anew"))})
	}
	for attempt := 1; ; attempt++ {
		state := run.Succeeded
		if left+len(m.Unread) > 0 {
			state = run.Partial
		}
		if err := x.runs.PutItems(ctx, rn, items); err != nil {
			return err
		}
		result := Result{ID: rn.ID, Counts: m.Counts, Bytes: record.Bytes, LeftOut: left, Unread: m.Unread, Content: m.Content,
			Otherwise: x.draft.Otherwise, Manifest: record.Manifest,
			Cost: run.CostOf(x.table, &x.patience, x.provider),
		}
		if record.OwnClocks != nil {
			result.OwnClocks = record.OwnClocks.Series
		}
		if rn.Result, err = json.Marshal(result); err != nil {
			return fmt.Errorf("store the result: %w", err)
		}
		rn.Failed, rn.Progress.Total = left+len(m.Unread), m.Counts.Events
		ops := append(rn.End(state, x.Clock()), store.Op{Put: record.item(), If: store.Absent()})
		_, err = run.Retry(ctx, &x.patience, func() (any, error) { return nil, x.table.Transact(ctx, ops) })
		if err == nil {
			rn.Stored()
			break
		}
		if !errors.Is(err, store.ErrConflict) || attempt == endAttempts {
			return fmt.Errorf("end the run: %w", err)
		}
		if err := x.reread(ctx); err != nil {
			return err
		}
	}
	if err := x.backups.clear(ctx, folderOf(rn.User, rn.ID), x.key("")); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("left over files of backups not removed")
	}
	zerolog.Ctx(ctx).Info().Int("events", m.Counts.Events).Int("left_out", left).Int("unread", len(m.Unread)).Int64("bytes", record.Bytes).Msg("backup finished")
	return nil
}

// leave removes what this attempt made of a run that has ended without it.
func (x *execution) leave(ctx context.Context) error {
	r, err := x.backups.find(ctx, x.run.User, x.run.ID)
	keep := ""
	switch {
	case err == nil:
		keep = key(r.User, r.ID, r.Attempt, "")
	case fault.Of(err) != fault.NotFound:
		return err
	}
	if err := x.backups.clear(ctx, folderOf(x.run.User, x.run.ID), keep); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("left over files of backups not removed")
	}
	return nil
}

// retain deletes the backups of the run's job that no rule keeps. What fails is for the job's next run.
func (x *execution) retain(ctx context.Context) {
	if x.input.Job == "" || x.input.Retention == (Retention{}) || !flag.KeptOn(x.run.Flags, flag.DeleteOldBackups) {
		return
	}
	deleted := 0
	err := x.backups.retain(ctx, x.run.User, x.run.ID, x.input, x.zone, func(id string) error {
		deleted++
		if x.Deleted == nil {
			return nil
		}
		return x.Deleted(ctx, x.run, id)
	})
	if err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("old backups not deleted")
	}
	if deleted > 0 {
		zerolog.Ctx(ctx).Info().Int("deleted", deleted).Msg("old backups deleted")
	}
}
