package asked_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/asked"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/run"
)

const user = "local#tester"

// world is one machine with an archive config, and a local calendar that it archives.
type world struct {
	*machinetest.Clock
	*machinetest.Machine
	t        *testing.T
	calendar *local.Provider
	source   calendar.Info
	config   archive.Config
}

func newWorld(t *testing.T, change ...func(*archive.Config)) *world {
	t.Helper()
	clock := machinetest.NewClock(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), time.Millisecond)
	w := &world{Clock: clock, Machine: machinetest.New(t, clock.Now), t: t}
	w.calendar = local.New(w.Table, w.NewID, w.Now)
	var err error
	w.source, err = w.calendar.CreateCalendar(t.Context(), uri("Work"))
	must(t, err)
	c := archive.Config{
		Name: "work", Source: uri("Work"), Archive: uri("Archive"), Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Resolve,
		OnDrift: archive.AskOnDrift, LookBack: 30, CreateCalendar: true,
	}
	for _, f := range change {
		f(&c)
	}
	w.config, err = archive.NewConfigs(w.Table, w.ledger(), w.NewID, w.Now).Create(t.Context(), user, c)
	must(t, err)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func uri(name string) calendar.URI {
	return calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: name}
}

func (w *world) ledger() *ledger.Ledger { return ledger.New(w.Table, w.Blobs, w.Key) }

func draft(subject, start, end string, categories ...string) calendar.Draft {
	return calendar.Draft{
		Subject: subject, Start: calendar.DateTime{Local: start + ":00", Zone: "Europe/Berlin"}, End: calendar.DateTime{Local: end + ":00", Zone: "Europe/Berlin"},
		Categories: categories, ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
	}
}

func (w *world) add(d calendar.Draft) string {
	w.t.Helper()
	d.TransactionID = w.NewID()
	results, err := w.calendar.Create(w.t.Context(), "me", w.source.ID, []calendar.Draft{d})
	must(w.t, err)
	must(w.t, results[0].Err)
	return results[0].ID
}

func (w *world) edit(id string, d calendar.Draft) {
	w.t.Helper()
	results, err := w.calendar.Update(w.t.Context(), "me", w.source.ID, []calendar.Update{{ID: id, Draft: d}})
	must(w.t, err)
	must(w.t, results[0].Err)
}

// archive carries out a run of October and returns its id.
func (w *world) archive() string {
	w.t.Helper()
	day := func(d int) calendar.Date { return calendar.Date{Year: 2026, Month: 10, Day: d} }
	r, _, err := run.NewStore(w.Table).Create(w.t.Context(), &run.Run{
		ID: w.NewID(), User: user, Kind: run.Archive, Config: w.config.ID, From: day(1), To: day(31), State: run.Queued, Created: w.Now(),
	})
	must(w.t, err)
	runner := &archive.Runner{
		Table: w.Table, Blobs: w.Blobs, Signer: w.Key,
		Provider: func(context.Context, string, calendar.URI) (archive.Provider, error) { return w.calendar, nil },
		Clock:    w.Now, NewID: w.NewID, LeaseFor: time.Minute, HandOn: time.Minute,
	}
	must(w.t, runner.Run(w.t.Context(), r))
	return r.ID
}

// open returns the open actions as questions, by rule.
func (w *world) open() map[string]*asked.Question {
	w.t.Helper()
	list, _, err := action.New(w.Table, w.NewID, w.Now).List(w.t.Context(), user, action.Filter{State: action.Open}, 100, "")
	must(w.t, err)
	questions := map[string]*asked.Question{}
	for _, a := range list {
		q, err := (&asked.Reader{Ledger: w.ledger(), Blobs: w.Blobs, Runs: run.NewStore(w.Table)}).Read(w.t.Context(), a)
		must(w.t, err)
		questions[a.Rule] = q
	}
	return questions
}

// differing are the fields in which the sides differ: "subject: was -> is".
func differing(p *asked.Participant) string {
	var all []string
	for _, f := range p.Fields() {
		if f.Differs {
			all = append(all, fmt.Sprintf("%s: %s -> %s", f.Name, f.Archive, f.Source))
		}
	}
	return strings.Join(all, ", ")
}

