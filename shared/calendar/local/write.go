package local

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// transactBytes is where a transaction is full, below store.MaxTransactBytes by more than the Checks and Deletes can need.
const transactBytes = store.MaxTransactBytes - store.MaxTransact*(store.MaxPK+store.MaxSK)

// edit is one write of several. apply changes the unit in memory; an error is final for this edit, and leaves the unit as it was.
type edit struct {
	unit  string
	mark  string // that the event will have; may be empty
	apply func(*unit, series.Zones) (calendar.WriteResult, error)
}

// writes is what carryOut does.
type writes struct {
	edits []edit
	zones series.Zones
	ready func([]calendar.WriteResult) error // called before anything is written; an error stops it; may be nil
	// commit makes all that is written happen at once, by the operations that it is given; nil: the units are written one after the other.
	commit func(context.Context, []store.Op) error
}

// carryOut does the writes, in order, and returns a result for each. An error means that nothing was written.
func (p *Provider) carryOut(ctx context.Context, account, calendarID string, w writes) ([]calendar.WriteResult, error) {
	edits := w.edits
	results := make([]calendar.WriteResult, len(edits))
	pending := make([]int, len(edits))
	for i := range edits {
		pending[i] = i
	}
	for attempt := 0; len(pending) > 0; attempt++ {
		if attempt == attempts {
			if w.commit != nil {
				return nil, errBusy()
			}
			for _, i := range pending {
				results[i] = calendar.WriteResult{Err: errBusy()}
			}
			break
		}
		b, err := p.plan(ctx, account, calendarID, w, pending, results)
		if err == nil && (attempt == 0 || w.commit != nil) && w.ready != nil {
			err = w.ready(results)
		}
		if err == nil && w.commit != nil {
			if err = p.together(ctx, b, w.commit); errors.Is(err, store.ErrConflict) {
				continue
			}
			return results, err
		}
		if err != nil {
			if attempt == 0 || w.commit != nil {
				return nil, err
			}
			for _, i := range pending {
				results[i] = calendar.WriteResult{Err: err}
			}
			break
		}
		retry := []int{}
		for id, err := range p.commit(ctx, b) {
			if errors.Is(err, store.ErrConflict) {
				retry = append(retry, b.edits[id]...)
				continue
			}
			for _, i := range b.edits[id] {
				if results[i].Err == nil {
					results[i] = calendar.WriteResult{Err: err}
				}
			}
		}
		slices.Sort(retry)
		pending = retry
	}
	return results, nil
}

// batch is the changes that one attempt is to write.
type batch struct {
	calendar *record
	changes  []change
	edits    map[string][]int // of each unit, the edits that its change carries out
}

