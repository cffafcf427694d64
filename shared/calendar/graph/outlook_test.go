package graph

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
)

// TestOnlyAnEventThatIsNotThereIsGone refuses to take what is said about the mailbox for what is said about an event.
func TestOnlyAnEventThatIsNotThereIsGone(t *testing.T) {
	for _, code := range []string{"ResourceNotFound", "MailboxNotEnabledForRESTAPI", "ErrorInvalidUser", ""} {
		t.Run(code, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{}, nil)
			id := w.archive()
			made, err := w.Create(t.Context(), me, id, numbered(1))
			if err != nil {
				t.Fatal(err)
			}
			ids := []string{made[0].ID}
			w.faults(graphsim.Fault{Path: "/users/*/calendars/*/events/*", Kind: graphsim.FaultError, Status: http.StatusNotFound, Code: code})
			if results, err := w.Delete(t.Context(), me, id, ids); err != nil || results[0].Err == nil {
				t.Errorf("it counts as deleted: %+v, %v", results, err)
			}
			if results, err := w.Update(t.Context(), me, id, []calendar.Update{{ID: ids[0], Draft: numbered(1)[0]}}); err != nil ||
				results[0].Err == nil || errors.Is(results[0].Err, calendar.ErrNotFound) {
				t.Errorf("it counts as gone: %+v, %v", results, err)
			}
			if found, err := w.Find(t.Context(), me, id, ids); err == nil {
				t.Errorf("it counts as not there: %v", found)
			}
			w.faults()
			if results, err := w.Delete(t.Context(), me, id, ids); err != nil || results[0].Err != nil {
				t.Errorf("it cannot be deleted: %+v, %v", results, err)
			}
			if results, err := w.Delete(t.Context(), me, id, ids); err != nil || results[0].Err != nil {
				t.Errorf("that it is gone does not count as deleted: %+v, %v", results, err)
			}
		})
	}
}

// TestASeriesThatCannotBeReadIsNotLeftOut reads a calendar whose series answers as if the mailbox were not there.
func TestASeriesThatCannotBeReadIsNotLeftOut(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	w.put(id, weeklyEvent("Weekly", nil))
	w.faults(graphsim.Fault{Path: "/users/**/events/*", Kind: graphsim.FaultError, Status: http.StatusNotFound, Code: "ErrorInvalidUser"})
	if list, err := w.kept(id); err == nil {
		t.Errorf("the calendar keeps %+v", list)
	}
}

func TestConflictsAndLocksPass(t *testing.T) {
	for _, name := range []string{"series_conflicts", "locked"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{Switches: graphsim.MustSwitches(name)}, nil)
			id := w.archive()
			made, err := w.Create(t.Context(), me, id, numbered(1))
			if err != nil {
				t.Fatal(err)
			}
			up := []calendar.Update{{ID: made[0].ID, Draft: numbered(1)[0]}}
			for i := range 6 {
				results, err := w.Update(t.Context(), me, id, up)
				if err != nil || (results[0].Err == nil) != (i%3 != 0) || i%3 == 0 && fault.Of(results[0].Err) != fault.Unavailable {
					t.Errorf("update %d: %+v, %v", i, results, err)
				}
			}
		})
	}
}

