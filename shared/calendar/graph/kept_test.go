package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// weeklyEvent is a series on Mondays at 09:00 in Berlin, four times, as Graph has it, with the properties that more holds.
func weeklyEvent(subject string, more map[string]any) []byte {
	const zone = "W. Europe Standard Time"
	event := map[string]any{
		"subject": subject, "body": map[string]string{"contentType": "html", "content": "<p>Agenda</p>"},
		"start": calendar.DateTime{Local: "2026-10-12T09:00:00", Zone: zone}, "end": calendar.DateTime{Local: "2026-10-12T09:30:00", Zone: zone},
		"recurrence": map[string]any{
			"pattern": map[string]any{"type": "weekly", "interval": 1, "daysOfWeek": []string{"monday"}, "firstDayOfWeek": "monday"},
			"range":   map[string]any{"type": "numbered", "startDate": "2026-10-12", "numberOfOccurrences": 4, "recurrenceTimeZone": zone},
		},
	}
	for name, value := range more {
		event[name] = value
	}
	text, _ := json.Marshal(event) // maps of strings always can be
	return text
}

// put adds an event as somebody else would.
func (w *world) put(calendarID string, event []byte) (id string) {
	w.t.Helper()
	id, err := w.sim.PutEvent(me, calendarID, event)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// change changes the instances of a series whose days are named: an empty text deletes one, any other is its new subject.
func (w *world) change(seriesID string, instances map[string]string) {
	w.t.Helper()
	for day, subject := range instances {
		id := seriesID + "@" + day
		if subject == "" {
			if err := w.sim.RemoveEvent(me, id); err != nil {
				w.t.Fatal(err)
			}
			continue
		}
		text, _ := json.Marshal(map[string]string{"id": id, "subject": subject})
		w.put("", text)
	}
}

func (w *world) kept(calendarID string) ([]calendar.Kept, error) {
	var all []calendar.Kept
	err := w.Kept(w.t.Context(), me, calendarID, func(k calendar.Kept) error {
		all = append(all, k)
		return nil
	})
	return all, err
}

func TestASeriesIsKeptInItsZone(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	series := w.put(id, weeklyEvent("Weekly",
		map[string]any{"attendees": []any{map[string]any{"emailAddress": map[string]string{"address": "maria@acme.example"}, "type": "required"}}}))
	w.change(series, map[string]string{"20261019T070000Z": "", "20261026T080000Z": "Review"})
	all, err := w.kept(id)
	if err != nil || len(all) != 1 || len(all[0].Exceptions) != 1 {
		t.Fatalf("kept are %+v, %v", all, err)
	}
	e := all[0].Event
	want := &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;WKST=MO;BYDAY=MO;COUNT=4"},
		Without: []calendar.DateTime{{Local: "2026-10-19T09:00:00", Zone: "W. Europe Standard Time"}}}
	if d := gocmp.Diff(want, e.Recurrence); d != "" {
		t.Error(d)
	}
	if e.Type != calendar.Master || e.Subject != "Weekly" || !strings.Contains(e.Body.Content, "Agenda") || e.Start.Local != "2026-10-12T09:00:00" ||
		e.Start.Zone != "W. Europe Standard Time" || len(e.Attendees) != 1 {
		t.Errorf("the series is %+v", e)
	}
	x := all[0].Exceptions[0]
	if x.Subject != "Review" || !strings.Contains(x.Body.Content, "Agenda") || !x.OriginalStart.Equal(time.Date(2026, 10, 26, 8, 0, 0, 0, time.UTC)) ||
		x.SeriesMasterID != series || x.Type != calendar.Exception {
		t.Errorf("its exception is %+v", x)
	}
}

