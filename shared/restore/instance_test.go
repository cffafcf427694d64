package restore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// small reads one of the small files of package importing, with some texts replaced.
func small(t *testing.T, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "calendar", "importing", "testdata", name))
	must(t, err)
	return strings.NewReplacer(replace...).Replace(string(text))
}

// imports puts a file into the calendar Copy.
func (w *world) imports(text string) {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Copy"))
	must(w.t, err)
	f, err := ics.Read(strings.NewReader(text))
	must(w.t, err)
	_, err = w.calendar.(*local.Provider).Import(w.t.Context(), "me", info.ID, f, importing.Options{})
	must(w.t, err)
}

// shows lists what the calendar Copy has in October and on 1 November, in Berlin.
func (w *world) shows() (all []string) {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Copy"))
	must(w.t, err)
	berlin, err := calendar.LoadZone("Europe/Berlin")
	must(w.t, err)
	win := calendar.Window{From: calendar.Date{Year: 2026, Month: 10, Day: 1}, To: calendar.Date{Year: 2026, Month: 11, Day: 1}, Zone: berlin}
	events, err := w.calendar.Events(w.t.Context(), "me", info.ID, win.Start(), win.End())
	must(w.t, err)
	for _, e := range events {
		if !win.Holds(&e) {
			continue
		}
		at, err := e.Start.Instant(berlin)
		must(w.t, err)
		text := at.UTC().Format("02T15:04")
		if e.AllDay {
			text = e.Start.Local[8:10]
		}
		all = append(all, text+" "+e.Subject)
	}
	slices.Sort(all)
	return all
}

func (w *world) wants(want ...string) {
	w.t.Helper()
	if got := w.shows(); !slices.Equal(got, want) {
		w.t.Errorf("got  %q\nwant %q", got, want)
	}
}

// file restores a text into the calendar Copy.
func (w *world) restoreFile(text string, change ...func(*run.Run, *restore.Input)) (*run.Run, restore.Result, []restore.Entry) {
	w.t.Helper()
	u, err := w.uploads().Put(w.t.Context(), user, bytes.NewReader([]byte(text)))
	must(w.t, err)
	r, err := w.restoreUpload(u, change...)
	must(w.t, err)
	_, result := w.result(r.ID)
	_, entries := w.items(r)
	return r, result, entries
}

func replacing(_ *run.Run, in *restore.Input) { in.Policy = restore.Replace }

func inBerlin(_ *run.Run, in *restore.Input) { in.Zone = "Europe/Berlin" }

func days(from, to calendar.Date) func(*run.Run, *restore.Input) {
	return func(r *run.Run, _ *restore.Input) { r.From, r.To = from, to }
}

func TestOneInstanceReplacesThatInstanceAlone(t *testing.T) {
	for name, id := range map[string]string{
		"in its zone":    "RECURRENCE-ID;TZID=America/Los_Angeles:20261012T090000",
		"in UTC":         "RECURRENCE-ID:20261012T160000Z",
		"by the day":     "RECURRENCE-ID;VALUE=DATE:20261012",
		"without a zone": "RECURRENCE-ID:20261012T090000",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.make(uri("Copy"))
			w.imports(small(t, "83-series.ics"))
			instance := small(t, "83-instance-only.ics", "RECURRENCE-ID;TZID=America/Los_Angeles:20261012T090000", id)
			_, result, _ := w.restoreFile(instance)
			if result.Counts != (restore.Counts{Read: 1, InPeriod: 1, Skipped: 1}) {
				t.Errorf("skip: %v", result.Counts)
			}
			w.wants("05T16:00 R", "12T16:00 R", "19T16:00 R", "26T16:00 R")
			for range 2 {
				r, result, entries := w.restoreFile(instance, replacing)
				if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 1, InPeriod: 1, Replaced: 1}) || entries[0].Instance != "2026-10-12T16:00:00Z" {
					t.Errorf("replace: %s %v %+v", r.State, result.Counts, entries)
				}
				w.wants("05T16:00 R", "13T19:00 R moved", "19T16:00 R", "26T16:00 R")
			}
		})
	}
}

