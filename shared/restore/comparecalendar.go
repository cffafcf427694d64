package restore

import (
	"context"
	"slices"
	"strconv"
	"time"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/fault"
)

// inCalendar stands in the place of fields where the iCalendar file of the backup does not show the event as it is.
const inCalendar = "ics"

// happening stands for when an event, or a series with all that belongs to it, happens, and what it is called.
func (c comparing) happening(k *calendar.Kept) hash {
	p := c.of(k, k.Exceptions, k.Exceptions)
	var texts []string
	for _, name := range []string{"subject", "start", "end", "all_day", "instances"} {
		texts = append(texts, strconv.FormatUint(p[slices.Index(fields[:], name)], 36))
	}
	return hashOf(texts...)
}

// compareCalendar reads the iCalendar file of the backup, as whoever imports it does, and adds to c each event of the backup that it does not show when it
// happens. What iCalendar cannot express is not in it. A file that is too large is not compared.
func (a *attempt) compareCalendar(ctx context.Context, c *Comparison) error {
	content, ok := a.source.File.(*backup.Content)
	if !ok {
		return nil
	}
	shown := map[hash]int{}
	var things []calendar.Kept
	zones, err := content.Calendar(ctx, func(k calendar.Kept) error {
		things = append(things, k)
		return nil
	})
	if err != nil {
		if fault.Of(err) == fault.Conflict {
			return nil
		}
		return err
	}
	file := comparing{reading: reading{ics.Lookup(zones), a.drafting.floating}}
	for i := range things {
		shown[file.happening(&things[i])]++
	}
	things = nil
	own := comparing{reading: a.drafting.reading}
	survey := ics.NewSurvey(a.source.zones, time.Time{})
	return a.source.Each(ctx, func(k calendar.Kept) error {
		if survey.Add(&k) != nil {
			return nil // the backup says so
		}
		key := own.happening(&k)
		if shown[key]--; shown[key] >= 0 {
			return nil
		}
		if c.Differing++; len(c.Differences) < mostDifferences {
			c.Differences = append(c.Differences, Difference{EventID: k.Event.ID, Fields: []string{inCalendar}})
		}
		return nil
	})
}
