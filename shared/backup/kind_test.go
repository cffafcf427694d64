package backup

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/run"
)

func TestRunKind(t *testing.T) {
	partial := RunKind.Words(&run.Run{Kind: run.Backup, State: run.Partial, Failed: 2}, &Result{LeftOut: 2})
	if partial.Title.String() != ": 2 events are not in its iCalendar file" || !partial.Complete || partial.Action != "" ||
		!strings.Contains(partial.Text.String(), "all days") || !strings.Contains(partial.Text.String(), "complete") ||
		!strings.Contains(partial.Text.String(), "cannot hold 2 of") {
		t.Errorf("got %+v", partial)
	}
	many := slices.Repeat([]time.Time{time.Date(2026, 10, 13, 9, 0, 0, 0, time.UTC)}, maxStarts+2)
	if words := RunKind.Words(&run.Run{Kind: run.Backup, State: run.Partial}, &Result{Unread: many}); words.Complete ||
		strings.Count(words.Text.String(), "13 October 2026 at 09:00 UTC") != maxStarts || !strings.Contains(words.Text.String(), "UTC and 2 others.") {
		t.Errorf("got %+v", words)
	}
	for _, state := range []run.State{run.Succeeded, run.Failed} {
		if words := RunKind.Words(&run.Run{Kind: run.Backup, State: state}, &Result{}); !cmp.Equal(words, run.Words{}) {
			t.Errorf("%s: %+v", state, words)
		}
	}
	if result := (&Result{Counts: Counts{Events: 9}}); result.Wrote() != 0 || result.Sums() != "9 events" {
		t.Errorf("wrote %d, %s", result.Wrote(), result.Sums())
	}
}
