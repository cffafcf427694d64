package archive_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// handOn lets a worker have a run until it has written so many chunks, and has begun the next one.
func (w *world) handOn(r *run.Run, chunks int) { w.handOnOver(tired(w.calendar, chunks), r) }

// handOnOver lets a worker have a run until the provider is tired.
func (w *world) handOnOver(p calendar.Provider, r *run.Run) {
	w.t.Helper()
	if err := w.runner(w.Table, p).Run(w.t.Context(), r); !errors.Is(err, run.ErrHandOn) {
		w.t.Fatalf("error %v, want %v", err, run.ErrHandOn)
	}
}

// goOn lets the next worker have a run until it ends, and returns it with its result.
func (w *world) goOn(id string) (*run.Run, archive.Result) {
	w.t.Helper()
	must(w.t, w.runner(w.Table, w.calendar).Run(w.t.Context(), w.again(id)))
	return w.result(id)
}

// links are the config's chain, the first one first.
func (w *world) links(id string) (links []ledger.Link) {
	w.t.Helper()
	items, err := store.All(w.t.Context(), w.Table, store.Query{PK: ledger.HeadKey(id).PK, Prefix: "CHAIN#"})
	must(w.t, err)
	for _, item := range items {
		var part struct{ Link *ledger.Link }
		must(w.t, json.Unmarshal(item.Data, &part))
		if part.Link != nil {
			links = append(links, *part.Link)
		}
	}
	return links
}

// sealers are the runs whose links the config's chain has.
func (w *world) sealers(id string) (runs []string) {
	for _, k := range w.links(id) {
		runs = append(runs, k.Run)
	}
	return runs
}

func TestARunTellsWhatItWroteAndNotWhatItSettledOfAnother(t *testing.T) {
	w := newWorld(t)
	w.month(50)
	c := w.config()
	first := w.start(c)
	w.handOn(first, 0)
	second, result := w.archive(c, func(r *run.Run) { r.From = day("2026-09-30") })
	if result.Written != 10 || result.Counts.Archived != 10 || result.Counts.Unchanged != 40 || result.Failed != 0 {
		t.Errorf("%+v", result)
	}
	own := 0
	for page := range second.Pages {
		items, err := run.NewStore(w.Table).Items(t.Context(), second, page)
		must(t, err)
		for _, it := range items {
			if it.Written {
				own++
			}
		}
	}
	if own != 10 {
		t.Errorf("%d items are told as written", own)
	}
	expect(t, "sealers", w.sealers(c.ID), first.ID, second.ID)
	if _, result := w.goOn(first.ID); result.Written != 40 || result.Counts.Archived != 40 || result.Counts.Unchanged != 10 { // the ledger has 40 of it
		t.Errorf("the first run, at last: %+v", result)
	}
	expect(t, "copies", w.copies(), w.expected()...)
	w.verify(c)
}

func TestWhatAnotherRunLeftOpenOnOtherDaysIsSettled(t *testing.T) {
	w := newWorld(t)
	w.month(50)
	c := w.config()
	first := w.start(c)
	w.handOn(first, 1)
	second, result := w.archive(c, september)
	if second.State != run.Succeeded || result.Written != 0 || result.Counts.Fetched != 0 {
		t.Errorf("%s %+v", second.State, result)
	}
	expect(t, "copies", w.copies(), w.expected()...)
	expect(t, "sealers", w.sealers(c.ID), first.ID, second.ID)
	if head := w.head(c.ID); head.Open != "" || !head.OpenFrom.IsZero() {
		t.Errorf("the head is %+v", head)
	}
	w.verify(c)
}

