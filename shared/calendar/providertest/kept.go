package providertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// weekly is a series of half an hour on Mondays and Thursdays at 09:00 in Berlin, from 5 October 2026 across the change of the clocks.
func weekly(name string) calendar.Draft {
	d := draft(5, 0)
	d.Mark, d.TransactionID, d.Subject, d.Location = "mark-"+name, "transaction-"+name, name, "Room 1"
	d.Start, d.End = at("2026-10-05T09:00:00", "Europe/Berlin"), at("2026-10-05T09:30:00", "Europe/Berlin")
	d.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;BYDAY=MO,TH;COUNT=8"}}
	return d
}

// holidays is a series of two days each.
func holidays(name string) calendar.Draft {
	d := weekly(name)
	d.AllDay, d.Start, d.End = true, at("2026-10-09T00:00:00", "Europe/Berlin"), at("2026-10-11T00:00:00", "Europe/Berlin")
	d.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=MONTHLY;BYDAY=2FR;UNTIL=20261231"}}
	return d
}

// instead is what an instance is to be.
func instead(name, start, end string) calendar.Draft {
	d := draft(5, 0)
	d.Mark, d.TransactionID, d.Subject, d.Body.Content = "mark-"+name, "", name, "Body of "+name
	d.Start, d.End = at(start, "Europe/Berlin"), at(end, "Europe/Berlin")
	return d
}

// kept reads a calendar, by subject of what it keeps.
func (f Fixture) kept(t testing.TB, calendarID string) map[string]calendar.Kept {
	t.Helper()
	all := map[string]calendar.Kept{}
	err := f.Provider.Kept(t.Context(), f.Account, calendarID, func(k calendar.Kept) error {
		if _, twice := all[k.Event.Subject]; twice {
			t.Errorf("%q was handed over twice", k.Event.Subject)
		}
		all[k.Event.Subject] = k
		return nil
	})
	if err != nil {
		t.Fatalf("kept: %v", err)
	}
	return all
}

// instances are the instances of a series in October to December 2026, by the UTC time or the day that they originally start.
func (f Fixture) instances(t testing.TB, calendarID, masterID string) map[string]calendar.Event {
	t.Helper()
	events, err := f.Provider.Instances(t.Context(), f.Account, calendarID, masterID, date(2026, 10, 1), date(2027, 1, 1))
	if err != nil {
		t.Fatalf("instances: %v", err)
	}
	all := map[string]calendar.Event{}
	for _, e := range events {
		all[e.OriginalStart.UTC().Format("01-02T15:04")] = e
	}
	if len(all) != len(events) {
		t.Errorf("two instances have the same original start: %+v", events)
	}
	return all
}

func (f Fixture) update(t testing.TB, calendarID, id string, d calendar.Draft) {
	t.Helper()
	written, err := f.Provider.Update(t.Context(), f.Account, calendarID, []calendar.Update{{ID: id, Draft: d}})
	if err != nil || len(written) != 1 || written[0].Err != nil {
		t.Fatalf("update %q: %+v, %v", d.Subject, written, err)
	}
}

func (f Fixture) delete(t testing.TB, calendarID string, ids ...string) {
	t.Helper()
	written, err := f.Provider.Delete(t.Context(), f.Account, calendarID, ids)
	if err != nil || slices.ContainsFunc(written, func(r calendar.WriteResult) bool { return r.Err != nil }) {
		t.Fatalf("delete: %+v, %v", written, err)
	}
}

// happens lists what a series means from October to December 2026: "start end subject" in UTC, or by day.
func (f Fixture) happens(t testing.TB, calendarID string, k calendar.Kept) []string {
	t.Helper()
	zones, err := f.Provider.Zones(t.Context(), f.Account, calendarID)
	if err != nil {
		t.Fatal(err)
	}
	lookup := ics.Lookup(zones)
	instances, err := series.Expand(k.Event, k.Exceptions, date(2026, 10, 1), date(2027, 1, 1), lookup)
	if err != nil {
		t.Fatalf("%q cannot be expanded: %v", k.Event.Subject, err)
	}
	list := []string{}
	for _, e := range instances {
		if e.AllDay {
			d := days(t, e)
			list = append(list, d[0]+" "+d[1]+" "+e.Subject)
			continue
		}
		if e, err = series.InKnownZones(e, lookup); err != nil {
			t.Fatal(err)
		}
		list = append(list, begins(t, e).UTC().Format("01-02T15:04 ")+ends(t, e).UTC().Format("01-02T15:04 ")+e.Subject)
	}
	slices.Sort(list)
	return list
}