// plan reads what the pending edits are about and applies them in memory.
func (p *Provider) plan(ctx context.Context, account, calendarID string, w writes, pending []int, results []calendar.WriteResult) (batch, error) {
	edits, zones := w.edits, w.zones
	b := batch{edits: map[string][]int{}}
	further := []store.Key{(&record{user: p.user, account: account, ID: calendarID}).key()}
	if further[0].Check() != nil {
		return b, errNoCalendar(account, calendarID)
	}
	var ids []string
	for _, i := range pending {
		e := edits[i]
		if b.edits[e.unit] == nil {
			ids = append(ids, e.unit)
		}
		b.edits[e.unit] = append(b.edits[e.unit], i)
		if key := markKey(calendarID, e.mark); e.mark != "" && key.Check() == nil {
			further = append(further, key)
		}
	}
	units, found, err := p.loadUnits(ctx, calendarID, ids, further)
	if err != nil {
		return b, fmt.Errorf("read events: %w", err)
	}
	item, ok := found[further[0]]
	if !ok {
		return b, errNoCalendar(account, calendarID)
	}
	if b.calendar, err = p.readRecord(account, item); err != nil {
		return b, err
	}
	if b.calendar.Prepared+b.calendar.Switched != "" {
		if err := p.settle(ctx, b.calendar); err != nil && !errors.Is(err, store.ErrConflict) {
			return b, err
		}
		return p.plan(ctx, account, calendarID, w, pending, results)
	}
	holders := map[string]string{} // mark -> unit
	for _, i := range pending {
		if item, ok := found[markKey(calendarID, edits[i].mark)]; ok {
			var h holder
			if err := decode(item, &h); err != nil {
				return b, err
			}
			holders[edits[i].mark] = h.Unit
		}
	}
	for _, i := range pending {
		e, u := edits[i], units[edits[i].unit]
		results[i] = calendar.WriteResult{}
		if holder, held := holders[e.mark]; held && holder != u.id {
			results[i].Err = fault.New(fault.Conflict, "another event of the calendar has the mark %s", e.mark)
			continue
		}
		before := slices.Clone(u.now)
		result, err := e.apply(u, zones)
		if err == nil && !uniqueMarks(u.now) {
			err = fault.New(fault.Conflict, "another event of the series has the mark %s", e.mark)
		}
		if err == nil {
			_, err = u.change(calendarID, zones)
		}
		if err != nil {
			u.now = before
			results[i].Err = err
			continue
		}
		results[i] = result
		if e.mark != "" {
			holders[e.mark] = u.id
		}
	}
	for _, id := range ids {
		c, err := units[id].change(calendarID, zones)
		if err != nil {
			return b, err
		}
		if len(c.ops) > 0 {
			b.changes = append(b.changes, c)
		}
	}
	return b, nil
}

func uniqueMarks(events []calendar.Event) bool {
	seen := map[string]bool{}
	for _, e := range events {
		if e.Mark != "" && seen[e.Mark] {
			return false
		}
		seen[e.Mark] = true
	}
	return true
}

// commit writes the changes in as few transactions as they fit into, and returns the error of each unit that was not written. Each
// transaction depends on the calendar being there.
func (p *Provider) commit(ctx context.Context, b batch) map[string]error {
	failed := map[string]error{}
	key := b.calendar.key()
	guard := store.Op{Check: &key, If: store.VersionIs(b.calendar.version)}
	var together []change
	ops, size := []store.Op{guard}, 0
	flush := func() {
		if len(together) == 0 {
			return
		}
		if err := p.table.Transact(ctx, ops); err != nil {
			for _, c := range together {
				failed[c.unit.id] = wrapWrite(err)
			}
		}
		together, ops, size = nil, []store.Op{guard}, 0
	}
	for _, c := range b.changes {
		if c.large {
			if err := p.commitLarge(ctx, guard, c); err != nil {
				failed[c.unit.id] = wrapWrite(err)
			}
			continue
		}
		if len(ops)+len(c.ops) > store.MaxTransact || size+c.size > transactBytes {
			flush()
		}
		together, ops, size = append(together, c), append(ops, c.ops...), size+c.size
	}
	flush()
	return failed
}

func wrapWrite(err error) error { return fmt.Errorf("write events: %w", err) }

// commitLarge writes one change in several transactions. Its ID item is there until the last of the events is removed, and
// before the first one is added: so whoever finds it half done can finish it by repeating it.
func (p *Provider) commitLarge(ctx context.Context, guard store.Op, c change) error {
	head, rest := c.ops[0], c.ops[1:]
	if head.Put != nil {
		if err := p.table.Transact(ctx, []store.Op{guard, head}); err != nil {
			return err
		}
	}
	for len(rest) > 0 {
		ops, size := []store.Op{guard}, 0
		for len(rest) > 0 && len(ops) < store.MaxTransact {
			if put := rest[0].Put; put != nil {
				_, n, err := put.Pack()
				if err != nil {
					return err
				}
				if size += n; size > transactBytes && len(ops) > 1 {
					break
				}
			}
			ops, rest = append(ops, rest[0]), rest[1:]
		}
		if err := p.table.Transact(ctx, ops); err != nil {
			return err
		}
	}
	if head.Delete != nil {
		return p.table.Transact(ctx, []store.Op{guard, head})
	}
	return nil
}

