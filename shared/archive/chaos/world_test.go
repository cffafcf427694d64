// Package chaos_test carries out whole archive runs against the Graph simulator, over HTTP. It checks what they cost, and what the archive
// calendar has after everything failed that can fail.
package chaos_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/proof"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

const (
	user = "local#tester"
	me   = "me@example.com"
	// markID is the extended property that has the mark of a copy, as the simulator writes it.
	markID = "String {b1d2c9a0-7c7e-4f52-9e0b-3a7f6f4d2c11} Name AdminAssistantMark"
	wall   = "2006-01-02T15:04:05"
)

// world is one machine that archives the calendar Work of a simulated mailbox into its calendar Archive.
type world struct {
	*machinetest.Machine
	t        testing.TB
	sim      *graphsim.Server
	provider *graph.Provider
	connect  func() // makes the provider anew
	source   string // id of Work
	clock    func() time.Time
	moved    bool // the ids of copies may be others than in the ledger
	loses    bool // the service moves copies away
	// users are the events in the archive that are the user's, by iCalUId. gone are the marks of copies that somebody moved out of the archive, or deleted,
	// and others those which the user's events carry, too.
	users        map[string]string
	gone, others map[string]bool
}

// newWorld serves the simulator on loopback.
func newWorld(t testing.TB, o graphsim.Options) *world {
	t.Helper()
	sim := graphsim.New(o)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return build(t, sim, server.URL, nil, time.Now)
}

// build makes a world around a simulator that is reached at an address by a transport.
func build(t testing.TB, sim *graphsim.Server, url string, transport http.RoundTripper, clock func() time.Time) *world {
	t.Helper()
	w := &world{Machine: machinetest.New(t, clock), t: t, sim: sim, clock: clock}
	must(t, sim.AddMailbox(graphsim.Mailbox{ID: me, TimeZone: "Europe/Berlin"}))
	var err error
	w.source, err = sim.AddCalendar(me, graphsim.Calendar{Name: "Work"})
	must(t, err)
	w.connect = func() {
		var err error
		w.provider, err = graph.New(graph.Options{BaseURL: url + "/v1.0", Token: "token", Transport: transport, Clock: clock})
		must(t, err)
	}
	w.connect()
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func uri(name string) calendar.URI {
	return calendar.URI{Provider: calendar.ProviderGraph, Account: me, Calendar: name}
}

// object is a JSON object as Graph has it.
type object map[string]any

// put adds an event to Work, or changes the one that has the id, and returns the id.
func (w *world) put(e object) string {
	w.t.Helper()
	text, err := json.Marshal(e)
	must(w.t, err)
	id, err := w.sim.PutEvent(me, w.source, text)
	must(w.t, err)
	return id
}

func at(t time.Time, zone string) object { return object{"dateTime": t.Format(wall), "timeZone": zone} }

// meeting returns the i-th of many events of a quarter of an hour, back to back from 1 October. They are of all zones, categories, sensitivities
// and kinds of body.
func meeting(i int) object {
	start := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(i%1900) * 15 * time.Minute)
	zones := []struct {
		name  string
		ahead time.Duration // of UTC, in the first weeks of October
	}{{"W. Europe Standard Time", 2 * time.Hour}, {"UTC", 0}, {"Tokyo Standard Time", 9 * time.Hour}}
	zone := zones[i%len(zones)]
	if !start.Before(time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)) {
		zone = zones[1]
	}
	local := start.Add(zone.ahead)
	e := object{
		"subject": fmt.Sprintf("Meeting %d", i), "start": at(local, zone.name), "end": at(local.Add(15*time.Minute), zone.name),
		"categories": []string{[]string{"Acme - billable", "Globex - non-billable"}[i%2]}, "sensitivity": []string{"normal", "private", "confidential"}[i%3],
		"showAs": "busy", "importance": []string{"normal", "high"}[i%2], "location": object{"displayName": fmt.Sprintf("Room %d", i)},
		"body":      object{"contentType": "html", "content": fmt.Sprintf("<html><body><p>Agenda %d</p></body></html>", i)},
		"organizer": object{"emailAddress": object{"name": "Olga", "address": "olga@example.com"}},
		"attendees": []object{{"type": "required", "emailAddress": object{"name": "Ann", "address": "ann@example.com"}, "status": object{"response": "accepted"}}},
	}
	if i%4 == 3 {
		e["body"] = object{"contentType": "text", "content": fmt.Sprintf("Agenda %d", i)}
	}
	return e
}