func seriesRoundTrip(t *testing.T, f Fixture) {
	info := f.create(t, "Kept")
	d := weekly("Weekly")
	d.Recurrence.Without = []calendar.DateTime{at("2026-10-08T09:00:00", "Europe/Berlin")}
	d.Categories, d.Sensitivity, d.ShowAs = []string{"Acme - billable"}, calendar.Private, calendar.Tentative
	ids := f.write(t, info.ID, d, holidays("Holidays"), draft(7, 1))

	instances := f.instances(t, info.ID, ids[0])
	if e, left := instances["10-08T07:00"]; left { // a provider may leave it to the caller
		f.delete(t, info.ID, e.ID)
	}
	f.update(t, info.ID, instances["10-26T08:00"].ID, instead("Moved", "2026-10-27T15:00:00", "2026-10-27T16:00:00"))
	f.update(t, info.ID, instances["10-12T07:00"].ID, instead("Renamed", "2026-10-12T09:00:00", "2026-10-12T09:30:00"))
	day := instead("Day", "2026-11-14T00:00:00", "2026-11-15T00:00:00")
	day.AllDay = true
	free := f.instances(t, info.ID, ids[1])
	f.update(t, info.ID, free["11-13T00:00"].ID, day)
	f.delete(t, info.ID, free["12-11T00:00"].ID)

	kept := f.kept(t, info.ID)
	if len(kept) != 3 {
		t.Fatalf("kept are %+v", kept)
	}
	single := kept["Event 07-1"]
	if len(single.Exceptions) > 0 || single.Event.Recurrence != nil || !strings.Contains(single.Event.Body.Content, "Body 07-1") {
		t.Errorf("the single event is %+v", single)
	}
	f.same(t, single.Event, draft(7, 1))

	master := kept["Weekly"]
	want := []string{
		"10-05T07:00 10-05T07:30 Weekly", "10-12T07:00 10-12T07:30 Renamed", "10-15T07:00 10-15T07:30 Weekly", "10-19T07:00 10-19T07:30 Weekly",
		"10-22T07:00 10-22T07:30 Weekly", "10-27T14:00 10-27T15:00 Moved", "10-29T08:00 10-29T08:30 Weekly",
	}
	diff(t, "instances of the series", f.happens(t, info.ID, master), want)
	e := master.Event
	if e.ID != ids[0] || e.Type != calendar.Master || e.Mark != d.Mark || e.ICalUID == "" != f.NoUIDs || e.ChangeKey == "" ||
		!strings.Contains(e.Body.Content, "Body 05-0") ||
		e.Location != d.Location || !slices.Equal(e.Categories, d.Categories) || e.Sensitivity != d.Sensitivity || e.ShowAs != d.ShowAs || len(e.Attendees) > 0 {
		t.Errorf("the series is %+v", e)
	}
	if e.Recurrence == nil || len(e.Recurrence.Without) != 1 {
		t.Errorf("its recurrence is %+v", e.Recurrence)
	}
	for i, want := range []struct {
		subject string
		instead time.Time
	}{{"Renamed", mustTime(t, "2026-10-12T07:00:00Z")}, {"Moved", mustTime(t, "2026-10-26T08:00:00Z")}} {
		if len(master.Exceptions) != 2 {
			t.Fatalf("its exceptions are %+v", master.Exceptions)
		}
		x := master.Exceptions[i]
		if x.Subject != want.subject || !x.OriginalStart.Equal(want.instead) || x.Type != calendar.Exception || x.Mark != "mark-"+want.subject ||
			x.SeriesMasterID != ids[0] || !strings.Contains(x.Body.Content, "Body of "+want.subject) {
			t.Errorf("exception %d is %+v", i, x)
		}
	}

	diff(t, "days", f.happens(t, info.ID, kept["Holidays"]), []string{"2026-10-09 2026-10-11 Holidays", "2026-11-14 2026-11-15 Day"})
	if x := kept["Holidays"].Exceptions; len(x) != 1 || !x[0].OriginalStart.Equal(date(2026, 11, 13)) {
		t.Errorf("the changed day is %+v", x)
	}

	diff(t, "events of the window", subjects(f.events(t, info.ID, date(2026, 10, 12), date(2026, 10, 16))), []string{"Renamed", "Weekly"})
	marked, err := f.Provider.Marked(t.Context(), f.Account, info.ID, []string{"mark-Weekly", "mark-Moved", "mark-Day"})
	if err != nil || marked["mark-Weekly"].ID != ids[0] {
		t.Errorf("marked are %+v, %v", marked, err)
	}

	f.delete(t, info.ID, ids[0])
	if left := f.kept(t, info.ID); len(left) != 2 {
		t.Errorf("after the series was deleted there are %+v", left)
	}
}

