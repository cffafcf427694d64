package app

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// list returns all items of a list that ann asks for.
func (o *one) list(path string) (items []map[string]any) {
	o.t.Helper()
	cursor := ""
	for {
		r := httptest.NewRequestWithContext(o.t.Context(), "GET", path+"&limit=200&cursor="+cursor, nil)
		r.Header.Set("X-Test-User", "ann")
		w := httptest.NewRecorder()
		o.api.ServeHTTP(w, r)
		var page struct {
			Items []map[string]any `json:"items"`
			Next  string           `json:"next"`
		}
		if w.Code != 200 || json.Unmarshal(w.Body.Bytes(), &page) != nil {
			o.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		items = append(items, page.Items...)
		if cursor = page.Next; cursor == "" {
			return items
		}
	}
}

// imports puts an event into a calendar.
func (o *one) imports(calendarID, uid string, lines ...string) {
	o.t.Helper()
	event := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//test//EN", "BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20261001T000000Z"}, lines...)
	o.do("ann", "POST", "/v1/calendars/"+calendarID+"/import", strings.Join(append(event, "END:VEVENT", "END:VCALENDAR", ""), "\r\n"), "",
		"Content-Type", "text/calendar")
}

// appointments are subject and start of what a calendar of ann's shows from October on, up to an instant.
func (o *one) appointments(name string, end time.Time) (shown []string) {
	o.t.Helper()
	p := o.own.For("tenant#ann")
	info, err := p.Calendar(o.t.Context(), calendar.URI{Provider: calendar.ProviderLocal, Account: "ann", Calendar: name})
	must(o.t, err)
	events, err := p.Events(o.t.Context(), "ann", info.ID, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), end)
	must(o.t, err)
	for _, e := range events {
		start, err := e.Start.Instant(time.UTC)
		must(o.t, err)
		shown = append(shown, start.UTC().Format(time.RFC3339)+" "+e.Subject)
	}
	slices.Sort(shown)
	return shown
}

