// Package outlook_test carries backups, restores and drills out from end to end, between local calendars and Outlook: the Graph simulator, over HTTP.
package outlook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const (
	user = "local#tester"
	me   = "me@example.com"
	zone = "Europe/Berlin"
)

// world is one machine that is connected to a simulated mailbox.
type world struct {
	t     *testing.T
	sim   *graphsim.Server
	graph *graph.Provider
	own   *local.Provider
	table store.Table
	blobs blob.Blob

	mu  sync.Mutex
	ids int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, nil)
}

// newWorldWith makes a world in which switches of the simulator are on.
func newWorldWith(t *testing.T, set graphsim.Switches) *world {
	t.Helper()
	sim := graphsim.New(graphsim.Options{Switches: set})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return build(t, sim, server.URL, nil)
}

// build makes a world around a simulator that is reached at an address by a transport.
func build(t *testing.T, sim *graphsim.Server, url string, transport http.RoundTripper) *world {
	t.Helper()
	w := &world{t: t, sim: sim}
	must(t, w.sim.AddMailbox(graphsim.Mailbox{ID: me, TimeZone: zone}))
	var err error
	w.graph, err = graph.New(graph.Options{BaseURL: url + "/v1.0", Token: "token", Transport: transport, Clock: time.Now})
	must(t, err)
	table, err := sqlite.Open(":memory:", time.Now)
	must(t, err)
	t.Cleanup(func() { table.Close() })
	w.table = table
	blobs, err := folder.Open(t.TempDir())
	must(t, err)
	t.Cleanup(func() { blobs.Close() })
	w.blobs = blobs
	w.own = local.New(table, w.newID, time.Now).For(user)
	t.Cleanup(func() { w.sim.AssertNobodyInvited(t) })
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("ID%08d", w.ids)
}

func uri(provider, name string) calendar.URI {
	return calendar.URI{Provider: provider, Account: me, Calendar: name}
}

func (w *world) provider(_ context.Context, _ string, u calendar.URI) (calendar.Provider, error) {
	if u.Provider == calendar.ProviderGraph {
		return w.graph, nil
	}
	return w.own, nil
}

// carryOut stores a run and carries it out.
func (w *world) carryOut(h run.Handler, r *run.Run, input, result any) *run.Run {
	w.t.Helper()
	r.ID, r.User, r.State, r.Created = w.newID(), user, run.Queued, time.Now()
	if input != nil {
		text, err := json.Marshal(input)
		must(w.t, err)
		r.Input = text
	}
	runs := run.NewStore(w.table)
	_, _, err := runs.Create(w.t.Context(), r)
	must(w.t, err)
	for tries := 1; ; tries++ { // as a queue does
		if err = h.Run(w.t.Context(), r); err == nil {
			break
		}
		if !fault.Of(err).Transient() && !errors.Is(err, run.ErrHandOn) || tries == 10 {
			w.t.Fatal(err)
		}
		r, err = runs.Get(w.t.Context(), user, r.ID)
		must(w.t, err)
	}
	r, err = runs.Get(w.t.Context(), user, r.ID)
	must(w.t, err)
	if len(r.Result) > 0 {
		must(w.t, json.Unmarshal(r.Result, result))
	}
	return r
}

func (w *world) backUp(u calendar.URI) string {
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
	if r.State != run.Succeeded {
		w.t.Fatalf("backup of %s: %s %+v", u, r.State, r.Problem)
	}
	return result.ID
}

func (w *world) runner() restore.Runner {
	return restore.Runner{
		Table: w.table, Blobs: w.blobs, Open: restore.Opener(backup.New(w.table, w.blobs), restore.NewUploads(w.table, w.blobs, w.newID, time.Now)),
		Archives: func(context.Context, string) ([]calendar.Named, error) { return nil, nil },
		Provider: func(ctx context.Context, user string, u calendar.URI) (restore.Provider, error) {
			return w.provider(ctx, user, u)
		},
		Clock: time.Now, NewID: w.newID, LeaseFor: time.Minute, HandOn: time.Minute,
	}
}

func (w *world) restore(id string, into calendar.URI, policy restore.Policy) (*run.Run, restore.Result) {
	w.t.Helper()
	var result restore.Result
	runner := w.runner()
	r := w.carryOut(&runner, &run.Run{Kind: run.Restore, Calendar: into.String()},
		restore.Input{Backup: id, Policy: policy, Zone: zone, CreateCalendar: true}, &result)
	return r, result
}

