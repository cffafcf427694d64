package importing_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
)

// large is a file of events, some of them changed instances of series.
func large(events, overrides int) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n")
	event := func(uid string, at time.Time, more string) {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260901T120000Z\r\nDTSTART;TZID=Europe/Berlin:%s\r\nDTEND;TZID=Europe/Berlin:%s\r\n%s"+
			"SUMMARY:Meeting %s\r\nDESCRIPTION:Agenda of the meeting\\nfirst point\\nsecond point\r\nLOCATION:Room 1\r\nEND:VEVENT\r\n", uid,
			at.Format("20060102T150405"), at.Add(time.Hour).Format("20060102T150405"), more, uid)
	}
	first := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	for i := range events - overrides {
		rule := ""
		if i%10 == 0 {
			rule = "RRULE:FREQ=WEEKLY;COUNT=50\r\n"
		}
		event(fmt.Sprint("u", i), first.Add(time.Duration(i)*10*time.Minute), rule)
	}
	for i := range overrides {
		of := i % ((events - overrides) / 10) * 10
		at := first.Add(time.Duration(of)*10*time.Minute).AddDate(0, 0, 7*(1+i/((events-overrides)/10)))
		event(fmt.Sprint("u", of), at.Add(time.Hour), "RECURRENCE-ID;TZID=Europe/Berlin:"+at.Format("20060102T150405")+"\r\n")
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// exceptional is a series with very many changed instances.
func exceptional(n int) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260901T120000Z\r\nDTSTART:20260101T090000Z\r\n" +
		"DTEND:20260101T093000Z\r\nRRULE:FREQ=HOURLY\r\nSUMMARY:u\r\nEND:VEVENT\r\n")
	at := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	for range n {
		at = at.Add(time.Hour)
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260901T120000Z\r\nRECURRENCE-ID:%s\r\nDTSTART:%s\r\nSUMMARY:changed\r\nEND:VEVENT\r\n",
			at.Format("20060102T150405Z"), at.Add(time.Minute).Format("20060102T150405Z"))
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// imported reads a text and imports it into an empty calendar, and returns what that allocated.
func imported(t testing.TB, text string) (report importing.Report, cost allocated) {
	t.Helper()
	w := newWorld(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := ics.Read(strings.NewReader(text))
	must(t, err)
	report, err = w.provider.Import(context.Background(), account, w.id, f, importing.Options{})
	must(t, err)
	runtime.ReadMemStats(&after)
	return report, allocated{after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc}
}

// allocated is how often memory was allocated, and how much.
type allocated struct{ times, bytes uint64 }

// files are files whose size is in proportion to a number.
var files = map[string]func(n int) string{
	"events and overrides": func(n int) string { return large(n, n/5) },
	"very many exceptions": exceptional,
	"very many dates of one event": func(n int) string {
		return strings.Replace(exceptional(0), "SUMMARY", "EXDATE:"+dates(n)+"\r\nSUMMARY", 1)
	},
}

// BenchmarkImport tells what one event of a file costs, which should be about the same in small and in large files.
func BenchmarkImport(b *testing.B) {
	for name, file := range files {
		for _, n := range []int{1_000, 4_000, 16_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				text := file(n)
				b.ReportAllocs()
				for b.Loop() {
					imported(b, text)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
			})
		}
	}
}

// TestImportingCostsInProportionToTheFile counts what is allocated for a file and for one that is four times as large: where it grows with the square it
// is sixteen times as much.
func TestImportingCostsInProportionToTheFile(t *testing.T) {
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			of := func(n int) allocated {
				report, cost := imported(t, file(n))
				if report.SetAside > 0 {
					t.Fatalf("%+v", report.Aside[:1])
				}
				return cost
			}
			of(4_000) // what is made once for all, as for compression, is no cost of a file
			small, large := of(1_000), of(4_000)
			if large.times > 6*small.times || large.bytes > 6*small.bytes {
				t.Errorf("1,000 allocated %+v, 4,000 allocated %+v", small, large)
			}
		})
	}
}

func dates(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = time.Date(2026, 1, 1, 9+i, 0, 0, 0, time.UTC).Format("20060102T150405Z")
	}
	return strings.Join(all, ",")
}
