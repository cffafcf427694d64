package backup

import (
	"context"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
	"adminassistant/shared/wiretest"
)

// many is a calendar of so many events, one in ten a series with an exception, which are made as they are read.
type many int

func (many) Calendars(context.Context, string) ([]calendar.Info, error) { return nil, nil }

func (many) Calendar(context.Context, calendar.URI) (calendar.Info, error) {
	return calendar.Info{ID: "id", Name: "Work"}, nil
}

func (many) Zones(context.Context, string, string) ([]calendar.Zone, error) { return nil, nil }

func (m many) Kept(_ context.Context, _, _ string, each func(calendar.Kept) error) error {
	for i := 0; i < int(m); i++ {
		start := time.Date(2016, 1, 1, 7, 0, 0, 0, time.UTC).Add(time.Duration(i) * 50 * time.Minute)
		at := func(t time.Time) calendar.DateTime {
			return calendar.DateTime{Local: t.Format("2006-01-02T15:04:05"), Zone: "Europe/Berlin"}
		}
		k := calendar.Kept{Event: calendar.Event{
			ID: fmt.Sprintf("AAMkAGI2THVSAAA%09d=", i), ICalUID: fmt.Sprintf("040000008200E00074C5B7101A82E008%09d", i), Type: calendar.Single,
			Subject: fmt.Sprintf("Review %d", i),
			Start:   at(start), End: at(start.Add(time.Hour)), StartZone: "Europe/Berlin", EndZone: "Europe/Berlin", ShowAs: calendar.Busy,
			Categories: []string{"Acme - billable"},
			Body: calendar.Body{
				ContentType: "html",
				Content:     fmt.Sprintf("<html><body>%s %d</body></html>", strings.Repeat("<p>Agenda of the day, and who says what.</p>", 20), i*7919),
			},
			Organizer: calendar.Person{Name: "Olga", Address: "olga@example.com"}, Created: start, LastModified: start, ETag: fmt.Sprintf("W/%d", i*104729),
			Attendees: []calendar.Attendee{{Person: calendar.Person{Name: "Ann", Address: "ann@example.com"}, Type: "required", Response: calendar.Accepted}},
		}}
		if i%10 == 0 && i+1 < int(m) {
			x := k.Event
			x.ID, x.Type, x.SeriesMasterID, x.OriginalStart = x.ID+"x", calendar.Exception, k.Event.ID, start
			k.Event.Type, k.Event.Recurrence, k.Exceptions = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=20"}}, []calendar.Event{x}
			i++
		}
		if err := each(k); err != nil {
			return err
		}
	}
	return nil
}

// peak samples the memory that live and dead objects take until it is told to stop, and returns the most it saw. The collector works often meanwhile,
// so that little of it is dead.
func peak(during func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	stop := make(chan struct{})
	var most uint64
	var sampling sync.WaitGroup
	sampling.Go(func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	during()
	close(stop)
	sampling.Wait()
	return most
}

// BenchmarkBackup shows what a backup takes: time that grows with the calendar, and memory that does not. Requests are those of a run of one
// worker, and one every few seconds that tells the progress.
func BenchmarkBackup(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			var requests int
			var bytes int64
			var most uint64
			for b.Loop() {
				r := w.start()
				var counting wiretest.Wire
				most = max(most, peak(func() {
					must(b, w.runner(counting.Table(w.Table), counting.Blobs(w.Blobs), many(n)).Run(b.Context(), r))
				}))
				ended, result := w.result(r.ID)
				if ended.State != run.Succeeded || result.Counts.Events != n {
					b.Fatalf("%s %+v", ended.State, result)
				}
				requests, bytes = counting.Requests(), result.Bytes
			}
			b.ReportMetric(float64(most)/1e6, "MB-peak")
			b.ReportMetric(float64(requests), "requests")
			b.ReportMetric(float64(bytes)/float64(n), "stored-B/event")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "us/event")
		})
	}
}
