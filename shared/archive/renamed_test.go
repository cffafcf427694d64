package archive_test

import (
	"strings"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// exported makes the source what an export shows: one event, under the given UID.
func (w *world) exported(uid, start string) {
	w.t.Helper()
	var ids []string
	must(w.t, w.calendar.Kept(w.t.Context(), "me", w.source.ID, func(k calendar.Kept) error {
		ids = append(ids, k.Event.ID)
		return nil
	}))
	_, err := w.calendar.Delete(w.t.Context(), "me", w.source.ID, ids)
	must(w.t, err)
	at := calendar.DateTime{Local: start + ":00", Zone: "Europe/Berlin"}
	end := calendar.DateTime{Local: start[:len("2026-10-20T09:")] + "30:00", Zone: at.Zone}
	e := calendar.Event{ID: uid, ICalUID: uid, Type: calendar.Single, Subject: "Review", Categories: []string{"Acme - billable"}, ShowAs: calendar.Busy,
		Body: calendar.Body{ContentType: "text", Content: strings.Repeat("long ", 100_000)}, Start: at, End: end}
	_, err = w.calendar.Import(w.t.Context(), "me", w.source.ID, ics.File{Events: []calendar.Event{e}}, importing.Options{})
	must(w.t, err)
}

// underOtherIDs makes each event of the source anew.
func (w *world) underOtherIDs() {
	w.t.Helper()
	var drafts []calendar.Draft
	var ids []string
	for _, e := range w.events() {
		ids = append(ids, e.ID)
		drafts = append(drafts, calendar.Draft{
			Subject: e.Subject, Body: e.Body, Start: e.Start, End: e.End, AllDay: e.AllDay, Location: e.Location, Categories: e.Categories, ShowAs: e.ShowAs,
			Importance: e.Importance, Sensitivity: e.Sensitivity,
		})
	}
	_, err := w.calendar.Delete(w.t.Context(), "me", w.source.ID, ids)
	must(w.t, err)
	_, err = w.calendar.Create(w.t.Context(), "me", w.source.ID, drafts)
	must(w.t, err)
}

func TestTheLedgerLearnsAnotherIDOfItsSource(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.exported("first", "2026-10-20T09:00")
	w.archive(c)
	copied := w.entries(c.ID)[0]

	w.exported("second", "2026-10-20T09:00")
	for night := range 2 {
		r, result := w.archive(c)
		if r.State != run.Succeeded || result.Written != 0 || result.Counts.Unchanged != 1 || result.Counts.Vanished != 0 {
			t.Errorf("night %d: %s %+v", night, r.State, result)
		}
	}
	all := w.entries(c.ID)
	if len(all) != 2 {
		t.Fatalf("the ledger has %+v", all)
	}
	e := all[1]
	if e.Version != 2 || e.State != ledger.Done || e.Outcome != ledger.Archived || e.CopyID != copied.CopyID || e.Source.ICalUID != "second" ||
		e.Key != copied.Key || e.Draft == nil || e.Draft.Mark != copied.Draft.Mark || e.Hash != copied.Hash {
		t.Errorf("the note is %+v", e)
	}
	must(t, ledger.New(w.Table, w.Blobs, w.Key).Load(t.Context(), &e))
	if n := len(e.Draft.Body.Content); n != 500_000 {
		t.Errorf("the text of the copy has %d bytes", n)
	}
	w.verify(c)

	w.exported("second", "2026-10-20T14:00") // known by the id that was noted
	if _, result := w.archive(c); result.Counts.Drifted != 1 || result.Counts.Vanished != 0 || result.Counts.Archived != 0 {
		t.Errorf("after it moved: %+v", result)
	}
}

func TestIDsThatChangeEveryNightAreNotedOnce(t *testing.T) {
	w := newWorld(t)
	c := w.config(func(c *archive.Config) { c.OnDrift = archive.AcceptOnDrift })
	for _, uid := range []string{"first", "second", "third", "fourth"} {
		w.exported(uid, "2026-10-20T09:00")
		_, result := w.archive(c)
		if uid != "first" && (result.Written != 0 || result.Counts.Unchanged != 1 || result.Counts.Vanished != 0) {
			t.Errorf("%s: %+v", uid, result)
		}
	}
	if all := w.entries(c.ID); len(all) != 2 {
		t.Errorf("the ledger has %d versions", len(all))
	}
	w.verify(c)
}

// TestNothingIsNotedInAPreview looks, and writes nothing.
func TestNothingIsNotedInAPreview(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.exported("first", "2026-10-20T09:00")
	w.archive(c)
	w.exported("second", "2026-10-20T09:00")
	w.archive(c, func(r *run.Run) { r.Options.DryRun = true })
	if all := w.entries(c.ID); len(all) != 1 {
		t.Errorf("the ledger has %d versions", len(all))
	}
}