const acme = "Acme - billable"

func TestAnOverlapShowsWhatWaits(t *testing.T) {
	w := newWorld(t)
	w.add(draft("Review", "2026-10-06T09:00", "2026-10-06T10:00", acme))
	d := draft("Talk", "2026-10-06T09:30", "2026-10-06T11:00")
	w.add(d)
	id := w.archive()
	q := w.open()["equal_rank"]
	if q == nil || q.Subject.ID != id || len(q.Participants) != 2 || !strings.Contains(q.Why, "none of them ranks higher") {
		t.Fatalf("%+v", q)
	}
	for _, p := range q.Participants {
		if p.Archive != nil || p.Source == nil || p.Gone || p.Outcome != ledger.Conflicted || p.Newest != 1 || p.Rank != 5 || !p.People {
			t.Errorf("%+v", p)
		}
		switch p.Source.Subject {
		case "Review":
			if p.Customer() != "Acme" || p.Lasts() != time.Hour {
				t.Errorf("%s, %s", p.Customer(), p.Lasts())
			}
		case "Talk":
			if p.Customer() != "" || p.Lasts() != 90*time.Minute {
				t.Errorf("%s, %s", p.Customer(), p.Lasts())
			}
		default:
			t.Errorf("%+v", p.Source)
		}
		if differing(&p) != "" {
			t.Errorf("one side differs: %s", differing(&p))
		}
	}
}

func TestWhoCollidesWithTheArchiveShowsBoth(t *testing.T) {
	w := newWorld(t)
	w.add(draft("Review", "2026-10-06T09:00", "2026-10-06T10:00", acme))
	w.archive()
	w.add(draft("Talk", "2026-10-06T09:30", "2026-10-06T11:00", acme))
	w.archive()
	archived := 0
	for _, p := range w.open()["archived_first"].Participants {
		if p.Archive != nil {
			archived++
			if p.Archive.Subject != "Review" || p.Source == nil || p.Source.Subject != "Review" || differing(&p) != "" {
				t.Errorf("%+v", p)
			}
		}
	}
	if archived != 1 {
		t.Errorf("%d are archived", archived)
	}
}

func TestDriftShowsBothSides(t *testing.T) {
	w := newWorld(t)
	id := w.add(draft("Review", "2026-10-06T09:00", "2026-10-06T10:00", acme))
	gone := w.add(draft("Gone", "2026-10-07T09:00", "2026-10-07T10:00", acme))
	text := w.add(draft("Text", "2026-10-08T09:00", "2026-10-08T10:00", acme))
	w.archive()
	w.edit(id, draft("Preview", "2026-10-06T09:00", "2026-10-06T10:30", "Beta - billable"))
	_, err := w.calendar.Delete(t.Context(), "me", w.source.ID, []string{gone})
	must(t, err)
	w.archive()
	questions := w.open()
	changed := questions["changed"].Participants[0]
	const want = "subject: Review -> Preview, end: 2026-10-06T08:00:00Z -> 2026-10-06T08:30:00Z, categories: Acme - billable -> Beta - billable, " +
		"customer: Acme -> Beta"
	if got := differing(&changed); got != want {
		t.Errorf("%s", got)
	}
	if changed.Outcome != ledger.Archived || changed.Newest != 1 || changed.Customer() != "Beta" {
		t.Errorf("%+v", changed)
	}
	vanished := questions["vanished"].Participants[0]
	if !vanished.Gone || vanished.Source != nil || vanished.Archive == nil || vanished.Archive.Subject != "Gone" || vanished.Customer() != "Acme" {
		t.Errorf("%+v", vanished)
	}

	// The action shows what the source had when it was asked, whatever it has now.
	w.edit(id, draft("Later", "2026-10-06T09:00", "2026-10-06T10:30", acme))
	if got := w.open()["changed"].Participants[0]; got.Source == nil || got.Source.Subject != "Preview" {
		t.Errorf("%+v", got)
	}

	d := draft("Text", "2026-10-08T09:00", "2026-10-08T10:00", acme)
	d.Body = calendar.Body{ContentType: "text", Content: "other"}
	w.edit(text, d)
	w.edit(id, draft("Review", "2026-10-06T09:00", "2026-10-06T10:00", acme))
	w.archive()
	if p := w.open()["changed"].Participants[0]; differing(&p) != asked.Beside+":  -> " {
		t.Errorf("another text: %q", differing(&p))
	}
}

