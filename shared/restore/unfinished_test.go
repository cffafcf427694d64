package restore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

func dryRun(r *run.Run, _ *restore.Input) { r.Options.DryRun = true }

// get reads a run again.
func (w *world) get(id string) *run.Run {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	return r
}

// give ends a run as whoever gives it up.
func (w *world) give(r *run.Run, state run.State) {
	w.t.Helper()
	if r = w.get(r.ID); !r.State.Ended() {
		must(w.t, run.NewStore(w.Table).Finish(w.t.Context(), r, state, w.Now()))
	}
}

// open are the notes of restores that write calendars, or left something half written.
func (w *world) open() []string {
	w.t.Helper()
	items, err := store.All(w.t.Context(), w.Table, store.Query{PK: "USER#" + user, Prefix: "RESTORING#"})
	must(w.t, err)
	var keys []string
	for _, item := range items {
		keys = append(keys, item.SK)
	}
	return keys
}

// serial is a file of two series that differ from their rules, and of an event by itself.
func serial() memory {
	other := weekly()
	other.Event.ID, other.Event.ICalUID, other.Event.Subject = "other", "other@example.com", "Retro"
	other.Exceptions = slices.Clone(other.Exceptions)
	for i := range other.Exceptions {
		e := &other.Exceptions[i]
		e.ID, e.ICalUID, e.SeriesMasterID, e.Subject = fmt.Sprint("o", i), other.Event.ICalUID, "other", "Retro, changed"
	}
	return memory{things: []calendar.Kept{weekly(), single("a@example.com", "Acme", "2026-10-05T10:00", "2026-10-05T11:00"), other}}
}

// later is the file as it is after somebody has changed all of it.
func later(m memory) memory {
	all := slices.Clone(m.things)
	for i := range all {
		all[i].Event.Subject += " as it was"
	}
	return memory{things: all}
}

// TestWhatARestoreLeftHalfWrittenIsFinished lets a restore die at every request, and gives its run up. Whatever is restored next finishes what the
// dead one has begun, and takes nothing for done that is not.
func TestWhatARestoreLeftHalfWrittenIsFinished(t *testing.T) {
	for _, c := range []struct {
		name        string
		first, next restore.Policy
		changed     bool // the calendar has the things as they were before
		gives       run.State
		events      int
	}{
		{"skip after skip", restore.Skip, restore.Skip, false, run.Failed, 3},
		{"replace after skip", restore.Skip, restore.Replace, false, run.Cancelled, 3},
		{"replace after replace", restore.Replace, restore.Replace, true, run.Failed, 3},
		{"duplicate after duplicate", restore.Duplicate, restore.Duplicate, true, run.Failed, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
				w := newWorld(t)
				w.file = serial()
				if c.changed {
					w.restore(restore.Skip)
					w.file = later(w.file)
				} else {
					w.make(uri("Copy"))
				}
				was := w.kept(uri("Copy"))
				first := w.start(c.first)
				if err := w.runner(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), first); !dying.Dead() {
					must(t, err)
					return
				}
				if w.get(first.ID).State.Ended() {
					return // it died with its last request
				}
				w.Advance(2 * time.Minute) // the lease ends
				w.give(first, c.gives)
				preview, shown := w.restore(c.next, dryRun)
				next, result := w.restore(c.next)
				if next.State != run.Succeeded || !result.Balanced || preview.State != run.Succeeded || shown.Counts != result.Counts || shown.UnderWay != "" {
					t.Errorf("%s %+v, the preview %s %+v", next.State, result, preview.State, shown)
				}
				copies := w.kept(uri("Copy"))
				if c.next == restore.Duplicate {
					copies.things = slices.DeleteFunc(copies.things, func(k calendar.Kept) bool {
						return slices.ContainsFunc(was.things, func(old calendar.Kept) bool { return old.Event.ID == k.Event.ID })
					})
				}
				if diff := cmp.Diff(w.canonical(w.file), w.canonical(copies)); diff != "" {
					t.Errorf("(-file +calendar):\n%s", diff)
				}
				if all := w.kept(uri("Copy")); len(all.things) != c.events {
					t.Errorf("%d events", len(all.things))
				}
				if c.next != restore.Duplicate {
					before := w.kept(uri("Copy"))
					if _, result := w.restore(restore.Skip); result.Counts != (restore.Counts{Read: 3, InPeriod: 3, Skipped: 3}) {
						t.Errorf("once more: %+v", result)
					}
					if diff := cmp.Diff(before, w.kept(uri("Copy")), cmp.AllowUnexported(memory{})); diff != "" {
						t.Errorf("once more: %s", diff)
					}
				} else if _, result := w.restore(restore.Duplicate); result.Counts.Created != 3 {
					t.Errorf("one copy more: %+v", result)
				}
				if notes := w.open(); notes != nil {
					t.Errorf("left: %q", notes)
				}
			})
		})
	}
}

