package restore

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

func TestRunKinds(t *testing.T) {
	if result := (&Result{Counts: Counts{Read: 9}, Written: 7}); result.Wrote() != 7 || result.Sums() != "9 read, 7 written" {
		t.Errorf("a restore wrote %d, %s", result.Wrote(), result.Sums())
	}
	if result := (&DrillResult{Restored: Counts{Created: 9}, Comparison: Comparison{Compared: 9, Differing: 1}}); result.Wrote() != 0 ||
		result.Sums() != "9 compared, 1 differs" {
		t.Errorf("a drill wrote %d, %s", result.Wrote(), result.Sums())
	}
	failed := func(code fault.Kind) *run.Run {
		return &run.Run{Kind: run.Drill, State: run.Failed, Problem: &run.Problem{Code: code.String()}}
	}
	differs := &DrillResult{Comparison: Comparison{Compared: 9, Differing: 2}}
	if words := DrillKind.Words(failed(fault.Conflict), differs); words.Title.String() != ": 2 events differ" || words.Again != "" ||
		!strings.Contains(words.Text.String(), "new backup") {
		t.Errorf("got %+v", words)
	}
	if words := DrillKind.Words(failed(fault.NotFound), nil); words.Title.String() != ": there is nothing to restore" || words.Again != run.Backup {
		t.Errorf("got %+v", words)
	}
	for name, r := range map[string]*run.Run{"another failure": failed(fault.Unavailable), "no failure": {Kind: run.Drill, State: run.Succeeded}} {
		if words := DrillKind.Words(r, &DrillResult{}); !cmp.Equal(words, run.Words{}) {
			t.Errorf("%s: %+v", name, words)
		}
	}
}
