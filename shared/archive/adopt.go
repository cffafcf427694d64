package archive

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// reasonAdopted is the reason that the ledger gives for a version that it adopted.
const reasonAdopted = "adopted from another ledger"

// adopt records the copies of other ledgers in the archive calendar in this ledger, and plans again with them as archived. The copies stay
// as they are. Where the source has changed since, that is drift like any other. A ReadOnly attempt records nothing, and plans as if it had.
func (s *survey) adopt(ctx context.Context) error {
	a := s.attempt
	copies, _, err := a.strangers(ctx)
	if err != nil || len(copies) == 0 {
		return err
	}
	ids := make([]string, 0, len(copies))
	for id := range copies {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(strings.Compare(copies[a].Key, copies[b].Key), strings.Compare(a, b))
	})
	items, adopted := s.byMark(), map[string]bool{}
	for begun, end := 0, 0; begun < len(ids); begun = end {
		end = min(begun+chunk, len(ids))
		for end < len(ids) && copies[ids[end]].Key == copies[ids[end-1]].Key { // which of them is the oldest is known when all are read
			end++
		}
		some := ids[begun:end]
		changes, err := s.adoption(ctx, some, copies, items, adopted)
		if err != nil {
			return err
		}
		s.leftAside += len(some) - len(changes)
		if a.access == ReadOnly {
			for i := range changes {
				a.books.newest[changes[i].Entry.Key] = &changes[i].Entry
			}
			s.adopted += len(changes)
			continue
		}
		progress := func(done int) run.Progress { return run.NewProgress("adopting", begun+done, len(ids)) }
		if _, err := a.write(ctx, changes, progress); err != nil {
			return err
		}
	}
	return s.makePlan(ctx)
}

// byMark returns the plan's items by the form of their key that marks have. Where two items share it, the one that was not merged, absorbed
// or excluded is returned.
func (s *survey) byMark() map[string]*Item {
	items := make(map[string]*Item, len(s.plan.Items))
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		if it.Event == nil {
			continue
		}
		key := ledger.KeyInMark(it.Key)
		counts := it.Outcome != Merged && it.Outcome != Absorbed && it.Outcome != Excluded
		if items[key] == nil || counts {
			items[key] = it
		}
	}
	return items
}

// adoption returns the changes that record some copies in the ledger. A copy is left aside when it is unknown which event it shows, or when
// the ledger, or an older one of the copies, has that event already: whoever copies a copy makes a younger one.
func (s *survey) adoption(
	ctx context.Context, ids []string, copies map[string]ledger.Mark, items map[string]*Item, adopted map[string]bool,
) ([]Change, error) {
	there, err := s.readCopies(ctx, ids)
	if err != nil {
		return nil, err
	}
	ids = slices.SortedStableFunc(slices.Values(ids), func(a, b string) int { return there[a].Created.Compare(there[b].Created) })
	var changes []Change
	var lineages []string
	for _, id := range ids {
		e, ok := there[id]
		if !ok {
			continue // it was deleted since it was listed
		}
		entry, err := s.adoptedEntry(&e, copies[id], items[copies[id].Key])
		if err != nil {
			continue
		}
		changes = append(changes, Change{Kind: Update, Entry: entry, Text: &e.Body}) // an adopted copy keeps its text
		lineages = append(lineages, entry.Lineage)
	}
	if _, err := s.attempt.books.find(ctx, lineages); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(changes, func(c Change) bool {
		old := s.attempt.books.newest[c.Entry.Key]
		if adopted[c.Entry.Key] || old != nil && old.Outcome == ledger.Archived && old.CopyID != c.Entry.Replaces {
			return true
		}
		adopted[c.Entry.Key] = true
		return false
	}), nil
}

// readCopies returns copies with their bodies, by id. Copies that are gone, or do not let themselves be read, are left out.
func (s *survey) readCopies(ctx context.Context, ids []string) (map[string]calendar.Event, error) {
	a, at := s.attempt, &s.attempt.archive
	there, err := read(ctx, a, at, func() (map[string]calendar.Event, error) {
		return at.provider.Find(ctx, at.uri.Account, at.info.ID, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("read copies of another ledger: %w", err)
	}
	var unread []string
	for id, e := range there {
		if e.BodyUnread {
			unread = append(unread, id)
		}
	}
	if len(unread) == 0 {
		return there, nil
	}
	slices.Sort(unread)
	bodies, err := read(ctx, a, at, func() (map[string]calendar.Body, error) {
		return at.provider.Bodies(ctx, at.uri.Account, at.info.ID, unread, s.window.Start(), s.window.End())
	})
	if err != nil {
		return nil, fmt.Errorf("read texts of copies of another ledger: %w", err)
	}
	for _, id := range unread {
		body, told := bodies[id]
		if !told { // adopted without it, the text would be lost
			delete(there, id)
			continue
		}
		e := there[id]
		e.Body, e.BodyUnread = body, false
		there[id] = e
	}
	return there, nil
}

// adoptedEntry returns the ledger's entry for a copy. Key and hash are those of its mark, the appointment is the one that the copy shows. item
// is the plan's item of that key, nil if the window has none. Errors are of kind fault.Invalid.
func (s *survey) adoptedEntry(e *calendar.Event, m ledger.Mark, item *Item) (ledger.Entry, error) {
	key, lineage := m.Key, m.Key
	switch {
	case item != nil:
		key = item.Key
		lineage = ledger.Lineage(item.Event, key)
	case ledger.KeyInMark(m.Key) != m.Key:
		return ledger.Entry{}, fault.New(fault.Invalid, "the mark of a copy has its key as a hash, and the window has no event of that key")
	case m.Single:
		if uid, ok := uidOf(key); ok {
			lineage = uid
		}
	}
	appointment, err := readAppointment(e, s.settings)
	if err != nil {
		return ledger.Entry{}, err
	}
	shown := *e
	shown.Mark = ""
	entry := ledger.Entry{
		Key: key, Lineage: lineage, Single: lineage != key, Outcome: ledger.Archived, Reason: reasonAdopted,
		SourceHash: markedHash(m), Hash: StandingHash(&appointment, BodyDigest(e.Body)), Appointment: appointment, Source: shown, BodyDigest: BodyDigest(e.Body),
		Replaces: e.ID, CopyID: e.ID,
	}
	if item != nil && item.comesFrom(entry.SourceHash, nil) {
		entry.SourceHash, entry.Source, entry.BodyDigest = item.Hash, *item.Event, bodyDigest(item.Event)
	}
	return entry, nil
}

// readAppointment returns the appointment that a copy shows. Errors are of kind fault.Invalid.
func readAppointment(e *calendar.Event, settings Settings) (calendar.Appointment, error) {
	own := *e
	own.Mark = ""
	p := &planner{Settings: settings, start: time.Time{}, end: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	p.normalise([]calendar.Event{own}, nil)
	c := p.all[0]
	if c.decided() {
		return calendar.Appointment{}, fault.New(fault.Invalid, "the copy cannot be read: %s", c.Reason)
	}
	p.categorise()
	p.findTravel()
	return c.Appointment, nil
}
