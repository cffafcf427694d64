package archive_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// table returns all that the store holds of a config's ledger, item by item.
func (w *world) ledgerItems(c archive.Config) (all []string) {
	w.t.Helper()
	items, err := store.All(w.t.Context(), w.Table, store.Query{PK: "LEDGER#" + c.ID})
	must(w.t, err)
	for _, item := range items {
		all = append(all, fmt.Sprintf("%s %d %s", item.SK, item.Version, item.Data))
	}
	return all
}

// refused carries out a run that must fail with these words.
func (w *world) refused(c archive.Config, words string, change ...func(*run.Run)) {
	w.t.Helper()
	r := w.start(c, change...)
	err := w.runner(w.Table, w.calendar).Run(w.t.Context(), r)
	if fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), words) {
		w.t.Errorf("error %v, want a conflict that says %q", err, words)
	}
	must(w.t, run.NewStore(w.Table).Finish(w.t.Context(), r, run.Failed, w.Now()))
}

func dryRun(r *run.Run) { r.Options.DryRun = true }

func adopting(r *run.Run) { r.Options.Adopt = true }

// TestADryRunWritesNothing dies at every request of a run, and then checks that a dry run settles nothing and seals no link.
func TestADryRunWritesNothing(t *testing.T) {
	unsettled := 0
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.month(5)
		c := w.config()
		if err := w.runner(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), w.start(c)); !dying.Dead() {
			must(t, err)
		}
		items, copies := w.ledgerItems(c), w.copies()
		r, result := w.archive(c, dryRun)
		if diff := cmp.Diff(items, w.ledgerItems(c)); diff != "" {
			t.Errorf("the ledger changed:\n%s", diff)
		}
		if diff := cmp.Diff(copies, w.copies()); diff != "" {
			t.Errorf("the archive calendar changed:\n%s", diff)
		}
		if r.State != run.Succeeded || result.Written != 0 || result.Link != "" || result.Counts.Archived+result.Counts.Unchanged != 5 {
			t.Errorf("%s %+v", r.State, result)
		}
		if result.Unsettled > 0 {
			unsettled++
			if result.Unsettled != 5 || result.Counts.Archived != 5 {
				t.Errorf("what was left open counts as held: %+v", result)
			}
		}
	})
	if unsettled == 0 {
		t.Error("no run was left open")
	}
}

func TestADryRunWaitsForNobody(t *testing.T) {
	w := newWorld(t)
	w.month(2)
	c := w.config()
	w.archive(c)
	info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
	must(t, err)
	other := w.start(c, func(r *run.Run) { r.From = day("2026-09-01") })
	_, err = run.Begin(t.Context(), w.Table, other, run.LeaseName(user, c.Archive, info.ID), "another", time.Minute, w.Now, nil)
	if !errors.Is(err, run.ErrBusy) { // the lease is there, and was not read
		t.Fatalf("error %v, want %v", err, run.ErrBusy)
	}
	if r, result := w.archive(c, dryRun); r.State != run.Succeeded || result.Counts.Unchanged != 2 || r.Lease != "" {
		t.Errorf("%s %+v, lease %q", r.State, result, r.Lease)
	}
}

