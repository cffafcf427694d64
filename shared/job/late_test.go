package job

import (
	"slices"
	"testing"
	"time"
)

func TestAJobIsNotLateBeforeItsJitterIsOver(t *testing.T) {
	w := newWorld(t, evening)
	c := w.config("A")
	later := func(j *Job) { j.Jitter = MaxJitter }
	j := w.job(c, daily("23:00", "Europe/Berlin"), later)
	for j.offset() < 2*lateAfter { // the next one has another id, and so starts at another minute
		j = w.job(c, daily("23:00", "Europe/Berlin"), later)
	}
	for _, moment := range []struct {
		at   time.Time
		late bool
	}{{j.Due.Add(lateAfter + time.Second), false}, {j.Starts().Add(lateAfter), false}, {j.Starts().Add(lateAfter + time.Second), true}} {
		w.Advance(moment.at.Sub(w.Now()))
		h, err := w.jobs().Health(t.Context(), user)
		must(t, err)
		if got := slices.ContainsFunc(h.Late, func(l *Job) bool { return l.ID == j.ID }); got != moment.late {
			t.Errorf("at %v a job of %v that starts at %v is late: %t", moment.at, j.Due, j.Starts(), got)
		}
	}
}