// A later worker has something to write on days that the first one knew nothing of.
func TestTheOpenSpanGrowsWithWhatARunWrites(t *testing.T) {
	for _, other := range []bool{false, true} {
		w := newWorld(t)
		for i := range 50 {
			start := time.Date(2026, 10, 10, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * 30 * time.Minute)
			w.add("Work", start.Format("2006-01-02T15:04"), start.Add(30*time.Minute).Format("2006-01-02T15:04"))
		}
		c := w.config()
		r := w.start(c)
		w.handOn(r, 1)
		first := w.head(c.ID)
		w.add("Earlier", "2026-10-03T09:00", "2026-10-03T10:00")
		w.add("Later", "2026-10-25T09:00", "2026-10-25T10:00")
		w.handOn(w.again(r.ID), 1)
		second := w.head(c.ID)
		if second.Open != r.ID || !second.OpenFrom.Before(first.OpenFrom) || !second.OpenTo.After(first.OpenTo) {
			t.Errorf("the span was %v to %v, and is %v to %v", first.OpenFrom, first.OpenTo, second.OpenFrom, second.OpenTo)
		}
		if other {
			w.archive(c, september)
		}
		w.goOn(r.ID)
		expect(t, "copies", w.copies(), w.expected()...)
		w.verify(c)
		for _, e := range w.entries(c.ID) {
			if e.State != ledger.Done || e.Run != r.ID {
				t.Errorf("%s is %s, of run %s", e.Appointment.Subject, e.State, e.Run)
			}
		}
	}
}

func TestWhatIsNotAllTheSameAfterAHandOn(t *testing.T) {
	for _, c := range []struct {
		name   string
		drift  archive.OnDrift
		change func(w *world, id string)
		counts archive.Counts
		copies bool // are as the source has them
	}{
		{"stays what this run archived", archive.AskOnDrift, func(*world, string) {}, archive.Counts{Fetched: 51, Archived: 51}, true},
		{
			"is drift when it was changed", archive.AskOnDrift,
			func(w *world, id string) { w.rewrite(id, func(d *calendar.Draft) { d.Subject = "Changed" }) },
			archive.Counts{Fetched: 51, Archived: 50, Drifted: 1}, false,
		},
		{
			"is a second version when it was changed and the config accepts that", archive.AcceptOnDrift,
			func(w *world, id string) { w.rewrite(id, func(d *calendar.Draft) { d.Subject = "Changed" }) },
			archive.Counts{Fetched: 51, Archived: 50, Drifted: 1}, true,
		},
		{
			"vanished when it was deleted", archive.AskOnDrift, func(w *world, id string) { w.remove(id) },
			archive.Counts{Fetched: 50, Archived: 50, Vanished: 1}, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.add("Early", "2026-10-01T05:00", "2026-10-01T05:30")
			w.month(50)
			conf := w.config(func(conf *archive.Config) { conf.OnDrift = c.drift })
			r := w.start(conf)
			w.handOn(r, 1)
			c.change(w, id)
			r, result := w.goOn(r.ID)
			if r.State != run.Succeeded || !result.Balanced || result.Counts != c.counts || result.Written != 51 {
				t.Errorf("%s %+v, want %+v", r.State, result, c.counts)
			}
			if c.copies {
				expect(t, "copies", w.copies(), w.expected()...)
			}
			w.verify(conf)
		})
	}
}

func TestWhatWasAcceptedBeforeAHandOnIsStillDrift(t *testing.T) {
	w := newWorld(t)
	w.month(50)
	c := w.config(func(c *archive.Config) { c.OnDrift = archive.AcceptOnDrift })
	w.archive(c)
	for i, e := range w.events() {
		if i < 45 {
			w.rewrite(e.ID, func(d *calendar.Draft) { d.Subject = "Changed " + d.Subject })
		}
	}
	r := w.start(c)
	updates := 0
	busy := wired{Provider: w.calendar, updating: func([]calendar.Update) error {
		if updates++; updates > 1 {
			return fault.Wrap(fault.Throttled, throttled{2 * time.Hour})
		}
		return nil
	}}
	w.handOnOver(busy, r)
	if _, result := w.goOn(r.ID); result.Counts.Drifted != 45 || result.Counts.Unchanged != 5 || result.Counts.Archived != 0 || result.Written != 45 {
		t.Errorf("%+v", result)
	}
	expect(t, "copies", w.copies(), w.expected()...)
}

