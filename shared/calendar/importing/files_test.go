package importing_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/store/sqlite"
)

const (
	account = "me"
	berlin  = "Europe/Berlin"
	october = "2026-10-01 2026-10-31"
)

var now = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// world is a calendar of our own in an empty store.
type world struct {
	t        testing.TB
	provider *local.Provider
	id       string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w, done := worldAt(t, filepath.Join(t.TempDir(), "store.db"))
	t.Cleanup(done)
	return w
}

// worldAt makes a world whose store is at path, and what closes it.
func worldAt(t testing.TB, path string) (w *world, done func()) {
	t.Helper()
	table, err := sqlite.Open(path, func() time.Time { return now })
	must(t, err)
	n := 0
	w = &world{t: t, provider: local.New(table, func() string { n++; return fmt.Sprintf("id%d", n) }, func() time.Time { return now }).For("tenant#user")}
	info, err := w.provider.CreateCalendar(context.Background(), calendar.URI{Provider: calendar.ProviderLocal, Account: account, Calendar: "Work"})
	must(t, err)
	w.id = info.ID
	return w, func() { must(t, table.Close()) }
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testdata reads a file of testdata, or a text with line ends of LF.
func testdata(t testing.TB, name string) []byte {
	t.Helper()
	if strings.HasPrefix(name, "BEGIN:") {
		return []byte(name)
	}
	text, err := os.ReadFile(filepath.Join("testdata", name))
	must(t, err)
	return text
}

func (w *world) imports(name string) importing.Report {
	w.t.Helper()
	f, err := ics.Read(bytes.NewReader(testdata(w.t, name)))
	must(w.t, err)
	report, err := w.provider.Import(context.Background(), account, w.id, f, importing.Options{})
	must(w.t, err)
	if sum := report.Added + report.Changed + report.Unchanged + report.Older + report.Excluded + report.SetAside; sum != report.Total {
		w.t.Errorf("%s: the sums do not add up: %+v", name, report)
	}
	return report
}

func (w *world) export() string {
	w.t.Helper()
	f, err := w.provider.Export(context.Background(), account, w.id)
	must(w.t, err)
	var b bytes.Buffer
	must(w.t, ics.Write(&b, f, now))
	return b.String()
}

func window(t testing.TB, days, zone string) calendar.Window {
	t.Helper()
	loc, err := calendar.LoadZone(zone)
	must(t, err)
	first, last, both := strings.Cut(days, " ")
	if !both {
		last = first
	}
	from, err := calendar.ParseDate(first)
	must(t, err)
	to, err := calendar.ParseDate(last)
	must(t, err)
	win, err := calendar.NewWindow(from, to, loc)
	must(t, err)
	return win
}

// shown lists what a calendar has in the days of a zone, as "start .. end subject", sorted.
func (w *world) shown(days, zone string) []string {
	w.t.Helper()
	win := window(w.t, days, zone)
	events, err := w.provider.Events(context.Background(), account, w.id, win.Start(), win.End())
	must(w.t, err)
	return list(w.t, win, events, nil)
}

// read lists what a file has in the days of a zone.
func read(t testing.TB, text, days, zone string) []string {
	t.Helper()
	f, err := ics.Read(strings.NewReader(text))
	must(t, err)
	win := window(t, days, zone)
	events, aside := ics.ExpandIn(f, win)
	if len(aside) > 0 {
		t.Errorf("set aside: %v", aside)
	}
	return list(t, win, events, ics.Lookup(f.Zones))
}

func list(t testing.TB, win calendar.Window, events []calendar.Event, _ func(string) (*time.Location, error)) []string {
	t.Helper()
	var all []string
	for i := range events {
		e := &events[i]
		if !win.Holds(e) {
			continue
		}
		text := ""
		if e.AllDay {
			from, to, err := e.Days(win.Zone)
			must(t, err)
			text = from.String() + " .. " + to.String()
		} else {
			start, err := e.Start.Instant(win.Zone)
			must(t, err)
			end, err := e.End.Instant(win.Zone)
			must(t, err)
			text = start.UTC().Format(time.RFC3339) + " .. " + end.UTC().Format(time.RFC3339)
		}
		if e.Cancelled {
			text += " cancelled"
		}
		all = append(all, text+" "+e.Subject)
	}
	slices.Sort(all)
	return all
}

func wants(t *testing.T, what string, got, want []string) {
	t.Helper()
	want = slices.Clone(want)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestFiles reads, imports and exports files of many programs, small, with the right answer of each.
func TestFiles(t *testing.T) {
	const sound = "2026-10-06T09:00:00Z .. 2026-10-06T10:00:00Z v"
	for name, test := range map[string]struct {
		zone  string
		want  []string
		aside string // what is set aside; empty: nothing
	}{
		"04-known-windows-name-defined-otherwise.ics": {want: []string{"2026-10-06T14:00:00Z .. 2026-10-06T15:00:00Z Fixed -5",
			"2026-10-06T13:00:00Z .. 2026-10-06T14:00:00Z With DST"}},
		"09-gmt-offset-name.ics":           {want: []string{"2026-10-06T04:00:00Z .. 2026-10-06T05:00:00Z Call"}},
		"27-until-utc-midnight-london.ics": {want: []string{"2026-10-20 .. 2026-10-21 Anniversary"}},
		"28-until-utc-midnight-auckland.ics": {zone: "Pacific/Auckland", want: []string{"2026-10-05 .. 2026-10-06 Day", "2026-10-06 .. 2026-10-07 Day",
			"2026-10-07 .. 2026-10-08 Day", "2026-10-08 .. 2026-10-09 Day"}},
		"40-until-date-for-times.ics": {want: []string{"2026-10-24T10:00:00Z .. 2026-10-24T11:00:00Z u", "2026-10-25T10:00:00Z .. 2026-10-25T11:00:00Z u",
			"2026-10-26T10:00:00Z .. 2026-10-26T11:00:00Z u", "2026-10-27T10:00:00Z .. 2026-10-27T11:00:00Z u"}},
		"54-date-start-time-end.ics": {want: []string{"2026-10-01 .. 2026-10-02 Day"}},
		"55-value-date-with-time.ics": {want: []string{sound},
			aside: `line 7: event "n": DTSTART: "20261020T080000" is no date or time (invalid_time)`},
		"58-negative-duration.ics": {want: []string{sound}, aside: `event "n": the event ends before it starts (invalid_time)`},
		"62-lines-without-fold.ics": {want: []string{sound},
			aside: `line 10: event "n": "location that is not" is no content line: it has no name and colon (unreadable)`},
		"63-quote-in-parameter.ics": {want: []string{sound}, aside: `line 9: event "n": ATTENDEE cannot be read: malformed parameters (unreadable)`},
		"67-cr-only.ics":            {want: []string{"2026-10-05T09:00:00Z .. 2026-10-05T10:00:00Z mac"}},
		"81-exdate-and-change-of-the-same-day.ics": {want: []string{"2026-10-05T09:00:00Z .. 2026-10-05T10:00:00Z s",
			"2026-10-07T09:00:00Z .. 2026-10-07T10:00:00Z s"}},
		"89-vcalendar-1.ics":     {want: []string{"2026-10-05T09:00:00Z .. 2026-10-05T10:00:00Z Grüße"}},
		"92-empty-html-body.ics": {want: []string{"2026-10-05T09:00:00Z .. 2026-10-05T10:00:00Z with text"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			zone := test.zone
			if zone == "" {
				zone = berlin
			}
			report := w.imports(name)
			var aside []string
			for _, a := range report.Aside {
				aside = append(aside, a.String()+" ("+a.Reason+")")
			}
			if got := strings.Join(aside, "\n"); got != test.aside {
				t.Errorf("set aside:\ngot  %s\nwant %s", got, test.aside)
			}
			wants(t, "imported", w.shown(october, zone), test.want)
			exported := w.export()
			wants(t, "exported", read(t, exported, october, zone), test.want)
			lint(t, exported)
			again := w.imports(name)
			if again.Added+again.Changed+again.Removed > 0 || again.SetAside != report.SetAside {
				t.Errorf("imported again: %+v", again)
			}
			if name == "92-empty-html-body.ics" && !strings.Contains(exported, "DESCRIPTION:Agenda: 1. prices 2. dates\r\n") {
				t.Errorf("the text is gone:\n%s", exported)
			}
		})
	}
}

func TestAnInstanceThatIsNewerThanItsSeriesStays(t *testing.T) {
	w := newWorld(t)
	w.imports("82-series-1.ics")
	moved := w.imports("82-series-2-moved.ics")
	if moved.Added != 1 || moved.Removed != 0 || moved.Items[0].Instance != "2026-10-12T16:00:00Z" {
		t.Errorf("the moved instance: %+v", moved)
	}
	w.imports("82-series-3-cancelled.ics")
	want := []string{"2026-10-05T16:00:00Z .. 2026-10-05T17:00:00Z R", "2026-10-13T19:00:00Z .. 2026-10-13T20:00:00Z R moved",
		"2026-10-19T16:00:00Z .. 2026-10-19T17:00:00Z R", "2026-10-26T16:00:00Z .. 2026-10-26T17:00:00Z cancelled R"}
	wants(t, "after the cancellation", w.shown(october, berlin), want)
	again := w.imports("82-series-1.ics")
	if again.Unchanged != 1 || again.Total != 1 || again.Removed != 0 || len(again.Items) != 0 {
		t.Errorf("the series again: %+v", again)
	}
	wants(t, "after the series again", w.shown(october, berlin), want)
	wants(t, "exported", read(t, w.export(), october, berlin), want)
}

func TestAnyOrderOfFilesGivesTheSame(t *testing.T) {
	files := []string{"82-series-1.ics", "82-series-2-moved.ics", "82-series-3-cancelled.ics"}
	var want []string
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		w := newWorld(t)
		for _, i := range order {
			w.imports(files[i])
		}
		got := w.shown(october, berlin)
		if want == nil {
			want = got
		}
		wants(t, fmt.Sprint(order), got, want)
	}
}

// revised is the series of 82-series-1 with another revision, or an instance of it.
func revised(t *testing.T, name string, replace ...string) string {
	return strings.NewReplacer(replace...).Replace(string(testdata(t, name)))
}

func TestANewerSeriesRemovesInstancesThatAreOlder(t *testing.T) {
	w := newWorld(t)
	w.imports("82-series-1.ics")
	w.imports("82-series-2-moved.ics")     // 4
	w.imports("82-series-3-cancelled.ics") // 5
	report := w.imports(revised(t, "82-series-1.ics", "SEQUENCE:3", "SEQUENCE:5", "SUMMARY:R", "SUMMARY:S"))
	if report.Changed != 1 || report.Removed != 2 || report.Items[0].Fields[0] != "subject" || report.Items[1].Outcome != importing.Removed ||
		report.Items[1].Instance != "2026-10-12T16:00:00Z" {
		// the cancelled instance has the same SEQUENCE and the later DTSTAMP
		if report.Removed != 1 || report.Items[1].Instance != "2026-10-12T16:00:00Z" {
			t.Errorf("%+v", report)
		}
	}
	wants(t, "afterwards", w.shown(october, berlin), []string{"2026-10-05T16:00:00Z .. 2026-10-05T17:00:00Z S",
		"2026-10-12T16:00:00Z .. 2026-10-12T17:00:00Z S", "2026-10-19T16:00:00Z .. 2026-10-19T17:00:00Z S",
		"2026-10-26T16:00:00Z .. 2026-10-26T17:00:00Z cancelled R"})
	late := w.imports("82-series-2-moved.ics")
	if late.Older != 1 || late.Items[0].Outcome != importing.Older {
		t.Errorf("an older instance that comes late: %+v", late)
	}
	old := w.imports("82-series-1.ics")
	if old.Older != 1 || old.Total != 1 || old.Removed != 0 {
		t.Errorf("an older series: %+v", old)
	}
}

func TestAnInstanceOfAnExcludedDateIsNoEventWhicheverComesFirst(t *testing.T) {
	series := revised(t, "82-series-1.ics", "SUMMARY:R", "EXDATE;TZID=America/Los_Angeles:20261012T090000\nSUMMARY:R")
	want := []string{"2026-10-05T16:00:00Z .. 2026-10-05T17:00:00Z R", "2026-10-19T16:00:00Z .. 2026-10-19T17:00:00Z R",
		"2026-10-26T16:00:00Z .. 2026-10-26T17:00:00Z R"}
	w := newWorld(t)
	w.imports(series)
	if report := w.imports("82-series-2-moved.ics"); report.Excluded != 1 || report.Items[0].Outcome != importing.Excluded {
		t.Errorf("the instance after its series: %+v", report)
	}
	wants(t, "the series first", w.shown(october, berlin), want)
	w = newWorld(t)
	w.imports("82-series-2-moved.ics")
	if report := w.imports(series); report.Removed != 1 || report.Added != 1 {
		t.Errorf("the instance before its series: %+v", report)
	}
	wants(t, "the instance first", w.shown(october, berlin), want)
}

func TestAnInstanceMatchesItsSeriesHoweverItIsNamed(t *testing.T) {
	timed := []string{"2026-10-05T16:00:00Z .. 2026-10-05T17:00:00Z R", "2026-10-12T16:00:00Z .. 2026-10-12T17:00:00Z R"}
	day := string(testdata(t, "90-instance-named-by-day.ics"))
	named := func(id string) string {
		return strings.Replace(day, "RECURRENCE-ID;VALUE=DATE:20261019", "RECURRENCE-ID"+id, 1)
	}
	for name, instance := range map[string]string{
		"by the day":          day,
		"without a zone":      named(":20261019T090000"),
		"in its zone":         named(";TZID=America/Los_Angeles:20261019T090000"),
		"in UTC":              named(":20261019T160000Z"),
		"in another zone":     named(";TZID=Europe/Berlin:20261019T180000"),
		"by a Windows name":   named(";TZID=Pacific Standard Time:20261019T090000"),
		"by a date that says": named(":20261019"),
	} {
		t.Run(name, func(t *testing.T) {
			want := append(slices.Clone(timed), "2026-10-20T19:00:00Z .. 2026-10-20T20:00:00Z R moved", "2026-10-26T16:00:00Z .. 2026-10-26T17:00:00Z R")
			for _, order := range [][]string{{"90-series.ics", instance}, {instance, "90-series.ics"}, {"90-series.ics", instance, "90-series.ics", instance}} {
				w := newWorld(t)
				for _, f := range order {
					w.imports(f)
				}
				wants(t, "imported", w.shown(october, berlin), want)
				wants(t, "exported", read(t, w.export(), october, berlin), want)
			}
		})
	}
	t.Run("90-instance-named-without-zone.ics", func(t *testing.T) {
		w := newWorld(t)
		w.imports("90-series.ics")
		w.imports("90-instance-named-without-zone.ics")
		wants(t, "imported", w.shown(october, berlin), append(slices.Clone(timed), "2026-10-19T16:00:00Z .. 2026-10-19T17:00:00Z R",
			"2026-10-27T19:00:00Z .. 2026-10-27T20:00:00Z R moved 2"))
	})
}

func TestAnAllDayInstanceMatchesItsSeriesHoweverItIsNamed(t *testing.T) {
	event := func(lines ...string) string {
		return "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:d\nDTSTAMP:20260901T120000Z\n" + strings.Join(lines, "\n") + "\nEND:VEVENT\nEND:VCALENDAR\n"
	}
	for _, zone := range []string{"Pacific/Auckland", "Pacific/Tongatapu", "Pacific/Pago_Pago", "Asia/Kolkata", "Pacific/Kiritimati"} {
		loc, err := calendar.LoadZone(zone)
		must(t, err)
		series := event("DTSTART;TZID="+zone+":20261005T000000", "DTEND;TZID="+zone+":20261006T000000", "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
			"RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:d",
			"EXDATE:"+time.Date(2026, 10, 8, 0, 0, 0, 0, loc).UTC().Format("20060102T150405Z"))
		for name, id := range map[string]string{
			"by the day":  ";VALUE=DATE:20261006",
			"in its zone": ";TZID=" + zone + ":20261006T000000",
			"in UTC":      time.Date(2026, 10, 6, 0, 0, 0, 0, loc).UTC().Format(":20060102T150405Z"),
		} {
			instance := event("RECURRENCE-ID"+id, "DTSTART;VALUE=DATE:20261016", "SEQUENCE:1", "SUMMARY:moved")
			for _, order := range [][]string{{series, instance}, {instance, series}} {
				w := newWorld(t)
				for _, f := range order {
					w.imports(f)
				}
				want := []string{"2026-10-05 .. 2026-10-06 d", "2026-10-07 .. 2026-10-08 d", "2026-10-09 .. 2026-10-10 d", "2026-10-16 .. 2026-10-17 moved"}
				wants(t, zone+" "+name, w.shown(october, zone), want)
				exported := w.export()
				lint(t, exported)
				wants(t, zone+" "+name+", exported", read(t, exported, october, zone), want)
			}
		}
	}
}

func TestAnEventWithoutUIDIsTheSameAtTheNextDownload(t *testing.T) {
	w := newWorld(t)
	w.imports("85-no-uid-first-download.ics")
	if again := w.imports("85-no-uid-second-download.ics"); again.Unchanged != 1 {
		t.Errorf("%+v", again)
	}
	wants(t, "shown", w.shown(october, berlin), []string{"2026-10-05T09:00:00Z .. 2026-10-05T10:00:00Z Client call"})
}

func TestAPeriodIsDaysOfItsZone(t *testing.T) {
	w := newWorld(t)
	w.imports("84-days-around.ics")
	for _, zone := range []string{berlin, "Pacific/Auckland", "Pacific/Tongatapu", "Pacific/Pago_Pago", "America/Los_Angeles", "Australia/Lord_Howe"} {
		wants(t, zone, w.shown("2026-10-31", zone), []string{"2026-10-31 .. 2026-11-01 day 20261031"})
		if got := w.shown("2026-11-01", zone); len(got) != 2 {
			t.Errorf("%s: %v", zone, got)
		}
	}
}

func TestAPreviewWritesNothingAndSaysTheSame(t *testing.T) {
	w := newWorld(t)
	w.imports("82-series-1.ics")
	before := w.export()
	f, err := ics.Read(strings.NewReader(revised(t, "82-series-2-moved.ics", "END:VCALENDAR", "BEGIN:VEVENT\nUID:bad\nDTSTART:soon\nEND:VEVENT\nEND:VCALENDAR")))
	must(t, err)
	preview, err := w.provider.Import(context.Background(), account, w.id, f, importing.Options{DryRun: true})
	must(t, err)
	if w.export() != before {
		t.Error("the preview wrote something")
	}
	done, err := w.provider.Import(context.Background(), account, w.id, f, importing.Options{})
	must(t, err)
	preview.DryRun = false
	if fmt.Sprint(preview) != fmt.Sprint(done) || fmt.Sprintf("%+v", preview.Items) != fmt.Sprintf("%+v", done.Items) || done.Added != 1 || done.SetAside != 1 {
		t.Errorf("preview %+v\ndone    %+v", preview, done)
	}
}

func TestAnOlderRevisionOfAChangedInstanceChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.imports("82-series-1.ics")
	w.imports("82-series-2-moved.ics")
	before := w.shown(october, berlin)
	for _, older := range [][]string{{"SEQUENCE:4", "SEQUENCE:3", "R moved", "R older"}, {"20260910T120000Z", "20260909T120000Z", "R moved", "R older"}} {
		report := w.imports(revised(t, "82-series-2-moved.ics", older...))
		if report.Older != 1 || report.Changed != 0 {
			t.Errorf("%q: %+v", older, report)
		}
		wants(t, "afterwards", w.shown(october, berlin), before)
	}
}

