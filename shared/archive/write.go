package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// ChangeKind says what a change does to the archive calendar.
type ChangeKind int

const (
	Create ChangeKind = iota // a copy is created
	Update                   // the copy of the version before is changed
	Remove                   // the copy of the version before is removed
	Note                     // nothing; only the ledger changes
)

// Change is one new version in the ledger, and what it does to the archive calendar. Entry is the new version; the attempt adds its version
// number, run, time, actor, state, draft and copy.
type Change struct {
	Kind  ChangeKind
	Entry ledger.Entry
	// Text is that of the copy; nil: what copies have of their source's, see calendar.CopyBody.
	Text *calendar.Body
	// As is a copy as it was written earlier, to be written like that again but for its mark and transaction id; nil: it follows from the appointment. Of a
	// Note it is what the copy shows.
	As *calendar.Draft
}

// chunk is how many entries are written together: recorded as intended, written to the archive calendar, recorded as done. It is a multiple of
// the twenty requests that fit into one of Graph's batches, and few enough for one transaction before and one after.
const chunk = 40

// Write makes the changes in the ledger and the archive calendar, each exactly once in effect. It goes chunk by chunk: the ledger records the
// entries as intended, the copies are written, the ledger records the entries as done. It returns what became of each change, in order. With
// run.ErrHandOn another worker has to do the rest: it finds in the ledger what was begun.
func (a *Attempt) Write(ctx context.Context, changes []Change) ([]Written, error) {
	return a.write(ctx, changes, func(done int) run.Progress { return run.NewProgress("writing", done, len(changes)) })
}

// write is Write with the run's progress as a function of how many changes are done.
func (a *Attempt) write(ctx context.Context, changes []Change, progress func(done int) run.Progress) ([]Written, error) {
	if len(changes) > 0 {
		if err := a.readyArchive(ctx); err != nil {
			return nil, err
		}
	}
	written := make([]Written, len(changes))
	for done := 0; done < len(changes); {
		if a.patience.Late(ctx) {
			return nil, run.ErrHandOn
		}
		var entries []*ledger.Entry
		begun := done
		for ; done < len(changes); done++ {
			versions, err := a.versions(&changes[done])
			if err != nil {
				a.wrote[changes[done].Entry.Key] = Written{Outcome: changes[done].Entry.Outcome, Problem: run.NewProblem(err)}
				continue
			}
			if len(entries)+len(versions) > chunk {
				break
			}
			entries = append(entries, versions...)
		}
		a.run.Progress = progress(begun)
		if err := a.writeChunk(ctx, entries, changes[begun:], progress(done)); err != nil {
			return nil, err
		}
		for i := begun; i < done; i++ {
			written[i] = a.wrote[changes[i].Entry.Key]
		}
	}
	return written, nil
}

// writeChunk writes the entries of some changes. left are these changes and all after them. then is the run's progress afterwards.
func (a *Attempt) writeChunk(ctx context.Context, entries []*ledger.Entry, left []Change, then run.Progress) error {
	if len(entries) == 0 {
		return nil
	}
	if err := a.writeEntries(ctx, entries, a.span(left)); err != nil {
		return err
	}
	a.books.added = append(a.books.added, entries...)
	defer a.books.learn(entries)
	copies := slices.DeleteFunc(slices.Clone(entries), func(e *ledger.Entry) bool { return e.State != ledger.Intended })
	if len(copies) == 0 {
		return nil
	}
	if err := a.show(ctx, copies, false); err != nil {
		return err
	}
	a.run.Progress = then
	return a.writeEntries(ctx, copies, ledger.Span{})
}

// span bounds the starts of all entries that the changes can make.
func (a *Attempt) span(changes []Change) ledger.Span {
	s := ledger.Span{From: changes[0].Entry.Appointment.Start, To: changes[0].Entry.Appointment.Start}
	for i := range changes {
		e := &changes[i].Entry
		starts := []time.Time{e.Appointment.Start}
		if old := a.books.newest[e.Key]; old != nil { // versions may add a note at the old place
			starts = append(starts, old.Appointment.Start)
		}
		for _, t := range starts {
			s.From, s.To = earlier(s.From, t), later(s.To, t.Add(time.Second))
		}
	}
	return s
}