func TestKeptTakesFewRequests(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, func(o *Options) { o.PageSize = 20 })
	id := w.archive()
	if _, err := w.Create(t.Context(), me, id, numbered(70)); err != nil {
		t.Fatal(err)
	}
	for i := range 45 {
		series := w.put(id, weeklyEvent(fmt.Sprint("Weekly ", i), nil))
		if i < 30 {
			w.change(series, map[string]string{"20261012T070000Z": "A", "20261019T070000Z": "B", "20261026T080000Z": "C", "20261102T080000Z": ""})
		}
	}
	w.sim.ResetLog()
	w.faults(graphsim.Fault{Path: "/users/*/calendars/*/events", Kind: graphsim.FaultRepeat})
	all, err := w.kept(id)
	if err != nil || len(all) != 70+45 {
		t.Fatalf("%d are kept, %v", len(all), err)
	}
	exceptions := 0
	for _, k := range all {
		exceptions += len(k.Exceptions)
	}
	if exceptions != 90 {
		t.Errorf("%d exceptions are kept", exceptions)
	}
	pages, batches, parts := 0, 0, 0
	for _, e := range w.sim.Log() {
		if e.Path == "/v1.0/$batch" {
			batches, parts = batches+1, parts+len(e.Sub)
		} else {
			pages++
		}
	}
	// Events are listed last first. Twenty series and twenty more and five are completed in a batch each; their exceptions are 15, 60 and 15.
	if want := [3]int{(70 + 45 + 19) / 20, 3 + 1 + 3 + 1, 45 + 90}; [3]int{pages, batches, parts} != want {
		t.Errorf("%d pages, %d batches of %d requests, want %v", pages, batches, parts, want)
	}
}

// meddling does something before the request of a number, of those that are batches.
type meddling struct {
	http.RoundTripper
	before int
	do     func()
	count  int
}

func (m *meddling) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "$batch") {
		if m.count++; m.count == m.before {
			m.do()
		}
	}
	return m.RoundTripper.RoundTrip(r)
}

func TestWhatChangesWhileACalendarIsRead(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before int
		do     func(w *world, series string)
		kept   []string
		kind   fault.Kind
	}{
		{"a series that is deleted is left out", 1, func(w *world, series string) { _ = w.sim.RemoveEvent(me, series) }, []string{"Event 000"}, 0},
		{"a series that is changed is as it is now", 1, func(w *world, series string) { w.change(series, map[string]string{"20261026T080000Z": ""}) },
			[]string{"Event 000", "Weekly: Review"}, 0},
		{"an exception that is gone fails the reading", 2, func(w *world, series string) { w.change(series, map[string]string{"20261019T070000Z": ""}) },
			nil, fault.Unavailable},
		{"a series that becomes an event fails the reading", 1, func(w *world, series string) { w.put("", []byte(`{"id":"`+series+`","recurrence":null}`)) },
			nil, fault.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &meddling{RoundTripper: http.DefaultTransport}
			w := newWorld(t, graphsim.Options{}, func(o *Options) { o.Transport = m })
			id := w.archive()
			if _, err := w.Create(t.Context(), me, id, numbered(1)); err != nil {
				t.Fatal(err)
			}
			series := w.put(id, weeklyEvent("Weekly", nil))
			w.change(series, map[string]string{"20261019T070000Z": "Review"})
			m.before, m.do = m.count+tt.before, func() { tt.do(w, series) }
			all, err := w.kept(id)
			if tt.kept == nil {
				if err == nil || fault.Of(err) != tt.kind {
					t.Errorf("kept are %+v, %v, want an error of kind %s", all, err, tt.kind)
				}
				return
			}
			got := []string{}
			for _, k := range all {
				text := k.Event.Subject
				for _, x := range k.Exceptions {
					text += ": " + x.Subject
				}
				got = append(got, text)
			}
			slices.Sort(got)
			if err != nil || !slices.Equal(got, tt.kept) {
				t.Errorf("kept are %q, %v, want %q", got, err, tt.kept)
			}
		})
	}
}

func TestAFailedRequestFailsTheWholeReading(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault graphsim.Fault
		kind  fault.Kind
	}{
		{"of a page", graphsim.Fault{Path: "/users/*/calendars/*/events", Kind: graphsim.FaultThrottle}, fault.Throttled},
		{"of a series", graphsim.Fault{Path: "/users/*/events/*", Kind: graphsim.FaultUnavailable}, fault.Unavailable},
		{"of all series", graphsim.Fault{Path: "/$batch", Kind: graphsim.FaultCut}, fault.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{}, nil)
			id := w.archive()
			w.put(id, weeklyEvent("Weekly", nil))
			tt.fault.Times = 1
			w.faults(tt.fault)
			if all, err := w.kept(id); err == nil || fault.Of(err) != tt.kind {
				t.Errorf("kept are %+v, %v, want an error of kind %s", all, err, tt.kind)
			}
		})
	}
}

