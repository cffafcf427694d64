package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// inBubble runs a test on a mailbox with switches, in time that passes by itself.
func inBubble(t *testing.T, set graphsim.Switches, test func(t *testing.T, w *world)) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)))
		sim := graphsim.New(graphsim.Options{Switches: set})
		test(t, build(t, sim, "http://localhost", serve(t, sim), time.Now))
	})
}

// quietNight archives while nothing fails, and checks what that leaves.
func (w *world) quietNight(c archive.Config, want archive.Counts) (*run.Run, archive.Result) {
	w.t.Helper()
	r, result := w.archive(c)
	if r.State != run.Succeeded || result.Counts != want {
		w.t.Errorf("%s %+v %+v", r.State, result, r.Problem)
	}
	w.verify(c)
	w.polite()
	return r, result
}

func (w *world) plans(r *run.Run) (items []archive.Item) {
	w.t.Helper()
	for page := range r.Pages {
		some, err := run.NewStore(w.Table).Items(w.t.Context(), r, page)
		must(w.t, err)
		for _, it := range some {
			var plan archive.Item
			must(w.t, json.Unmarshal(it.Plan, &plan))
			items = append(items, plan)
		}
	}
	return items
}

func TestAnArchiveThatMayOnlyBeReadIsNotWritten(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("reviewer"), func(t *testing.T, w *world) {
		w.month(3)
		_, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Archive", ReadOnly: true})
		must(t, err)
		c := w.config(archive.AskOnDrift)
		err = w.runner(w.Table, w.provider).Run(t.Context(), w.start(c))
		if fault.Of(err) != fault.Forbidden || !strings.Contains(err.Error(), "may only be read") {
			t.Errorf("the run ends with %v", err)
		}
		if cost := w.cost(); cost.writes > 0 || cost.creates > 0 || len(w.standing(c)) > 0 {
			t.Errorf("%+v, %d entries", cost, len(w.standing(c)))
		}
	})
}

func TestWhatOutlookCutsIsCutByUsAndSaidOnTheItem(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("cuts"), func(t *testing.T, w *world) {
		w.month(2)
		long := meeting(2)
		long["subject"] = strings.Repeat("Long ", 60)
		w.put(long)
		c := w.config(archive.AskOnDrift)
		r, _ := w.quietNight(c, archive.Counts{Fetched: 3, Archived: 3})
		noted := 0
		for _, it := range w.plans(r) {
			for _, issue := range it.Issues {
				if strings.Contains(issue, "255 characters") && strings.HasPrefix(it.Appointment.Subject, "Long") {
					noted++
				}
			}
		}
		if noted != 1 {
			t.Errorf("%d items say that a subject was cut", noted)
		}
		for _, e := range w.standing(c) {
			at := slices.IndexFunc(w.copies(), func(s graphsim.Stored) bool { return s.ID == e.CopyID })
			if got := w.copies()[at].Subject; got != e.Draft.Subject {
				t.Errorf("the archive shows %q, the ledger says that it does %q", got, e.Draft.Subject)
			}
		}
		w.quietNight(c, archive.Counts{Fetched: 3, Unchanged: 3})
	})
}

func TestEventsInZonesThatTheMailboxDoesNotKnowAreArchived(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("zones=few"), func(t *testing.T, w *world) {
		w.month(9)
		c := w.config(archive.AskOnDrift)
		w.quietNight(c, archive.Counts{Fetched: 9, Archived: 9})
		w.check(c)
		w.quietNight(c, archive.Counts{Fetched: 9, Unchanged: 9})
	})
}