// TestSkippingAfterAReplacingThatStopped restores with skip what another one was to replace. What that one did not get to stays as it is; what it
// began is as the file has it.
func TestSkippingAfterAReplacingThatStopped(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.file = serial()
		w.restore(restore.Skip)
		old := w.canonical(w.kept(uri("Copy")))
		w.file = later(w.file)
		first := w.start(restore.Replace)
		err := w.runner(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), first)
		if !dying.Dead() {
			must(t, err)
			return
		}
		w.Advance(2 * time.Minute)
		w.give(first, run.Failed)
		stands := w.kept(uri("Copy"))
		next, result := w.restore(restore.Skip)
		if next.State != run.Succeeded || !result.Balanced {
			t.Errorf("%s %+v", next.State, result)
		}
		now := w.kept(uri("Copy"))
		whole := append(w.canonical(w.file), old...)
		for i, k := range now.things {
			if told := w.canonical(memory{things: now.things[i : i+1]})[0]; !slices.Contains(whole, told) {
				t.Errorf("neither as it was nor as the file has it: %s", told)
			}
			at := slices.IndexFunc(stands.things, func(s calendar.Kept) bool { return s.Event.ID == k.Event.ID })
			if at < 0 || slices.Contains(old, w.canonical(memory{things: stands.things[at : at+1]})[0]) && stands.things[at].Event.ChangeKey != k.Event.ChangeKey {
				t.Errorf("what was there is not as it was: %s", k.Event.Subject)
			}
		}
		if len(now.things) != 3 || w.open() != nil {
			t.Errorf("%d events, left %q", len(now.things), w.open())
		}
	})
}

// TestARestoreWaitsForTheOneUnderWay lets a restore die at every request while it is not given up. A preview tells of it; another restore into the
// calendar waits for it, however long its lease is over; the same one goes on with it.
func TestARestoreWaitsForTheOneUnderWay(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.file = serial()
		w.make(uri("Copy"))
		first := w.start(restore.Skip)
		if err := w.runner(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), first); !dying.Dead() {
			must(t, err)
			return
		}
		w.Advance(time.Hour)
		begun, over := w.open() != nil, w.get(first.ID).State.Ended()
		if over {
			return
		}
		preview, shown := w.restore(restore.Skip, dryRun)
		if preview.State != run.Succeeded || begun && shown.UnderWay != first.ID || !begun && shown.UnderWay != "" {
			t.Errorf("the preview: %s %+v, begun %v", preview.State, shown, begun)
		}
		other := w.start(restore.Skip, func(_ *run.Run, in *restore.Input) { in.Zone = "UTC" })
		err := w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), other)
		if !begun {
			must(t, err)
		} else {
			told, result := w.result(other.ID)
			if !errors.Is(err, run.ErrBusy) || told.State != run.Running || told.Progress.Phase != "waiting" || result.UnderWay != first.ID {
				t.Errorf("%v: %s %+v %+v", err, told.State, told.Progress, result)
			}
		}
		again, created, err := run.NewStore(w.Table).Create(t.Context(), &run.Run{
			ID: w.NewID(), User: user, Kind: run.Restore, Calendar: first.Calendar, Input: first.Input, State: run.Queued, Created: w.Now(),
		})
		if err != nil || created || again.ID != first.ID {
			t.Fatalf("the same again: %v, created %v", err, created)
		}
		must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), again)) // at once: whoever waits has let the calendar go
		if begun {
			must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), w.get(other.ID)))
			told, result := w.result(other.ID)
			if told.State != run.Succeeded || result.Counts != (restore.Counts{Read: 3, InPeriod: 3, Skipped: 3}) || result.UnderWay != "" {
				t.Errorf("who waited: %s %+v", told.State, result)
			}
		}
		if diff := cmp.Diff(w.canonical(w.file), w.canonical(w.kept(uri("Copy")))); diff != "" {
			t.Errorf("(-file +calendar):\n%s", diff)
		}
		if notes := w.open(); notes != nil {
			t.Errorf("left: %q", notes)
		}
	})
}

