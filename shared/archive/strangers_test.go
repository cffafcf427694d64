package archive_test

import (
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// stranger puts a copy of an event of the source into the archive calendar that another ledger, or ours of other days, could have made.
func (w *world) stranger(config, id string) {
	w.t.Helper()
	found, err := w.calendar.Find(w.t.Context(), "me", w.source.ID, []string{id})
	must(w.t, err)
	e := found[id]
	start, err := e.Start.Instant(time.UTC)
	must(w.t, err)
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	if err != nil {
		info, err = w.calendar.CreateCalendar(w.t.Context(), uri("Archive"))
	}
	must(w.t, err)
	m := ledger.Mark{Config: config, Key: e.ICalUID + "@" + start.Format(time.RFC3339Nano), Version: 7, Hash: strings.Repeat("0", 32), Single: true}
	results, err := w.calendar.Create(w.t.Context(), "me", info.ID, []calendar.Draft{{
		Mark: m.String(), TransactionID: m.String(), Subject: e.Subject, Start: e.Start, End: e.End, ShowAs: e.ShowAs,
		Importance: e.Importance, Sensitivity: e.Sensitivity,
	}})
	must(w.t, err)
	must(w.t, results[0].Err)
}

func (w *world) refusesStrangers(c archive.Config) {
	w.t.Helper()
	before := len(w.copies())
	err := w.runner(w.Table, w.calendar).Run(w.t.Context(), w.start(c))
	if fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "--adopt") || len(w.copies()) != before {
		w.t.Errorf("error %v, %v", err, w.copies())
	}
}

func TestALedgerThatWasLostDoesNotKnowItsCopies(t *testing.T) {
	w := newWorld(t)
	id := w.add("Review", "2026-10-20T09:00", "2026-10-20T10:00")
	c := w.config()
	w.stranger(c.ID, id)
	w.refusesStrangers(c)
}

func TestACopyThatTakesNoTimeIsSeen(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-20T09:00", "2026-10-20T10:00")
	c := w.config()
	w.archive(c)
	w.stranger("another", w.add("Reminder", "2026-10-21T09:00", "2026-10-21T09:00"))
	w.refusesStrangers(c)
}

// The other copy was left aside once; ours is changed in place.
func TestACopyBesideOursDoesNotStopWhatIsChangedInPlace(t *testing.T) {
	w := newWorld(t)
	id := w.add("Review", "2026-10-20T09:00", "2026-10-20T10:00")
	c := w.config(func(c *archive.Config) { c.OnDrift = archive.AcceptOnDrift })
	w.archive(c)
	w.stranger("another", id)
	w.rewrite(id, func(d *calendar.Draft) { d.Location = "Oslo" })
	w.add("Newcomer", "2026-10-22T09:00", "2026-10-22T10:00")
	if r, result := w.archive(c); r.State != run.Succeeded || result.Counts != (archive.Counts{Fetched: 2, Archived: 1, Drifted: 1}) || result.Written != 2 {
		t.Errorf("%s %+v", r.State, result)
	}
	ours := w.versions(c.ID, "Review")
	if r, result := w.archive(c, func(r *run.Run) { r.Options.Adopt = true }); r.State != run.Succeeded || result.Adopted != 0 || result.LeftAside != 1 {
		t.Errorf("with adopt: %s %+v", r.State, result)
	}
	if got := len(w.versions(c.ID, "Review")); got != len(ours) {
		t.Errorf("%d versions, want %d", got, len(ours))
	}
}