func TestSeriesOfOthers(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Shared", HidePrivate: true, Owner: calendar.Person{Address: "maria@acme.example"}})
	if err != nil {
		t.Fatal(err)
	}
	series := w.put(id, weeklyEvent("Secret", map[string]any{"sensitivity": "private"}))
	w.change(series, map[string]string{"20261019T070000Z": "Secret, too"})
	all, err := w.kept(id)
	if err != nil || len(all) != 1 || all[0].Event.Subject != "Private appointment" || all[0].Event.Recurrence == nil || len(all[0].Exceptions) != 0 {
		t.Errorf("kept are %+v, %v", all, err)
	}
}

// A series in a zone that Exchange knows only by a made-up name is kept all the same.
func TestASeriesInAnUnknownZone(t *testing.T) {
	s := graphSeries{Recurrence: graphRecurrence{
		Pattern: graphPattern{Type: "daily", Interval: 1}, Range: graphRange{Type: "endDate", EndDate: "2026-10-31", RecurrenceTimeZone: "tzone://Microsoft/Custom"},
	}}
	e := calendar.Event{StartZone: "tzone://Microsoft/Custom", Start: calendar.DateTime{Local: "2026-10-05T07:00:00", Zone: "UTC"},
		End: calendar.DateTime{Local: "2026-10-05T08:00:00", Zone: "UTC"}}
	if err := s.into(&e); err != nil || e.Start != (calendar.DateTime{Local: "2026-10-05T07:00:00", Zone: "UTC"}) ||
		e.Recurrence.Rules[0] != "FREQ=DAILY;UNTIL=20261031T235959Z" {
		t.Errorf("the series is %+v, %v", e, err)
	}
}

func TestWhoseClocksASeriesRepeatsOn(t *testing.T) {
	const custom, berlin, pacific = "tzone://Microsoft/Custom", "W. Europe Standard Time", "Pacific Standard Time"
	for _, tt := range []struct {
		recurrence, made string
		shown            string // the zone in which it is written
		clocks           string
		known            bool
	}{
		{berlin, berlin, berlin, berlin, true},
		{"", berlin, berlin, berlin, true},
		{berlin, "", berlin, berlin, true},
		{berlin, pacific, berlin, berlin, true},
		{berlin, custom, berlin, berlin, true},
		{"tzone://Microsoft/Utc", "tzone://Microsoft/Utc", "UTC", "UTC", true},
		{"TZONE://microsoft/utc", "", "UTC", "UTC", true},
		{"UTC", berlin, "UTC", "UTC", true},
		{"", "", "UTC", "UTC", true},
		{custom, custom, "UTC", custom, false},
		{custom, "", "UTC", custom, false},
		{"", custom, "UTC", custom, false},
		{"UTC", custom, "UTC", custom, false},
		{custom, berlin, berlin, berlin, true},
	} {
		s := graphSeries{Recurrence: graphRecurrence{
			Pattern: graphPattern{Type: "daily", Interval: 1}, Range: graphRange{Type: "noEnd", RecurrenceTimeZone: tt.recurrence},
		}}
		e := calendar.Event{
			Type: calendar.Master, StartZone: tt.made,
			Start: calendar.DateTime{Local: "2026-10-05T12:00:00", Zone: "UTC"}, End: calendar.DateTime{Local: "2026-10-05T13:00:00", Zone: "UTC"},
		}
		if err := s.into(&e); err != nil {
			t.Fatal(err)
		}
		clocks, known := series.Clocks(&e, calendar.LoadZone)
		if e.Start.Zone != tt.shown || clocks != tt.clocks || known != tt.known {
			t.Errorf("recurrence in %q, made in %q: told in %q, clocks of %q, known %t; want %q, %q, %t",
				tt.recurrence, tt.made, e.Start.Zone, clocks, known, tt.shown, tt.clocks, tt.known)
		}
		days := calendar.Event{Type: calendar.Master, AllDay: true, StartZone: tt.made, Start: calendar.DateTime{Local: "2026-10-05T00:00:00", Zone: "UTC"}}
		if err := s.into(&days); err != nil || tt.made != "" && days.StartZone != tt.made {
			t.Errorf("days made in %q: %+v, %v", tt.made, days, err)
		}
	}
}