func TestWhatIsNotInTheLedgerIsReadFromThePlan(t *testing.T) {
	w := newWorld(t, func(c *archive.Config) { c.Purpose = archive.Timesheet })
	w.add(draft("Extended: of nothing", "2026-10-06T09:00", "2026-10-06T10:00", acme))
	w.add(draft("Lunch", "2026-10-07T12:00", "2026-10-07T13:00", "Lunch"))
	id := w.archive()
	for rule, subject := range map[string]string{"no_original": "Extended: of nothing", "no_customer": "Lunch"} {
		q := w.open()[rule]
		if q == nil {
			t.Fatalf("nothing asks %s", rule)
		}
		if p := q.Participants[0]; p.Source == nil || p.Source.Subject != subject || p.Archive != nil || p.Newest != 0 || p.People || p.Rank != 5 || q.Why == "" {
			t.Errorf("%s: %+v", rule, p)
		}
	}
	must(t, w.Blobs.Delete(t.Context(), archive.PlanKey(id)))
	if p := w.open()["no_original"].Participants[0]; p.Source != nil || p.Gone || p.Stands() != nil || p.Lasts() != 0 || len(p.Fields()) != 0 {
		t.Errorf("without the plan: %+v", p)
	}
	must(t, w.Blobs.Put(t.Context(), archive.PlanKey(id), strings.NewReader(`{"window": {}, "items": 5}`)))
	list, _, err := action.New(w.Table, w.NewID, w.Now).List(t.Context(), user, action.Filter{}, 100, "")
	must(t, err)
	if _, err := (&asked.Reader{Ledger: w.ledger(), Blobs: w.Blobs, Runs: run.NewStore(w.Table)}).Read(t.Context(), list[0]); fault.Of(err) != fault.Malformed {
		t.Errorf("an unreadable plan: %v", err)
	}
}

func TestAnActionAboutNoAppointmentHasNoParticipants(t *testing.T) {
	w := newWorld(t)
	a := &action.Action{User: user, Cause: action.Cause{Kind: action.RunFailed}}
	q, err := (&asked.Reader{Ledger: w.ledger(), Blobs: w.Blobs, Runs: run.NewStore(w.Table)}).Read(t.Context(), a)
	if err != nil || len(q.Participants) != 0 || q.Action != a {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestWhatADecisionChangedIsPutBackForTheSource(t *testing.T) {
	e := ledger.Entry{
		Decision: "D1",
		Appointment: calendar.Appointment{
			Subject: "Mine", Start: time.Date(2026, 10, 6, 5, 0, 0, 0, time.UTC), End: time.Date(2026, 10, 6, 6, 0, 0, 0, time.UTC), Categories: []string{acme},
			Customer: "Acme", BillingType: calendar.Billable, Sensitivity: calendar.Confidential, ShowAs: calendar.Free, Importance: calendar.High,
		},
		Source: calendar.Event{
			Subject: "Theirs", Start: calendar.DateTime{Local: "2026-10-06T09:00:00", Zone: "Europe/Berlin"},
			End: calendar.DateTime{Local: "2026-10-06T10:00:00", Zone: "Europe/Berlin"}, ShowAs: calendar.Busy, Location: "Room",
		},
	}
	got := archive.SourceOf(&e)
	if got.Subject != "Theirs" || got.Start.Hour() != 7 || got.End.Hour() != 8 || got.Location != "Room" || got.Customer != "" || got.BillingType != "" ||
		got.ShowAs != calendar.Busy || got.Importance != calendar.NormalImportance || got.Sensitivity != calendar.Private {
		t.Errorf("%+v", got)
	}
	if e.Decision = ""; archive.SourceOf(&e).Subject != "Mine" {
		t.Error("without a decision it is the source's already")
	}
}