// versions returns the entries that a change adds to the ledger. It is one; where the start changed, a note at the old place comes before it.
// When an entry is too large to be stored, the error is of kind fault.Invalid.
func (a *Attempt) versions(c *Change) ([]*ledger.Entry, error) {
	e := c.Entry
	e.Config, e.Version = a.config.ID, a.books.places.Versions(e.Lineage, e.Key)+1
	e.Run, e.Time, e.Actor, e.State = a.run.ID, a.Clock().UTC(), a.run.User, ledger.Done
	old := a.books.newest[e.Key]
	switch c.Kind {
	case Note:
		if old != nil && old.CopyID != "" && old.Draft != nil && e.Outcome == ledger.Archived { // the copy stays as it is
			e.CopyID, e.Draft, e.Kept = cmp.Or(e.CopyID, old.CopyID), old.Draft, true
			if digest := old.Blobs["draft"]; digest != "" {
				e.Blobs = map[string]string{"draft": digest}
			}
			if c.As != nil { // what it shows is not what we wrote
				shown := *c.As
				shown.Mark, shown.TransactionID = old.Draft.Mark, old.Draft.TransactionID
				e.Draft, e.Blobs = &shown, nil
			}
		}
	case Remove:
		e.State = ledger.Intended
	default:
		e.State = ledger.Intended
		if e.Draft = a.draft(c, &e); c.Text != nil {
			e.Draft.Body = *c.Text
		}
		// A copy that was refused may exist all the same, if the request seemed to fail and took effect late. The new one gets the same mark and
		// transaction id, so that there is only one.
		if f := a.books.refused(e.Key); c.Kind == Create && f != nil && f.Draft != nil {
			e.Draft.Mark, e.Draft.TransactionID = f.Draft.Mark, f.Draft.TransactionID
		}
	}
	if (c.Kind == Update || c.Kind == Remove) && e.Replaces == "" && old != nil {
		e.Replaces = old.CopyID
	}
	if c.Kind == Remove && e.Replaces == "" { // there is no copy
		e.State = ledger.Done
	}
	if err := e.Fits(); err != nil {
		return nil, err
	}
	if old == nil || old.Appointment.Start.Equal(e.Appointment.Start) {
		return []*ledger.Entry{&e}, nil
	}
	moved := e
	moved.Outcome, moved.State, moved.Draft, moved.Replaces, moved.Appointment = ledger.Moved, ledger.Done, nil, "", old.Appointment
	moved.CopyID, moved.Kept = "", false
	return []*ledger.Entry{&moved, &e}, nil
}

// draft is the copy that a change writes.
func (a *Attempt) draft(c *Change, e *ledger.Entry) *calendar.Draft {
	if c.As != nil {
		again := *c.As
		again.Mark, again.TransactionID = e.Mark(), e.TransactionID()
		return &again
	}
	d := newDraft(e, a.config.Timezone)
	if a.archive.uri.Provider == calendar.ProviderGraph {
		d.FitOutlook(false)
	}
	return d
}

// carryOn writes entries that an earlier attempt began, chunk by chunk. It first looks which of them the archive calendar shows.
func (a *Attempt) carryOn(ctx context.Context, open []*ledger.Entry) error {
	for some := range slices.Chunk(open, chunk) {
		if err := a.show(ctx, some, true); err != nil {
			return err
		}
		if err := a.writeEntries(ctx, some, ledger.Span{}); err != nil {
			return err
		}
	}
	return nil
}