// changed writes a series of which one instance is changed and another one deleted, and returns the ids of the series and the deleted instance.
func (f Fixture) changed(t testing.TB, calendarID string) (seriesID, deleted string) {
	t.Helper()
	seriesID = f.write(t, calendarID, weekly("Weekly"))[0]
	instances := f.instances(t, calendarID, seriesID)
	f.update(t, calendarID, instances["10-12T07:00"].ID, instead("Changed", "2026-10-13T15:00:00", "2026-10-13T16:00:00"))
	f.delete(t, calendarID, instances["10-15T07:00"].ID)
	return seriesID, instances["10-15T07:00"].ID
}

func repeatedSeries(t *testing.T, f Fixture) {
	info := f.create(t, "Kept")
	id, deleted := f.changed(t, info.ID)
	repeated := f.write(t, info.ID, draft(7, 1), weekly("Weekly"))
	if repeated[1] != id {
		t.Errorf("the series has the id %s, and then %s", id, repeated[1])
	}
	for range 2 {
		f.delete(t, info.ID, deleted)
	}
	kept := f.kept(t, info.ID)
	if len(kept) != 2 || len(kept["Weekly"].Exceptions) != 1 || kept["Weekly"].Exceptions[0].Subject != "Changed" ||
		len(kept["Weekly"].Event.Recurrence.Without) != 1 {
		t.Errorf("kept are %+v", kept)
	}
}

func updateSeries(t *testing.T, f Fixture) {
	info := f.create(t, "Kept")
	id, _ := f.changed(t, info.ID)
	other := weekly("Other")
	other.Start, other.End = at("2026-11-03T10:00:00", "Europe/Berlin"), at("2026-11-03T11:00:00", "Europe/Berlin")
	other.Recurrence.Rules = []string{"FREQ=DAILY;COUNT=2"}
	f.update(t, info.ID, id, other)
	kept := f.kept(t, info.ID)
	if len(kept) != 1 || kept["Other"].Event.ID != id || kept["Other"].Event.Mark != other.Mark {
		t.Fatalf("kept are %+v", kept)
	}
	diff(t, "instances", f.happens(t, info.ID, kept["Other"]), []string{"11-03T09:00 11-03T10:00 Other", "11-04T09:00 11-04T10:00 Other"})
}

func refusedSeries(t *testing.T, f Fixture) {
	info := f.create(t, "Kept")
	drafts := []calendar.Draft{weekly("a"), weekly("b"), weekly("c")}
	drafts[0].Recurrence.Rules = []string{"FREQ=SOMETIMES"}
	drafts[2].Start.Zone, drafts[2].End.Zone = "Nowhere/Land", "Nowhere/Land"
	written, err := f.Provider.Create(t.Context(), f.Account, info.ID, drafts)
	if err != nil || len(written) != 3 || fault.Of(written[0].Err) != fault.Invalid || written[1].Err != nil || fault.Of(written[2].Err) != fault.Invalid {
		t.Fatalf("results are %+v, %v", written, err)
	}
	if kept := f.kept(t, info.ID); len(kept) != 1 {
		t.Errorf("kept are %+v", kept)
	}
	ids := f.write(t, info.ID, draft(1, 1))
	instance := f.instances(t, info.ID, written[1].ID)["10-12T07:00"].ID
	results, err := f.Provider.Update(t.Context(), f.Account, info.ID, []calendar.Update{{ID: instance, Draft: drafts[1]}})
	if err != nil || len(results) != 1 || fault.Of(results[0].Err) != fault.Invalid {
		t.Errorf("an instance that is to be a series: %+v, %v", results, err)
	}
	for id, kind := range map[string]fault.Kind{"no-such-event": fault.NotFound, ids[0]: fault.Invalid} {
		if _, err := f.Provider.Instances(t.Context(), f.Account, info.ID, id, date(2026, 10, 1), date(2026, 11, 1)); fault.Of(err) != kind {
			t.Errorf("instances of %s: %v, want an error of kind %s", id, err, kind)
		}
	}
}

