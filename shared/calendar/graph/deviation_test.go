package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
)

// under makes a world in which switches are on.
func under(t *testing.T, pageSize int, switches ...string) *world {
	t.Helper()
	return newWorld(t, graphsim.Options{Switches: graphsim.MustSwitches(switches...)}, func(o *Options) { o.PageSize = pageSize })
}

// tops are the page sizes that were asked for, in order.
func (w *world) tops() (list []string) {
	for _, e := range w.sim.Log() {
		query, _ := url.ParseQuery(e.Query)
		if top := query.Get("$top"); top != "" {
			list = append(list, top)
		}
	}
	return list
}

func TestAPageThatTimesOutIsAskedForAgainWithHalf(t *testing.T) {
	w := under(t, 100)
	id := w.archive()
	if _, err := w.Create(t.Context(), me, id, numbered(30)); err != nil {
		t.Fatal(err)
	}
	if err := w.sim.SetSwitches(graphsim.MustSwitches("page_504=13")); err != nil {
		t.Fatal(err)
	}
	w.sim.ResetLog()
	events, err := w.Events(t.Context(), me, id, now, now.AddDate(0, 0, 7))
	if err != nil || len(events) != 30 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if tops, want := w.tops(), []string{"100", "50", "25", "12", "12", "12"}; !slices.Equal(tops, want) {
		t.Errorf("pages of %v were asked for, want %v", tops, want)
	}
	t.Run("in the middle of a listing too", func(t *testing.T) {
		w.faults(graphsim.Fault{Path: "/users/*/calendars/*/calendarView", Kind: graphsim.FaultTimeout, Nth: 5})
		w.sim.ResetLog()
		events, err := w.Events(t.Context(), me, id, now, now.AddDate(0, 0, 7))
		if err != nil || len(events) != 30 {
			t.Errorf("%d events, %v", len(events), err)
		}
		if tops, want := w.tops(), []string{"100", "50", "25", "12", "12", "6", "6", "6"}; !slices.Equal(tops, want) {
			t.Errorf("pages of %v were asked for, want %v", tops, want)
		}
	})
	t.Run("until a page of one event times out", func(t *testing.T) {
		w.faults(graphsim.Fault{Path: "/users/*/calendars/*/calendarView", Kind: graphsim.FaultTimeout})
		w.sim.ResetLog()
		_, err := w.Events(t.Context(), me, id, now, now.AddDate(0, 0, 7))
		if fault.Of(err) != fault.Unavailable || !slices.Equal(w.tops(), []string{"100", "50", "25", "12", "6", "3", "1"}) {
			t.Errorf("%v after pages of %v", err, w.tops())
		}
	})
	t.Run("by a patient provider as often as it repeats", func(t *testing.T) {
		w.faults()
		w.sim.ResetLog()
		times := 0
		p := w.Patiently(func() func(context.Context, error) error {
			return func(_ context.Context, err error) error {
				if times++; times > 2 {
					return err
				}
				return nil
			}
		})
		if _, err := p.Events(t.Context(), me, id, now, now.AddDate(0, 0, 7)); fault.Of(err) != fault.Unavailable {
			t.Error(err)
		}
		if tops := w.tops(); !slices.Equal(tops, []string{"100", "50", "25"}) {
			t.Errorf("pages of %v", tops)
		}
	})
}