// TestACopyOfOursThatWasPastedIntoTheArchiveIsTheUsers copies a copy within the archive, with our mark and all, as Outlook does.
func TestACopyOfOursThatWasPastedIntoTheArchiveIsTheUsers(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		source := w.put(meeting(0))
		w.put(meeting(1))
		c := w.config(archive.AcceptOnDrift)
		w.quietNight(c, archive.Counts{Fetched: 2, Archived: 2})
		var ours graphsim.Stored
		for _, e := range w.copies() {
			if e.Subject == "Meeting 0" {
				ours = e
			}
		}
		all, err := w.sim.Calendars(me)
		must(t, err)
		at := slices.IndexFunc(all, func(c graphsim.Calendar) bool { return c.Name == "Archive" })
		pasted, err := w.sim.CopyEvent(me, ours.ID, all[at].ID)
		must(t, err)
		w.put(object{"id": source, "subject": "Edited"})
		w.quietNight(c, archive.Counts{Fetched: 2, Unchanged: 1, Drifted: 1})
		r := w.newRun(c)
		r.Options.Adopt = true
		r, _, err = run.NewStore(w.Table).Create(t.Context(), r)
		must(t, err)
		must(t, w.runner(w.Table, w.provider).Run(t.Context(), r))
		if r, result := w.result(r.ID); r.State != run.Succeeded || result.Adopted != 0 || result.Written != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
		subjects := map[string]string{}
		for _, e := range w.copies() {
			subjects[e.ID] = e.Subject
		}
		if len(subjects) != 3 || subjects[ours.ID] != "Edited" || subjects[pasted] != "Meeting 0" {
			t.Errorf("the archive has %v; ours is %s, the user's %s", subjects, ours.ID, pasted)
		}
	})
}

// copied copies the copy of a source within the archive, as a user does. It returns the ids of ours and of the user's.
func (w *world) copied(c archive.Config, source string) (ours, pasted string) {
	w.t.Helper()
	ours = w.copyOf(c, source)
	time.Sleep(time.Minute)
	pasted, err := w.sim.CopyEvent(me, ours, w.named("Archive"))
	must(w.t, err)
	return ours, pasted
}

// copyOf returns the id of the copy of a source.
func (w *world) copyOf(c archive.Config, source string) string {
	w.t.Helper()
	for _, e := range w.standing(c) {
		if e.Source.ID == source {
			return e.CopyID
		}
	}
	w.t.Fatalf("there is no copy of %s", source)
	return ""
}

// named returns the id of a calendar.
func (w *world) named(name string) string {
	w.t.Helper()
	all, err := w.sim.Calendars(me)
	must(w.t, err)
	return all[slices.IndexFunc(all, func(c graphsim.Calendar) bool { return c.Name == name })].ID
}

func TestCopiesThatAUserMadeInTheArchiveAreCounted(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		source := w.put(meeting(0))
		w.put(meeting(1))
		c := w.config(archive.AcceptOnDrift)
		w.quietNight(c, archive.Counts{Fetched: 2, Archived: 2})
		ours, _ := w.copied(c, source)
		around := func(n int) {
			early := meeting(n)
			early["start"], early["end"] = at(october(1, n), "UTC"), at(october(1, n).Add(time.Minute), "UTC")
			w.put(early)
			w.put(meeting(n))
		}
		around(2)
		if _, result := w.quietNight(c, archive.Counts{Fetched: 4, Unchanged: 2, Archived: 2}); result.DuplicateCopies != 1 {
			t.Errorf("%d copies of copies are counted", result.DuplicateCopies)
		}
		must(t, w.sim.RemoveEvent(me, ours))
		around(3)
		if _, result := w.quietNight(c, archive.Counts{Fetched: 6, Unchanged: 4, Archived: 2}); result.DuplicateCopies != 0 {
			t.Errorf("without ours, %d copies of copies are counted", result.DuplicateCopies)
		}
	})
}

func TestAPastedCopyDoesNotStandForOneThatSomebodyMovedAway(t *testing.T) {
	for _, readOnly := range []bool{false, true} { // one that may only be read is not searched
		inBubble(t, nil, func(t *testing.T, w *world) {
			source := w.put(meeting(0))
			w.put(meeting(1))
			c := w.config(archive.AcceptOnDrift)
			w.quietNight(c, archive.Counts{Fetched: 2, Archived: 2})
			ours, pasted := w.copied(c, source)
			other, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Other", ReadOnly: readOnly})
			must(t, err)
			must(t, w.sim.MoveEvent(me, ours, other))
			w.put(object{"id": source, "subject": "Edited"})
			r, _ := w.quietNight(c, archive.Counts{Fetched: 2, Unchanged: 1, Drifted: 1})
			if _, issues := w.told(r); !readOnly && (len(issues) != 1 || !strings.HasPrefix(issues[0], `its copy was moved to calendar "Other"`)) {
				t.Errorf("the items say %q", issues)
			}
			subjects := map[string]string{}
			for _, e := range w.copies() {
				subjects[e.ID] = e.Subject
			}
			if moved := w.shows("Other"); len(subjects) != 3 || subjects[pasted] != "Meeting 0" || !slices.Equal(moved, []string{"Meeting 0"}) {
				t.Errorf("the archive has %v, the user's is %s; the other calendar has %q", subjects, pasted, moved)
			}
		})
	}
}

