package notice

import (
	"encoding/json"
	"strings"
	"testing"

	"adminassistant/shared/account"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
)

// asking gives a run a result that asks something.
func asking(result string) func(*run.Run) {
	return func(r *run.Run) { r.Result = json.RawMessage(result) }
}

const (
	asks3  = `{"written": 5, "actions": 4, "raised": {"overlap": 2, "drift": 1}, "waiting": 4}`
	quiet4 = `{"written": 5, "actions": 4, "waiting": 4}`
)

func TestARunThatAsksIsTold(t *testing.T) {
	t.Run("in place of that it went well", func(t *testing.T) {
		w := newWorld(t)
		r := w.ended(run.Succeeded, asking(asks3))
		w.tell(r)
		w.tell(r)
		notes := w.notes()
		if len(notes) != 1 {
			t.Fatalf("%d notes", len(notes))
		}
		n := notes[0]
		if n.Class != notify.Actions || n.Title != `Archive run of "work": 3 things for you to decide` || n.Command != "admin-assistant action list --config work" ||
			!strings.Contains(n.Text, "wrote 5 events") || !strings.Contains(n.Text, "asks: 2 overlaps and 1 change in the source.") ||
			!strings.Contains(n.Text, "Still open from earlier runs: 1 thing.") || strings.Contains(n.Title+n.Text, "went well") {
			t.Errorf("%+v", n)
		}
	})
	t.Run("a night that wrote nothing and asks something", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Succeeded, asking(`{"raised": {"overlap": 1}, "waiting": 1}`)))
		if notes := w.notes(); len(notes) != 1 || !strings.Contains(notes[0].Title, "1 thing for you to decide") || strings.Contains(notes[0].Text, "Still open") {
			t.Errorf("%+v", notes)
		}
	})
	t.Run("by the channels of actions", func(t *testing.T) {
		w := newWorld(t)
		w.set(func(s *account.Settings) { s.Notifications.Actions = account.Channels{Email: true} })
		w.tell(w.ended(run.Succeeded, asking(asks3)))
		if n := len(w.notes()); n != 0 {
			t.Errorf("%d notes", n)
		}
		w.mailed(1)
	})
	t.Run("as a run to who wants to hear nothing of actions", func(t *testing.T) {
		w := newWorld(t)
		w.set(func(s *account.Settings) { s.Notifications.Actions = account.Channels{} })
		w.tell(w.ended(run.Succeeded, asking(asks3)))
		if n := w.notes()[0]; n.Class != notify.Runs || !strings.Contains(n.Title, "3 things for you to decide") {
			t.Errorf("%+v", n)
		}
	})
	t.Run("apart from what went wrong", func(t *testing.T) {
		w := newWorld(t)
		r := w.ended(run.Partial, asking(asks3), func(r *run.Run) { r.Failed = 2 })
		w.tell(r)
		w.tell(r)
		notes := w.notes()
		classes := map[notify.Class]string{}
		for _, n := range notes {
			classes[n.Class] = n.Title
		}
		if len(notes) != 2 || classes[notify.Problems] != `Archive run of "work": 2 events failed` ||
			classes[notify.Actions] != `Archive run of "work": 3 things for you to decide` {
			t.Errorf("%d: %v", len(notes), classes)
		}
	})
}

func TestWhatStillWaitsIsSaid(t *testing.T) {
	w := newWorld(t)
	w.tell(w.ended(run.Succeeded, asking(quiet4)))
	if n := w.notes()[0]; n.Class != notify.Runs || n.Title != `Archive run of "work" went well; still open: 4 things for you to decide` ||
		n.Command != "admin-assistant action list --config work" {
		t.Errorf("%+v", n)
	}
	w.tell(w.ended(run.Succeeded, asking(`{"waiting": 4}`)))
	if notes := w.notes(); len(notes) != 1 {
		t.Errorf("a night that wrote nothing and asks nothing new: %+v", notes)
	}
}

// set changes ann's settings.
func (w *world) set(change func(*account.Settings)) {
	w.t.Helper()
	profile, err := w.users.Of(w.t.Context(), annKey)
	must(w.t, err)
	settings := profile.Settings
	change(&settings)
	_, err = w.users.UpdateSettings(w.t.Context(), ann, settings, profile.SettingsVersion)
	must(w.t, err)
}
