package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar/ics"
)

var kills = flag.Int("kills", 6, "how many killed runs TestAKilledRunIsCompletedByTheNextOne goes through")

// TestAKilledRunIsCompletedByTheNextOne kills the program (SIGKILL) at any moment of an archive run, up to three times in a row. The
// run after that leaves every appointment once in the archive calendar, and a ledger that holds.
func TestAKilledRunIsCompletedByTheNextOne(t *testing.T) {
	const events = 250
	file := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN"}
	for i := range events {
		start := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)
		file = append(file, "BEGIN:VEVENT", fmt.Sprintf("UID:event-%d@example.com", i), "DTSTAMP:20260101T000000Z", "DTSTART:"+start.Format("20060102T150405Z"),
			"DTEND:"+start.Add(time.Hour).Format("20060102T150405Z"), fmt.Sprintf("SUMMARY:Work %d", i), "CATEGORIES:Acme - billable", "END:VEVENT")
	}
	content := strings.Join(append(file, "END:VCALENDAR", ""), "\r\n")
	run := []string{"--local", "archive", "run", "--config", "work", "--period", "2026-10-01 to 2026-10-31", "--output", "json"}

	setUp := func(t *testing.T) *machine {
		m := newMachine(t)
		m.local("calendar", "create", "local://me/calendars/Work").ok()
		m.local("calendar", "import", "local://me/calendars/Work", m.file("work.ics", content)).ok()
		m.local("config", "create", "--name", "work", "--source", "local://me/calendars/Work", "--archive", "local://me/calendars/Archive", "--timezone", "UTC").ok()
		return m
	}
	whole := setUp(t)
	began := time.Now()
	whole.run("", run...).ok()
	takes := time.Since(began)

	for round := range *kills {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			m := setUp(t)
			for range 1 + round%3 {
				cmd := m.command(t.Context(), run...)
				cmd.Env = append(cmd.Env, "ADMIN_ASSISTANT_LEASE=1s")
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(rand.N(takes)) // any moment of the run
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait()
			}
			m.run("", run...).ok()

			m.local("calendar", "export", "local://me/calendars/Archive", m.files+"/archive.ics").ok()
			f, err := os.Open(m.files + "/archive.ics")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			archive, err := ics.Read(f)
			if err != nil {
				t.Fatal(err)
			}
			var subjects []string
			for _, e := range archive.Events {
				subjects = append(subjects, e.Subject)
			}
			slices.Sort(subjects)
			if len(subjects) != events || len(slices.Compact(subjects)) != events {
				t.Errorf("the archive holds %d events, %d different ones, want %d", len(archive.Events), len(slices.Compact(subjects)), events)
			}
			m.local("ledger", "verify", "--config", "work").ok()
			m.run("", run...).ok().says(`"unchanged": 250`, `"balanced": true`)
		})
	}
}