func TestWhatWasDownloadedAgainUnchangedIsAsNewAsTheDownload(t *testing.T) {
	w := newWorld(t)
	at := func(stamp, subject string) importing.Report {
		return w.imports(revised(t, "82-series-1.ics", "20260901T120000Z", stamp, "SUMMARY:R", "SUMMARY:"+subject))
	}
	at("20260901T120000Z", "R")
	if report := at("20260903T120000Z", "R"); report.Unchanged != 1 {
		t.Errorf("%+v", report)
	}
	if report := at("20260902T120000Z", "between"); report.Older != 1 {
		t.Errorf("what was downloaded between: %+v", report)
	}
}

func TestDatesOfASeriesThatBeginsInAnHourThatOccursTwiceAreOfItsType(t *testing.T) {
	e := calendar.Event{ID: "u", ICalUID: "u", Type: calendar.Master, Start: calendar.DateTime{Local: "2026-10-25T02:30:00+01:00", Zone: berlin},
		End:        calendar.DateTime{Local: "2026-10-25T03:30:00", Zone: berlin},
		Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=5"}, Without: []calendar.DateTime{{Local: "2026-10-27T02:30:00", Zone: berlin}}}}
	var b bytes.Buffer
	must(t, ics.Write(&b, ics.File{Events: []calendar.Event{e}}, now))
	lint(t, b.String())
}
