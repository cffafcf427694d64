package importing_test

import (
	"context"
	"fmt"
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

// imported reads a text and imports it into an empty calendar, and returns how long that took.
func imported(t testing.TB, text string) (importing.Report, time.Duration) {
	t.Helper()
	w := newWorld(t)
	begun := time.Now()
	f, err := ics.Read(strings.NewReader(text))
	must(t, err)
	report, err := w.provider.Import(context.Background(), account, w.id, f, importing.Options{})
	must(t, err)
	return report, time.Since(begun)
}

func BenchmarkImport(b *testing.B) {
	for name, text := range map[string]string{
		"10000 events, 2000 of them overrides": large(10_000, 2_000), "20000 exceptions of one series": exceptional(20_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				imported(b, text)
			}
		})
	}
}

// TestImportingCostsInProportionToTheFile compares a file with one that is four times as large: a cost that grows with the square would be sixteen times
// as high.
func TestImportingCostsInProportionToTheFile(t *testing.T) {
	for name, make := range map[string]func(n int) string{
		"events and overrides": func(n int) string { return large(n, n/5) },
		"very many exceptions": exceptional,
		"very many dates of one event": func(n int) string {
			return strings.Replace(exceptional(0), "SUMMARY", "EXDATE:"+dates(n)+"\r\nSUMMARY", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			least := func(n int) (best time.Duration) {
				text := make(n)
				for range 3 {
					report, took := imported(t, text)
					if report.SetAside > 0 {
						t.Fatalf("%+v", report.Aside[:1])
					}
					if best == 0 || took < best {
						best = took
					}
				}
				return best
			}
			small, large := least(1_000), least(4_000)
			t.Logf("%v, %v", small, large)
			if large > 10*small && large > time.Second {
				t.Errorf("1,000 took %v, 4,000 took %v", small, large)
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