// writeEntries stores entries together with the run's progress, if the attempt still has the lease. span bounds the starts of those that are
// to follow.
func (a *Attempt) writeEntries(ctx context.Context, entries []*ledger.Entry, span ledger.Span) error {
	for some := range slices.Chunk(entries, ledger.MaxWrite) {
		if err := a.books.ledger.Write(ctx, &a.books.head, &a.books.places, span, some, a.hold.Guard()...); err != nil {
			return err
		}
		a.hold.Done()
	}
	return nil
}

// show writes the entries' drafts to the archive calendar, and sets each entry to done or failed. After an error it is unknown which of the
// entries were written. begun says that an earlier attempt may have written some.
func (a *Attempt) show(ctx context.Context, entries []*ledger.Entry, begun bool) error {
	for _, e := range entries {
		if err := a.books.ledger.Load(ctx, e); err != nil {
			return err
		}
	}
	pick := func(open []int) []*ledger.Entry {
		some := make([]*ledger.Entry, len(open))
		for i, at := range open {
			some[i] = entries[at]
		}
		return some
	}
	err := run.EachWrite(ctx, &a.patience, len(entries), run.Writes{
		Begun: begun,
		Look: func(ctx context.Context, open []int) (map[int]calendar.WriteResult, error) {
			shown, err := a.shown(ctx, pick(open))
			there := map[int]calendar.WriteResult{}
			for _, at := range open {
				e := entries[at]
				if e.Removes() {
					continue // it may be removed twice
				}
				copied, ok := shown[e.Draft.Mark]
				if m, _ := ledger.ParseMark(e.Draft.Mark); ok && m.Hash == ledger.HashInMark(e.SourceHash) { // else it shows an earlier version, which was refused
					there[at] = calendar.WriteResult{ID: copied.ID}
				}
			}
			return there, err
		},
		Write: func(ctx context.Context, open []int) ([]calendar.WriteResult, error) {
			return a.writeCopies(ctx, pick(open))
		},
		Settles: a.archive.settles(),
		Renew: func(i, nth int) { // of a create: nothing else has such an id
			entries[i].Draft.TransactionID = calendar.Renewed(entries[i].Draft.TransactionID, nth)
		},
	}, func(i int, r calendar.WriteResult) {
		e := entries[i]
		e.State, e.CopyID, e.Failure = ledger.Done, r.ID, ""
		if r.Err != nil {
			e.State, e.CopyID, e.Failure = ledger.Failed, "", run.NewProblem(r.Err).Detail
		}
		a.note(e)
	})
	if err != nil {
		return fmt.Errorf("write the archive calendar: %w", err)
	}
	return nil
}

// shown returns, by mark, those of the entries' copies that are in the archive calendar.
func (a *Attempt) shown(ctx context.Context, entries []*ledger.Entry) (map[string]calendar.Event, error) {
	marks := make([]string, 0, len(entries))
	for _, e := range entries {
		if !e.Removes() {
			marks = append(marks, e.Draft.Mark)
		}
	}
	if len(marks) == 0 {
		return nil, nil
	}
	return a.archive.provider.Marked(ctx, a.archive.uri.Account, a.archive.info.ID, marks)
}

// update changes copies, and returns which of them are not there. at says where in results the one of each update belongs.
func (a *Attempt) update(ctx context.Context, updates []calendar.Update, at []int, results []calendar.WriteResult) (gone []int, err error) {
	if len(updates) == 0 {
		return nil, nil
	}
	updated, err := a.archive.provider.Update(ctx, a.archive.uri.Account, a.archive.info.ID, updates)
	if err != nil {
		return nil, err
	}
	for i, r := range updated {
		if results[at[i]] = r; errors.Is(r.Err, calendar.ErrNotFound) {
			gone = append(gone, at[i])
		}
	}
	return gone, nil
}

