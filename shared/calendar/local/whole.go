package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

// A change of many units that has to happen as a whole is prepared beside the calendar, as a generation: what each unit is to be. One write of the
// calendar's record switches to it. Whoever opens the calendar from then on first carries the generation over into the units themselves, which
// anybody may go on with who finds it begun; so nobody sees a part of the change. Before the switch nobody sees anything of it, and it is thrown
// away by who changes the calendar next if it never comes.
//
//	GENERATION#<calendar>#<id>#<shard>  <unit>#<n>   the nth event of a unit
//
// It is spread over partitions by its units, since one takes a thousand writes a second; a calendar may have ten thousand events in a file. Carrying it
// over has no such hurry.

const (
	// aside is how many operations of others there is room for in a transaction that makes a change as a whole.
	aside = 8
	// carried is how many units are carried over at a time.
	carried = 100
	// prepared is how long a generation stays that nobody knows of any more.
	prepared = 7 * 24 * time.Hour
)

// generationShards is how many partitions a generation has.
const generationShards = 16

func generationPK(calendar, id string, shard int) string {
	return fmt.Sprintf("GENERATION#%s#%s#%02d", calendar, id, shard)
}

// generationOf is the partition of a unit.
func generationOf(calendar, id, unit string) string {
	sum := sha256.Sum256([]byte(unit))
	return generationPK(calendar, id, int(sum[0])%generationShards)
}

// generationPKs are all partitions of a generation; the last one is where programs look that do not spread it.
func generationPKs(calendar, id string) (pks []string) {
	for shard := range generationShards {
		pks = append(pks, generationPK(calendar, id, shard))
	}
	return append(pks, generationWhole(calendar, id))
}

func generationWhole(calendar, id string) string { return "GENERATION#" + calendar + "#" + id }

// spreadSK is an item that such a program takes for an event, and cannot read: so it leaves the calendar alone instead of finding nothing to carry over.
const spreadSK = "spread"

// together makes all changes of a batch in one transaction, for which commit is given the operations. Few of them are made at once; for many the
// operation is the switch. store.ErrConflict: somebody changed the calendar meanwhile, and nothing was done.
func (p *Provider) together(ctx context.Context, b batch, commit func(context.Context, []store.Op) error) error {
	c := b.calendar
	key := c.key()
	ops, size, large := []store.Op{{Check: &key, If: store.VersionIs(c.version)}}, 0, false
	for _, change := range b.changes {
		ops, size, large = append(ops, change.ops...), size+change.size, large || change.large
	}
	if !large && len(ops)+aside <= store.MaxTransact && size <= transactBytes {
		return commit(ctx, ops)
	}
	if err := p.prepare(ctx, c, b.changes); err != nil {
		return err
	}
	c.Prepared, c.Switched = "", c.Prepared
	if err := commit(ctx, []store.Op{{Put: c.indexed(encodeRecord(key, c.unknown, c)), If: store.VersionIs(c.version)}}); err != nil {
		return err
	}
	c.version++
	// The change has happened. Where carrying it over fails, whoever opens the calendar next goes on.
	_ = p.settle(ctx, c)
	return nil
}

// unitGone stands in a generation for a unit that is to be gone.
const unitGone = "gone"

// prepare writes what the changed units are to be, as a generation that the record names.
func (p *Provider) prepare(ctx context.Context, c *record, changes []change) error {
	c.Prepared = p.ids()
	if err := p.store(ctx, c); err != nil {
		return err
	}
	var items []store.Item
	flush := func() error {
		err := p.table.BatchPut(ctx, items)
		items = items[:0]
		return err
	}
	expires := p.clock().Add(prepared)
	items = append(items, store.Item{Key: store.Key{PK: generationWhole(c.ID, c.Prepared), SK: spreadSK}, Data: []byte(`"spread"`), Expires: expires})
	for _, change := range changes {
		pk := generationOf(c.ID, c.Prepared, change.unit.id)
		for n, e := range change.unit.now {
			item := encode(store.Key{PK: pk, SK: fmt.Sprintf("%s#%06d", change.unit.id, n)}, e)
			item.Expires = expires
			items = append(items, *item)
		}
		if len(change.unit.now) == 0 {
			item := encode(store.Key{PK: pk, SK: change.unit.id + "#" + unitGone}, struct{}{})
			item.Expires = expires
			items = append(items, *item)
		}
		if len(items) < 1000 {
			continue
		}
		if err := flush(); err != nil {
			return fmt.Errorf("prepare a change: %w", err)
		}
	}
	if err := flush(); err != nil {
		return fmt.Errorf("prepare a change: %w", err)
	}
	return nil
}