func instancesOfAWindow(t *testing.T, f Fixture) {
	info := f.create(t, "Kept")
	ids := f.write(t, info.ID, weekly("Weekly"), weekly("Other"))
	of := func(from, to string) []string {
		t.Helper()
		events, err := f.Provider.Instances(t.Context(), f.Account, info.ID, ids[0], mustTime(t, from), mustTime(t, to))
		if err != nil {
			t.Fatal(err)
		}
		list := []string{}
		for _, e := range events {
			if e.SeriesMasterID != ids[0] || e.ID == "" || e.OriginalStart.IsZero() || e.Type == calendar.Occurrence && e.Mark != "mark-Weekly" {
				t.Errorf("instance is %+v", e)
			}
			list = append(list, fmt.Sprintf("%s %s %s", begins(t, e).UTC().Format("01-02T15:04"), e.Type, e.Mark))
		}
		slices.Sort(list)
		return list
	}
	monday, thursday := "10-05T07:00 occurrence mark-Weekly", "10-08T07:00 occurrence mark-Weekly"
	diff(t, "a week", of("2026-10-05T00:00:00Z", "2026-10-12T00:00:00Z"), []string{monday, thursday})
	diff(t, "from a start to a start", of("2026-10-05T07:00:00Z", "2026-10-08T07:00:00Z"), []string{monday})
	diff(t, "from within an instance", of("2026-10-05T07:10:00Z", "2026-10-09T00:00:00Z"), []string{thursday})
	if all := of("2020-01-01T00:00:00Z", "2032-01-01T00:00:00Z"); len(all) != 8 {
		t.Errorf("in twelve years there are %q", all)
	}
	f.update(t, info.ID, f.instances(t, info.ID, ids[0])["10-05T07:00"].ID, instead("Moved", "2026-10-07T15:00:00", "2026-10-07T16:00:00"))
	diff(t, "where one was moved from", of("2026-10-05T00:00:00Z", "2026-10-06T00:00:00Z"), []string{})
	diff(t, "where it was moved to", of("2026-10-07T00:00:00Z", "2026-10-08T00:00:00Z"), []string{"10-07T13:00 exception mark-Moved"})
}

func manyKept(t *testing.T, f Fixture) {
	info := f.create(t, "Kept")
	const serial = 45
	singles := cmp.Or(f.Kept, 2500)
	var drafts []calendar.Draft
	for i := range singles {
		d := draft(1+i%28, i)
		d.Body.Content = fmt.Sprintf("Body of %s. %s", d.Subject, strings.Repeat("text ", 20))
		d.Start.Local, d.End.Local = fmt.Sprint(1990+i%60, d.Start.Local[4:]), fmt.Sprint(1990+i%60, d.End.Local[4:])
		drafts = append(drafts, d)
	}
	for i := range serial {
		drafts = append(drafts, weekly(fmt.Sprintf("Series %d", i)))
	}
	ids := f.write(t, info.ID, drafts...)
	for i := range 3 {
		instances := f.instances(t, info.ID, ids[singles+i*20])
		f.update(t, info.ID, instances["10-12T07:00"].ID, instead(fmt.Sprintf("Changed %d", i), "2026-10-13T15:00:00", "2026-10-13T16:00:00"))
	}
	kept := f.kept(t, info.ID)
	if len(kept) != len(drafts) {
		t.Errorf("%d were kept, want %d", len(kept), len(drafts))
	}
	exceptions := 0
	for i, d := range drafts {
		k := kept[d.Subject]
		exceptions += len(k.Exceptions)
		if k.Event.ID != ids[i] || k.Event.Mark != d.Mark || !strings.Contains(k.Event.Body.Content, strings.TrimSpace(d.Body.Content)) {
			t.Fatalf("of %q is kept %+v", d.Subject, k)
		}
	}
	if exceptions != 3 {
		t.Errorf("%d exceptions were kept, want 3", exceptions)
	}
	marks := f.marks(t, info.ID)
	if len(marks) != len(drafts) {
		t.Errorf("%d marks were told, want %d", len(marks), len(drafts))
	}
	for i, d := range drafts {
		if marks[ids[i]] != d.Mark {
			t.Fatalf("of %q is told the mark %q", d.Subject, marks[ids[i]])
		}
	}

	enough, count := errors.New("enough"), 0
	err := f.Provider.Kept(t.Context(), f.Account, info.ID, func(calendar.Kept) error {
		if count++; count == 60 {
			return enough
		}
		return nil
	})
	if err != enough || count != 60 {
		t.Errorf("the reading ended with %v after %d", err, count)
	}
}