// TestAnArchiveCalendarOfTwoConfigs checks configs that have shared a calendar since before that was refused.
func TestAnArchiveCalendarOfTwoConfigs(t *testing.T) {
	// sharing stores a config that could not be created today.
	sharing := func(w *world, change func(*archive.Config)) archive.Config {
		t.Helper()
		c := w.config(func(c *archive.Config) { c.Name, c.Archive = "second", uri("Elsewhere") })
		item, err := w.Table.Get(t.Context(), store.OfUser(user, "CONFIG#"+c.ID))
		must(t, err)
		change(&c)
		item.Data, err = store.Unknown{}.Encode(&c)
		must(t, err)
		_, err = w.Table.Put(t.Context(), item, store.VersionIs(item.Version))
		must(t, err)
		return c
	}
	for name, spelled := range map[string]func(w *world) calendar.URI{
		"by name":         func(*world) calendar.URI { return uri("Archive") },
		"in another case": func(*world) calendar.URI { return calendar.URI{Provider: "local", Account: "ME", Calendar: "ARCHIVE"} },
		"by id": func(w *world) calendar.URI {
			info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
			must(t, err)
			return uri(info.ID)
		},
	} {
		t.Run("the second one is refused, "+name, func(t *testing.T) {
			w := newWorld(t)
			w.month(5)
			w.archive(w.config())
			second := sharing(w, func(c *archive.Config) { c.Archive = spelled(w) })
			w.refused(second, `the archive of config "work"`)
			w.refused(second, `the archive of config "work"`, adopting)
			if got := len(w.copies()); got != 5 {
				t.Errorf("%d copies", got)
			}
		})
	}
	t.Run("one goes on when the other is not active", func(t *testing.T) {
		w := newWorld(t)
		w.month(5)
		first := w.config()
		w.archive(first)
		second := sharing(w, func(c *archive.Config) { c.Archive, c.Active = uri("Archive"), false })
		w.add("New", "2026-10-20T09:00", "2026-10-20T10:00")
		if r, result := w.archive(first); r.State != run.Succeeded || result.Written != 1 {
			t.Errorf("%s %+v", r.State, result)
		}
		w.refused(second, `the archive of config "work"`)
	})
	t.Run("another config's source is never written", func(t *testing.T) {
		w := newWorld(t)
		w.month(5)
		_, err := w.calendar.CreateCalendar(t.Context(), uri("Home"))
		must(t, err)
		w.config(func(c *archive.Config) { c.Source = uri("Home") })
		second := sharing(w, func(c *archive.Config) { c.Archive = uri("Home") })
		w.refused(second, `the source of config "work"`)
		home, err := w.calendar.Calendar(t.Context(), uri("Home"))
		must(t, err)
		if got := w.told(home.ID); len(got) != 0 {
			t.Errorf("the source has %v", got)
		}
	})
}

// elsewhere returns another machine with the same calendars, and with its own ledger and configs.
func (w *world) elsewhere() *world {
	clock := machinetest.NewClock(w.Now(), time.Millisecond)
	machine := machinetest.New(w.t, clock.Now)
	return &world{Clock: clock, Machine: machine, t: w.t, calendar: w.calendar, source: w.source}
}

