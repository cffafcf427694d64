package notice

import (
	"encoding/json"
	"strings"
	"testing"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
)

// verified is a verification of a job that found what the result says.
func (w *world) verified(result archive.VerifyResult) *run.Run {
	result.Chain.OK = true
	return w.ended(run.Partial, func(r *run.Run) {
		r.Kind = run.Verify
		r.Result, _ = json.Marshal(result) // plain data
	})
}

// TestWhatAVerificationAsksIsToldOnce has a job verify an archive calendar of which copies were changed.
func TestWhatAVerificationAsksIsToldOnce(t *testing.T) {
	w := newWorld(t)
	found := archive.VerifyResult{
		View: archive.CopyCounts{Compared: 9, Altered: 2, Foreign: 1}, Asks: archive.CopyQuestions{Raised: 2, Waiting: 3}, OnEdit: archive.AskOnEdit,
	}
	w.tell(w.verified(found))
	notes := w.notes()
	if len(notes) != 1 || notes[0].Class != notify.Actions || !strings.Contains(notes[0].Text, "2 changes in the archive calendar") ||
		!strings.Contains(notes[0].Text, "Still open from earlier runs: 1 thing") || !strings.Contains(notes[0].Command, "action list") {
		t.Fatalf("%+v", notes)
	}
	if open := w.actions(action.Open); len(open) != 0 {
		t.Errorf("beside the questions there is %+v", open[0])
	}
	found.Asks = archive.CopyQuestions{Waiting: 3}
	w.tell(w.verified(found))
	if n := len(w.notes()); n != 1 {
		t.Errorf("the same is told again: %d", n)
	}

	found.Asks.NotAsked = 4 // what nobody is asked about one by one is one thing
	w.tell(w.verified(found))
	open := w.actions(action.Open)
	if len(open) != 1 || open[0].Kind != action.Altered || open[0].Finding != "" {
		t.Errorf("%+v", open)
	}
	found.Asks.NotAsked = 0
	w.tell(w.verified(found))
	if open := w.actions(action.Open); len(open) != 0 {
		t.Errorf("it is not resolved: %+v", open[0])
	}
}
