package archive_test

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/undo"
	"adminassistant/shared/wiretest"
)

var (
	modelSteps = flag.Int("steps", 60, "how many steps each random history of decisions has")
	modelSeeds = flag.Uint64("model-seeds", 6, "how many random histories of decisions are lived through")
	modelFirst = flag.Uint64("model-seed", 1, "the first of them")
)

// TestARandomHistoryOfDecisionsHolds lives through random histories of a user who edits, decides, corrects, undoes and repairs, while workers die. After each
// step the ledger has what the user's words mean, and in the end all of it can be taken back.
func TestARandomHistoryOfDecisionsHolds(t *testing.T) {
	for seed := *modelFirst; seed < *modelFirst+*modelSeeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := newModel(t, seed)
			defer m.tell()
			for n := 0; n < *modelSteps && !t.Failed(); n++ {
				m.Advance(time.Hour)
				m.step()
				m.check()
			}
			if !t.Failed() {
				m.takeAllBack()
			}
		})
	}
}

// stood is what the archive has of an appointment, as far as the model knows it.
type stood struct {
	Subject, Start, End, Categories string
	Days                            bool // all of them
}

func (s stood) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %v", s.Subject, s.Start, s.End, s.Categories, s.Days))
}

func stoodOf(a *calendar.Appointment) stood {
	return stood{a.Subject, clock(a.Start), clock(a.End), strings.Join(a.Categories, ","), a.AllDay}
}

const minutes = "2006-01-02T15:04"

func clock(t time.Time) string { return t.UTC().Format(minutes) }

// modelZone is the zone of the model's config, in which days begin.
var modelZone = func() *time.Location {
	zone, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return zone
}()

func shownBy(e *calendar.Event) stood {
	start, _ := e.Start.Instant(modelZone)
	end, _ := e.End.Instant(modelZone)
	if from, to, err := e.Days(modelZone); e.AllDay && err == nil {
		start, end = calendar.StartOfDay(from, modelZone), calendar.StartOfDay(to, modelZone)
	}
	return stood{e.Subject, clock(start), clock(end), strings.Join(e.Categories, ","), e.AllDay}
}

// wrote is a run that may have written, with what was archived before it, and how that was written; met says that another came in between.
type wrote struct {
	id     string
	before map[string]stood
	drafts map[string]string
	met    bool
}

// model is a world with an expectation of its own of what the archive has.
type model struct {
	*world
	rand     *rand.Rand
	seed     uint64
	config   archive.Config
	expected map[string]stood // by key: what stands
	touched  map[string]bool  // keys whose copies the user changed, and nobody has put right
	queue    *queues.Queue
	theirs   map[string]calendar.Event // by id: events of the user's in the archive calendar
	did      map[run.Kind]bool         // kinds of the runs of the step
	frozen   map[string]stood          // by key: what stood on locked days after the step before
	left     map[string]bool           // keys that an undo left as they are
	runs     []wrote                   // the oldest first
	named    int                       // events get names of their own
	met      bool                      // somebody came between the attempts at the last run, so that nobody can tell what it did
	ending   bool                      // nobody comes between
	said     []string
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		world: newWorld(t), rand: rand.New(rand.NewPCG(seed, 14)), seed: seed, expected: map[string]stood{}, touched: map[string]bool{}, left: map[string]bool{},
		theirs: map[string]calendar.Event{}, did: map[run.Kind]bool{},
	}
	m.queue = machinetest.Queues(t, m.Now).Queue("archive")
	m.config = m.world.config(func(c *archive.Config) {
		if seed%3 == 0 {
			c.OnDrift = archive.AcceptOnDrift
		}
	})
	for range 5 {
		m.addEvent()
	}
	m.addSeries()
	m.addDays()
	m.night()
	return m
}

// say notes a step, for whoever has to find out what went wrong.
func (m *model) say(format string, args ...any) {
	m.said = append(m.said, fmt.Sprintf(format, args...))
}

func (m *model) tell() {
	if m.t.Failed() {
		m.t.Logf("seed %d:\n%s", m.seed, strings.Join(m.said, "\n"))
	}
}

func (m *model) one(of int) bool { return m.rand.IntN(of) == 0 }

func pick[T any](m *model, from []T) T { return from[m.rand.IntN(len(from))] }

// step does one thing that can happen.
func (m *model) step() {
	steps := []struct {
		weight int
		do     func()
	}{
		{3, m.addEvent}, {1, m.addSeries}, {1, m.addDays}, {4, m.editEvent}, {1, m.editSeries}, {1, m.removeEvent}, {4, func() { m.night() }},
		{1, func() { m.night(func(r *run.Run) { r.Options.Replace = true }) }}, {5, m.decide}, {4, m.undoOne}, {3, m.editShown}, {1, m.addTheirs}, {1, m.look},
		{2, func() { m.repair(archive.RepairInput{Mode: archive.RepairFindings}) }},
		{2, func() {
			m.repair(archive.RepairInput{Mode: archive.AdoptFindings, Missing: m.one(2), AllowOverlap: m.one(2)})
		}},
		{1, m.answerFindings}, {1, m.unchangedNight}, {1, m.lock},
	}
	sum := 0
	for _, s := range steps {
		sum += s.weight
	}
	at := m.rand.IntN(sum)
	for _, s := range steps {
		if at -= s.weight; at < 0 {
			s.do()
			return
		}
	}
}

