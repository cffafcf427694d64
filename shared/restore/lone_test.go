package restore_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// restoreBackup restores a backup into the calendar Copy.
func (w *world) restoreBackup(id string, change ...func(*run.Run, *restore.Input)) (*run.Run, restore.Result, []restore.Entry) {
	w.t.Helper()
	r := w.start(restore.Skip, append(change, func(_ *run.Run, in *restore.Input) { in.Backup = id })...)
	runner := w.runner(w.Table, w.Blobs, w.calendar)
	runner.Open = restore.Opener(backup.New(w.Table, w.Blobs), w.uploads())
	must(w.t, runner.Run(w.t.Context(), r))
	r, result := w.result(r.ID)
	_, entries := w.items(r)
	return r, result, entries
}

// backedUp is a file of a backup.
func (w *world) backedUp(id string, f backup.Format) string {
	w.t.Helper()
	content, err := backup.New(w.Table, w.Blobs).Open(w.t.Context(), user, id)
	must(w.t, err)
	key, err := content.Key(content.Manifest.File(f).Name)
	must(w.t, err)
	stored, err := w.Blobs.Get(w.t.Context(), key)
	must(w.t, err)
	defer stored.Close()
	packed, err := zstd.NewReader(stored)
	must(w.t, err)
	defer packed.Close()
	text, err := io.ReadAll(packed)
	must(w.t, err)
	return string(text)
}

// anew makes the calendar Copy once more, with what a file holds.
func (w *world) anew(text string) {
	w.t.Helper()
	if info, err := w.calendar.Calendar(w.t.Context(), uri("Copy")); err == nil {
		must(w.t, w.calendar.DeleteCalendar(w.t.Context(), "me", info.ID))
	}
	w.make(uri("Copy"))
	w.imports(text)
}

// spellings are how a file may name the instance.
var spellings = map[string]string{
	"in its zone":    "RECURRENCE-ID;TZID=America/Los_Angeles:20261012T090000",
	"in UTC":         "RECURRENCE-ID:20261012T160000Z",
	"by the day":     "RECURRENCE-ID;VALUE=DATE:20261012",
	"without a zone": "RECURRENCE-ID:20261012T090000",
}

func TestABackupOfOneInstanceReplacesThatInstanceAlone(t *testing.T) {
	for name, spelling := range spellings {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.anew(small(t, "83-instance-only.ics", spellings["in its zone"], spelling))
			id := w.backUp(uri("Copy"))
			if report, err := backup.New(w.Table, w.Blobs).Verify(t.Context(), user, id); err != nil || !report.OK {
				t.Errorf("%+v, %v", report, err)
			}
			for form, into := range map[string]func() (*run.Run, restore.Result, []restore.Entry){
				"the backup": func() (*run.Run, restore.Result, []restore.Entry) { return w.restoreBackup(id, replacing) },
				"its JSONL": func() (*run.Run, restore.Result, []restore.Entry) {
					return w.restoreFile(w.backedUp(id, backup.JSONL), replacing)
				},
				"its .ics": func() (*run.Run, restore.Result, []restore.Entry) {
					return w.restoreFile(w.backedUp(id, backup.ICS), replacing)
				},
				"its table": func() (*run.Run, restore.Result, []restore.Entry) {
					return w.restoreFile(w.backedUp(id, backup.CSV), replacing)
				},
			} {
				w.anew(small(t, "83-series.ics"))
				for range 2 {
					r, result, entries := into()
					if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 1, InPeriod: 1, Replaced: 1}) || entries[0].Instance != "2026-10-12T16:00:00Z" {
						t.Errorf("%s: %s %v %+v", form, r.State, result.Counts, entries)
					}
					w.wants("05T16:00 R", "13T19:00 R moved", "19T16:00 R", "26T16:00 R")
				}
			}
		})
	}
}

func TestADrillOfABackupOfInstancesWithoutTheirSeriesPasses(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Work"))
	w.make(uri("Copy"))
	for _, day := range []string{"20261012", "20261019"} {
		w.imports(small(t, "83-instance-only.ics", "20261012", day))
	}
	must(t, w.importing("Work", events(w.kept(uri("Copy")))...))
	w.backUp(uri("Work"))
	r := w.startDrill()
	must(t, w.drill(w.Table, w.Blobs, w.calendar).Run(t.Context(), r))
	r, result := w.drilled(r.ID)
	if r.State != run.Succeeded || result.Compared != 2 || result.Differing != 0 {
		t.Errorf("%s %+v %+v", r.State, result, r.Problem)
	}
}

// events are what was kept, as a file has it.
func events(m memory) []calendar.Kept { return m.things }

func TestOneInstanceIsNotTakenForAnotherOfItsSeries(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	w.imports(small(t, "83-instance-only.ics"))
	other := small(t, "83-instance-only.ics", "20261012", "20261019", "20261013", "20261020", "R moved", "R of the 19th")
	w.restoreFile(other, replacing)
	w.wants("13T19:00 R moved", "20T19:00 R of the 19th")

	later := small(t, "83-instance-only.ics", "SUMMARY:R moved", "SUMMARY:R moved again")
	_, result, _ := w.restoreFile(later)
	if result.Counts.Skipped != 1 {
		t.Errorf("skip: %v", result.Counts)
	}
	_, result, _ = w.restoreFile(later, replacing)
	if result.Counts.Replaced != 1 {
		t.Errorf("replace: %v", result.Counts)
	}
	w.wants("13T19:00 R moved again", "20T19:00 R of the 19th")

	t.Run("nor for an event of its UID", func(t *testing.T) {
		w := newWorld(t)
		w.make(uri("Copy"))
		w.imports(small(t, "83-instance-only.ics", "RECURRENCE-ID;TZID=America/Los_Angeles:20261012T090000\n", "", "R moved", "Single"))
		w.restoreFile(other, replacing)
		w.wants("13T19:00 Single", "20T19:00 R of the 19th")
	})
}