// TestOfSeveralCopiesTheOldestIsAdopted by a ledger that wrote none of them. The others are the user's.
func TestOfSeveralCopiesTheOldestIsAdopted(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(25)
		w.quietNight(w.config(archive.AcceptOnDrift), archive.Counts{Fetched: 25, Archived: 25})
		first := map[string]string{}
		for _, e := range w.copies() {
			first[e.ID] = e.Subject
		}
		time.Sleep(time.Minute)
		for id := range first {
			_, err := w.sim.CopyEvent(me, id, w.named("Archive"))
			must(t, err)
		}
		_, err := w.sim.CopyEvent(me, w.copies()[0].ID, w.named("Archive"))
		must(t, err)
		other := *w
		other.Machine = machinetest.New(t, w.clock)
		c := other.config(archive.AcceptOnDrift)
		r := other.newRun(c)
		r.Options.Adopt = true
		r, _, err = run.NewStore(other.Table).Create(t.Context(), r)
		must(t, err)
		must(t, other.runner(other.Table, other.provider).Run(t.Context(), r))
		if r, result := other.result(r.ID); r.State != run.Succeeded || result.Adopted != 25 || result.LeftAside != 26 || result.Counts.Unchanged != 25 {
			t.Errorf("%s %+v", r.State, result)
		}
		for _, e := range other.standing(c) {
			if first[e.CopyID] != e.Appointment.Subject {
				t.Errorf("%q was adopted from the copy of a copy", e.Appointment.Subject)
			}
		}
		if n := len(w.copies()); n != 51 {
			t.Errorf("%d events in the archive", n)
		}
	})
}

// shows returns the subjects of a calendar's events.
func (w *world) shows(name string) (subjects []string) {
	w.t.Helper()
	events, err := w.sim.Events(me, w.named(name))
	must(w.t, err)
	for _, e := range events {
		subjects = append(subjects, e.Subject)
	}
	slices.Sort(subjects)
	return subjects
}

// TestACopyThatWasMovedAwayIsFoundUnderWhateverID changes all ids after a copy was moved to another calendar, and another event with its mark pasted.
func TestACopyThatWasMovedAwayIsFoundUnderWhateverID(t *testing.T) {
	for _, set := range []string{"ids_change", "ids_change,filter=empty", "ids_change,filter=mailbox", "ids_change,filter=400,get_private=403"} {
		t.Run(set, func(t *testing.T) {
			inBubble(t, graphsim.MustSwitches(strings.Split(set, ",")...), func(t *testing.T, w *world) {
				source := w.put(meeting(1))
				w.put(meeting(3))
				c := w.config(archive.AcceptOnDrift)
				w.quietNight(c, archive.Counts{Fetched: 2, Archived: 2})
				ours, _ := w.copied(c, source)
				other, err := w.provider.CreateCalendar(t.Context(), uri("Other"))
				must(t, err)
				must(t, w.sim.MoveEvent(me, ours, other.ID))
				w.sim.Turn()
				events, err := w.sim.Events(me, w.source)
				must(t, err)
				at := slices.IndexFunc(events, func(e graphsim.Stored) bool { return e.Subject == "Meeting 1" })
				w.put(object{"id": events[at].ID, "subject": "Edited"})
				r, _ := w.quietNight(c, archive.Counts{Fetched: 2, Unchanged: 1, Drifted: 1})
				if _, issues := w.told(r); len(issues) != 1 || !strings.Contains(issues[0], `calendar "Other"`) {
					t.Errorf("the items say %q", issues)
				}
				if there := w.shows("Archive"); !slices.Equal(there, []string{"Edited", "Meeting 1", "Meeting 3"}) {
					t.Errorf("the archive has %q", there)
				}
				if there := w.shows("Other"); !slices.Equal(there, []string{"Meeting 1"}) {
					t.Errorf("the other calendar has %q", there)
				}
				w.quietNight(c, archive.Counts{Fetched: 2, Unchanged: 2})
			})
		})
	}
}