// time is a random time of a few days on which much meets.
func (m *model) time() (start, end time.Time) {
	start = time.Date(2026, 10, 5+m.rand.IntN(4), 7+m.rand.IntN(6), 30*m.rand.IntN(2), 0, 0, time.UTC)
	return start, start.Add(time.Duration(1+m.rand.IntN(3)) * 30 * time.Minute)
}

func (m *model) categories() []string {
	return pick(m, [][]string{{"Acme - billable"}, {"Acme - billable"}, {"Beta - billable"}, {"Beta - non-billable"}, {}})
}

func (m *model) name(what string) string {
	m.named++
	return fmt.Sprint(what, " ", m.named)
}

func (m *model) addEvent() {
	start, end := m.time()
	name := m.name("Event")
	m.say("source: add %s %s-%s", name, clock(start), clock(end))
	m.add(name, start.Format(minutes), end.Format(minutes), func(d *calendar.Draft) {
		d.Start.Zone, d.End.Zone = "UTC", "UTC"
		d.Categories = m.categories()
		if m.one(6) {
			d.ShowAs = calendar.Tentative
		}
	})
}

// addSeries adds a series of two or three instances, some of them days.
func (m *model) addSeries() {
	start, end := m.time()
	name, count := m.name("Series"), 2+m.rand.IntN(2)
	m.say("source: add %s %s-%s, %d times", name, clock(start), clock(end), count)
	m.add(name, start.Format(minutes), end.Format(minutes), func(d *calendar.Draft) {
		d.Start.Zone, d.End.Zone = "UTC", "UTC"
		d.Categories = m.categories()
		if m.one(4) {
			wholeDays(d, start, 1)
		}
		d.Recurrence = &calendar.Recurrence{Rules: []string{fmt.Sprintf("FREQ=DAILY;COUNT=%d", count)}}
	})
}

// addDays adds an event of whole days.
func (m *model) addDays() {
	start, _ := m.time()
	name, n := m.name("Days"), 1+m.rand.IntN(2)
	m.say("source: add %s %s, %d days", name, start.Format(time.DateOnly), n)
	m.add(name, start.Format(minutes), start.Format(minutes), func(d *calendar.Draft) {
		d.Categories = m.categories()
		wholeDays(d, start, n)
	})
}

// wholeDays makes a draft n days.
func wholeDays(d *calendar.Draft, from time.Time, n int) {
	d.AllDay = true
	d.Start = calendar.DateTime{Local: from.Format(time.DateOnly) + "T00:00:00"}
	d.End = calendar.DateTime{Local: from.AddDate(0, 0, n).Format(time.DateOnly) + "T00:00:00"}
}

// edit is a random change of a draft.
func (m *model) edit() (what string, change func(*calendar.Draft)) {
	switch m.rand.IntN(4) {
	case 0:
		name := m.name("Named")
		return "name " + name, func(d *calendar.Draft) { d.Subject = name }
	case 1:
		categories := m.categories()
		return fmt.Sprint("categories ", categories), func(d *calendar.Draft) { d.Categories = categories }
	case 2:
		place := m.name("Room")
		return place, func(d *calendar.Draft) { d.Location = place }
	}
	start, end := m.time()
	if m.one(6) {
		return "make days of " + start.Format(time.DateOnly), func(d *calendar.Draft) { wholeDays(d, start, 1) }
	}
	return fmt.Sprintf("move to %s-%s", clock(start), clock(end)), func(d *calendar.Draft) {
		d.AllDay = false
		d.Start, d.End = calendar.DateTime{Local: start.Format(minutes) + ":00", Zone: "UTC"}, calendar.DateTime{Local: end.Format(minutes) + ":00", Zone: "UTC"}
	}
}

func (m *model) editEvent() {
	if events := m.events(); len(events) > 0 {
		e := pick(m, events)
		what, change := m.edit()
		m.say("source: %s %s: %s", e.Subject, e.Type, what)
		m.overwrite(m.source.ID, &e, change)
	}
}

// overwrite changes an event as it was listed, which may be an instance of a series.
func (m *model) overwrite(in string, e *calendar.Event, change func(*calendar.Draft)) {
	m.t.Helper()
	d := calendar.Draft{
		Mark: e.Mark, Subject: e.Subject, Body: e.Body, Start: e.Start, End: e.End, AllDay: e.AllDay, Location: e.Location, Categories: e.Categories,
		ShowAs: e.ShowAs, Importance: e.Importance, Sensitivity: e.Sensitivity,
	}
	change(&d)
	results, err := m.calendar.Update(m.t.Context(), "me", in, []calendar.Update{{ID: e.ID, Draft: d}})
	must(m.t, err)
	must(m.t, results[0].Err)
}

// editSeries changes or removes a series as a whole.
func (m *model) editSeries() {
	masters := map[string]bool{}
	for _, e := range m.events() {
		masters[e.SeriesMasterID] = true
	}
	delete(masters, "")
	if len(masters) == 0 {
		return
	}
	id := pick(m, slices.Sorted(maps.Keys(masters)))
	if m.one(4) {
		m.say("source: delete series %s", id)
		m.remove(id)
		return
	}
	found, err := m.calendar.Find(m.t.Context(), "me", m.source.ID, []string{id})
	must(m.t, err)
	what, change := m.edit()
	m.say("source: series %s: %s", found[id].Subject, what)
	m.rewrite(id, func(d *calendar.Draft) {
		change(d)
		d.Recurrence = found[id].Recurrence
	})
}