// entries returns what became of each event.
func (w *world) entries(r *run.Run) (entries []restore.Entry) {
	w.t.Helper()
	for page := range r.Pages {
		items, err := run.NewStore(w.table).Items(w.t.Context(), r, page)
		must(w.t, err)
		for _, it := range items {
			var e restore.Entry
			must(w.t, json.Unmarshal(it.Plan, &e))
			entries = append(entries, e)
		}
	}
	return entries
}

// canonical tells what a backup holds, without what a copy does not keep.
func (w *world) canonical(id string) []string {
	w.t.Helper()
	content, err := backup.New(w.table, w.blobs).Open(w.t.Context(), user, id)
	must(w.t, err)
	own, err := content.Zones(w.t.Context())
	must(w.t, err)
	zones := ics.Lookup(own)
	berlin, err := calendar.LoadZone(zone)
	must(w.t, err)
	at := func(e *calendar.Event, d calendar.DateTime) string {
		if e.AllDay {
			wall, err := d.Wall()
			must(w.t, err)
			return wall.Date.String()
		}
		loc := berlin
		if d.Zone != "" {
			loc, err = zones(d.Zone)
			must(w.t, err)
		}
		t, err := calendar.DateTime{Local: d.Local}.Instant(loc)
		must(w.t, err)
		return t.Format(time.RFC3339)
	}
	tell := func(e *calendar.Event) string {
		if e.IsOrganizer && len(e.Attendees) == 0 {
			e.Organizer = calendar.Person{}
		}
		body := calendar.CopyBody(e)
		if body.ContentType == "html" {
			body.Content = ics.PlainText(body.Content)
		}
		return fmt.Sprintf("%q %s to %s all-day %v at %q %q %s %s %s: %s", e.Subject, at(e, e.Start), at(e, e.End), e.AllDay, e.Location, e.Categories, e.ShowAs,
			orElse(e.Importance, calendar.NormalImportance), orElse(e.Sensitivity, calendar.Normal), strings.Join(strings.Fields(body.Content), " "))
	}
	var told []string
	must(w.t, content.Each(w.t.Context(), func(k calendar.Kept) error {
		lines := []string{tell(&k.Event)}
		if k.Event.Type == calendar.Master {
			from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			events, err := series.Expand(k.Event, k.Exceptions, from, from.AddDate(2, 0, 0), zones)
			must(w.t, err)
			var instances []string
			for i := range events {
				instances = append(instances, "  "+tell(&events[i]))
			}
			slices.Sort(instances)
			lines = append(lines, instances...)
		}
		told = append(told, strings.Join(lines, "\n"))
		return nil
	}))
	slices.Sort(told)
	return told
}

func orElse[T ~string](v, standard T) T {
	if v == "" {
		return standard
	}
	return v
}

