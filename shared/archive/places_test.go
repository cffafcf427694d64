package archive_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/run"
)

func TestTheSourceIsNeverItsOwnArchive(t *testing.T) {
	for name, spell := range map[string]func(c *archive.Config, id string){
		"the archive is named by the source's id": func(c *archive.Config, id string) { c.Archive = uri(id) },
		"the source is named by the archive's id": func(c *archive.Config, id string) { c.Source, c.Archive = uri(id), uri("Work") },
		"the archive is named as the default one": func(c *archive.Config, _ string) { c.Archive = uri("primary") },
	} {
		for _, dry := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				w.month(3)
				before := w.expected()
				c := w.config(func(c *archive.Config) { spell(c, w.source.ID) })
				r := w.start(c, func(r *run.Run) { r.Options.DryRun = dry })
				err := w.runner(w.Table, w.calendar).Run(t.Context(), r)
				if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "archive" {
					t.Errorf("error %v, field %q", err, fault.FieldOf(err))
				}
				if list, err := w.calendar.Calendars(t.Context(), "me"); err != nil || len(list) != 1 {
					t.Errorf("calendars %+v, %v", list, err)
				}
				expect(t, "the source", w.expected(), before...)
				if head := w.head(c.ID); head.Seq != 0 || head.Open != "" || len(w.entries(c.ID)) != 0 {
					t.Errorf("the ledger has something: %+v", head)
				}
			})
		}
	}
}

// The archive has the name of the source, so that a look into the wrong account finds something.
func TestSourceAndArchiveInTwoAccounts(t *testing.T) {
	w := newWorld(t)
	w.month(3)
	there := calendar.URI{Provider: calendar.ProviderLocal, Account: "office", Calendar: "Work"}
	c := w.config(func(c *archive.Config) { c.Archive = there })
	w.archive(c)
	if _, result := w.archive(c); result.Counts.Unchanged != 3 {
		t.Errorf("%+v", result)
	}
	info, err := w.calendar.Calendar(t.Context(), there)
	must(t, err)
	events, err := w.calendar.Events(t.Context(), "office", info.ID, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	must(t, err)
	if len(events) != 3 || len(w.events()) != 3 {
		t.Errorf("%d copies of %d events", len(events), len(w.events()))
	}
	w.verify(c)
}

// Each provider gives ids of its own, which may be the same.
func TestSourceAndArchiveOfTwoProviders(t *testing.T) {
	w := newWorld(t)
	w.month(3)
	outlook := machinetest.New(t, w.Now)
	theirs := local.New(outlook.Table, outlook.NewID, w.Now)
	info, err := theirs.CreateCalendar(t.Context(), uri("Archive"))
	must(t, err)
	if info.ID != w.source.ID {
		t.Fatalf("the ids are %s and %s", info.ID, w.source.ID)
	}
	c := w.config(func(c *archive.Config) { c.Archive.Provider = calendar.ProviderGraph })
	runner := w.runner(w.Table, nil)
	runner.Provider = func(_ context.Context, _ string, uri calendar.URI) (archive.Provider, error) {
		if uri.Provider == calendar.ProviderGraph {
			return theirs, nil
		}
		return w.calendar, nil
	}
	for _, want := range []archive.Counts{{Fetched: 3, Archived: 3}, {Fetched: 3, Unchanged: 3}} {
		r := w.start(c)
		must(t, runner.Run(t.Context(), r))
		if _, result := w.result(r.ID); result.Counts != want {
			t.Errorf("%+v, want %+v", result.Counts, want)
		}
	}
	events, err := theirs.Events(t.Context(), "me", info.ID, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	must(t, err)
	if len(events) != 3 || len(w.events()) != 3 {
		t.Errorf("%d copies of %d events", len(events), len(w.events()))
	}
}

func TestAnArchiveCalendarThatIsMadeMeanwhile(t *testing.T) {
	put := func(w *world, d calendar.Draft) {
		info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
		must(t, err)
		d.Start, d.End = calendar.DateTime{Local: "2026-10-20T09:00:00", Zone: "UTC"}, calendar.DateTime{Local: "2026-10-20T10:00:00", Zone: "UTC"}
		results, err := w.calendar.Create(t.Context(), "me", info.ID, []calendar.Draft{d})
		must(t, err)
		must(t, results[0].Err)
	}
	t.Run("is used when it is empty", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		c := w.config()
		faster := wired{Provider: w.calendar, made: func(uri calendar.URI) error {
			_, err := w.calendar.CreateCalendar(t.Context(), uri)
			return err
		}}
		r := w.start(c)
		must(t, w.runner(w.Table, faster).Run(t.Context(), r))
		if r, result := w.result(r.ID); r.State != run.Succeeded || result.Written != 3 || len(w.copies()) != 3 {
			t.Errorf("%s %+v, %v", r.State, result, w.copies())
		}
	})
	t.Run("is used when it is our own, and only the answer was lost", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		c := w.config()
		lost := false
		deaf := wired{Provider: w.calendar, made: func(uri calendar.URI) error {
			if lost {
				return nil
			}
			lost = true
			_, err := w.calendar.CreateCalendar(t.Context(), uri)
			must(t, err)
			return fault.Wrap(fault.Unavailable, throttled{time.Millisecond})
		}}
		r := w.start(c)
		must(t, w.runner(w.Table, deaf).Run(t.Context(), r))
		if r, result := w.result(r.ID); r.State != run.Succeeded || result.Written != 3 || len(w.copies()) != 3 {
			t.Errorf("%s %+v, %v", r.State, result, w.copies())
		}
	})
	for name, theirs := range map[string]calendar.Draft{
		"is not written when it has another ledger's copies": {
			Subject: "Work 0", Mark: ledger.Mark{Config: "another", Key: "key", Version: 1, Hash: strings.Repeat("0", 32)}.String(), TransactionID: "theirs",
		},
		"is not written when it has somebody's events": {Subject: "Theirs", TransactionID: "theirs"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.month(3)
			c := w.config()
			faster := wired{Provider: w.calendar, made: func(uri calendar.URI) error {
				if _, err := w.calendar.CreateCalendar(t.Context(), uri); err != nil {
					return err
				}
				put(w, theirs)
				return nil
			}}
			err := w.runner(w.Table, faster).Run(t.Context(), w.start(c))
			if fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "--adopt") || len(w.copies()) != 1 || len(w.entries(c.ID)) != 0 {
				t.Errorf("error %v, %v", err, w.copies())
			}
		})
	}
	t.Run("is waited for when another run has it", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		c := w.config()
		faster := wired{Provider: w.calendar, made: func(uri calendar.URI) error {
			info, err := w.calendar.CreateCalendar(t.Context(), uri)
			if err != nil {
				return err
			}
			w.reserve(run.LeaseName(user, uri, info.ID))
			return nil
		}}
		r := w.start(c)
		if err := w.runner(w.Table, faster).Run(t.Context(), r); !errors.Is(err, run.ErrBusy) || len(w.copies()) != 0 {
			t.Errorf("error %v, %v", err, w.copies())
		}
		w.Advance(2 * time.Minute)
		must(t, w.runner(w.Table, w.calendar).Run(t.Context(), w.again(r.ID)))
		if len(w.copies()) != 3 {
			t.Error(w.copies())
		}
	})
}

