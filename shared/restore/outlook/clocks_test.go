package outlook_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// siteTime is a zone of somebody's own making, which has summer time: Outlook tells no more of it than that it is custom.
const siteTime = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//test//EN
BEGIN:VTIMEZONE
TZID:Site time
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:site@example.com
DTSTAMP:20260901T000000Z
DTSTART;TZID=Site time:20261005T090000
DTEND;TZID=Site time:20261005T100000
RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=10
SUMMARY:Site meeting
END:VEVENT
BEGIN:VEVENT
UID:once@example.com
DTSTAMP:20260901T000000Z
DTSTART;TZID=Site time:20261207T090000
DTEND;TZID=Site time:20261207T100000
SUMMARY:Site visit
END:VEVENT
BEGIN:VEVENT
UID:named@example.com
DTSTAMP:20260901T000000Z
DTSTART;TZID=Europe/Berlin:20261006T090000
DTEND;TZID=Europe/Berlin:20261006T100000
RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=10
SUMMARY:Office meeting
END:VEVENT
END:VCALENDAR
`

func (w *world) backUpAnyhow(u calendar.URI) (*run.Run, backup.Result) {
	w.t.Helper()
	var result backup.Result
	r := w.carryOut(&backup.Runner{
		Table: w.table, Blobs: w.blobs,
		Provider: func(ctx context.Context, user string, u calendar.URI) (backup.Provider, error) {
			return w.provider(ctx, user, u)
		},
		Zone:  func(context.Context, string, string) (*time.Location, error) { return time.UTC, nil },
		Clock: time.Now, NewID: w.newID, Software: "test", HandOn: time.Minute,
	}, &run.Run{Kind: run.Backup, Calendar: u.String()}, backup.Input{}, &result)
	return r, result
}

// starts are when the events of a subject start, in November and December.
func (w *world) starts(p calendar.Provider, u calendar.URI, subject string) (all []string) {
	w.t.Helper()
	info, err := p.Calendar(w.t.Context(), u)
	must(w.t, err)
	events, err := p.Events(w.t.Context(), me, info.ID, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	must(w.t, err)
	for _, e := range events {
		if at, err := e.Start.Instant(time.UTC); err != nil || e.Subject == subject {
			must(w.t, err)
			all = append(all, at.UTC().Format("01-02T15:04"))
		}
	}
	slices.Sort(all)
	return all
}

// What repeats on clocks that nobody can tell would be an hour off for half of the year.
func TestASeriesOnClocksThatNobodyTellsIsNotRestored(t *testing.T) {
	w := newWorld(t)
	work := uri(calendar.ProviderGraph, "Work")
	info, err := w.graph.CreateCalendar(t.Context(), work)
	must(t, err)
	must(t, w.sim.LoadICS(me, info.ID, strings.NewReader(siteTime)))

	r, result := w.backUpAnyhow(work)
	if r.State != run.Partial || result.OwnClocks != 1 || result.LeftOut != 1 { // iCalendar needs the zone's definition
		t.Errorf("the backup is %s: %+v", r.State, result)
	}
	record, err := backup.New(w.table, w.blobs).Get(t.Context(), user, result.ID)
	must(t, err)
	o := record.OwnClocks
	if o == nil || o.Series != 1 || len(o.First) != 1 || o.First[0].Subject != "Site meeting" || o.First[0].Zone != "tzone://Microsoft/Custom" {
		t.Errorf("the backup names %+v", o)
	}

	office := []string{"11-03T08:00", "11-10T08:00", "11-17T08:00", "11-24T08:00", "12-01T08:00", "12-08T08:00"}
	for _, into := range []calendar.URI{uri(calendar.ProviderGraph, "Copy"), uri(calendar.ProviderLocal, "Copy")} {
		for _, dry := range []bool{true, false} {
			var restored restore.Result
			runner := w.runner()
			r := w.carryOut(&runner, &run.Run{Kind: run.Restore, Calendar: into.String(), Options: run.Options{DryRun: dry}},
				restore.Input{Backup: result.ID, Policy: restore.Skip, Zone: zone, CreateCalendar: true}, &restored)
			if !dry && r.State != run.Partial || restored.Counts.Created != 2 || restored.Counts.Failed != 1 {
				t.Errorf("%s, dry %t: %s %+v", into, dry, r.State, restored)
			}
			for _, e := range w.entries(r) {
				said := strings.Contains(e.Reason, "tzone://Microsoft/Custom") && strings.Contains(e.Reason, "in Outlook give it")
				if failed := e.Outcome == restore.Failed; failed != (e.Subject == "Site meeting") || failed && !said {
					t.Errorf("%s, dry %t: %+v", into, dry, e)
				}
			}
		}
		p, _ := w.provider(t.Context(), user, into)
		if got := w.starts(p, into, "Site meeting"); len(got) != 0 {
			t.Errorf("%s: the site meeting is at %v", into, got)
		}
		if got := w.starts(p, into, "Site visit"); !slices.Equal(got, []string{"12-07T08:00"}) {
			t.Errorf("%s: the site visit is at %v", into, got)
		}
		if got := w.starts(p, into, "Office meeting"); !slices.Equal(got, office) {
			t.Errorf("%s: the office meeting is at %v", into, got)
		}
	}
}

// A local calendar explains its own zones; Microsoft 365 does not take the explanation.
func TestASeriesOnClocksThatOutlookLacksIsRestoredIntoALocalCalendar(t *testing.T) {
	for _, named := range []string{"Site time", "Antarctica/Troll"} {
		w := newWorld(t)
		work := uri(calendar.ProviderLocal, "Work")
		info, err := w.own.CreateCalendar(t.Context(), work)
		must(t, err)
		file, err := ics.Read(strings.NewReader(strings.ReplaceAll(siteTime, "TZID=Site time", "TZID="+named)))
		must(t, err)
		_, err = w.own.Import(t.Context(), me, info.ID, file, importing.Options{})
		must(t, err)
		r, result := w.backUpAnyhow(work)
		if r.State != run.Succeeded || result.OwnClocks != 1 {
			t.Errorf("%s: the backup is %s: %+v", named, r.State, result)
		}
		if r, restored := w.restore(result.ID, uri(calendar.ProviderLocal, "Copy"), restore.Skip); r.State != run.Succeeded || restored.Counts.Created != 3 {
			t.Errorf("%s: %s %+v", named, r.State, restored)
		}
		r, restored := w.restore(result.ID, uri(calendar.ProviderGraph, "Copy"), restore.Skip)
		if r.State != run.Partial || restored.Counts.Created != 2 || restored.Counts.Failed != 1 {
			t.Errorf("%s: %s %+v", named, r.State, restored)
		}
		for _, e := range w.entries(r) {
			said := strings.Contains(e.Reason, "restore the series into a local calendar")
			if failed := e.Outcome == restore.Failed; failed != (e.Subject == "Site meeting") || failed && !said {
				t.Errorf("%s: %+v", named, e)
			}
		}
	}
}

func TestWhatWasMadeInUTCIsRestored(t *testing.T) {
	w := newWorld(t)
	work := uri(calendar.ProviderGraph, "Work")
	info, err := w.graph.CreateCalendar(t.Context(), work)
	must(t, err)
	const times = `"start":{"dateTime":"2026-11-03T08:00:00","timeZone":"tzone://Microsoft/Utc"},` +
		`"end":{"dateTime":"2026-11-03T09:00:00","timeZone":"tzone://Microsoft/Utc"}`
	for _, event := range []string{
		`{"subject":"Once",` + times + `}`,
		`{"subject":"Weekly",` + times + `,"recurrence":{"pattern":{"type":"weekly","interval":1,"daysOfWeek":["tuesday"]},` +
			`"range":{"type":"numbered","startDate":"2026-11-03","numberOfOccurrences":3,"recurrenceTimeZone":"tzone://Microsoft/Utc"}}}`,
	} {
		_, err := w.sim.PutEvent(me, info.ID, []byte(event))
		must(t, err)
	}
	r, result := w.backUpAnyhow(work)
	if r.State != run.Succeeded || result.OwnClocks != 0 {
		t.Errorf("the backup is %s: %+v", r.State, result)
	}
	for _, into := range []calendar.URI{uri(calendar.ProviderGraph, "Copy"), uri(calendar.ProviderLocal, "Copy")} {
		if r, restored := w.restore(result.ID, into, restore.Skip); r.State != run.Succeeded || restored.Counts.Created != 2 {
			t.Errorf("%s: %s %+v %+v", into, r.State, restored, w.entries(r))
		}
		p, _ := w.provider(t.Context(), user, into)
		if got := w.starts(p, into, "Weekly"); !slices.Equal(got, []string{"11-03T08:00", "11-10T08:00", "11-17T08:00"}) {
			t.Errorf("%s: %v", into, got)
		}
	}
}