const sample = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//test//EN
BEGIN:VEVENT
UID:standup@example.com
DTSTART;TZID=Europe/Berlin:20261005T090000
DTEND;TZID=Europe/Berlin:20261005T091500
RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=10
EXDATE;TZID=Europe/Berlin:20261012T090000,20261102T090000
SUMMARY:Stand-up
CATEGORIES:Acme - billable,Online
DESCRIPTION:Every week
LOCATION:Room 1
END:VEVENT
BEGIN:VEVENT
UID:standup@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20261019T090000
DTSTART;TZID=Europe/Berlin:20261020T110000
DTEND;TZID=Europe/Berlin:20261020T113000
SUMMARY:Stand-up moved
DESCRIPTION:Once on a Tuesday
END:VEVENT
BEGIN:VEVENT
UID:review@example.com
DTSTART:20261006T120000Z
DTEND:20261006T130000Z
SUMMARY:Review
CLASS:PRIVATE
PRIORITY:1
ORGANIZER;CN=Olga:mailto:olga@example.com
ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED:mailto:ann@example.com
END:VEVENT
BEGIN:VEVENT
UID:off@example.com
DTSTART;VALUE=DATE:20261007
DTEND;VALUE=DATE:20261009
SUMMARY:Day off
TRANSP:TRANSPARENT
END:VEVENT
BEGIN:VEVENT
UID:birthdays@example.com
DTSTART;VALUE=DATE:20261010
DTEND;VALUE=DATE:20261011
RRULE:FREQ=MONTHLY;BYMONTHDAY=10;COUNT=6
EXDATE;VALUE=DATE:20261210
SUMMARY:Pay day
END:VEVENT
BEGIN:VEVENT
UID:lunch@example.com
DTSTART:20261008T120000
DTEND:20261008T130000
SUMMARY:Lunch
END:VEVENT
BEGIN:VEVENT
UID:night@example.com
DTSTART;TZID=Europe/Berlin:20261025T013000
DTEND;TZID=Europe/Berlin:20261025T040000
SUMMARY:Night shift
END:VEVENT
END:VCALENDAR
`

// fill puts the sample into a calendar "Work" of a provider.
func (w *world) fill(provider string) calendar.URI {
	w.t.Helper()
	text := strings.ReplaceAll(sample, "\n", "\r\n")
	u := uri(provider, "Work")
	if provider == calendar.ProviderGraph {
		id, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Work"})
		must(w.t, err)
		must(w.t, w.sim.LoadICS(me, id, strings.NewReader(text)))
		return u
	}
	info, err := w.own.CreateCalendar(w.t.Context(), u)
	must(w.t, err)
	f, err := ics.Read(strings.NewReader(text))
	must(w.t, err)
	_, err = w.own.Import(w.t.Context(), me, info.ID, f, importing.Options{})
	must(w.t, err)
	return u
}

// TestRoundTrips backs a calendar up, restores it, and backs the copy up again: both backups hold the same, in all four directions.
func TestRoundTrips(t *testing.T) {
	for _, from := range []string{calendar.ProviderLocal, calendar.ProviderGraph} {
		for _, to := range []string{calendar.ProviderLocal, calendar.ProviderGraph} {
			t.Run(from+" to "+to, func(t *testing.T) {
				w := newWorld(t)
				first := w.backUp(w.fill(from))
				copied := uri(to, "Copy")
				r, result := w.restore(first, copied, restore.Skip)
				if r.State != run.Succeeded || result.Counts.Created != 6 || result.Counts.Read != 6 {
					t.Fatalf("%s %+v %+v %+v", r.State, result, r.Problem, w.entries(r))
				}
				if diff := cmp.Diff(w.canonical(first), w.canonical(w.backUp(copied))); diff != "" {
					t.Errorf("(-calendar +copy):\n%s", diff)
				}
				if r, result := w.restore(first, copied, restore.Skip); r.State != run.Succeeded || result.Counts.Skipped != 6 {
					t.Errorf("again: %s %+v %+v", r.State, result, w.entries(r))
				}
				if r, result := w.restore(first, copied, restore.Replace); r.State != run.Succeeded || result.Counts.Replaced != 6 {
					t.Errorf("in its place: %s %+v %+v", r.State, result, w.entries(r))
				}
				if diff := cmp.Diff(w.canonical(first), w.canonical(w.backUp(copied))); diff != "" {
					t.Errorf("replaced (-calendar +copy):\n%s", diff)
				}
			})
		}
	}
}

// TestFilesOfOthersRestoreIntoOutlook restores what Outlook, Google and Apple export. A series in a zone that only the file explains is not for Microsoft 365.
func TestFilesOfOthersRestoreIntoOutlook(t *testing.T) {
	for name, refused := range map[string]string{"outlook.ics": "", "google.ics": "", "apple.ics": "Gym"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			own := uri(calendar.ProviderLocal, "Work")
			info, err := w.own.CreateCalendar(t.Context(), own)
			must(t, err)
			file, err := os.Open(filepath.Join("..", "testdata", name))
			must(t, err)
			defer file.Close()
			f, err := ics.Read(file)
			must(t, err)
			_, err = w.own.Import(t.Context(), me, info.ID, f, importing.Options{})
			must(t, err)
			first := w.backUp(own)
			copied := uri(calendar.ProviderGraph, "Copy")
			r, result := w.restore(first, copied, restore.Skip)
			if (r.State == run.Succeeded) != (refused == "") || result.Counts.Failed > 1 {
				t.Fatalf("%s %+v %+v", r.State, result, w.entries(r))
			}
			for _, e := range w.entries(r) {
				if e.Outcome == restore.Failed && (e.Subject != refused || e.Reason == "") {
					t.Errorf("%+v", e)
				}
			}
			want := slices.DeleteFunc(w.canonical(first), func(told string) bool { return refused != "" && strings.HasPrefix(told, strconv.Quote(refused)) })
			if diff := cmp.Diff(want, w.canonical(w.backUp(copied))); diff != "" {
				t.Errorf("(-file +calendar):\n%s", diff)
			}
		})
	}
}

// TestDrills restores the newest backup of a calendar beside it, and leaves nothing there.
func TestDrills(t *testing.T) {
	for _, provider := range []string{calendar.ProviderLocal, calendar.ProviderGraph} {
		t.Run(provider, func(t *testing.T) {
			w := newWorld(t)
			work := w.fill(provider)
			w.backUp(work)
			p, _ := w.provider(t.Context(), user, work)
			before, err := p.Calendars(t.Context(), me)
			must(t, err)
			var result restore.DrillResult
			r := w.carryOut(&restore.Drill{Runner: w.runner(), Backups: backup.New(w.table, w.blobs)}, &run.Run{Kind: run.Drill, Calendar: work.String()}, nil, &result)
			if r.State != run.Succeeded || result.Compared != 6 || result.Differing != 0 {
				t.Errorf("%s %+v %+v", r.State, result, r.Problem)
			}
			after, err := p.Calendars(t.Context(), me)
			must(t, err)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("calendars (-before +after):\n%s", diff)
			}
		})
	}
}

// TestMeetingsWithOthersAreNotReplaced restores into the very calendar that was backed up, where people were invited.
func TestMeetingsWithOthersAreNotReplaced(t *testing.T) {
	w := newWorld(t)
	id, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Work"})
	must(t, err)
	put := func(e map[string]any) string {
		text, err := json.Marshal(e)
		must(t, err)
		id, err := w.sim.PutEvent(me, id, text)
		must(t, err)
		return id
	}
	at := func(s string) map[string]any { return map[string]any{"dateTime": s, "timeZone": "UTC"} }
	person := func(address string) map[string]any {
		return map[string]any{"emailAddress": map[string]any{"name": address, "address": address}}
	}
	meeting := map[string]any{
		"subject":     "Ours",
		"start":       at("2026-10-05T09:00:00"),
		"end":         at("2026-10-05T10:00:00"),
		"isOrganizer": true,
		"organizer":   person(me),
		"attendees":   []any{person("ann@example.com")},
	}
	alone := map[string]any{"subject": "Mine", "start": at("2026-10-06T09:00:00"), "end": at("2026-10-06T10:00:00")}
	meetingID, aloneID := put(meeting), put(alone)
	work := uri(calendar.ProviderGraph, "Work")
	backup := w.backUp(work)
	alone["id"], alone["subject"] = aloneID, "Spoilt"
	put(alone)
	meeting["id"], meeting["subject"] = meetingID, "Changed"
	put(meeting)

	r, result := w.restore(backup, work, restore.Replace)
	if r.State != run.Partial || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Replaced: 1, Refused: 1}) {
		t.Fatalf("%s %+v %+v", r.State, result, w.entries(r))
	}
	for _, e := range w.entries(r) {
		if e.Outcome == restore.Refused && (e.Subject != "Ours" || !strings.Contains(e.Reason, "skip or duplicate")) {
			t.Errorf("%+v", e)
		}
	}
	again := w.canonical(w.backUp(work))
	if len(again) != 2 || !strings.Contains(strings.Join(again, "\n"), `"Mine"`) || !strings.Contains(strings.Join(again, "\n"), `"Changed"`) {
		t.Errorf("%q", again)
	}
}

// TestOutlookFails restores into a mailbox that fails, before and after writes took effect, until it is done: each event is there once.
func TestOutlookFails(t *testing.T) {
	for _, faults := range [][]graphsim.Fault{
		{{Kind: graphsim.FaultThrottle, RetryAfter: "0.01", Scope: "sub", Every: 3, Times: 20}},
		{{Kind: graphsim.FaultUnavailable, When: graphsim.After, RetryAfter: "0.01", Scope: "sub", Every: 2, Times: 6}},
		{{Kind: graphsim.FaultTimeout, When: graphsim.After, Method: "POST", Every: 4, Times: 3}},
		{{Kind: graphsim.FaultLate, Method: "POST", Scope: "sub", Every: 2, Times: 3}},
	} {
		t.Run(faults[0].Kind+" "+faults[0].When, func(t *testing.T) {
			w := newWorld(t)
			first := w.backUp(w.fill(calendar.ProviderLocal))
			copied := uri(calendar.ProviderGraph, "Copy")
			must(t, w.sim.SetFaults(faults...))
			text, err := json.Marshal(restore.Input{Backup: first, Policy: restore.Skip, Zone: zone, CreateCalendar: true})
			must(t, err)
			runs := run.NewStore(w.table)
			r, _, err := runs.Create(t.Context(), &run.Run{
				ID: w.newID(), User: user, Kind: run.Restore, Calendar: copied.String(), Input: text, State: run.Queued, Created: time.Now(),
			})
			must(t, err)
			runner := w.runner()
			for attempt := 1; ; attempt++ {
				if err = runner.Run(t.Context(), r); err == nil {
					break
				}
				if !fault.Of(err).Transient() && !errors.Is(err, run.ErrHandOn) || attempt == 10 {
					t.Fatal(err)
				}
				r, err = runs.Get(t.Context(), user, r.ID)
				must(t, err)
			}
			struck := 0
			for _, f := range w.sim.Faults() {
				struck += f.Struck
			}
			must(t, w.sim.SetFaults())
			r, err = runs.Get(t.Context(), user, r.ID)
			must(t, err)
			if r.State != run.Succeeded || struck == 0 {
				t.Errorf("%s %+v, %d faults struck: %+v", r.State, r.Problem, struck, w.entries(r))
			}
			if diff := cmp.Diff(w.canonical(first), w.canonical(w.backUp(copied))); diff != "" {
				t.Errorf("(-calendar +copy):\n%s", diff)
			}
		})
	}
}

// TestWhoIsInvitedMeanwhileIsNotTold invites people to all events after the plan was made that is to replace them.
func TestWhoIsInvitedMeanwhileIsNotTold(t *testing.T) {
	w := newWorld(t)
	work := w.fill(calendar.ProviderGraph)
	first := w.backUp(work)
	info, err := w.graph.Calendar(t.Context(), work)
	must(t, err)
	invite := func() {
		for _, k := range w.keptOf(info.ID) {
			text, err := json.Marshal(map[string]any{"id": k.Event.ID, "isOrganizer": true, "attendees": []any{
				map[string]any{"emailAddress": map[string]any{"name": "Ann", "address": "ann@example.com"}},
			}, "isAllDay": false, "subject": "Changed", "start": map[string]any{"dateTime": "2026-10-06T09:00:00", "timeZone": "UTC"},
				"end": map[string]any{"dateTime": "2026-10-06T10:00:00", "timeZone": "UTC"}})
			must(t, err)
			_, err = w.sim.PutEvent(me, info.ID, text)
			must(t, err)
		}
	}
	w.blobs = opening{w.blobs, invite}
	r, result := w.restore(first, work, restore.Replace)
	if r.State != run.Partial || result.Counts != (restore.Counts{Read: 6, InPeriod: 6, Refused: 6}) || result.Written != 0 {
		t.Errorf("%s %+v %+v", r.State, result, w.entries(r))
	}
	for _, k := range w.keptOf(info.ID) {
		if len(k.Event.Attendees) != 1 || k.Event.Subject != "Changed" {
			t.Errorf("%+v", k.Event)
		}
	}
}

func (w *world) keptOf(calendarID string) (all []calendar.Kept) {
	w.t.Helper()
	must(w.t, w.graph.Kept(w.t.Context(), me, calendarID, func(k calendar.Kept) error {
		all = append(all, k)
		return nil
	}))
	return all
}

// opening is blob storage in which something happens before a plan is carried out.
type opening struct {
	blob.Blob
	plan func()
}

func (o opening) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if strings.HasSuffix(key, "/plan") {
		o.plan()
	}
	return o.Blob.Get(ctx, key)
}

// TestACalendarThatGoesWhileItIsWrittenEndsTheRun deletes the calendar under a worker. Microsoft 365 then finds none of the events that it is to make.
func TestACalendarThatGoesWhileItIsWrittenEndsTheRun(t *testing.T) {
	w := newWorld(t)
	from := w.fill(calendar.ProviderLocal)
	into := uri(calendar.ProviderGraph, "Copy")
	input, err := json.Marshal(restore.Input{Backup: w.backUp(from), Policy: restore.Skip, Zone: zone, CreateCalendar: true})
	must(t, err)
	r := &run.Run{ID: w.newID(), User: user, Kind: run.Restore, Calendar: into.String(), Input: input, State: run.Queued, Created: time.Now()}
	_, _, err = run.NewStore(w.table).Create(t.Context(), r)
	must(t, err)
	runner := w.runner()
	runner.Provider = func(context.Context, string, calendar.URI) (restore.Provider, error) {
		return &deleting{Provider: w.graph}, nil
	}
	if err := runner.Run(t.Context(), r); fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "start the restore again") {
		t.Error(err)
	}
}

// deleting deletes the calendar before anything is created in it.
type deleting struct{ calendar.Provider }

func (p *deleting) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	if err := p.DeleteCalendar(ctx, account, id); err != nil {
		return nil, err
	}
	return p.Provider.Create(ctx, account, id, drafts)
}
