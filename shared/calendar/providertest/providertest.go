// Package providertest is the contract of calendar.Provider: every implementation passes it.
package providertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Fixture is a provider, and what the contract needs beside it.
type Fixture struct {
	Provider calendar.Provider
	// Scheme is what calendar URIs of the provider begin with: calendar.ProviderGraph or calendar.ProviderLocal.
	Scheme string
	// Account has no calendars, or none but its default one.
	Account string
	// Add puts events into a calendar as somebody else would: they carry no mark. They are of type Single, or of type Master with
	// rules, and have a subject, a start, an end and an iCalendar UID.
	Add func(t *testing.T, calendarID string, events ...calendar.Event)
	// Kept is how many events the largest calendar has, of which all is read; 0 is 2,500.
	Kept int
	// NoUIDs says that events have no iCalendar UID, KeysChange that change keys differ with every reading, and Withholds that the text of a series may be
	// refused.
	NoUIDs, KeysChange, Withholds bool
	// Duplicate makes another calendar of the name, and returns its id. Nil where there cannot be two.
	Duplicate func(t *testing.T, name string) string
}

// Run runs the contract. open returns an account that nobody else uses.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	tests := []struct {
		name string
		test func(*testing.T, Fixture)
	}{
		{"a calendar is found by its id and by its name in any case", find},
		{"the default calendar is primary", primary},
		{"a calendar that is not there is not found", noCalendar},
		{"a name is given once", exists},
		{"two calendars of a name are ambiguous", ambiguous},
		{"a calendar that is deleted is gone with its events", deleteCalendar},
		{"an event comes back as it was written", roundTrip},
		{"times keep their meaning whatever zone they are written in", zones},
		{"all-day events are days", allDay},
		{"results are in the order of the drafts and each has its own outcome", results},
		{"a create that is repeated makes nothing new", repeated},
		{"a create that is repeated while the first one runs makes nothing new", repeatedAtOnce},
		{"an update replaces an event and changes its key", update},
		{"an event that is gone cannot be updated", updateGone},
		{"deleting is done when nothing is left", deleteEvents},
		{"marks find events whenever they are", marked},
		{"events are found by their ids", byID},
		{"a mark goes with its event", marksMove},
		{"every event shows by its mark whose it is", marks},
		{"a listing of marks can be stopped", marksStopped},
		{"a window holds what overlaps it once", window},
		{"a walk can be stopped", walkStopped},
		{"series are expanded on the clocks of their zone", expanded},
		{"bodies are found by id", bodies},
		{"a body without text is a body", pictures},
		{"many events are written and read", many},
		{"a series comes back as it was written, with its exceptions", seriesRoundTrip},
		{"a create of a series that is repeated makes nothing new", repeatedSeries},
		{"an update replaces a series with its exceptions", updateSeries},
		{"what cannot be a series is refused", refusedSeries},
		{"instances are those that start in the window", instancesOfAWindow},
		{"all that a calendar keeps is handed over once", manyKept},
		{"zones that only a calendar explains stay with it", ownZones},
		{"calendars do not see each other's events", apart},
		{"a context that has ended fails every call", cancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func (f Fixture) uri(name string) calendar.URI {
	return calendar.URI{Provider: f.Scheme, Account: f.Account, Calendar: name}
}

func (f Fixture) create(t testing.TB, name string) calendar.Info {
	t.Helper()
	info, err := f.Provider.CreateCalendar(t.Context(), f.uri(name))
	if err != nil {
		t.Fatalf("create calendar %q: %v", name, err)
	}
	return info
}

func (f Fixture) write(t testing.TB, calendarID string, drafts ...calendar.Draft) []string {
	t.Helper()
	results, err := f.Provider.Create(t.Context(), f.Account, calendarID, drafts)
	if err != nil || len(results) != len(drafts) {
		t.Fatalf("create %d events: %d results, %v", len(drafts), len(results), err)
	}
	ids := make([]string, len(results))
	for i, r := range results {
		if r.Err != nil || r.ID == "" {
			t.Fatalf("create event %d: id %q, %v", i, r.ID, r.Err)
		}
		ids[i] = r.ID
	}
	return ids
}

func (f Fixture) events(t testing.TB, calendarID string, from, to time.Time) []calendar.Event {
	t.Helper()
	events, err := f.Provider.Events(t.Context(), f.Account, calendarID, from, to)
	if err != nil {
		t.Fatalf("events: %v", err)
	}
	slices.SortFunc(events, func(a, b calendar.Event) int {
		return cmp.Or(begins(t, a).Compare(begins(t, b)), strings.Compare(a.Subject, b.Subject))
	})
	for i := range events {
		if i > 0 && slices.ContainsFunc(events[:i], func(e calendar.Event) bool { return e.ID == events[i].ID }) {
			t.Errorf("event %s is there twice", events[i].ID)
		}
	}
	f.walks(t, calendarID, from, to, events)
	return events
}

// walks checks that Walk hands over what Events returns, which is in the order of starts: all of it; what starts with the middle one or later; and
// nothing that starts up to it is missing when nothing later is wanted any more.
func (f Fixture) walks(t testing.TB, calendarID string, from, to time.Time, events []calendar.Event) {
	t.Helper()
	walk := func(since, until time.Time) map[string]bool {
		ids := map[string]bool{}
		err := f.Provider.Walk(t.Context(), f.Account, calendarID, from, to, since, func(e calendar.Event) (time.Time, error) {
			if !e.AllDay && begins(t, e).Before(since) {
				t.Errorf("walk from %s: %+v", since, e)
			}
			ids[e.ID] = true
			return until, nil
		})
		if err != nil {
			t.Fatalf("walk: %v", err)
		}
		return ids
	}
	contains := func(what string, ids map[string]bool, events []calendar.Event) {
		for i := range events {
			if !ids[events[i].ID] {
				t.Errorf("%s leaves out %+v", what, events[i])
			}
		}
	}
	all := walk(time.Time{}, time.Time{})
	contains("walk", all, events)
	if len(all) != len(events) {
		t.Errorf("walk hands %d events over, and there are %d", len(all), len(events))
	}
	if len(events) > 0 {
		middle := len(events) / 2
		at := begins(t, events[middle])
		contains("walk from the middle", walk(at, time.Time{}), events[middle:])
		contains("walk up to the middle", walk(time.Time{}, at), events[:middle+1])
	}
}

func (f Fixture) year(t testing.TB, calendarID string) []calendar.Event {
	t.Helper()
	return f.events(t, calendarID, date(2026, 1, 1), date(2027, 1, 1))
}

func begins(t testing.TB, e calendar.Event) time.Time {
	t.Helper()
	at, err := e.Start.Instant(time.UTC)
	if err != nil {
		t.Fatalf("start of %s: %v", e.ID, err)
	}
	return at
}

func ends(t testing.TB, e calendar.Event) time.Time {
	t.Helper()
	at, err := e.End.Instant(time.UTC)
	if err != nil {
		t.Fatalf("end of %s: %v", e.ID, err)
	}
	return at
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func subjects(events []calendar.Event) []string {
	list := []string{}
	for _, e := range events {
		list = append(list, e.Subject)
	}
	return list
}

func at(local, zone string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: zone} }

// draft is an hour long, starts at 09:00 UTC on a day of October 2026, and is named by its day and number.
func draft(day, number int) calendar.Draft {
	name := fmt.Sprintf("%02d-%d", day, number)
	return calendar.Draft{
		Mark: "mark-" + name, TransactionID: "transaction-" + name, Subject: "Event " + name,
		Body:   calendar.Body{ContentType: "text", Content: "Body " + name},
		Start:  at(fmt.Sprintf("2026-10-%02dT09:00:00", day), "UTC"),
		End:    at(fmt.Sprintf("2026-10-%02dT10:00:00", day), "UTC"),
		ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
	}
}

func wantErr(t testing.TB, what string, err, want error, kind fault.Kind) {
	t.Helper()
	if !errors.Is(err, want) || fault.Of(err) != kind {
		t.Errorf("%s: error %v of kind %s, want %v of kind %s", what, err, fault.Of(err), want, kind)
	}
}

func diff(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func find(t *testing.T, f Fixture) {
	made := f.create(t, "Activity Archive")
	other := f.create(t, "Straße & Büro / 100%")
	if made.ID == "" || made.ID == other.ID || made.Name != "Activity Archive" || !made.CanEdit {
		t.Errorf("created %+v and %+v", made, other)
	}
	for _, name := range []string{made.ID, "Activity Archive", "activity archive", "ACTIVITY ARCHIVE", " Activity archive "} {
		got, err := f.Provider.Calendar(t.Context(), f.uri(name))
		if err != nil || got != made {
			t.Errorf("%q is %+v, %v, want %+v", name, got, err, made)
		}
	}
	for _, uri := range []calendar.URI{other.URI, f.uri("STRASSE & BÜRO / 100%"), f.uri("straße & büro / 100%")} {
		got, err := f.Provider.Calendar(t.Context(), uri)
		if uri.Calendar == "STRASSE & BÜRO / 100%" { // ß has no upper case of its own: that is another name
			wantErr(t, "another name", err, calendar.ErrNotFound, fault.NotFound)
		} else if err != nil || got.ID != other.ID {
			t.Errorf("%s is %+v, %v, want %+v", uri, got, err, other)
		}
	}
	list, err := f.Provider.Calendars(t.Context(), f.Account)
	if err != nil || !slices.Contains(list, made) || !slices.Contains(list, other) {
		t.Errorf("calendars are %+v, %v", list, err)
	}
	if !slices.IsSortedFunc(list, func(a, b calendar.Info) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	}) {
		t.Errorf("calendars are not by name: %+v", list)
	}
}

func primary(t *testing.T, f Fixture) {
	info, err := f.Provider.Calendar(t.Context(), f.uri("primary"))
	if errors.Is(err, calendar.ErrNotFound) {
		info, err = f.create(t, "primary"), nil
	}
	if err != nil || !info.Primary || info.ID == "" {
		t.Fatalf("primary is %+v, %v", info, err)
	}
	if other := f.create(t, "Archive"); other.Primary {
		t.Errorf("a later calendar is primary too: %+v", other)
	}
	for _, name := range []string{"primary", "Primary", info.ID, info.Name} {
		if got, err := f.Provider.Calendar(t.Context(), f.uri(name)); err != nil || got != info {
			t.Errorf("%q is %+v, %v, want %+v", name, got, err, info)
		}
	}
	_, err = f.Provider.CreateCalendar(t.Context(), f.uri("primary"))
	wantErr(t, "another default calendar", err, calendar.ErrExists, fault.Conflict)
}

func noCalendar(t *testing.T, f Fixture) {
	const id = "no-such-calendar"
	ctx, p := t.Context(), f.Provider
	_, err := p.Calendar(ctx, f.uri("nowhere"))
	wantErr(t, "by name", err, calendar.ErrNotFound, fault.NotFound)
	wantErr(t, "delete", p.DeleteCalendar(ctx, f.Account, id), calendar.ErrNotFound, fault.NotFound)
	_, err = p.Events(ctx, f.Account, id, date(2026, 1, 1), date(2027, 1, 1))
	wantErr(t, "events", err, calendar.ErrNotFound, fault.NotFound)
	err = p.Walk(ctx, f.Account, id, date(2026, 1, 1), date(2027, 1, 1), time.Time{}, noWalk)
	wantErr(t, "walk", err, calendar.ErrNotFound, fault.NotFound)
	wantErr(t, "marks", p.Marks(ctx, f.Account, id, noMark), calendar.ErrNotFound, fault.NotFound)
	for what, err := range keptByNobody(ctx, f, id, "no-such-event") {
		wantErr(t, what, err, calendar.ErrNotFound, fault.NotFound)
	}
	// A write may say so for the call, or for each event.
	written, err := p.Create(ctx, f.Account, id, []calendar.Draft{draft(1, 1)})
	if err == nil && len(written) == 1 {
		err = written[0].Err
	}
	wantErr(t, "create", err, calendar.ErrNotFound, fault.NotFound)
}

func exists(t *testing.T, f Fixture) {
	f.create(t, "Archive")
	for _, name := range []string{"Archive", "ARCHIVE"} {
		_, err := f.Provider.CreateCalendar(t.Context(), f.uri(name))
		wantErr(t, "create "+name+" again", err, calendar.ErrExists, fault.Conflict)
	}
}

func ambiguous(t *testing.T, f Fixture) {
	if f.Duplicate == nil {
		t.Skip("the provider does not let a name be given twice")
	}
	first := f.create(t, "Archive")
	second := f.Duplicate(t, "archive")
	_, err := f.Provider.Calendar(t.Context(), f.uri("Archive"))
	wantErr(t, "by name", err, calendar.ErrAmbiguous, fault.Conflict)
	if err != nil && (!strings.Contains(err.Error(), first.ID) || !strings.Contains(err.Error(), second)) {
		t.Errorf("error %q does not list both ids", err)
	}
	if got, err := f.Provider.Calendar(t.Context(), f.uri(second)); err != nil || got.ID != second {
		t.Errorf("by id: %+v, %v", got, err)
	}
}

func deleteCalendar(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	keep := f.create(t, "Other")
	f.write(t, info.ID, draft(1, 1), draft(2, 1))
	f.write(t, keep.ID, draft(1, 2))
	if err := f.Provider.DeleteCalendar(t.Context(), f.Account, info.ID); err != nil {
		t.Fatal(err)
	}
	_, err := f.Provider.Calendar(t.Context(), info.URI)
	wantErr(t, "find it", err, calendar.ErrNotFound, fault.NotFound)
	_, err = f.Provider.Events(t.Context(), f.Account, info.ID, date(2026, 1, 1), date(2027, 1, 1))
	wantErr(t, "its events", err, calendar.ErrNotFound, fault.NotFound)
	diff(t, "events of the other", subjects(f.year(t, keep.ID)), []string{"Event 01-2"})

	repeated := f.create(t, "Archive")
	if repeated.ID == info.ID {
		t.Errorf("the new calendar has the id of the old one")
	}
	if got := f.year(t, repeated.ID); len(got) != 0 {
		t.Errorf("the new calendar has %q", subjects(got))
	}
}

// same compares an event with the draft that it was written from.
func (f Fixture) same(t *testing.T, got calendar.Event, want calendar.Draft) {
	t.Helper()
	if got.ID == "" || got.ICalUID == "" != f.NoUIDs || got.ChangeKey == "" || got.LastModified.IsZero() || got.Type != calendar.Single {
		t.Errorf("event %+v lacks an id, a UID, a change key, a time of change or its type", got)
	}
	draft := calendar.Draft{
		Mark: got.Mark, TransactionID: want.TransactionID, Subject: got.Subject, Body: want.Body, Start: want.Start, End: want.End, AllDay: got.AllDay,
		Location: got.Location, Categories: got.Categories, ShowAs: got.ShowAs, Importance: got.Importance, Sensitivity: got.Sensitivity,
	}
	diff(t, "event", draft, want)
	for _, times := range []struct {
		what      string
		got, want calendar.DateTime
	}{{"start", got.Start, want.Start}, {"end", got.End, want.End}} {
		g, err := times.got.Instant(time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if w, err := times.want.Instant(time.UTC); err != nil || !g.Equal(w) {
			t.Errorf("%s is %+v, want %+v", times.what, times.got, times.want)
		}
	}
	if len(got.Attendees) > 0 || got.OnlineURL != "" {
		t.Errorf("event %+v has attendees or an online meeting", got)
	}
}

func roundTrip(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	full := draft(5, 1)
	full.Subject = "Größe & Überblick <b> \"日本\" \U0001f600, a;b\\c"
	full.Location = "Büro 3, \"Nord\""
	full.Categories = []string{"Acme - billable", "Online"}
	full.ShowAs, full.Importance, full.Sensitivity = calendar.Tentative, calendar.High, calendar.Private
	plain := draft(6, 1)
	drafts := []calendar.Draft{full, plain}
	for i, showAs := range []calendar.ShowAs{calendar.Free, calendar.OutOfOffice, calendar.WorkingElsewhere} {
		d := draft(7+i, 1)
		d.ShowAs = showAs
		d.Sensitivity = []calendar.Sensitivity{calendar.Personal, calendar.Confidential, calendar.Normal}[i]
		d.Importance = []calendar.Importance{calendar.Low, calendar.High, calendar.Low}[i]
		drafts = append(drafts, d)
	}
	ids := f.write(t, info.ID, drafts...)
	events := f.year(t, info.ID)
	if len(events) != len(drafts) {
		t.Fatalf("there are %d events, want %d", len(events), len(drafts))
	}
	for i, e := range events {
		if e.ID != ids[i] {
			t.Errorf("event %d has the id %s, want %s", i, e.ID, ids[i])
		}
		f.same(t, e, drafts[i])
	}
}

func zones(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	for i, tt := range []struct{ start, end, zone, wantStart, wantEnd string }{
		{"2026-10-05T09:00:00", "2026-10-05T10:00:00", "Europe/Berlin", "2026-10-05T07:00:00Z", "2026-10-05T08:00:00Z"},
		{"2026-10-26T09:00:00", "2026-10-26T10:00:00", "Europe/Berlin", "2026-10-26T08:00:00Z", "2026-10-26T09:00:00Z"},
		{"2026-10-27T09:00:00", "2026-10-27T10:30:00", "W. Europe Standard Time", "2026-10-27T08:00:00Z", "2026-10-27T09:30:00Z"},
		{"2026-10-28T23:30:00", "2026-10-29T00:30:00", "America/New_York", "2026-10-29T03:30:00Z", "2026-10-29T04:30:00Z"},
		{"2026-10-30T05:45:00", "2026-10-30T05:45:00", "Asia/Kathmandu", "2026-10-30T00:00:00Z", "2026-10-30T00:00:00Z"},
	} {
		d := draft(1, i)
		d.Start, d.End = at(tt.start, tt.zone), at(tt.end, tt.zone)
		f.write(t, info.ID, d)
		events := f.events(t, info.ID, mustTime(t, tt.wantStart), mustTime(t, tt.wantEnd).Add(time.Second))
		if len(events) != 1 {
			t.Errorf("%s %s: found %q", tt.start, tt.zone, subjects(events))
			continue
		}
		if e := events[0]; !begins(t, e).Equal(mustTime(t, tt.wantStart)) || !ends(t, e).Equal(mustTime(t, tt.wantEnd)) {
			t.Errorf("%s %s: from %v to %v, want %s to %s", tt.start, tt.zone, e.Start, e.End, tt.wantStart, tt.wantEnd)
		}
	}
}

func mustTime(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func allDay(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	one, three := draft(5, 1), draft(12, 1)
	one.AllDay, one.Start, one.End = true, at("2026-10-05T00:00:00", "UTC"), at("2026-10-06T00:00:00", "UTC")
	three.AllDay, three.Start, three.End = true, at("2026-10-12T00:00:00", "Europe/Berlin"), at("2026-10-15T00:00:00", "Europe/Berlin")
	f.write(t, info.ID, one, three)
	events := f.year(t, info.ID)
	diff(t, "events", subjects(events), []string{one.Subject, three.Subject})
	for i, want := range [][2]string{{"2026-10-05", "2026-10-06"}, {"2026-10-12", "2026-10-15"}} {
		e := events[i]
		if got := days(t, e); !e.AllDay || got != want {
			t.Errorf("event %q (all-day: %t) is %v, want %v", e.Subject, e.AllDay, got, want)
		}
	}
	diff(t, "on a day in the middle", subjects(f.events(t, info.ID, date(2026, 10, 13).Add(12*time.Hour), date(2026, 10, 13).Add(13*time.Hour))),
		[]string{three.Subject})
	diff(t, "days before", subjects(f.events(t, info.ID, date(2026, 10, 1), date(2026, 10, 3))), []string{})

	half := draft(20, 1)
	half.AllDay, half.Start = true, at("2026-10-20T09:00:00", "UTC")
	half.End = at("2026-10-21T00:00:00", "UTC")
	written, err := f.Provider.Create(t.Context(), f.Account, info.ID, []calendar.Draft{half})
	if err != nil || len(written) != 1 || fault.Of(written[0].Err) != fault.Invalid {
		t.Errorf("all-day event from 09:00: %+v, %v, want a result of kind invalid", written, err)
	}
}

// days are the dates of an all-day event: as written, or in the zone in which it was made when it is told in another one.
func days(t testing.TB, e calendar.Event) [2]string {
	t.Helper()
	var got [2]string
	for i, d := range []calendar.DateTime{e.Start, e.End} {
		w, err := d.Wall()
		if err != nil {
			t.Fatal(err)
		}
		if w != (calendar.Wall{Date: w.Date}) {
			zone, err := calendar.LoadZone(cmp.Or(e.StartZone, e.Start.Zone))
			if err != nil {
				t.Fatal(err)
			}
			at, err := d.Instant(zone)
			if err != nil {
				t.Fatal(err)
			}
			w.Date = calendar.DateOf(at, zone)
		}
		got[i] = w.Date.String()
	}
	return got
}

func results(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	drafts := []calendar.Draft{draft(1, 1), draft(2, 1), draft(3, 1), draft(4, 1), draft(5, 1)}
	drafts[1].Start = at("no time", "UTC")
	drafts[3].End = at("2026-10-04T08:00:00", "UTC") // before its start
	written, err := f.Provider.Create(t.Context(), f.Account, info.ID, drafts)
	if err != nil || len(written) != len(drafts) {
		t.Fatalf("%d results, %v", len(written), err)
	}
	for i, r := range written {
		wrong := i == 1 || i == 3
		if wrong && (fault.Of(r.Err) != fault.Invalid || r.ID != "") || !wrong && (r.Err != nil || r.ID == "" || r.ChangeKey == "") {
			t.Errorf("result %d is %+v", i, r)
		}
	}
	events := f.year(t, info.ID)
	diff(t, "events", subjects(events), []string{"Event 01-1", "Event 03-1", "Event 05-1"})
	for i, r := range []int{0, 2, 4} {
		if events[i].ID != written[r].ID || events[i].ChangeKey != written[r].ChangeKey && !f.KeysChange {
			t.Errorf("event %d has id %s and change key %s, its result was %+v", r, events[i].ID, events[i].ChangeKey, written[r])
		}
	}
	none, err := f.Provider.Create(t.Context(), f.Account, info.ID, nil)
	if err != nil || len(none) != 0 {
		t.Errorf("create nothing: %+v, %v", none, err)
	}
}

func repeated(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	first := f.write(t, info.ID, draft(1, 1), draft(2, 1))
	second := f.write(t, info.ID, draft(2, 1), draft(3, 1), draft(1, 1))
	if second[0] != first[1] || second[2] != first[0] || second[1] == first[0] || second[1] == first[1] {
		t.Errorf("ids are %q and then %q", first, second)
	}
	third := f.write(t, info.ID, draft(4, 1), draft(4, 1))
	if third[0] != third[1] {
		t.Errorf("one call made two events of one draft: %q", third)
	}
	diff(t, "events", subjects(f.year(t, info.ID)), []string{"Event 01-1", "Event 02-1", "Event 03-1", "Event 04-1"})
}

func repeatedAtOnce(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	drafts := []calendar.Draft{draft(1, 1), draft(2, 1), draft(3, 1)}
	var mu sync.Mutex
	ids := map[string]bool{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for attempt := 0; ; attempt++ {
				written, err := f.Provider.Create(t.Context(), f.Account, info.ID, drafts)
				repeated := err != nil
				for _, r := range written {
					if r.Err != nil {
						repeated, err = true, r.Err
					}
				}
				if repeated && attempt < 20 && fault.Of(err).Transient() {
					continue
				}
				if repeated {
					t.Errorf("create: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, r := range written {
					ids[r.ID] = true
				}
				return
			}
		})
	}
	wg.Wait()
	events := f.year(t, info.ID)
	if len(events) != len(drafts) || len(ids) != len(drafts) {
		t.Errorf("there are %q, ids %v", subjects(events), ids)
	}
}

func update(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	ids := f.write(t, info.ID, draft(1, 1), draft(2, 1))
	before := f.year(t, info.ID)

	changed := draft(20, 1)
	changed.Mark = draft(1, 1).Mark
	changed.Location, changed.Categories, changed.Sensitivity = "elsewhere", []string{"Acme - billable"}, calendar.Private
	written, err := f.Provider.Update(t.Context(), f.Account, info.ID, []calendar.Update{{ID: ids[0], Draft: changed}})
	if err != nil || len(written) != 1 || written[0].Err != nil || written[0].ID != ids[0] {
		t.Fatalf("update: %+v, %v", written, err)
	}
	after := f.year(t, info.ID)
	diff(t, "events", subjects(after), []string{"Event 02-1", "Event 20-1"})
	got := after[1]
	changed.TransactionID = ""
	f.same(t, got, changed)
	if got.ID != ids[0] || got.ChangeKey == before[0].ChangeKey || got.ChangeKey != written[0].ChangeKey && !f.KeysChange {
		t.Errorf("updated event has id %s and change key %s, it was %s and %s, the result was %+v", got.ID, got.ChangeKey, before[0].ID, before[0].ChangeKey,
			written[0])
	}
	if after[0].ChangeKey != before[1].ChangeKey && !f.KeysChange {
		t.Errorf("the other event has another change key")
	}
	bodies, err := f.Provider.Bodies(t.Context(), f.Account, info.ID, []string{ids[0]}, date(2026, 1, 1), date(2027, 1, 1))
	if err != nil || !strings.Contains(bodies[ids[0]].Content, "Body 20-1") {
		t.Errorf("body is %+v, %v", bodies, err)
	}

	// To a day that a short query of the old one would not find, and less than before.
	less := draft(1, 3)
	less.Location, less.Categories, less.Body = "", nil, calendar.Body{}
	if written, err = f.Provider.Update(t.Context(), f.Account, info.ID, []calendar.Update{{ID: ids[0], Draft: less}}); err != nil || written[0].Err != nil {
		t.Fatalf("update: %+v, %v", written, err)
	}
	day := f.events(t, info.ID, date(2026, 10, 1), date(2026, 10, 2))
	if len(day) != 1 || day[0].Location != "" || len(day[0].Categories) != 0 {
		t.Errorf("events of the day are %+v", day)
	}
	if got := f.events(t, info.ID, date(2026, 10, 20), date(2026, 10, 21)); len(got) != 0 {
		t.Errorf("events of the day that it left are %q", subjects(got))
	}
}

func updateGone(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	ids := f.write(t, info.ID, draft(1, 1), draft(2, 1), draft(3, 1))
	if _, err := f.Provider.Delete(t.Context(), f.Account, info.ID, ids[1:2]); err != nil {
		t.Fatal(err)
	}
	updates := make([]calendar.Update, len(ids))
	for i, id := range ids {
		updates[i] = calendar.Update{ID: id, Draft: draft(10+i, 1)}
	}
	written, err := f.Provider.Update(t.Context(), f.Account, info.ID, updates)
	if err != nil || len(written) != 3 {
		t.Fatalf("%d results, %v", len(written), err)
	}
	wantErr(t, "update of what is gone", written[1].Err, calendar.ErrNotFound, fault.NotFound)
	if written[0].Err != nil || written[2].Err != nil {
		t.Errorf("results are %+v", written)
	}
	diff(t, "events", subjects(f.year(t, info.ID)), []string{"Event 10-1", "Event 12-1"})
}

func deleteEvents(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	ids := f.write(t, info.ID, draft(1, 1), draft(2, 1), draft(3, 1))
	for range 2 {
		written, err := f.Provider.Delete(t.Context(), f.Account, info.ID, []string{ids[0], ids[2]})
		if err != nil || len(written) != 2 || written[0].Err != nil || written[1].Err != nil {
			t.Fatalf("delete: %+v, %v", written, err)
		}
	}
	diff(t, "events", subjects(f.year(t, info.ID)), []string{"Event 02-1"})
	got, err := f.Provider.Marked(t.Context(), f.Account, info.ID, []string{draft(1, 1).Mark, draft(2, 1).Mark})
	if err != nil || len(got) != 1 || got[draft(2, 1).Mark].ID != ids[1] {
		t.Errorf("marked are %+v, %v", got, err)
	}
	// What was deleted can be written again.
	repeated := draft(1, 1)
	repeated.TransactionID = "another"
	f.write(t, info.ID, repeated)
	diff(t, "events", subjects(f.year(t, info.ID)), []string{"Event 01-1", "Event 02-1"})
}

func marked(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	old, far := draft(1, 1), draft(2, 1)
	old.Start, old.End = at("1999-12-31T23:00:00", "UTC"), at("2000-01-01T01:00:00", "UTC")
	far.Start, far.End = at("2049-06-01T09:00:00", "UTC"), at("2049-06-01T10:00:00", "UTC")
	drafts := []calendar.Draft{old, far}
	marks := []string{"no such mark", old.Mark, far.Mark, old.Mark}
	for i := range 45 {
		d := draft(1+i%28, 10+i)
		drafts = append(drafts, d)
		marks = append(marks, d.Mark)
	}
	ids := f.write(t, info.ID, drafts...)
	f.Add(t, info.ID, calendar.Event{ICalUID: "foreign", Type: calendar.Single, Subject: "Foreign", Start: drafts[2].Start, End: drafts[2].End})
	got, err := f.Provider.Marked(t.Context(), f.Account, info.ID, marks)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i, d := range drafts {
		want[d.Mark] = ids[i]
	}
	found := map[string]string{}
	for mark, e := range got {
		found[mark] = e.ID
		if e.Mark != mark {
			t.Errorf("event under %s has the mark %s", mark, e.Mark)
		}
	}
	diff(t, "marked", found, want)
	none, err := f.Provider.Marked(t.Context(), f.Account, info.ID, nil)
	if err != nil || len(none) != 0 {
		t.Errorf("marked with nothing: %+v, %v", none, err)
	}
}

func byID(t *testing.T, f Fixture) {
	info, other := f.create(t, "Archive"), f.create(t, "Other")
	series := draft(3, 1)
	series.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=3"}}
	drafts := []calendar.Draft{draft(1, 1), draft(2, 1), series}
	for i := range 45 {
		drafts = append(drafts, draft(1+i%28, 10+i))
	}
	ids := f.write(t, info.ID, drafts...)
	gone := f.write(t, other.ID, draft(9, 9))[0]
	if _, err := f.Provider.Delete(t.Context(), f.Account, other.ID, []string{gone}); err != nil {
		t.Fatal(err)
	}
	got, err := f.Provider.Find(t.Context(), f.Account, info.ID, append([]string{"no-such-event", gone, "", ids[1]}, ids[1:]...))
	if err != nil || len(got) != len(ids)-1 {
		t.Fatalf("found are %d of %d, %v", len(got), len(ids)-1, err)
	}
	for i, id := range ids[1:] {
		if e := got[id]; e.ID != id || e.Mark != drafts[i+1].Mark || e.Subject != drafts[i+1].Subject {
			t.Errorf("found is %+v, want %s", e, drafts[i+1].Mark)
		}
	}
	if e := got[ids[2]]; e.Type != calendar.Master {
		t.Errorf("the series is of type %q", e.Type)
	}
	none, err := f.Provider.Find(t.Context(), f.Account, info.ID, nil)
	if err != nil || len(none) != 0 {
		t.Errorf("found with nothing: %+v, %v", none, err)
	}
	f.findInstances(t)
}

// findInstances looks for instances of a series by their ids: one as the series has it, one that was changed, and one that is gone.
func (f Fixture) findInstances(t *testing.T) {
	t.Helper()
	info := f.create(t, "Series")
	seriesID, deleted := f.changed(t, info.ID)
	ids, instances := []string{deleted}, f.instances(t, info.ID, seriesID)
	for _, e := range instances {
		ids = append(ids, e.ID)
	}
	got, err := f.Provider.Find(t.Context(), f.Account, info.ID, ids)
	if err != nil || len(got) != len(instances) {
		t.Fatalf("found are %d of %d instances: %v", len(got), len(instances), err)
	}
	for at, want := range instances {
		e := got[want.ID]
		if e.Type != want.Type || e.SeriesMasterID != seriesID || e.Subject != want.Subject || e.Start != want.Start || e.End != want.End {
			t.Errorf("the instance of %s is %+v, want %+v", at, e, want)
		}
	}
}

func marksMove(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	ids := f.write(t, info.ID, draft(1, 1))
	changed := draft(20, 1)
	written, err := f.Provider.Update(t.Context(), f.Account, info.ID, []calendar.Update{{ID: ids[0], Draft: changed}})
	if err != nil || written[0].Err != nil {
		t.Fatalf("update: %+v, %v", written, err)
	}
	got, err := f.Provider.Marked(t.Context(), f.Account, info.ID, []string{draft(1, 1).Mark, changed.Mark})
	if err != nil || len(got) != 1 || got[changed.Mark].ID != ids[0] || got[changed.Mark].Subject != changed.Subject {
		t.Errorf("marked are %+v, %v, want the new mark only", got, err)
	}
}

func noMark(string, string) error { return nil }

func noWalk(calendar.Event) (time.Time, error) { return time.Time{}, nil }

// walkStopped looks at the error of who takes the events, and that none comes after it.
func walkStopped(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	f.write(t, info.ID, draft(1, 1), draft(2, 1), draft(3, 1))
	enough, n := errors.New("enough"), 0
	err := f.Provider.Walk(t.Context(), f.Account, info.ID, date(2026, 1, 1), date(2027, 1, 1), time.Time{}, func(calendar.Event) (time.Time, error) {
		if n++; n == 2 {
			return time.Time{}, enough
		}
		return time.Time{}, nil
	})
	if err != enough || n != 2 {
		t.Errorf("after %d events: %v, want the error as it is after 2", n, err)
	}
}

// marks are the marks of a calendar, by id.
func (f Fixture) marks(t testing.TB, calendarID string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := f.Provider.Marks(t.Context(), f.Account, calendarID, func(id, mark string) error {
		if _, twice := all[id]; twice {
			t.Errorf("%s was told twice", id)
		}
		all[id] = mark
		return nil
	})
	if err != nil {
		t.Fatalf("marks: %v", err)
	}
	return all
}

func marks(t *testing.T, f Fixture) {
	info, other := f.create(t, "Archive"), f.create(t, "Other")
	f.write(t, other.ID, draft(1, 2))
	diff(t, "marks of an empty calendar", f.marks(t, info.ID), map[string]string{})
	old, series := draft(1, 1), weekly("weekly")
	old.Start, old.End = at("1999-12-31T23:00:00", "UTC"), at("2000-01-01T01:00:00", "UTC")
	drafts := []calendar.Draft{old, series}
	for i := range 45 {
		drafts = append(drafts, draft(1+i%28, 10+i))
	}
	ids := f.write(t, info.ID, drafts...)
	want := map[string]string{}
	for i, d := range drafts {
		want[ids[i]] = d.Mark
	}
	exception := f.instances(t, info.ID, ids[1])["10-05T07:00"]
	f.update(t, info.ID, exception.ID, instead("exception", "2026-10-05T11:00:00", "2026-10-05T11:30:00")) // which is no event by itself
	diff(t, "marks of our own", f.marks(t, info.ID), want)

	d := draft(5, 1)
	f.Add(t, info.ID, calendar.Event{ICalUID: "foreign", Type: calendar.Single, Subject: "Foreign", Start: d.Start, End: d.End})
	marks, foreign := f.marks(t, info.ID), ""
	for _, e := range f.year(t, info.ID) {
		if e.Subject == "Foreign" {
			foreign = e.ID
		}
		if mark, single := marks[e.ID]; single && e.Mark != mark {
			t.Errorf("%q is listed with the mark %q, want %q", e.Subject, e.Mark, mark)
		}
	}
	want[foreign] = ""
	diff(t, "marks with another's", marks, want)
	f.delete(t, info.ID, foreign, ids[5])
	delete(want, foreign)
	delete(want, ids[5])
	diff(t, "marks of what is left", f.marks(t, info.ID), want)
}

func marksStopped(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	f.write(t, info.ID, draft(1, 1), draft(2, 1), draft(3, 1))
	enough, marks := errors.New("enough"), 0
	err := f.Provider.Marks(t.Context(), f.Account, info.ID, func(string, string) error {
		if marks++; marks == 2 {
			return enough
		}
		return nil
	})
	if err != enough || marks != 2 {
		t.Errorf("after %d marks: %v, want the error as it is after 2", marks, err)
	}
}

func window(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	spans := []struct{ name, start, end string }{
		{"before", "2026-10-09T22:00:00", "2026-10-10T00:00:00"},
		{"into", "2026-10-09T23:00:00", "2026-10-10T01:00:00"},
		{"at the start", "2026-10-10T00:00:00", "2026-10-10T01:00:00"},
		{"nothing at the start", "2026-10-10T00:00:00", "2026-10-10T00:00:00"},
		{"nothing within", "2026-10-11T12:00:00", "2026-10-11T12:00:00"},
		{"within", "2026-10-11T09:00:00", "2026-10-11T10:00:00"},
		{"a day into", "2026-10-09T01:00:00", "2026-10-10T01:00:00"},
		{"days into", "2026-10-01T09:00:00", "2026-10-10T00:00:01"},
		{"over", "2026-09-01T00:00:00", "2026-12-01T00:00:00"},
		{"years over", "2020-01-01T00:00:00", "2030-01-01T00:00:00"},
		{"days before", "2026-10-01T00:00:00", "2026-10-10T00:00:00"},
		{"out of", "2026-10-12T23:00:00", "2026-10-13T01:00:00"},
		{"days out of", "2026-10-12T23:59:59", "2026-10-20T00:00:00"},
		{"at the end", "2026-10-13T00:00:00", "2026-10-13T01:00:00"},
		{"nothing at the end", "2026-10-13T00:00:00", "2026-10-13T00:00:00"},
		{"after", "2026-10-13T09:00:00", "2026-10-20T01:00:00"},
	}
	from, to := date(2026, 10, 10), date(2026, 10, 13)
	var drafts []calendar.Draft
	want := []string{}
	for i, s := range spans {
		d := draft(1, i)
		d.Subject, d.Start, d.End = s.name, at(s.start, "UTC"), at(s.end, "UTC")
		drafts = append(drafts, d)
		start, end := mustTime(t, s.start+"Z"), mustTime(t, s.end+"Z")
		if start.Before(to) && (end.After(from) || !start.Before(from)) {
			want = append(want, s.name)
		}
	}
	f.write(t, info.ID, drafts...)
	got := subjects(f.events(t, info.ID, from, to))
	slices.Sort(got)
	slices.Sort(want)
	diff(t, "events", got, want)
}

func expanded(t *testing.T, f Fixture) {
	info := f.create(t, "Source")
	f.Add(t, info.ID, calendar.Event{
		ICalUID: "weekly", Type: calendar.Master, Subject: "Weekly", StartZone: "Europe/Berlin", EndZone: "Europe/Berlin",
		Start: at("2026-10-12T09:00:00", "Europe/Berlin"), End: at("2026-10-12T09:30:00", "Europe/Berlin"),
		Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=4"}},
	})
	events := f.year(t, info.ID)
	var got []string
	for _, e := range events {
		got = append(got, begins(t, e).Format(time.RFC3339))
		if e.Type != calendar.Occurrence || e.SeriesMasterID == "" || e.SeriesMasterID == e.ID || e.Subject != "Weekly" ||
			ends(t, e).Sub(begins(t, e)) != 30*time.Minute {
			t.Errorf("occurrence is %+v", e)
		}
	}
	diff(t, "occurrences", got, []string{"2026-10-12T07:00:00Z", "2026-10-19T07:00:00Z", "2026-10-26T08:00:00Z", "2026-11-02T08:00:00Z"})
	one := f.events(t, info.ID, date(2026, 10, 19), date(2026, 10, 20))
	if len(one) != 1 || one[0].ID != events[1].ID {
		t.Errorf("one day has %+v, want %s", one, events[1].ID)
	}
}

func bodies(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	var drafts []calendar.Draft
	for i := range 60 {
		drafts = append(drafts, draft(1+i%25, 1+i/25))
	}
	drafts[3].Body = calendar.Body{ContentType: "text", Content: strings.Repeat("long Überblick ", 3000)}
	ids := f.write(t, info.ID, drafts...)
	few, err := f.Provider.Bodies(t.Context(), f.Account, info.ID, append(ids[:10:10], ids[0], "no-such-event"), date(2026, 1, 1), date(2027, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "ids of few", slices.Sorted(maps.Keys(few)), slices.Sorted(slices.Values(ids[:10])))
	got, err := f.Provider.Bodies(t.Context(), f.Account, info.ID, append(ids, ids[0], "no-such-event"), date(2026, 1, 1), date(2027, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "ids", slices.Sorted(maps.Keys(got)), slices.Sorted(slices.Values(ids)))
	for _, e := range f.year(t, info.ID) {
		want := ""
		for _, d := range drafts {
			if d.Subject == e.Subject {
				want = d.Body.Content
			}
		}
		if !strings.Contains(got[e.ID].Content, strings.TrimSpace(want)) {
			t.Errorf("body of %q is %d bytes, want %d", e.Subject, len(got[e.ID].Content), len(want))
		}
	}
	none, err := f.Provider.Bodies(t.Context(), f.Account, info.ID, nil, date(2026, 1, 1), date(2027, 1, 1))
	if err != nil || len(none) != 0 {
		t.Errorf("no bodies: %+v, %v", none, err)
	}
}

// pictures looks at bodies of which BodyPreview tells nothing: a listing that leaves them out says so.
func pictures(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	const picture = "https://example.com/plan.png"
	drawn, empty, repeated := draft(1, 1), draft(2, 1), draft(3, 1)
	drawn.Body = calendar.Body{ContentType: "html", Content: `<html><body><img src="` + picture + `"></body></html>`}
	empty.Body = calendar.Body{}
	repeated.Body, repeated.Recurrence = drawn.Body, &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=2"}}
	ids := f.write(t, info.ID, drawn, empty, repeated)
	from, to := date(2026, 10, 1), date(2026, 11, 1)

	instances, err := f.Provider.Instances(t.Context(), f.Account, info.ID, ids[2], from, to)
	if err != nil || len(instances) != 2 {
		t.Fatalf("instances: %+v, %v", instances, err)
	}
	found, err := f.Provider.Find(t.Context(), f.Account, info.ID, ids)
	if err != nil || len(found) != 3 {
		t.Fatalf("find: %+v, %v", found, err)
	}
	marked, err := f.Provider.Marked(t.Context(), f.Account, info.ID, []string{drawn.Mark, empty.Mark, repeated.Mark})
	if err != nil || len(marked) != 3 {
		t.Fatalf("marked: %+v, %v", marked, err)
	}
	for call, events := range map[string][]calendar.Event{
		"events": f.events(t, info.ID, from, to), "instances": instances, "find": slices.Collect(maps.Values(found)), "marked": slices.Collect(maps.Values(marked)),
	} {
		var listed []string
		for _, e := range events {
			listed = append(listed, e.ID)
		}
		bodies, err := f.Provider.Bodies(t.Context(), f.Account, info.ID, listed, from, to)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			body, answered := bodies[e.ID]
			if f.Withholds && !answered && e.Type == calendar.Master {
				continue
			}
			if want := e.Subject != empty.Subject; !answered || strings.Contains(body.Content, picture) != want {
				t.Errorf("%s: the body of %q is %+v, answered %t", call, e.Subject, body, answered)
			}
			switch {
			case e.BodyUnread && e.Body != (calendar.Body{}):
				t.Errorf("%s: %q has a body that was left out: %+v", call, e.Subject, e.Body)
			case !e.BodyUnread && e.Body != body:
				t.Errorf("%s: %q has the body %+v, and does not say that %+v was left out", call, e.Subject, e.Body, body)
			}
		}
	}
}

func many(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	var drafts []calendar.Draft
	var want []string
	for i := range 250 {
		drafts = append(drafts, draft(1+i%28, i))
		want = append(want, drafts[i].Subject)
	}
	ids := f.write(t, info.ID, drafts...)
	events := f.year(t, info.ID)
	got := subjects(events)
	slices.Sort(got)
	slices.Sort(want)
	diff(t, "events", got, want)
	for _, e := range events {
		for i, d := range drafts {
			if d.Subject == e.Subject && ids[i] != e.ID {
				t.Errorf("result %d is %s, the event has %s", i, ids[i], e.ID)
			}
		}
	}
	written, err := f.Provider.Delete(t.Context(), f.Account, info.ID, ids)
	if err != nil || len(written) != len(ids) || slices.ContainsFunc(written, func(r calendar.WriteResult) bool { return r.Err != nil }) {
		t.Errorf("delete: %d results, %v", len(written), err)
	}
	if left := f.year(t, info.ID); len(left) != 0 {
		t.Errorf("%d events are left", len(left))
	}
}

func apart(t *testing.T, f Fixture) {
	first, second := f.create(t, "First"), f.create(t, "Second")
	ids := f.write(t, first.ID, draft(1, 1))
	others := draft(1, 1)
	others.TransactionID = "another"
	f.write(t, second.ID, others) // the same mark, in another calendar
	if _, err := f.Provider.Delete(t.Context(), f.Account, first.ID, ids); err != nil {
		t.Fatal(err)
	}
	if got := f.year(t, first.ID); len(got) != 0 {
		t.Errorf("the first has %q", subjects(got))
	}
	diff(t, "events of the second", subjects(f.year(t, second.ID)), []string{"Event 01-1"})
	got, err := f.Provider.Marked(t.Context(), f.Account, first.ID, []string{others.Mark})
	if err != nil || len(got) != 0 {
		t.Errorf("marked in the first: %+v, %v", got, err)
	}
}

func cancelled(t *testing.T, f Fixture) {
	info := f.create(t, "Archive")
	ids := f.write(t, info.ID, draft(1, 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := f.Provider
	// each says so for the call, or for each event.
	each := func(results []calendar.WriteResult, err error) error {
		for _, r := range results {
			err = cmp.Or(err, r.Err)
		}
		return err
	}
	errs := map[string]error{
		"create":          each(p.Create(ctx, f.Account, info.ID, []calendar.Draft{draft(2, 1)})),
		"update":          each(p.Update(ctx, f.Account, info.ID, []calendar.Update{{ID: ids[0], Draft: draft(3, 1)}})),
		"delete":          each(p.Delete(ctx, f.Account, info.ID, ids)),
		"delete calendar": p.DeleteCalendar(ctx, f.Account, info.ID),
	}
	_, errs["calendars"] = p.Calendars(ctx, f.Account)
	_, errs["calendar"] = p.Calendar(ctx, info.URI)
	_, errs["create calendar"] = p.CreateCalendar(ctx, f.uri("Other"))
	_, errs["events"] = p.Events(ctx, f.Account, info.ID, date(2026, 1, 1), date(2027, 1, 1))
	errs["walk"] = p.Walk(ctx, f.Account, info.ID, date(2026, 1, 1), date(2027, 1, 1), time.Time{}, noWalk)
	_, errs["bodies"] = p.Bodies(ctx, f.Account, info.ID, ids, date(2026, 1, 1), date(2027, 1, 1))
	_, errs["marked"] = p.Marked(ctx, f.Account, info.ID, []string{draft(1, 1).Mark})
	_, errs["find"] = p.Find(ctx, f.Account, info.ID, ids)
	errs["marks"] = p.Marks(ctx, f.Account, info.ID, noMark)
	maps.Copy(errs, keptByNobody(ctx, f, info.ID, ids[0]))
	for call, err := range errs {
		if err == nil || !fault.Of(err).Transient() {
			t.Errorf("%s: error %v of kind %s, want a transient one", call, err, fault.Of(err))
		}
	}
	diff(t, "events", subjects(f.year(t, info.ID)), []string{"Event 01-1"})
}
