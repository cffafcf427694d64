// Package imports carries import runs out: an iCalendar file that a user uploaded is put into a local calendar, all of it or nothing.
//
// That the events are there and that the run has ended is one transaction, so that a run which is delivered again changes nothing and reports the
// same. What the import changed is kept as it was, for who takes the import back; see Undoer.
package imports

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/rs/zerolog"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// Input is what a run imports.
type Input struct {
	Upload string `json:"upload"`
	SHA256 string `json:"sha256"` // of the file, in hexadecimal
	Strict bool   `json:"strict,omitempty"`
	Mirror bool   `json:"mirror,omitempty"` // see importing.Options
}

// Calendars are a user's local calendars.
type Calendars interface {
	// Calendar finds the one that uri names. Errors: calendar.ErrNotFound, ErrAmbiguous.
	Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	// ImportWith puts a file into a calendar by the operations that commit is given, as one transaction with at most eight of its own. units are what
	// will be otherwise. An error means that nothing was written.
	ImportWith(ctx context.Context, account, calendarID string, f ics.File, how importing.Options,
		commit func(ctx context.Context, report importing.Report, units []importing.Unit, ops []store.Op) error) (importing.Report, error)
	// Units returns what a calendar has under the ids of units.
	Units(ctx context.Context, account, calendarID string, ids []string) (map[string][]calendar.Event, error)
	// RewriteWith makes of units what change says, by the operations that commit is given, as one transaction with at most eight of its own.
	RewriteWith(ctx context.Context, account, calendarID string, ids []string, change func(id string, was []calendar.Event) []calendar.Event,
		commit func(ctx context.Context, ops []store.Op) error) error
}

// Runner carries import runs out.
type Runner struct {
	Table store.Table
	Blobs blob.Blob
	// Open returns what a user uploaded. Another file than was uploaded is of kind fault.Conflict, one that is gone fault.NotFound.
	Open func(ctx context.Context, user, id, sha256 string) ([]byte, error)
	// Used is called when a run has imported a file for good; nobody needs it any more who has not uploaded it once more since the run was made.
	Used func(ctx context.Context, user, id string, since time.Time) error
	// Local returns a user's calendars.
	Local func(user string) Calendars
	// Folder is where what is kept of a user's lies among the blobs, with a slash at its end.
	Folder func(user string) string
	Clock  func() time.Time
	NewID  func() string
	// LeaseFor is how long the calendar stays reserved: longer than it takes to write the file's events.
	LeaseFor time.Duration
	// MostEvents is how many bytes of events a file has at most; see ics.ReadUpTo.
	MostEvents int64
}

var _ run.Handler = (*Runner)(nil)

// Item is what became of one event of the file, as the plan of a run's item.
type Item struct {
	importing.Imported
	// Line and Reason are of an event that was set aside.
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// SetAside is the outcome of what was set aside.
const SetAside importing.Outcome = "set_aside"

// Run imports the file of a run, and ends the run with it.
func (r *Runner) Run(ctx context.Context, rn *run.Run) (err error) {
	var in Input
	if err := json.Unmarshal(rn.Input, &in); err != nil {
		return fault.New(fault.Malformed, "what run %s is to import is unreadable: %v", rn.ID, err)
	}
	uri, err := calendar.ParseURI(rn.Calendar)
	if err != nil {
		return err
	}
	data, err := r.Open(ctx, rn.User, in.Upload, in.SHA256)
	if err != nil {
		return err
	}
	file, err := Read(data, r.MostEvents)
	if err != nil {
		return err
	}
	calendars := r.Local(rn.User)
	info, err := calendars.Calendar(ctx, uri)
	if err != nil {
		return err
	}
	hold, err := r.begin(ctx, rn, uri, info.ID)
	if err != nil {
		return err
	}
	defer hold.Release(ctx)
	how := importing.Options{DryRun: rn.Options.DryRun, Strict: in.Strict, Mirror: in.Mirror}
	report, err := calendars.ImportWith(ctx, uri.Account, info.ID, file, how,
		func(ctx context.Context, report importing.Report, units []importing.Unit, ops []store.Op) error {
			if err := r.keep(ctx, rn, units); err != nil {
				return err
			}
			return r.end(ctx, rn, hold, report, ops)
		})
	if err == nil && how.DryRun {
		err = r.end(ctx, rn, hold, report, nil)
	}
	if err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("state", string(rn.State)).Int("total", report.Total).Int("added", report.Added).Int("changed", report.Changed).
		Int("removed", report.Removed).Int("set_aside", report.SetAside).Bool("dry_run", how.DryRun).Msg("import run finished")
	if !how.DryRun {
		if err := r.Used(ctx, rn.User, in.Upload, rn.Created); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("an uploaded file was not removed") // it goes by itself within a day
		}
	}
	return nil
}