func (m *model) removeEvent() {
	if events := m.events(); len(events) > 4 {
		e := pick(m, events)
		m.say("source: delete %s", e.Subject)
		m.remove(e.ID)
	}
}

// inView are the events of the archive calendar that carry a mark of ours, by the form that marks have of their keys.
func (m *model) inView() map[string]calendar.Event {
	m.t.Helper()
	view := map[string]calendar.Event{}
	id := m.archiveID()
	if id == "" {
		return view
	}
	for _, e := range m.read(id) {
		if _, theirs := m.theirs[e.ID]; theirs {
			continue
		}
		mark, ok := ledger.ParseMark(e.Mark)
		if !ok || mark.Config != m.config.ID {
			m.t.Errorf("the archive calendar has %q, which is not ours", e.Subject)
			continue
		}
		if other, doubled := view[mark.Key]; doubled {
			m.t.Errorf("the archive calendar has %s twice: %q %s and %q %s", mark.Key, other.Subject, other.Mark, e.Subject, e.Mark)
		}
		view[mark.Key] = e
	}
	return view
}

// archiveID is the id of the archive calendar; empty: there is none yet.
func (m *model) archiveID() string {
	m.t.Helper()
	info, err := m.calendar.Calendar(m.t.Context(), uri("Archive"))
	if errors.Is(err, calendar.ErrNotFound) {
		return ""
	}
	must(m.t, err)
	return info.ID
}

// addTheirs has the user put an event of their own into the archive calendar, or paste a copy of a copy: it carries a mark of ours that no copy has now.
func (m *model) addTheirs() {
	id := m.archiveID()
	if id == "" {
		return
	}
	start, end := m.time()
	d := calendar.Draft{
		Subject: m.name("Theirs"), Start: calendar.DateTime{Local: start.Format(minutes) + ":00", Zone: "UTC"},
		End: calendar.DateTime{Local: end.Format(minutes) + ":00", Zone: "UTC"}, Categories: m.categories(), ShowAs: calendar.Busy,
		Importance: calendar.NormalImportance, Sensitivity: calendar.Normal, TransactionID: m.NewID(),
	}
	if m.one(2) {
		newest, live := m.newest(m.config), map[string]bool{}
		for _, e := range m.read(id) {
			live[e.Mark] = true
		}
		var marks []string // of earlier copies: one of a copy that is gone makes the event that copy
		for _, e := range m.entries(m.config.ID) {
			if now := newest[e.Key]; e.Draft != nil && !live[e.Draft.Mark] && now.Draft != nil && now.Draft.Mark != e.Draft.Mark {
				marks = append(marks, e.Draft.Mark)
			}
		}
		if len(marks) > 0 {
			d.Mark, d.Subject = pick(m, marks), m.name("Pasted")
		}
	}
	m.say("archive: add %s %s-%s %s", d.Subject, clock(start), clock(end), d.Mark)
	results, err := m.calendar.Create(m.t.Context(), "me", id, []calendar.Draft{d})
	must(m.t, err)
	must(m.t, results[0].Err)
	m.theirs[results[0].ID] = m.whole(id, []string{results[0].ID})[results[0].ID]
}

// whole returns events with their texts, by id.
func (m *model) whole(in string, ids []string) map[string]calendar.Event {
	m.t.Helper()
	found, err := m.calendar.Find(m.t.Context(), "me", in, ids)
	must(m.t, err)
	return found
}

// editShown is what a user does in the archive calendar itself.
func (m *model) editShown() {
	view := m.inView()
	if len(view) == 0 {
		return
	}
	key := pick(m, slices.Sorted(maps.Keys(view)))
	e := view[key]
	m.touched[key] = true
	if m.one(3) {
		m.say("archive: delete %s", e.Subject)
		_, err := m.calendar.Delete(m.t.Context(), "me", m.archiveID(), []string{e.ID})
		must(m.t, err)
		return
	}
	what, change := m.edit()
	m.say("archive: %s: %s", e.Subject, what)
	m.overwrite(m.archiveID(), &e, change)
}

// work carries a run to its end, with workers that die, or that are two. What they may not touch is compared.
func (m *model) work(r *run.Run, attempt func(t store.Table, p calendar.Provider, r *run.Run) error) *run.Run {
	m.t.Helper()
	source, before, drafts := m.events(), maps.Clone(m.expected), m.drafts()
	m.met = false
	worker := m.worker(attempt)
	m.did[r.Kind] = true
	for m.one(3) {
		dying := &wiretest.Wire{DieAt: 1 + m.rand.IntN(40), After: m.one(2)}
		r := m.again(r.ID)
		if r.State.Ended() {
			break
		}
		if err := attempt(dying.Table(m.Table), dying.Provider(m.calendar), r); err == nil {
			break
		}
		m.say("  a worker of %s dies at request %d, effect %v", r.ID, dying.DieAt, dying.After)
		m.Advance(2 * time.Minute)
		if !m.ending && m.one(4) {
			m.comeBetween(r)
			source = m.events()
		}
	}
	if m.one(12) {
		m.say("  two workers of %s", r.ID)
		m.deliver(worker, r, 2)
	} else {
		m.deliver(worker, r, 1)
	}
	if m.one(4) {
		m.say("  the message of %s comes again", r.ID)
		m.deliver(worker, r, 1)
	}
	r = m.again(r.ID)
	if !r.State.Ended() {
		m.t.Fatalf("run %s does not end: %s", r.ID, r.State)
	}
	if r.Failed > 0 {
		m.t.Errorf("run %s failed to write %d", r.ID, r.Failed)
	}
	if diff := cmp.Diff(source, m.events()); diff != "" {
		m.t.Errorf("run %s of kind %s changed the source:\n%s", r.ID, r.Kind, diff)
	}
	var result map[string]any
	must(m.t, json.Unmarshal(r.Result, &result))
	delete(result, "cost")
	delete(result, "link")
	m.say("  %s is %s: %v", r.ID, r.State, result)
	m.audited(r)
	if r.Kind != run.Verify {
		m.runs = append(m.runs, wrote{r.ID, before, drafts, m.met})
	}
	if m.met {
		m.expected, _ = m.standing()
	}
	return r
}