// unfailed checks that no entry says that its copy was refused.
func (w *world) unfailed(c archive.Config) {
	w.t.Helper()
	for _, e := range w.entries(c.ID) {
		if e.State == ledger.Failed {
			w.t.Errorf("%s failed: %s", e.Appointment.Subject, e.Failure)
		}
	}
}

func TestAnArchiveCalendarThatGoes(t *testing.T) {
	for _, c := range []struct {
		name    string
		chunks  int // that are written before
		missing bool
		run     func(w *world, r *run.Run, gone func()) error
	}{
		{"while the first chunk is written", 0, false, goesWhileWriting(0)},
		{"while the second chunk is written", 1, true, goesWhileWriting(1)},
		{"between the listing and the look for what was begun, of which nothing is there", 0, false, goesWhileSettling(0)},
		{"between the listing and the look for what was begun", 1, true, goesWhileSettling(1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.month(60)
			conf := w.config()
			r := w.start(conf)
			gone := func() {
				info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
				must(t, err)
				must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
			}
			if err := c.run(w, r, gone); fault.Of(err) != fault.NotFound {
				t.Errorf("error %v", err)
			}
			w.unfailed(conf)
			w.Advance(2 * time.Minute)
			before := w.head(conf.ID)
			next, result := w.archive(conf, september)
			if after := w.head(conf.ID); c.missing && (result.Link != "" || after.Hash != before.Hash || after.OpenDigest != before.OpenDigest) {
				t.Errorf("the head was %+v, and is %+v", before, after)
			}
			if result.ArchiveMissing != c.missing || (next.State == run.Partial) != c.missing || c.missing && result.Unsettled == 0 {
				t.Errorf("the next run: %s %+v", next.State, result)
			}
			w.unfailed(conf)
			if !c.missing {
				w.archive(conf, func(r *run.Run) { r.From = day("2026-09-30") })
				expect(t, "copies", w.copies(), w.expected()...)
				w.verify(conf)
			}
		})
	}
}

// goesWhileWriting lets the calendar go after so many chunks.
func goesWhileWriting(chunks int) func(*world, *run.Run, func()) error {
	return func(w *world, r *run.Run, gone func()) error {
		return w.runner(w.Table, wired{Provider: w.calendar, creating: func([]calendar.Draft) error {
			if chunks--; chunks == -1 {
				gone()
			}
			return nil
		}}).Run(w.t.Context(), r)
	}
}

// goesWhileSettling lets the calendar go when the next worker looks for what was begun after so many chunks.
func goesWhileSettling(chunks int) func(*world, *run.Run, func()) error {
	return func(w *world, r *run.Run, gone func()) error {
		if err := w.runner(w.Table, tired(w.calendar, chunks)).Run(w.t.Context(), r); !errors.Is(err, run.ErrHandOn) {
			w.t.Fatal(err)
		}
		return w.runner(w.Table, wired{Provider: w.calendar, looking: gone}).Run(w.t.Context(), w.again(r.ID))
	}
}

func TestNoCalendarIsCreatedThatIsNamedByAnID(t *testing.T) {
	w := newWorld(t)
	info, err := w.calendar.CreateCalendar(t.Context(), uri("Hours"))
	must(t, err)
	c := w.config(func(c *archive.Config) { c.Archive.Calendar, c.CreateCalendar = info.ID, true })
	if r, _ := w.archive(c); r.State != run.Succeeded {
		t.Fatalf("%s %+v", r.State, r.Problem)
	}
	must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
	w.add("First", "2026-10-20T09:00", "2026-10-20T10:00")
	err = w.runner(w.Table, w.calendar).Run(t.Context(), w.start(c))
	if fault.Of(err) != fault.NotFound || !strings.Contains(err.Error(), `"Hours" is gone`) {
		t.Errorf("the run ends with %v", err)
	}
	if list, err := w.calendar.Calendars(t.Context(), "me"); err != nil || len(list) != 1 {
		t.Errorf("there are %+v, %v", list, err)
	}
}
