package restore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// at is a wall time in Berlin.
func at(local string) calendar.DateTime {
	return calendar.DateTime{Local: local + ":00", Zone: "Europe/Berlin"}
}

func single(uid, subject, start, end string) calendar.Kept {
	return calendar.Kept{Event: calendar.Event{
		ID: uid, ICalUID: uid, Type: calendar.Single, Subject: subject, Start: at(start), End: at(end), ShowAs: calendar.Busy,
		Body: calendar.Body{ContentType: "text", Content: "About " + subject}, Location: "Room 1", Categories: []string{"Acme - billable"},
		Importance: calendar.High, Sensitivity: calendar.Private,
	}}
}

// weekly is a series of Mondays across the change of the clocks: one instance is deleted, one was moved to another day, one renamed.
func weekly() calendar.Kept {
	k := single("weekly@example.com", "Standup", "2026-10-05T09:00", "2026-10-05T09:30")
	k.Event.Type = calendar.Master
	k.Event.Recurrence = &calendar.Recurrence{
		Rules: []string{"FREQ=WEEKLY;BYDAY=MO;COUNT=12"}, Without: []calendar.DateTime{at("2026-10-19T09:00"), at("2026-11-09T09:00")},
	}
	exception := func(original, subject, start, end string) calendar.Event {
		e := single("", subject, start, end).Event
		e.ICalUID, e.Type, e.SeriesMasterID = k.Event.ICalUID, calendar.Exception, k.Event.ID
		e.ID = "x" + original
		e.OriginalStart, _ = at(original).Instant(time.UTC)
		return e
	}
	k.Exceptions = []calendar.Event{
		exception("2026-10-12T09:00", "Standup moved", "2026-10-15T11:00", "2026-10-15T11:45"),
		exception("2026-11-02T09:00", "Standup with guests", "2026-11-02T09:00", "2026-11-02T10:00"),
	}
	return k
}

func allDay() calendar.Kept {
	k := single("allday@example.com", "Holiday", "2026-10-08T00:00", "2026-10-10T00:00")
	k.Event.AllDay = true
	return k
}

func floating() calendar.Kept {
	k := single("floating@example.com", "Breakfast", "2026-10-09T08:00", "2026-10-09T08:30")
	k.Event.Start.Zone, k.Event.End.Zone = "", ""
	return k
}

func everything() memory {
	invited := single("invited@example.com", "Review", "2026-10-06T10:00", "2026-10-06T11:00")
	invited.Event.IsOrganizer, invited.Event.OnlineURL = true, "https://meet.example.com/1"
	invited.Event.Organizer = calendar.Person{Name: "Me", Address: "me@example.com"}
	invited.Event.Attendees = []calendar.Attendee{{Person: calendar.Person{Name: "Ann", Address: "ann@example.com"}, Type: "required",
		Response: calendar.Accepted}}
	return memory{things: []calendar.Kept{
		single("a@example.com", "Acme", "2026-10-05T10:00", "2026-10-05T11:00"), weekly(), allDay(), floating(), invited,
		single("dst@example.com", "Night shift", "2026-10-25T01:30", "2026-10-25T04:00"),
	}}
}

