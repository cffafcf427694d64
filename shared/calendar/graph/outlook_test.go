package graph

import (
	"errors"
	"net/http"
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
	w.faults(graphsim.Fault{Path: "/users/*/calendars/*/events/*", Kind: graphsim.FaultError, Status: http.StatusNotFound, Code: "ErrorInvalidUser"})
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