// store writes the record if nobody else did.
func (p *Provider) store(ctx context.Context, c *record) error {
	version, err := p.table.Put(ctx, *c.indexed(encodeRecord(c.key(), c.unknown, c)), store.VersionIs(c.version))
	if err == nil {
		c.version = version
	}
	return err
}

// settle carries over what the calendar has switched to, and throws away what it has not. It returns store.ErrConflict when somebody else changed the
// calendar's record, as who does the same does; then the calendar is to be read again.
func (p *Provider) settle(ctx context.Context, c *record) error {
	if c.Switched != "" {
		if err := p.carryOver(ctx, c); err != nil {
			return err
		}
	}
	for _, id := range []string{c.Prepared, c.Switched} {
		if id == "" {
			continue
		}
		for _, pk := range generationPKs(c.ID, id) {
			if err := store.Clear(ctx, p.table, store.Query{PK: pk}); err != nil {
				return fmt.Errorf("clear a change: %w", err)
			}
		}
	}
	c.Prepared, c.Switched = "", ""
	return p.store(ctx, c)
}

// carryOver makes each unit of the generation what it is to be. A unit that is so already is left alone.
func (p *Provider) carryOver(ctx context.Context, c *record) error {
	target := map[string][]calendar.Event{}
	var ids []string
	flush := func() error {
		if len(ids) == 0 {
			return nil
		}
		err := p.become(ctx, c, ids, target)
		target, ids = map[string][]calendar.Event{}, nil
		return err
	}
	collect := func(item store.Item) error {
		unit, number, found := strings.Cut(item.SK, "#")
		if !found { // spreadSK
			return nil
		}
		if target[unit] == nil {
			if len(ids) == carried {
				if err := flush(); err != nil {
					return err
				}
			}
			ids, target[unit] = append(ids, unit), []calendar.Event{}
		}
		if number == unitGone {
			return nil
		}
		var e calendar.Event
		if err := decode(item, &e); err != nil {
			return err
		}
		target[unit] = append(target[unit], e)
		return nil
	}
	for _, pk := range generationPKs(c.ID, c.Switched) {
		if err := p.items(ctx, store.Query{PK: pk}, collect); err != nil {
			return fmt.Errorf("carry a change over: %w", err)
		}
	}
	if err := flush(); err != nil {
		return fmt.Errorf("carry a change over: %w", err)
	}
	return nil
}

func (p *Provider) become(ctx context.Context, c *record, ids []string, target map[string][]calendar.Event) error {
	zones := p.zonesOf(ctx, c.ID)
	for range attempts {
		units, _, err := p.loadUnits(ctx, c.ID, ids, nil)
		if err != nil {
			return err
		}
		b := batch{calendar: c}
		for _, id := range ids {
			units[id].now = target[id]
			change, err := units[id].change(c.ID, zones)
			if err != nil {
				return err
			}
			if len(change.ops) > 0 {
				b.changes = append(b.changes, change)
			}
		}
		failed := p.commit(ctx, b)
		again := false
		for _, err := range failed {
			if !errors.Is(err, store.ErrConflict) {
				return err
			}
			again = true
		}
		if !again {
			return nil
		}
		now, err := p.table.Get(ctx, c.key())
		if err != nil {
			return err
		}
		if now.Version != c.version {
			return store.ErrConflict
		}
	}
	return errBusy()
}

// whole is a calendar that has nothing to be carried over. Errors: calendar.ErrNotFound.
func (p *Provider) whole(ctx context.Context, account, id string) (*record, error) {
	for range attempts {
		c, err := p.open(ctx, account, id)
		if err != nil || c.Switched == "" {
			return c, err
		}
		if err := p.settle(ctx, c); err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
	}
	return nil, errBusy()
}

// generations are the partitions of what is prepared for a calendar, or was switched to.
func generations(calendarID string, c *record) (pks []string) {
	for _, id := range []string{c.Prepared, c.Switched} {
		if id != "" {
			pks = append(pks, generationPKs(calendarID, id)...)
		}
	}
	return slices.Clip(pks)
}