func TestRestore(t *testing.T) {
	t.Run("a file is put into a new calendar, and again with skip nothing changes", func(t *testing.T) {
		w := newWorld(t)
		w.file = everything()
		r, result := w.restore(restore.Skip)
		if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 6, InPeriod: 6, Created: 6}) || !result.Balanced ||
			result.Written != 6 || !result.CreatedCalendar {
			t.Fatalf("%s %+v %+v", r.State, result, r.Problem)
		}
		first := w.kept(uri("Copy"))
		if diff := cmp.Diff(w.canonical(w.file), w.canonical(first)); diff != "" {
			t.Errorf("the copy differs (-file +calendar):\n%s", diff)
		}
		r, result = w.restore(restore.Skip)
		if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 6, InPeriod: 6, Skipped: 6}) || result.Written != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
		if diff := cmp.Diff(first, w.kept(uri("Copy")), cmp.AllowUnexported(memory{})); diff != "" {
			t.Errorf("a second restore changed something:\n%s", diff)
		}
	})

	t.Run("replace brings back what changed since, and keeps what it replaces", func(t *testing.T) {
		w := newWorld(t)
		w.file = everything()
		w.restore(restore.Skip)
		before := w.kept(uri("Copy"))
		info, err := w.calendar.Calendar(t.Context(), uri("Copy"))
		must(t, err)
		for _, k := range before.things {
			d := calendar.Draft{Subject: "Spoilt", Start: at("2026-12-01T09:00"), End: at("2026-12-01T10:00"), Mark: k.Event.Mark}
			if k.Event.Type == calendar.Master {
				d.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=2"}}
			}
			_, err := w.calendar.Update(t.Context(), "me", info.ID, []calendar.Update{{ID: k.Event.ID, Draft: d}})
			must(t, err)
		}
		spoilt := w.kept(uri("Copy"))
		r, result := w.restore(restore.Replace)
		if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 6, InPeriod: 6, Replaced: 6}) || result.Written != 6 {
			t.Fatalf("%s %+v", r.State, result)
		}
		if diff := cmp.Diff(w.canonical(before), w.canonical(w.kept(uri("Copy")))); diff != "" {
			t.Errorf("not as it was (-want +got):\n%s", diff)
		}
		var kept memory
		object, err := w.Blobs.Get(t.Context(), restore.BeforeKey(user, r.ID))
		must(t, err)
		defer object.Close()
		plain, err := zstd.NewReader(object)
		must(t, err)
		for d := json.NewDecoder(plain); ; {
			var k calendar.Kept
			if err := d.Decode(&k); errors.Is(err, io.EOF) {
				break
			} else {
				must(t, err)
			}
			kept.things = append(kept.things, k)
		}
		if diff := cmp.Diff(spoilt.things, kept.things, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("what was replaced (-want +kept):\n%s", diff)
		}
		_, entries := w.items(r)
		for _, e := range entries {
			if e.ReplacedID == "" || e.EventID != e.ReplacedID {
				t.Errorf("%+v", e)
			}
		}
	})

	t.Run("a series takes the place of an event, and an event that of a series", func(t *testing.T) {
		for _, ours := range []bool{false, true} {
			w := newWorld(t)
			one, other := single("1@example.com", "One", "2026-10-05T10:00", "2026-10-05T11:00"), weekly()
			w.make(uri("Copy"))
			if ours {
				w.file = memory{things: []calendar.Kept{one, other}}
				w.restore(restore.Skip)
			} else { // of somebody else, with the same UIDs
				must(t, w.importing("Copy", one, other))
			}
			one.Event.ICalUID, other.Event.ICalUID = other.Event.ICalUID, one.Event.ICalUID
			w.file = memory{things: []calendar.Kept{one, other}}
			r, result := w.restore(restore.Replace)
			if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Replaced: 2}) {
				t.Fatalf("ours %v: %s %+v", ours, r.State, result)
			}
			if diff := cmp.Diff(w.canonical(w.file), w.canonical(w.kept(uri("Copy")))); diff != "" {
				t.Errorf("ours %v (-file +calendar):\n%s", ours, diff)
			}
		}
	})

	t.Run("duplicate makes one copy more with each run", func(t *testing.T) {
		w := newWorld(t)
		w.file = everything()
		for n := 1; n <= 3; n++ {
			if r, result := w.restore(restore.Duplicate); r.State != run.Succeeded || result.Counts.Created != 6 {
				t.Fatalf("%s %+v", r.State, result)
			}
			if got := len(w.kept(uri("Copy")).things); got != 6*n {
				t.Errorf("%d events after %d runs", got, n)
			}
		}
	})

	t.Run("a dry run shows what would happen, and writes nothing", func(t *testing.T) {
		dry := func(r *run.Run, _ *restore.Input) { r.Options.DryRun = true }
		w := newWorld(t)
		w.file = everything()
		r, result := w.restore(restore.Skip, dry)
		if _, err := w.calendar.Calendar(t.Context(), uri("Copy")); !errors.Is(err, calendar.ErrNotFound) {
			t.Errorf("the calendar: %v", err)
		}
		if r.State != run.Succeeded || result.Counts.Created != 6 || result.Written != 0 || !result.CreatedCalendar {
			t.Errorf("%s %+v", r.State, result)
		}
		w.restore(restore.Skip)
		before := w.kept(uri("Copy"))
		r, result = w.restore(restore.Replace, dry)
		if r.State != run.Succeeded || result.Counts.Replaced != 6 || result.Written != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
		if _, entries := w.items(r); len(entries) != 6 || entries[1].Subject != "Standup" || !entries[1].Series || entries[1].Start != "2026-10-05T07:00:00Z" {
			t.Errorf("%+v", entries)
		}
		if diff := cmp.Diff(before, w.kept(uri("Copy")), cmp.AllowUnexported(memory{})); diff != "" {
			t.Errorf("it wrote:\n%s", diff)
		}
	})

	t.Run("a period leaves out what is not in it", func(t *testing.T) {
		w := newWorld(t)
		w.file = everything()
		r, result := w.restore(restore.Skip, func(r *run.Run, _ *restore.Input) {
			r.From, r.To = calendar.Date{Year: 2026, Month: 10, Day: 24}, calendar.Date{Year: 2026, Month: 10, Day: 31}
		})
		if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 6, InPeriod: 2, Created: 2, OutsidePeriod: 4}) {
			t.Errorf("%s %+v", r.State, result)
		}
		if items, _ := w.items(r); len(items) != 6 {
			t.Errorf("%d items", len(items))
		}
	})

	t.Run("one bad thing does not stop the others, and is tried again alone", func(t *testing.T) {
		w := newWorld(t)
		w.file = everything()
		bad := single("bad@example.com", "Bad", "2026-10-05T10:00", "2026-10-05T11:00")
		bad.Event.Start.Zone = "Nowhere"
		w.file.things = append(w.file.things, bad)
		w.file.things[1].Exceptions[0].Start.Zone = "Nowhere" // of the series
		r, result := w.restore(restore.Skip)
		if r.State != run.Partial || result.Counts != (restore.Counts{Read: 7, InPeriod: 7, Created: 5, Failed: 2}) || r.Failed != 2 {
			t.Fatalf("%s %+v", r.State, result)
		}
		w.file.things[1], w.file.things[6].Event.Start.Zone = weekly(), "Europe/Berlin"
		again, result := w.restore(restore.Skip, func(next *run.Run, _ *restore.Input) { next.AttemptOf = r.ID })
		if again.State != run.Succeeded || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Created: 2}) {
			t.Errorf("%s %+v", again.State, result)
		}
		if diff := cmp.Diff(w.canonical(w.file), w.canonical(w.kept(uri("Copy")))); diff != "" {
			t.Errorf("(-file +calendar):\n%s", diff)
		}
	})

	t.Run("a calendar that is not there is created only if the run may", func(t *testing.T) {
		w := newWorld(t)
		w.file = everything()
		r := w.start(restore.Skip, func(_ *run.Run, in *restore.Input) { in.CreateCalendar = false })
		if err := w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), r); fault.Of(err) != fault.NotFound || !strings.Contains(err.Error(), "calendar create") {
			t.Error(err)
		}
	})

	t.Run("one run at a time writes a calendar", func(t *testing.T) {
		w := newWorld(t)
		w.file = everything()
		info := w.make(uri("Copy"))
		other := &run.Run{ID: w.NewID(), User: user, Kind: run.Archive, Config: "C", State: run.Queued, Created: w.Now()}
		_, _, err := run.NewStore(w.Table).Create(t.Context(), other)
		must(t, err)
		hold, err := run.Begin(t.Context(), w.Table, other, user+"#local#"+info.ID, "an archive run", time.Minute, w.Now, nil)
		must(t, err)
		r := w.start(restore.Skip)
		if err := w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), r); !errors.Is(err, run.ErrBusy) {
			t.Error(err)
		}
		if dry, _ := w.restore(restore.Skip, dryRun); dry.State != run.Succeeded {
			t.Errorf("a preview: %s", dry.State)
		}
		hold.Release(t.Context())
		must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), r))
	})

	t.Run("a cancelled run stops with the next chunk", func(t *testing.T) {
		w := newWorld(t)
		for i := range 100 {
			w.file.things = append(w.file.things, single(fmt.Sprint("n", i), fmt.Sprint("Work ", i), "2026-10-05T10:00", "2026-10-05T11:00"))
		}
		r := w.start(restore.Skip)
		err := w.runner(w.Table, w.Blobs, cancelling{w.calendar, w, r.ID}).Run(t.Context(), r)
		if !errors.Is(err, store.ErrConflict) {
			t.Error(err)
		}
		if n := len(w.kept(uri("Copy")).things); n != 40 {
			t.Errorf("%d events, want those of one chunk", n)
		}
	})

	t.Run("a run that is nearly out of time hands the rest on", func(t *testing.T) {
		w := newWorld(t)
		for i := range 100 {
			w.file.things = append(w.file.things, single(fmt.Sprint("n", i), fmt.Sprint("Work ", i), "2026-10-05T10:00", "2026-10-05T11:00"))
		}
		w.Advance(100 * 365 * 24 * time.Hour) // the deadline must not have passed on the clock of whoever runs the test
		r := w.start(restore.Skip)
		hands := 0
		for {
			ctx, cancel := context.WithDeadline(t.Context(), w.Now().Add(30*time.Second)) // within HandOn
			err := w.runner(w.Table, w.Blobs, w.calendar).Run(ctx, r)
			cancel()
			if err == nil {
				break
			}
			if !errors.Is(err, run.ErrHandOn) {
				t.Fatal(err)
			}
			hands++
			again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
			must(t, err)
			r = again
		}
		r, result := w.result(r.ID)
		if hands != 2 || r.State != run.Succeeded || result.Counts.Created != 100 || len(w.kept(uri("Copy")).things) != 100 {
			t.Errorf("after %d: %s %+v", hands, r.State, result)
		}
	})

	t.Run("a file that changed meanwhile is not gone on with", func(t *testing.T) {
		w := newWorld(t)
		w.file = everything()
		r := w.start(restore.Skip)
		runner := w.runner(w.Table, w.Blobs, dying{w.calendar})
		if err := runner.Run(t.Context(), r); !errors.Is(err, wiretest.ErrDied) {
			t.Fatal(err)
		}
		w.Advance(2 * time.Minute)
		w.file.things = w.file.things[:3]
		if err := w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), r); fault.Of(err) != fault.Conflict {
			t.Error(err)
		}
	})

	t.Run("copies of an archive do not carry its marks on", func(t *testing.T) {
		w := newWorld(t)
		k := single("1@example.com", "One", "2026-10-05T10:00", "2026-10-05T11:00")
		k.Event.Mark = "C1/key/1"
		w.file = memory{things: []calendar.Kept{k}}
		w.restore(restore.Duplicate)
		if mark := w.kept(uri("Copy")).things[0].Event.Mark; !strings.HasPrefix(mark, "restore:") {
			t.Errorf("mark %q", mark)
		}
	})
}

// cancelling cancels a run while its first events are written.
type cancelling struct {
	calendar.Provider
	w  *world
	id string
}

func (c cancelling) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	runs := run.NewStore(c.w.Table)
	r, err := runs.Get(ctx, user, c.id)
	if err == nil && !r.State.Ended() {
		err = runs.Finish(ctx, r, run.Cancelled, c.w.Now())
	}
	if err != nil {
		return nil, err
	}
	return c.Provider.Create(ctx, account, id, drafts)
}

// dying ends the process with the first write.
type dying struct{ calendar.Provider }

func (dying) Create(context.Context, string, string, []calendar.Draft) ([]calendar.WriteResult, error) {
	return nil, wiretest.ErrDied
}