// underOtherIDs looks for copies by their marks, in the whole account, that are not in the archive calendar under their ids: when a mailbox is moved or
// imported, ids change, and users move events. It returns the updates of those that the archive calendar has, and which ones it has no longer.
func (a *Attempt) underOtherIDs(ctx context.Context, entries []*ledger.Entry, missing []int) (updates []calendar.Update, at, gone []int, err error) {
	if len(missing) == 0 {
		return nil, nil, nil, nil
	}
	moved, err := a.movedAway(ctx, entries, missing)
	if err != nil {
		return nil, nil, nil, err
	}
	lineages := make([]string, len(missing))
	for i, at := range missing {
		lineages[i] = entries[at].Lineage
	}
	if _, err := a.books.find(ctx, lineages); err != nil { // of what an earlier attempt began, the versions before are not known
		return nil, nil, nil, err
	}
	marksOf := func(e *ledger.Entry) []string { // of this version, and of the one that the copy shows
		var marks []string
		if e.Draft != nil {
			marks = append(marks, e.Draft.Mark)
		}
		if old := a.books.newest[e.Key]; old != nil && old.Draft != nil {
			marks = append(marks, old.Draft.Mark)
		}
		return marks
	}
	var marks []string
	for _, i := range missing {
		marks = append(marks, marksOf(entries[i])...)
	}
	carrying, err := a.carrying(ctx, marks)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, i := range missing {
		e := entries[i]
		var found *carrier // the oldest: whoever copies an event makes a younger one
		for _, mark := range marksOf(e) {
			for _, one := range carrying[mark] {
				if found == nil || one.event.Created.Before(found.event.Created) {
					found = one
				}
			}
		}
		switch {
		case found != nil && found.calendar.ID != a.archive.info.ID:
			a.elsewhere[e.Key] = found.calendar.Name
			gone = append(gone, i)
		case found == nil || moved[e.Replaces]: // what has its mark in the archive is a copy that the user made
			gone = append(gone, i)
		default:
			u := calendar.Update{ID: found.event.ID}
			if !e.Removes() {
				u.Draft = *e.Draft
			}
			updates, at = append(updates, u), append(at, i)
		}
	}
	return updates, at, gone, nil
}

// carrier is an event that carries a mark of ours.
type carrier struct {
	event    calendar.Event
	calendar calendar.Info
}

// mostSearched is in how many calendars beside the archive calendar a copy is looked for.
const mostSearched = 20

// carrying returns, by mark, the oldest event of each calendar that carries it. The first ones are the archive calendar's. Others are searched that events
// can be moved into, in accounts where an event can be moved at all.
func (a *Attempt) carrying(ctx context.Context, marks []string) (map[string][]*carrier, error) {
	carrying := map[string][]*carrier{}
	search := func(in calendar.Info) error {
		found, err := a.archive.provider.Marked(ctx, a.archive.uri.Account, in.ID, marks)
		for mark, e := range found {
			carrying[mark] = append(carrying[mark], &carrier{e, in})
		}
		return err
	}
	if err := search(a.archive.info); err != nil {
		return nil, err
	}
	if _, able := a.archive.provider.(everywhere); !able {
		return carrying, nil
	}
	searched := 0
	for _, in := range a.archive.siblings {
		if in.ID == a.archive.info.ID || !in.CanEdit || searched == mostSearched {
			continue
		}
		searched++
		// A calendar that somebody shared may be out of reach for good. That must not keep the run from writing.
		if err := search(in); fault.Of(err).Transient() && !errors.Is(err, calendar.ErrOutOfReach) {
			return nil, fmt.Errorf("look for copies in calendar %s: %w", in.ID, err)
		}
	}
	return carrying, nil
}

// movedAway returns the ids of those missing copies that somebody moved to another calendar of the account, or to its deleted items.
func (a *Attempt) movedAway(ctx context.Context, entries []*ledger.Entry, missing []int) (map[string]bool, error) {
	p, able := a.archive.provider.(everywhere)
	if !able {
		return nil, nil
	}
	var ids []string
	for _, i := range missing {
		ids = append(ids, entries[i].Replaces)
	}
	there, err := p.Anywhere(ctx, a.archive.uri.Account, ids)
	if err != nil {
		return nil, fmt.Errorf("look for copies in other calendars: %w", err)
	}
	moved := make(map[string]bool, len(there))
	for id := range there {
		moved[id] = true
	}
	return moved, nil
}