func TestASeriesIsRestoredWhereSomeOfItsInstancesAre(t *testing.T) {
	series := small(t, "83-series.ics", "SUMMARY:R", "SUMMARY:file")
	alone := []string{small(t, "83-instance-only.ics"), small(t, "83-instance-only.ics", "20261012", "20261019", "20261013", "20261020")}
	begin := func(t *testing.T, texts ...string) *world {
		w := newWorld(t)
		w.make(uri("Copy"))
		for _, text := range texts {
			w.imports(text)
		}
		return w
	}
	t.Run("skip leaves them as they are", func(t *testing.T) {
		for name, spelling := range spellings {
			w := begin(t, strings.Replace(alone[0], spellings["in its zone"], spelling, 1), alone[1])
			for i := range 2 {
				_, result, entries := w.restoreFile(series)
				if i == 0 && (result.Counts != (restore.Counts{Read: 1, InPeriod: 1, Created: 1}) || len(entries[0].Notes) != 2 ||
					!slices.Contains(entries[0].Notes, "the instance of 2026-10-12T16:00:00Z stays as the calendar has it")) {
					t.Errorf("%s: %v %+v", name, result.Counts, entries)
				}
				if i == 1 && result.Counts.Skipped != 1 {
					t.Errorf("%s, again: %v", name, result.Counts)
				}
				w.wants("05T16:00 file", "13T19:00 R moved", "20T19:00 R moved", "26T16:00 file")
			}
		}
	})
	t.Run("skip leaves them in place of the file's own", func(t *testing.T) {
		w := begin(t, alone[0])
		own := strings.Replace(small(t, "83-instance-only.ics", "R moved", "file moved"), "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Test//EN\n", "", 1)
		w.restoreFile(strings.Replace(series, "END:VCALENDAR\n", own, 1))
		w.wants("05T16:00 file", "13T19:00 R moved", "19T16:00 file", "26T16:00 file")
	})
	t.Run("replace puts the series in their place", func(t *testing.T) {
		w := begin(t, alone...)
		for i := range 2 {
			_, result, entries := w.restoreFile(series, replacing)
			if i == 0 && (result.Counts.Created != 1 || len(entries[0].RemovedIDs) != 2) || i == 1 && result.Counts.Replaced != 1 {
				t.Errorf("%v %+v", result.Counts, entries)
			}
			w.wants("05T16:00 file", "12T16:00 file", "19T16:00 file", "26T16:00 file")
		}
	})
	t.Run("a preview says so and writes nothing", func(t *testing.T) {
		w := begin(t, alone...)
		_, result, entries := w.restoreFile(series, replacing, dryRun)
		if result.Counts.Created != 1 || len(entries[0].RemovedIDs) != 2 {
			t.Errorf("%v %+v", result.Counts, entries)
		}
		w.wants("13T19:00 R moved", "20T19:00 R moved")
	})
	t.Run("duplicate makes all of it", func(t *testing.T) {
		w := begin(t, alone[0])
		w.restoreFile(series, func(_ *run.Run, in *restore.Input) { in.Policy = restore.Duplicate })
		w.wants("05T16:00 file", "12T16:00 file", "13T19:00 R moved", "19T16:00 file", "26T16:00 file")
	})
	t.Run("what was there is kept for undoing it", func(t *testing.T) {
		w := begin(t, alone...)
		r, _, entries := w.restoreFile(series, replacing)
		stored, err := w.Blobs.Get(t.Context(), restore.BeforeKey(user, r.ID))
		must(t, err)
		defer stored.Close()
		packed, err := zstd.NewReader(stored)
		must(t, err)
		defer packed.Close()
		before, err := io.ReadAll(packed)
		must(t, err)
		for _, id := range entries[0].RemovedIDs {
			if !bytes.Contains(before, []byte(id)) {
				t.Errorf("%s is not in %s", id, before)
			}
		}
	})
}

// TestAnInstanceThatMustNotGoStays plans a series where one of its instances is a copy of an archive, or would be taken from those who were invited.
func TestAnInstanceThatMustNotGoStays(t *testing.T) {
	series := single("m@example.com", "S", "2026-10-05T12:00", "2026-10-05T13:00")
	one := series
	series.Event.Type, series.Event.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=4"}}
	one.Event.ID, one.Event.Type, one.Event.OriginalStart = "one", calendar.Exception, time.Date(2026, 10, 12, 10, 0, 0, 0, time.UTC)
	invited := one
	invited.Event.IsOrganizer, invited.Event.Attendees = true, []calendar.Attendee{{Person: calendar.Person{Address: "ann@example.com"}}}
	archived := one
	archived.Event.Mark = "archive"
	for name, test := range map[string]struct {
		there calendar.Kept
		gone  bool
	}{"somebody's": {one, true}, "with guests": {invited, false}, "an archive's": {archived, false}} {
		_, items := plan(t, restore.Settings{Policy: restore.Replace, Notifies: true}, []calendar.Kept{series}, []calendar.Kept{test.there})
		if items[0].Outcome != restore.Created || (len(items[0].Gone) == 1) != test.gone || (len(items[0].Apart) == 1) == test.gone {
			t.Errorf("%s: %+v", name, items)
		}
	}
}