// TestAPlanIsNotCarriedOutAfterAnother hands a run on after its first chunk. Another one must not come in between: the first would write once more
// what it has planned.
func TestAPlanIsNotCarriedOutAfterAnother(t *testing.T) {
	w := newWorld(t)
	w.file = many(100)
	w.make(uri("Copy"))
	first := w.start(restore.Skip)
	if err := w.runner(w.Table, w.Blobs, &dyingLater{Provider: w.calendar, writes: 1}).Run(t.Context(), first); !errors.Is(err, wiretest.ErrDied) {
		t.Fatal(err)
	}
	w.Advance(2 * time.Minute)
	other := w.start(restore.Replace)
	if err := w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), other); !errors.Is(err, run.ErrBusy) {
		t.Fatal(err)
	}
	must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), w.get(first.ID)))
	must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), w.get(other.ID)))
	if _, result := w.result(other.ID); result.Counts.Replaced != 100 || len(w.kept(uri("Copy")).things) != 100 {
		t.Errorf("%+v, %d events", result, len(w.kept(uri("Copy")).things))
	}
}

// TestAHalfWrittenSwitch lets a restore die at every request while a series takes the place of somebody else's event, and that of a series. The original
// is there until what takes its place is; a restore that replaces finishes the one and removes the other.
func TestAHalfWrittenSwitch(t *testing.T) {
	for _, policy := range []restore.Policy{restore.Replace, restore.Skip} {
		t.Run("then "+string(policy), func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
				w := newWorld(t)
				one, other := single("1@example.com", "One", "2026-10-05T10:00", "2026-10-05T11:00"), weekly()
				w.make(uri("Copy"))
				must(t, w.importing("Copy", one, other))
				originals := w.kept(uri("Copy"))
				one.Event.ICalUID, other.Event.ICalUID = other.Event.ICalUID, one.Event.ICalUID
				w.file = memory{things: []calendar.Kept{one, other}}
				first := w.start(restore.Replace)
				err := w.runner(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), first)
				if !dying.Dead() {
					must(t, err)
					return
				}
				marked := 0
				left := w.kept(uri("Copy"))
				for _, k := range left.things {
					if k.Event.Mark != "" {
						marked++
					}
				}
				if stay := len(left.things) - marked; stay < 2-marked {
					t.Errorf("%d originals and %d in their place", stay, marked)
				}
				w.Advance(2 * time.Minute)
				w.give(first, run.Failed)
				next, result := w.restore(policy)
				now := w.kept(uri("Copy"))
				if next.State != run.Succeeded || !result.Balanced {
					t.Errorf("%s %+v", next.State, result)
				}
				if policy == restore.Replace {
					if diff := cmp.Diff(w.canonical(w.file), w.canonical(now)); diff != "" {
						t.Errorf("(-file +calendar):\n%s", diff)
					}
					return
				}
				for _, k := range left.things { // skip removes nothing
					if !slices.ContainsFunc(now.things, func(n calendar.Kept) bool { return n.Event.ID == k.Event.ID }) {
						t.Errorf("%s is gone", k.Event.Subject)
					}
				}
				whole := append(w.canonical(w.file), w.canonical(originals)...)
				for _, told := range w.canonical(now) {
					if !slices.Contains(whole, told) {
						t.Errorf("neither as it was nor as the file has it: %s", told)
					}
				}
			})
		})
	}
}

// TestALeftoverToWhichPeopleWereInvitedStays has a switch that stopped before the original was deleted, in a calendar that tells people. Somebody is
// invited to the original after the next restore has planned to delete it.
func TestALeftoverToWhichPeopleWereInvitedStays(t *testing.T) {
	w := newWorld(t)
	one, series := single("1@example.com", "One", "2026-10-05T10:00", "2026-10-05T11:00"), weekly()
	w.make(uri("Copy"))
	must(t, w.importing("Copy", one))
	original := w.kept(uri("Copy")).things[0].Event.ID
	series.Event.ICalUID = one.Event.ICalUID
	w.file = memory{things: []calendar.Kept{series}}
	into := func(r *run.Run, _ *restore.Input) {
		r.Calendar = calendar.URI{Provider: calendar.ProviderGraph, Account: "me", Calendar: "Copy"}.String()
	}
	first := w.start(restore.Replace, into)
	if err := w.runner(w.Table, w.Blobs, dyingBeforeDelete{w.calendar, original}).Run(t.Context(), first); !errors.Is(err, wiretest.ErrDied) {
		t.Fatal(err)
	}
	w.Advance(2 * time.Minute)
	w.give(first, run.Failed)
	for _, invites := range []bool{true, false} {
		next := w.start(restore.Replace, into)
		p := w.calendar
		if invites {
			p = inviting{w.calendar, original}
		}
		must(t, w.runner(w.Table, w.Blobs, p).Run(t.Context(), next))
		_, result := w.result(next.ID)
		stays := slices.ContainsFunc(w.kept(uri("Copy")).things, func(k calendar.Kept) bool { return k.Event.ID == original })
		if stays != invites || result.Counts.Read != 1 || (result.Counts.Refused == 1) != invites {
			t.Errorf("people were invited %v: the original stays %v, %+v", invites, stays, result)
		}
	}
}