// TestACopyWhoseIDChangedIsOursThoughOthersWerePasted into the archive and into another calendar: those are younger.
func TestACopyWhoseIDChangedIsOursThoughOthersWerePasted(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("ids_change"), func(t *testing.T, w *world) {
		source := w.put(meeting(1))
		c := w.config(archive.AcceptOnDrift)
		w.quietNight(c, archive.Counts{Fetched: 1, Archived: 1})
		ours, _ := w.copied(c, source)
		other, err := w.provider.CreateCalendar(t.Context(), uri("Other"))
		must(t, err)
		_, err = w.sim.CopyEvent(me, ours, other.ID)
		must(t, err)
		made := map[string]time.Time{}
		w.sim.Turn()
		for _, e := range w.copies() {
			made[e.ID] = e.Created
		}
		events, err := w.sim.Events(me, w.source)
		must(t, err)
		w.put(object{"id": events[0].ID, "subject": "Edited"})
		r, _ := w.quietNight(c, archive.Counts{Fetched: 1, Drifted: 1})
		if _, issues := w.told(r); len(issues) > 0 {
			t.Errorf("the items say %q", issues)
		}
		for _, e := range w.copies() {
			if oldest := e.Created.Before(time.Date(2026, 11, 1, 6, 1, 0, 0, time.UTC)); made[e.ID].IsZero() || oldest != (e.Subject == "Edited") {
				t.Errorf("%s of %v is %q", e.ID, e.Created, e.Subject)
			}
		}
		if there := w.shows("Other"); !slices.Equal(there, []string{"Meeting 1"}) || len(made) != 2 {
			t.Errorf("the other calendar has %q, the archive %v", there, made)
		}
	})
}

// TestACopyThatWasDraggedIntoTheSourceIsNoHourOfItsOwn even after another copy stands for it in the archive.
func TestACopyThatWasDraggedIntoTheSourceIsNoHourOfItsOwn(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		source := w.put(meeting(0))
		w.put(meeting(1))
		c := w.config(archive.AcceptOnDrift)
		w.quietNight(c, archive.Counts{Fetched: 2, Archived: 2})
		must(t, w.sim.MoveEvent(me, w.copyOf(c, source), w.source))
		w.put(object{"id": source, "subject": "Edited"})
		r, _ := w.quietNight(c, archive.Counts{Fetched: 3, Unchanged: 1, Drifted: 1, Excluded: 1})
		if _, issues := w.told(r); len(issues) != 1 || !strings.Contains(issues[0], `calendar "Work"`) {
			t.Errorf("the items say %q", issues)
		}
		for range 2 {
			w.quietNight(c, archive.Counts{Fetched: 3, Unchanged: 2, Excluded: 1})
		}
		w.check(c)
	})
}

// TestLookingForMovedCopiesCostsLittle counts requests to Graph: of a night on which copies are gone, and of the one after it.
func TestLookingForMovedCopiesCostsLittle(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(30)
		c := w.config(archive.AcceptOnDrift)
		w.quietNight(c, archive.Counts{Fetched: 30, Archived: 30})
		for i := range 30 {
			_, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: fmt.Sprint("Project ", i)})
			must(t, err)
		}
		holidays, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Holidays", ReadOnly: true})
		must(t, err)
		searched := func() (requests, calendars int) {
			in := map[string]bool{}
			for _, e := range w.sim.Log() {
				requests++
				for _, sub := range e.Sub {
					path, _, _ := strings.Cut(sub.Path, "/events")
					in[path] = true
					if strings.Contains(sub.Path, url.PathEscape(holidays)) || strings.Contains(sub.Path, holidays) {
						t.Error("a calendar was searched that may only be read")
					}
				}
			}
			return requests, len(in)
		}
		edit := func(n int, to string) {
			events, err := w.sim.Events(me, w.source)
			must(t, err)
			for _, e := range events[:n] {
				w.put(object{"id": e.ID, "subject": to})
			}
			w.sim.ResetLog()
		}
		edit(10, "Edited")
		w.quietNight(c, archive.Counts{Fetched: 30, Unchanged: 20, Drifted: 10})
		there, _ := searched()
		for _, e := range w.copies() {
			if e.Subject == "Edited" {
				must(t, w.sim.RemoveEvent(me, e.ID))
			}
		}
		edit(10, "Edited again")
		w.quietNight(c, archive.Counts{Fetched: 30, Unchanged: 20, Drifted: 10})
		// The mailbox is asked, the archive, the source for its texts, and twenty more, one request each. Nobody moves anything into the read-only one.
		if gone, calendars := searched(); gone > there+26 || calendars != 23 {
			t.Errorf("%d requests where ten copies are gone, %d where they are not; %d calendars were asked", gone, there, calendars)
		}
		w.sim.ResetLog()
		w.quietNight(c, archive.Counts{Fetched: 30, Unchanged: 30})
		if requests, _ := searched(); requests > 2 {
			t.Errorf("%d requests on an unchanged night", requests)
		}
	})
}