// worker takes messages of runs of any kind, each of which the attempt carries out.
func (m *model) worker(attempt func(t store.Table, p calendar.Provider, r *run.Run) error) *run.Worker {
	handler := handlerFunc(func(_ context.Context, r *run.Run) error { return attempt(m.Table, m.calendar, r) })
	return &run.Worker{
		Runs: run.NewStore(m.Table), Queue: m.queue, Clock: m.Now, BusyDelay: time.Minute, Log: zerolog.Nop(),
		Kinds:    run.MustKinds(archive.RunKind, archive.DecideKind, archive.RepairKind, archive.VerifyKind, undo.RunKind),
		Handlers: map[run.Kind]run.Handler{run.Archive: handler, run.Decide: handler, run.Repair: handler, run.Verify: handler, run.Undo: handler},
		Ended:    m.deciding().Ended,
	}
}

type handlerFunc func(ctx context.Context, r *run.Run) error

func (f handlerFunc) Run(ctx context.Context, r *run.Run) error { return f(ctx, r) }

// deliver has a run's message come to workers, as often as it says, at once, and again until nobody waits for the run any more.
func (m *model) deliver(worker *run.Worker, r *run.Run, times int) {
	m.t.Helper()
	body, err := json.Marshal(run.Message{RunID: r.ID, Kind: r.Kind, User: r.User, AttemptOf: r.AttemptOf})
	must(m.t, err)
	for range times {
		must(m.t, m.queue.Send(m.t.Context(), body, 0))
	}
	for range 20 {
		messages, err := m.queue.Receive(m.t.Context(), 10, time.Minute, 0)
		must(m.t, err)
		errs := make([]error, len(messages))
		var workers sync.WaitGroup
		for n := range messages {
			workers.Go(func() { errs[n] = worker.Handle(m.t.Context(), messages[n]) })
		}
		workers.Wait()
		for _, err := range errs {
			if err != nil && !errors.Is(err, store.ErrConflict) {
				m.t.Errorf("a worker of %s: %v", r.ID, err)
			}
		}
		stats, err := m.queue.Stats(m.t.Context())
		must(m.t, err)
		if stats.Dead > 0 {
			m.t.Errorf("a message of %s is parked", r.ID)
		}
		if stats.Waiting == 0 {
			return
		}
		m.Advance(2 * time.Minute)
	}
	m.t.Errorf("workers of %s do not get done", r.ID)
}

// drafts are the copies that the ledger has, to the byte but for mark and transaction id, by key.
func (m *model) drafts() map[string]string {
	m.t.Helper()
	drafts := map[string]string{}
	for key, e := range m.newest(m.config) {
		if e.Outcome != ledger.Archived || e.Draft == nil {
			continue
		}
		d := *e.Draft
		d.Mark, d.TransactionID = "", ""
		drafts[key] = string(must1(json.Marshal(d)))
	}
	return drafts
}

// comeBetween does something before the next worker goes on with a run.
func (m *model) comeBetween(r *run.Run) {
	m.t.Helper()
	m.met = true
	switch n := m.rand.IntN(3); {
	case n == 0:
		m.editShown()
	case n == 1 || r.Kind == run.Archive: // the same night is one run
		m.editEvent()
	default:
		m.did[run.Archive] = true
		night, result := m.archive(m.config, func(r *run.Run) { r.Options.Force = true })
		m.say("  night %s comes in between: %+v", night.ID, result.Counts)
		m.runs = append(m.runs, wrote{id: night.ID, met: true})
	}
}

// audited records that a run has ended.
func (m *model) audited(r *run.Run) {
	m.t.Helper()
	must(m.t, audit.New(m.Table, m.Now, func() string {
		return ulid.MustNew(ulid.Timestamp(m.Now()), crand.Reader).String()
	}).RunEnded(m.t.Context(), r))
}

// standing is what the ledger says is archived, with the ids of the sources.
func (m *model) standing() (stands map[string]stood, entries map[string]ledger.Entry) {
	m.t.Helper()
	stands, entries = map[string]stood{}, m.newest(m.config)
	for key, e := range entries {
		if e.Outcome == ledger.Archived {
			stands[key] = stoodOf(&e.Appointment)
		}
	}
	return stands, entries
}