// dyingBeforeDelete ends the process before it deletes an event.
type dyingBeforeDelete struct {
	calendar.Provider
	id string
}

func (p dyingBeforeDelete) Delete(ctx context.Context, account, id string, ids []string) ([]calendar.WriteResult, error) {
	if slices.Contains(ids, p.id) {
		return nil, wiretest.ErrDied
	}
	return p.Provider.Delete(ctx, account, id, ids)
}

// inviting has people invited to an event by the time that it is looked for.
type inviting struct {
	calendar.Provider
	id string
}

func (p inviting) Find(ctx context.Context, account, id string, ids []string) (map[string]calendar.Event, error) {
	found, err := p.Provider.Find(ctx, account, id, ids)
	if e, ok := found[p.id]; ok {
		e.IsOrganizer, e.Attendees = true, []calendar.Attendee{{Person: calendar.Person{Address: "ann@example.com"}}}
		found[p.id] = e
	}
	return found, err
}

// TestAnOriginalStaysWhenItsPlaceIsNotTaken has a calendar that refuses what is to take the place of an event.
func TestAnOriginalStaysWhenItsPlaceIsNotTaken(t *testing.T) {
	w := newWorld(t)
	one, other := single("1@example.com", "One", "2026-10-05T10:00", "2026-10-05T11:00"), weekly()
	w.make(uri("Copy"))
	must(t, w.importing("Copy", one, other))
	before := w.kept(uri("Copy"))
	one.Event.ICalUID, other.Event.ICalUID = other.Event.ICalUID, one.Event.ICalUID
	w.file = memory{things: []calendar.Kept{one, other}}
	r := w.start(restore.Replace)
	must(t, w.runner(w.Table, w.Blobs, &refusing{Provider: w.calendar}).Run(t.Context(), r))
	if r, result := w.result(r.ID); r.State != run.Partial || result.Counts.Failed != 2 {
		t.Errorf("%s %+v", r.State, result)
	}
	if diff := cmp.Diff(before, w.kept(uri("Copy")), cmp.AllowUnexported(memory{})); diff != "" {
		t.Error(diff)
	}
	if notes := w.open(); notes != nil {
		t.Errorf("nothing is half written, and there is %q", notes)
	}
}

// TestHalfACopyIsGoneOnWithByWhoeverAsksForIt stops making duplicates inside a series. Only the same asked for again goes on with that copy, whatever
// is restored before.
func TestHalfACopyIsGoneOnWithByWhoeverAsksForIt(t *testing.T) {
	w := newWorld(t)
	w.file = serial()
	w.restore(restore.Skip)
	first := w.start(restore.Duplicate)
	if err := w.runner(w.Table, w.Blobs, dyingInside{w.calendar}).Run(t.Context(), first); !errors.Is(err, wiretest.ErrDied) {
		t.Fatal(err)
	}
	w.Advance(2 * time.Minute)
	w.give(first, run.Failed)
	if r, result := w.restore(restore.Skip); r.State != run.Succeeded || result.Counts.Skipped != 3 {
		t.Errorf("%s %+v", r.State, result)
	}
	begun := len(w.kept(uri("Copy")).things) - 3
	if begun == 0 {
		t.Fatal("nothing was begun")
	}
	for name, change := range map[string]func(*run.Run, *restore.Input){
		"in another zone": func(_ *run.Run, in *restore.Input) { in.Zone = "UTC" },
		"of some days": func(r *run.Run, _ *restore.Input) {
			r.From, r.To = calendar.Date{Year: 2026, Month: 10, Day: 1}, calendar.Date{Year: 2026, Month: 12, Day: 31}
		},
	} {
		want := 3
		if name == "of some days" {
			want = 21 // of a series its instances
		}
		if _, result := w.restore(restore.Duplicate, change); result.Counts.Created != want {
			t.Errorf("%s: %+v", name, result)
		}
	}
	if _, result := w.restore(restore.Duplicate); result.Counts.Created != 3-begun {
		t.Errorf("the same again: %+v, %d were begun", result, begun)
	}
	if n := len(w.kept(uri("Copy")).things); n != 3+3+21+3 || w.open() != nil {
		t.Errorf("%d events, left %q", n, w.open())
	}
}