// TestATransactionIDThatIsTakenIsGivenUp has the ids of all copies taken by events that are gone.
func TestATransactionIDThatIsTakenIsGivenUp(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("transaction_ids=kept"), func(t *testing.T, w *world) {
		w.month(3)
		c := w.config(archive.AskOnDrift)
		dry := w.newRun(c)
		dry.Options.DryRun = true
		dry, _, err := run.NewStore(w.Table).Create(t.Context(), dry)
		must(t, err)
		must(t, w.runner(w.Table, w.provider).Run(t.Context(), dry))
		dry, _ = w.result(dry.ID)
		var drafts []calendar.Draft
		for _, it := range w.plans(dry) {
			e := ledger.Entry{Config: c.ID, Key: it.Key, Version: 1}
			at := calendar.DateTime{Local: "2026-10-20T09:00:00", Zone: "UTC"}
			drafts = append(drafts, calendar.Draft{Mark: "gone " + it.Key, TransactionID: e.TransactionID(), Subject: "Gone", Start: at, End: at})
		}
		other, err := w.provider.CreateCalendar(t.Context(), uri("Other"))
		must(t, err)
		made, err := w.provider.Create(t.Context(), me, other.ID, drafts)
		must(t, err)
		for _, m := range made {
			must(t, m.Err)
			must(t, w.sim.RemoveEvent(me, m.ID))
		}
		w.quietNight(c, archive.Counts{Fetched: 3, Archived: 3})
		w.check(c)
	})
}

// TestALostAnswerMakesNoSecondCopy loses answers to creates where nothing but our looking keeps a second create from making a second event.
func TestALostAnswerMakesNoSecondCopy(t *testing.T) {
	batch := graphsim.Fault{Method: http.MethodPost, Path: "/$batch", Nth: 2, Kind: graphsim.FaultCut, When: graphsim.After}
	some := graphsim.Fault{Method: http.MethodPost, Scope: "sub", Every: 7, Times: 4, Kind: graphsim.FaultTimeout, When: graphsim.After}
	for _, tt := range []struct {
		set   string
		fault graphsim.Fault
	}{
		{"transaction_ids=dead", batch}, {"transaction_ids=dead", some}, {"lag=2", batch}, {"lag=2", some}, {"transaction_ids=dead,lag=2", batch},
		{"transaction_ids=dead,lag=2", some}, {"transaction_ids=dead,lag=2,filter=empty", batch}, {"transaction_ids=dead,lag=2,filter=empty", some},
	} {
		set := tt.set
		t.Run(set+" "+tt.fault.Kind, func(t *testing.T) {
			inBubble(t, graphsim.MustSwitches(strings.Split(set, ",")...), func(t *testing.T, w *world) {
				w.month(45)
				c := w.config(archive.AskOnDrift)
				must(t, w.sim.SetFaults(tt.fault))
				w.quietNight(c, archive.Counts{Fetched: 45, Archived: 45})
				time.Sleep(time.Minute)
				w.check(c)
				w.quietNight(c, archive.Counts{Fetched: 45, Unchanged: 45})
			})
		})
	}
}

// TestACopyThatIsMadeAfterTheRequestWasGivenUpIsNoSecondOne is about a service that goes on with a request for which nobody waits any more.
func TestACopyThatIsMadeAfterTheRequestWasGivenUpIsNoSecondOne(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("transaction_ids=dead", "filter=empty"), func(t *testing.T, w *world) {
		w.month(5)
		c := w.config(archive.AskOnDrift)
		must(t, w.sim.SetFaults(graphsim.Fault{
			Method: http.MethodPost, Path: "/$batch", Nth: 2, Kind: graphsim.FaultLatency, Delay: graphsim.Duration(45 * time.Second),
		}))
		w.quietNight(c, archive.Counts{Fetched: 5, Archived: 5})
		time.Sleep(time.Minute)
		w.check(c)
		w.quietNight(c, archive.Counts{Fetched: 5, Unchanged: 5})
	})
}

