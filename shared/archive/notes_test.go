package archive_test

import (
	"fmt"
	"strings"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

func important(d *calendar.Draft) { d.Importance = calendar.High }

func TestTheLedgerNamesTheWinnerOfNow(t *testing.T) {
	w := newWorld(t)
	first := w.add("First", "2026-10-20T09:00", "2026-10-20T09:30")
	w.add("Maybe", "2026-10-20T09:00", "2026-10-20T11:00", tentative)
	c := w.config()
	says := func(what string, versions int, winner string) {
		t.Helper()
		notes := w.versions(c.ID, "Maybe")
		if len(notes) != versions {
			t.Fatalf("after %s there are %d notes, want %d: %+v", what, len(notes), versions, notes)
		}
		if n := notes[versions-1]; n.Outcome != ledger.Superseded || n.By != winner || n.State != ledger.Done || n.Draft != nil || n.Version != versions {
			t.Errorf("after %s the note is %+v, want one by %s", what, n, winner)
		}
	}
	w.archive(c)
	says("the first night", 1, first)
	w.archive(c)
	says("a night like the first", 1, first)
	second := w.add("Second", "2026-10-20T10:00", "2026-10-20T10:30", important)
	if _, result := w.archive(c); result.Written != 1 || result.Counts.Superseded != 1 {
		t.Errorf("%+v", result)
	}
	says("a night with another winner", 2, second)
	w.archive(c)
	says("a night like that", 2, second)
	w.verify(c)
}

func TestANoteIsWrittenAnewWhenItsSourceOrItsOutcomeChanged(t *testing.T) {
	w := newWorld(t)
	w.add("First", "2026-10-20T09:00", "2026-10-20T09:30")
	id := w.add("Maybe", "2026-10-20T09:00", "2026-10-20T11:00", tentative)
	c := w.config()
	w.archive(c)
	w.rewrite(id, func(d *calendar.Draft) { d.Location = "Oslo" })
	w.archive(c)
	w.rewrite(id, func(d *calendar.Draft) { d.ShowAs = calendar.Busy })
	w.archive(c)
	w.archive(c)
	var told []string
	for _, e := range w.versions(c.ID, "Maybe") {
		told = append(told, fmt.Sprintf("%d %s %s", e.Version, e.Outcome, e.Appointment.Location))
	}
	expect(t, "notes", told, "1 superseded ", "2 superseded Oslo", "3 conflicted Oslo")
}

// alike lets all events of the source have one iCalUId, as a calendar may that was put together by import.
func alike(p calendar.Provider) calendar.Provider {
	return wired{Provider: p, event: func(e *calendar.Event) {
		if e.Mark == "" {
			e.ICalUID = "one-for-all"
		}
	}}
}

func (w *world) archiveOver(p calendar.Provider, c archive.Config, change ...func(*run.Run)) (*run.Run, archive.Result) {
	w.t.Helper()
	r := w.start(c, change...)
	must(w.t, w.runner(w.Table, p).Run(w.t.Context(), r))
	return w.result(r.ID)
}

func keys(entries []ledger.Entry) (keys []string) {
	for _, e := range entries {
		name := fmt.Sprintf("%s %d %s", strings.TrimPrefix(e.Key, "one-for-all@2026-10-"), e.Version, e.Outcome)
		keys = append(keys, name)
	}
	return keys
}

func TestTheKeyOfWhatWaitedElsewhereIsNotTakenTwice(t *testing.T) {
	setUp := func(t *testing.T) (*world, archive.Config, string) {
		w := newWorld(t)
		waiting := w.add("Waiting", "2026-10-20T09:00", "2026-10-20T10:00")
		c := w.config()
		return w, c, waiting
	}
	move := func(w *world, id, start, end string) {
		w.rewrite(id, func(d *calendar.Draft) {
			d.Start, d.End = calendar.DateTime{Local: start, Zone: "Europe/Berlin"}, calendar.DateTime{Local: end, Zone: "Europe/Berlin"}
		})
	}
	t.Run("when another event has it now", func(t *testing.T) {
		w, c, waiting := setUp(t)
		rival := w.add("Rival", "2026-10-20T09:30", "2026-10-20T10:30")
		if _, result := w.archiveOver(alike(w.calendar), c); result.Counts.Conflicted != 2 {
			t.Fatalf("%+v", result)
		}
		move(w, waiting, "2026-10-21T09:00:00", "2026-10-21T10:00:00")
		w.remove(rival)
		w.add("Newcomer", "2026-10-20T09:00", "2026-10-20T10:00")
		if _, result := w.archiveOver(alike(w.calendar), c); result.Counts.Archived != 2 || result.Written != 2 {
			t.Errorf("%+v", result)
		}
		expect(t, "keys of the newcomer", keys(w.versions(c.ID, "Newcomer")), "20T07:00:00Z 2 archived")
		expect(t, "copies", w.copies(), w.expected()...)
		w.verify(c)
		if _, result := w.archiveOver(alike(w.calendar), c); result.Counts.Unchanged != 2 || result.Written != 0 {
			t.Errorf("the next night: %+v", result)
		}
	})
	t.Run("when another event of the same iCalUId waits, too", func(t *testing.T) {
		w, c, waiting := setUp(t)
		w.add("Rival", "2026-10-20T09:30", "2026-10-20T10:30")
		w.add("Other", "2026-10-20T10:00", "2026-10-20T11:00")
		w.archiveOver(alike(w.calendar), c)
		w.remove(waiting)
		for range 2 {
			if _, result := w.archiveOver(alike(w.calendar), c); result.Counts.Conflicted != 2 {
				t.Errorf("%+v", result)
			}
		}
		expect(t, "keys of the rival", keys(w.versions(c.ID, "Rival")), "20T07:30:00Z 1 conflicted")
		expect(t, "keys of the other", keys(w.versions(c.ID, "Other")), "20T08:00:00Z 1 conflicted")
	})
	t.Run("when two events of now could have it", func(t *testing.T) {
		w, c, waiting := setUp(t)
		rival := w.add("Rival", "2026-10-20T09:30", "2026-10-20T10:30", func(d *calendar.Draft) { d.ShowAs = calendar.Busy })
		w.archiveOver(alike(w.calendar), c)
		move(w, waiting, "2026-10-21T09:00:00", "2026-10-21T10:00:00")
		move(w, rival, "2026-10-22T09:00:00", "2026-10-22T10:00:00")
		if _, result := w.archiveOver(alike(w.calendar), c); result.Counts.Archived != 2 || result.Written != 2 {
			t.Errorf("%+v", result)
		}
		expect(t, "keys of the first", keys(w.versions(c.ID, "Waiting")), "20T07:00:00Z 1 conflicted", "20T07:00:00Z 2 moved", "20T07:00:00Z 2 archived")
		expect(t, "keys of the second", keys(w.versions(c.ID, "Rival")), "20T07:30:00Z 1 conflicted", "22T07:00:00Z 1 archived")
		expect(t, "copies", w.copies(), w.expected()...)
		w.verify(c)
		if _, result := w.archiveOver(alike(w.calendar), c); result.Counts.Unchanged != 2 || result.Written != 0 {
			t.Errorf("the next night: %+v", result)
		}
	})
	t.Run("when what has a key of its own was refused", func(t *testing.T) {
		w, c, waiting := setUp(t)
		rival := w.add("Rival", "2026-10-20T09:30", "2026-10-20T10:30")
		w.add("Refused", "2026-10-20T12:00", "2026-10-20T13:00")
		w.archiveOver(picky{alike(w.calendar), "Refused"}, c)
		w.remove(waiting)
		w.remove(rival)
		if _, result := w.archiveOver(alike(w.calendar), c); result.Written != 1 {
			t.Errorf("%+v", result)
		}
		expect(t, "keys", keys(w.versions(c.ID, "Refused")), "20T10:00:00Z 1 archived", "20T10:00:00Z 2 archived")
	})
}

// bodiless lists without bodies and without change keys, unless keyed.
type bodiless struct {
	keyed bool
	read  []string
}

func (b *bodiless) over(p calendar.Provider) calendar.Provider {
	return wired{
		Provider: p,
		event: func(e *calendar.Event) {
			e.Body, e.BodyPreview, e.BodyUnread = calendar.Body{}, "", true
			if !b.keyed {
				e.ChangeKey = ""
			}
		},
		bodies: func(ids []string) { b.read = append(b.read, ids...) },
	}
}

func TestBodiesAreReadOfWhatMayHaveChanged(t *testing.T) {
	saying := func(text string) func(*calendar.Draft) {
		return func(d *calendar.Draft) { d.Body = calendar.Body{ContentType: "text", Content: text} }
	}
	for _, keyed := range []bool{true, false} {
		t.Run(fmt.Sprintf("with change keys %t", keyed), func(t *testing.T) {
			w := newWorld(t)
			id := w.add("Changed", "2026-10-20T09:00", "2026-10-20T10:00", saying("before"))
			w.add("Other", "2026-10-21T09:00", "2026-10-21T10:00", saying("always"))
			c := w.config()
			b := &bodiless{keyed: keyed}
			night := func(what string, read int, want archive.Counts) {
				t.Helper()
				b.read = nil
				if _, result := w.archiveOver(b.over(w.calendar), c); result.Counts != want || len(b.read) != read {
					t.Errorf("%s: %+v and %d bodies read, want %+v and %d", what, result.Counts, len(b.read), want, read)
				}
			}
			all, one, none := 2, 1, 0
			if !keyed { // whatever has no key is read
				one, none = 2, 2
			}
			night("the first", all, archive.Counts{Fetched: 2, Archived: 2})
			night("nothing changed", none, archive.Counts{Fetched: 2, Unchanged: 2})
			w.rewrite(id, saying("after"))
			night("a text changed", one, archive.Counts{Fetched: 2, Unchanged: 1, Drifted: 1})
		})
	}
}

func TestTheLedgerHasTheTextOfWhatWaits(t *testing.T) {
	w := newWorld(t)
	agenda := func(d *calendar.Draft) {
		d.Body = calendar.Body{ContentType: "text", Content: "Agenda of " + d.Subject}
	}
	w.add("First", "2026-10-20T09:00", "2026-10-20T10:00", agenda)
	w.add("Maybe", "2026-10-20T09:30", "2026-10-20T10:00", agenda, tentative)
	w.add("Second", "2026-10-20T11:00", "2026-10-20T12:00", agenda)
	w.add("Third", "2026-10-20T11:30", "2026-10-20T12:30", agenda)
	c := w.config()
	b := &bodiless{keyed: true}
	if _, result := w.archiveOver(b.over(w.calendar), c); result.Counts != (archive.Counts{Fetched: 4, Archived: 1, Superseded: 1, Conflicted: 2}) {
		t.Errorf("%+v", result.Counts)
	}
	for _, e := range w.entries(c.ID) {
		if e.Source.Body.Content != "Agenda of "+e.Appointment.Subject || e.BodyDigest == "" {
			t.Errorf("%s says %q", e.Appointment.Subject, e.Source.Body.Content)
		}
	}
}

// decide writes a version of what is archived under a subject, as a decision does.
func (w *world) decide(c archive.Config, subject string, outcome ledger.Outcome) {
	w.t.Helper()
	ctx, l := w.t.Context(), ledger.New(w.Table, w.Blobs, w.Key)
	head, versions := w.head(c.ID), w.versions(c.ID, subject)
	e := copyOf(versions[len(versions)-1])
	e.Version++
	r := w.start(c)
	e.Outcome, e.Decision, e.Run, e.Time, e.Draft, e.CopyID = outcome, "d1", r.ID, w.Now(), nil, ""
	places, err := l.Find(ctx, c.ID, []string{e.Lineage})
	must(w.t, err)
	must(w.t, l.Write(ctx, &head, &places, ledger.Span{}, []*ledger.Entry{&e}))
	sealing, err := l.Prepare(ctx, c.ID, head, ledger.Ending{Run: r.ID, Time: w.Now()}, []*ledger.Entry{&e})
	must(w.t, err)
	must(w.t, l.Seal(ctx, &head, sealing))
	must(w.t, run.NewStore(w.Table).Finish(ctx, r, run.Succeeded, w.Now()))
}

// copyOf is an entry that was never stored.
func copyOf(e ledger.Entry) ledger.Entry {
	return ledger.Entry{
		Config: e.Config, Key: e.Key, Lineage: e.Lineage, Version: e.Version, Outcome: e.Outcome, SourceHash: e.SourceHash, Hash: e.Hash, Single: e.Single,
		Appointment: e.Appointment, Source: e.Source, BodyDigest: e.BodyDigest, Draft: e.Draft, Run: e.Run, Time: e.Time, Actor: e.Actor, State: e.State,
	}
}

func TestWhatADecisionKeepsOutStaysOut(t *testing.T) {
	for _, outcome := range []ledger.Outcome{ledger.Declined, ledger.Withdrawn} {
		t.Run(string(outcome), func(t *testing.T) {
			w := newWorld(t)
			id := w.add("Waiting", "2026-10-20T09:00", "2026-10-20T10:00")
			rival := w.add("Rival", "2026-10-20T09:30", "2026-10-20T10:30")
			c := w.config()
			w.archive(c)
			w.decide(c, "Waiting", outcome)
			w.remove(rival)
			for range 2 {
				r, result := w.archive(c)
				if result.Counts != (archive.Counts{Fetched: 1, Superseded: 1}) || result.Written != 0 || result.Actions != 0 || len(w.copies()) != 0 {
					t.Errorf("%+v, %v", result, w.copies())
				}
				items, err := run.NewStore(w.Table).Items(t.Context(), r, 0)
				must(t, err)
				if len(items) != 1 || !strings.Contains(string(items[0].Plan), `"reason":"decision"`) || !strings.Contains(string(items[0].Plan), `"decision":"d1"`) {
					t.Errorf("items %+v", items)
				}
			}
			if n := len(w.versions(c.ID, "Waiting")); n != 2 {
				t.Errorf("%d versions, want 2", n)
			}
			w.rewrite(id, func(d *calendar.Draft) { d.Location = "Oslo" })
			if _, result := w.archive(c); result.Counts != (archive.Counts{Fetched: 1, Archived: 1}) || len(w.copies()) != 1 {
				t.Errorf("another source: %+v, %v", result, w.copies())
			}
			w.verify(c)
		})
	}
}