// bySourceID are the events of the source by their ids.
func (m *model) bySourceID() map[string]calendar.Event {
	events := map[string]calendar.Event{}
	for _, e := range m.events() {
		events[e.ID] = e
	}
	return events
}

func (m *model) open() (open []*action.Action) {
	m.t.Helper()
	for cursor := ""; ; {
		some, next, err := m.deciding().Actions.List(m.t.Context(), user, action.Filter{State: action.Open}, 100, cursor)
		must(m.t, err)
		for i := range some {
			open = append(open, some[i])
		}
		if cursor = next; cursor == "" {
			return open
		}
	}
}

func (m *model) night(how ...func(*run.Run)) {
	m.t.Helper()
	options := run.Run{}
	for _, f := range how {
		f(&options)
	}
	m.say("night %+v", options.Options)
	archived := func(change ...func(*run.Run)) archive.Result {
		r := m.work(m.start(m.config, change...), func(t store.Table, p calendar.Provider, r *run.Run) error {
			return m.runner(t, p).Run(m.t.Context(), r)
		})
		var result archive.Result
		must(m.t, json.Unmarshal(r.Result, &result))
		if !result.Balanced || !result.Counts.Balanced() {
			m.t.Errorf("the sums of %s do not balance: %+v", r.ID, result)
		}
		if r.State == run.Failed && !result.Shrunk && !result.KeysChanged {
			m.t.Errorf("night %s failed: %+v", r.ID, r.Problem)
		}
		return result
	}
	if result := archived(how...); result.Shrunk || result.KeysChanged {
		m.say("by force")
		archived(append(how, func(r *run.Run) { r.Options.Force = true })...)
	}
	if m.met {
		return
	}
	stands, entries := m.standing()
	events := m.bySourceID()
	for key, now := range stands {
		was, stood := m.expected[key]
		e, there := events[entries[key].Source.ID]
		switch {
		case was == now:
		case stood && m.config.OnDrift != archive.AcceptOnDrift && !options.Options.Replace:
			m.t.Errorf("a night changed %s from %s to %s", key, was, now)
		case !there || shownBy(&e) != now:
			m.t.Errorf("a night archived %s as %s, and the source has %s (%v)", key, now, shownBy(&e), there)
		default:
			m.expected[key] = now
		}
	}
}

// unchangedNight is a night after which nothing has changed until the next one.
func (m *model) unchangedNight() {
	m.night()
	asked := m.open()
	r, result := m.archive(m.config)
	m.runs = append(m.runs, wrote{id: r.ID, before: maps.Clone(m.expected), drafts: m.drafts()})
	m.say("the same night %s once more: %s", r.ID, r.Result)
	if result.Written != 0 || len(result.Raised) > 0 || result.Resolved > 0 {
		m.t.Errorf("a night with nothing changed wrote %d, raised %v and resolved %d", result.Written, result.Raised, result.Resolved)
	}
	ids := func(of []*action.Action) (ids []string) {
		for _, a := range of {
			ids = append(ids, a.ID)
		}
		return ids
	}
	if diff := cmp.Diff(ids(asked), ids(m.open())); diff != "" {
		m.t.Errorf("a night with nothing changed asks otherwise:\n%s", diff)
	}
	for _, e := range m.entries(m.config.ID) {
		if e.Run == r.ID {
			m.t.Errorf("a night with nothing changed gave %s version %d: %s, %s", e.Key, e.Version, e.Outcome, e.Reason)
		}
	}
}

// fields are random changes, with the times always together.
func (m *model) fields(all bool) *decision.Fields {
	f := &decision.Fields{}
	if all || m.one(2) {
		start, end := m.time()
		f.Start, f.End = &start, &end
	}
	if all || m.one(3) {
		f.Subject = text(m.name("Decided"))
	}
	if categories := m.categories(); all || *f == (decision.Fields{}) || m.one(3) {
		f.Categories = &categories
	}
	return f
}

// answers are random decisions: about some open actions, and some corrections.
func (m *model) answers(entries map[string]ledger.Entry) (answers []archive.Answer) {
	used := map[string]bool{}
	for _, a := range m.open() {
		if !m.one(2) || a.Config != m.config.ID || len(a.Participants) == 0 || a.Finding != "" ||
			slices.ContainsFunc(a.Participants, func(p action.Participant) bool { return used[p.Key] }) {
			continue
		}
		answer := archive.Answer{Action: a.ID, AllowOverlap: m.one(2), Note: "because"}
		merged := a.Kind == action.Overlap && m.one(3)
		for i, p := range a.Participants {
			used[p.Key] = true
			v := decision.Verdict{Key: p.Key}
			switch {
			case merged:
				if v.Word = decision.Merge; i > 0 {
					v.Into = a.Participants[0].Key
				}
			case a.Kind == action.Drift || a.Kind == action.StaleDecision:
				v.Word = pick(m, []decision.Word{decision.Accept, decision.KeepArchived, decision.KeepAs, decision.Withdraw, decision.Keep})
				if _, stands := m.expected[p.Key]; !stands && (v.Word == decision.Accept || v.Word == decision.KeepArchived) {
					v.Word = decision.Keep
				}
			default:
				v.Word = pick(m, []decision.Word{decision.Keep, decision.KeepAs, decision.KeepAs, decision.Drop})
			}
			if v.Word == decision.KeepAs {
				v.Fields = m.fields(m.one(2))
			}
			answer.Verdicts = append(answer.Verdicts, v)
		}
		answers = append(answers, answer)
	}
	keys := slices.Sorted(maps.Keys(entries))
	for range m.rand.IntN(3) {
		if len(keys) == 0 {
			break
		}
		v := decision.Verdict{Key: pick(m, keys), Word: pick(m, []decision.Word{decision.KeepAs, decision.KeepAs, decision.Withdraw, decision.Keep})}
		if used[v.Key] {
			continue
		}
		used[v.Key] = true
		if v.Word == decision.KeepAs {
			v.Fields = m.fields(m.one(2))
		}
		answers = append(answers, archive.Answer{Verdicts: []decision.Verdict{v}, AllowOverlap: m.one(2), Note: "because"})
	}
	if m.one(4) || len(answers) == 0 {
		answers = append(answers, archive.Answer{
			Verdicts: []decision.Verdict{{Word: decision.Create, Fields: m.fields(true)}}, AllowOverlap: m.one(2), Note: "because",
		})
	}
	return answers
}

