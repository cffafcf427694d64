package backup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/fault"
)

// keeps returns the ids of the backups that a rule keeps: of the last so many, and of the newest one of each of the last so many days, weeks (ISO 8601) and
// months in zone that have one. Without any rule all stay.
func (r Retention) keeps(records []*Record, zone *time.Location) map[string]bool {
	kept := map[string]bool{}
	if r == (Retention{}) {
		for _, b := range records {
			kept[b.ID] = true
		}
		return kept
	}
	newestFirst := slices.SortedFunc(slices.Values(records), func(a, b *Record) int {
		return cmp.Or(b.Made.Compare(a.Made), cmp.Compare(b.ID, a.ID))
	})
	for _, rule := range []struct {
		most int
		of   func(local time.Time, id string) string
	}{
		{r.Last, func(_ time.Time, id string) string { return id }},
		{r.Daily, func(t time.Time, _ string) string { return t.Format(time.DateOnly) }},
		{r.Weekly, func(t time.Time, _ string) string { year, week := t.ISOWeek(); return fmt.Sprint(year, week) }},
		{r.Monthly, func(t time.Time, _ string) string { return t.Format("2006-01") }},
	} {
		seen := map[string]bool{}
		for _, b := range newestFirst {
			if len(seen) == rule.most {
				break
			}
			if span := rule.of(b.Made.In(zone), b.ID); !seen[span] {
				seen[span], kept[b.ID] = true, true
			}
		}
	}
	return kept
}

// retain deletes the backups that a job had made of a calendar and no rule keeps, and reports each. made is the newest one, which stays: a clock that was
// once ahead makes older ones seem newer. Those of another calendar stay, too: one that was deleted and made anew under its name is empty.
func (b *Backups) retain(ctx context.Context, user, made string, in Input, zone *time.Location, deleted func(id string) error) error {
	records, err := b.all(ctx, user)
	if err != nil {
		return err
	}
	newest := slices.IndexFunc(records, func(r *Record) bool { return r.ID == made })
	if newest < 0 { // somebody has deleted it
		return nil
	}
	of := index(user, records[newest].Calendar.URI, records[newest].Calendar.ID)
	records = slices.DeleteFunc(records, func(r *Record) bool {
		return r.Job != in.Job || r.Going || index(user, r.Calendar.URI, r.Calendar.ID) != of
	})
	kept := in.Retention.keeps(records, zone)
	for _, r := range records {
		if kept[r.ID] || r.ID == made {
			continue
		}
		if err := b.Delete(ctx, user, r.ID); err != nil && fault.Of(err) != fault.NotFound {
			return err
		}
		if err := deleted(r.ID); err != nil {
			return err
		}
	}
	return nil
}