// TestCalendarsWhoseIDsChangeAreTheSame names them by name, as configs do.
func TestCalendarsWhoseIDsChangeAreTheSame(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("calendar_ids_change"), func(t *testing.T, w *world) {
		w.month(3)
		c := w.config(archive.AskOnDrift)
		w.quietNight(c, archive.Counts{Fetched: 3, Archived: 3})
		must(t, w.sim.RenewIDs(me, ""))
		w.quietNight(c, archive.Counts{Fetched: 3, Unchanged: 3})
		w.check(c)
	})
}

func TestACalendarIsFoundByTheOtherOfItsNames(t *testing.T) {
	archiving := func(w *world, source, into calendar.URI) archive.Config {
		c, err := w.configs(w.Table).Create(w.t.Context(), user, archive.Config{
			Name: "by names", Source: source, Archive: into, Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Resolve,
			OnDrift: archive.AskOnDrift, LookBack: 30, CreateCalendar: true,
		})
		must(w.t, err)
		return c
	}
	t.Run("by its name when ids change, again and again", func(t *testing.T) {
		inBubble(t, graphsim.MustSwitches("calendar_ids_change"), func(t *testing.T, w *world) {
			w.month(3)
			_, err := w.provider.CreateCalendar(t.Context(), uri("Archive"))
			must(t, err)
			c := archiving(w, uri(w.source), uri(w.named("Archive")))
			w.quietNight(c, archive.Counts{Fetched: 3, Archived: 3})
			for range 2 {
				must(t, w.sim.RenewIDs(me, ""))
				w.source = w.named("Work")
				w.quietNight(c, archive.Counts{Fetched: 3, Unchanged: 3})
			}
			must(t, w.sim.RemoveCalendar(me, w.named("Archive")))
			w.put(meeting(5))
			if r, _ := w.archive(c); r.State == run.Succeeded {
				t.Error("an archive that is gone was not missed")
			}
			all, err := w.sim.Calendars(me)
			must(t, err)
			for _, one := range all {
				if one.Name == c.Archive.Calendar {
					t.Error("a calendar is named by an id")
				}
			}
		})
	})
	t.Run("and none is made of an id that it had before", func(t *testing.T) {
		inBubble(t, graphsim.MustSwitches("calendar_ids_change"), func(t *testing.T, w *world) {
			_, err := w.provider.CreateCalendar(t.Context(), uri("Archive"))
			must(t, err)
			c := archiving(w, uri("Work"), uri(w.named("Archive")))
			w.archive(c)
			must(t, w.sim.RenewIDs(me, ""))
			w.source = w.named("Work")
			w.archive(c)
			must(t, w.sim.RemoveCalendar(me, w.named("Archive")))
			w.put(meeting(5))
			err = w.runner(w.Table, w.provider).Run(t.Context(), w.start(c))
			if fault.Of(err) != fault.NotFound || !strings.Contains(err.Error(), `"Archive" is gone, and the config names it by its id`) {
				t.Errorf("the run ends with %v", err)
			}
		})
	})
	t.Run("by its id when it is renamed", func(t *testing.T) {
		inBubble(t, nil, func(t *testing.T, w *world) {
			w.month(3)
			c := w.config(archive.AskOnDrift)
			w.quietNight(c, archive.Counts{Fetched: 3, Archived: 3})
			for _, one := range []graphsim.Calendar{{ID: w.named("Archive"), Name: "Hours"}, {ID: w.source, Name: "Office"}} {
				_, err := w.sim.AddCalendar(me, one)
				must(t, err)
			}
			w.quietNight(c, archive.Counts{Fetched: 3, Unchanged: 3})
			w.put(meeting(5))
			w.quietNight(c, archive.Counts{Fetched: 4, Unchanged: 3, Archived: 1})
			must(t, w.sim.RenewIDs(me, ""))
			w.source = w.named("Office")
			w.quietNight(c, archive.Counts{Fetched: 4, Unchanged: 4})
		})
	})
}

