package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Zones returns the time zones that only the calendar itself explains.
func (p *Provider) Zones(ctx context.Context, account, calendarID string) ([]calendar.Zone, error) {
	if _, err := p.whole(ctx, account, calendarID); err != nil {
		return nil, err
	}
	return p.ownZones(ctx, calendarID)
}

// ownZones are the calendar's zones, by id.
func (p *Provider) ownZones(ctx context.Context, calendarID string) ([]calendar.Zone, error) {
	items, err := store.All(ctx, p.table, store.Query{PK: eventsPK(calendarID), Prefix: prefixZone})
	if err != nil {
		return nil, fmt.Errorf("read the calendar's time zones: %w", err)
	}
	zones, err := readZones(items)
	slices.SortFunc(zones, func(a, b calendar.Zone) int { return strings.Compare(a.ID, b.ID) })
	return zones, err
}

// AdoptZones keeps zones with the calendar; those that it has already are left as they are. Errors: calendar.ErrNotFound, and fault.Invalid for a
// definition that cannot be understood or is too large.
func (p *Provider) AdoptZones(ctx context.Context, account, calendarID string, zones []calendar.Zone) (map[string]string, error) {
	for attempt := 1; ; attempt++ {
		a, err := p.adopt(ctx, calendarID, zones)
		if err != nil {
			return nil, err
		}
		err = p.keepZones(ctx, account, calendarID, a)
		if err == nil {
			return a.renamed, nil
		}
		if attempt == attempts || fault.Of(err) != fault.Throttled {
			return nil, err
		}
	}
}

// adopted is what becomes of zones in a calendar.
type adopted struct {
	renamed map[string]string // those that have another name there
	added   []store.Item      // those that are new to the calendar
	lookup  series.Zones      // all that there will be
}

// adopt finds out which of the zones are new to the calendar, and what they are called there.
func (p *Provider) adopt(ctx context.Context, calendarID string, zones []calendar.Zone) (a adopted, err error) {
	all, err := p.ownZones(ctx, calendarID)
	if err != nil {
		return a, err
	}
	known := map[string]string{}
	for _, z := range all {
		known[z.ID] = z.Definition
	}
	a.renamed = map[string]string{}
	for _, z := range zones {
		if _, err := ics.Location(z); err != nil {
			return a, err
		}
		own := z
		for n := 2; known[own.ID] != "" && known[own.ID] != own.Definition; n++ {
			own = rename(z, fmt.Sprintf("%s (%d)", z.ID, n))
		}
		if own.ID != z.ID {
			a.renamed[z.ID] = own.ID
		}
		if known[own.ID] == "" {
			known[own.ID] = own.Definition
			all = append(all, own)
			item := encode(store.Key{PK: eventsPK(calendarID), SK: prefixZone + digest(own.ID)[:idLength]}, own)
			if _, _, err := item.Pack(); err != nil {
				return a, fault.Wrap(fault.Invalid, fmt.Errorf("time zone %.100q: %w", z.ID, err))
			}
			a.added = append(a.added, *item)
		}
	}
	a.lookup = ics.Lookup(all)
	return a, nil
}

// keepZones writes the zones that are new, as long as the calendar is there. When others add zones of the same names at the same time, it is errBusy.
func (p *Provider) keepZones(ctx context.Context, account, calendarID string, a adopted) error {
	c, err := p.open(ctx, account, calendarID)
	if err != nil {
		return err
	}
	for _, item := range a.added {
		err := p.table.Transact(ctx, []store.Op{{Check: new(c.key()), If: store.VersionIs(c.version)}, {Put: &item, If: store.Absent()}})
		if errors.Is(err, store.ErrConflict) {
			return errBusy()
		}
		if err != nil {
			return fmt.Errorf("keep the calendar's time zones: %w", err)
		}
	}
	return nil
}

// rename gives a zone another name, in its definition as well.
func rename(z calendar.Zone, id string) calendar.Zone {
	text := strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`).Replace(id) // RFC 5545, section 3.3.11
	lines := strings.Split(z.Definition, "\r\n")
	for i, line := range lines {
		if end := strings.IndexAny(line, ":;"); end > 0 && strings.EqualFold(line[:end], "TZID") {
			lines[i] = "TZID:" + text
		}
	}
	return calendar.Zone{ID: id, Definition: strings.Join(lines, "\r\n")}
}