func TestMarksAreFoundHoweverTheServiceFilters(t *testing.T) {
	for _, value := range []string{"", "filter=mailbox", "filter=400", "filter=empty"} {
		t.Run(value, func(t *testing.T) {
			options := graphsim.Options{}
			if value != "" {
				options.Switches = graphsim.MustSwitches(value)
			}
			w := newWorld(t, options, nil)
			id := w.archive()
			other, err := w.CreateCalendar(t.Context(), calendar.URI{Provider: calendar.ProviderGraph, Account: me, Calendar: "Other"})
			if err != nil {
				t.Fatal(err)
			}
			drafts := numbered(30)
			if _, err := w.Create(t.Context(), me, id, drafts[:20]); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Create(t.Context(), me, other.ID, drafts[20:]); err != nil {
				t.Fatal(err)
			}
			find := func(from, to int) int {
				t.Helper()
				var marks []string
				for _, d := range drafts[from:to] {
					marks = append(marks, d.Mark)
				}
				w.sim.ResetLog()
				found, err := w.Marked(t.Context(), me, id, marks)
				if err != nil {
					t.Fatal(err)
				}
				for mark, e := range found {
					if e.Mark != mark || e.Subject == "" {
						t.Errorf("%s is %+v", mark, e)
					}
				}
				return len(found)
			}
			if n := find(20, 30); n != 0 {
				t.Errorf("%d of another calendar are found", n)
			}
			if n := find(15, 25); n != 5 {
				t.Errorf("%d are found, want 5", n)
			}
			listings := 0
			if find(20, 30); true {
				for _, e := range w.sim.Log() {
					if e.Method == http.MethodGet && len(e.Sub) == 0 {
						listings++
					}
				}
			}
			if works := value == "" || value == "filter=mailbox"; works != (listings == 0) {
				t.Errorf("%d listings of all marks", listings)
			}
		})
	}
}

func TestAFilterThatFindsSomethingIsBelievedAtOnce(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	if _, err := w.Create(t.Context(), me, id, numbered(2)); err != nil {
		t.Fatal(err)
	}
	w.sim.ResetLog()
	if found, err := w.Marked(t.Context(), me, id, []string{"mark-000", "mark-009"}); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	if n := len(w.sim.Log()); n != 2 {
		t.Errorf("there were %d requests, want a filter and a reading of what it found", n)
	}
}

// TestTheOlderOfTwoEventsWithOneMarkIsOurs copies an event as a user does in Outlook: the copy carries our mark.
func TestTheOlderOfTwoEventsWithOneMarkIsOurs(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	made, err := w.Create(t.Context(), me, id, numbered(1))
	if err != nil {
		t.Fatal(err)
	}
	copied, err := w.sim.CopyEvent(me, made[0].ID, id)
	if err != nil {
		t.Fatal(err)
	}
	found, err := w.Marked(t.Context(), me, id, []string{"mark-000"})
	if err != nil || found["mark-000"].ID != made[0].ID || copied == made[0].ID {
		t.Errorf("%+v, %v; the copy is %s", found, err, copied)
	}
}

func TestAZoneThatTheMailboxDoesNotKnow(t *testing.T) {
	w := newWorld(t, graphsim.Options{Switches: graphsim.MustSwitches("zones=few")}, nil)
	id := w.archive()
	drafts := numbered(3)
	tokyo := func(local string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: "Asia/Tokyo"} }
	drafts[0].Start, drafts[0].End = tokyo("2026-10-05T09:00:00"), tokyo("2026-10-05T10:00:00")
	drafts[1].Start, drafts[1].End = drafts[0].Start, drafts[0].End
	drafts[1].Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=3"}}
	drafts[2].AllDay = true
	drafts[2].Start, drafts[2].End = tokyo("2026-10-05T00:00:00"), tokyo("2026-10-06T00:00:00")
	results, err := w.Create(t.Context(), me, id, drafts)
	if err != nil || results[0].Err != nil || fault.Of(results[1].Err) != fault.Invalid || results[2].Err != nil {
		t.Fatalf("%+v, %v", results, err)
	}
	if log := w.sim.Log(); len(log) != 2 || len(log[1].Sub) != 2 {
		t.Errorf("%d requests: a series is not written in UTC", len(log))
	}
	check := func(start, day string) {
		t.Helper()
		found, err := w.Find(t.Context(), me, id, []string{results[0].ID, results[2].ID})
		if one, whole := found[results[0].ID], found[results[2].ID]; err != nil || one.Start.Local != start || whole.Start.Local != day || !whole.AllDay {
			t.Errorf("%+v and %+v, %v", one.Start, whole.Start, err)
		}
	}
	check("2026-10-05T00:00:00.0000000", "2026-10-05T00:00:00.0000000")
	later := drafts[0]
	later.Start.Local, later.End.Local = "2026-10-06T08:30:00", "2026-10-06T09:00:00"
	if updated, err := w.Update(t.Context(), me, id, []calendar.Update{{ID: results[0].ID, Draft: later}}); err != nil || updated[0].Err != nil {
		t.Errorf("%+v, %v", updated, err)
	}
	check("2026-10-05T23:30:00.0000000", "2026-10-05T00:00:00.0000000")
}