// ends carries out a run of another kind than an archive run, and returns its result in the words of its JSON.
func (w *world) ends(h run.Handler, r *run.Run, input any) (*run.Run, string) {
	w.t.Helper()
	text, err := json.Marshal(input)
	must(w.t, err)
	r.ID, r.User, r.State, r.Created, r.Input = w.NewID(), user, run.Queued, w.clock(), text
	r, _, err = run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	must(w.t, h.Run(w.t.Context(), r))
	r, err = run.NewStore(w.Table).Get(w.t.Context(), user, r.ID)
	must(w.t, err)
	return r, string(r.Result)
}

// TestBackupsAndRestoresFindACalendarByTheOtherOfItsNames as archive runs do, and all say so.
func TestBackupsAndRestoresFindACalendarByTheOtherOfItsNames(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		archive    string // the name that the archive calendar then has
		byID       bool   // the config and all others name the calendars by their ids
		change     func(w *world)
	}{
		{name: "by the id, when it was renamed", says: "it was found by its id", archive: "Hours", change: func(w *world) {
			for _, one := range []graphsim.Calendar{{ID: w.named("Archive"), Name: "Hours"}, {ID: w.named("Work"), Name: "Office"}} {
				_, err := w.sim.AddCalendar(me, one)
				must(w.t, err)
			}
		}},
		{name: "by the name, when the id changed", says: "it was found by its name", archive: "Archive", byID: true, change: func(w *world) {
			must(w.t, w.sim.RenewIDs(me, ""))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, w *world) {
				w.month(3)
				source, into := uri("Work"), uri("Archive")
				if tt.byID {
					_, err := w.provider.CreateCalendar(t.Context(), into)
					must(t, err)
					source, into = uri(w.named("Work")), uri(w.named("Archive"))
				}
				configs := w.configs(w.Table)
				settings := archive.Config{
					Name: "that never ran", Source: source, Archive: uri("Another"), Timezone: "Europe/Berlin", Purpose: archive.General,
					Overlaps: archive.Resolve, OnDrift: archive.AskOnDrift, LookBack: 30, CreateCalendar: true,
				}
				_, err := configs.Create(t.Context(), user, settings)
				must(t, err)
				settings.Name, settings.Archive = "work", into
				c, err := configs.Create(t.Context(), user, settings)
				must(t, err)
				preview := w.newRun(c)
				preview.Options.DryRun = true
				preview, _, err = run.NewStore(w.Table).Create(t.Context(), preview)
				must(t, err)
				must(t, w.runner(w.Table, w.provider).Run(t.Context(), preview))
				if _, result := w.result(preview.ID); len(result.Otherwise) > 0 {
					t.Errorf("a preview says %q before anything changed", result.Otherwise)
				}
				if _, result := w.quietNight(c, archive.Counts{Fetched: 3, Archived: 3}); len(result.Otherwise) > 0 {
					t.Errorf("it says %q before anything changed", result.Otherwise)
				}
				backups := &backup.Runner{
					Table: w.Table, Blobs: w.Blobs, Clock: w.clock, NewID: w.NewID, Software: "test", HandOn: time.Minute, Known: configs.Known, Zone: configs.Zone,
					Provider: func(context.Context, string, calendar.URI) (backup.Provider, error) { return w.provider, nil },
				}
				first, text := w.ends(backups, &run.Run{Kind: run.Backup, Config: c.ID, Calendar: source.String()}, backup.Input{})
				if first.State != run.Succeeded || strings.Contains(text, "found_otherwise") {
					t.Fatalf("%s %s", first.State, text)
				}
				restores := restore.Runner{
					Table: w.Table, Blobs: w.Blobs, Clock: w.clock, NewID: w.NewID, LeaseFor: time.Minute, HandOn: time.Minute, Known: configs.Known,
					Open: restore.Opener(backup.New(w.Table, w.Blobs), nil), Archives: configs.Archives,
					Provider: func(context.Context, string, calendar.URI) (restore.Provider, error) { return w.provider, nil },
				}
				tt.change(w)
				before, err := w.sim.Calendars(me)
				must(t, err)
				said := func(what string, r *run.Run, text string) {
					t.Helper()
					if r.State != run.Succeeded || !strings.Contains(text, tt.says) {
						t.Errorf("%s: %s %+v %s", what, r.State, r.Problem, text)
					}
				}
				drill := &restore.Drill{Runner: restores, Backups: backup.New(w.Table, w.Blobs)}
				r, text := w.ends(drill, &run.Run{Kind: run.Drill, Config: c.ID, Calendar: source.String()}, nil)
				said("a drill", r, text)
				r, text = w.ends(backups, &run.Run{Kind: run.Backup, Config: c.ID, Calendar: source.String()}, backup.Input{})
				said("a backup", r, text)
				if !strings.Contains(text, `"events":3`) {
					t.Errorf("the backup holds %s", text)
				}
				in := restore.Input{Backup: first.ID, Policy: restore.Skip, Zone: "Europe/Berlin", CreateCalendar: true}
				r, text = w.ends(&restores, &run.Run{Kind: run.Restore, Calendar: source.String()}, in)
				said("a restore", r, text)
				if !strings.Contains(text, `"skipped":3`) {
					t.Errorf("the restore did %s", text)
				}
				for _, name := range []string{tt.archive, into.Calendar} {
					refused := &run.Run{Kind: run.Restore, Calendar: uri(name).String(), ID: w.NewID(), User: user, State: run.Queued, Created: w.clock()}
					refused.Input, err = json.Marshal(in)
					must(t, err)
					refused, _, err = run.NewStore(w.Table).Create(t.Context(), refused)
					must(t, err)
					if err := restores.Run(t.Context(), refused); fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "archive of one of your configs") {
						t.Errorf("restoring into %s: %v", name, err)
					}
				}
				w.source = w.after("Office", "Work")
				if _, result := w.quietNight(c, archive.Counts{Fetched: 3, Unchanged: 3}); len(result.Otherwise) != 2 ||
					!strings.Contains(result.Otherwise[0], tt.says) || !strings.Contains(result.Otherwise[1], tt.says) {
					t.Errorf("the archive run says %q", result.Otherwise)
				}
				if after, err := w.sim.Calendars(me); err != nil || len(after) != len(before) {
					t.Errorf("there were %d calendars and are %d, %v", len(before), len(after), err)
				}
			})
		})
	}
}