func TestCopiesOfAnotherLedger(t *testing.T) {
	change := func(w *world, id, subject string) {
		w.t.Helper()
		results, err := w.calendar.Update(w.t.Context(), "me", w.source.ID, []calendar.Update{{ID: id, Draft: calendar.Draft{
			Subject: subject, Start: calendar.DateTime{Local: "2026-10-20T09:00:00", Zone: "Europe/Berlin"},
			End:        calendar.DateTime{Local: "2026-10-20T10:00:00", Zone: "Europe/Berlin"},
			Categories: []string{"Acme - billable"}, ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
		}}})
		must(w.t, err)
		must(w.t, results[0].Err)
	}
	t.Run("are refused, and taken over when the user says so", func(t *testing.T) {
		first := newWorld(t)
		first.month(5)
		first.archive(first.config())
		copies := first.copies()
		w := first.elsewhere()
		c := w.config()
		w.refused(c, "--adopt")
		w.refused(c, "--adopt", dryRun)
		if _, result := w.archive(c, dryRun, adopting); result.Adopted != 5 || result.Counts.Unchanged != 5 || result.Written != 0 || len(w.ledgerItems(c)) != 0 {
			t.Errorf("dry run: %+v, the ledger has %v", result, w.ledgerItems(c))
		}
		r, result := w.archive(c, adopting)
		if r.State != run.Succeeded || result.Adopted != 5 || result.Counts.Unchanged != 5 || result.Counts.Archived != 0 || result.LeftAside != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
		if diff := cmp.Diff(copies, w.copies()); diff != "" {
			t.Errorf("copies (-before +after):\n%s", diff)
		}
		w.verify(c)
		if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Unchanged != 5 || result.Written != 0 {
			t.Errorf("the night after: %s %+v", r.State, result)
		}
	})
	t.Run("keep what they show: what changed since is drift, what is gone has vanished, and another month is taken over with them", func(t *testing.T) {
		first := newWorld(t)
		drifts, vanishes := first.add("Review", "2026-10-20T09:00", "2026-10-20T10:00"), first.add("Call", "2026-10-21T09:00", "2026-10-21T10:00")
		first.add("September", "2026-09-20T09:00", "2026-09-20T10:00")
		first.archive(first.config(), func(r *run.Run) { r.From = day("2026-09-01") })
		copies := first.copies()
		change(first, drifts, "Review, with notes")
		first.remove(vanishes)
		w := first.elsewhere()
		c := w.config()
		if _, result := w.archive(c, adopting); result.Adopted != 3 || result.Counts.Drifted != 1 || result.Counts.Vanished != 1 || result.Counts.Archived != 0 {
			t.Errorf("%+v", result)
		}
		if diff := cmp.Diff(copies, w.copies()); diff != "" {
			t.Errorf("copies (-before +after):\n%s", diff)
		}
		_, september := w.archive(c, func(r *run.Run) { r.From, r.To = day("2026-09-01"), day("2026-09-30") })
		if september.Counts.Unchanged != 1 || september.Written != 0 {
			t.Errorf("September: %+v", september)
		}
		w.verify(c)
	})
	t.Run("are found by a single event that moved to another month since", func(t *testing.T) {
		first := newWorld(t)
		id := first.add("Review", "2026-09-20T09:00", "2026-09-20T10:00")
		first.archive(first.config(), func(r *run.Run) { r.From = day("2026-09-01") })
		change(first, id, "Review")
		w := first.elsewhere()
		if _, result := w.archive(w.config(), adopting); result.Adopted != 1 || result.Counts.Drifted != 1 || result.Counts.Archived != 0 || len(w.copies()) != 1 {
			t.Errorf("%+v, copies %v", result, w.copies())
		}
	})
	t.Run("that are there twice are taken over once", func(t *testing.T) {
		first := newWorld(t)
		first.month(2)
		c := first.config()
		first.archive(c)
		info, err := first.calendar.Calendar(t.Context(), uri("Archive"))
		must(t, err)
		twice := first.read(info.ID)[0]
		m, ok := ledger.ParseMark(twice.Mark)
		if !ok {
			t.Fatalf("mark %q", twice.Mark)
		}
		m.Config = "of-a-third"
		_, err = first.calendar.Create(t.Context(), "me", info.ID, []calendar.Draft{{
			Mark: m.String(), TransactionID: "third", Subject: twice.Subject, Start: twice.Start, End: twice.End, Categories: twice.Categories,
		}})
		must(t, err)
		w := first.elsewhere()
		r, result := w.archive(w.config(), adopting)
		if r.State != run.Succeeded || result.Adopted != 2 || result.LeftAside != 1 || result.Counts.Unchanged != 2 || len(w.copies()) != 3 {
			t.Errorf("%s %+v, copies %v", r.State, result, w.copies())
		}
	})
	t.Run("that come while two ledgers write one archive calendar are never doubled", func(t *testing.T) {
		first := newWorld(t)
		first.month(3)
		one := first.config()
		first.archive(one)
		w := first.elsewhere()
		two := w.config()
		w.archive(two, adopting)
		w.add("New", "2026-10-20T09:00", "2026-10-20T10:00")
		w.archive(two)
		first.refused(one, "--adopt")
		if got := len(w.copies()); got != 4 {
			t.Errorf("%d copies", got)
		}
		if r, result := first.archive(one, adopting); r.State != run.Succeeded || result.Adopted != 4 || result.Counts.Unchanged != 4 || len(w.copies()) != 4 {
			t.Errorf("taken back: %s %+v, copies %v", r.State, result, w.copies())
		}
		first.verify(one)
	})
}

// TestAdoptingSurvivesDyingAnywhere lets the process die at every request while it adopts copies.
func TestAdoptingSurvivesDyingAnywhere(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		first := newWorld(t)
		first.month(3)
		first.archive(first.config())
		first.add("New", "2026-10-20T09:00", "2026-10-20T10:00")
		w := first.elsewhere()
		c := w.config()
		r := w.start(c, adopting)
		if err := w.runner(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), r); !dying.Dead() {
			must(t, err)
		}
		w.Advance(2 * time.Minute)
		r, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		if !r.State.Ended() {
			must(t, w.runner(w.Table, w.calendar).Run(t.Context(), r))
		}
		if r, result := w.result(r.ID); r.State != run.Succeeded || result.Adopted != 3 || result.Counts.Unchanged != 3 || result.Counts.Archived != 1 {
			t.Errorf("%s %+v", r.State, result)
		}
		if diff := cmp.Diff(w.expected(), w.copies()); diff != "" {
			t.Errorf("copies (-want +got):\n%s", diff)
		}
		w.verify(c)
	})
}