func TestWhatWasRefusedWaitsForTheNextRun(t *testing.T) {
	w := newWorld(t)
	w.month(50)
	c := w.config()
	r := w.start(c)
	w.handOnOver(tired(picky{w.calendar, "Work 3"}, 1), r)
	var tried []calendar.Draft
	watched := wired{Provider: w.calendar, creating: func(drafts []calendar.Draft) error {
		for _, d := range drafts {
			if d.Subject == "Work 3" {
				tried = append(tried, d)
			}
		}
		return nil
	}}
	must(t, w.runner(w.Table, watched).Run(t.Context(), w.again(r.ID)))
	r, result := w.result(r.ID)
	if len(tried) != 0 || r.State != run.Partial || result.Failed != 1 || result.Written != 49 || result.Counts.Archived != 50 || r.Failed != 1 {
		t.Errorf("the next worker tried %d times; %s %+v", len(tried), r.State, result)
	}
	refused := w.versions(c.ID, "Work 3")
	if len(refused) != 1 || refused[0].State != ledger.Failed || refused[0].CopyID != "" || !strings.Contains(refused[0].Failure, "refuses") {
		t.Fatalf("%+v", refused)
	}

	next := w.start(c)
	must(t, w.runner(w.Table, watched).Run(t.Context(), next))
	if next, result := w.result(next.ID); next.State != run.Succeeded || result.Written != 1 || result.Counts.Archived != 1 || result.Failed != 0 {
		t.Errorf("the next run: %s %+v", next.State, result)
	}
	if len(tried) != 1 || tried[0].Mark != refused[0].Draft.Mark || tried[0].TransactionID != refused[0].Draft.TransactionID {
		t.Errorf("the next run tried %+v, want the mark and transaction id of %+v", tried, refused[0].Draft)
	}
	both := w.versions(c.ID, "Work 3")
	if len(both) != 2 || both[1].Version != 2 || both[1].State != ledger.Done || both[1].Draft.Mark != refused[0].Draft.Mark {
		t.Errorf("%+v", both)
	}
	expect(t, "copies", w.copies(), w.expected()...)
	if _, result := w.archive(c); result.Counts.Unchanged != 50 || result.Written != 0 {
		t.Errorf("the run after it: %+v", result)
	}
	w.verify(c)
}

// Notes are in the ledger alone, so that settling them needs no archive calendar.
func TestNotesThatWereLeftOpenNeedNoCalendar(t *testing.T) {
	w := newWorld(t)
	w.add("First", "2026-10-20T09:00", "2026-10-20T10:00")
	w.add("Second", "2026-10-20T09:30", "2026-10-20T10:30")
	c := w.config(func(c *archive.Config) { c.CreateCalendar = false })
	info, err := w.calendar.CreateCalendar(t.Context(), uri("Archive"))
	must(t, err)
	r := w.start(c)
	for at := 1; w.head(c.ID).Open == ""; at++ {
		dying := wiretest.Wire{DieAt: at}
		if err := w.runner(dying.Table(w.Table), w.calendar).Run(t.Context(), w.again(r.ID)); err == nil {
			t.Fatal("the run came to its end")
		}
		w.Advance(2 * time.Minute)
	}
	must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
	if next, result := w.archive(c, september); next.State != run.Succeeded || result.ArchiveMissing {
		t.Errorf("%s %+v", next.State, result)
	}
	if head := w.head(c.ID); head.Open != "" || len(w.entries(c.ID)) != 2 || w.copies() != nil {
		t.Errorf("the head is %+v", head)
	}
	w.verify(c)
}