// after returns the id of the calendar that has one of the names.
func (w *world) after(names ...string) string {
	w.t.Helper()
	all, err := w.sim.Calendars(me)
	must(w.t, err)
	return all[slices.IndexFunc(all, func(c graphsim.Calendar) bool { return slices.Contains(names, c.Name) })].ID
}

// TestAnArchiveThatWasRenamedIsStillItsConfigs: no other config writes it, and nobody deletes it unawares.
func TestAnArchiveThatWasRenamedIsStillItsConfigs(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(3)
		c := w.config(archive.AskOnDrift)
		w.quietNight(c, archive.Counts{Fetched: 3, Archived: 3})
		id, err := w.sim.AddCalendar(me, graphsim.Calendar{ID: w.named("Archive"), Name: "Hours"})
		must(t, err)
		finding := w.configs(w.Table).Finding(func(ctx context.Context, uri calendar.URI) (string, error) {
			info, err := w.provider.Calendar(ctx, uri)
			if fault.Of(err) == fault.NotFound {
				return "", nil
			}
			return info.ID, err
		})
		if owners, err := finding.Owners(t.Context(), user, archive.Place{URI: uri("Hours"), ID: id}); err != nil || len(owners) != 1 || owners[0].Config != c.ID {
			t.Errorf("its owners are %+v, %v", owners, err)
		}
		second := c
		second.Name, second.Archive = "second", uri("Hours")
		if _, err := finding.Create(t.Context(), user, second); fault.Of(err) != fault.Conflict {
			t.Errorf("another config of the archive: %v", err)
		}
		claims, err := finding.Claims(t.Context(), user)
		must(t, err)
		if len(claims) != 1 || claims[0].Archive.ID != id {
			t.Errorf("the claims are %+v", claims)
		}
		blind, err := w.configs(w.Table).Create(t.Context(), user, second) // stored while the mailbox was out of reach
		must(t, err)
		if err := w.runner(w.Table, w.provider).Run(t.Context(), w.start(blind)); fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), `config "work"`) {
			t.Errorf("its run: %v", err)
		}
	})
}