func TestAnArchiveCalendarThatIsGone(t *testing.T) {
	deleted := func(w *world) {
		w.t.Helper()
		info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
		must(w.t, err)
		must(w.t, w.calendar.DeleteCalendar(w.t.Context(), "me", info.ID))
	}
	t.Run("ends the run as partial, and is not made anew", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		c := w.config()
		w.archive(c)
		deleted(w)
		w.add("New", "2026-10-20T09:00", "2026-10-20T10:00")
		before := w.ledgerItems(c)
		for _, options := range []func(*run.Run){func(*run.Run) {}, dryRun} {
			r, result := w.archive(c, options)
			if r.State != run.Partial || !result.ArchiveMissing || result.Written != 0 || result.Link != "" || r.Problem == nil ||
				!strings.Contains(r.Problem.Detail, "the ledger holds 3 appointments in it") ||
				!strings.Contains(r.Problem.Detail, "calendar create local://me/calendars/Archive") {
				t.Errorf("%s %+v %+v", r.State, r.Problem, result)
			}
			if result.Actions != 1 || result.Counts.Unchanged != 3 || result.Counts.Archived != 1 {
				t.Errorf("%+v", result)
			}
		}
		if w.copies() != nil {
			t.Errorf("copies %v", w.copies())
		}
		if diff := cmp.Diff(before, w.ledgerItems(c)); diff != "" {
			t.Errorf("the ledger changed:\n%s", diff)
		}
		_, err := w.calendar.CreateCalendar(t.Context(), uri("Archive"))
		must(t, err)
		if r, result := w.archive(c); r.State != run.Succeeded || result.ArchiveMissing || result.Written != 1 {
			t.Errorf("with a new one: %s %+v", r.State, result)
		}
		w.verify(c)
	})
	t.Run("is made anew when the ledger holds nothing in it", func(t *testing.T) {
		w := newWorld(t)
		w.add("One", "2026-10-20T09:00", "2026-10-20T10:00")
		w.add("Two", "2026-10-20T09:30", "2026-10-20T10:30")
		c := w.config()
		if _, result := w.archive(c); result.Counts.Conflicted != 2 {
			t.Fatalf("%+v", result)
		}
		if w.copies() != nil {
			deleted(w)
		}
		w.add("Three", "2026-10-21T09:00", "2026-10-21T10:00")
		if r, result := w.archive(c); r.State != run.Succeeded || result.ArchiveMissing || result.Written != 1 || len(w.copies()) != 1 {
			t.Errorf("%s %+v", r.State, result)
		}
	})
	t.Run("keeps what a run left open in it open until it is back", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		c := w.config()
		w.archive(c)
		w.add("New", "2026-10-20T09:00", "2026-10-20T10:00")
		r := w.start(c)
		if err := w.runner(w.Table, silent{w.calendar}).Run(t.Context(), r); fault.Of(err) != fault.Internal {
			t.Fatalf("error %v", err)
		}
		must(t, run.NewStore(w.Table).Finish(t.Context(), r, run.Failed, w.Now()))
		deleted(w)
		w.Advance(2 * time.Minute)
		if r, result := w.archive(c); r.State != run.Partial || !result.ArchiveMissing || result.Unsettled != 1 {
			t.Errorf("%s %+v", r.State, result)
		}
		_, err := w.calendar.CreateCalendar(t.Context(), uri("Archive"))
		must(t, err)
		if r, result := w.archive(c); r.State != run.Succeeded || len(w.copies()) != 1 {
			t.Errorf("%s %+v, copies %v", r.State, result, w.copies())
		}
		w.verify(c)
	})
}

// silent is a provider that creates nothing and gives no reason.
type silent struct{ calendar.Provider }

func (silent) Create(context.Context, string, string, []calendar.Draft) ([]calendar.WriteResult, error) {
	return nil, errors.New("no answer")
}

// TestCreatingTheArchiveCalendarIsTriedAgain checks that the run itself tries again, whether or not the first try took effect.
func TestCreatingTheArchiveCalendarIsTriedAgain(t *testing.T) {
	for _, took := range []bool{false, true} {
		w := newWorld(t)
		w.month(2)
		c := w.config()
		p := &hesitant{Provider: w.calendar, took: took}
		r := w.start(c)
		must(t, w.runner(w.Table, p).Run(t.Context(), r))
		if r, result := w.result(r.ID); r.State != run.Succeeded || result.Written != 2 || result.Cost.Retries != 1 || p.asked != 2 {
			t.Errorf("took effect %t: %s %+v, asked %d times", took, r.State, result, p.asked)
		}
	}
}

// hesitant is a provider that does not answer when a calendar is created for the first time.
type hesitant struct {
	calendar.Provider
	took  bool
	asked int
}

func (p *hesitant) CreateCalendar(ctx context.Context, u calendar.URI) (calendar.Info, error) {
	p.asked++
	if p.asked > 1 {
		return p.Provider.CreateCalendar(ctx, u)
	}
	if p.took {
		if info, err := p.Provider.CreateCalendar(ctx, u); err != nil {
			return info, err
		}
	}
	return calendar.Info{}, fault.New(fault.Unavailable, "no answer")
}