// Create writes new events. One whose transaction id was used before is the event that the first one made, as it is now.
// The instances that a series is to be without are left out at once.
// Results: fault.Invalid for a draft that cannot be kept, fault.Conflict for a mark that another event has.
func (p *Provider) Create(ctx context.Context, account, calendarID string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	edits := make([]edit, len(drafts))
	for i, d := range drafts {
		id := p.ids()
		if d.TransactionID != "" {
			id = idOfTransaction(d.TransactionID)
		}
		edits[i] = edit{unit: id, mark: d.Mark, apply: func(u *unit, zones series.Zones) (calendar.WriteResult, error) {
			if len(u.now) > 0 {
				return calendar.WriteResult{ID: id, ChangeKey: u.now[0].ChangeKey}, nil
			}
			e := calendar.Event{ID: id, ICalUID: uidOf(id), Type: calendar.Single, Created: p.clock().UTC(), IsOrganizer: true, Response: calendar.Organizer}
			return p.write(u, -1, e, d, zones)
		}}
	}
	return p.carryOut(ctx, account, calendarID, writes{edits: edits, zones: p.zonesOf(ctx, calendarID)})
}

// Update replaces events: single ones, series, and instances of series. Results: calendar.ErrNotFound, else as Create's.
func (p *Provider) Update(ctx context.Context, account, calendarID string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	edits := make([]edit, len(updates))
	for i, up := range updates {
		edits[i] = edit{unit: unitOf(up.ID), mark: up.Draft.Mark, apply: func(u *unit, zones series.Zones) (calendar.WriteResult, error) {
			at := u.find(up.ID)
			switch whole := at >= 0 && u.now[at].Type == calendar.Master; {
			case whole && up.Draft.Recurrence == nil:
				return calendar.WriteResult{}, fault.New(fault.Invalid, "event %s is a series, which one event cannot replace; update its instances", up.ID)
			case whole:
				u.now = u.now[:1:1]
			case up.Draft.Recurrence != nil && (at >= 0 || u.master() != nil):
				return calendar.WriteResult{}, fault.New(fault.Invalid, "event %s is no series, and a series cannot replace it; delete it and create the series", up.ID)
			}
			if at >= 0 {
				return p.write(u, at, u.now[at], up.Draft, zones)
			}
			e, found, err := u.occurrence(up.ID, zones)
			if err != nil {
				return calendar.WriteResult{}, err
			}
			if !found {
				return calendar.WriteResult{}, calendar.Told(fault.NotFound, calendar.ErrNotFound, "there is no event %.200q", up.ID)
			}
			e.Type = calendar.Exception
			return p.write(u, -1, e, up.Draft, zones)
		}}
	}
	return p.carryOut(ctx, account, calendarID, writes{edits: edits, zones: p.zonesOf(ctx, calendarID)})
}

// write puts a draft over an event, at its place in the unit or, for -1, at the end. It is a newer revision of the event from then on.
func (p *Provider) write(u *unit, at int, e calendar.Event, d calendar.Draft, zones series.Zones) (calendar.WriteResult, error) {
	was := e
	e.Mark, e.Subject, e.Body, e.BodyPreview, e.Location = d.Mark, d.Subject, d.Body, "", d.Location
	e.Start, e.End, e.StartZone, e.EndZone, e.AllDay = d.Start, d.End, d.Start.Zone, d.End.Zone, d.AllDay
	e.Categories = slices.Clone(d.Categories)
	e.ShowAs, e.Importance, e.Sensitivity = d.ShowAs, d.Importance, d.Sensitivity
	if d.Recurrence != nil {
		e.Type, e.Recurrence = calendar.Master, copyOf(d.Recurrence)
	}
	if err := checkDays(&e); err != nil {
		return calendar.WriteResult{}, err
	}
	if _, _, err := span(&e, zones); err != nil {
		return calendar.WriteResult{}, err
	}
	p.revise(&e, was.Start.Local != "" && movesFrom(&was, &e, zones))
	if e.Type == calendar.Master {
		// With one that cannot be expanded every later read would fail.
		if err := series.NewExpander(e.LastModified, e.LastModified.AddDate(1, 0, 0), zones).Check(e, nil); err != nil {
			return calendar.WriteResult{}, err
		}
	}
	if at < 0 {
		u.now = append(u.now, e)
	} else {
		u.now[at] = e
	}
	return calendar.WriteResult{ID: e.ID, ChangeKey: e.ChangeKey}, nil
}