func (m *model) decide() {
	m.t.Helper()
	_, entries := m.standing()
	asked := archive.Asked{Config: m.config.ID, Answers: m.answers(entries), Partial: m.one(2)}
	shown, _ := json.Marshal(asked)
	m.say("decide %s", shown)
	r, err := m.deciding().Run(m.t.Context(), user, asked)
	if err != nil {
		m.say("  refused: %v", err)
		if fault.Of(err) != fault.Conflict {
			m.t.Errorf("a decision is refused: %v", err)
		}
		return
	}
	r.State, r.Created = run.Queued, m.Now()
	r, created, err := run.NewStore(m.Table).Create(m.t.Context(), r)
	must(m.t, err)
	if !created {
		m.t.Fatal("a decide run is under way")
	}
	r = m.work(r, func(t store.Table, p calendar.Provider, r *run.Run) error {
		return (*archive.Decider)(m.runner(t, p)).Run(m.t.Context(), r)
	})
	_, result := m.decided(r.ID)
	if m.met {
		return
	}
	if r.State == run.Failed {
		if len(result.Refusals) == 0 {
			m.t.Errorf("decide run %s failed: %+v", r.ID, r.Problem)
		}
		return
	}
	refused := map[string]bool{}
	for _, one := range result.Refusals {
		refused[one.Decision] = true
	}
	decided, err := archive.DecisionsOf(r)
	must(m.t, err)
	events := m.bySourceID()
	for i := range decided {
		if !refused[decided[i].ID] {
			m.meaning(&decided[i], asked.Answers[i].Verdicts, entries, events)
		}
	}
}

// meaning has the expectation follow what a decision means that was carried out. asked are its verdicts as the user gave them.
func (m *model) meaning(d *archive.Decided, asked []decision.Verdict, entries map[string]ledger.Entry, events map[string]calendar.Event) {
	m.t.Helper()
	stands, _ := m.standing()
	base := func(key string) stood {
		if e, there := events[entries[key].Source.ID]; there && entries[key].Source.ID != "" {
			return shownBy(&e)
		}
		e := entries[key]
		return stoodOf(&e.Appointment)
	}
	given := func(s *stood, f *decision.Fields) {
		if f == nil {
			return
		}
		if f.Start != nil {
			s.Start, s.End, s.Days = clock(*f.Start), clock(*f.End), false
		}
		if f.Subject != nil {
			s.Subject = *f.Subject
		}
		if f.Categories != nil {
			s.Categories = strings.Join(*f.Categories, ",")
		}
	}
	for i := range d.Verdicts {
		v, key := &d.Verdicts[i], d.Verdicts[i].Key
		was, stood := m.expected[key]
		switch {
		case v.Word == decision.Drop, v.Word == decision.Withdraw, v.Word == decision.Merge && v.Into != "" && v.Into != key:
			delete(m.expected, key)
			continue
		case v.Word == decision.KeepArchived:
			continue
		}
		now := base(key)
		switch v.Word {
		case decision.Create:
			given(&now, v.Fields)
		case decision.Merge:
			for _, other := range d.Verdicts {
				if o := base(other.Key); other.Into == key && o.Days == now.Days {
					now.Start, now.End = min(now.Start, o.Start), max(now.End, o.End)
				}
			}
		case decision.KeepAs: // what is not given is as the source has it, or as an earlier decision left it
			plain, kept := now, was
			given(&plain, asked[i].Fields)
			given(&kept, asked[i].Fields)
			got := stands[key]
			either := func(got *string, one, other string) {
				if *got != one && !(stood && *got == other) {
					*got = one
				}
			}
			either(&got.Subject, plain.Subject, kept.Subject)
			either(&got.Start, plain.Start, kept.Start)
			either(&got.End, plain.End, kept.End)
			either(&got.Categories, plain.Categories, kept.Categories)
			now = got
		}
		m.expected[key] = now
	}
}

func (m *model) undoOne() {
	m.t.Helper()
	if len(m.runs) == 0 {
		return
	}
	at := len(m.runs) - 1
	if !m.one(3) {
		at = m.rand.IntN(len(m.runs))
	}
	m.takeBack(m.runs[at].id, how{cascade: m.one(2), force: m.one(4)})
}