func TestATransactionIDThatStaysTakenIsSaidToBe(t *testing.T) {
	w := newWorld(t, graphsim.Options{Switches: graphsim.MustSwitches("transaction_ids=kept")}, nil)
	id := w.archive()
	draft := numbered(1)
	made, err := w.Create(t.Context(), me, id, draft)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Delete(t.Context(), me, id, []string{made[0].ID}); err != nil {
		t.Fatal(err)
	}
	if again, err := w.Create(t.Context(), me, id, draft); err != nil || !errors.Is(again[0].Err, calendar.ErrTaken) {
		t.Errorf("%+v, %v", again, err)
	}
	draft[0].TransactionID += "-2"
	if again, err := w.Create(t.Context(), me, id, draft); err != nil || again[0].Err != nil {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestWhatIsTooLongIsCutBeforeItIsSent(t *testing.T) {
	w := newWorld(t, graphsim.Options{Switches: graphsim.MustSwitches("cuts")}, nil)
	id := w.archive()
	draft := numbered(1)
	long := strings.Repeat("\U0001F600x", 100)
	draft[0].Subject, draft[0].Location, draft[0].Categories = long, long, []string{"short", long}
	made, err := w.Create(t.Context(), me, id, draft)
	if err != nil || made[0].Err != nil {
		t.Fatal(err, made)
	}
	want := draft[0]
	if notes := want.FitOutlook(false); len(notes) != 3 {
		t.Errorf("it is noted: %q", notes)
	}
	found, err := w.Find(t.Context(), me, id, []string{made[0].ID})
	e := found[made[0].ID]
	if err != nil || e.Subject != want.Subject || e.Location != want.Location || !slices.Equal(e.Categories, want.Categories) ||
		!strings.HasSuffix(e.Subject, "...") {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestACalendarHasTheIDThatItIsListedWith(t *testing.T) {
	w := newWorld(t, graphsim.Options{Switches: graphsim.MustSwitches("calendar_ids_change")}, nil)
	uri := calendar.URI{Provider: calendar.ProviderGraph, Account: me, Calendar: "Archive"}
	made, err := w.CreateCalendar(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	if listed, err := w.Calendar(t.Context(), uri); err != nil || listed != made {
		t.Errorf("made is %+v, listed %+v, %v", made, listed, err)
	}
	if err := w.sim.RenewIDs(me, ""); err != nil {
		t.Fatal(err)
	}
	uri.Calendar = made.ID
	if again, err := w.CreateCalendar(t.Context(), uri); fault.Of(err) != fault.Invalid {
		t.Errorf("a calendar is named by an id: %+v, %v", again, err)
	}
}

func TestADiscardedCalendarLeavesNothingWhereThatIsOffered(t *testing.T) {
	for name, left := range map[string]int{"": 0, "permanent_delete=none": 3} {
		t.Run(name, func(t *testing.T) {
			options := graphsim.Options{}
			if name != "" {
				options.Switches = graphsim.MustSwitches(name)
			}
			w := newWorld(t, options, nil)
			id := w.archive()
			if _, err := w.Create(t.Context(), me, id, numbered(3)); err != nil {
				t.Fatal(err)
			}
			if err := w.DiscardCalendar(t.Context(), me, id); err != nil {
				t.Fatal(err)
			}
			if n, err := w.sim.Recoverable(me); err != nil || n != left {
				t.Errorf("%d events can be reached, want %d; %v", n, left, err)
			}
			if err := w.DiscardCalendar(t.Context(), me, id); !errors.Is(err, calendar.ErrNotFound) {
				t.Errorf("discarding what is gone: %v", err)
			}
		})
	}
}