func TestAnInstanceThatItsSeriesDoesNotHaveIsRefused(t *testing.T) {
	for name, series := range map[string]func(string) string{
		"excluded": func(s string) string {
			return strings.Replace(s, "SUMMARY", "EXDATE;TZID=America/Los_Angeles:20261012T090000\nSUMMARY", 1)
		},
		"not in the series": func(s string) string { return strings.Replace(s, "COUNT=4", "COUNT=1", 1) },
	} {
		w := newWorld(t)
		w.make(uri("Copy"))
		w.imports(series(small(t, "83-series.ics")))
		before := w.shows()
		r, result, entries := w.restoreFile(small(t, "83-instance-only.ics"), replacing)
		if r.State != run.Partial || result.Counts.Refused != 1 || !strings.Contains(entries[0].Reason, "no instance at 2026-10-12T16:00:00Z") {
			t.Errorf("%s: %s %+v", name, r.State, entries)
		}
		w.wants(before...)
	}
}

func TestAnInstanceWithoutItsSeriesIsAnEventByItself(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	for range 2 {
		w.restoreFile(small(t, "83-instance-only.ics"), replacing)
		w.wants("13T19:00 R moved")
	}
}

func TestAPeriodReplacesItsDaysAlone(t *testing.T) {
	last := calendar.Date{Year: 2026, Month: 10, Day: 31}
	w := newWorld(t)
	w.make(uri("Copy"))
	w.imports(small(t, "84-days-around.ics"))
	_, result, _ := w.restoreFile(small(t, "84-days-around-old.ics"), replacing, inBerlin, days(last, last))
	if result.Counts != (restore.Counts{Read: 3, InPeriod: 1, Replaced: 1, OutsidePeriod: 2}) {
		t.Errorf("%v", result.Counts)
	}
	w.wants("01 day 20261101", "01T07:00 floating 1 Nov", "30 day 20261030", "31 OLD day 20261031")

	t.Run("of a series", func(t *testing.T) {
		w := newWorld(t)
		w.make(uri("Copy"))
		w.imports(small(t, "83-series.ics"))
		twelfth := calendar.Date{Year: 2026, Month: 10, Day: 12}
		old := small(t, "83-series.ics", "SUMMARY:R", "SUMMARY:OLD")
		_, result, _ := w.restoreFile(old, replacing, inBerlin, days(twelfth, twelfth))
		if result.Counts != (restore.Counts{Read: 1, InPeriod: 1, Replaced: 1}) {
			t.Errorf("%v", result.Counts)
		}
		w.wants("05T16:00 R", "12T16:00 OLD", "19T16:00 R", "26T16:00 R")
		_, result, _ = w.restoreFile(small(t, "83-series.ics", "UID:M", "UID:N"), inBerlin, days(twelfth, twelfth.AddDays(7)))
		if result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Created: 2}) {
			t.Errorf("%v", result.Counts)
		}
	})

	t.Run("of a series that was restored", func(t *testing.T) {
		w := newWorld(t)
		w.make(uri("Copy"))
		w.restoreFile(small(t, "83-series.ics"), inBerlin)
		twelfth := calendar.Date{Year: 2026, Month: 10, Day: 12}
		w.restoreFile(small(t, "83-series.ics", "SUMMARY:R", "SUMMARY:OLD"), replacing, inBerlin, days(twelfth, twelfth))
		w.wants("05T16:00 R", "12T16:00 OLD", "19T16:00 R", "26T16:00 R")
	})
}