// month fills Work with n meetings.
func (w *world) month(n int) {
	w.t.Helper()
	for i := range n {
		w.put(meeting(i))
	}
}

func (w *world) config(drift archive.OnDrift) archive.Config {
	w.t.Helper()
	c, err := w.configs(w.Table).Create(w.t.Context(), user, archive.Config{
		Name: "work", Source: uri("Work"), Archive: uri("Archive"), Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Resolve,
		OnDrift: drift, LookBack: 30, CreateCalendar: true,
	})
	must(w.t, err)
	return c
}

func (w *world) configs(t store.Table) *archive.Configs {
	return archive.NewConfigs(t, ledger.New(t, w.Blobs, w.Key), w.NewID, w.clock)
}

// runner returns a runner over a table and a provider, which may fail.
func (w *world) runner(t store.Table, p calendar.Provider) *archive.Runner {
	return &archive.Runner{
		Table: t, Blobs: w.Blobs, Signer: w.Key,
		Provider: func(context.Context, string, calendar.URI) (archive.Provider, error) { return p, nil },
		Clock:    w.clock, NewID: w.NewID, LeaseFor: time.Minute, HandOn: time.Minute,
	}
}

// newRun returns a run of the thirty days from 1 October. The ids of runs begin so that they sort by creation.
func (w *world) newRun(c archive.Config) *run.Run {
	from, err := calendar.ParseDate("2026-10-01")
	must(w.t, err)
	return &run.Run{ID: w.NewID(), User: user, Kind: run.Archive, Config: c.ID, From: from, To: from.AddDays(29), State: run.Queued, Created: w.clock()}
}

// start stores a run.
func (w *world) start(c archive.Config) *run.Run {
	w.t.Helper()
	r, created, err := run.NewStore(w.Table).Create(w.t.Context(), w.newRun(c))
	must(w.t, err)
	if !created {
		w.t.Fatalf("run %s is under way", r.ID)
	}
	return r
}

// archive carries out a run and returns it with its result.
func (w *world) archive(c archive.Config) (*run.Run, archive.Result) {
	w.t.Helper()
	r := w.start(c)
	must(w.t, w.runner(w.Table, w.provider).Run(w.t.Context(), r))
	return w.result(r.ID)
}

// result reads a run; one that was not carried out has the zero Result.
func (w *world) result(id string) (*run.Run, archive.Result) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result archive.Result
	if r.Result != nil {
		must(w.t, json.Unmarshal(r.Result, &result))
	}
	return r, result
}

// copies returns the events in Archive; none when there is no such calendar.
func (w *world) copies() []graphsim.Stored {
	w.t.Helper()
	calendars, err := w.sim.Calendars(me)
	must(w.t, err)
	for _, c := range calendars {
		if c.Name == "Archive" {
			events, err := w.sim.Events(me, c.ID)
			must(w.t, err)
			return events
		}
	}
	return nil
}

func mark(e *graphsim.Stored) string {
	for id, value := range e.Extended {
		if strings.EqualFold(id, markID) {
			return value
		}
	}
	return ""
}

// standing returns, by mark, what the ledger says is in the archive.
func (w *world) standing(c archive.Config) map[string]*ledger.Entry {
	w.t.Helper()
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	entries, err := ledger.New(w.Table, w.Blobs, w.Key).Range(w.t.Context(), c.ID, year, year.AddDate(1, 0, 0))
	must(w.t, err)
	newest := map[string]*ledger.Entry{}
	for i := range entries {
		e := &entries[i]
		if e.State == ledger.Intended {
			w.t.Errorf("%s, version %d, is still intended", e.Key, e.Version)
		}
		if known := newest[e.Key]; e.State == ledger.Done && e.Outcome != ledger.Moved && (known == nil || known.Version < e.Version) {
			newest[e.Key] = e
		}
	}
	standing := map[string]*ledger.Entry{}
	for _, e := range newest {
		if e.Outcome == ledger.Archived {
			standing[e.Draft.Mark] = e
		}
	}
	return standing
}

