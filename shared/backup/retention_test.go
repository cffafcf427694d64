package backup

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the files of testdata anew")

// TestRetentionKeepsWhatItsRulesSay compares with another way to say it: a backup stays if it is the newest of its day, and fewer than so many later days
// have one; and so on.
func TestRetentionKeepsWhatItsRulesSay(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.SampledFrom([]int{0, 0, 1, 2, 3, 7, 1000})
		r := Retention{Last: count.Draw(t, "last"), Daily: count.Draw(t, "daily"), Weekly: count.Draw(t, "weekly"), Monthly: count.Draw(t, "monthly")}
		zone := rapid.SampledFrom([]*time.Location{time.UTC, berlin}).Draw(t, "zone")
		var all []*Record
		for i := range rapid.IntRange(0, 30).Draw(t, "backups") {
			hours := rapid.IntRange(0, 24*90).Draw(t, "hours")
			all = append(all, &Record{ID: fmt.Sprintf("%02d", i), Made: time.Date(2026, 11, 30, 22, 30, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)})
		}
		newer := func(a, b *Record) bool { return a.Made.After(b.Made) || a.Made.Equal(b.Made) && a.ID > b.ID }
		stays := func(b *Record, most int, span func(*Record) string) bool {
			later := map[string]bool{}
			for _, a := range all {
				if newer(a, b) {
					if span(a) == span(b) {
						return false
					}
					later[span(a)] = true
				}
			}
			return len(later) < most
		}
		want := map[string]bool{}
		for _, b := range all {
			midnight := func(b *Record) time.Time {
				y, m, d := b.Made.In(zone).Date()
				return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
			}
			monday := func(b *Record) string {
				day := midnight(b)
				return day.AddDate(0, 0, -(int(day.Weekday())+6)%7).String()
			}
			if r == (Retention{}) || stays(b, r.Last, func(b *Record) string { return b.ID }) ||
				stays(b, r.Daily, func(b *Record) string { return midnight(b).String() }) ||
				stays(b, r.Weekly, monday) || stays(b, r.Monthly, func(b *Record) string { return midnight(b).AddDate(0, 0, 1-midnight(b).Day()).String() }) {
				want[b.ID] = true
			}
		}
		if got := r.keeps(all, zone); !maps.Equal(got, want) {
			t.Errorf("%+v keeps %v, want %v", r, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	})
}