// revise makes e a newer revision of itself, for whoever compares it with a file later. SEQUENCE rises with a change of when it happens (RFC 5546, section
// 2.1.4), and is the organiser's to raise.
func (p *Provider) revise(e *calendar.Event, moved bool) {
	e.LastModified, e.ChangeKey = p.clock().UTC(), p.ids()
	if made := e.LastModified.Truncate(time.Second); e.Stamp.Before(made) { // DTSTAMP knows seconds
		e.Stamp = made
	} else {
		e.Stamp = e.Stamp.Add(time.Second)
	}
	if moved && (e.IsOrganizer || e.Organizer == calendar.Person{}) {
		e.Sequence++
	}
}

// movesFrom says whether an event happens at other times than it did.
func movesFrom(was, now *calendar.Event, zones series.Zones) bool {
	if was.Type != now.Type || now.Type == calendar.Master {
		return was.Start != now.Start || was.End != now.End || was.AllDay != now.AllDay || !reflect.DeepEqual(was.Recurrence, now.Recurrence)
	}
	from, to, err := span(was, zones)
	start, end, err2 := span(now, zones)
	return err != nil || err2 != nil || !from.Equal(start) || !to.Equal(end) || was.AllDay != now.AllDay
}

func copyOf(r *calendar.Recurrence) *calendar.Recurrence {
	return &calendar.Recurrence{Rules: slices.Clone(r.Rules), Dates: slices.Clone(r.Dates), Without: slices.Clone(r.Without)}
}

// checkDays says whether an all-day event is whole days, one at least.
func checkDays(e *calendar.Event) error {
	if !e.AllDay {
		return nil
	}
	start, err := e.Start.Wall()
	if err != nil {
		return err
	}
	end, err := e.End.Wall()
	if err != nil {
		return err
	}
	if start != (calendar.Wall{Date: start.Date}) || end != (calendar.Wall{Date: end.Date}) || !start.Date.Before(end.Date) {
		return fault.New(fault.Invalid, "an all-day event must start at a midnight and end at a later one")
	}
	return nil
}

// Delete removes events. Of a series, its id removes all of it, and an instance's id that instance.
func (p *Provider) Delete(ctx context.Context, account, calendarID string, ids []string) ([]calendar.WriteResult, error) {
	edits := make([]edit, len(ids))
	for i, id := range ids {
		edits[i] = edit{unit: unitOf(id), apply: func(u *unit, zones series.Zones) (calendar.WriteResult, error) {
			return calendar.WriteResult{ID: id}, p.remove(u, id, zones)
		}}
	}
	return p.carryOut(ctx, account, calendarID, writes{edits: edits, zones: p.zonesOf(ctx, calendarID)})
}

func (p *Provider) remove(u *unit, id string, zones series.Zones) error {
	if id == u.id {
		u.now = nil
		return nil
	}
	if at := u.find(id); at >= 0 {
		u.now = slices.Delete(u.now, at, at+1)
	}
	e, found, err := u.occurrence(id, zones)
	if err != nil || !found {
		return err
	}
	master := *u.master()
	recurrence := calendar.Recurrence{}
	if master.Recurrence != nil {
		recurrence = *master.Recurrence
	}
	recurrence.Without = append(slices.Clone(recurrence.Without), series.Without(&master, e.OriginalStart))
	master.Recurrence = &recurrence
	p.revise(&master, true)
	u.now[0] = master
	return nil
}