// A repeated create of a series with other content finds the series, and leaves its exceptions alone.
func TestARepeatedSeriesKeepsItsExceptions(t *testing.T) {
	for _, options := range []graphsim.Options{{}, {DuplicateStatus: http.StatusBadRequest, TellExisting: true}} {
		w := newWorld(t, options, nil)
		id := w.archive()
		d := seriesDraft(calendar.Date{Year: 2026, Month: 10, Day: 12}, "Europe/Berlin", false, "FREQ=WEEKLY;COUNT=4")
		first, err := w.Create(t.Context(), me, id, []calendar.Draft{d})
		if err != nil || first[0].Err != nil {
			t.Fatalf("%+v, %v", first, err)
		}
		w.change(first[0].ID, map[string]string{"20261019T070000Z": "Moved"})
		d.Subject = "Another"
		repeated, err := w.Create(t.Context(), me, id, []calendar.Draft{d, numbered(1)[0]})
		if err != nil || repeated[0].Err != nil || repeated[1].Err != nil || repeated[0].ID != first[0].ID || repeated[0].ChangeKey == "" {
			t.Fatalf("%+v, %v", repeated, err)
		}
		all, err := w.kept(id)
		if err != nil || len(all) != 2 || len(all[0].Exceptions)+len(all[1].Exceptions) != 1 {
			t.Errorf("kept are %+v, %v", all, err)
		}
	}
}

// What an instance may not be is said in the user's words.
func TestAnInstanceStaysBetweenItsNeighbours(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	series := w.put(id, weeklyEvent("Weekly", nil))
	d := someDraft()
	d.Start, d.End = calendar.DateTime{Local: "2026-10-27T09:00:00", Zone: "Europe/Berlin"}, calendar.DateTime{Local: "2026-10-27T10:00:00", Zone: "Europe/Berlin"}
	results, err := w.Update(t.Context(), me, id, []calendar.Update{{ID: series + "@20261019T070000Z", Draft: d}})
	if err != nil || len(results) != 1 || fault.Of(results[0].Err) != fault.Invalid || !strings.Contains(results[0].Err.Error(), "between them") {
		t.Errorf("%+v, %v", results, err)
	}
}

// A series goes out with nothing in it that could notify anybody, and always as the same bytes.
func TestWhatIsSentOfASeries(t *testing.T) {
	d := seriesDraft(calendar.Date{Year: 2026, Month: 10, Day: 12}, "Europe/Berlin", false, "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4")
	d.Recurrence.Without = []calendar.DateTime{{Local: "2026-10-15T09:00:00", Zone: "Europe/Berlin"}}
	var sent [2]bytes.Buffer
	for i := range sent {
		body, _, err := payload(&d)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(&sent[i]).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	text, _ := io.ReadAll(&sent[0])
	if !bytes.Equal(text, sent[1].Bytes()) {
		t.Errorf("the same draft was sent as %s and as %s", text, sent[1].Bytes())
	}
	for _, name := range []string{"attendees", "isOnlineMeeting", "responseRequested", "organizer"} {
		if bytes.Contains(text, []byte(name)) {
			t.Errorf("%s is sent: %s", name, text)
		}
	}
	want := `"recurrence":{"pattern":{"type":"weekly","interval":1,"daysOfWeek":["monday","thursday"],"firstDayOfWeek":"monday"},` +
		`"range":{"type":"numbered","startDate":"2026-10-12","numberOfOccurrences":4,"recurrenceTimeZone":"W. Europe Standard Time"}}`
	if !bytes.Contains(text, []byte(want)) {
		t.Errorf("sent is %s, want %s in it", text, want)
	}
}