// TestAMonthOfNights lives through October 2026 and the end of summer time in it: a user adds an appointment every day; the night archives the day
// before, backs the calendar up and lets old backups go; Sundays prove that the newest one restores. Nothing runs for two nights.
func TestAMonthOfNights(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	now := time.Date(2026, 10, 1, 6, 0, 0, 0, berlin)
	o := openOneAt(t, func() time.Time { return now })
	work := o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	config := o.do("ann", "POST", "/v1/archive-configs",
		`{"name": "work", "source": "local://ann/calendars/Work", "archive": "local://ann/calendars/Archive", "verify": "none",
		 "timezone": "Europe/Berlin", "overlaps": "keep"}`, "id")
	o.imports(work, "series", "SUMMARY:Team", "DTSTART;TZID=Europe/Berlin:20261005T100000", "DTEND;TZID=Europe/Berlin:20261005T103000",
		"RRULE:FREQ=WEEKLY", "EXDATE;TZID=Europe/Berlin:20261019T100000")
	for _, job := range []string{
		`"kind": "archive", "schedule": {"repeat": "daily", "at": "02:30", "zone": "Europe/Berlin"}`, // which there is twice on the 25th
		`"kind": "backup", "schedule": {"repeat": "daily", "at": "01:15", "zone": "Europe/Berlin"}, "retention": {"last": 3, "weekly": 3}`,
		`"kind": "drill", "schedule": {"repeat": "weekly", "weekdays": ["sunday"], "at": "03:30", "zone": "Europe/Berlin"}`,
	} {
		o.do("ann", "POST", "/v1/jobs", `{"config": "work", "jitter": 0, `+job+`}`, "id")
	}

	down, up := time.Date(2026, 10, 12, 20, 0, 0, 0, berlin), time.Date(2026, 10, 14, 12, 0, 0, 0, berlin)
	end := time.Date(2026, 11, 2, 8, 0, 0, 0, berlin)
	dispatcher := o.dispatcher()
	for ; now.Before(end); now = now.Add(5 * time.Minute) {
		if local := now.In(berlin); local.Hour() == 7 && local.Minute() == 0 {
			day := local.Format("20060102")
			o.imports(work, "of-"+day, "SUMMARY:Day "+day, "DTSTART;TZID=Europe/Berlin:"+day+"T090000", "DTEND;TZID=Europe/Berlin:"+day+"T100000")
		}
		if !now.Before(down) && now.Before(up) {
			continue
		}
		report, err := dispatcher.Tick(t.Context())
		must(t, err)
		if report.Started > 0 {
			o.work()
		}
	}

	// When runs have to start, from the calendar of that month: UTC is two hours behind Berlin's clocks until the 25th, 03:00, and one hour since.
	want := map[run.Kind][]string{}
	at := func(kind run.Kind, day time.Time, hour, minute, behind int) {
		want[kind] = append(want[kind], day.Add(time.Duration(hour-behind)*time.Hour+time.Duration(minute)*time.Minute).Format(time.RFC3339))
	}
	for day := time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC); day.Before(end); day = day.AddDate(0, 0, 1) {
		behind, of25th := 2, day.Month() == time.October && day.Day() == 25
		if day.Month() == time.November || day.Day() > 25 {
			behind = 1
		}
		if day.Month() == time.October && (day.Day() == 13 || day.Day() == 14) {
			if day.Day() == 14 { // once for both, when it goes on
				at(run.Archive, day, 12, 0, 2)
				at(run.Backup, day, 12, 0, 2)
			}
			continue
		}
		at(run.Archive, day, 2, 30, behind) // on the 25th the first time that clocks show it
		at(run.Backup, day, 1, 15, behind)
		if day.Weekday() == time.Sunday {
			if of25th {
				behind = 1
			}
			at(run.Drill, day, 3, 30, behind)
		}
	}
	got := map[run.Kind][]string{}
	for _, r := range o.list("/v1/runs?") {
		kind := run.Kind(fmt.Sprint(r["kind"]))
		got[kind] = append(got[kind], fmt.Sprint(r["created"]))
		if r["state"] != "succeeded" {
			t.Errorf("%v of %v: %v %v", kind, r["created"], r["state"], r["problem"])
		}
	}
	for kind := range got {
		slices.Sort(got[kind])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs (-want +got): %s", diff)
	}

	t.Run("archive and ledger hold every day before the last night, once", func(t *testing.T) {
		midnight := time.Date(2026, 11, 2, 0, 0, 0, 0, berlin)
		source := o.appointments("Work", midnight)
		if diff := cmp.Diff(source, o.appointments("Archive", midnight.AddDate(1, 0, 0))); diff != "" || len(source) != 32+3 {
			t.Errorf("%d appointments; archive (-source +archive): %s", len(source), diff)
		}
		var held []string
		for day := time.Date(2026, 10, 1, 0, 0, 0, 0, berlin); day.Before(midnight.AddDate(0, 0, 3)); day = day.AddDate(0, 0, 1) {
			for _, it := range o.list("/v1/ledger/" + config + "/days/" + day.Format(time.DateOnly) + "?") {
				appointment := it["appointment"].(map[string]any)
				held = append(held, fmt.Sprint(appointment["start"], " ", appointment["subject"]))
			}
		}
		slices.Sort(held)
		if diff := cmp.Diff(source, held); diff != "" {
			t.Errorf("ledger (-source +ledger): %s", diff)
		}
		if ok := o.do("ann", "POST", "/v1/ledger/"+config+"/verify", "", "ok"); ok != "true" {
			t.Errorf("the ledger verifies: %s", ok)
		}
	})
	t.Run("the backups that its rules keep are there, whole, and nothing else", func(t *testing.T) {
		var made []string
		folders := map[string]int{}
		for _, b := range o.list("/v1/backups?") {
			id := fmt.Sprint(b["id"])
			made = append(made, fmt.Sprint(b["made"]))
			if ok := o.do("ann", "POST", "/v1/backups/"+id+"/verify", "", "ok"); ok != "true" {
				t.Errorf("backup %s verifies: %s", b["made"], ok)
			}
			folders[id] = 4
		}
		slices.Sort(made)
		// The last three, and the last ones of the weeks that end on 25 October and 1 November; the 2nd is a Monday.
		if diff := cmp.Diff([]string{"2026-10-24T23:15:00Z", "2026-10-31T00:15:00Z", "2026-11-01T00:15:00Z", "2026-11-02T00:15:00Z"}, made); diff != "" {
			t.Errorf("backups (-want +got): %s", diff)
		}
		objects, err := o.blobs.List(t.Context(), "backups/")
		must(t, err)
		stored := map[string]int{}
		for _, object := range objects {
			stored[strings.Split(object.Key, "/")[2]]++
		}
		if diff := cmp.Diff(folders, stored); diff != "" {
			t.Errorf("objects of backups (-want +got): %s", diff)
		}
	})
	t.Run("drills leave no calendar, and nobody has anything to see to", func(t *testing.T) {
		var names []string
		for _, c := range o.list("/v1/calendars?") {
			names = append(names, fmt.Sprint(c["name"]))
		}
		if diff := cmp.Diff([]string{"Archive", "Work"}, names); diff != "" {
			t.Errorf("calendars: %s", diff)
		}
		if open := o.list("/v1/actions?state=open"); len(open) > 0 {
			t.Errorf("open actions: %v", open)
		}
		for _, n := range o.list("/v1/notifications?") {
			if n["class"] != "runs" && n["state"] != "late" { // those that made up for the nights without a dispatcher
				t.Errorf("told: %v", n)
			}
		}
	})
}