// takeBack undoes a run, if it wrote something.
func (m *model) takeBack(id string, h how) {
	m.t.Helper()
	m.say("undo %s %+v", id, h)
	_, plan, err := m.undoers(m.Table, m.calendar).Plan(m.t.Context(), user, id, undo.Asked{Cascade: h.cascade, Force: h.force})
	if errors.Is(err, undo.ErrNothing) {
		return
	}
	must(m.t, err)
	r := m.work(m.toUndo(id, h), func(t store.Table, p calendar.Provider, r *run.Run) error {
		return m.undoers(t, p).Run(m.t.Context(), r)
	})
	_, result := m.undone(r.ID)
	for _, it := range plan.Items {
		m.left[it.Key] = m.left[it.Key] || it.Outcome == undo.Skipped || m.met
	}
	if m.met {
		return
	}
	if r.State != run.Succeeded || result.Counts.Participants != plan.Counts.Participants || result.Counts.Undone != plan.Counts.Undone {
		m.t.Errorf("undo %s is %s %+v: %+v, and was to be %+v", r.ID, r.State, r.Problem, result.Counts, plan.Counts)
	}
	for i := range plan.Items {
		switch it := &plan.Items[i]; {
		case it.Outcome == undo.Skipped:
			m.say("  leaves %s: %s", it.Key, it.Detail)
		case it.Does == undo.Nothing:
		case it.Becomes == nil:
			delete(m.expected, it.Key)
		default:
			m.expected[it.Key] = stoodOf(it.Becomes)
		}
	}
}

// look compares, which changes nothing.
func (m *model) look() {
	m.t.Helper()
	m.say("verify")
	r := m.work(m.start(m.config, func(r *run.Run) { r.Kind = run.Verify }), func(t store.Table, p calendar.Provider, r *run.Run) error {
		return m.verifier(t, p).Run(m.t.Context(), r)
	})
	var result archive.VerifyResult
	must(m.t, json.Unmarshal(r.Result, &result))
	if result.Bookkeeping.Problems > 0 {
		m.t.Errorf("verify %s: %+v", r.ID, result.Bookkeeping)
	}
	if m.met {
		return
	}
	theirs := 0
	for _, f := range m.findings(r) {
		switch _, of := m.theirs[f.EventID]; {
		case of && (f.Outcome == archive.Foreign || f.Outcome == archive.DuplicateCopy):
			theirs++
		case !m.touched[ledger.KeyInMark(f.Key)]:
			m.t.Errorf("verify %s finds what nobody touched: %+v", r.ID, f)
		}
	}
	if theirs != len(m.theirs) {
		m.t.Errorf("verify %s finds %d events of the user's, and there are %d", r.ID, theirs, len(m.theirs))
	}
}

// answerFindings says of single findings what becomes of them, also of events of the user's.
func (m *model) answerFindings() {
	m.t.Helper()
	r, _, found := m.verified(m.config)
	m.audited(r)
	in := archive.RepairInput{Mode: archive.LeaveFindings, AllowOverlap: m.one(2), Answers: map[string]archive.RepairMode{}}
	for _, f := range found {
		if m.one(2) {
			in.Answers[f.ID] = pick(m, []archive.RepairMode{archive.RepairFindings, archive.AdoptFindings, archive.AdoptFindings, archive.LeaveFindings})
		}
	}
	m.repair(in)
}

// repair has the archive calendar and the ledger agree.
func (m *model) repair(in archive.RepairInput) {
	m.t.Helper()
	shown := m.inView()
	m.say("repair %+v", in)
	r := m.work(m.repairRun(m.config, in), func(t store.Table, p calendar.Provider, r *run.Run) error {
		return (&archive.Repairer{Verifier: *m.verifier(t, p)}).Run(m.t.Context(), r)
	})
	if m.met {
		return
	}
	if r.State == run.Failed {
		m.t.Errorf("repair %s failed: %+v", r.ID, r.Problem)
	}
	copied := map[string]string{}
	for key, e := range m.newest(m.config) {
		copied[e.CopyID] = key
	}
	for _, f := range m.findings(r) {
		m.say("  %s %s: %s %s", f.Outcome, f.Key, f.Done, f.Reason)
		switch f.Done {
		case archive.Adopted:
			e := shown[ledger.KeyInMark(f.Key)]
			m.expected[f.Key] = shownBy(&e)
		case archive.TakenOut:
			delete(m.expected, f.Key)
		case archive.TakenIn:
			e := m.theirs[f.EventID]
			m.expected[copied[f.EventID]] = shownBy(&e)
			delete(m.theirs, f.EventID)
		}
	}
	if in.Mode == archive.RepairFindings {
		clear(m.touched)
		m.agree("after repair " + r.ID)
	}
}

// agree fails if a verification finds something else than events of the user's.
func (m *model) agree(when string) {
	m.t.Helper()
	r, _, found := m.verified(m.config)
	m.audited(r)
	for _, f := range found {
		if _, theirs := m.theirs[f.EventID]; !theirs {
			m.t.Errorf("%s there is %+v", when, f)
		}
	}
}

// lock locks a day of the archive for one customer, or for all: for ever.
func (m *model) lock() {
	m.t.Helper()
	head := m.head(m.config.ID)
	if len(head.Locks) >= 2 || len(m.runs) < 8 {
		return
	}
	customer, on := pick(m, []string{"Acme", "beta", "Beta", ledger.Everybody}), day("2026-10-05").AddDays(m.rand.IntN(4))
	m.say("lock %s for %q", on, customer)
	must(m.t, ledger.New(m.Table, m.Blobs, m.Key).Lock(m.t.Context(), m.config.ID, &head, customer, ledger.Days{From: on, To: on}))
}

