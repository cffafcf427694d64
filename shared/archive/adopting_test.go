package archive_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/run"
)

// another is another machine, with a ledger of its own, that archives the same calendars.
func (w *world) another() *world {
	clock := machinetest.NewClock(w.Now(), time.Millisecond)
	other := &world{Clock: clock, Machine: machinetest.New(w.t, clock.Now), t: w.t, calendar: w.calendar, source: w.source}
	for range 1000 { // its ids are none of ours
		other.NewID()
	}
	return other
}

// inArchive returns the events of the archive calendar by subject.
func (w *world) inArchive() map[string]calendar.Event {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	must(w.t, err)
	events := map[string]calendar.Event{}
	for _, e := range w.read(info.ID) {
		events[e.Subject] = e
	}
	return events
}

func TestTheCopyOfWhatWaitsHereIsAdopted(t *testing.T) {
	w := newWorld(t)
	w.add("Settled", "2026-10-20T09:00", "2026-10-20T10:00")
	c := w.config()
	rival := w.add("Rival", "2026-10-20T09:30", "2026-10-20T10:30")
	if _, result := w.archive(c); result.Counts.Conflicted != 2 {
		t.Fatalf("%+v", result)
	}
	w.remove(rival)
	other := w.another()
	other.archive(other.config())
	there := w.inArchive()["Settled"].ID
	r, result := w.archive(c, func(r *run.Run) { r.Options.Adopt = true })
	if r.State != run.Succeeded || result.Adopted != 1 || result.LeftAside != 0 || result.Counts != (archive.Counts{Fetched: 1, Unchanged: 1}) {
		t.Errorf("%s %+v", r.State, result)
	}
	expect(t, "copies", w.copies(), w.expected()...)
	versions := w.versions(c.ID, "Settled")
	if last := versions[len(versions)-1]; last.Outcome != ledger.Archived || last.CopyID != there || last.Version != 2 {
		t.Errorf("the ledger says %+v", last)
	}
	w.verify(c)
}

func TestAnAdoptedCopyKeepsItsText(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-20T09:00", "2026-10-20T10:00", func(d *calendar.Draft) { d.Body = calendar.Body{ContentType: "text", Content: "Agenda"} })
	other := w.another()
	other.archive(other.config())
	theirs := w.inArchive()["Review"]
	info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
	must(t, err)
	noted := calendar.Body{ContentType: "text", Content: theirs.Body.Content + "\nNoted by hand"}
	results, err := w.calendar.Update(t.Context(), "me", info.ID, []calendar.Update{{ID: theirs.ID, Draft: calendar.Draft{
		Mark: theirs.Mark, Subject: theirs.Subject, Body: noted, Start: theirs.Start, End: theirs.End, Categories: theirs.Categories, ShowAs: theirs.ShowAs,
		Importance: theirs.Importance, Sensitivity: theirs.Sensitivity,
	}}})
	must(t, err)
	must(t, results[0].Err)
	c := w.config()
	if _, result := w.archive(c, func(r *run.Run) { r.Options.Adopt = true }); result.Adopted != 1 {
		t.Errorf("%+v", result)
	}
	if ours := w.inArchive()["Review"]; ours.Body != noted || ours.Mark == theirs.Mark || !strings.HasPrefix(ours.Mark, c.ID+"/") {
		t.Errorf("the copy says %q, mark %q", ours.Body.Content, ours.Mark)
	}
	if last := w.versions(c.ID, "Review")[0]; last.Draft.Body != noted {
		t.Errorf("the ledger says %q", last.Draft.Body.Content)
	}
}

// stubborn refuses to change events.
type stubborn struct{ calendar.Provider }

func (stubborn) Update(_ context.Context, _, _ string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(updates))
	for i := range results {
		results[i].Err = fault.New(fault.Invalid, "the calendar refuses it")
	}
	return results, nil
}

func TestACopyThatCannotBeAdoptedIsTriedAgainTheNextTime(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-20T09:00", "2026-10-20T10:00")
	other := w.another()
	other.archive(other.config())
	c := w.config()
	adopt := func(r *run.Run) { r.Options.Adopt = true }
	r, result := w.archiveOver(stubborn{w.calendar}, c, adopt)
	if r.State != run.Partial || result.Adopted != 0 || result.Failed != 1 || result.Written != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	if v := w.versions(c.ID, "Review"); len(v) != 1 || v[0].State != ledger.Failed || v[0].CopyID != "" || v[0].Replaces == "" {
		t.Errorf("the ledger says %+v", v)
	}
	if r, result := w.archive(c, adopt); r.State != run.Succeeded || result.Adopted != 1 || result.Counts != (archive.Counts{Fetched: 1, Unchanged: 1}) {
		t.Errorf("the next time: %s %+v", r.State, result)
	}
	expect(t, "copies", w.copies(), w.expected()...)
	w.verify(c)
}

// A duplicate has the key of what is kept, and may come before it.
func TestACopyIsAdoptedAsThatOfWhatIsKept(t *testing.T) {
	for _, first := range []bool{true, false} {
		w := newWorld(t)
		ids := []string{w.add("Review", "2026-10-20T09:00", "2026-10-20T10:00"), w.add("Review, again", "2026-10-20T09:00", "2026-10-20T10:00")}
		slices.Sort(ids)
		kept := ids[0]
		if !first {
			kept = ids[1]
		}
		doubled := wired{Provider: w.calendar, event: func(e *calendar.Event) {
			if e.Mark == "" {
				e.ICalUID, e.IsOrganizer = "one", e.ID == kept
			}
		}}
		other := w.another()
		other.archiveOver(doubled, other.config())
		c := w.config()
		r, result := w.archiveOver(doubled, c, func(r *run.Run) { r.Options.Adopt = true })
		if r.State != run.Succeeded || result.Adopted != 1 || result.Counts != (archive.Counts{Fetched: 2, Unchanged: 1, Merged: 1}) {
			t.Errorf("%s %+v", r.State, result)
		}
		entries := w.entries(c.ID)
		if len(entries) != 1 || entries[0].Source.ID != kept || len(entries[0].SourceHash) != len("sha256:")+64 {
			t.Errorf("kept is %s, the ledger says %+v", kept, entries)
		}
	}
}