func ownZones(t *testing.T, f Fixture) {
	info := f.create(t, "Kept")
	office := func(offset string) calendar.Zone {
		return calendar.Zone{ID: "Office", Definition: strings.Join([]string{"BEGIN:VTIMEZONE", "TZID:Office", "BEGIN:STANDARD", "DTSTART:19700101T000000",
			"TZOFFSETFROM:" + offset, "TZOFFSETTO:" + offset, "END:STANDARD", "END:VTIMEZONE", ""}, "\r\n")}
	}
	adopt := func(z calendar.Zone) map[string]string {
		t.Helper()
		renamed, err := f.Provider.AdoptZones(t.Context(), f.Account, info.ID, []calendar.Zone{z})
		if err != nil {
			t.Fatal(err)
		}
		return renamed
	}
	for range 2 {
		if renamed := adopt(office("+0300")); len(renamed) != 0 {
			t.Errorf("renamed are %v", renamed)
		}
	}
	other := adopt(office("+0500"))
	zones, err := f.Provider.Zones(t.Context(), f.Account, info.ID)
	if err != nil {
		t.Fatal(err)
	}
	drafts := []calendar.Draft{weekly("a"), weekly("b")}
	for i, zone := range []string{"Office", other["Office"]} {
		drafts[i].Start.Zone, drafts[i].End.Zone = zone, zone
	}
	if len(zones) == 0 { // the calendar cannot explain any
		drafts[1].Start.Zone, drafts[1].End.Zone = "Office", "Office"
		drafts[1].Recurrence = nil
		written, err := f.Provider.Create(t.Context(), f.Account, info.ID, drafts)
		if err != nil || len(written) != 2 || fault.Of(written[0].Err) != fault.Invalid || fault.Of(written[1].Err) != fault.Invalid {
			t.Errorf("results are %+v, %v, want all of kind invalid", written, err)
		}
		return
	}
	if len(zones) != 2 || other["Office"] == "" || zones[0].ID == zones[1].ID {
		t.Fatalf("zones are %+v, renamed are %v", zones, other)
	}
	f.write(t, info.ID, drafts...)
	kept := f.kept(t, info.ID)
	diff(t, "first instances", []string{f.happens(t, info.ID, kept["a"])[0], f.happens(t, info.ID, kept["b"])[0]},
		[]string{"10-05T06:00 10-05T06:30 a", "10-05T04:00 10-05T04:30 b"})
	if kept["a"].Event.Start.Zone != "Office" || kept["b"].Event.Start.Zone != other["Office"] {
		t.Errorf("zones of the series are %s and %s", kept["a"].Event.Start.Zone, kept["b"].Event.Start.Zone)
	}

	// Into another calendar, with the zones.
	copied := f.create(t, "Copy")
	if renamed, err := f.Provider.AdoptZones(t.Context(), f.Account, copied.ID, zones); err != nil || len(renamed) > 0 {
		t.Errorf("renamed are %v, %v", renamed, err)
	}
	if repeated, err := f.Provider.Zones(t.Context(), f.Account, copied.ID); err != nil || len(repeated) != 2 {
		t.Errorf("zones of the copy are %+v, %v", repeated, err)
	}
	broken := []calendar.Zone{{ID: "Broken", Definition: "BEGIN:VTIMEZONE\r\nEND:VTIMEZONE\r\n"}}
	if _, err := f.Provider.AdoptZones(t.Context(), f.Account, copied.ID, broken); fault.Of(err) != fault.Invalid {
		t.Errorf("a zone that is none: %v", err)
	}
	_, err = f.Provider.AdoptZones(t.Context(), f.Account, "no-such-calendar", zones)
	wantErr(t, "zones of no calendar", err, calendar.ErrNotFound, fault.NotFound)
	_, err = f.Provider.Zones(t.Context(), f.Account, "no-such-calendar")
	wantErr(t, "zones of no calendar", err, calendar.ErrNotFound, fault.NotFound)
}

// keptByNobody are the errors of reading all of a calendar.
func keptByNobody(ctx context.Context, f Fixture, calendarID, masterID string) map[string]error {
	errs := map[string]error{"kept": f.Provider.Kept(ctx, f.Account, calendarID, func(calendar.Kept) error { return nil })}
	_, errs["instances"] = f.Provider.Instances(ctx, f.Account, calendarID, masterID, date(2026, 10, 1), date(2026, 11, 1))
	return errs
}