// checkLocked compares what stands on locked days with what stood there. Nights may add what is new there.
func (m *model) checkLocked(entries map[string]ledger.Entry) {
	m.t.Helper()
	locks, now := m.head(m.config.ID).Locks, map[string]stood{}
	for key, e := range entries {
		if e.Outcome == ledger.Archived && locks.Has(e.Appointment.Customer, e.Appointment.Day(modelZone)) {
			now[key] = stoodOf(&e.Appointment)
		}
	}
	for key, was := range m.frozen {
		if now[key] != was {
			m.t.Errorf("on a locked day there was %q of %s, and now there is %q", was, key, now[key])
		}
	}
	if !m.did[run.Archive] && len(m.did) > 0 {
		for key, is := range now {
			if _, stood := m.frozen[key]; !stood {
				m.t.Errorf("%q of %s came onto a locked day by %v", is, key, m.did)
			}
		}
	}
	m.frozen = now
	clear(m.did)
}

// checkTheirs finds that events of the user's are as the user made them. One that the ledger took over is theirs no more.
func (m *model) checkTheirs() {
	m.t.Helper()
	if len(m.theirs) == 0 {
		return
	}
	for _, e := range m.entries(m.config.ID) {
		delete(m.theirs, e.CopyID)
	}
	there := m.whole(m.archiveID(), slices.Collect(maps.Keys(m.theirs)))
	for id, was := range m.theirs {
		if diff := cmp.Diff(was, there[id]); diff != "" {
			m.t.Errorf("the user's own event %q changed:\n%s", was.Subject, diff)
		}
	}
}

// isCopy says whether an event shows all that was written of an appointment.
func isCopy(e *calendar.Event, as *calendar.Draft) bool {
	draft := calendar.Event{Subject: as.Subject, Start: as.Start, End: as.End, AllDay: as.AllDay, Categories: as.Categories}
	return shownBy(e) == shownBy(&draft) && e.Body == as.Body && e.Location == as.Location && e.ShowAs == as.ShowAs && e.Importance == as.Importance &&
		e.Sensitivity == as.Sensitivity
}

// check compares ledger and archive calendar with what is expected of them.
func (m *model) check() {
	m.t.Helper()
	m.verify(m.config)
	stands, entries := m.standing()
	if diff := cmp.Diff(m.expected, stands); diff != "" {
		m.t.Errorf("what stands (- expected, + ledger):\n%s", diff)
	}
	m.checkLocked(entries)
	m.checkTheirs()
	view, wanted := m.inView(), map[string]bool{}
	var ids []string
	for _, e := range view {
		ids = append(ids, e.ID)
	}
	whole := map[string]calendar.Event{}
	if len(ids) > 0 {
		whole = m.whole(m.archiveID(), ids)
	}
	for key, s := range stands {
		mark := ledger.KeyInMark(key)
		wanted[mark] = true
		e, there := whole[view[mark].ID]
		switch draft := entries[key].Draft; {
		case there && shownBy(&e) == s && draft != nil && isCopy(&e, draft) && e.ID == entries[key].CopyID:
			delete(m.touched, mark)
		case !m.touched[mark]:
			m.t.Errorf("the archive calendar has %q (%v) of %s, and the ledger %q as %s: %+v, %+v", shownBy(&e), there, key, s, entries[key].CopyID, e, draft)
		}
	}
	for mark, e := range view {
		if !wanted[mark] {
			m.t.Errorf("the archive calendar still has %q of %s", e.Subject, mark)
		}
	}
	for mark := range m.touched {
		if !wanted[mark] {
			delete(m.touched, mark)
		}
	}
}

// takeAllBack undoes all runs, the newest first: before each there is again what was there then, but for what was left as it is, for a reason.
func (m *model) takeAllBack() {
	m.t.Helper()
	m.ending = true
	m.repair(archive.RepairInput{Mode: archive.RepairFindings})
	m.check()
	clear(m.left)
	for _, r := range slices.Backward(m.runs) {
		m.takeBack(r.id, how{})
		m.check()
		if r.met {
			continue
		}
		stands, _ := m.standing()
		for key, is := range m.drafts() {
			if was, there := r.drafts[key]; there && was != is && !m.left[key] {
				m.t.Errorf("before %s the copy of %s was\n%s\nand now that it is undone it is\n%s", r.id, key, was, is)
			}
		}
		for _, of := range []map[string]stood{r.before, stands} {
			for key := range of {
				if r.before[key] != stands[key] && !m.left[key] {
					m.t.Errorf("before %s there was %q of %s, and now that it is undone there is %q", r.id, r.before[key], key, stands[key])
					for _, e := range m.entries(m.config.ID) {
						if e.Key == key && e.Outcome != ledger.Moved {
							m.say("version %d: %s, %s by %s, decision %s, reverses %s, restores %d", e.Version, e.Outcome, e.Reason, e.Run, e.Decision, e.Reverses, e.Restores)
						}
					}
				}
			}
		}
		if m.t.Failed() {
			return
		}
	}
	m.agree("when all is undone")
}