// TestAnUnchangedNightAsksTheStoreTenTimes counts all that the delivery of a night's message asks the store, when nothing changed since the night before.
func TestAnUnchangedNightAsksTheStoreTenTimes(t *testing.T) {
	now := time.Date(2026, 10, 20, 6, 0, 0, 0, time.UTC)
	o := openOneAt(t, func() time.Time { return now })
	work := o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	o.do("ann", "POST", "/v1/archive-configs",
		`{"name": "work", "source": "local://ann/calendars/Work", "archive": "local://ann/calendars/Archive", "timezone": "UTC", "overlaps": "keep"}`, "id")
	for i := range 10 {
		o.imports(work, fmt.Sprint("e", i), "SUMMARY:Review", fmt.Sprintf("DTSTART:20260920T%02d0000Z", 8+i),
			fmt.Sprintf("DTEND:20260920T%02d3000Z", 8+i), "RRULE:FREQ=DAILY")
	}
	job := o.do("ann", "POST", "/v1/jobs",
		`{"config": "work", "kind": "archive", "schedule": {"repeat": "daily", "at": "02:30", "zone": "UTC"}, "window": {"days": 30}}`, "id")
	night := func() (requests int, fetched, unchanged any) {
		now = now.Add(time.Minute)
		id := o.do("ann", "POST", "/v1/jobs/"+job+"/trigger", "", "id")
		messages, err := o.archives.Receive(t.Context(), 1, time.Minute, 0)
		must(t, err)
		counter := &store.Counter{Table: o.table}
		y := &system{settings: o.settings, log: o.log, clock: o.clock, table: counter, blobs: o.blobs, archives: o.archives, backups: o.backups, notices: o.notices}
		y.keeper = testKeeper()
		y.connect(fromSettings(o.settings))
		y.own, y.providers.local = o.own, o.own // a provider's requests are not the run's
		must(t, y.worker(run.ArchiveQueue, time.Second, time.Minute).Handle(t.Context(), messages[0]))
		var r struct {
			State  string `json:"state"`
			Result struct {
				Counts map[string]any `json:"counts"`
			} `json:"result"`
		}
		stored, err := o.runs.Get(t.Context(), "tenant#ann", id)
		must(t, err)
		must(t, json.Unmarshal(mustJSON(t, stored), &r))
		if r.State != "succeeded" {
			t.Fatalf("the run is %s", r.State)
		}
		return counter.Requests(), r.Result.Counts["fetched"], r.Result.Counts["unchanged"]
	}
	night()
	requests, fetched, unchanged := night()
	if fetched != 300. || unchanged != 300. || requests > 10 {
		t.Errorf("%d requests to the store for %v events, of which %v are unchanged", requests, fetched, unchanged)
	}
	t.Logf("%d requests to the store", requests)
}