func TestABrokenEventHidesItsDayAlone(t *testing.T) {
	w := under(t, 0, "poison=Broken")
	id := w.archive()
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for day := range 31 {
		at := from.AddDate(0, 0, day)
		subject := fmt.Sprint("Day ", day+1)
		if day == 12 {
			subject = "Broken"
		}
		w.put(id, fmt.Appendf(nil, `{"subject":%q,"start":{"dateTime":%q,"timeZone":"UTC"},"end":{"dateTime":%q,"timeZone":"UTC"}}`,
			subject, at.Add(9*time.Hour).Format(wallTime), at.Add(10*time.Hour).Format(wallTime)))
	}
	w.sim.ResetLog()
	events, err := w.Events(t.Context(), me, id, from, from.AddDate(0, 0, 31))
	unread := new(calendar.Unread)
	if !errors.As(err, &unread) || len(events) != 30 || unread.Days(time.UTC) != "2026-10-13" || fault.Of(err).Transient() {
		t.Errorf("%d events, %v", len(events), err)
	}
	if !unread.Has(from.AddDate(0, 0, 12)) || unread.Has(from.AddDate(0, 0, 13)) || unread.Has(from.AddDate(0, 0, 12).Add(-1)) {
		t.Errorf("spans are %v", unread.Spans)
	}
	if n := len(w.sim.Log()); n > 12 {
		t.Errorf("it took %d requests to find the day", n)
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	for _, ids := range [][]string{ids, append(slices.Clone(ids), numberedIDs(20)...)} { // one by one, and with the window
		if bodies, err := w.Bodies(t.Context(), me, id, ids, from, from.AddDate(0, 0, 31)); err != nil || len(bodies) != 30 {
			t.Errorf("%d bodies, %v", len(bodies), err)
		}
	}
	w.put(id, []byte(`{"subject":"The same day","start":{"dateTime":"2026-10-13T09:01:00","timeZone":"UTC"},`+
		`"end":{"dateTime":"2026-10-13T10:00:00","timeZone":"UTC"}}`))
	w.put(id, weeklyEvent("Weekly", nil))
	unread = new(calendar.Unread)
	minute := calendar.Span{From: from.AddDate(0, 0, 12).Add(9 * time.Hour), To: from.AddDate(0, 0, 12).Add(9*time.Hour + time.Minute)}
	all, err := w.kept(id)
	if !errors.As(err, &unread) || !slices.Equal(unread.Spans, []calendar.Span{minute}) || !strings.Contains(err.Error(), "look for it in Outlook") {
		t.Errorf("kept are %d, %v", len(all), err)
	}
	seen := map[string]bool{}
	for _, k := range all {
		seen[k.Event.Subject] = true
	}
	if len(all) != 32 || len(seen) != 32 || seen["Broken"] || !seen["The same day"] || !seen["Weekly"] {
		t.Errorf("kept are %d: %v", len(all), seen)
	}
	t.Run("and neither is a listing that always fails", func(t *testing.T) {
		w.faults(graphsim.Fault{Path: "/users/*/calendars/*/events", Kind: graphsim.FaultError, Status: 500, Code: "ErrorCorruptData"})
		w.sim.ResetLog()
		if all, err := w.kept(id); fault.Of(err) != fault.Malformed || errors.As(err, new(*calendar.Unread)) {
			t.Errorf("%d, %v", len(all), err)
		}
		if n := len(w.sim.Log()); n != maxBrokenStarts+2 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("and a service that fails with every day is not asked for ever", func(t *testing.T) {
		w.faults(graphsim.Fault{Path: "/users/*/calendars/*/calendarView", Kind: graphsim.FaultError, Status: 500, Code: "ErrorCorruptData"})
		w.sim.ResetLog()
		if _, err := w.Events(t.Context(), me, id, from, from.AddDate(9, 0, 0)); fault.Of(err) != fault.Malformed || errors.As(err, &unread) {
			t.Error(err)
		}
		if n := len(w.sim.Log()); n != maxBroken+1 {
			t.Errorf("%d requests", n)
		}
	})
}

func numberedIDs(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("no-such-event-%d", i))
	}
	return ids
}

func TestALongWindowIsReadInParts(t *testing.T) {
	w := under(t, 0)
	id := w.archive()
	drafts := numbered(12)
	for i := range drafts {
		at := now.AddDate(i, 0, 0)
		drafts[i].Start.Local, drafts[i].End.Local = at.Format(wallTime), at.Add(time.Hour).Format(wallTime)
	}
	results, err := w.Create(t.Context(), me, id, drafts)
	if err != nil {
		t.Fatal(err)
	}
	from, to := now.AddDate(0, 0, -1), now.AddDate(12, 0, 0)
	w.sim.ResetLog()
	events, err := w.Events(t.Context(), me, id, from, to)
	if err != nil || len(events) != 12 || len(w.sim.Log()) != 3 {
		t.Errorf("%d events in %d requests, %v", len(events), len(w.sim.Log()), err)
	}
	ids := numberedIDs(fewBodies)
	for _, r := range results {
		ids = append(ids, r.ID)
	}
	if bodies, err := w.Bodies(t.Context(), me, id, ids, from, to); err != nil || len(bodies) != 12 {
		t.Errorf("%d bodies, %v", len(bodies), err)
	}
	across := w.put(id, fmt.Appendf(nil, `{"subject":"Across","start":{"dateTime":%q,"timeZone":"UTC"},"end":{"dateTime":%q,"timeZone":"UTC"}}`,
		to.Add(-maxWindow-time.Hour).Format(wallTime), to.Add(-maxWindow+time.Hour).Format(wallTime)))
	events, err = w.Events(t.Context(), me, id, from, to)
	if n := len(events); err != nil || n != 13 || !slices.ContainsFunc(events, func(e calendar.Event) bool { return e.ID == across }) {
		t.Errorf("%d events with one that is in two parts, %v", n, err)
	}
	if _, err := w.Events(t.Context(), me, id, now, now); err != nil {
		t.Errorf("an empty window: %v", err)
	}
}

func TestAnExceptionWithoutItsSeriesIsKeptAsAnInstance(t *testing.T) {
	w := under(t, 0, "lone_exception")
	id := w.archive()
	series := w.put(id, weeklyEvent("Weekly", nil))
	w.change(series, map[string]string{"20261019T070000Z": "Review"})
	w.put(id, []byte(`{"subject":"Invited","isOrganizer":false,"body":{"contentType":"text","content":"Agenda"},
		"start":{"dateTime":"2026-10-20T09:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-10-20T10:00:00","timeZone":"UTC"}}`))
	all, err := w.kept(id)
	if err != nil || len(all) != 2 {
		t.Fatalf("kept are %+v, %v", all, err)
	}
	slices.SortFunc(all, func(a, b calendar.Kept) int { return strings.Compare(a.Event.Subject, b.Event.Subject) })
	one := all[0].Event
	if one.Subject != "Invited" || one.Type != calendar.Exception || one.SeriesMasterID != "" || one.Body.Content != "Agenda" ||
		!one.OriginalStart.Equal(time.Date(2026, 10, 20, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("the invitation is %+v", one)
	}
	if len(all[1].Exceptions) != 1 {
		t.Errorf("the series is %+v", all[1])
	}
}

func TestAnInstanceThatIsListedBesideItsSeriesComesWithIt(t *testing.T) {
	var handed []string
	k := keeping{series: map[string]bool{}, each: func(one calendar.Kept) error {
		handed = append(handed, one.Event.ID)
		return nil
	}}
	for _, e := range []calendar.Event{
		{ID: "before", Type: calendar.Exception, SeriesMasterID: "series"}, {ID: "series", Type: calendar.Master},
		{ID: "after", Type: calendar.Occurrence, SeriesMasterID: "series"}, {ID: "alone", Type: calendar.Exception, SeriesMasterID: "another"},
	} {
		if err := k.accept(t.Context(), e, graphSeries{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.handLone(); err != nil || !slices.Equal(handed, []string{"alone"}) {
		t.Errorf("%q, %v", handed, err)
	}
}

func TestAnExceptionThatTellsNoOriginalStart(t *testing.T) {
	for _, value := range []string{"null", "zero"} {
		t.Run(value+" has that of its instance", func(t *testing.T) {
			w := under(t, 0, "original_start="+value)
			id := w.archive()
			series := w.put(id, weeklyEvent("Weekly", nil))
			w.change(series, map[string]string{"20261019T070000Z": "Review"})
			all, err := w.kept(id)
			if err != nil || len(all) != 1 || len(all[0].Exceptions) != 1 || all[0].Exceptions[0].OriginalStart.Format(time.RFC3339) != "2026-10-19T07:00:00Z" ||
				all[0].Exceptions[0].Body.Content == "" {
				t.Errorf("kept are %+v, %v", all, err)
			}
		})
	}
	t.Run("anywhere is not kept as one of the year 1", func(t *testing.T) {
		w := newWorld(t, graphsim.Options{}, func(o *Options) { o.Transport = forgetful{} })
		id := w.archive()
		series := w.put(id, weeklyEvent("Weekly", nil))
		w.change(series, map[string]string{"20261019T070000Z": "Review"})
		if all, err := w.kept(id); fault.Of(err) != fault.Malformed || !strings.Contains(err.Error(), "2026-10-19") || !strings.Contains(err.Error(), `"Weekly"`) {
			t.Errorf("kept are %+v, %v", all, err)
		}
	})
}

// forgetful loses every original start on the way.
type forgetful struct{}

func (forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	text = originalStarts.ReplaceAll(text, []byte(`"originalStart":null`))
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	answer.Header.Del("Content-Length")
	return answer, err
}

var originalStarts = regexp.MustCompile(`"originalStart":"[^"]*"`)

func TestDaysOfASeriesAreThoseOfItsZone(t *testing.T) {
	holidays := func(zone string) []byte {
		return fmt.Appendf(nil, `{"subject":"Holidays","isAllDay":true,"start":{"dateTime":"2026-01-05T00:00:00","timeZone":%q},
			"end":{"dateTime":"2026-01-06T00:00:00","timeZone":%q},"recurrence":{"pattern":{"type":"daily","interval":7},
			"range":{"type":"numbered","startDate":"2026-01-05","numberOfOccurrences":4,"recurrenceTimeZone":%q}}}`, zone, zone, zone)
	}
	for _, tt := range []struct{ value, zone, mailbox string }{
		{"utc", "New Zealand Standard Time", "Europe/Berlin"},
		{"utc", "Hawaiian Standard Time", "Europe/Berlin"},
		{"no_zone", "New Zealand Standard Time", "Pacific/Auckland"},
		{"no_zone", "UTC+13", "Pacific/Tongatapu"},
		{"utc", "W. Europe Standard Time", "Pacific/Auckland"},
	} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			w := under(t, 0, "all_day_original="+tt.value)
			const you = "you@example.com"
			if err := w.sim.AddMailbox(graphsim.Mailbox{ID: you, TimeZone: tt.mailbox}); err != nil {
				t.Fatal(err)
			}
			id, err := w.sim.AddCalendar(you, graphsim.Calendar{Name: "Work"})
			if err != nil {
				t.Fatal(err)
			}
			series, err := w.sim.PutEvent(you, id, holidays(tt.zone))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.sim.PutEvent(you, id, []byte(`{"id":"`+series+`@20260105T000000Z","subject":"Work"}`)); err != nil {
				t.Fatal(err)
			}
			var exceptions []calendar.Event
			err = w.Kept(t.Context(), you, id, func(k calendar.Kept) error {
				exceptions = k.Exceptions
				return nil
			})
			if err != nil || len(exceptions) != 1 || exceptions[0].OriginalStart.Format(time.RFC3339) != "2026-01-05T00:00:00Z" {
				t.Errorf("exceptions are %+v, %v", exceptions, err)
			}
			from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			instances, err := w.Instances(t.Context(), you, id, series, from, from.AddDate(0, 1, 0))
			if err != nil || len(instances) != 4 {
				t.Fatalf("%d instances, %v", len(instances), err)
			}
			for i, e := range instances {
				if want := from.AddDate(0, 0, 4+7*i); !e.OriginalStart.Equal(want) {
					t.Errorf("an instance is of %v, want %v", e.OriginalStart, want)
				}
			}
		})
	}
}

func TestASeriesThatDoesNotTellItsInstancesIsAnError(t *testing.T) {
	w := under(t, 0, "no_members")
	id := w.archive()
	series := w.put(id, weeklyEvent("Weekly", nil))
	w.change(series, map[string]string{"20261019T070000Z": "Review", "20261026T080000Z": ""})
	all, err := w.kept(id)
	if err != nil || len(all) != 1 || len(all[0].Exceptions) != 1 || len(all[0].Event.Recurrence.Without) != 1 {
		t.Errorf("kept are %+v, %v", all, err)
	}
	// The mailbox does not have the series; its calendar does, and tells nothing.
	w.faults(graphsim.Fault{Path: "/users/*/events/*", Kind: graphsim.FaultError, Status: 404, Code: "ErrorItemNotFound"})
	if all, err := w.kept(id); fault.Of(err) != fault.Malformed {
		t.Errorf("kept are %+v, %v", all, err)
	}
	if err := w.sim.SetSwitches(nil); err != nil {
		t.Fatal(err)
	}
	if all, err := w.kept(id); err != nil || len(all) != 1 || len(all[0].Exceptions) != 1 {
		t.Errorf("a series that only its calendar has: %+v, %v", all, err)
	}
}

func TestTextsThatAreRefusedByTheirIDs(t *testing.T) {
	w := under(t, 0)
	id := w.archive()
	drafts := numbered(30)
	for i := range drafts {
		drafts[i].Sensitivity = []calendar.Sensitivity{calendar.Normal, calendar.Private}[i%2]
	}
	results, err := w.Create(t.Context(), me, id, drafts)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range results {
		ids = append(ids, r.ID)
	}
	to := now.AddDate(0, 0, 7)
	for _, name := range []string{"body_404", "get_private=403"} {
		if err := w.sim.SetSwitches(graphsim.MustSwitches(name)); err != nil {
			t.Fatal(err)
		}
		t.Run(name+" are read with the window", func(t *testing.T) {
			bodies, err := w.Bodies(t.Context(), me, id, append([]string{"no-such-event"}, ids...), now, to)
			if err != nil || len(bodies) != 30 {
				t.Fatalf("%d bodies, %v", len(bodies), err)
			}
			for i, id := range ids {
				if !strings.Contains(bodies[id].Content, fmt.Sprintf("Text %03d", i)) {
					t.Errorf("body %d is %+v", i, bodies[id])
				}
			}
		})
		t.Run(name+" are left out if the window does not have them", func(t *testing.T) {
			bodies, err := w.Bodies(t.Context(), me, id, ids, now.AddDate(1, 0, 0), to.AddDate(1, 0, 0))
			if err != nil || len(bodies) == 30 || len(bodies) == 0 {
				t.Fatalf("%d bodies, %v", len(bodies), err)
			}
			for id, b := range bodies {
				if b.Content == "" {
					t.Errorf("%s has an empty text", id)
				}
			}
		})
	}
	t.Run("tell that the event is there", func(t *testing.T) {
		found, err := w.Find(t.Context(), me, id, append([]string{"no-such-event"}, ids...))
		if err != nil || len(found) != 30 {
			t.Fatalf("%d events, %v", len(found), err)
		}
		for i, id := range ids {
			if e := found[id]; e.ID != id || e.Withheld != (i%2 == 1) || e.BodyUnread == e.Withheld {
				t.Errorf("event %d is %+v", i, e)
			}
		}
	})
}

func TestARefusedSeriesIsKnownByItsInstances(t *testing.T) {
	w := under(t, 0)
	id := w.archive()
	for _, options := range []map[string]any{{"sensitivity": "private"}, {"sensitivity": "private", "recurrence": map[string]any{
		"pattern": map[string]any{"type": "weekly", "interval": 1, "daysOfWeek": []string{"monday"}, "firstDayOfWeek": "monday"},
		"range":   map[string]any{"type": "noEnd", "startDate": "2026-10-12", "recurrenceTimeZone": "W. Europe Standard Time"},
	}}} {
		series := w.put(id, weeklyEvent("Weekly", options))
		w.change(series, map[string]string{"20261019T070000Z": "Review", "20261026T080000Z": ""})
		want, err := w.kept(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.sim.SetSwitches(graphsim.MustSwitches("get_private=403")); err != nil {
			t.Fatal(err)
		}
		got, err := w.kept(id)
		if err != nil || len(got) != 1 || len(got[0].Exceptions) != 1 || got[0].Exceptions[0].Subject != "Review" || got[0].Exceptions[0].Body.Content == "" ||
			!slices.Equal(got[0].Event.Recurrence.Without, want[0].Event.Recurrence.Without) || len(want[0].Event.Recurrence.Without) != 1 {
			t.Errorf("kept are %+v, %v, want %+v", got, err, want)
		}
		if err := errors.Join(w.sim.SetSwitches(nil), w.sim.RemoveEvent(me, series)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABrokenInstanceOfASeriesIsNamedAndItsSeriesIsKept(t *testing.T) {
	w := under(t, 0, "poison=Broken")
	id := w.archive()
	series := w.put(id, weeklyEvent("Weekly", nil))
	w.change(series, map[string]string{"20261019T070000Z": "Broken", "20261026T080000Z": "Review"})
	w.put(id, []byte(`{"subject":"Broken","start":{"dateTime":"2026-10-12T07:01:00","timeZone":"UTC"},`+
		`"end":{"dateTime":"2026-10-12T08:00:00","timeZone":"UTC"}}`))
	all, err := w.kept(id)
	unread := new(calendar.Unread)
	if !errors.As(err, &unread) || len(all) != 1 || all[0].Event.Subject != "Weekly" || len(all[0].Exceptions) != 1 || all[0].Exceptions[0].Subject != "Review" {
		t.Fatalf("kept are %+v, %v", all, err)
	}
	var starts []string
	for _, s := range unread.Spans {
		starts = append(starts, s.From.UTC().Format("01-02 15:04"))
	}
	if want := []string{"10-12 07:01", "10-19 07:00"}; !slices.Equal(starts, want) {
		t.Errorf("what cannot be read starts at %q, want %q", starts, want)
	}
}

func TestASeriesThatBreaksWhileItIsReadIsNamed(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	w.put(id, weeklyEvent("Weekly", nil))
	w.put(id, weeklyEvent("Other", nil))
	w.faults(graphsim.Fault{Path: "/users/*/events/*", Kind: graphsim.FaultError, Status: 500, Code: "ErrorCorruptData", Nth: 1})
	all, err := w.kept(id)
	unread := new(calendar.Unread)
	if !errors.As(err, &unread) || len(all) != 1 || len(unread.Spans) != 1 || unread.Days(time.UTC) != "2026-10-12" {
		t.Errorf("kept are %+v, %v", all, err)
	}
}

func TestEveryStartIsInOnePart(t *testing.T) {
	parts := everStarting()
	slices.Reverse(parts)
	for i, part := range parts {
		filter := startingIn(part.From, part.To)
		if open := !strings.Contains(filter, " ge "); open != (i == 0) {
			t.Errorf("part %d: %s", i, filter)
		}
		if open := !strings.Contains(filter, " lt "); open != (i == len(parts)-1) {
			t.Errorf("part %d: %s", i, filter)
		}
		if i > 0 && !parts[i-1].To.Equal(part.From) {
			t.Errorf("between parts %d and %d is a gap", i-1, i)
		}
	}
}