func TestARetryKnowsAllThatWasRefused(t *testing.T) {
	w := newWorld(t)
	w.month(401) // more items than a page of them has
	c := w.config()
	first := w.start(c)
	must(t, w.runner(w.Table, picky{w.calendar, "Work 400"}).Run(t.Context(), first))
	if first, result := w.result(first.ID); first.Pages < 2 || result.Failed != 1 {
		t.Fatalf("%d pages, %+v", first.Pages, result)
	}
	if r, result := w.archive(c, func(r *run.Run) { r.AttemptOf = first.ID }); r.State != run.Succeeded || result.Written != 1 || result.Counts.Fetched != 1 {
		t.Errorf("%s %+v", r.State, result)
	}
}

func TestACopyThatSomebodyDeletedIsMadeAnewWhenItIsToChange(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for _, name := range []string{"First", "Second", "Third"} {
		ids = append(ids, w.add(name, "2026-10-20T09:00", "2026-10-20T10:00"))
	}
	c := w.config(func(c *archive.Config) { c.OnDrift, c.Overlaps = archive.AcceptOnDrift, archive.Keep })
	w.archive(c)
	info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
	must(t, err)
	gone := w.inArchive()["Second"].ID
	_, err = w.calendar.Delete(t.Context(), "me", info.ID, []string{gone})
	must(t, err)
	for _, id := range ids[:2] {
		w.rewrite(id, func(d *calendar.Draft) { d.Subject += ", changed" })
	}
	if r, result := w.archive(c); r.State != run.Succeeded || result.Counts != (archive.Counts{Fetched: 3, Drifted: 2, Unchanged: 1}) || result.Written != 2 {
		t.Errorf("%s %+v", r.State, result)
	}
	expect(t, "copies", w.copies(), w.expected()...)
	versions := w.versions(c.ID, "Second, changed")
	if last := versions[len(versions)-1]; last.CopyID == gone || last.CopyID != w.inArchive()["Second, changed"].ID || last.Replaces != gone {
		t.Errorf("the ledger says %+v", last)
	}
}

func TestALinkIsOfItsOwnRunsEntriesAlone(t *testing.T) {
	w := newWorld(t)
	w.daily(3)
	c := w.config()
	w.archive(c)
	for _, id := range []string{"2026-10-02", "2026-10-03"} { // beside those that are sealed
		w.add("New on "+id, id+"T12:00", id+"T13:00")
	}
	r := w.start(c)
	w.handOn(r, 0)
	w.archive(c, september)
	var entries []int
	for _, k := range w.links(c.ID) {
		entries = append(entries, k.Entries)
	}
	if want := []int{3, 2, 0}; !slices.Equal(entries, want) {
		t.Errorf("the links have %d entries, want %d", entries, want)
	}
	w.verify(c)
}

func TestARunReportsAlsoWhatAnotherOneSettledOfIt(t *testing.T) {
	for n := 8; n < 60; n++ {
		w := newWorld(t)
		w.month(60)
		c := w.config()
		r := w.start(c)
		dying := &wiretest.Wire{DieAt: n}
		if err := w.runner(dying.Table(w.Table), w.calendar).Run(t.Context(), r); err == nil {
			t.Fatal("no worker died between two chunks")
		}
		if w.head(c.ID).Open != r.ID {
			continue
		}
		done := len(w.reversals(c, r.ID))
		if done == 0 || done >= 60 {
			continue
		}
		w.Advance(2 * time.Minute)
		_, night := w.archive(c, func(r *run.Run) { r.From, r.To = day("2026-10-01"), day("2026-10-01") })
		if w.head(c.ID).Open != "" {
			t.Fatalf("the other run settled nothing: %+v", night)
		}
		r, result := w.goOn(r.ID)
		written := 0
		for _, e := range w.entries(c.ID) {
			if e.Run == r.ID && e.State == ledger.Done && e.Outcome == ledger.Archived {
				written++
			}
		}
		if r.State != run.Succeeded || result.Written != written || written < 40 {
			t.Errorf("%s, %d written, and the ledger has %d", r.State, result.Written, written)
		}
		if _, verified, _ := w.verified(c); verified.Bookkeeping.Problems != 0 {
			t.Errorf("%+v", verified.Bookkeeping)
		}
		return
	}
	t.Fatal("no worker died between two chunks")
}
