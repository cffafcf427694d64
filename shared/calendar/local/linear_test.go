package local

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

// TestTheCostOfAFileGrowsWithItsExceptionsAlone compares what twice as many exceptions of one series cost with what they cost once: twice as much, and
// not four times.
func TestTheCostOfAFileGrowsWithItsExceptionsAlone(t *testing.T) {
	cost := func(n int) time.Duration {
		events := make([]calendar.Event, n)
		first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range events {
			at := first.Add(time.Duration(i) * time.Minute)
			events[i] = calendar.Event{ID: fmt.Sprint(i), ICalUID: "series", Type: calendar.Exception, OriginalStart: at}
		}
		var took []time.Duration
		for range 5 {
			im := importing{Provider: &Provider{}}
			began := time.Now()
			groups, err := im.group(events)
			if took = append(took, time.Since(began)); err != nil || len(groups) != 1 || len(groups[0].exceptions) != n {
				t.Fatal(len(groups), err)
			}
		}
		return slices.Min(took)
	}
	const n = 20_000
	if once, twice := cost(n), cost(2*n); twice > 3*once {
		t.Errorf("%d exceptions cost %s, %d cost %s", n, once, 2*n, twice)
	}
}