// begin reserves the calendar, which a dry run does not need.
func (r *Runner) begin(ctx context.Context, rn *run.Run, uri calendar.URI, id string) (*run.Hold, error) {
	rn.Progress = run.NewProgress("writing", 0, 0)
	if rn.Options.DryRun {
		return run.Begin(ctx, r.Table, rn, "", "", 0, r.Clock, nil)
	}
	name := run.LeaseName(rn.User, uri, id)
	found, err := r.Table.GetMany(ctx, []store.Key{run.LeaseKey(name)})
	if err != nil {
		return nil, fmt.Errorf("read the lease: %w", err)
	}
	return run.Begin(ctx, r.Table, rn, name, rn.ID+"/"+r.NewID(), r.LeaseFor, r.Clock, found)
}

// end ends the run together with other operations.
func (r *Runner) end(ctx context.Context, rn *run.Run, hold *run.Hold, report importing.Report, ops []store.Op) error {
	items := make([]run.Item, 0, len(report.Items)+len(report.Aside))
	add := func(key string, written bool, it Item) error {
		plan, err := json.Marshal(it)
		items = append(items, run.Item{Key: key, Plan: plan, Written: written && !report.DryRun})
		return err
	}
	for _, it := range report.Items {
		written := it.Outcome == importing.Added || it.Outcome == importing.Changed || it.Outcome == importing.Removed
		if err := add(it.UID+"/"+it.Instance, written, Item{Imported: it}); err != nil {
			return err
		}
	}
	for _, a := range report.Aside {
		it := Item{Imported: importing.Imported{UID: a.UID, Subject: a.Subject, Outcome: SetAside}, Line: a.Line, Reason: a.Reason, Detail: a.Detail}
		if err := add(a.UID, false, it); err != nil {
			return err
		}
	}
	if err := run.NewStore(r.Table).PutItems(ctx, rn, items); err != nil {
		return err
	}
	var err error
	if rn.Result, err = json.Marshal(newResult(report)); err != nil {
		return err
	}
	rn.Progress = run.NewProgress("done", report.Total, report.Total)
	state := run.Succeeded
	if report.SetAside > 0 {
		state = run.Partial
	}
	hold.Ends(state)
	if err := r.Table.Transact(ctx, slices.Concat(ops, hold.Ending())); err != nil {
		rn.State, rn.Ended = run.Running, time.Time{}
		return fmt.Errorf("end the run: %w", err)
	}
	hold.Done()
	return nil
}

// kept is what a run changed together, as a line of JSON.
type kept struct {
	ID  string           `json:"id"`
	UID string           `json:"uid"`
	Was []calendar.Event `json:"was,omitempty"` // none: it was not there
	// Wrote is the print of what the run left there, see printOf.
	Wrote string `json:"wrote"`
}

// keptName is the blob of a run, in the user's folder, that has what it changed, a line each.
func keptName(id string) string { return "imported-" + id + ".jsonl" }

func (r *Runner) keep(ctx context.Context, rn *run.Run, units []importing.Unit) error {
	if len(units) == 0 {
		return nil
	}
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for i := range units {
		u := &units[i]
		if err := lines.Encode(kept{ID: u.ID, UID: uidOf(u.Was, u.Is), Was: u.Was, Wrote: printOf(u.Is)}); err != nil {
			return fmt.Errorf("keep what run %s changes: %w", rn.ID, err)
		}
	}
	if err := r.Blobs.Put(ctx, r.Folder(rn.User)+keptName(rn.ID), &text); err != nil {
		return fmt.Errorf("keep what run %s changes: %w", rn.ID, err)
	}
	return nil
}

// kept returns what a run changed, in the order in which it did; none if it changed nothing, or if that is not kept any more.
func (r *Runner) kept(ctx context.Context, user, id string) (all []kept, err error) {
	stored, err := r.Blobs.Get(ctx, r.Folder(user)+keptName(id))
	if errors.Is(err, blob.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what run %s changed: %w", id, err)
	}
	defer stored.Close()
	for lines := json.NewDecoder(stored); ; {
		var k kept
		if err := lines.Decode(&k); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fault.New(fault.Malformed, "what run %s changed is unreadable: %v", id, err)
		}
		all = append(all, k)
	}
}

// uidOf is the UID of what some events are or were.
func uidOf(all ...[]calendar.Event) string {
	for _, events := range all {
		if len(events) > 0 {
			return events[0].ICalUID
		}
	}
	return ""
}

// printOf stands for what events are to their user: not when they were stored, nor which revision of theirs it is.
func printOf(events []calendar.Event) string {
	plain := slices.Clone(events)
	for i := range plain {
		e := &plain[i]
		e.Stamp, e.Sequence, e.Created, e.LastModified, e.ChangeKey, e.ETag = time.Time{}, 0, time.Time{}, time.Time{}, "", ""
	}
	text, err := json.Marshal(plain)
	if err != nil {
		panic("imports: " + err.Error()) // plain data
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text))
}

// Read reads an iCalendar file, which may be compressed by zstd, of at most so many bytes of events. What is no such file is of kind fault.Invalid.
func Read(data []byte, most int64) (ics.File, error) {
	var from io.Reader = bytes.NewReader(data)
	if bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}) { // RFC 8878, section 3.1.1
		unpacked, err := zstd.NewReader(from, zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return ics.File{}, err
		}
		defer unpacked.Close()
		from = unpacked
	}
	return ics.ReadUpTo(from, most)
}