// check compares Archive with the ledger: each appointment that the ledger has as archived is there once, as it was written, and nothing else.
func (w *world) check(c archive.Config) {
	w.t.Helper()
	standing := w.standing(c)
	seen := map[string]bool{}
	for _, e := range w.copies() {
		m := mark(&e)
		entry := standing[m]
		if w.users[e.ICalUID] != "" {
			continue
		}
		switch {
		case entry == nil:
			w.t.Errorf("the archive shows %q, mark %q, which does not stand in the ledger", e.Subject, m)
			continue
		case seen[m]:
			w.t.Errorf("the archive shows %q twice", e.Subject)
			continue
		}
		seen[m] = true
		start, err := e.Start.Instant(time.UTC)
		must(w.t, err)
		end, err := e.End.Instant(time.UTC)
		must(w.t, err)
		if a := &entry.Appointment; e.Subject != a.Subject || !start.Equal(a.Start) || !end.Equal(a.End) || e.Sensitivity != a.Sensitivity ||
			e.ID != entry.CopyID && !w.moved {
			w.t.Errorf("the archive shows %s: %q %v to %v, %s; the ledger has %s: %+v", e.ID, e.Subject, start, end, e.Sensitivity, entry.CopyID, a)
		}
	}
	for m, e := range standing {
		if !seen[m] && !w.loses && !w.gone[m] {
			w.t.Errorf("the archive does not show %q of %v, mark %q", e.Appointment.Subject, e.Appointment.Start, m)
		}
	}
	once := map[string]string{}
	for m, e := range standing {
		what := fmt.Sprintf("%s at %v", e.Appointment.Subject, e.Appointment.Start)
		if other, twice := once[what]; twice {
			w.t.Errorf("%s stands twice, with the marks %q and %q", what, other, m)
		}
		once[what] = m
	}
}

// log is the audit log.
func (w *world) log() *audit.Log {
	return audit.New(w.Table, w.clock, func() string { return ulid.MustNew(ulid.Timestamp(w.clock()), rand.Reader).String() })
}

func (w *world) verify(c archive.Config) {
	w.t.Helper()
	verifier := proof.Verifier{
		Ledger: ledger.New(w.Table, w.Blobs, w.Key), Runs: run.NewStore(w.Table), Audit: w.log(),
		Backups: backup.New(w.Table, w.Blobs), Signer: w.Key, Clock: w.clock,
	}
	report, err := verifier.Verify(w.t.Context(), user, c.ID, nil)
	must(w.t, err)
	if !report.OK {
		w.t.Errorf("the ledger does not verify: %+v, first %+v", report, report.First)
	}
}

// polite checks what must be true of every request that was made.
func (w *world) polite() {
	w.t.Helper()
	w.sim.AssertNobodyInvited(w.t)
	if n := w.sim.MaxInFlight(me); n > 4 {
		w.t.Errorf("%d requests were in flight at once", n)
	}
}

// cost is how many requests of each kind the simulator's log has.
type cost struct {
	writes  int // calls that write events
	reads   int // calls that read
	others  int // calls that make a calendar
	creates int // events that the calls asked to create
}

func (w *world) cost() (c cost) {
	for _, e := range w.sim.Log() {
		writes := e.Method != http.MethodGet && len(e.Sub) == 0
		for _, sub := range e.Sub {
			writes = writes || sub.Method != http.MethodGet
			if sub.Method == http.MethodPost {
				c.creates++
			}
		}
		switch {
		case writes && len(e.Sub) == 0:
			c.others++
		case writes:
			c.writes++
		default:
			c.reads++
		}
	}
	return c
}