// writeCopies writes each draft once. Where somebody deleted the copy that is to be changed, a new one is created.
func (a *Attempt) writeCopies(ctx context.Context, entries []*ledger.Entry) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(entries))
	var updates, creates, removals []int
	for i, e := range entries {
		if e.Removes() {
			removals = append(removals, i)
		} else if e.Replaces != "" {
			updates = append(updates, i)
		} else {
			creates = append(creates, i)
		}
	}
	if len(updates) > 0 {
		changes := make([]calendar.Update, len(updates))
		for i, at := range updates {
			changes[i] = calendar.Update{ID: entries[at].Replaces, Draft: *entries[at].Draft}
		}
		gone, err := a.update(ctx, changes, updates, results)
		if err != nil {
			return nil, err
		}
		changes, updates, gone, err = a.underOtherIDs(ctx, entries, gone)
		if err != nil {
			return nil, err
		}
		creates = append(creates, gone...)
		if gone, err = a.update(ctx, changes, updates, results); err != nil {
			return nil, err
		}
		creates = append(creates, gone...)
	}
	if err := a.removeCopies(ctx, entries, removals, results); err != nil {
		return nil, err
	}
	if len(creates) == 0 {
		return results, nil
	}
	drafts := make([]calendar.Draft, len(creates))
	for i, at := range creates {
		drafts[i] = *entries[at].Draft
	}
	created, err := a.archive.provider.Create(ctx, a.archive.uri.Account, a.archive.info.ID, drafts)
	if err != nil {
		return nil, err
	}
	for i, at := range creates {
		if results[at] = created[i]; errors.Is(created[i].Err, calendar.ErrNotFound) {
			return nil, fault.New(fault.NotFound, "archive calendar %q was deleted while the run wrote it; nothing is lost, start the run again", a.archive.uri.Calendar)
		}
	}
	return results, nil
}

// removeCopies removes the copies that entries replace by nothing. One that is gone already is removed. One without a mark of the ledger is not ours, and
// stays: that is a refusal.
func (a *Attempt) removeCopies(ctx context.Context, entries []*ledger.Entry, removals []int, results []calendar.WriteResult) error {
	if len(removals) == 0 {
		return nil
	}
	p, account, in := a.archive.provider, a.archive.uri.Account, a.archive.info.ID
	ids := make([]string, len(removals))
	for i, at := range removals {
		ids[i] = entries[at].Replaces
	}
	there, err := p.Find(ctx, account, in, ids)
	if err != nil {
		return fmt.Errorf("look for copies to remove: %w", err)
	}
	var missing, ours []int
	ids = ids[:0]
	for _, at := range removals {
		e := entries[at]
		copied, ok := there[e.Replaces]
		switch m, marked := ledger.ParseMark(copied.Mark); {
		case !ok:
			missing = append(missing, at)
		case !marked || m.Config != a.config.ID || m.Key != ledger.KeyInMark(e.Key):
			results[at] = calendar.WriteResult{Err: fault.New(fault.Conflict, "what stands in the place of the copy has no mark of ours, so it was left alone")}
		default:
			ids, ours = append(ids, e.Replaces), append(ours, at)
		}
	}
	renamed, at, _, err := a.underOtherIDs(ctx, entries, missing)
	if err != nil {
		return err
	}
	for i := range renamed {
		ids, ours = append(ids, renamed[i].ID), append(ours, at[i])
	}
	if len(ids) == 0 {
		return nil
	}
	removed, err := p.Delete(ctx, account, in, ids)
	if err != nil {
		return fmt.Errorf("remove copies: %w", err)
	}
	for i, at := range ours {
		results[at] = calendar.WriteResult{Err: removed[i].Err}
	}
	return nil
}