// TestACopyOfWhichSomeFailedIsForARetry makes duplicates of which some fail: the next ones are a copy of their own, and trying again finishes the first.
func TestACopyOfWhichSomeFailedIsForARetry(t *testing.T) {
	w := newWorld(t)
	w.file = serial()
	first := w.start(restore.Duplicate)
	must(t, w.runner(w.Table, w.Blobs, unchanging{w.calendar}).Run(t.Context(), first))
	if r, result := w.result(first.ID); r.State != run.Partial || result.Counts.Failed != 2 {
		t.Fatalf("%s %+v", r.State, result)
	}
	if _, result := w.restore(restore.Duplicate); result.Counts.Created != 3 || len(w.kept(uri("Copy")).things) != 6 {
		t.Errorf("%+v", result)
	}
	r, result := w.restore(restore.Duplicate, func(r *run.Run, _ *restore.Input) { r.AttemptOf = first.ID })
	if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Replaced: 2}) || w.open() != nil {
		t.Errorf("%s %+v, left %q", r.State, result, w.open())
	}
	twice := append(w.canonical(w.file), w.canonical(w.file)...)
	slices.Sort(twice)
	if diff := cmp.Diff(twice, w.canonical(w.kept(uri("Copy")))); diff != "" {
		t.Errorf("(-file +calendar):\n%s", diff)
	}
}

// dyingInside ends the process while it changes a series that is there.
type dyingInside struct{ calendar.Provider }

func (dyingInside) Instances(context.Context, string, string, string, time.Time, time.Time) ([]calendar.Event, error) {
	return nil, wiretest.ErrDied
}

// TestAnOriginalStaysWhileWhatTakesItsPlaceIsNotWhole has a calendar that takes a series, but not its changed instances. The next restore finishes it,
// and then the original goes.
func TestAnOriginalStaysWhileWhatTakesItsPlaceIsNotWhole(t *testing.T) {
	w := newWorld(t)
	one, series := single("1@example.com", "One", "2026-10-05T10:00", "2026-10-05T11:00"), weekly()
	w.make(uri("Copy"))
	must(t, w.importing("Copy", one))
	series.Event.ICalUID = one.Event.ICalUID
	w.file = memory{things: []calendar.Kept{series}}
	r := w.start(restore.Replace)
	must(t, w.runner(w.Table, w.Blobs, unchanging{w.calendar}).Run(t.Context(), r))
	if _, result := w.result(r.ID); result.Counts.Failed != 1 || len(w.kept(uri("Copy")).things) != 2 {
		t.Errorf("%+v, %d events", result, len(w.kept(uri("Copy")).things))
	}
	if r, result := w.restore(restore.Replace); r.State != run.Succeeded || result.Counts.Replaced != 1 {
		t.Errorf("%s %+v", r.State, result)
	}
	if diff := cmp.Diff(w.canonical(w.file), w.canonical(w.kept(uri("Copy")))); diff != "" {
		t.Errorf("(-file +calendar):\n%s", diff)
	}
}

// TestAFailedSeriesIsNotSkippedLater restores a series of which the calendar refuses the changed instances, and then again, with skip, into a
// calendar that takes them.
func TestAFailedSeriesIsNotSkippedLater(t *testing.T) {
	w := newWorld(t)
	w.file = serial()
	r := w.start(restore.Skip)
	must(t, w.runner(w.Table, w.Blobs, unchanging{w.calendar}).Run(t.Context(), r))
	if r, result := w.result(r.ID); r.State != run.Partial || result.Counts.Failed != 2 || len(w.open()) != 1 {
		t.Fatalf("%s %+v %q", r.State, result, w.open())
	}
	whole := w.file
	w.file = memory{things: whole.things[1:]} // a file without the one leaves that as it is
	if r, result := w.restore(restore.Skip); r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Skipped: 1, Replaced: 1}) {
		t.Errorf("%s %+v", r.State, result)
	}
	if notes := w.open(); len(notes) != 1 || strings.Contains(notes[0], r.ID) {
		t.Errorf("of the one that the file does not hold: %q", notes)
	}
	w.file = whole
	r, result := w.restore(restore.Skip)
	_, entries := w.items(r)
	want := restore.Counts{Read: 3, InPeriod: 3, Skipped: 2, Replaced: 1}
	if r.State != run.Succeeded || result.Counts != want || !strings.Contains(entries[0].Reason, "stopped while it wrote") {
		t.Errorf("%s %+v %+v", r.State, result, entries[0])
	}
	if diff := cmp.Diff(w.canonical(w.file), w.canonical(w.kept(uri("Copy")))); diff != "" {
		t.Errorf("(-file +calendar):\n%s", diff)
	}
	if notes := w.open(); notes != nil {
		t.Errorf("left: %q", notes)
	}
}