func TestWhatCannotBeReadIsSetAsideAndTheRestIsRestored(t *testing.T) {
	text := small(t, "62-lines-without-fold.ics")
	w := newWorld(t)
	w.make(uri("Copy"))
	r, result, entries := w.restoreFile(text)
	if r.State != run.Partial || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Created: 1, SetAside: 1}) || !result.Balanced {
		t.Errorf("%s %v", r.State, result.Counts)
	}
	at := slices.IndexFunc(entries, func(e restore.Entry) bool { return e.Outcome == restore.SetAside })
	if at < 0 || entries[at].Line != 10 || entries[at].UID != "n" || entries[at].Aside != calendar.Unreadable ||
		!strings.Contains(entries[at].Reason, "no content line") {
		t.Errorf("%+v", entries)
	}
	w.wants("06T09:00 v")

	w = newWorld(t)
	w.make(uri("Copy"))
	u, err := w.uploads().Put(t.Context(), user, strings.NewReader(text))
	must(t, err)
	if u.Events != 1 || u.Aside != 1 {
		t.Errorf("the upload: %+v", u)
	}
	_, err = w.restoreUpload(u, func(_ *run.Run, in *restore.Input) { in.Strict = true })
	if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), `line 10: event "n"`) {
		t.Errorf("strict: %v", err)
	}
	w.wants()
}

func TestABadRowOfATableIsSetAsideAndTheRestIsRestored(t *testing.T) {
	const table = "subject,start,start_zone,end,end_zone,all_day,ical_uid\n"
	const sound, bad = "v,2026-10-06 09:00,UTC,2026-10-06 10:00,UTC,,1\n", "n,2026-10-07 09:00,UTC,2026-10-07 10:00,UTC,perhaps,2\n"
	head := `{"format":"admin-assistant-backup","version":2,"calendar":{"uri":"local://me/calendars/Work","id":"1","name":"Work"}}` + "\n"
	line := func(id, more string) string {
		return `{"event":{"id":"` + id + `","iCalUId":"` + id + `","subject":"v","start":{"dateTime":"2026-10-06T09:00:00","timeZone":"UTC"},` +
			`"end":{"dateTime":"2026-10-06T10:00:00","timeZone":"UTC"}` + more + `}}` + "\n"
	}
	for name, text := range map[string]string{"a table": table + bad + sound, "JSONL": head + line("2", `,"colour":"red"`) + line("1", "")} {
		w := newWorld(t)
		w.make(uri("Copy"))
		r, result, entries := w.restoreFile(text)
		if r.State != run.Partial || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Created: 1, SetAside: 1}) || !result.Balanced {
			t.Errorf("%s: %s %v", name, r.State, result.Counts)
		}
		at := slices.IndexFunc(entries, func(e restore.Entry) bool { return e.Outcome == restore.SetAside })
		if at < 0 || entries[at].Line != 2 || entries[at].UID != "2" || entries[at].Reason == "" {
			t.Errorf("%s: %+v", name, entries)
		}
		w.wants("06T09:00 v")
	}
	strict := func(_ *run.Run, in *restore.Input) { in.Strict = true }
	for name, row := range map[string]string{"a bad row": bad, "a bad time": "n,2026-10-07 09:00,UTC,soon,UTC,,2\n"} {
		w := newWorld(t)
		w.make(uri("Copy"))
		u, err := w.uploads().Put(t.Context(), user, strings.NewReader(table+sound+row))
		must(t, err)
		if _, err = w.restoreUpload(u, strict); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), `event "2"`) {
			t.Errorf("strict, %s: %v", name, err)
		}
		w.wants()
	}
	w := newWorld(t)
	w.make(uri("Copy"))
	u, err := w.uploads().Put(t.Context(), user, strings.NewReader(table+sound))
	must(t, err)
	_, err = w.restoreUpload(u, strict)
	must(t, err)
	w.wants("06T09:00 v")
}

func TestAnEmptyFileMakesTheCalendar(t *testing.T) {
	w := newWorld(t)
	empty := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"
	_, result, _ := w.restoreFile(empty, func(r *run.Run, _ *restore.Input) { r.Options.DryRun = true })
	if !result.CreatedCalendar {
		t.Errorf("the preview: %+v", result)
	}
	if _, result, _ = w.restoreFile(empty); !result.CreatedCalendar {
		t.Errorf("%+v", result)
	}
	w.wants()
}
