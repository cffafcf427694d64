package archive_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/run"
)

// BenchmarkVerify compares archive calendars of some thousand events with the ledger. held-B/event is what the comparison has in memory at most, for each
// event of the calendar: it must not be more for more events, and is less.
func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{2_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			var events []calendar.Draft
			start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for i := range n {
				at := start.Add(time.Duration(i) * 20 * time.Minute)
				events = append(events, calendar.Draft{
					Subject: fmt.Sprint("Work ", i), Start: calendar.DateTime{Local: at.Format("2006-01-02T15:04:05"), Zone: "UTC"},
					End:        calendar.DateTime{Local: at.Add(20 * time.Minute).Format("2006-01-02T15:04:05"), Zone: "UTC"},
					Categories: []string{"Acme - billable"}, ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
					TransactionID: w.NewID(),
				})
			}
			for len(events) > 0 {
				some := events[:min(len(events), 500)]
				_, err := w.calendar.Create(b.Context(), "me", w.source.ID, some)
				must(b, err)
				events = events[len(some):]
			}
			c := w.config()
			days := func(r *run.Run) { r.From, r.To = day("2026-01-01"), day("2026-10-31") }
			if r, result := w.archive(c, days); r.State != run.Succeeded || result.Written != n {
				b.Fatalf("%s %+v", r.State, result)
			}
			b.ReportAllocs()
			var most uint64
			for b.Loop() {
				watched := &watched{Provider: w.calendar, before: heap(), every: n / 10}
				r := w.start(c, days, func(r *run.Run) { r.Kind, r.From, r.To = run.Verify, calendar.Date{}, calendar.Date{} })
				must(b, w.verifier(w.Table, watched).Run(b.Context(), r))
				if r, err := run.NewStore(w.Table).Get(b.Context(), user, r.ID); err != nil || r.State != run.Succeeded || watched.seen < n {
					b.Fatalf("%v: %s after %d events", err, r.State, watched.seen)
				}
				most = max(most, watched.most)
			}
			b.ReportMetric(float64(most)/float64(n), "held-B/event")
			b.ReportMetric(float64(most)/(1<<20), "held-MB")
		})
	}
}

// heap is how much memory is in use, after all that is not was cleared up.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watched is a provider that measures, each time that some events were walked over, how much memory is in use beyond what was before.
type watched struct {
	*local.Provider
	before, most uint64
	every, seen  int
}

var _ archive.Provider = (*watched)(nil)

func (p *watched) Walk(ctx context.Context, account, id string, from, to, since time.Time, each func(calendar.Event) (time.Time, error)) error {
	return p.Provider.Walk(ctx, account, id, from, to, since, func(e calendar.Event) (time.Time, error) {
		if p.seen++; p.seen%p.every == 0 {
			now := heap()
			p.most = max(p.most, now-min(now, p.before))
		}
		return each(e)
	})
}