// TestWhatIsNotReachedStaysNoted restores other days, and tries other things again, after a restore that left series half written.
func TestWhatIsNotReachedStaysNoted(t *testing.T) {
	t.Run("by days", func(t *testing.T) {
		w := newWorld(t)
		w.file = serial()
		must(t, w.runner(w.Table, w.Blobs, unchanging{w.calendar}).Run(t.Context(), w.start(restore.Skip)))
		_, result := w.restore(restore.Skip, func(r *run.Run, _ *restore.Input) {
			r.From, r.To = calendar.Date{Year: 2030, Month: 1, Day: 1}, calendar.Date{Year: 2030, Month: 1, Day: 31}
		})
		if result.Counts.OutsidePeriod != 3 || len(w.open()) != 1 {
			t.Fatalf("%+v, noted %q", result, w.open())
		}
		if _, result := w.restore(restore.Skip); result.Counts.Replaced != 2 || w.open() != nil {
			t.Errorf("%+v, left %q", result, w.open())
		}
	})
	t.Run("by a retry", func(t *testing.T) {
		w := newWorld(t)
		w.file = many(45) // more than a chunk
		w.file.things = append(w.file.things, weekly())
		first := w.start(restore.Skip)
		dies := &refusing{Provider: dyingInside{w.calendar}, subject: "Work 3"}
		if err := w.runner(w.Table, w.Blobs, dies).Run(t.Context(), first); !errors.Is(err, wiretest.ErrDied) {
			t.Fatal(err)
		}
		w.Advance(2 * time.Minute)
		w.give(first, run.Cancelled)
		_, result := w.restore(restore.Skip, func(r *run.Run, _ *restore.Input) { r.AttemptOf = first.ID })
		if result.Counts != (restore.Counts{Read: 1, InPeriod: 1, Created: 1}) || len(w.open()) != 1 {
			t.Fatalf("%+v, noted %q", result, w.open())
		}
		if _, result := w.restore(restore.Skip); result.Counts.Replaced != 1 || w.open() != nil {
			t.Errorf("%+v, left %q", result, w.open())
		}
		if diff := cmp.Diff(w.canonical(w.file), w.canonical(w.kept(uri("Copy")))); diff != "" {
			t.Errorf("(-file +calendar):\n%s", diff)
		}
	})
}

// TestARetryFinishesWhatFailed tries the failed series again: it is half written no more.
func TestARetryFinishesWhatFailed(t *testing.T) {
	w := newWorld(t)
	w.file = serial()
	first := w.start(restore.Skip)
	must(t, w.runner(w.Table, w.Blobs, unchanging{w.calendar}).Run(t.Context(), first))
	r, result := w.restore(restore.Skip, func(r *run.Run, _ *restore.Input) { r.AttemptOf = first.ID })
	if r.State != run.Succeeded || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Replaced: 2}) || w.open() != nil {
		t.Errorf("%s %+v %q", r.State, result, w.open())
	}
	if diff := cmp.Diff(w.canonical(w.file), w.canonical(w.kept(uri("Copy")))); diff != "" {
		t.Errorf("(-file +calendar):\n%s", diff)
	}
}

// refusing refuses to create what is of some subject, or everything.
type refusing struct {
	calendar.Provider
	subject string
	tries   int // of what it refuses
}

func (p *refusing) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(drafts))
	for i, d := range drafts {
		if p.subject == "" || d.Subject == p.subject {
			p.tries++
			results[i].Err = errRefused
			continue
		}
		made, err := p.Provider.Create(ctx, account, id, drafts[i:i+1])
		if err != nil {
			return nil, err
		}
		results[i] = made[0]
	}
	return results, nil
}
