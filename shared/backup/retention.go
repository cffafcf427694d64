package backup

import (
	"cmp"
	"fmt"
	"slices"
	"time"
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
